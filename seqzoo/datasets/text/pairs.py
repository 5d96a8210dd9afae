"""Pairs of texts in columns of CSV, TSV or JSON lines, with a score, with a label, or without either."""

import itertools
import json
import math
import os
from collections.abc import Iterator

from seqzoo.datasets import DATASETS, Examples
from seqzoo.datasets.files import bad_line, check_surrogates, clean_label, plain_name, split_files
from seqzoo.datasets.tables import by_index, find_columns, plain_column, table_rows
from seqzoo.datasets.text.jsonl import json_objects
from seqzoo.text.lines import shorten

JSON = (".jsonl", ".json", ".ndjson")
# Common names of the columns, the likeliest first, as for `tables.find_columns`.
COLUMNS = {
    "first": ("first", "sentence1", "sentencea", "text1", "question1", "query", "question", "premise", "#1 string"),
    "second": (
        "second", "sentence2", "sentenceb", "text2", "question2", "answer", "document", "hypothesis", "#2 string",
    ),
    "score": ("score", "similarity", "relatednessscore", "similarityscore"),
    "label": ("label", "isduplicate", "paraphrase", "quality"),
}  # fmt: skip
GOLD = {*COLUMNS["score"], *COLUMNS["label"]}
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
    files = split_files(data_dir, ".csv", ".tsv", ".txt", *JSON, name=name, reader="pairs")
    return {split: _examples(path, columns or {}, encoding) for split, path in files.items()}


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
    indices = _columns(path, [*first], {feature: str(key) for feature, key in columns.items()})
    keys = {feature: [*first][index] for feature, index in indices.items()}

    unscored = not {"score", "label"} & keys.keys()

    def rows():
        for number, line, item in json_objects(path, encoding):
            if unscored and any(plain_column(key) in GOLD for key in item):
                raise bad_line(path, number, "a score or a label, which the first line lacks", line)
            yield number, {feature: item.get(key) for feature, key in keys.items()}, line

    return [*keys], rows


def _table(path, columns, encoding):
    """`_json` of a table."""
    first = next(table_rows(path, encoding), (0, []))[1]
    if not first:
        raise ValueError(f"{path} holds no examples.")
    indices = _columns(path, first, columns)
    header = not by_index(columns) or _is_header(first, indices)

    def rows():
        for number, fields in itertools.islice(table_rows(path, encoding), int(header), None):
            yield number, {feature: fields[index] for feature, index in indices.items()}, " | ".join(fields)

    if next(rows(), None) is None:
        raise ValueError(f"{path} holds no examples: its only line is a header.")
    return [*indices], rows


def _columns(path, names, columns):
    """Returns {feature: index of its column}; a label is looked for where there is no score, or if it is asked for."""
    found = find_columns(path, names, columns, COLUMNS, ("first", "second"))
    if found["first"] == found["second"]:
        raise ValueError(f"{path}: both texts are in the same column. Received: --columns={columns}")
    return {f: index for f, index in found.items() if f != "label" or f in columns or "score" not in found}


def _is_header(fields, indices):
    """Whether the first line of a table whose columns are given by index is a header: its score is not a number, or a
    cell is a common name of its column."""
    cells = {feature: plain_column(fields[index]) for feature, index in indices.items()}
    try:
        float(cells.get("score", 0))
    except ValueError:
        return True
    return any(cell in COLUMNS[feature] for feature, cell in cells.items())
