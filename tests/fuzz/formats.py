"""A small well-formed set in each format of datasets, and how many examples its files hold, counted by other code."""

import csv
import dataclasses
import functools
import io
import json
import pathlib
import re
import tempfile
from collections.abc import Callable
from fractions import Fraction

from seqzoo.datasets import DATASETS
from seqzoo.music.midi import write_midi
from seqzoo.music.score import Note, Score


@dataclasses.dataclass(frozen=True)
class Format:
    """A set of files.

    Attributes:
        files: {name: content}.
        count: function text of a file -> its share of the set's size; None: not counted.
        size: function example -> its share of that size.
        columns: what ``--columns`` can be.
        harmless: names of `mutations.HARMLESS`, which must not change the examples.
    """

    files: dict[str, bytes]
    count: Callable | None = None
    size: Callable = lambda example: 1
    columns: tuple = (None,)
    harmless: tuple = ("crlf", "cr", "mark", "gzip", "utf16", "end", "blank")


def blocks(text, line):
    """How many blocks between blank lines have a line that begins with the pattern `line`."""
    return sum(bool(re.search(f"(?m)^{line}", block)) for block in re.split(r"(?m)(?:^[ \t]*\n)+", text + "\n"))


def conll_sentences(text):
    text = re.sub(r"(\A|\n\n)# x = .*", r"\1", text)  # a comment, from `mutations.HOSTILE`
    return blocks(re.sub(r"(?m)^-DOCSTART-.*$", "", text), r"[ \t]*[^ \t\n]")


def lines(text):
    return text.count("\n") + (text != "" and not text.endswith("\n"))


def filled_lines(text):
    return sum(map(bool, text.split("\n")))


def objects(text):
    return sum(bool(line.strip(" \t")) for line in text.split("\n"))


def rolls(text):
    content = json.loads(text)
    return len(content) if isinstance(content, list) else sum(map(len, content.values()))


def midi_file():
    notes = [Note(Fraction(t, 2), Fraction(1, 2), 60 + t, voice=t % 2) for t in range(12)]
    with tempfile.TemporaryDirectory() as folder:
        write_midi(Score(notes, name="tune"), path := pathlib.Path(folder, "a.mid"))
        return path.read_bytes()


def table(rows, separator="\t"):
    return "".join(separator.join(map(str, row)) + "\n" for row in rows)


@functools.cache
def formats() -> dict[str, Format]:
    """{name of the dataset, with a blank behind it where there are two layouts: Format}."""
    sentences = [*DATASETS["grammar"](seed=1, sizes={"train": 5, "valid": 1, "test": 1})["train"]]
    rows = [[*zip(s["tokens"], s["pos"], s["ner"], strict=True)] for s in sentences]
    texts = [" ".join(s["tokens"]) for s in sentences] + ['a "quoted", text', "naïve – 東京 😀", "x"]
    pairs = [*zip(texts, ["good", "bad|sad", "1", "C++", "ham", "spam", "bad", "good"], strict=True)]
    commas = io.StringIO()
    csv.writer(commas, lineterminator="\n").writerows([("text", "label"), *pairs, ("two\nlines", "ham")])
    labelled = [{"text": text, "label": label} for text, label in [*pairs, ("numbers", 3), ("lists", ["a", "b"])]]
    minimal = [{"sentence_good": text, "sentence_bad": text + "!", "UID": "x"} for text in texts]
    verbs = [(len(s["tokens"]) - 1, s["tokens"][-1], "not", n) for n, s in enumerate(sentences)]
    words = [
        table([(f"# sent_id = {n}",), ("1-2", "im", *"________")])
        + table((i, word, word.lower(), tag, *"______") for i, (word, tag, _) in enumerate(sentence, 1))
        for n, sentence in enumerate(rows)
    ]
    pieces = {split: [[[60, 64], [], [67]], [[60], [62, 59]], [[], []]] for split in ("train", "valid")}

    def made(files, count=None, size=lambda example: 1, leave=(), **kwargs):
        files = {name: content if isinstance(content, bytes) else content.encode() for name, content in files.items()}
        return Format(files, count, size, harmless=tuple(h for h in Format.harmless if h not in leave), **kwargs)

    by_index = {"text": 0, "label": 1}
    return {
        "conll": made(
            {"train.txt": "-DOCSTART- -X- O\n\n" + "\n".join(table(sentence, " ") for sentence in rows)},
            conll_sentences, columns=(None, {"tokens": 0, "ner": -1}, {"tokens": 0}),
        ),
        "conllu": made(
            {"train.conllu": "\n".join(words)}, lambda text: blocks(text, r"[0-9]+\t"),
            columns=(None, {"pos": "xpos"}),
        ),
        "csv": made(
            {"train.csv": commas.getvalue()},
            lambda text: sum(map(bool, csv.reader(io.StringIO(text, newline="")))) - 1,
            columns=(None, {"text": "text"}, by_index),
        ),
        "tsv": made(
            {"train.tsv": table([("text", "label"), *pairs])}, lambda text: filled_lines(text) - 1,
            columns=(None, by_index),
        ),
        "jsonl": made({"train.jsonl": table((json.dumps(item, ensure_ascii=False),) for item in labelled)}, objects),
        "folders": made(
            {"good/1.txt": "a\nb", "good/2.txt": "é", "[bad]/3.txt": "x\n\n"}, lambda text: 1,
            leave=("gzip", "end", "blank"),
        ),
        "parallel": made(
            {"train.tsv": table((text, text[::-1]) for text in texts)}, filled_lines,
            columns=(None, {"source": 1, "target": 0}),
        ),
        "parallel ": made(
            {"train.en": "\n".join(texts) + "\n", "train.de": "\n".join(texts[::-1]) + "\n"}, lines, lambda example: 2,
            leave=("blank",), columns=({"source": "en", "target": "de"},),
        ),
        "text": made(
            {"train.txt": "\n".join(texts) + "\n", "valid.txt": "a\n\nb"}, len, lambda example: len(example["text"]),
            leave=("end", "blank"),
        ),
        "minimal_pairs": made({"a.jsonl": table((json.dumps(item),) for item in minimal)}, objects),
        "agreement": made(
            {"a.text": table(((text, "<eos>") for text in texts[:5]), " "), "a.gold": table(verbs)},
            lines, lambda example: 2,
            leave=("blank",),
        ),
        "midi": made({"a.mid": midi_file(), "b.mid": midi_file()}, leave=Format.harmless),
        "piano_roll": made({"a.json": json.dumps(pieces)}, rolls, leave=("utf16",)),
    }  # fmt: skip
