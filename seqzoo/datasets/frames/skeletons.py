"""Skeletons in text files, as MSR Action3D has them."""

import functools
import os
import pathlib
import re
import zipfile
from collections.abc import Iterator

import numpy as np

from seqzoo.datasets import DATASETS, Examples
from seqzoo.datasets.files import bad_line, data_path, read_lines, split_files, split_folders
from seqzoo.datasets.frames.numbers import checked_frames, floats
from seqzoo.datasets.splits import refuse_arguments

JOINTS = 20
ACTIONS = (
    "high arm wave", "horizontal arm wave", "hammer", "hand catch", "forward punch", "high throw", "draw x",
    "draw tick", "draw circle", "hand clap", "two hand wave", "side boxing", "bend", "forward kick", "side kick",
    "jogging", "tennis swing", "tennis serve", "golf swing", "pick up and throw",
)  # fmt: skip

_named = re.compile(r"a(\d+)_s(\d+)_e(\d+)", re.IGNORECASE)


@DATASETS.register("skeletons")
def skeletons(
    data_dir: str | os.PathLike | None = None, name: str | None = None, columns: dict | None = None
) -> dict[str, Examples]:
    """Skeletons of MSR Action3D: 20 lines a frame, one for each joint, with x, y, z and a confidence.

    A file's name, ``a01_s03_e02_skeleton3D.txt``, gives action, subject and trial; the group is the subject. Li et al.,
    2010, Action Recognition Based on a Bag of 3D Points, https://doi.org/10.1109/CVPRW.2010.5543273

    Args:
        data_dir: zip file or folder with such files; or a folder with a zip file or folder for each split.
        name: text file in `data_dir` that lists the clips to read, one per line; missing ones are skipped:
            ``files_used_in_cvpr12_paper.txt``.
        columns: of other readers, not used.

    Returns:
        {split: Examples} of ``{"frames": array [T, 60], "label": str, "group": str, "file": str}``, in the order of
        the file names.

    Raises:
        ValueError: no such files; while iterating, with file and line: not four numbers in a line, or not 20 lines a
            frame.
    """
    refuse_arguments("--dataset=skeletons has no columns.", columns=columns)
    root = data_path(data_dir, "skeletons", "a zip file or folder of aAA_sSS_eEE_skeleton3D.txt")
    listed = _listed(root, name) if name else None
    splits = {"train": root}
    if root.is_dir() and not any(_named.match(file.name) for file in root.iterdir()):
        splits = split_folders(root) or split_files(root, ".zip", reader="skeletons")
    found = {}
    for split, path in splits.items():
        names = [n for n in _names(path) if listed is None or _named.match(n).group().lower() in listed]
        if not names:
            raise ValueError(f"{path}: no file aAA_sSS_eEE_skeleton3D.txt{f' that {name} lists' if name else ''}.")
        features = {"frames": np.ndarray, "label": str, "group": str, "file": str}
        found[split] = Examples(functools.partial(_read, path, names), features, path)
    return found


def _listed(root, name):
    path = (root if root.is_dir() else root.parent) / name
    if not path.is_file():
        raise ValueError(f"--name={name} should be a text file in {path.parent} that lists the clips to read.")
    return {match.group().lower() for _, line in read_lines(path) if (match := _named.match(line.strip()))}


def _names(path: pathlib.Path) -> list[str]:
    """Returns the names of the clips in a zip file or folder, sorted."""
    if path.is_dir():
        names = [file.name for file in path.iterdir()]
    else:
        try:
            with zipfile.ZipFile(path) as archive:
                names = archive.namelist()
        except zipfile.BadZipFile as error:
            raise ValueError(f"{path}: should be a folder or a zip file of skeletons: {error}") from error
    return sorted(name for name in names if _named.match(name) and name.lower().endswith(".txt"))


def _read(path, names) -> Iterator[dict]:
    archive = None if path.is_dir() else zipfile.ZipFile(path)
    try:
        for name in names:
            where = f"{path}/{name}"
            text = (path / name).read_bytes() if archive is None else archive.read(name)
            action, subject, _ = map(int, _named.match(name).groups())
            label = ACTIONS[action - 1] if 0 < action <= len(ACTIONS) else f"action {action}"
            yield {"frames": _frames(text, where), "label": label, "group": f"subject {subject}", "file": name}
    finally:
        if archive:
            archive.close()


def _frames(text, where):
    rows = []
    for number, line in enumerate(text.decode("latin-1").splitlines(), 1):
        if fields := line.split():
            if len(fields) != 4:
                raise bad_line(where, number, f"expected x, y, z and a confidence, found {len(fields)} fields", line)
            rows.append(floats(fields, where, number))
    if len(rows) % JOINTS:
        raise ValueError(f"{where}: {len(rows)} lines; expected {JOINTS} for each frame.")
    return checked_frames(np.array(rows, "float64").reshape(-1, JOINTS, 4)[..., :3], where)
