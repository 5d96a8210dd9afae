"""Minimal pairs: a grammatical sentence, and an ungrammatical one that hardly differs."""

import difflib
import os

from seqzoo.datasets import DATASETS, Examples
from seqzoo.datasets.files import bad_line, check_surrogates, data_path
from seqzoo.datasets.text.jsonl import json_objects

KEYS = {"good": ("sentence_good",), "bad": ("sentence_bad",), "group": ("UID", "linguistics_term")}
ENDINGS = (".jsonl", ".jsonl.gz")


@DATASETS.register("minimal_pairs")
def minimal_pairs(
    data_dir: str | os.PathLike | None = None,
    name: str | None = None,
    columns: dict | None = None,
    encoding: str = "utf-8",
) -> dict[str, Examples]:
    """Pairs of an acceptable and an unacceptable sentence in BLiMP's JSON lines, to score language models.

    ``{"sentence_good": "...", "sentence_bad": "...", "UID": "..."}``, plain or gzipped; other keys are ignored. Some of
    BLiMP's pairs repeat one sentence: they are read, and left out where pairs are scored.
    BLiMP: Warstadt et al. (2020), https://aclanthology.org/2020.tacl-1.25, https://github.com/alexwarstadt/blimp

    Args:
        data_dir: a file, or a folder of ``.jsonl`` files, read in the order of their names.
        name: of a folder, take only the files with this in their names.
        columns: dict feature -> key, for ``good``, ``bad``, ``group``. Default: BLiMP's ``sentence_good``,
            ``sentence_bad``, and ``UID`` or ``linguistics_term``.
        encoding: of the files, such as "latin-1".

    Returns:
        {"test": Examples} of strings, ``good``, ``bad`` and ``group``. The group is the file's name where an object
        lacks the key.

    Raises:
        ValueError: no such files; columns of other features; with file and line, for the first pair at once and for
            others while iterating: not a JSON object, a key is missing or not a text.
    """
    columns = dict(columns or {})
    if set(columns) - set(KEYS):
        raise ValueError(f"columns should name good, bad and group, such as --columns=good=NAME. Received: {columns}")
    files = _files(data_dir, name)
    keys = {feature: (columns[feature],) if feature in columns else default for feature, default in KEYS.items()}
    next(_read(files, keys, "group" in columns, encoding))
    return {
        "test": Examples(lambda: _read(files, keys, "group" in columns, encoding), dict.fromkeys(KEYS, str), data_dir)
    }


def _files(data_dir, name):
    path = data_path(data_dir, "minimal_pairs", "a .jsonl file or a folder of them")
    if path.is_file():
        return [path]
    present = sorted(f for f in path.iterdir() if f.name.lower().endswith(ENDINGS) and not f.name.startswith("."))
    files = [file for file in present if (name or "") in file.name]
    if not files:
        near = difflib.get_close_matches(name or "", [_stem(file) for file in present], n=1)
        hint = f" Did you mean --name={near[0]}?" if near else ""
        named = f" with {name!r} in its name" if name else ""
        some = ", ".join(file.name for file in present[:8] or sorted(path.iterdir())[:8]) or "nothing"
        raise ValueError(f"{path}: no .jsonl file{named}.{hint} Found: {some}.")
    return files


def _stem(file):
    return file.name.split(".")[0]


def _read(files, keys, needs_group, encoding):
    for file in files:
        number = 0
        for number, line, item in json_objects(file, encoding):
            example = {"group": _stem(file)}
            for feature, names in keys.items():
                key = next((key for key in names if key in item), None)
                if key is None and feature == "group" and not needs_group:
                    continue
                if not isinstance(value := item.get(key), str) or not value.strip():
                    near = difflib.get_close_matches(names[0], item, n=1) if key is None else []
                    hint = f" Did you mean --columns={feature}={near[0]}?" if near else ""
                    problem = f"{key or names[0]!r} should be a text, found {value!r:.60}.{hint} The line"
                    raise bad_line(file, number, problem, line)
                example[feature] = value
            check_surrogates(file, number, line, "".join(example.values()))
            yield example
        if not number:
            raise ValueError(f"{file} holds no examples.")
