"""Conditions: the desired key, metre and style of a piece, as inputs of a generator."""

from collections.abc import Iterable

import numpy as np

from seqzoo.assets import Asset
from seqzoo.text.vocabulary import Vocabulary

CONDITIONS = ("key", "metre", "style")
MODES = ("major", "minor")
METRES = ("4/4", "3/4", "2/4", "2/2", "6/8", "3/2", "3/8", "9/8", "12/8", "6/4", "5/4", "7/8")
LOWEST_TONIC = 55  # F#3, as pitch + 1: tonics lie from there to F4, in the middle of the usual range


class Conditions(Asset):
    """Turns conditions into inputs of a `models.generator`, in which 0 means unknown.

        tonic   of the key: pitch + 1, see `layers.notes.NoteDecoder`
        mode    of the key: 1 + its index in MODES
        metre   2 + its index in METRES; 1: any other
        style   id in the vocabulary of styles

    Args:
        names: some of CONDITIONS.
        styles: the styles of the training pieces.
    """

    def __init__(self, names: Iterable[str] = (), styles: Iterable[str] = ()):
        self.names, self.styles = list(names), Vocabulary(styles)

    @classmethod
    def learn(cls, names: str, examples: Iterable[dict]) -> "Conditions":
        """Returns the conditions of "key,metre,style", or of "none", with the styles of the examples.

        Raises:
            ValueError: a name that is not a condition; or the examples have no styles.
        """
        names = condition_names(names)
        styles = {example.get("style", "") for example in examples} - {""} if "style" in names else ()
        if "style" in names and not styles:
            source = getattr(examples, "source", "The data")
            raise ValueError(f"--conditions: {source} has no styles: the pieces are not in folders of their own.")
        return cls(names, sorted(styles))

    def to_dict(self) -> dict:
        return {"names": self.names, "styles": self.styles.tokens[2:]}

    @property
    def sizes(self) -> dict[str, int]:
        """{input: number of its values}, without the tonic, which is a pitch."""
        sizes = {"key": len(MODES) + 1, "metre": len(METRES) + 2, "style": len(self.styles)}
        return {"mode" if name == "key" else name: sizes[name] for name in self.names}

    def inputs(self, key: tuple | None = None, metre: tuple | None = None, style: str = "") -> dict[str, np.int32]:
        """Returns {input: value} of a piece.

        Args:
            key: (tonic 0..11, mode), as `keys.parse_key` returns it; None: unknown.
            metre: (numerator, denominator); None: unknown.
            style: "": unknown.

        Raises:
            ValueError: a style that no training piece has.
        """
        inputs = {}
        if "key" in self.names:
            tonic, mode = key or (0, "")
            inputs["tonic"] = _in_range(tonic + 1) if key else 0
            inputs["mode"] = 1 + MODES.index(mode) if key else 0
        if "metre" in self.names:
            text = "{}/{}".format(*metre) if metre else ""
            inputs["metre"] = (2 + METRES.index(text) if text in METRES else 1) if metre else 0
        if "style" in self.names:
            if style and style not in self.styles:
                known = ", ".join(self.styles.tokens[2:])
                raise ValueError(f"No training piece has the style {style!r}. Known: {known}.")
            inputs["style"] = self.styles.encode([style])[0] if style else 0
        return {name: np.int32(value) for name, value in inputs.items()}

    def hide(self, inputs: dict) -> dict:
        """Returns the inputs of a piece or a batch with all conditions unknown."""
        return {**inputs, **{name: np.zeros_like(inputs[name]) for name in self.inputs()}}

    def transpose(self, inputs: dict, semitones: int) -> dict:
        """Returns the inputs of a piece or a batch with the tonic transposed up by `semitones`."""
        if "tonic" not in inputs:
            return inputs
        tonic = inputs["tonic"]
        return {**inputs, "tonic": np.where(tonic > 0, _in_range(tonic + semitones), 0).astype("int32")}


def condition_names(text: str) -> list[str]:
    """Returns the names in "key,metre,style", or in "none".

    Raises:
        ValueError: a name that is not a condition.
    """
    names = [name.strip() for name in text.split(",") if name.strip() not in ("", "none")]
    for name in names:
        if name not in CONDITIONS:
            raise ValueError(f"--conditions should be some of {', '.join(CONDITIONS)}. Received: {name!r}")
    return names


def _in_range(tonic):
    """Moves the tonic, as pitch + 1, by octaves into the range of tonics."""
    return (tonic - LOWEST_TONIC) % 12 + LOWEST_TONIC
