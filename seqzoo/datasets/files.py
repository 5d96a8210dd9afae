"""Finds the files of splits and reads numbered lines. Shared by all readers."""

import difflib
import heapq
import pathlib
from collections.abc import Iterator

from seqzoo.datasets.splits import SPLITS, split_of, splits_in
from seqzoo.text.lines import decode_lines, open_bytes, shorten


def data_path(data_dir: str | pathlib.Path | None, reader: str, wanted: str) -> pathlib.Path:
    """Returns the path in ``--data_dir``.

    Args:
        data_dir: a folder or file.
        reader: the name of the dataset, for messages.
        wanted: what it reads, for messages: ``"a folder with train.en and train.de, or a file"``.

    Raises:
        ValueError: no path was given, or it does not exist.
    """
    if not data_dir:
        raise ValueError(f"--dataset={reader} needs --data_dir, {wanted}.")
    path = pathlib.Path(data_dir).expanduser()
    if not (path.is_file() or path.is_dir()):
        names = [child.name for child in path.parent.iterdir()] if path.parent.is_dir() else []
        near = difflib.get_close_matches(path.name, names, n=1)
        hint = f" Did you mean {str(path.parent / near[0])!r}?" if near else ""
        raise ValueError(f"--data_dir={data_dir}: there is no such folder or file.{hint}")
    return path


def split_files(
    data_dir: str | pathlib.Path | None,
    *extensions: str,
    name: str | None = None,
    reader: str = "a reader of files",
    skip: str = "",
) -> dict[str, pathlib.Path]:
    """Finds the files of the splits by their names: ``train.txt``, ``en_ewt-ud-dev.conllu.gz``, ``eng.testa``.

    The last word in a file's name that means a split (`splits.SPLITS`) decides. If several files fit, the one without
    other words in its name wins: ``train.tsv`` before ``train_phrases.tsv``.

    Args:
        data_dir: a folder; or one file, which is then the test split, so that any labelled file can be scored.
        *extensions: the file names' endings, each also with ``.gz``: ``".conllu"``. None given: any.
        name: take only files with this in their names, for a folder that holds several sets: ``"en_ewt"``.
        reader: the name of the dataset, for messages: ``"conll"``.
        skip: leave out files with this in their names.

    Returns:
        Dict split -> `pathlib.Path`, in the order train, valid, test, with the splits that were found.

    Raises:
        ValueError: `data_dir` is missing or does not exist; it has no file of any split, or two files for one.
    """
    folder = data_path(data_dir, reader, "a folder with train/valid/test files or one labelled file")
    if folder.is_file():
        return {"test": folder}

    candidates = {split: [] for split in SPLITS}
    present = sorted(file for file in folder.iterdir() if file.is_file() and not file.name.startswith("."))
    for file in present:
        plain = plain_name(file)
        fits = (name or "").lower() in plain and not (skip and skip in plain)
        if fits and plain.endswith(tuple(e.lower() for e in extensions) or ""):
            if splits := splits_in(plain):
                candidates[splits[-1]].append(file)

    found = {}
    for split, files in candidates.items():
        exact = [file for file in files if split_of(file.name.split(".")[0]) == split]
        if len(exact or files) > 1:
            raise ValueError(
                f"{folder}: {len(exact or files)} files fit the {split} split: {_listed(exact or files)}. "
                "Choose by a part of the file names in `name`, or move the others."
            )
        if files:
            found[split] = (exact or files)[0]
    if not found:
        wanted = f"{' or '.join(extensions)} file" if extensions else "file"
        named = f" and {name!r}" if name else ""
        raise ValueError(
            f"{folder}: no {wanted} with train, valid (or dev, val, testa) or test (or testb){named} in its name. "
            f"Found: {_listed(present) or 'nothing'}."
        )
    return found


def split_folders(folder: pathlib.Path) -> dict[str, pathlib.Path]:
    """Returns {split: folder} of the subfolders that are named like a split, in the order train, valid, test.

    Raises:
        ValueError: two folders for one split.
    """
    found = {}
    for split in SPLITS:
        fitting = sorted(child for child in folder.iterdir() if split_of(child.name) == split and child.is_dir())
        if len(fitting) > 1:
            names = ", ".join(child.name for child in fitting)
            raise ValueError(f"{folder}: two folders for the {split} split: {names}.")
        if fitting:
            found[split] = fitting[0]
    return found


def interleaved(lists: list[list]) -> Iterator:
    """Yields the items of several lists, interleaved in proportion to their lengths: otherwise, data sorted by label
    would stay sorted if they are too large to be shuffled in memory."""

    def spread(items):
        return [((number + 0.5) / len(items), item) for number, item in enumerate(items)]

    return (item for _, item in heapq.merge(*map(spread, lists)))


def read_lines(path: str | pathlib.Path, encoding: str = "utf-8") -> Iterator[tuple[int, str]]:
    """Yields (number from 1, text without its line end) for each line of a text file, plain or gzipped (``.gz``).

    Raises:
        ValueError: see `text.lines.decode_text`.
    """
    with open_bytes(path) as file:
        yield from decode_lines(file, path, encoding)


def bad_line(path: str | pathlib.Path, number: int | str, problem: str, line: str) -> ValueError:
    """Returns the ValueError for a malformed line, or another part of a file: ``file:line: problem: 'the line'``."""
    return ValueError(f"{path}:{number}: {problem}: {shorten(line)}")


def place(source: str, example: dict, number: int) -> str:
    """Returns the position of an example, for messages: ``genes.csv:12``.

    Args:
        source: the source of its `Examples`.
        example: the example, with its first ``line``, or with a ``text`` that is in one line of the file.
        number: number of the example, from 1, used if no line is found.
    """
    line = example.get("line", 0)
    if not line and pathlib.Path(source).is_file():
        line = next((here for here, text in read_lines(source, "latin-1") if example["text"] in text), 0)
    return f"{source}:{line}" if line else f"{source}: example {number}"


def clean_label(text: str) -> str:
    """Strips a label, or labels joined by ``|``, and drops empty ones."""
    return "|".join(part for part in map(str.strip, text.split("|")) if part)


def check_surrogates(path: str | pathlib.Path, number: int | str, line: str, text: str) -> None:
    r"""Raises a ValueError if a text from JSON has half a surrogate pair, as ``"\ud83d"``, an emoji cut in two."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise bad_line(path, number, f"half of a character, {text[error.start]!r}", line) from error


def plain_name(file: pathlib.Path) -> str:
    """Returns the name of a file in lower case and without ``.gz``."""
    return file.name.lower().removesuffix(".gz")


def _listed(files, most=8):
    more = f" and {len(files) - most} more" if len(files) > most else ""
    return ", ".join(file.name for file in files[:most]) + more
