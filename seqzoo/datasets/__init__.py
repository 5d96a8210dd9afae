"""Datasets: one file a source or format. ``DATASETS[name](...)`` gives ``{split: Examples}``."""

import collections
import functools
import itertools
import random

from seqzoo.registry import Registry

DATASETS = Registry("dataset", "seqzoo.datasets")


class Examples:
    """The examples of one split: iterated as often as needed, read anew each time, so nothing need fit in memory.

    Args:
        read: function without arguments that returns an iterator of examples, each a dict of named features.
        features: what each example must hold: ``{"tokens": list, "text": str, "label": str}``. Lists are lists of
            strings, and all lists of one example are of the same length when `aligned`.
        source: where the examples come from, for messages: a file or the name of a set.
        aligned: whether all list features have one length (tagging), or not (translation).

    Raises (while iterating):
        ValueError: an example does not hold what was declared.
    """

    def __init__(self, read, features, source, aligned=False):
        self.read = read
        self.features = dict(features)
        self.source = str(source)
        self.aligned = aligned

    def __iter__(self):
        for number, example in enumerate(self.read(), 1):
            for name, kind in self.features.items():
                if not isinstance(example.get(name), kind):
                    raise ValueError(
                        f"{self.source}: example {number}: feature {name!r} should be a {kind.__name__}. "
                        f"Received: {example.get(name)!r}"
                    )
            if self.aligned and len(lengths := {n: len(example[n]) for n, k in self.features.items() if k is list}) > 1:
                if len(set(lengths.values())) > 1:
                    raise ValueError(f"{self.source}: example {number}: features differ in length: {lengths}")
            yield example


def held_out(examples, fraction, seed, feature="label"):
    """Two `Examples`: all but a share of each label's examples, and that share, at least one where there are two.

    Args:
        examples: Examples; gone through once for their labels.
        fraction: the share, from 0 to 1.
        seed: decides which.
        feature: the label.
    """
    places = collections.defaultdict(list)
    for number, example in enumerate(examples):
        places[example[feature]].append(number)
    held = set()
    for label in sorted(places):
        count = max(round(fraction * len(places[label])), int(len(places[label]) > 1))
        held.update(random.Random(f"{seed}-{label}").sample(places[label], count))

    def part(inside):
        return lambda: (example for number, example in enumerate(examples) if (number in held) == inside)

    return tuple(
        Examples(part(inside), examples.features, examples.source, examples.aligned) for inside in (False, True)
    )


def every_nth(examples, every, ends=lambda example: True):
    """Two `Examples`: all but one in so many, and those, without a pass over them.

    Args:
        examples: Examples.
        every: the 10th, 20th ... are held out.
        ends: whether an example ends what is counted, such as a document in pieces.
    """

    def part(held):
        def read():
            number = 1
            for example in examples:
                if (number % every == 0) == held:
                    yield example
                number += ends(example)

        return Examples(read, examples.features, examples.source)

    return part(False), part(True)


def as_test(splits):
    """{"test": all of the splits one after the other}: of data that a run did not learn from all is scored."""
    parts = [*splits.values()]
    return {"test": Examples(lambda: itertools.chain(*parts), parts[0].features, parts[0].source)}


def chunks(items, size):
    """Yields lists of so many items at most, of an iterable that is not held whole."""
    items = iter(items)
    while chunk := [*itertools.islice(items, size)]:
        yield chunk


def generated(dataset, write, usual, sizes, features, given, instead, aligned=False):
    """{split: Examples} of a dataset that writes its examples itself and reads nothing.

    Args:
        dataset: its name.
        write: function (split, size) -> iterator of examples.
        usual: {split: size} where `sizes` is None.
        sizes: how many examples each split gets.
        features, aligned: of `Examples`.
        given: {argument: value} of what other readers take, which should be empty.
        instead: name of a dataset to read such files with, for the message.

    Raises:
        ValueError: `sizes` names a split that is none; or something to read was given.
    """
    if any(given.values()):
        received = ", ".join(f"{name}={value!r}" for name, value in given.items())
        raise ValueError(
            f"--dataset={dataset} generates its examples and reads nothing. To read files name their format, as "
            f"--dataset={instead}. Received: {received}"
        )
    sizes = dict(usual if sizes is None else sizes)
    if unknown := set(sizes) - set(usual):
        raise ValueError(f"Unknown splits {sorted(unknown)} in sizes. Received: {sizes}. Splits: {', '.join(usual)}.")
    return {
        split: Examples(functools.partial(write, split, size), features, f"{dataset}/{split}", aligned)
        for split, size in sizes.items()
    }
