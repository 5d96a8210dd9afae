"""Folders of text files: each folder is a label."""

import os

from seqzoo.datasets import DATASETS, Examples
from seqzoo.datasets.files import clean_label, data_path, interleaved, split_folders
from seqzoo.datasets.splits import refuse_arguments
from seqzoo.text.lines import decode_text, open_bytes


@DATASETS.register("folders")
def folders(
    data_dir: str | os.PathLike | None = None,
    name: str | None = None,
    columns: dict | None = None,
    encoding: str = "utf-8",
) -> dict[str, Examples]:
    """Labelled texts, one a file, in folders named by label: ``train/pos/0_9.txt``, as in aclImdb.

    The labels are interleaved in proportion to their numbers of files, the files of each sorted by name: data sorted by
    label would stay sorted where it is too large to be shuffled in memory. Folders called ``unsup`` are skipped, and
    so are files beside the labels' folders. aclImdb: https://ai.stanford.edu/~amaas/data/sentiment/

    Args:
        data_dir: folder with a folder for each split, named as in `splits.SPLITS`; or with the folders of the labels,
            which are then the train split.
        name, columns: arguments of other readers, not used.
        encoding: of the files, such as "latin-1".

    Returns:
        Dict split -> `Examples` of strings, ``text`` (the whole file, with its newlines) and ``label``.

    Raises:
        ValueError: no such folder, no folder of a label, two folders for one split; name or columns were given;
            while iterating: a file is not in this encoding.
    """
    refuse_arguments("--dataset=folders has no name and columns.", name=name, columns=columns)
    root = data_path(data_dir, "folders", "a folder of SPLIT/LABEL/*.txt or LABEL/*.txt")
    if not root.is_dir():
        raise ValueError(f"--data_dir={data_dir}: should be a folder, of SPLIT/LABEL/*.txt or LABEL/*.txt.")
    return {split: _examples(folder, encoding) for split, folder in (split_folders(root) or {"train": root}).items()}


def _examples(folder, encoding):
    subfolders = [f for f in folder.iterdir() if f.is_dir() and not f.name.startswith(".") and f.name != "unsup"]
    labels = [label for label in sorted(subfolders) if any(label.glob("*.txt"))]
    if not labels:
        present = ", ".join(sorted(f.name for f in folder.iterdir())[:8]) or "nothing"
        raise ValueError(f"{folder}: no folder of a label with .txt files in it. Found: {present}.")
    return Examples(lambda: _read(labels, encoding), {"text": str, "label": str}, folder)


def _read(labels, encoding):
    for file in interleaved([sorted(label.glob("*.txt")) for label in labels]):
        with open_bytes(file) as opened:
            yield {"text": "".join(decode_text(opened, file, encoding)), "label": clean_label(file.parent.name)}
