"""Kernels: the implementation that each recurrent layer uses, here and on a GPU, and why it is not cuDNN."""

import collections
import dataclasses
from collections.abc import Callable, Iterator

import keras

from seqzoo.display.tables import FittedTable, plain_table
from seqzoo.layers.attention import FeedingRNN
from seqzoo.layers.notes import NoteDecoder
from seqzoo.rnns.cells import FusedLoop
from seqzoo.rnns.none import PlainCell
from seqzoo.rnns.scan import ScanRNN

CUDNN, FUSED, LOOP, SCAN, UNROLLED = "cuDNN", "fused loop", "while loop", "parallel scan", "unrolled"
PLAIN = "all steps at once"


@dataclasses.dataclass(frozen=True)
class Kernel:
    """The implementation that a recurrent layer uses.

    Attributes:
        layer: its path in the model, such as ``reader/bidirectional/forward_lstm``.
        kind: its class, or the more specific class of its cell.
        here, gpu: on this device, and on a GPU: "cuDNN"; "fused loop" (`rnns.loop.fused_loop`); "parallel scan"
            (`rnns.scan.ScanRNN`); "while loop" (of Keras's backend); "unrolled" (a graph of all steps);
            "all steps at once" (no recurrence).
        why: the reason why the layer can't use cuDNN, or "".
    """

    layer: str
    kind: str
    here: str
    gpu: str
    why: str


def kernels(model: keras.layers.Layer, masked: bool = True) -> list[Kernel]:
    """Returns the Kernel of each recurrent layer of a model, in the order of the model.

    The kernel follows from the rules of Keras 3.15 (`keras/src/backend/tensorflow/rnn.py` and `jax/rnn.py`) and of the
    layers in this package, for whole sequences: a single step outside training is a call of the cell. On TensorFlow,
    cuDNN also needs right-padded masks without empty rows, like those of `data.Batches`; with other masks, Keras fails
    instead of falling back. On JAX, Keras gives cuDNN no masks at all, so models of this package never use cuDNN there.
    `python -m experiments.gpu` compares the rules with the kernels that are executed.

    Args:
        model: a model or a layer; built or not.
        masked: whether the layers get a mask, as in all models of this package.
    """
    gpu = has_gpu()
    return [
        Kernel(path, kind, run(gpu), run(True), why)
        for path, layer in _recurrent(model)
        for kind, run, why in [_rules(layer, masked)]
    ]


def has_gpu() -> bool:
    """Returns whether Keras's backend has a GPU."""
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        return bool(tf.config.list_logical_devices("GPU"))
    if backend == "jax":
        import jax

        return jax.default_backend() == "gpu"
    return False


def line(found: list[Kernel]) -> str:
    """Summarizes kernels in one line; "" if there are none."""
    parts = []
    for (kind, here, gpu, why), count in collections.Counter(
        (kernel.kind, kernel.here, kernel.gpu, kernel.why) for kernel in found
    ).items():
        other = f", on a GPU {gpu}" if gpu != here else ""
        parts.append(f"{count} {kind}: {here}{other}" + (f" (no cuDNN: {why})" if why else ""))
    return "; ".join(parts)


def table(found: list[Kernel]) -> FittedTable:
    """Returns a table of kernels."""
    backend = keras.backend.backend()
    columns = ["layer", "kind", "on this device", "on a GPU", "why not cuDNN"]
    device = "a GPU" if has_gpu() else "no GPU"
    rows = [[*dataclasses.astuple(kernel)] for kernel in found]
    return plain_table(f"Recurrent kernels: {backend}, {device}", columns, rows)


def why_not_cudnn(layer: keras.layers.RNN, masked: bool = True) -> str:
    """Returns the reason why a recurrent layer can't use cuDNN on a GPU, in a few words; "" if it can."""
    lstm, gru = isinstance(layer, keras.layers.LSTM), isinstance(layer, keras.layers.GRU)
    if not (lstm or gru):
        return f"it has no {_kind(layer)} kernel"
    cell, backend = layer.cell, keras.backend.backend()
    reasons = {
        f"Keras does not use it on {backend}": backend not in ("tensorflow", "jax") or (gru and backend == "jax"),
        f"Keras on {backend} does not use it with a mask": backend == "jax" and lstm and masked,
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


def _rules(layer: keras.layers.Layer, masked: bool) -> tuple[str, Callable[[bool], str], str]:
    """Returns (kind, function: whether there is a GPU -> the kernel, why the layer can't use cuDNN)."""
    if isinstance(layer, FeedingRNN):
        kinds = " and ".join(dict.fromkeys(_name(cell) for cell in layer.cells))
        return (
            kinds,
            lambda gpu: LOOP,
            "the decoder steps its cells itself, to feed the attention of a step to the next",
        )
    if isinstance(layer, NoteDecoder):
        return (
            _name(layer.cell),
            lambda gpu: UNROLLED,
            "the decoder unrolls the few notes of a step itself",
        )
    why = why_not_cudnn(layer, masked)
    if layer.unroll:
        return _kind(layer), lambda gpu: UNROLLED, why
    if isinstance(layer, ScanRNN):
        kernel = PLAIN if isinstance(layer.cell, PlainCell) else SCAN
        return _kind(layer), lambda gpu: kernel, why

    def run(gpu):
        if gpu and not why:
            return CUDNN
        return FUSED if isinstance(layer, FusedLoop) and layer.equations() else LOOP

    return _kind(layer), run, why


def _recurrent(layer: keras.layers.Layer) -> Iterator[tuple[str, keras.layers.Layer]]:
    """Yields (path, layer) for each recurrent layer within a layer, once."""
    seen = set()

    def walk(layer, path):
        for part in layer._flatten_layers(include_self=False, recursive=False):
            if id(part) in seen:
                continue
            seen.add(id(part))
            name = f"{path}/{part.name}".strip("/")
            if isinstance(part, keras.layers.RNN | FeedingRNN | NoteDecoder):
                yield name, part
            else:
                yield from walk(part, name)

    if isinstance(layer, keras.layers.RNN | FeedingRNN | NoteDecoder):
        yield layer.name, layer
    else:
        yield from walk(layer, "")


def _kind(layer: keras.layers.RNN) -> str:
    """Returns the name of a recurrent layer's class, or of its cell's class if the layer is a generic loop."""
    named = isinstance(layer, keras.layers.LSTM | keras.layers.GRU | keras.layers.SimpleRNN)
    return _name(layer if named else layer.cell).removesuffix("Cell")


def _name(thing) -> str:
    """Returns the name of a function, or of an object's class."""
    return getattr(thing, "__name__", type(thing).__name__)
