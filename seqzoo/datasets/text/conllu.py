"""CoNLL-U: the treebanks of Universal Dependencies."""

import os
import re

from seqzoo.datasets import DATASETS, Examples
from seqzoo.datasets.files import bad_line, read_lines, split_files

FIELDS = ("id", "form", "lemma", "upos", "xpos", "feats", "head", "deprel", "deps", "misc")

_not_a_word = re.compile(r"[0-9]+-[0-9]+|[0-9]+\.[0-9]+")  # 3-4 a multiword token, 8.1 an empty node


@DATASETS.register("conllu")
def conllu(
    data_dir: str | os.PathLike | None = None,
    name: str | None = None,
    columns: dict | None = None,
    encoding: str = "utf-8",
) -> dict[str, Examples]:
    """CoNLL-U files (Universal Dependencies) with their parts of speech, lemmas or features; plain or gzipped.

    The tokens are the syntactic words, which carry UD's parts of speech and are what is scored (Zeman et al., 2018,
    https://aclanthology.org/K18-2001): a multiword token (``3-4 im``) is replaced by its words (``3 in``, ``4 dem``),
    and empty nodes (``8.1``) are skipped. The format: https://universaldependencies.org/format.html

    The package `conllu` is not used: it silently accepts short lines, and its errors have no line number.

    Args:
        data_dir: folder with train/dev/test files ending in ``.conllu``, or one such file.
        name: take only the files with this in their names, for a folder of several treebanks: ``"en_ewt"``.
        columns: dict feature -> field: form, lemma, upos, xpos, feats, head, deprel, deps or misc. Default:
            ``{"tokens": "form", "pos": "upos"}``.
        encoding: of the files, such as "latin-1".

    Returns:
        Dict split -> `Examples` of lists of strings, aligned.

    Raises:
        ValueError: no such files or fields; while iterating, with file and line: not ten columns, or a word's id that
            does not follow the previous one.
    """
    columns = {"tokens": "form", "pos": "upos", **(columns or {})}
    if not set(columns.values()) <= set(FIELDS):
        raise ValueError(
            f"columns of CoNLL-U should be as {{'tokens': 'form', 'pos': 'xpos'}}, from the fields "
            f"{', '.join(FIELDS)}. Received: {columns}"
        )

    files = split_files(data_dir, ".conllu", name=name, reader="conllu")
    return {split: _examples(path, columns, encoding) for split, path in files.items()}


def _examples(path, columns, encoding):
    return Examples(lambda: _read(path, columns, encoding), dict.fromkeys(columns, list), path, aligned=True)


def _read(path, columns, encoding):
    indices = {feature: FIELDS.index(field) for feature, field in columns.items()}
    sentence = {feature: [] for feature in columns}
    for number, line in read_lines(path, encoding):
        if not line.strip(" \t"):
            if sentence["tokens"]:
                yield sentence
                sentence = {feature: [] for feature in columns}
            continue
        if line.startswith("#"):
            continue
        fields = line.split("\t")
        if len(fields) != len(FIELDS):
            raise bad_line(path, number, f"expected 10 tab-separated columns, found {len(fields)}", line)
        expected = str(len(sentence["tokens"]) + 1)
        if fields[0] == expected:
            for feature, index in indices.items():
                sentence[feature].append(fields[index])
        elif not _not_a_word.fullmatch(fields[0]):
            raise bad_line(path, number, f"expected the word with id {expected}, found id {fields[0]!r}", line)
    if sentence["tokens"]:
        yield sentence
