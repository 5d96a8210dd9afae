"""Fingerprints: detect whether a split still has the same examples, without keeping any."""

import dataclasses
import hashlib
import json
from collections.abc import Iterator

import numpy as np

from seqzoo.datasets.examples import Examples


class Fingerprinted(Examples):
    """Examples whose fingerprint is computed when they are first read to the end.

    Args:
        examples: the Examples to read.
    """

    def __init__(self, examples: Examples):
        super().__init__(examples.read, examples.features, examples.source, examples.aligned, examples.summary)
        self._fingerprint = None

    def __iter__(self) -> Iterator[dict]:
        if self._fingerprint:
            yield from super().__iter__()
            return
        digest, count = hashlib.blake2b(digest_size=16), 0
        for count, example in enumerate(super().__iter__(), 1):  # noqa: B007, the last count is used
            digest.update(serialized(example))
            yield example
        self._fingerprint = {"examples": count, "hash": digest.hexdigest()}

    @property
    def fingerprint(self) -> dict:
        """Returns {"examples": their number, "hash": hash of all in order}; reads the examples if not done yet."""
        if not self._fingerprint:
            for _ in self:
                pass
        return self._fingerprint


def serialized(example: dict) -> bytes:
    """Serializes an example to bytes, the same in every process."""
    text = json.dumps(example, default=_plain, ensure_ascii=False, sort_keys=True)
    return f"{text}\n".encode("utf-8", "surrogatepass")


def _plain(value):
    """Converts a value that JSON does not know."""
    if isinstance(value, np.ndarray):
        digest = hashlib.blake2b(np.ascontiguousarray(value).tobytes(), digest_size=16)
        return [str(value.dtype), value.shape, digest.hexdigest()]
    if isinstance(value, np.generic):
        return value.item()
    if dataclasses.is_dataclass(value):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, set | frozenset):
        return sorted(map(repr, value))
    if isinstance(value, bytes):
        return value.hex()
    return str(value)


def changes(before: dict, now: dict) -> list[str]:
    """Describes how the splits of a dataset differ from earlier ones, a text for each changed split.

    Args:
        before, now: {split: fingerprint}.
    """
    found = []
    for split in {**before, **now}:
        old, new = (fingerprints.get(split) for fingerprints in (before, now))
        if old == new:
            continue
        if not old or not new:
            found.append(f"{split} {'is new' if new else 'is gone'}")
        elif old["examples"] == new["examples"]:
            found.append(f"{split} has {new['examples']:,} examples as before, but not the same ones")
        else:
            found.append(f"{split} had {old['examples']:,} examples, now {new['examples']:,}")
    return found
