"""Looking inside a language model: what its gates and states are while it reads, and what of a text units follow."""

import contextlib
import dataclasses
import re

import keras
import numpy as np
from keras import ops

from seqzoo.backend.gradients import compiled
from seqzoo.display.plots import GATE_NAMES
from seqzoo.models.language_model import log_probabilities
from seqzoo.rnns.min_rnns import LinearCell
from seqzoo.rnns.peephole_lstm import PeepholeLSTMCell
from seqzoo.rnns.simple_gru import SimpleGRUCell

WINDOW = 500  # tokens that are read at once; a window has scores for the whole vocabulary at each step
SHIFTS = 99  # displaced copies of a feature that say which correlation is due to chance
_KEEP = {"f": 1, "z": 1, "a": 1, "u": -1}  # the gate that keeps the state, and -1 where it is the one that replaces it


@dataclasses.dataclass(frozen=True)
class Unit:
    """A unit of a recurrent layer, both counted from 1; `state` is h or c. As a str: ``2:17``, ``2:c17``."""

    layer: int
    number: int
    state: str = "h"

    @classmethod
    def parse(cls, name):
        """The unit of a name.

        Raises:
            ValueError: this is no name of a unit.
        """
        match = re.fullmatch(r"\s*(\d+):(c?)(\d+)\s*", name)
        if not match:
            raise ValueError(f"A unit is LAYER:NUMBER, such as 2:17, or 2:c17 for its cell. Received: {name!r}")
        return cls(int(match[1]), int(match[3]), match[2] or "h")

    def __str__(self):
        return f"{self.layer}:{self.state if self.state != 'h' else ''}{self.number}"


def read(stepper, ids):
    """Reads ids, from a state of zeros, and looks inside.

    Args:
        stepper: Stepper of a language model.
        ids: [T], what is read; the first is only read, such as the mark between documents.

    Returns:
        (log p [T - 1], natural, of each id but the first, given those before it; for each recurrent layer what
        `trace` gives, of the steps after the first).

    Raises:
        ValueError: the model has no recurrent layer.
    """
    layers = [getattr(layer, "layer", layer) for layer in stepper.reader.layers]  # a WeightDrop holds one
    layers = [layer for layer in layers if isinstance(layer, keras.layers.RNN)]
    if not layers:
        raise ValueError("The run has no recurrent layer to look into: it is a feed-forward network (--context).")

    # Cutting the graph at its inner tensors fails in Keras 3.15, since a layer gives h and c; so calls are listened to.
    @compiled
    def run(ids, next_ids, state):
        with _heard(layers) as calls:
            logits, after = stepper(ids, state)
        return log_probabilities(logits, next_ids), [calls[layer] for layer in layers], after

    ids = np.asarray(ids, "int32")[None]
    state, scores, heard = stepper.start(1), [], []
    for place in range(0, ids.shape[1], WINDOW):
        window = ids[:, place : place + WINDOW]
        following = ids[:, place + 1 : place + WINDOW + 1]
        following = np.pad(following, [(0, 0), (0, window.shape[1] - following.shape[1])])
        score, calls, state = run(ops.convert_to_tensor(window), ops.convert_to_tensor(following), state)
        scores.append(_array(score)[0])
        heard.append([[_array(tensor)[0] for tensor in call] for call in calls])
    traces = []
    for layer, *windows in zip(layers, *heard, strict=True):
        x, h = (np.concatenate(parts) for parts in zip(*windows, strict=True))
        traces.append({name: values[1:] for name, values in trace(layer.cell, x, h).items()})
    return np.concatenate(scores)[:-1], traces


@contextlib.contextmanager
def _heard(layers):
    """While it is open, {layer: (its input, its output)} of the calls of recurrent layers."""
    calls = {}

    def listen(layer, call):
        def listening(sequences, *args, **kwargs):
            outputs = call(sequences, *args, **kwargs)
            calls[layer] = (sequences, outputs[0])
            return outputs

        return listening

    for layer in layers:
        vars(layer)["call"] = listen(layer, layer.call)  # past __setattr__, which keeps track of a layer's parts
    try:
        yield calls
    finally:
        for layer in layers:
            del vars(layer)["call"]


def trace(cell, x, h):
    """The gates and states of a recurrent layer at each step, from its weights.

    Args:
        cell: the cell of the layer.
        x: [T, D], what the layer reads.
        h: [T, H], what it put out, beginning with a state of zeros.

    Returns:
        {name: [T, H]}, ``h`` among them, computed anew from x and the h of the step before. LSTMs: i, f, o, g (the
        candidate), c. GRU: z (1 keeps the state), r. Simple GRU: u (1 replaces it). What is linear in its state: a (1
        keeps it). Of any other cell h alone.
    """
    x, h = np.asarray(x, "float32"), np.asarray(h, "float32")
    before = np.concatenate([np.zeros_like(h[:1]), h[:-1]])
    for kind, gates in _TRACES:
        if isinstance(cell, kind):
            return gates(cell, x, before)
    return {"h": h}


