"""Pictures with one caption or several: tables, Flickr's text files, and JSON as of COCO or of Karpathy's splits."""

import collections
import functools
import itertools
import json
import os
import pathlib
import re
from collections.abc import Iterator

from seqzoo.datasets import DATASETS, Examples
from seqzoo.datasets.files import bad_line, check_surrogates, data_path, plain_name, read_lines
from seqzoo.datasets.splits import SPLITS, splits_in
from seqzoo.datasets.tables import by_index, csv_rows, find_columns, no_column, plain_column, tsv_rows
from seqzoo.files import archive
from seqzoo.pictures import Member, Picture, Stored
from seqzoo.pictures.picture import ENDINGS
from seqzoo.text.lines import open_bytes

FEATURES = {"picture": Picture, "captions": list}
TABLES = (".tsv", ".csv", ".txt", ".token", ".json")
# Common names of the columns, the likeliest first, as for `tables.find_columns`.
COLUMNS = {
    "file": ("file", "filename", "image", "imagename", "picture", "path", "name"),
    "caption": ("caption", "text", "description", "sentence", "comment", "title", "label"),
}
_number = re.compile(r"#\d+$")  # of the caption of a picture, in Flickr's files


@DATASETS.register("captions")
def captions(
    data_dir: str | os.PathLike | None = None,
    name: str | None = None,
    columns: dict | None = None,
    encoding: str = "utf-8",
) -> dict[str, Examples]:
    """Pictures and their captions, in a folder with tables and with the pictures, also in zip archives.

    A table, of each split or of all, is one of

    - TSV or CSV with the file of a picture and a caption in columns, with or without a header; also in ``.txt``;
    - Flickr's ``photo.jpg#0``, a tab and a caption, or ``photo.jpg,caption``;
    - COCO's JSON of captions, ``captions_train2017.json``, as it is or in ``annotations/``;
    - Karpathy's JSON, ``dataset_flickr8k.json``, which names the split of each picture.

    A picture with several captions is one example. Beside one table of all, lists with one file name per line, such as
    ``Flickr_8k.devImages.txt``, say which pictures valid and test have; the others are train, or those of a list of
    train. Pictures are found by their path from the table's folder, or anywhere below `data_dir` by their names.

    Args:
        data_dir: the folder, or one table.
        name: take only the tables with this in their names.
        columns: {"file": column, "caption": column} of a table, by names of its header, or by index, from 0.
        encoding: of the tables.

    Returns:
        {split: Examples} of ``{"picture": Picture, "captions": [str, ...]}``; pictures are read when they are needed,
        see `pictures.picture`.

    Raises:
        ValueError: no such folder or tables; with file and line: a malformed one.
    """
    root = data_path(data_dir, "captions", "a folder with tables of pictures and captions, or one table")
    folder = root if root.is_dir() else root.parent
    tables, lists = _tables(root, name or "", encoding)
    found, finder = {}, _Finder(folder)
    for split, path in tables.items():
        parts = _captions(path, columns or {}, encoding)
        if "" in parts:
            parts = {split: parts[""]} if split else _divided(parts[""], lists, encoding)
        for part, texts in parts.items():
            read = functools.partial(_examples, texts, path.parent, part, finder)
            found[part] = Examples(read, FEATURES, path if part == split else f"{path}/{part}")
    return {split: found[split] for split in SPLITS if split in found}


def _tables(root, name, encoding):
    """Returns ({split, or "" of all: table}, {split: list of names}) in a folder."""
    if root.is_file():
        return {"test": root}, {}
    annotations = root / "annotations"
    folder = annotations if annotations.is_dir() else root
    files = [path for path in sorted(folder.iterdir()) if plain_name(path).endswith(TABLES) and name in path.name]
    if folder is annotations and not name:  # COCO has other tables there
        files = [path for path in files if "caption" in plain_name(path)]
    tables, lists = collections.defaultdict(list), {}
    for path in files:
        split = next(iter(splits_in(re.sub("(?<=[a-z])(?=[A-Z])", "_", path.name))), "")  # as in devImages
        if plain_name(path).endswith(".json") or not _is_list(path, encoding):
            tables[split].append(path)
        elif split:
            lists[split] = path
    if not (tables := _chosen(tables, root)):
        present = ", ".join(sorted(path.name for path in folder.iterdir())[:8]) or "nothing"
        raise ValueError(
            f"{folder}: no table of pictures and captions ({', '.join(TABLES)}), such as train.tsv. Found: {present}."
        )
    return tables, lists


def _chosen(tables, root):
    """Returns {split: table} of {split: [tables]}; where splits have tables of their own, one of all is left out."""
    chosen = {split: tables[split] for split in SPLITS if tables[split]} or {"": tables[""]}
    for split, paths in chosen.items():
        if len(paths) > 1:
            names = ", ".join(path.name for path in paths)
            raise ValueError(
                f"{root}: {len(paths)} tables fit the {split or 'train'} split: {names}. Choose by a part of their "
                "names: --name=PART."
            )
    return {split: paths[0] for split, paths in chosen.items() if paths}


def _is_list(path, encoding):
    """Whether the first line of a text file is only the name of a picture, or the file is not a table at all."""
    first = next((line for _, line in read_lines(path, encoding)), "").strip()
    if "\t" in first or ("," in first and plain_name(path).endswith(".csv")):
        return False
    return first.lower().endswith(ENDINGS) or "," not in first


