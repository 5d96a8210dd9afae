"""Pictures: files and archives of them that are read when they are needed, and simple methods that caption them."""

from seqzoo.pictures.picture import Member, Picture, Pixels, Stored

__all__ = ["Member", "Picture", "Pixels", "Stored"]