def _lstm(cell, x, before):
    zi, zf, zg, zo = np.split(_product(x, cell.kernel, cell.bias) + _product(before, cell.recurrent_kernel), 4, axis=-1)
    peepholes = isinstance(cell, PeepholeLSTMCell)
    pi, pf, po = _array(cell.peepholes) if peepholes else np.zeros((3, cell.units), "float32")
    g = _applied(cell.activation, zg)
    c, steps = np.zeros_like(g[0]), []
    for t in range(len(x)):
        i, f = _applied(cell.recurrent_activation, np.stack([zi[t] + pi * c, zf[t] + pf * c]))
        c = f * c + i * g[t]
        steps.append((i, f, c))
    i, f, c = (np.stack(values) for values in zip(*steps, strict=True))
    o = _applied(cell.recurrent_activation, zo + po * c)
    return {"i": i, "f": f, "o": o, "g": g, "c": c, "h": o * _applied(cell.activation, c)}


def _gru(cell, x, before):
    U, H = _array(cell.recurrent_kernel), cell.units
    bias, after = (cell.bias, None) if not cell.reset_after or cell.bias is None else _array(cell.bias)
    xz, xr, xh = np.split(_product(x, cell.kernel, bias), 3, axis=-1)
    hz, hr, hh = np.split(_product(before, U, after), 3, axis=-1)
    z, r = _applied(cell.recurrent_activation, xz + hz), _applied(cell.recurrent_activation, xr + hr)
    candidate = _applied(cell.activation, xh + (r * hh if cell.reset_after else (r * before) @ U[:, 2 * H :]))
    return {"z": z, "r": r, "h": z * before + (1 - z) * candidate}


def _simple_gru(cell, x, before):
    u, candidate = np.split(_product(x, cell.kernel, cell.bias) + _product(before, cell.recurrent_kernel), 2, axis=-1)
    u = _applied(keras.activations.sigmoid, u)
    return {"u": u, "h": u * _applied(cell.activation, candidate) + (1 - u) * before}


def _linear(cell, x, before):
    a, b = (_array(value) for value in cell.coefficients(ops.convert_to_tensor(x), ops.convert_to_tensor(before)))
    return {"a": a, "h": a * before + b}


_TRACES = (
    (keras.layers.LSTMCell, _lstm),
    (keras.layers.GRUCell, _gru),
    (SimpleGRUCell, _simple_gru),
    (LinearCell, _linear),
)


def _product(x, kernel, bias=None):
    return x @ _array(kernel) + (0 if bias is None else _array(bias))


def _applied(activation, z):
    return _array(activation(ops.convert_to_tensor(z)))


def _array(tensor):
    return ops.convert_to_numpy(tensor).astype("float32", copy=False)


def order(layer):
    """Numbers (from 0) of the units of a layer, those that keep their state longest first; without a gate: by h."""
    name, sign = next(((name, sign) for name, sign in _KEEP.items() if name in layer), ("h", 1))
    return np.argsort(-sign * layer[name].mean(axis=0), kind="stable")


def saturation(traces):
    """How often gates are shut and open.

    Source: Karpathy, Johnson & Fei-Fei, 2015, Visualizing and Understanding Recurrent Networks, section 4.2.

    Args:
        traces: for each layer what `trace` gave.

    Returns:
        List of dicts, a layer's gate each: ``layer``, ``gate``, ``left`` and ``right``, the shares of its values (of
        all units and steps) below .1 and above .9, and ``mean``, its mean value.
    """
    return [
        {
            "layer": number,
            "gate": name,
            "left": float((values < 0.1).mean()),
            "right": float((values > 0.9).mean()),
            "mean": float(values.mean()),
        }
        for number, layer in enumerate(traces, 1)
        for name, values in layer.items()
        if name in GATE_NAMES
    ]


def states(traces):
    """(units, their values [T, N]): the h, and the c if there is one, of all layers that were traced."""
    units, values = [], []
    for number, layer in enumerate(traces, 1):
        for state in ("h", "c"):
            if state in layer:
                units += [Unit(number, i + 1, state) for i in range(layer[state].shape[1])]
                values.append(layer[state])
    return units, np.concatenate(values, axis=1)


