"""What every model builder shares: the options of its recurrent stack in its signature."""

from seqzoo.layers.stack import stack
from seqzoo.signatures import takes_options

# The decorator of a model builder. Its `**options` are those of `layers.stack.stack`, which it hands on:
#
#     @builder
#     def tagger(tags: int, front, crf: bool = True, **options): ...
builder = takes_options(stack, without=("x", "mask", "initial_state", "last_dropout"))
