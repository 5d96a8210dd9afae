"""Dialogue acts and sentences that express them, as in RNNLG (Wen et al., 2015 and 2016), delexicalised."""

import collections
import functools
import os
import re

from seqzoo.datasets import DATASETS, Examples
from seqzoo.datasets.dialogue.camrest import read_commented_json
from seqzoo.datasets.dialogue.replies import FEATURES
from seqzoo.datasets.files import check_surrogates, split_files
from seqzoo.text.placeholders import delexicalizer, placeholder
from seqzoo.text.turns import ACT, join_turns

UNNAMED = {"yes", "no", "true", "false", "none", "dontcare", "dont_care"}  # values that a sentence does not spell
_ACT = re.compile(r"(\??\w+)\((.*)\)")
_SLOT = re.compile(r"(\w+)(?:=('[^']*'(?=;|$)|[^;]*))?(?:;|$)")


@DATASETS.register("rnnlg")
def rnnlg(
    data_dir: str | os.PathLike | None = None,
    name: str | None = None,
    columns: dict | None = None,
    encoding: str = "utf-8",
) -> dict[str, Examples]:
    """Files of JSON with lists of ``[act, sentence, ...]``; lines of comments may come first, with ``#``.

    An act is ``inform(name='la taza';pricerange=cheap)``. Its values are replaced in the act and the sentence by the
    names of their slots, ``[value_name]``, except for values that a sentence does not spell out, such as yes; slots are
    sorted, as their order means nothing. The history of the example is ``<act> inform [value_name]
    [value_pricerange]``. The data: https://github.com/shawnwun/RNNLG

    Args:
        data_dir: folder with train/valid/test files ending in ``.json``, plain or gzipped, or one such file.
        name: take only files with this in their names.
        columns: should be empty.
        encoding: of the files.

    Returns:
        Dict split -> `Examples` with ``history`` and ``reply``, each a dialogue of its own.

    Raises:
        ValueError: no such files; while iterating, with the file: not JSON, not of that form, or a malformed act.
    """
    if columns:
        raise ValueError(f"--dataset=rnnlg takes no --columns. Received: {columns}")
    files = split_files(data_dir, ".json", name=name, reader="rnnlg")
    return {split: Examples(functools.partial(_read, path, encoding), FEATURES, path) for split, path in files.items()}


def _read(path, encoding):
    for number, item in enumerate(read_commented_json(path, encoding), 1):
        try:
            act, sentence = item[:2]
            history, reply = delexicalized(act, sentence)
        except (TypeError, ValueError, KeyError, AttributeError) as error:
            raise ValueError(f"{path}: item {number}: expected [act, sentence]: {error}") from error
        check_surrogates(path, f"item {number}", sentence, act + sentence)
        yield {"history": join_turns([(ACT, history)]), "reply": reply, "dialogue": number, "last": True}


def delexicalized(act: str, sentence: str) -> tuple[str, str]:
    """Returns an act and its sentence with placeholders for values; the second value of a slot gets ``[value_area_2]``.

    Raises:
        ValueError: the act is malformed.
    """
    match = _ACT.fullmatch(act.strip())
    if not match:
        raise ValueError(f"malformed act {act!r:.80}; such as inform(name='la taza';pricerange=cheap)")
    words, slots, counts = [], {}, collections.Counter()
    for slot, value in _SLOT.findall(match[2].strip(";")):
        value = " ".join(value.strip("'").lower().split())
        if value in UNNAMED or not value:
            words.append(f"{slot} = {value}" if value else slot)
            continue
        if value not in slots:  # slots with the same value share a placeholder: the sentence does not tell them apart
            counts[slot] += 1
            slots[value] = f"{slot}_{counts[slot]}" if counts[slot] > 1 else slot
        words.append(placeholder(slots[value]))
    return " ".join([match[1], *sorted(words)]), delexicalizer(slots)(" ".join(sentence.lower().split()))