def _captions(path, columns, encoding) -> dict[str, dict[str, list[str]]]:
    """Returns {split, "" where the table names none: {file of a picture: captions}}."""
    if plain_name(path).endswith(".json"):
        return _json(path, encoding)
    found = collections.defaultdict(list)
    for number, file, caption in _rows(path, columns, encoding):
        file, caption = _number.sub("", file.strip()), caption.strip()
        if not file or not caption:
            raise bad_line(
                path, number, f"the {'caption' if file else 'name of the picture'} is empty", f"{file} {caption}"
            )
        found[file].append(caption)
    if not found:
        raise ValueError(f"{path} holds no captions.")
    return {"": found}


def _rows(path, columns, encoding) -> Iterator[tuple[int, str, str]]:
    """(line number, file, caption) of the rows of a table."""
    first = next((line for _, line in read_lines(path, encoding)), "")
    tabs = plain_name(path).endswith(".tsv") or (not plain_name(path).endswith(".csv") and "\t" in first)
    rows = (tsv_rows if tabs else csv_rows)(path, encoding)
    start, fields = next(rows, (0, []))
    if len(fields) < 2:
        raise bad_line(path, start, "expected the file of a picture and a caption in columns", " ".join(fields))
    found = find_columns(path, fields, columns, COLUMNS, ())
    indices = {"file": 0, "caption": len(fields) - 1, **found}
    file = _number.sub("", fields[indices["file"]].strip()).lower()
    pictured = file.endswith(ENDINGS)
    header = plain_column(file) in COLUMNS["file"] if by_index(columns) else bool(found) and not pictured
    if not (pictured or found):
        raise no_column(path, "file and the caption", "the name of a picture in the first line", fields, COLUMNS)
    for number, row in itertools.chain([] if header else [(start, fields)], rows):
        yield number, row[indices["file"]], row[indices["caption"]]


def _json(path, encoding):
    """What `_captions` returns, of COCO's or Karpathy's JSON."""
    try:
        with open_bytes(path) as file:
            given = json.loads(file.read().decode(encoding).removeprefix("\ufeff"))
        found = collections.defaultdict(lambda: collections.defaultdict(list))
        if isinstance(given["images"][0].get("sentences"), list):
            for picture in given["images"]:
                name = "/".join(filter(None, (picture.get("filepath"), picture["filename"])))
                split = next(iter(splits_in(picture.get("split", ""))), "train")  # "restval" is part of train
                for sentence in picture["sentences"]:
                    found[split][name].append(sentence["raw"].strip())
        else:
            names = {picture["id"]: str(pathlib.PurePath(picture["file_name"])) for picture in given["images"]}
            for annotation in given["annotations"]:
                found[""][names[annotation["image_id"]]].append(annotation["caption"].strip())
    except (ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
        raise ValueError(
            f"{path}: neither COCO's JSON of captions (images with id and file_name, annotations with image_id and "
            f"caption) nor Karpathy's (images with filename and sentences): {type(error).__name__}: {error}"
        ) from error
    for captions in found.values():
        for name, texts in captions.items():
            if "" in texts:
                raise ValueError(f"{path}: a caption of {name} is empty.")
            check_surrogates(path, name, " ".join(texts), "".join(texts))
    return found


def _divided(found, lists, encoding):
    """Returns {split: {file: captions}} of the captions of one table, by lists of the pictures of splits."""
    listed = {}
    for split, path in lists.items():
        for number, line in read_lines(path, encoding):
            if line.strip() and line.strip() not in found:
                raise bad_line(path, number, "the table has no caption of this picture", line)
            listed[line.strip()] = split
    splits = collections.defaultdict(dict)
    for file, texts in found.items():
        splits[listed.get(file, "" if "train" in lists else "train")][file] = texts
    return {split: part for split, part in splits.items() if split}


def _examples(found, folder, split, finder):
    for file, texts in found.items():
        yield {"picture": finder(file, folder, split), "captions": texts}


class _Finder:
    """Finds the pictures below a folder by their names; only the first question makes it look there.

    Args:
        root: the folder.
    """

    def __init__(self, root: pathlib.Path):
        self.root = root

    def __call__(self, file: str, folder: pathlib.Path, split: str) -> Picture:
        """Returns the picture that a table in `folder` calls `file`; one that is not there can't be read."""
        if (folder / file).is_file():
            return Stored(file, folder / file)
        named = pathlib.PurePath(file)  # without ./ in front
        fitting = [found for path, found in self.pictures[named.name] if path.endswith(f"/{named}")]
        own = [picture for picture in fitting if split in splits_in(self.place(picture))]
        return next(iter(own or fitting), Stored(file, folder / file))

    def place(self, picture: Stored) -> str:
        """Returns the names of the folders and the archive that a picture is in, as one text for `splits_in`."""
        parts = picture.path.relative_to(self.root).parts
        return " ".join(parts if isinstance(picture, Member) else parts[:-1])

    @functools.cached_property
    def pictures(self) -> dict[str, list[tuple[str, Stored]]]:
        """{name of a file: [(its path, the picture)]}."""
        found = collections.defaultdict(list)
        for path in sorted(self.root.rglob("*")):
            if path.suffix.lower() in ENDINGS:
                found[path.name].append((f"/{path.relative_to(self.root).as_posix()}", Stored(path.name, path)))
            elif path.suffix.lower() == ".zip":
                for member in sorted(archive(path).namelist()):
                    if member.lower().endswith(ENDINGS):
                        name = pathlib.PurePath(member).name
                        found[name].append((f"/{member}", Member(name, path, member)))
        return found
