"""Holds out parts of histories: an example of valid or test is a history whose last item is to be predicted."""

import itertools
from collections.abc import Iterable, Iterator

from seqzoo.datasets.examples import Examples


def prefix(example: dict, count: int) -> dict:
    """Returns the example with the first `count` events of its history."""
    lists = ("items", "times")
    return {name: value[:count] if name in lists else value for name, value in example.items()}


def leave_one_out(histories: Examples) -> tuple[Examples, Examples]:
    """Holds out the last item of each history of two items or more.

    Returns:
        (histories without it, whole histories whose last item is to be predicted).

    Raises:
        ValueError: no history has two items.
    """
    if not any(len(example["items"]) > 1 for example in histories):
        raise ValueError(f"{histories.source}: no user has two items, and only the last of several can be held out.")

    def train():
        return (prefix(example, max(1, len(example["items"]) - 1)) for example in histories)

    def valid():
        return (example for example in histories if len(example["items"]) > 1)

    return histories.with_read(train), histories.with_read(valid)


def by_time(histories: Examples, fraction: float) -> tuple[Examples, Examples]:
    """Holds out the latest events of all users together. A user's first item is never a target.

    Args:
        histories: with times.
        fraction: the share of the events; those of the time at which they begin are held out, too.

    Returns:
        (histories before that time, an example for each event from then on: the history up to it).

    Raises:
        ValueError: the histories have no times, or one side would be empty.
    """
    if "times" not in histories.features:
        raise ValueError(
            f"--split=time needs a time for each event, and {histories.source} has none. Read times with "
            "--dataset=events --columns=time=NAME, or hold out the last item of each user by --split=last."
        )
    times = sorted(itertools.chain.from_iterable(example["times"] for example in histories))
    cut = times[min(round((1 - fraction) * len(times)), len(times) - 1)] if times else 0.0

    def known(example):
        return sum(time < cut for time in example["times"])

    def train():
        return (prefix(example, known(example)) for example in histories if known(example))

    def valid():
        return (part for example in histories for part in prefixes(example, known(example)))

    if next(train(), None) is None or next(valid(), None) is None:
        raise ValueError(f"{histories.source}: --split=time leaves one side empty: all events have the same time.")
    return histories.with_read(train), histories.with_read(valid)


def prefixes(example: dict, known: int) -> Iterator[dict]:
    """Returns the history up to each item after the first `known`, except for the very first item."""
    return (prefix(example, count + 1) for count in range(max(known, 1), len(example["items"])))


def continued(before: Iterable[Examples], histories: Examples) -> Examples:
    """Histories of a split that continue those of users of earlier splits.

    Args:
        before: the earlier splits.
        histories: a user's new events; or, in a file that repeats those of the earlier splits, all of them.

    Returns:
        Examples: for a user of an earlier split the history up to each new item, for others the whole history.
    """

    def read():
        earlier = {}
        for example in itertools.chain(*before):
            earlier[example["user"]] = _joined(earlier.get(example["user"], {"items": []}), example)
        for example in histories:
            known = earlier.get(example["user"])
            if known is None:
                yield example
            else:
                yield from prefixes(_joined(known, example), len(known["items"]))

    return histories.with_read(read)


def _joined(known, example):
    """Returns the history of a user whose earlier events are `known`, and which an example continues or repeats."""
    if example["items"][: len(known["items"])] == known["items"]:
        return example
    return {**example, **{name: known[name] + example[name] for name in ("items", "times") if name in example}}
