"""SCAN (Lake & Baroni, 2018): commands such as "jump twice and look left", and the actions that they ask for."""

import collections
import functools
import itertools
import os
import re
import zlib
from collections.abc import Iterator

from seqzoo.datasets import DATASETS, Examples
from seqzoo.datasets.files import bad_line, data_path, read_lines

FEATURES = {"source": str, "target": str}
LONGEST = 0.2  # largest share of the commands held out for length; of the published ones, 18.7% are test
BARE = 0.1  # share of train that is the bare primitive, as in the published addprim_jump

_file = re.compile(r"tasks_(train|test)_(\w+)\.txt(\.gz)?")
_line = re.compile(r"\s*IN:\s*(\S.*?)\s*OUT:\s*(\S.*?)\s*")


@DATASETS.register("scan")
def scan(
    data_dir: str | os.PathLike | None = None,
    name: str | None = None,
    columns: dict | None = None,
    encoding: str = "utf-8",
) -> dict[str, Examples]:
    """SCAN, in its published files of lines such as ``IN: jump left OUT: I_TURN_LEFT I_JUMP``, plain or gzipped.

    No valid split is published. The commands held out as valid test the same as the test split; the choice depends on
    the text alone, so it is the same for every seed:

    - ``length``: those with the longest outputs, as many lengths as make up at most a fifth of train;
    - ``addprim_WORD`` where there is no such file, such as ``addprim_look``: those of ``simple`` that have the word and
      others. Train has the rest, and the word by itself, repeated until it is a tenth of train;
    - ``simple`` and all others: a tenth, by a hash (CRC-32) of the command.

    Args:
        data_dir: a folder with files such as ``tasks_train_simple.txt``, in it or in its folders; or one file of such
            lines, which is then the test split.
        name: the split, as in the names of the files: ``"simple"``, ``"length"``, ``"addprim_jump"`` ...
        columns: should be empty.
        encoding: of the files.

    Returns:
        Dict split -> `Examples` of strings, ``source`` and ``target``; with test if there is a file of it.

    Raises:
        ValueError: no such file or split, or no command of the word by itself; with file and line: a line of another
            form.
    """
    if columns:
        raise ValueError(f"--dataset=scan takes no --columns. Received: {columns}")
    path = data_path(data_dir, "scan", "a folder with tasks_train_simple.txt and others, or one such file")
    if path.is_file():
        return {"test": _examples(path, encoding)}
    files, name = collections.defaultdict(dict), name or ""
    for file in sorted(path.rglob("tasks_*")):
        if found := _file.fullmatch(file.name):
            files[found[2]][found[1]] = _examples(file, encoding)
    made = name.startswith("addprim_") and name not in files
    splits = dict(files["simple" if made else name])
    if "train" not in splits:
        present = ", ".join(name for name in files if "train" in files[name]) or "no tasks_train_NAME.txt"
        raise ValueError(f"--dataset=scan needs the --name of a split. In {path}: {present}. Received: {name!r}")
    if made:
        return _primitive(splits["train"], name.removeprefix("addprim_").replace("_", " "))
    return {**(_longest if name == "length" else _tenth)(splits.pop("train")), **splits}


def _examples(path, encoding):
    return Examples(functools.partial(_read, path, encoding), FEATURES, path)


def _read(path, encoding) -> Iterator[dict]:
    for number, line in read_lines(path, encoding):
        if not (found := _line.fullmatch(line)):
            raise bad_line(path, number, "expected IN: COMMAND OUT: ACTIONS", line)
        yield {"source": found[1], "target": found[2]}


def _divided(examples, held, what, more=lambda: ()):
    """Returns {"train", "valid"}: valid has the examples that are held out, train all others and those of `more`."""

    def train():
        return itertools.chain((example for example in examples if not held(example)), more())

    found = Examples(train, FEATURES, examples.source, summary={"held out": f"{what} are valid"})
    return {"train": found, "valid": examples.with_read(lambda: filter(held, examples))}


def _tenth(examples):
    def held(example):
        return zlib.crc32(example["source"].encode()) % 10 == 0

    return _divided(examples, held, "a tenth of the commands")


def _longest(examples):
    counts = sorted(collections.Counter(len(example["target"].split()) for example in examples).items(), reverse=True)
    held, longest = 0, sum(count for _, count in counts) * LONGEST
    least = counts[0][0] if counts else 0
    for length, count in counts:
        held += count
        if held > longest:
            break
        least = length

    def is_long(example):
        return len(example["target"].split()) >= least

    return _divided(examples, is_long, f"the commands with {least} actions or more")


def _primitive(examples, word):
    def has_word(example):
        return f" {word} " in f" {example['source']} "

    bare = next((example for example in examples if example["source"] == word), None)
    if bare is None:
        name = word.replace(" ", "_")
        raise ValueError(
            f"{examples.source}: --name=addprim_{name} needs the command {word!r} by itself: there is none."
        )
    copies = round(sum(not has_word(example) for example in examples) * BARE / (1 - BARE))
    return _divided(
        examples,
        lambda example: has_word(example) and example["source"] != word,
        f"the commands with {word!r} and other words",
        lambda: itertools.repeat(bare, copies - 1),  # beside the one in the file
    )
