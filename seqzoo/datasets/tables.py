"""Reads the rows of CSV and TSV files, and finds their columns by name or by index. Shared by all readers."""

import csv
import os
import pathlib
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import BinaryIO

from seqzoo.datasets.files import bad_line, plain_name, read_lines
from seqzoo.text.lines import decode_lines, shorten

# Maximum characters of a CSV field. The module's own 131,072 is less than a long document has; without a limit an
# unclosed quote would read the rest of the file into memory.
FIELD_LIMIT = 2**24

_indices = re.compile(r"-?\d+(\+-?\d+)*")


def table_rows(path: pathlib.Path, encoding: str = "utf-8") -> Iterator[tuple[int, list[str]]]:
    """Yields the rows of a table: `csv_rows` of files that end in ``.csv``, `tsv_rows` of all others."""
    return (csv_rows if plain_name(path).endswith(".csv") else tsv_rows)(path, encoding)


def tsv_rows(path: str | os.PathLike, encoding: str = "utf-8") -> Iterator[tuple[int, list[str]]]:
    """Yields (line number, fields) of the lines of a file that are not empty; tabs separate the fields.

    Raises:
        ValueError: with file and line: a number of fields that differs from the first line.
    """
    return _checked(path, ((number, line.split("\t")) for number, line in read_lines(path, encoding) if line))


def csv_rows(
    path: str | os.PathLike, encoding: str = "utf-8", file: BinaryIO | None = None
) -> Iterator[tuple[int, list[str]]]:
    """Yields (number of the record's first line, fields) of the records of a CSV file that are not empty.

    Args:
        path, encoding: of the file.
        file: the file if it is already open; path is then for messages alone.

    Raises:
        ValueError: with file and line: malformed quotes, with the line where the record begins, or a number of fields
            that differs from the first record.
    """
    return _checked(path, _csv_records(path, encoding, file))


def _csv_records(path, encoding, file):
    csv.field_size_limit(max(FIELD_LIMIT, csv.field_size_limit()))
    lines = read_lines(path, encoding) if file is None else decode_lines(file, path, encoding)
    reader = csv.reader((line + "\n" for _, line in lines), strict=True)
    number = 1
    try:
        for fields in reader:
            if fields:
                yield number, fields
            number = reader.line_num + 1
    except csv.Error as error:
        raise ValueError(
            f"{path}:{number}: not CSV: {error}. In the record that starts here, is each quoted field closed, and each "
            "quote in it doubled? If quotes have no meaning and tabs separate the fields: --dataset=tsv."
        ) from error


def _checked(path, rows: Iterable[tuple[int, list[str]]]):
    width = None
    for number, fields in rows:
        width = width or len(fields)
        if len(fields) != width:
            problem = f"expected {width} fields (like the first line), found {len(fields)}"
            raise bad_line(path, number, problem, " | ".join(fields))
        yield number, fields


def plain_column(name: str) -> str:
    """Returns the name of a column as common names are spelled: in lower case and without underscores."""
    return name.strip().lower().replace("_", "")


def by_index(columns: Mapping[str, str | int] | None) -> bool:
    """Returns whether columns are given, all by index, such as 0, -1 or 1+2; the table may then have no header."""
    return bool(columns) and all(_indices.fullmatch(str(column)) for column in columns.values())


def find_columns(
    path: str | os.PathLike,
    names: Sequence[str],
    columns: Mapping[str, str | int] | None,
    common: Mapping[str, Sequence[str]],
    needed: Collection[str],
) -> dict[str, int]:
    """Finds the columns of a table that hold the features of an example.

    Args:
        path: the file, for messages.
        names: the fields of its first line.
        columns: {feature: name of its column, or index, negative from the end}. A name that no column has may be in
            upper or lower case.
        common: {feature: common names of its column, see `plain_column`, the likeliest first}, for features that
            `columns` lacks. If all given columns are indices, the table may have no header, and common names have no
            meaning.
        needed: the features that the table must have.

    Returns:
        {feature: index of its column} of those found, in the order of `common`.

    Raises:
        ValueError: a needed or given column does not exist; `columns` has another feature.
    """
    columns, names = columns or {}, [name.strip() for name in names]
    if unknown := {*columns} - {*common}:
        raise ValueError(
            f"columns should name {', '.join(common)}, such as --columns={next(iter(common))}=NAME. "
            f"Unknown: {', '.join(sorted(unknown))}"
        )
    found = {feature: _index(names, column) for feature, column in columns.items()}
    plain = [*map(plain_column, names)]
    for feature in [feature for feature in common if feature not in columns]:
        usual = () if by_index(columns) else [plain.index(name) for name in common[feature] if name in plain]
        found[feature] = next((index for index in usual if index not in found.values()), None)
    for feature, usual in common.items():
        if found[feature] is None and (feature in needed or feature in columns):
            wanted = "its index" if by_index(columns) else " or ".join(usual)
            raise no_column(path, feature, repr(columns[feature]) if feature in columns else wanted, names, needed)
    return {feature: found[feature] for feature in common if found[feature] is not None}


def _index(names, column):
    """Returns the index of a column; None if there is no such column."""
    if isinstance(column, int):
        return column % len(names) if -len(names) <= column < len(names) else None
    name = _named(column, names)
    return None if name is None else names.index(name)


def _named(column, names):
    """Returns the name that equals a column's, or else the first that does in lower case; None if there is none."""
    return column if column in names else next((name for name in names if name.lower() == column.lower()), None)


def no_column(
    path: str | os.PathLike, feature: str, wanted: str, names: Sequence[str], needed: Iterable[str]
) -> ValueError:
    """Returns the error for a column that does not exist.

    Args:
        path, feature, names: as of `find_columns`.
        wanted: what was looked for.
        needed: features of the command that the message shows.
    """
    present = ", ".join(shorten(name, 30) for name in names[:20]) + (", ..." if len(names) > 20 else "") or "nothing"
    named = ",".join(f"{feature}=NAME" for feature in needed)
    numbered = ",".join(f"{feature}={index}" for index, feature in enumerate(needed))
    return ValueError(
        f"{path}: no column for the {feature}: looked for {wanted}. Found: {present}. Choose them: --columns={named}; "
        f"or, if the first line of a table is not a header, by index: --columns={numbered}."
    )


def column_parts(column: str, names: Collection[str]) -> list[str]:
    """Returns the columns joined as in ``title+body``, or the column with that very name; [] if one does not exist.

    A name that no column has may be in upper or lower case.
    """
    if (name := _named(column, names)) is not None:
        return [name]
    for plus in (position for position, character in enumerate(column) if character == "+"):
        first, rest = _named(column[:plus], names), column_parts(column[plus + 1 :], names)
        if first is not None and rest:
            return [first, *rest]
    return []
