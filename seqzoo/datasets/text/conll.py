"""CoNLL columns: one token per line with its labels, a blank line after each sentence."""

import os
import re

from seqzoo.datasets import DATASETS, Examples
from seqzoo.datasets.files import bad_line, read_lines, split_files
from seqzoo.text import spans

_metadata = re.compile(r"# ?[^ =]+ = ")  # "# sent_id = 7": as many columns as CoNLL-2003 has, yet no token "#"
_comment = re.compile(r"# |#[^ =]+=")  # "# id 7", "#id=7"; not "#hashtag"


@DATASETS.register("conll")
def conll(
    data_dir: str | os.PathLike | None = None,
    name: str | None = None,
    columns: dict | None = None,
    encoding: str = "utf-8",
) -> dict[str, Examples]:
    """Files of columns (token, ..., label): CoNLL-2000, 2002, 2003, and most NER sets; plain or gzipped.

    The columns of a line are separated by tabs if it has one, else by spaces. Blank lines end sentences.
    ``-DOCSTART-`` lines are skipped, and so are comment lines before a sentence: ``# id = 7``, and ``# id 7`` unless
    it has as many columns as the file: then ``#`` is a token. The format: https://www.clips.uantwerpen.be/conll2003/ner/

    Args:
        data_dir: folder with train/valid/test files, or one labelled file.
        name: take only the files with this in their names.
        columns: dict feature -> index of its column, negative from the end. The default depends on the file:
            2 or more columns: ``{"tokens": 0, "pos": 1}``, and ``"ner": -1`` too if the last column of the first
            token is a span tag;
            1 column: ``{"tokens": 0}``.
            The feature ``ner`` may be in any scheme of `seqzoo.text.spans` and is converted to BIO.
        encoding: of the files, such as "latin-1".

    Returns:
        Dict split -> `Examples` of lists of strings, aligned.

    Raises:
        ValueError: no such files or columns; while iterating, with file and line: a number of columns that differs from
            the first line, an empty column, a malformed span tag.
    """
    files = split_files(data_dir, name=name, reader="conll")
    return {split: _examples(path, columns, encoding) for split, path in files.items()}


def _examples(path, columns, encoding):
    first, width, columns = _layout(path, columns, encoding)
    return Examples(
        lambda: _read(path, first, width, columns, encoding), dict.fromkeys(columns, list), path, aligned=True
    )


def _split(line):
    # Not line.split(): it also splits at no-break and ideographic spaces, which do occur inside tokens.
    return line.split("\t") if "\t" in line else [part for part in line.split(" ") if part]


def _is_blank(line):
    return not line.strip(" \t") or line.startswith("-DOCSTART-")


def _layout(path, columns, encoding):
    """Returns (number of the first token line, its number of columns, feature -> column)."""
    for number, line in read_lines(path, encoding):
        if not (_is_blank(line) or _metadata.match(line) or _comment.match(line)):
            first, parts = number, _split(line)
            break
    else:
        raise ValueError(f"{path}: no line holds a token.")
    width = len(parts)
    if columns is None:
        columns = {"tokens": 0, "pos": 1, "ner": -1} if width > 1 else {"tokens": 0}
        if width > 1 and not _is_span_tag(parts[-1]):
            del columns["ner"]
    wrong = {f: c for f, c in columns.items() if not isinstance(c, int) or not -width <= c < width}
    if "tokens" not in columns:
        raise ValueError(
            f"{path}: which column holds the tokens? Name it, such as --columns=tokens=0,ner=-1. Received: {columns}"
        )
    if wrong:
        raise ValueError(
            f"{path}: columns should be from 0 to {width - 1}, or negative from the end, such as "
            f"--columns=tokens=0,ner=-1; the file has {width}. Received: {columns}"
        )
    return first, width, columns


def _is_span_tag(tag):
    try:
        return bool(spans.split_tag(tag))
    except ValueError:
        return False


def _read(path, first, width, columns, encoding):
    for sentence in _sentences(path, first, width, columns, encoding):
        if "ner" in sentence:
            sentence["ner"] = spans.to_bio(sentence["ner"])
        yield sentence


def _sentences(path, first, width, columns, encoding):
    sentence = {feature: [] for feature in columns}
    for number, line in read_lines(path, encoding):
        if _is_blank(line):
            if sentence["tokens"]:
                yield sentence
                sentence = {feature: [] for feature in columns}
            continue
        parts = _split(line)
        if not sentence["tokens"] and (_metadata.match(line) or (len(parts) != width and _comment.match(line))):
            continue
        if len(parts) != width:
            raise bad_line(path, number, f"expected {width} columns (like line {first}), found {len(parts)}", line)
        for feature, column in columns.items():
            value = parts[column]
            if not value:
                raise bad_line(path, number, f"the column of {feature!r} is empty", line)
            if feature == "ner":
                try:
                    spans.split_tag(value)
                except ValueError as error:
                    problem = f"{error}. If this column does not hold span tags, give the right ones in `columns`"
                    raise bad_line(path, number, problem, line) from None
            sentence[feature].append(value)
    if sentence["tokens"]:
        yield sentence
