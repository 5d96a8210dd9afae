"""Pictures: files, alone or in archives, that are read on demand, and simple methods to caption them."""

from seqzoo.pictures.picture import Member, Picture, Pixels, Stored

__all__ = ["Member", "Picture", "Pixels", "Stored"]
