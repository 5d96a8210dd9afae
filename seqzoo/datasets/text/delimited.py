"""CSV and TSV: one text with its label or summary per record, in columns."""

import collections
import functools
import itertools
import os
import re

from seqzoo.datasets import DATASETS, Examples
from seqzoo.datasets.files import bad_line, clean_label, split_files
from seqzoo.datasets.tables import by_index, column_parts, csv_rows, tsv_rows
from seqzoo.datasets.text.columns import COLUMNS, join_texts, summarized, text_columns

_single_word = re.compile(r"[^\W\d]\w*")  # as v1, star_rating


@DATASETS.register("csv")
def csv(
    data_dir: str | os.PathLike | None = None,
    name: str | None = None,
    columns: dict | None = None,
    encoding: str = "utf-8",
) -> dict[str, Examples]:
    """Texts with labels or summaries in CSV files, plain or gzipped.

    Commas separate the fields, and a field in double quotes may hold commas, newlines, and doubled quotes. Blank lines
    are skipped. Several labels are joined by ``|``; spaces around labels and empty labels are removed. The format: https://www.rfc-editor.org/rfc/rfc4180

    Args:
        data_dir: folder with train/valid/test files ending in ``.csv``, or one such file.
        name: take only the files with this in their names.
        columns: dict feature -> column: ``{"text": "review", "label": "stars"}`` by the names in the header line,
            or ``{"text": 0, "label": -1}`` by index, negative from the end, for a file without a header; if its first
            line is a header nevertheless (see `_is_header`), it is skipped, as the summary of the `Examples` says.
            ``{"text": "title+body"}`` and ``{"text": "1+2", "label": 0}`` join two texts by a blank; with ``"summary"``
            in place of the label texts have summaries, and ``{"summary": "first+second"}`` gives several of each text.
            Default: the first of `columns.COLUMNS` that the file has.
        encoding: of the files, such as "latin-1".

    Returns:
        Dict split -> `Examples` of strings, ``text`` and ``label``, or ``text`` and ``summary``, see
        `columns.summarized`. A text or summary may be empty.

    Raises:
        ValueError: no such files or columns; while iterating, with file and line: a number of fields that differs from
            the first line, no label, a NUL, or malformed quotes.
    """
    return _splits(
        functools.partial(csv_rows, encoding=encoding),
        split_files(data_dir, ".csv", name=name, reader="csv"),
        columns,
    )


@DATASETS.register("tsv")
def tsv(
    data_dir: str | os.PathLike | None = None,
    name: str | None = None,
    columns: dict | None = None,
    encoding: str = "utf-8",
) -> dict[str, Examples]:
    """Texts with labels or summaries in tab-separated columns, plain or gzipped; quotes have no special meaning.

    Args as in `csv`; the files end in ``.tsv`` or ``.txt``. Returns and raises the same as `csv`.
    """
    return _splits(
        functools.partial(tsv_rows, encoding=encoding),
        split_files(data_dir, ".tsv", ".txt", name=name, reader="tsv"),
        columns,
    )


def _splits(rows, files, columns):
    return {split: _examples(rows, path, columns) for split, path in files.items()}


def _examples(rows, path, columns):
    first, indices = _layout(rows, path, columns)
    if not any(number > first for number, _ in itertools.islice(rows(path), 2)):
        raise ValueError(f"{path} holds no examples: its only line is a header.")
    summary = {f"header of {path.name}": "skipped"} if first and by_index(columns) else {}
    features = dict.fromkeys(indices, str)
    return Examples(lambda: _read(rows, path, first, indices), features, path, summary=summary)


def _layout(rows, path, columns):
    """Returns (line before the first example, feature -> indices of its columns)."""
    number, fields = next(rows(path), (0, []))
    if not fields:
        raise ValueError(f"{path} holds no examples.")
    width = len(fields)
    columns = columns or {}
    if not (by_index(columns) or any(isinstance(column, int) for column in columns.values())):
        names = [field.strip() for field in fields]
        found = text_columns(path, names, columns)
        return number, {feature: [*map(names.index, own)] for feature, own in found.items()}
    numbers = {str(index): index for index in range(-width, width)}
    indices = {feature: [numbers[n] for n in column_parts(str(c), numbers)] for feature, c in columns.items()}
    gold = "summary" if "summary" in columns else "label"
    if set(columns) != {"text", gold} or not all(indices.values()) or (gold == "label" and len(indices["label"]) > 1):
        raise ValueError(
            f"{path}: columns by index should be those of text and {gold}, from 0 to {width - 1} or negative from the "
            f"end, such as --columns=text=0,{gold}=1 or text=1+2,{gold}=0; the file has {width}. Received: {columns}"
        )
    return number if _is_header(rows, path, fields, indices) else 0, indices


def _is_header(rows, path, fields, indices):
    """Returns whether the first line of a file whose columns are given by index is a header.

    It is one if its cell in the column of labels (or summaries) is not a label of another line, and

    - that cell or one of the text is a common name of its column, as in `columns.COLUMNS`; or
    - all these cells are single words, and all other labels appear again.
    """
    cells = [(feature, fields[index].strip()) for feature, own in indices.items() for index in own]
    common = any(cell.lower() in COLUMNS[feature] for feature, cell in cells)
    if not common and not all(_single_word.fullmatch(cell) for _, cell in cells):
        return False
    others, column = itertools.islice(rows(path), 1, None), indices.get("label", indices.get("summary"))[0]
    labels = collections.Counter(row[column].strip() for _, row in others)
    return fields[column].strip() not in labels and (common or (bool(labels) and min(labels.values()) > 1))


def _read(rows, path, first, indices):
    for number, fields in rows(path):
        if number > first:
            text = join_texts(fields[index] for index in indices["text"])
            if "summary" in indices:
                yield summarized(text, [fields[index] for index in indices["summary"]])
                continue
            label = clean_label(fields[indices["label"][0]])
            if not label:
                raise bad_line(path, number, "the label is empty", " | ".join(fields))
            yield {"text": text, "label": label}
