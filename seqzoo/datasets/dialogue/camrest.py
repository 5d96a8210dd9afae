"""CamRest676: dialogues about restaurants, delexicalised with their database (Wen et al., 2017)."""

import functools
import itertools
import json
import os
import pathlib

from seqzoo.datasets import DATASETS, Examples
from seqzoo.datasets.dialogue.replies import FEATURES, replies
from seqzoo.datasets.files import check_surrogates, plain_name, read_lines, split_files
from seqzoo.text.placeholders import PLACEHOLDER, delexicalizer
from seqzoo.text.tokenizer import tokenize
from seqzoo.text.turns import BOT, USER

SLOTS = ("name", "address", "phone", "postcode", "food", "area", "pricerange")


@DATASETS.register("camrest676")
def camrest676(
    data_dir: str | os.PathLike | None = None,
    name: str | None = None,
    columns: dict | None = None,
    encoding: str = "utf-8",
) -> dict[str, Examples]:
    """Files in the JSON of CamRest676, and the database that its restaurants are from.

    Texts are in lower case and split into words, with blanks between them (so ``--tokenizer=whitespace`` fits). Values
    of the database are replaced by the names of their slots, ``[value_name]``; without a database they stay. The
    format: https://www.repository.cam.ac.uk/handle/1810/260970

    Args:
        data_dir: folder with train/valid/test files ending in ``.json``, plain or gzipped, or one such file; the
            database is the file beside them that ends in ``db.json``.
        name: take only files with this in their names.
        columns: should be empty.
        encoding: of the files.

    Returns:
        Dict split -> `Examples` with ``history`` and ``reply``, see `replies.replies`.

    Raises:
        ValueError: no such files; while iterating, with the file: not JSON, or not of that form.
    """
    if columns:
        raise ValueError(f"--dataset=camrest676 takes no --columns. Received: {columns}")
    files = split_files(data_dir, ".json", name=name, reader="camrest676")
    folder = next(iter(files.values())).parent
    database = next((file for file in sorted(folder.iterdir()) if plain_name(file).endswith("db.json")), None)
    delexicalize = delexicalizer(_slots(database, encoding) if database else {})
    summary = {"values": f"those of {database.name} are placeholders" if database else "as they are: no database"}
    return {
        split: Examples(functools.partial(_read, path, encoding, delexicalize), FEATURES, path, summary=summary)
        for split, path in files.items()
    }


def read_commented_json(path: str | os.PathLike, encoding: str = "utf-8") -> list:
    """Returns the list in a JSON file that may begin with lines of comments, with ``#``.

    Raises:
        ValueError: the file is not JSON, or not a list; the message names it.
    """
    lines = (line for _, line in read_lines(path, encoding))
    try:
        items = json.loads("\n".join("" if line.startswith("#") else line for line in lines))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path}: not JSON: {error}") from error
    if not isinstance(items, list):
        raise ValueError(f"{path}: expected a list. Received: {items!r:.60}")
    return items


def _words(text):
    return " ".join(token for token, _, _ in tokenize(text.lower()))


def _slots(path: pathlib.Path, encoding):
    """Returns {value: slot} of a database; a value of several slots gets the first one."""
    items = read_commented_json(path, encoding)
    try:
        return {_words(item[slot]): slot for slot in reversed(SLOTS) for item in items if item.get(slot)}
    except AttributeError as error:
        raise ValueError(f"{path}: expected objects with texts under {', '.join(SLOTS)}: {error}") from error


def _read(path, encoding, delexicalize):
    for number, dialogue in enumerate(read_commented_json(path, encoding), 1):
        try:
            said = [(turn["usr"]["transcript"], turn["sys"]["sent"]) for turn in dialogue["dial"]]
            said = [tuple(map(_words, pair)) for pair in said]
        except (KeyError, TypeError, AttributeError) as error:
            wanted = '{"dial": [{"usr": {"transcript": TEXT}, "sys": {"sent": TEXT}}]}'
            raise ValueError(f"{path}: dialogue {number}: expected {wanted}: {error!r}") from error
        for text in itertools.chain.from_iterable(said):
            check_surrogates(path, f"dialogue {number}", text, text)
        # A full stop may follow a value: "their postcode is C.B 1, 9 H.X."
        said = [[PLACEHOLDER.sub(r" \g<0> ", delexicalize(text)) for text in pair] for pair in said]
        turns = [(mark, " ".join(text.split())) for pair in said for mark, text in zip((USER, BOT), pair, strict=True)]
        yield from replies(turns, number)
