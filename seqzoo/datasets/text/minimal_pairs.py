"""Minimal pairs: a sentence that is grammatical, and one that is not and hardly differs."""

import difflib
import pathlib

from seqzoo.datasets import DATASETS, Examples
from seqzoo.datasets.files import bad_line
from seqzoo.datasets.text.jsonl import _objects

KEYS = {"good": ("sentence_good",), "bad": ("sentence_bad",), "group": ("UID", "linguistics_term")}
ENDINGS = (".jsonl", ".jsonl.gz")


@DATASETS.register("minimal_pairs")
def minimal_pairs(data_dir=None, name=None, columns=None):
    """Pairs of an acceptable and an unacceptable sentence as JSON lines, as BLiMP has them, to score language models.

    ``{"sentence_good": "...", "sentence_bad": "...", "UID": "..."}``, plain or gzipped; other keys are of no matter.
    BLiMP: Warstadt et al. (2020), https://aclanthology.org/2020.tacl-1.25, https://github.com/alexwarstadt/blimp

    Args:
        data_dir: a file, or a folder of ``.jsonl`` files, read in the order of their names.
        name: of a folder, take only the files with this in their names.
        columns: dict feature -> key, for ``good``, ``bad``, ``group``. Default: BLiMP's ``sentence_good``,
            ``sentence_bad``, and ``UID`` or ``linguistics_term``.

    Returns:
        {"test": Examples} of strings, ``good``, ``bad`` and ``group``. The group is the file's name where an object
        has no such key.

    Raises:
        ValueError: no such files; columns of other features; with file and line, for the first pair at once and for
            others while iterating: not a JSON object, a key is missing or no text, the two sentences are the same.
    """
    columns = dict(columns or {})
    if set(columns) - set(KEYS):
        raise ValueError(f"columns should be of good, bad and group, as --columns=good=NAME. Received: {columns}")
    files = _files(data_dir, name)
    keys = {feature: (columns[feature],) if feature in columns else usual for feature, usual in KEYS.items()}
    next(_read(files, keys, "group" in columns))
    return {"test": Examples(lambda: _read(files, keys, "group" in columns), dict.fromkeys(KEYS, str), data_dir)}


def _files(data_dir, name):
    if not data_dir:
        raise ValueError("--dataset=minimal_pairs needs --data_dir, a .jsonl file or a folder of them.")
    path = pathlib.Path(data_dir).expanduser()
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise ValueError(f"--data_dir={data_dir}: there is no such folder or file.")
    there = sorted(f for f in path.iterdir() if f.name.lower().endswith(ENDINGS) and not f.name.startswith("."))
    files = [file for file in there if (name or "") in file.name]
    if not files:
        near = difflib.get_close_matches(name or "", [_stem(file) for file in there], n=1)
        hint = f" Did you mean --name={near[0]}?" if near else ""
        named = f" with {name!r} in its name" if name else ""
        some = ", ".join(file.name for file in there[:8] or sorted(path.iterdir())[:8]) or "nothing"
        raise ValueError(f"{path}: no .jsonl file{named}.{hint} There: {some}.")
    return files


def _stem(file):
    return file.name.split(".")[0]


def _read(files, keys, needs_group):
    for file in files:
        number = 0
        for number, line, item in _objects(file):
            example = {"group": _stem(file)}
            for feature, usual in keys.items():
                key = next((key for key in usual if key in item), None)
                if key is None and feature == "group" and not needs_group:
                    continue
                if not isinstance(value := item.get(key), str) or not value.strip():
                    near = difflib.get_close_matches(usual[0], item, n=1) if key is None else []
                    hint = f" Did you mean --columns={feature}={near[0]}?" if near else ""
                    problem = f"{key or usual[0]!r} should be a text, found {value!r:.60}.{hint} The line"
                    raise bad_line(file, number, problem, line)
                example[feature] = value
            try:
                "".join(example.values()).encode()
            except UnicodeEncodeError as error:  # "\ud83d" alone: an emoji cut in half
                raise bad_line(file, number, f"half of a character: {error}", line) from error
            if example["good"] == example["bad"]:
                raise bad_line(file, number, "the two sentences are the same", line)
            yield example
        if not number:
            raise ValueError(f"{file}: no line in it.")
