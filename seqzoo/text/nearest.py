"""Finds the nearest lines of a file by exact search over their vectors, which are cached beside the file."""

import hashlib
import json
import os
import pathlib
from collections.abc import Callable, Collection, Iterable, Iterator

import numpy as np

from seqzoo.files import replace, write_json
from seqzoo.text.lines import Lines, open_bytes

BLOCK = 8192  # vectors that are compared at a time


def read_texts(path: str | os.PathLike) -> Iterator[str]:
    """Yields the lines of a text file, plain or gzipped, without line ends."""
    with open_bytes(path) as file:
        yield from Lines(file, path, flag="")


def vectors_beside(
    path: str | os.PathLike,
    name: str,
    model: str,
    width: int,
    embed: Callable[[Iterable[str]], Iterable[np.ndarray | None]],
    log: Callable[[str], object] = lambda line: None,
) -> np.ndarray:
    """Returns the vectors of the lines of a file, which are computed once and cached in `FILE.NAME.npy` beside it.

    `FILE.NAME.json` has checksums of the file and of the model; if either changes, the vectors are recomputed. Neither
    all lines nor all vectors are ever in memory at once.

    Args:
        path: the file.
        name: name of the run.
        model: identifies the model, such as a checksum.
        width: H.
        embed: function texts -> vector [H] of each, in order; None if it has none, such as an empty line.
        log: called with a message when vectors are computed.

    Returns:
        [N, H], mapped from the file; NaN for a line without a vector.

    Raises:
        ValueError: the file has no lines.
        OSError: the folder can't be written to.
    """
    path = pathlib.Path(path)
    digest, count = hashlib.blake2b(digest_size=16), 0
    for count, line in enumerate(read_texts(path), 1):  # noqa: B007, the last count is used
        digest.update(f"{line}\n".encode("utf-8", "surrogatepass"))
    if not count:
        raise ValueError(f"{path} has no lines.")
    own = {"lines": count, "width": width, "text": digest.hexdigest(), "model": model}
    kept, about = (path.with_name(f"{path.name}.{name}.{ending}") for ending in ("npy", "json"))
    if not _is_made(about, kept, own):

        def save(temporary):
            vectors = np.lib.format.open_memmap(temporary, "w+", "float32", (count, width))
            for row, vector in zip(vectors, embed(read_texts(path)), strict=True):
                row[:] = np.nan if vector is None else vector
            vectors.flush()

        about.unlink(missing_ok=True)  # so that new vectors never lie beside old checksums
        replace(kept, save)
        write_json(about, own)
        log(f"{count:,} vectors of {path} are kept in {kept}")
    return np.load(kept, mmap_mode="r")


def _is_made(about, kept, own):
    try:
        return json.loads(about.read_text("utf-8")) == own and np.load(kept, mmap_mode="r").shape[0] == own["lines"]
    except (OSError, ValueError, EOFError):
        return False


def nearest(
    queries: np.ndarray, vectors: np.ndarray, similarity: Callable, count: int
) -> tuple[np.ndarray, np.ndarray]:
    """Finds the vectors most similar to each query, by exact search block by block.

    Args:
        queries: [Q, H].
        vectors: [N, H], which may be mapped from a file; vectors with NaN are never found.
        similarity: function (query [1, H], block [M, H]) -> [M].
        count: how many to find.

    Returns:
        (positions [Q, count], similarities [Q, count]), the most similar first; ties go to the first; fewer than
        `count` if there are fewer vectors.
    """
    found = [(np.zeros(0, int), np.zeros(0, "float32"))] * len(queries)
    for start in range(0, len(vectors), BLOCK):
        block = np.array(vectors[start : start + BLOCK])
        real = np.flatnonzero(~np.isnan(block[:, 0]))
        for number, query in enumerate(queries):
            positions = np.concatenate([found[number][0], start + real])
            similarities = np.concatenate([found[number][1], np.asarray(similarity(query[None], block))[real]])
            best = np.argsort(-similarities, kind="stable")[:count]
            found[number] = positions[best], similarities[best]
    return np.array([positions for positions, _ in found]), np.array([similarities for _, similarities in found])


def lines_at(path: str | os.PathLike, positions: Collection[int]) -> dict[int, str]:
    """Returns {position: line} for the given positions, from 0, in one pass over a file."""
    wanted = {*positions}
    return {position: line for position, line in enumerate(read_texts(path)) if position in wanted}
