"""Inspects a language model: its gates and states while it reads, and text features that its units follow."""

import contextlib
import dataclasses
import pathlib
import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import keras
import numpy as np
from keras import ops
from rich.console import Console

from seqzoo.backend.gradients import compiled
from seqzoo.display.pages import CORRELATIONS, units_page
from seqzoo.display.plain import plain_text
from seqzoo.display.plots import DRAWN_UNITS, GATE_NAMES, gate_plot
from seqzoo.display.tables import plain_table
from seqzoo.files import replace
from seqzoo.layers.tokens import log_probabilities
from seqzoo.rnns.peephole_lstm import PeepholeLSTMCell
from seqzoo.rnns.scan import LinearCell
from seqzoo.rnns.simple_gru import SimpleGRUCell

if TYPE_CHECKING:
    from seqzoo.config import Config
    from seqzoo.decoding.steps import StepDecoder
    from seqzoo.text.codec import Codec


LONGEST = 5000  # maximum number of tokens to inspect
WINDOW = 500  # tokens read at once; each needs logits over the whole vocabulary
SHIFTS = 99  # shifted copies of a feature, to estimate chance correlation
_KEEP = {"f": 1, "z": 1, "a": 1, "u": -1}  # the gate that controls the state: 1 keeps it, or -1 replaces it


@dataclasses.dataclass(frozen=True)
class Unit:
    """A unit of a recurrent layer, both counted from 1; `state` is h or c. As a string: ``2:17``, ``2:c17``."""

    layer: int
    number: int
    state: str = "h"

    @classmethod
    def parse(cls, name: str) -> "Unit":
        """Returns the unit with a name.

        Raises:
            ValueError: the name is malformed.
        """
        match = re.fullmatch(r"\s*(\d+):(c?)(\d+)\s*", name)
        if not match:
            raise ValueError(f"A unit should be LAYER:NUMBER, such as 2:17, or 2:c17 for its cell. Received: {name!r}")
        return cls(int(match[1]), int(match[3]), match[2] or "h")

    def __str__(self):
        return f"{self.layer}:{self.state if self.state != 'h' else ''}{self.number}"


def inspect(
    decoder: "StepDecoder",
    codec: "Codec",
    lines: Iterable[str],
    request: "Config",
    folder: pathlib.Path,
    console: Console,
    rnn: str = "",
) -> None:
    """Shows which text features a language model's units follow, by a page, a picture of its gates, and tables.

    Args:
        decoder: models.LanguageModelDecoder.
        codec: text.codec.Codec.
        lines: the text; only its beginning is read if it is long.
        request: options ``unit, layer, start, steps, html, png``.
        folder: folder for inspect.html and gates.png, unless the request names files.
        console: console for the tables.
        rnn: name of the kind of layer, for titles.

    Raises:
        ValueError: the text is empty; or there is no such unit, layer or token.
    """
    text, notes = joined(lines, 20 * LONGEST), []  # few tokens are longer than 20 characters
    ids = codec.encode(text)[0]
    if not ids:
        raise ValueError("The text is empty.")
    if len(ids) > LONGEST or len(text) == 20 * LONGEST:
        ids = ids[:LONGEST]
        notes.append(f"The text is longer: these are its first {len(ids):,} tokens.")
    if unknown := ids.count(1):
        notes.append(f"{unknown:,} of {len(ids):,} tokens are not in the vocabulary.")
    if request.start > len(ids):
        raise ValueError(f"--start={request.start}: the text has {len(ids):,} tokens.")
    scores, layers = read(decoder, [codec.newline, *ids])
    number = request.layer or len(layers)
    if number > len(layers):
        raise ValueError(f"--layer={number}: the last recurrent layer is {len(layers)}.")
    read_tokens = tokens(codec, text, ids, scores)
    units, values = states(layers)
    follow = followed(units, values, token_features(text, read_tokens))
    if request.unit:
        chosen = parsed(request.unit, units)
    else:
        better_than_chance = (row["unit"] for row in follow if abs(row["correlation"]) > row["chance"])
        chosen = [*better_than_chance, *most_varied(units, values)]
    _print(notes, follow, saturation(layers), console)
    content = {"notes": notes, "followed": follow, "tokens": read_tokens, "units": shown(chosen, units, values, follow)}
    pieces = units_page(content, f"{folder.name}: what units follow")
    html, png = (
        pathlib.Path(request.html or folder / "inspect.html"),
        pathlib.Path(request.png or folder / "gates.png"),
    )
    replace(html, lambda path: pathlib.Path(path).write_text("".join(pieces), "utf-8"))

    layer, part = layers[number - 1], slice(request.start - 1, request.start - 1 + request.steps)
    gates = {name: values[part] for name, values in layer.items()}
    chosen, all_units = drawn(gates), gates["h"].shape[1]
    which = f", the {len(chosen)} of {all_units} units that vary most" if len(chosen) < all_units else ""
    title = f"{rnn}, layer {number}, tokens {request.start} to {len(ids[: part.stop])}{which}"
    texts = [token["text"] for token in read_tokens[part]]
    replace(png, lambda path: gate_plot(gates, texts, chosen, title, path))
    console.print(plain_text(f"saved as {html} and {png}", "dim"), soft_wrap=True)


