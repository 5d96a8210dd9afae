"""Splits: finds them by name, holds out valid or a fold, and divides generated examples among them."""

import collections
import functools
import hashlib
import heapq
import itertools
import os
import pathlib
import random
import re
import zlib
from collections.abc import Callable, Iterable

from seqzoo.datasets.examples import Examples
from seqzoo.datasets.fingerprints import serialized

# {split: words for it in names of files, folders and data sets}
SPLITS = {
    # trn, tst: bAbI's; testa, testb: CoNLL's; trial: SemEval's
    "train": {"train", "training", "trn"},
    "valid": {"valid", "validation", "val", "dev", "devel", "development", "testa", "trial"},
    "test": {"test", "testing", "testb", "tst"},
}


def split_of(word: str) -> str | None:
    """Returns the split that a word means, in upper or lower case: ``"dev"`` -> ``"valid"``; None for other words."""
    return next((split for split, words in SPLITS.items() if word.lower() in words), None)


def splits_in(name: str | pathlib.Path) -> list[str]:
    """Returns the splits that the words of a file name mean, in their order: ``"en_ewt-ud-dev.conllu"`` -> valid."""
    words = re.split(r"[^a-z]+", pathlib.Path(name).name.lower())
    return [split for split in map(split_of, words) if split]


def stratified(examples: Examples, fraction: float, seed: int, feature: str = "label") -> tuple[Examples, Examples]:
    """Holds out a random share of each label's examples, at least one if there are two.

    Args:
        examples: Examples; one pass over them reads their labels.
        fraction: the share, from 0 to 1.
        seed: seed of the choice.
        feature: the label.

    Returns:
        (the rest, what is held out), two Examples in the order of `examples`.
    """
    positions = collections.defaultdict(list)
    for number, example in enumerate(examples):
        positions[example[feature]].append(number)
    held = set()
    for label in sorted(positions):
        count = max(round(fraction * len(positions[label])), int(len(positions[label]) > 1))
        held.update(random.Random(f"{seed}-{label}").sample(positions[label], count))

    def part(inside):
        return lambda: (example for number, example in enumerate(examples) if (number in held) == inside)

    return examples.with_read(part(False)), examples.with_read(part(True))


def every_nth(
    examples: Examples, n: int, ends: Callable[[dict], bool] = lambda example: True
) -> tuple[Examples, Examples]:
    """Holds out every n-th example (the last one if there are fewer than n), without a pass over all of them.

    Args:
        examples: Examples.
        n: 20 holds out every 20th.
        ends: whether an example is the last of its unit, where units such as documents come in several examples.

    Returns:
        (the rest, what is held out), two Examples in the order of `examples`.

    Raises:
        ValueError: there are fewer than two examples or units.
    """
    n = sum(1 for _ in itertools.islice(filter(ends, examples), n))
    if n < 2:
        what = ("no", "one")[n]
        raise ValueError(f"{examples.source}: {what} example. Expected two or more: one is held out as valid.")

    def part(inside):
        def read():
            number = 1
            for example in examples:
                if (number % n == 0) == inside:
                    yield example
                number += ends(example)

        return read

    return examples.with_read(part(False)), examples.with_read(part(True))


def by_target(examples: Examples, n: int) -> tuple[Examples, Examples] | None:
    """Holds out about every n-th distinct target of pairs, with all of its pairs.

    Corpora of sentence pairs have many translations of one sentence. If only some of them were held out, valid would
    have targets that training has seen. The text alone decides which targets are held out, so no list of all targets
    is kept. A pair whose source is in valid with another target is in neither split.

    Args:
        examples: pairs with the features `source` and `target`; one pass over them finds the targets to hold out.
        n: 20 holds out one of 20 targets.

    Returns:
        (the rest, what is held out), two Examples in the order of `examples`; None if either would be empty.
    """

    def held(example):
        return zlib.crc32(example["target"].encode("utf-8", "surrogatepass")) % n == 0

    sources = {example["source"] for example in examples if held(example)}

    def valid():
        return (example for example in examples if held(example))

    def train():
        return (example for example in examples if not held(example) and example["source"] not in sources)

    if not sources or next(train(), None) is None:
        return None
    return examples.with_read(train), examples.with_read(valid)


def fold(
    examples: Examples,
    count: int,
    number: int,
    seed: int,
    group: Callable[[dict], object],
    ends: Callable[[dict], bool] = lambda example: True,
) -> tuple[Examples, Examples]:
    """Holds out one of several folds of about equal size.

    All examples of a group are in one fold. Groups are assigned from the largest to the smallest, each to the fold that
    is the smallest so far. Groups of equal size are ordered by label, if examples have the feature "label", so that
    every fold has its share of each label, and then at random. Only a hash of each group is kept.

    Args:
        examples: Examples; one pass over them reads their groups.
        count: number of folds.
        number: number of the fold to hold out, from 1.
        seed: seed of the assignment, which is the same for every `number`.
        group: function example -> the key of its group, any value that JSON or NumPy can hold.
        ends: whether an example is the last of its unit, where units such as documents come in several examples.

    Returns:
        (the rest, the fold), two Examples in the order of `examples`.

    Raises:
        ValueError: there are fewer groups than folds.
    """
    units, digest, labels = [], hashlib.blake2b(digest_size=8), {}
    for example in examples:
        digest.update(serialized({"group": group(example)}))
        if ends(example):
            units.append(digest.digest())
            labels.setdefault(units[-1], str(example.get("label", "")))
            digest = hashlib.blake2b(digest_size=8)
    units += [digest.digest()] if digest.digest() != hashlib.blake2b(digest_size=8).digest() else []
    sizes = collections.Counter(units)
    if len(sizes) < count:
        raise ValueError(
            f"{examples.source}: --folds={count} needs as many different groups of examples. Found: "
            f"{len(sizes)}" + (f"; --folds={len(sizes)} leaves each out in turn." if len(sizes) > 1 else ".")
        )
    drawn = random.Random(seed).sample(sorted(sizes), len(sizes))
    drawn.sort(key=lambda unit: (-sizes[unit], labels.get(unit, "")))
    folds, held = [(0, index) for index in range(count)], set()  # a heap: size and index of each fold
    for unit in drawn:
        size, index = heapq.heappop(folds)
        heapq.heappush(folds, (size + sizes[unit], index))
        if index == number - 1:
            held.add(unit)

    def part(inside):
        def read():
            position = 0
            for example in examples:
                if (units[position] in held) == inside:
                    yield example
                position += ends(example)

        return read

    return examples.with_read(part(False)), examples.with_read(part(True))


