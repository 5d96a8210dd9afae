"""Notes for the users of an exported run, as sentences for its card."""

from collections.abc import Iterable

from seqzoo.text.subwords import KINDS


def of_texts(form: str, units: str) -> list[str]:
    """Returns notes on a run that reads texts.

    Args:
        form: the Unicode form of its texts, see `text.normalization.normalize`.
        units: the units that the run splits texts into.
    """
    notes = [] if form == "none" else [f"Texts and tokens have to be in Unicode form {form.upper()}, as most are."]
    if units in KINDS:
        notes.append(
            "TensorFlow has no operation that splits texts into the run's subwords: split them with the package "
            "sentencepiece and the .model file in vocabularies/."
        )
    return notes


def of_music(conditions: Iterable[str]) -> list[str]:
    """Returns notes on a run that generates music.

    Args:
        conditions: the names of the inputs for the run's conditions.
    """
    from seqzoo.music.conditions import METRES

    meanings = {
        "tonic": "the MIDI pitch of the key's tonic + 1, from F#3, 55, to F4",
        "mode": "1 major, 2 minor",
        "metre": f"2 + its index in {', '.join(METRES)}; 1: any other",
        "style": "2 + its index in vocabularies/conditions.json",
    }
    known = "; ".join(f"`{name}`: {meanings[name]}" for name in conditions)
    return [
        "`position` is where each step begins in its bar, counted from 1 in steps; `ahead` the melody's ids, or 0.",
        *([f"Conditions, 0 if unknown: {known}."] if known else []),
        "The ids are not notes: `seqzoo.music` decodes them and writes MIDI, by vocabularies/encoding.json.",
    ]