def _print(notes: list[str], follow: list[dict], saturated: list[dict], console: Console):
    for note in notes:
        console.print(plain_text(note, "dim"))
    if follow:
        rows = [
            [row["feature"], str(row["unit"]), f"{row['correlation']:+.2f}", f"{row['chance']:.2f}"] for row in follow
        ]
        columns = ["feature", "unit", "correlation", "by chance"]
        console.print(plain_table("Units that follow the text", columns, rows, CORRELATIONS))
    if not saturated:
        console.print("The gates of these layers are not known, or they have none: only h is drawn.")
        return
    rows = [
        [str(row["layer"]), row["gate"], f"{row['left']:.1%}", f"{row['right']:.1%}", f"{row['mean']:.2f}"]
        for row in saturated
    ]
    console.print(plain_table("Saturation of the gates", ["layer", "gate", "below .1", "above .9", "mean"], rows))


def read(decoder: "StepDecoder", ids: Sequence[int]) -> tuple[np.ndarray, list[dict]]:
    """Reads ids from a zero state and records the gates and states of the recurrent layers.

    Args:
        decoder: a LanguageModelDecoder.
        ids: [T]; the first one is only context, such as the mark between documents.

    Returns:
        (natural log p [T - 1] of each id but the first, given the ids before it; the `trace` of each recurrent layer,
        from the second step on).

    Raises:
        ValueError: the model has no recurrent layer.
    """
    layers = [getattr(layer, "layer", layer) for layer in decoder.reader.layers]  # a WeightDrop wraps one
    layers = [layer for layer in layers if isinstance(layer, keras.layers.RNN)]
    if not layers:
        raise ValueError("The run has no recurrent layer to inspect: it is a feed-forward network (--context).")

    # In Keras 3.15, a model with the inner tensors as outputs fails, since a layer returns h and c. So the calls of the
    # layers are recorded instead.
    @compiled
    def run(ids, next_ids, state):
        with _recorded(layers) as calls:
            logits, after = decoder.read(ids, state)
        return log_probabilities(logits, next_ids), [calls[layer] for layer in layers], after

    ids = np.asarray(ids, "int32")[None]
    state, scores, recorded = decoder.initial_state(1), [], []
    for start in range(0, ids.shape[1], WINDOW):
        window = ids[:, start : start + WINDOW]
        following = ids[:, start + 1 : start + WINDOW + 1]
        following = np.pad(following, [(0, 0), (0, window.shape[1] - following.shape[1])])
        score, calls, state = run(ops.convert_to_tensor(window), ops.convert_to_tensor(following), state)
        scores.append(_array(score)[0])
        recorded.append([[_array(tensor)[0] for tensor in call] for call in calls])
    traces = []
    for layer, *windows in zip(layers, *recorded, strict=True):
        x, h = (np.concatenate(parts) for parts in zip(*windows, strict=True))
        traces.append({name: values[1:] for name, values in trace(layer.cell, x, h).items()})
    return np.concatenate(scores)[:-1], traces


@contextlib.contextmanager
def _recorded(layers: list[keras.layers.RNN]):
    """Context manager that records the calls of recurrent layers as {layer: (input, output)}."""
    calls = {}

    def recording(layer, call):
        def recorded_call(sequences, *args, **kwargs):
            outputs = call(sequences, *args, **kwargs)
            calls[layer] = (sequences, outputs[0])
            return outputs

        return recorded_call

    for layer in layers:
        vars(layer)["call"] = recording(layer, layer.call)  # bypasses __setattr__, which tracks sublayers
    try:
        yield calls
    finally:
        for layer in layers:
            del vars(layer)["call"]


def trace(cell: keras.layers.Layer, x: np.ndarray, h: np.ndarray) -> dict[str, np.ndarray]:
    """Returns the gates and states of a recurrent layer at each step, computed from its weights.

    Args:
        cell: the cell of the layer.
        x: [T, D], its inputs.
        h: [T, H], its outputs, from a zero state on.

    Returns:
        {name: [T, H]}, including ``h``, recomputed from x and the h of the step before. LSTMs: i, f, o, g (the
        candidate), c. GRU: z (1 keeps the state), r. Simple GRU: u (1 replaces it). Cells that are linear in their
        state: a (1 keeps it). Other cells: only h.
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
    return {"a": a, "h": a * before + b} if a.ndim else {"h": b}  # rnn "none" has a = 0 and no gate


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


def drawn(layer: dict[str, np.ndarray], count: int = DRAWN_UNITS) -> np.ndarray:
    """Returns the indices of the units of a layer to draw, whose h varies most.

    Args:
        layer: the `trace` of the layer.
        count: maximum number of units to draw.

    Returns:
        The units that keep their state longest come first; without such a gate, those with the largest mean h.
    """
    varied = np.argsort(-layer["h"].var(axis=0), kind="stable")[:count]
    name, sign = next(((name, sign) for name, sign in _KEEP.items() if name in layer), ("h", 1))
    return varied[np.argsort(-sign * layer[name][:, varied].mean(axis=0), kind="stable")]


def saturation(traces: list[dict]) -> list[dict]:
    """Measures how often gates are closed and open.

    Source: Karpathy, Johnson & Fei-Fei, 2015, Visualizing and Understanding Recurrent Networks, section 4.2.

    Args:
        traces: the `trace` of each layer.

    Returns:
        A dict for each gate of each layer: ``layer``, ``gate``, ``left`` and ``right``, the fractions of its values
        (over all units and steps) below .1 and above .9, and ``mean``, its mean value.
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