def hold_out_files(
    files: list[pathlib.Path], every: int, group_by: str = ""
) -> tuple[list[pathlib.Path], list[pathlib.Path], str]:
    """Holds out every n-th file or group of files (the last one if there are fewer).

    Args:
        files: the files, in order.
        every: n.
        group_by: "folder": the files of a folder and its subfolders stay together. The folder of a file is the topmost
            one that has files itself, below the folder that all files share.

    Returns:
        (the rest, what is held out, a description).

    Raises:
        ValueError: with `group_by`, all files are in one folder.
    """
    groups = {}
    folders = {file.parent for file in files}
    top = pathlib.Path(os.path.commonpath(folders)) if folders else None
    for file in files:
        above = [folder for folder in file.parents if folder in folders and folder != top]
        groups.setdefault(above[-1] if group_by and above else file, []).append(file)
    if group_by and len(groups) < 2:
        raise ValueError(f"--group_by={group_by}: all {len(files)} files are in one folder, {next(iter(groups))}.")
    keys = list(groups)
    held = {file for key in keys[every - 1 :: every] or keys[1:][-1:] for file in groups[key]}
    rest, held = [file for file in files if file not in held], [file for file in files if file in held]
    return rest, held, f"every {every}th {group_by or 'file'} is valid (if fewer, the last one)"


def joined(splits: dict[str, Examples] | Iterable[Examples]) -> Examples:
    """Returns the examples of all splits, one after another: a run is scored on all examples of unseen data."""
    parts = [*(splits.values() if isinstance(splits, dict) else splits)]
    sources = dict.fromkeys(part.source for part in parts)
    return parts[0].with_read(lambda: itertools.chain(*parts), ", ".join(sources))


def split_by_key(key: str, shares: dict[str, int]) -> str:
    """Returns the split of a generated example. Its key alone decides, so no key is in two splits of any seed.

    Args:
        key: identifies the example.
        shares: {split: its share of all keys}.
    """
    return random.Random(key).choices(list(shares), list(shares.values()))[0]


def refuse_arguments(message: str, **given) -> None:
    """Raises a ValueError if a reader's argument was given to a dataset that reads nothing.

    Args:
        message: the reason, and what to do instead; the received arguments are added.
        **given: the arguments, empty if not given.
    """
    received = ", ".join(f"{name}={value!r}" for name, value in given.items() if value)
    if received:
        raise ValueError(f"{message} Received: {received}")


def generated(
    default_sizes: dict[str, int], features: dict[str, type], instead: str, aligned: bool = False
) -> Callable[[Callable[[int, str, int], Iterable[dict]]], Callable[..., dict[str, Examples]]]:
    """Decorator that turns a function that generates examples into a dataset with the function's name.

    It decorates ``function(seed, split, size)``, which yields the examples of a split. The dataset has the arguments of
    a reader, which should be empty since nothing is read, and `seed` and `sizes`, {split: size}. It returns {split:
    Examples}; each iteration generates them again. It raises a ValueError if `sizes` has an unknown split, or if a
    reader's argument was given.

    Args:
        default_sizes: {split: size} if no sizes are given.
        features, aligned: of `Examples`.
        instead: name of the dataset that reads such files, for the message; "": none does.
    """

    def decorate(generate):
        dataset = generate.__name__

        def read(
            data_dir: str | os.PathLike | None = None,
            name: str | None = None,
            columns: dict | None = None,
            seed: int = 0,
            sizes: dict[str, int] | None = None,
        ) -> dict[str, Examples]:
            advice = f" To read files name their format, as --dataset={instead}." if instead else ""
            refuse_arguments(
                f"--dataset={dataset} generates its examples and reads nothing.{advice}",
                data_dir=data_dir,
                name=name,
                columns=columns,
            )
            chosen = dict(default_sizes if sizes is None else sizes)
            if unknown := set(chosen) - set(default_sizes):
                known = ", ".join(default_sizes)
                raise ValueError(f"Unknown splits {sorted(unknown)} in sizes. Received: {chosen}. Splits: {known}.")
            return {
                split: Examples(functools.partial(generate, seed, split, size), features, f"{dataset}/{split}", aligned)
                for split, size in chosen.items()
            }

        read.__name__ = read.__qualname__ = dataset
        read.__doc__, read.__module__ = generate.__doc__, generate.__module__
        return read

    return decorate
