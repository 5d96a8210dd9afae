"""Kernels: what each recurrent layer of a model runs on, on this device and on a GPU, and why not on cuDNN."""

import collections
import dataclasses

import keras

from seqzoo.layers.attention import FeedingRNN
from seqzoo.layers.notes import NoteDecoder
from seqzoo.rnns.lstm import LSTM
from seqzoo.rnns.min_rnns import ScanRNN

CUDNN, FUSED, LOOP, SCAN, UNROLLED = "cuDNN", "fused loop", "while loop", "parallel scan", "unrolled"


@dataclasses.dataclass(frozen=True)
class Kernel:
    """What a recurrent layer runs on.

    Attributes:
        layer: its place in the model, such as ``reader/bidirectional/forward_lstm``.
        kind: its class, or that of its cell where that says more.
        here, gpu: on this device, and on a GPU: "cuDNN"; "fused loop" (`rnns.lstm.fused_lstm`); "parallel scan"
            (`rnns.min_rnns.linear_scan`); "while loop" (Keras's, of the backend); "unrolled" (a graph of all steps).
            Where training and use differ: "while loop in training, then fused loop".
        why: what rules out cuDNN; "" if nothing does.
    """

    layer: str
    kind: str
    here: str
    gpu: str
    why: str


def kernels(model, masked=True):
    """List of the Kernel of each recurrent layer of a model, in the order of the model.

    They follow from the layers as they are, by the rules of Keras 3.15 (`keras/src/backend/tensorflow/rnn.py` and
    `jax/rnn.py`) and of the layers here. A whole sequence is meant: a single step outside of training is a call of the
    cell. cuDNN also needs masks that are padded right and have no empty row, as those of `pipeline` are; with others
    Keras does not fall back, it fails.

    Args:
        model: keras.Model, or a layer; built or not.
        masked: whether layers are told a mask, as all of the models here are.
    """
    gpu = has_gpu()
    return [
        Kernel(place, kind, run(gpu), run(True), why)
        for place, layer in _recurrent(model)
        for kind, run, why in [_rules(layer, masked)]
    ]


def has_gpu():
    """Whether Keras's backend has a GPU."""
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        return bool(tf.config.list_logical_devices("GPU"))
    if backend == "jax":
        import jax

        return jax.default_backend() == "gpu"
    return False


def line(found):
    """What there is to say of a list of Kernels in one line; "" if there is none."""
    parts = []
    for (kind, here, gpu, why), count in collections.Counter(
        (kernel.kind, kernel.here, kernel.gpu, kernel.why) for kernel in found
    ).items():
        other = f", on a GPU {gpu}" if gpu != here else ""
        parts.append(f"{count} {kind}: {here}{other}" + (f" (no cuDNN: {why})" if why else ""))
    return "; ".join(parts)


def table(found):
    """A rich Table of a list of Kernels."""
    from seqzoo.display.tables import plain_table

    backend = keras.backend.backend()
    columns = ["layer", "kind", "on this device", "on a GPU", "why not cuDNN"]
    device = "a GPU" if has_gpu() else "no GPU"
    rows = [[*dataclasses.astuple(kernel)] for kernel in found]
    made = plain_table(f"Recurrent kernels: {backend}, {device}", columns, rows)
    for column in made.columns:
        column.overflow = "fold"
    return made


def why_not_cudnn(layer, masked=True):
    """What rules cuDNN out for a recurrent layer on a GPU, in a few words; "" if nothing does."""
    lstm, gru = isinstance(layer, keras.layers.LSTM), isinstance(layer, keras.layers.GRU)
    if not (lstm or gru):
        return f"it has no kernel of a {_kind(layer)}"
    cell, backend = layer.cell, keras.backend.backend()
    reasons = {
        f"Keras has none on {backend}": backend not in ("tensorflow", "jax") or (gru and backend == "jax"),
        f"Keras on {backend} has none with a mask": backend == "jax" and lstm and masked,
        "use_cudnn=False": layer.use_cudnn is False,
        f"activation={_name(cell.activation)}": cell.activation not in (keras.activations.tanh, keras.ops.tanh),
        f"recurrent_activation={_name(cell.recurrent_activation)}": (
            cell.recurrent_activation not in (keras.activations.sigmoid, keras.ops.sigmoid)
        ),
        "recurrent_dropout": bool(cell.recurrent_dropout),
        "unroll": layer.unroll,
        "use_bias=False": not cell.use_bias,
        "reset_after=False": gru and not cell.reset_after,
    }
    return ", ".join(reason for reason, holds in reasons.items() if holds)


def _rules(layer, masked):
    """(kind, function whether there is a GPU -> what the layer runs on, why not on cuDNN)."""
    if isinstance(layer, FeedingRNN):
        kinds = " and ".join(dict.fromkeys(_name(cell) for cell in layer.cells))
        return kinds, lambda gpu: LOOP, "the decoder's own loop steps its cells, as each step reads what the last found"
    if isinstance(layer, NoteDecoder):
        return _name(layer.cell), lambda gpu: UNROLLED, "the notes of a step are few, and its cell is stepped by hand"
    why = why_not_cudnn(layer, masked)
    if layer.unroll:
        return _kind(layer), lambda gpu: UNROLLED, why
    if isinstance(layer, ScanRNN):
        return _kind(layer), lambda gpu: SCAN, why

    def run(gpu):
        if gpu and not why:
            return CUDNN
        # Keras marks an LSTM of the right arguments, without looking at the recurrent dropout; ours then leaves it be.
        if not isinstance(layer, LSTM) or (gpu and why == "recurrent_dropout"):
            return LOOP
        training, use = (FUSED if layer.plain(training) else LOOP for training in (True, False))
        return training if training == use else f"{training} in training, then {use}"

    return _kind(layer), run, why


def _recurrent(layer, place=""):
    """(its place, layer) of each recurrent layer in a layer, once."""
    seen = set()

    def walk(layer, place):
        for part in layer._flatten_layers(include_self=False, recursive=False):
            if id(part) in seen:
                continue
            seen.add(id(part))
            name = f"{place}/{part.name}".strip("/")
            if isinstance(part, keras.layers.RNN | FeedingRNN | NoteDecoder):
                yield name, part
            else:
                yield from walk(part, name)

    if isinstance(layer, keras.layers.RNN | FeedingRNN | NoteDecoder):
        yield layer.name, layer
    else:
        yield from walk(layer, place)


def _kind(layer):
    """A recurrent layer's class; that of its cell if the layer is nothing but its loop."""
    named = isinstance(layer, keras.layers.LSTM | keras.layers.GRU | keras.layers.SimpleRNN)
    return _name(layer if named else layer.cell).removesuffix("Cell")


def _name(thing):
    """The name of a function, or of an object's class."""
    return getattr(thing, "__name__", type(thing).__name__)