def states(traces: list[dict]) -> tuple[list[Unit], np.ndarray]:
    """Returns (units, their values [T, N]): h, and c if there is one, of all traced layers."""
    units, values = [], []
    for number, layer in enumerate(traces, 1):
        for state in ("h", "c"):
            if state in layer:
                units += [Unit(number, i + 1, state) for i in range(layer[state].shape[1])]
                values.append(layer[state])
    return units, np.concatenate(values, axis=1)


def text_features(text: str) -> dict[str, np.ndarray]:
    """Returns text features that a unit could follow, {name: [characters]}, from the text up to each character.

    Straight double quotes open and close alternately; brackets of all kinds count alike.
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


def joined(lines: Iterable[str], limit: int) -> str:
    """Joins lines to one text of at most `limit` characters; further lines are not read."""
    parts, length = [], 0
    for line in lines:
        parts.append(line)
        length += len(line) + 1
        if length > limit:
            break
    return "\n".join(parts)[:limit]


def tokens(codec: "Codec", text: str, ids: Sequence[int], scores: Sequence[float]) -> list[dict]:
    """Returns the tokens of a text to show: the dict of each from `Codec.scored`, and ``before``.

    Args:
        codec: Codec.
        text: the text given to ``codec.encode``.
        ids: the ids that it returned, or the first ones.
        scores: log p of each id.

    Returns:
        List of dicts; ``before`` is the text between the token and the one before it, ``end`` its end in the text.
    """
    rows = codec.scored(text, ids, scores)["tokens"]
    starts = [0, *(row["end"] for row in rows)]
    return [{"before": text[start : row["start"]], **row} for start, row in zip(starts, rows, strict=False)]


def token_features(text: str, tokens: list[dict]) -> dict[str, np.ndarray]:
    """Returns the `text_features` of a text at the last character of each of its tokens."""
    ends = [token["end"] - 1 for token in tokens]
    return {name: values[ends] for name, values in text_features(text).items()}


def parsed(names: str, units: list[Unit]) -> list[Unit]:
    """Returns the units with these names, separated by commas.

    Raises:
        ValueError: a name is malformed, or the unit is not among `units`.
    """
    chosen = [Unit.parse(name) for name in names.split(",")]
    for unit in chosen:
        if unit not in units:
            lasts = {(other.layer, other.state): str(other) for other in units}
            raise ValueError(f"There is no unit {unit}. The last units of each layer are {', '.join(lasts.values())}.")
    return chosen


def shown(chosen: Iterable[Unit], units: list[Unit], values: np.ndarray, followed: list[dict]) -> list[dict]:
    """Dicts of ``unit, about, values`` of the chosen units without repetitions, for `pages.units_page`."""
    rows = []
    for unit in dict.fromkeys(chosen):
        column = values[:, units.index(unit)]
        follows = [f"{row['feature']} {row['correlation']:+.2f}" for row in followed if row["unit"] == unit]
        about = ", ".join([*follows, f"from {column.min():+.2f} to {column.max():+.2f}"])
        rows.append({"unit": unit, "about": about, "values": column.tolist()})
    return rows


def followed(units: list[Unit], values: np.ndarray, features: dict[str, np.ndarray]) -> list[dict]:
    """Finds, for each feature of a text, the unit that follows it best.

    The best of many units correlates a little with anything. This chance correlation is estimated with copies of the
    feature that are shifted circularly along the text: they have the same rhythm, but are unrelated to the text.

    Args:
        units: N units.
        values: [T, N], their values.
        features: {name: [T]}.

    Returns:
        List of dicts, the largest correlation first: ``feature``, ``unit``, ``correlation`` (Pearson's), and
        ``chance``, the absolute correlation that the best unit for a shifted copy reaches in 1 of 20 copies. Constant
        features are omitted.
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


def most_varied(units: list[Unit], values: np.ndarray, count: int = 3) -> list[Unit]:
    """Returns the units whose h varies most; c of an LSTM has no common scale."""
    candidates = [n for n, unit in enumerate(units) if unit.state == "h"]
    variances = values[:, candidates].var(axis=0)
    return [units[candidates[n]] for n in np.argsort(-variances, kind="stable")[:count]]


def _standard(values: np.ndarray) -> np.ndarray:
    """Scales columns to mean 0 and length 1, so that products are correlations; constant columns become 0."""
    values = values - values.mean(axis=0)
    lengths = np.sqrt(np.square(values).sum(axis=0))
    return values / np.where(lengths > 1e-6, lengths, np.inf)
