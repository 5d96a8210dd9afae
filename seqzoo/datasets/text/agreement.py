"""Subject-verb agreement: sentences with the right and the wrong form of the verb."""

import difflib
import os
import pathlib
import re

from seqzoo.datasets import DATASETS, Examples
from seqzoo.datasets.files import bad_line, data_path, read_lines
from seqzoo.datasets.splits import refuse_arguments

ENDINGS = (".text", ".gold")
END = "<eos>"

_whole_number = re.compile("[0-9]{1,9}")


@DATASETS.register("agreement")
def agreement(
    data_dir: str | os.PathLike | None = None,
    name: str | None = None,
    columns: dict | None = None,
    encoding: str = "utf-8",
) -> dict[str, Examples]:
    """Pairs of sentences, the verb in its right and its wrong number, to score language models on.

    ``NAME.text`` has one sentence per line, its tokens separated by spaces, mostly with ``<eos>`` at the end, which is
    removed. ``NAME.gold`` has as many lines, tab-separated: position of the verb among the tokens, from 0; its right
    form; its wrong form; number of attractors, nouns of the other number between subject and verb. Either may be
    gzipped. A pair whose two forms are the same is read, and left out where pairs are scored.

    Linzen et al. (2016), https://aclanthology.org/Q16-1037; the format of Gulordava et al. (2018),
    https://aclanthology.org/N18-1108, https://github.com/facebookresearch/colorlessgreenRNNs

    Args:
        data_dir: folder with the two files, or one of them.
        name: the NAME or a part of it, for a folder that holds several sets.
        columns: an argument of other readers, not used.
        encoding: of the files, such as "latin-1".

    Returns:
        {"test": Examples} of ``{"good": str, "bad": str, "position": int, "group": str}``: the sentence with the right
        form, and with the wrong form, at ``good.split(" ")[position]``; ``"0 attractors"``, ``"1 attractor"``, ...

    Raises:
        ValueError: no such files, or several; their numbers of lines differ; columns were given; while iterating, with
            file and line: not four columns, or the word at the position is not the right form, ignoring case.
    """
    refuse_arguments("--dataset=agreement has no columns.", columns=columns)
    texts, golds = _files(data_dir, name)
    counts = [sum(1 for _ in read_lines(file, encoding)) for file in (texts, golds)]
    if counts[0] != counts[1] or not counts[0]:
        raise ValueError(f"{texts} has {counts[0]} lines and {golds.name} has {counts[1]}: expected one line per pair.")
    features = {"good": str, "bad": str, "position": int, "group": str}
    return {"test": Examples(lambda: _read(texts, golds, encoding), features, texts)}


def _files(data_dir, name):
    """Returns the two files of the set."""
    path = data_path(data_dir, "agreement", "a folder with NAME.text and NAME.gold, or one of them")
    stem, given = name, False
    if path.is_file():
        if _ending(path) not in ENDINGS:
            raise ValueError(f"--data_dir={data_dir}: the file should be called NAME.text or NAME.gold.")
        path, stem, given = path.parent, _stem(path), True
    present = [file for file in sorted(path.iterdir()) if file.is_file() and _ending(file) in ENDINGS]
    stems = sorted({_stem(file) for file in present})
    fitting = [stem] if stem in stems else [one for one in stems if not given and (stem or "") in one]
    if len(fitting) != 1:
        near = difflib.get_close_matches(name, stems, n=1) if name else []
        hint = f" Did you mean --name={near[0]}?" if near else " Choose one by --name." if fitting else ""
        named = f" with {name!r} in the name" if name else ""
        raise ValueError(
            f"{path}: {len(fitting) or 'no'} sets of NAME.text and NAME.gold{named}.{hint} "
            f"Found: {', '.join(stems[:8]) or 'no such file'}."
        )
    found = []
    for ending in ENDINGS:
        files = [file for file in present if _stem(file) == fitting[0] and _ending(file) == ending]
        if len(files) != 1:
            problem = "two files, plain and gzipped" if files else "there is no such file"
            raise ValueError(f"{path / fitting[0]}{ending}: {problem}. A set has NAME.text and NAME.gold.")
        found += files
    return found


def _ending(file):
    return pathlib.Path(file.name.removesuffix(".gz")).suffix


def _stem(file):
    return file.name.removesuffix(".gz").removesuffix(_ending(file))


def _read(texts, golds, encoding):
    for (number, text), (_, gold) in zip(read_lines(texts, encoding), read_lines(golds, encoding), strict=True):
        columns = gold.split("\t")
        if len(columns) != 4:
            problem = f"expected 4 tab-separated columns (position, right, wrong, attractors), found {len(columns)}"
            raise bad_line(golds, number, problem, gold)
        position, right, wrong, attractors = (column.strip() for column in columns)
        if not (_whole_number.fullmatch(position) and _whole_number.fullmatch(attractors)):
            raise bad_line(golds, number, "the first and the last column should be whole numbers", gold)
        if not (right and wrong):
            raise bad_line(golds, number, "a form of the verb is empty", gold)
        tokens = [token for token in text.split(" ") if token]  # not split(): a token may hold a no-break space
        if tokens[-1:] == [END]:
            tokens.pop()
        position = int(position)
        found = tokens[position] if position < len(tokens) else ""
        if found.lower() != right.lower():
            actual = f"{found!r} is" if found else f"there are {len(tokens)} tokens"
            near = [at for at, token in enumerate(tokens) if token == right]
            hint = f" ({right!r} is at {', '.join(map(str, near))})" if near else ""
            problem = f"{right!r} should be token {position} (from 0) of {texts.name}:{number}, where {actual}{hint}"
            raise bad_line(golds, number, problem, gold)
        if wrong.lower() == right.lower():  # "wherein" and three more of Linzen's: taken for verbs, not a pair at all
            wrong = found
        elif found != right:  # Linzen's sentences are in lower case, but four of their 7,489 verbs in the .gold are not
            wrong = wrong.lower() if found.islower() else wrong.capitalize()
        yield {
            "good": " ".join(tokens),
            "bad": " ".join([*tokens[:position], wrong, *tokens[position + 1 :]]),
            "position": position,
            "group": f"{int(attractors)} attractor" + "s" * (int(attractors) != 1),
        }
