"""Fronts: the Keras inputs of a model, and the layers that turn them into vectors for its recurrent layers.

Each front function returns ``(inputs, x, mask)``: inputs, a dict of `keras.Input`; x [B, T, D]; mask [B, T], True at
real steps. A model builder takes this triple as its `front`::

    from seqzoo.inputs import words
    from seqzoo.models import tagger

    model = tagger(tags=17, front=words(5000), units=128)

Importing this package imports neither Keras nor TensorFlow; calling a front function does.
"""

from seqzoo.inputs.frames import Frames, frames
from seqzoo.inputs.ids import ids
from seqzoo.inputs.images import images
from seqzoo.inputs.pictures import Pictures, pictures
from seqzoo.inputs.sound import sound
from seqzoo.inputs.starts import Starts
from seqzoo.inputs.video import Video, video
from seqzoo.inputs.words import Words, words

__all__ = [
    "Frames", "Pictures", "Starts", "Video", "Words", "frames", "ids", "images", "pictures", "sound", "video", "words",
]  # fmt: skip
