"""Folders of text files: each folder is a label."""

import heapq
import pathlib

from seqzoo.datasets import DATASETS, Examples
from seqzoo.datasets.files import SPLITS


@DATASETS.register("folders")
def folders(data_dir=None, name=None, columns=None):
    """Labelled texts, a file each, in folders named by label: ``train/pos/0_9.txt``, as in aclImdb.

    The labels take turns in proportion to their files, each one's files sorted by name: data in the order of its labels
    would stay so where it is too large to be shuffled in memory. Folders called ``unsup`` are skipped, and so are
    files beside the labels' folders. aclImdb: https://ai.stanford.edu/~amaas/data/sentiment/

    Args:
        data_dir: folder with a folder for each split, named as in `files.SPLITS`; or the folders of the labels, which
            are then the train split.
        name, columns: what other readers take; of no use here.

    Returns:
        Dict split -> `Examples` of strings, ``text`` (the whole file, with its newlines) and ``label``.

    Raises:
        ValueError: no such folder, no folder of a label, two folders for one split, or name or columns were given;
            while iterating: a file is not UTF-8.
    """
    if not data_dir:
        raise ValueError("--dataset=folders needs --data_dir, a folder of SPLIT/LABEL/*.txt or LABEL/*.txt.")
    if name or columns:
        raise ValueError(f"--dataset=folders has no name and columns. Received: name={name!r}, columns={columns!r}")
    root = pathlib.Path(data_dir).expanduser()
    if not root.is_dir():
        raise ValueError(f"--data_dir={data_dir}: there is no such folder.")
    found = {}
    for split, names in SPLITS.items():
        fitting = [folder for folder in _subfolders(root) if folder.name.lower() in names]
        if len(fitting) > 1:
            raise ValueError(f"{root}: two folders for the {split} split: {', '.join(f.name for f in fitting)}.")
        if fitting:
            found[split] = fitting[0]
    return {split: _examples(folder) for split, folder in (found or {"train": root}).items()}


def _subfolders(folder):
    return sorted(f for f in folder.iterdir() if f.is_dir() and not f.name.startswith(".") and f.name != "unsup")


def _examples(folder):
    labels = [label for label in _subfolders(folder) if any(label.glob("*.txt"))]
    if not labels:
        there = ", ".join(sorted(f.name for f in folder.iterdir())[:8]) or "nothing"
        raise ValueError(f"{folder}: no folder of a label with .txt files in it. There: {there}.")
    return Examples(lambda: _read(labels), {"text": str, "label": str}, folder)


def _read(labels):
    for _, file in heapq.merge(*map(_spread, labels)):
        try:
            yield {"text": file.read_text("utf-8-sig"), "label": file.parent.name}
        except UnicodeDecodeError as error:
            raise ValueError(f"{file}: not UTF-8: {error}. Convert it: iconv -f LATIN1 -t UTF-8") from error


def _spread(label):
    """The files of a label as pairs (place between 0 and 1, file), evenly apart."""
    files = sorted(label.glob("*.txt"))
    return [((number + 0.5) / len(files), file) for number, file in enumerate(files)]
