"""Facts for the model card that are not in a run: about.json, in its folder or given by --about."""

import pathlib

from seqzoo.registry import did_you_mean
from seqzoo.training.folder import read_json

KEYS = {
    "what": "what it does, in a few words",
    "example": "the flags of a command to try it, without --workdir",
    "answer": "what that prints, shortened",
    "data": "the data that it learned from",
    "licence": "of these data",
    "source": "their address",
    "splits": "what was trained on, and what the scores are on",
    "limits": "a list of sentences: what it is not good at",
}


def read_about(folder: pathlib.Path, given: str = "") -> dict:
    """Reads the given file, or else about.json in the folder of a run: {key of `KEYS`: text}, {} if there is none.

    Raises:
        ValueError: a missing file; an unknown key; a value that is not a text, or limits that are no list of texts.
    """
    path = pathlib.Path(given or folder / "about.json")
    if given and not path.is_file():
        raise ValueError(f"--about: no file {given!r}.")
    about = read_json(path, "Mend the file.") if path.is_file() else {}
    for key, value in about.items():
        if key not in KEYS:
            raise ValueError(f"{path}: unknown key {key!r}.{did_you_mean(key, KEYS)} Known: {', '.join(KEYS)}.")
        texts = value if key == "limits" and isinstance(value, list) else [value]
        if (key == "limits") != isinstance(value, list) or not all(isinstance(text, str) for text in texts):
            wanted = "a list of texts" if key == "limits" else "a text"
            raise ValueError(f"{path}: {key!r} should be {wanted}, {KEYS[key]}. Received: {value!r:.60}")
    return about
