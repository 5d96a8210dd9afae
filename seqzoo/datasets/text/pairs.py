"""Pairs of texts in columns of CSV, TSV or JSON lines, with a score, with a label, or without either."""

import functools
import itertools
import json
import math
import os
from collections.abc import Iterator

from seqzoo.datasets import DATASETS, Examples
from seqzoo.datasets.files import bad_line, check_surrogates, clean_label, plain_name, split_files
from seqzoo.datasets.text.delimited import csv_records, tsv_records
from seqzoo.datasets.text.jsonl import json_objects
from seqzoo.text.lines import shorten

JSON = (".jsonl", ".json", ".ndjson")
# Common names of the columns, in lower case, the likeliest first.
COLUMNS = {
    "first": ("first", "sentence1", "sentence_a", "text1", "question1", "query", "question", "premise", "#1 string"),
    "second": (
        "second", "sentence2", "sentence_b", "text2", "question2", "answer", "document", "hypothesis", "#2 string",
    ),
    "score": ("score", "similarity", "relatedness_score", "similarity_score"),
    "label": ("label", "is_duplicate", "paraphrase", "quality"),
}  # fmt: skip
KINDS = {"first": str, "second": str, "score": float, "label": str}


@DATASETS.register("pairs")
def pairs(
    data_dir: str | os.PathLike | None = None,
    name: str | None = None,
    columns: dict | None = None,
    encoding: str = "utf-8",
) -> dict[str, Examples]:
    """Pairs of texts in CSV, TSV or JSON lines, plain or gzipped, with a score or a label if there is one.

    Args:
        data_dir: folder with train/valid/test files ending in ``.csv``, ``.tsv``, ``.txt`` (with tabs), ``.jsonl``,
            ``.json`` or ``.ndjson``, or one such file.
        name: take only the files with this in their names.
        columns: {"first": column, "second": column, "score": column} or with "label", by their names, or by index in a
            table without a header. Default: the first of `COLUMNS` that the file has; a label where there is no score.
        encoding: of the files, such as "latin-1".

    Returns:
        {split: Examples} of ``{"first": str, "second": str}`` and, if there are such columns, ``"score": float`` and
        ``"label": str``; with ``"line"``, its number in the file.

    Raises:
        ValueError: no such files or columns; while iterating, with file and line: an empty text, a score that is not
            a number, no label, or a malformed line.
    """
    columns = dict(columns or {})
    if unknown := set(columns) - set(COLUMNS):
        raise ValueError(
            "columns should name first, second, and score or label: --columns=first=NAME,second=NAME,score=NAME. "
            f"Unknown: {', '.join(sorted(unknown))}"
        )
    files = split_files(data_dir, ".csv", ".tsv", ".txt", *JSON, name=name, reader="pairs")
    return {split: _examples(path, columns, encoding) for split, path in files.items()}


def _examples(path, columns, encoding):
    is_json = plain_name(path).endswith(JSON)
    names, rows = (_json if is_json else _table)(path, columns, encoding)
    return Examples(lambda: _read(path, rows()), {feature: KINDS[feature] for feature in names}, path)


def _read(path, rows) -> Iterator[dict]:
    """The examples of rows of (line number, {feature: value}, the line as it came)."""
    for number, values, line in rows:
        for side in ("first", "second"):
            if not isinstance(values[side], str) or not values[side].strip():
                what = "is empty" if values[side] in ("", None) or str(values[side]).isspace() else "is not a text"
                raise bad_line(path, number, f"the {side} text {what}", line)
        example = {"first": values["first"], "second": values["second"], "line": number}
        if "score" in values:
            example["score"] = _number(path, number, values["score"], line)
        if "label" in values:
            value = values["label"]
            example["label"] = clean_label(value if isinstance(value, str) else json.dumps(value))
            if not example["label"] or value is None:
                raise bad_line(path, number, "the label is empty", line)
        check_surrogates(path, number, line, "".join(map(str, values.values())))
        yield example


def _number(path, number, value, line):
    try:
        found = float(value)
    except (TypeError, ValueError):
        found = math.nan
    if not math.isfinite(found) or isinstance(value, bool):
        raise bad_line(path, number, f"the score should be a number, found {shorten(str(value), 30)}", line)
    return found


def _json(path, columns, encoding):
    """(features, function that gives the rows) of a file of JSON lines."""
    first = next((item for _, _, item in json_objects(path, encoding)), None)
    if first is None:
        raise ValueError(f"{path} holds no examples.")
    keys = _found(path, [*first], columns)

    def rows():
        for number, line, item in json_objects(path, encoding):
            yield number, {feature: item.get(key) for feature, key in keys.items()}, line

    return [*keys], rows


def _table(path, columns, encoding):
    """`_json` of a table."""
    records = functools.partial(csv_records if plain_name(path).endswith(".csv") else tsv_records, path, encoding)
    fields = next(records(), (0, []))[1]
    if not fields:
        raise ValueError(f"{path} holds no examples.")
    by_index = any(isinstance(column, int) for column in columns.values())
    if by_index:
        numbers = {str(i): i for i in range(-len(fields), len(fields))}
        index = {feature: numbers.get(str(column)) for feature, column in columns.items()}
        if None in index.values() or not {"first", "second"} <= index.keys():
            raise ValueError(
                f"{path}: columns by index should be from 0 to {len(fields) - 1}, as "
                f"--columns=first=0,second=1,score=2. Received: {columns}"
            )
    else:
        names = [field.strip() for field in fields]
        index = {feature: names.index(name) for feature, name in _found(path, names, columns).items()}
    header = not by_index or _is_header(fields, index)

    def rows():
        for number, row in itertools.islice(records(), int(header), None):
            line = " | ".join(row)
            if len(row) != len(fields):
                problem = f"expected {len(fields)} fields (like the first line), found {len(row)}"
                raise bad_line(path, number, problem, line)
            yield number, {feature: row[i] for feature, i in index.items()}, line

    if next(rows(), None) is None:
        raise ValueError(f"{path} holds no examples: its only line is a header.")
    return [*index], rows


def _is_header(fields, index):
    """Whether the first line of a table whose columns are given by index is a header: its score is not a number, or a
    cell is a common name of its column."""
    cells = {feature: fields[i].strip().lower() for feature, i in index.items()}
    try:
        float(cells.get("score", 0))
    except ValueError:
        return True
    return any(cell in COLUMNS[feature] for feature, cell in cells.items())


def _found(path, names, columns):
    """Returns {feature: name of its column}; a label is looked for where there is no score, unless it is asked for."""
    lower, found = {name.lower(): name for name in reversed(names)}, {}
    for feature, common in COLUMNS.items():
        given = columns.get(feature)
        name = given if given in names else next((lower[n] for n in common if given is None and n in lower), None)
        if name is None and (given is not None or feature in ("first", "second")):
            raise ValueError(
                f"{path}: no column for the {feature}: looked for {given or ' or '.join(common)}. Found: "
                f"{', '.join(shorten(name, 30) for name in names[:20])}. Choose them: "
                "--columns=first=NAME,second=NAME,score=NAME; or, if the first line of a table is an example, by "
                "index: --columns=first=0,second=1,score=2."
            )
        if name is not None and not (feature == "label" and given is None and "score" in found):
            found[feature] = name
    return found