def features(text):
    """What can be followed in a text: {what: [characters]}, each at a character from what stands up to it.

    Straight double quotes open and close by turns; brackets are counted whatever their kind.
    """
    rows = []
    line = word = sentence = depth = indent = letters = 0
    quoted = comment = capital = False
    leading = True
    for character in text:
        if character == "\n":
            line = indent = letters = 0
            comment, leading, capital = False, True, False
        else:
            line += 1
            leading = leading and character in " \t"
            indent += leading
            comment = comment or character == "#"
            if character.isalpha():
                capital = (capital or not letters) and character.isupper()
                letters += 1
        word = word + 1 if character.isalnum() or character in "_'’" else 0
        sentence = 0 if character in ".!?" else sentence + 1
        depth = max(0, depth + (character in "([{") - (character in ")]}"))
        if character in '"“”':
            quoted = not quoted if character == '"' else character == "“"
        rows.append((line, word, sentence, quoted, depth, indent, capital and letters > 1, comment))
    names = (
        "position in the line", "letters of the word so far", "characters since . ! ?", "inside double quotes",
        "depth of brackets", "indentation of the line", "line in capitals so far", "after a # in the line",
    )  # fmt: skip
    return dict(zip(names, np.array(rows, "float32").reshape(-1, len(names)).T, strict=True))


def joined(lines, most):
    """Lines as one text, of so many characters at most; no more of them are read than that takes."""
    parts, length = [], 0
    for line in lines:
        parts.append(line)
        length += len(line) + 1
        if length > most:
            break
    return "\n".join(parts)[:most]


def tokens(codec, text, ids, scores):
    """The tokens of a text for people: dicts of ``before, text, end, log_probability, known``.

    Args:
        codec: Codec.
        text: what ``codec.encode`` was given.
        ids: the ids that it returned, or the first of them.
        scores: log p of each.

    Returns:
        List of dicts; ``before`` is what stands between the token and the one before it, ``end`` its end in the text.
    """
    rows, last = [], 0
    for (start, end), i, score in zip(codec.offsets(text), ids, scores, strict=False):
        row = {"before": text[last:start], "text": text[start:end], "end": end}
        rows.append({**row, "log_probability": float(score), "known": i != 1})
        last = end
    return rows


def token_features(text, tokens):
    """`features` of a text, each at the last character of each of its tokens."""
    ends = [token["end"] - 1 for token in tokens]
    return {name: values[ends] for name, values in features(text).items()}


def parsed(names, units):
    """The units of a list of names, parted by commas.

    Raises:
        ValueError: a name is none, or is that of a unit that is not among `units`.
    """
    chosen = [Unit.parse(name) for name in names.split(",")]
    for unit in chosen:
        if unit not in units:
            lasts = {(other.layer, other.state): str(other) for other in units}
            raise ValueError(f"There is no unit {unit}. The last ones of each layer are {', '.join(lasts.values())}.")
    return chosen


def shown(chosen, units, values, followed):
    """Dicts of ``unit, about, values`` of the chosen units, each once, for `display.units_page`."""
    rows = []
    for unit in dict.fromkeys(chosen):
        column = values[:, units.index(unit)]
        follows = [f"{row['feature']} {row['correlation']:+.2f}" for row in followed if row["unit"] == unit]
        about = ", ".join([*follows, f"from {column.min():+.2f} to {column.max():+.2f}"])
        rows.append({"unit": unit, "about": about, "values": column.tolist()})
    return rows


def followed(units, values, features):
    """For each feature of a text the unit that follows it best.

    The best of many units correlates with anything a little. How much so is measured with copies of the feature that
    are displaced in the text (its end goes on at its beginning): they have its rhythm, but are none of what was read.

    Args:
        units: list of N units.
        values: [T, N], theirs.
        features: {what: [T]}.

    Returns:
        List of dicts, the largest correlation first: ``feature``, ``unit``, ``correlation`` (Pearson's), and
        ``chance``, the absolute one that the best unit for a displaced copy reaches in 1 of 20 copies. Features that
        are the same all along are left out.
    """
    rows, X = [], _standard(values)
    shifts = np.unique(np.linspace(0.1, 0.9, SHIFTS) * len(X) // 1).astype(int)
    for name, feature in features.items():
        if feature.min() == feature.max():
            continue
        copies = _standard(np.stack([np.roll(feature, shift) for shift in (0, *shifts)], axis=1))
        r = X.T @ copies  # [N, copies]
        best = int(np.argmax(np.abs(r[:, 0])))
        chance = float(np.quantile(np.abs(r[:, 1:]).max(axis=0), 0.95))
        rows.append({"feature": name, "unit": units[best], "correlation": float(r[best, 0]), "chance": chance})
    return sorted(rows, key=lambda row: -abs(row["correlation"]))


def most_varied(units, values, count=3):
    """The units whose h varies most; the c of LSTMs have no common scale."""
    candidates = [n for n, unit in enumerate(units) if unit.state == "h"]
    variances = values[:, candidates].var(axis=0)
    return [units[candidates[n]] for n in np.argsort(-variances, kind="stable")[:count]]


def _standard(values):
    """Columns of mean 0 and length 1, so that products are correlations; one that does not vary is 0."""
    values = values - values.mean(axis=0)
    lengths = np.sqrt(np.square(values).sum(axis=0))
    return values / np.where(lengths > 1e-6, lengths, np.inf)
