"""JSON lines: one JSON object per line, with a text and its label or summary."""

import json
import os
from collections.abc import Iterator

from seqzoo.datasets import DATASETS, Examples
from seqzoo.datasets.files import bad_line, check_surrogates, clean_label, read_lines, split_files
from seqzoo.datasets.text.columns import join_texts, summarized, text_columns


@DATASETS.register("jsonl")
def jsonl(
    data_dir: str | os.PathLike | None = None,
    name: str | None = None,
    columns: dict | None = None,
    encoding: str = "utf-8",
) -> dict[str, Examples]:
    """Texts with labels or summaries in files with one JSON object per line, plain or gzipped.

    A label that is a number, true or false becomes its JSON text, and a list of labels is joined by ``|``; spaces
    around labels and empty labels are removed. A text may have a list of summaries. Blank lines are skipped.
    The format: https://jsonlines.org

    Args:
        data_dir: folder with train/valid/test files ending in ``.jsonl``, ``.json`` or ``.ndjson``, or one such file.
        name: take only the files with this in their names.
        columns: dict feature -> key: ``{"text": "review", "label": "stars"}``; ``{"text": "title+body"}`` joins two
            texts by a blank; ``{"summary": "title"}`` in place of the label, or ``"title+abstract"``, which gives two
            of each text. Default: the first of `columns.COLUMNS` that the object in the first line has.
        encoding: of the files, such as "latin-1".

    Returns:
        Dict split -> `Examples` of strings, ``text`` and ``label``, or ``text`` and ``summary``, see
        `columns.summarized`. A text or summary may be empty.

    Raises:
        ValueError: no such files or keys; while iterating, with file and line: not a JSON object, a text or summary
            that is not a string, no label (null, empty, an empty list), or a list of labels with ``|`` in them.
    """
    files = split_files(data_dir, ".jsonl", ".json", ".ndjson", name=name, reader="jsonl")
    return {split: _examples(path, columns, encoding) for split, path in files.items()}


def _examples(path, columns, encoding):
    first = next((item for _, _, item in json_objects(path, encoding)), None)
    if first is None:
        raise ValueError(f"{path} holds no examples.")
    keys = text_columns(path, list(first), columns or {})
    return Examples(lambda: _read(path, keys, encoding), dict.fromkeys(keys, str), path)


def json_objects(path: str | os.PathLike, encoding: str = "utf-8") -> Iterator[tuple[int, str, dict]]:
    """Yields (line number, line, object) of the JSON objects in a file, one per line; blank lines are skipped."""
    for number, line in read_lines(path, encoding):
        if not line.strip(" \t"):
            continue
        try:
            item = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise bad_line(path, number, f"expected one JSON object per line: {error}", line) from error
        if not isinstance(item, dict):
            raise bad_line(path, number, "not a JSON object", line)
        yield number, line, item


def _read(path, keys, encoding):
    for number, line, item in json_objects(path, encoding):
        for key in keys["text"]:
            if not isinstance(item.get(key), str):
                raise bad_line(path, number, f"{key!r} should be a string, found {item.get(key)!r:.60}", line)
        text = join_texts(item[key] for key in keys["text"])
        if "summary" in keys:
            summaries = [part for key in keys["summary"] for part in _summaries(path, number, line, key, item.get(key))]
            check_surrogates(path, number, line, text + "".join(summaries))
            yield summarized(text, summaries)
            continue
        (key,) = keys["label"]
        label = _label(item.get(key))
        if not label:
            problem = f"{key!r} should be a label, or a list of labels without '|', found {item.get(key)!r:.60}"
            raise bad_line(path, number, problem, line)
        check_surrogates(path, number, line, text + label)
        yield {"text": text, "label": label}


def _summaries(path, number, line, key, value):
    """Returns the strings of a key."""
    found = value if isinstance(value, list) else [value]
    if not all(isinstance(part, str) for part in found):
        raise bad_line(path, number, f"{key!r} should be a string, or a list of them, found {value!r:.60}", line)
    return found


def _label(value):
    """Returns the text of a label or of a list of labels; None if it is neither."""
    if isinstance(value, list):
        labels = [None if isinstance(item, list) else _label(item) for item in value]
        if any(label is None or "|" in label for label in labels):
            return None
        return "|".join(filter(None, labels))
    if isinstance(value, str):
        return clean_label(value)
    if isinstance(value, (int, float)) and value == value:  # Python's json also reads NaN, which is not a label
        return json.dumps(value)
    return None
