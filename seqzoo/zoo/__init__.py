"""The zoo: finished runs that the package brings along. ``zoo:NAME`` stands for one wherever a finished run is named.

Each is an ordinary run folder with its model card, written by ``--mode=export --format=run``.
"""

import json
import os
import pathlib

from seqzoo.registry import did_you_mean

PREFIX = "zoo:"
HERE = pathlib.Path(__file__).parent


def names() -> list[str]:
    """Returns the names of the runs, sorted."""
    return sorted(file.parent.name for file in HERE.glob("[!.]*/config.json"))


def path(name: str) -> pathlib.Path:
    """Returns the folder of a run.

    Args:
        name: one of `names`.

    Raises:
        ValueError: the zoo has no run of this name; says which one is nearest.
    """
    if name not in names():
        raise ValueError(f"The zoo has no run {name!r}.{did_you_mean(name, names())} It has: {', '.join(names())}.")
    return HERE / name


def about(name: str) -> dict:
    """What the model card says of a run and the run itself does not know: "what", "licence" and others."""
    return json.loads((path(name) / "about.json").read_text("utf-8"))


def megabytes(name: str) -> float:
    """Returns the size of a run."""
    return sum(file.stat().st_size for file in path(name).rglob("*") if file.is_file()) / 1e6


def located(folder: str | os.PathLike) -> pathlib.Path:
    """Returns the folder that a user names, by its path or as ``zoo:NAME``.

    Raises:
        ValueError: see `path`.
    """
    named = str(folder)
    return path(named.removeprefix(PREFIX)) if named.startswith(PREFIX) else pathlib.Path(folder)


def writable(folder: str | os.PathLike) -> pathlib.Path:
    """Where a use of a run writes: its own folder; runs/zoo-NAME if that belongs to the package."""
    folder = located(folder)
    return pathlib.Path("runs") / f"zoo-{folder.name}" if folder.resolve().parent == HERE.resolve() else folder


def check_trainable(folder: str | os.PathLike) -> None:
    """Raises a ValueError if the folder of a training is a run of the zoo."""
    if str(folder).startswith(PREFIX) or writable(folder) != pathlib.Path(folder):
        name = pathlib.Path(str(folder).removeprefix(PREFIX)).name
        raise ValueError(
            f"A run of the zoo is finished. To train it further, start another run from it: --init_from=zoo:{name}, "
            "with a --workdir of its own."
        )
