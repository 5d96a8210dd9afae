"""Measures what language models bring to a tagger and classifiers, with all labels and with a tenth of them.

    python -m experiments.studies.transfer --data=FOLDER              trains the missing runs and prints the table
    python -m experiments.studies.transfer --data=FOLDER --only=ner   trains some rows

FOLDER holds the corpora, see README.md. Two language models of words, a forward and a backward one, are trained on the
English texts of the train splits: reviews, e-mails, news, web text, captions and example sentences, in lower case. Each
row is then a run of `python -m seqzoo.run`, scored on valid in its best epoch. The runs of a task differ only in the
kind of transfer and in the options that it needs.
"""

import argparse
import dataclasses
import json
import pathlib
import re
import sys
from collections.abc import Iterator

from experiments import RESULTS, Experiment, Recorded
from experiments.__main__ import result, train
from experiments.corpora import missing
from seqzoo.datasets import DATASETS
from seqzoo.datasets.files import read_lines
from seqzoo.files import replace, write_json
from seqzoo.text.tokenizer import tokenize

HELD_OUT = 200  # every 200th line is valid text of the language models
SHARE = 10  # every tenth example is kept for the rows with a tenth of the labels
SHARES = ("all", "tenth")
CORPORA = ("imdb", "aeslc", "multi30k", "deu_eng", "ptb", "conll2003", "ud_english_ewt", "sst2", "trec", "glove")
KINDS = {
    "nothing": "none",
    "auxiliary": "`--auxiliary_lm`",
    "initial": "`--init_from`",
    "contextual": "`--contextual`",
}
MODEL = (
    "--task=language_model --dataset=text --tokenizer=whitespace --min_count=5 --softmax=sampled --dim=200 --units=400 "
    "--batch_size=64 --window=70 --dropout=0.1 --embedding_dropout=0.05 --learning_rate=0.003 --ngram=0 --epochs=2 "
    "--data_dir={runs}/transfer-text"
)
MODELS = {"transfer-forward": MODEL, "transfer-backward": f"{MODEL} --reverse"}
FORWARD, BOTH = "{runs}/transfer-forward-0", "{runs}/transfer-forward-0,{runs}/transfer-backward-0"
SENTENCES = "--task=sentiment --dataset=tsv --characters=cnn --char_dropout=0.3 --dropout=0.5 --word_dropout=0.33"
REVIEWS = "--task=sentiment --dataset=jsonl --min_count=5 --cache_tokens=10000000 --segment=100 --dropout=0.5"
VECTORS = "--vectors={data}/glove/glove.6B.50d.subset.txt.gz"
QUESTIONS = (
    f"--task=sentiment --dataset=tsv --characters=cnn --casing {VECTORS} "
    "--dropout=0.5 --word_dropout=0.33 --token_dropout=0.1 --rdrop=2"
)
PHRASES = (
    f"--task=sentiment --dataset=tsv --characters=cnn --extra_train={{data}}/sst2/train_phrases.tsv.gz {VECTORS} "
    "--units=200 --char_dropout=0.3 --dropout=0.5 --word_dropout=0.33 --token_dropout=0.05 --rdrop=1"
)


@dataclasses.dataclass(frozen=True)
class Target:
    """A task that language models transfer to.

    Attributes:
        what: name in the table.
        corpus: folder of the data.
        metric: key of metrics.json.
        flags: flags that all rows share.
        rows: {kind of transfer, see `KINDS`: its flags}.
        epochs: number of epochs with all labels, and with a tenth of them if there are such rows.
        files: names of the train file, of which a tenth is taken, and of the valid file.
    """

    what: str
    corpus: str
    metric: str
    flags: str
    rows: dict[str, str]
    epochs: tuple[int, ...]
    files: tuple[str, str]


TARGETS = {
    "ner": Target(
        "CoNLL-2003, GloVe 50d, F1", "conll2003", "valid_f1", f"--task=ner --dataset=conll --noweigh_batches {VECTORS}",
        {
            "nothing": "--units=200",
            "auxiliary": "--units=200 --auxiliary_lm=0.1",
            "initial": f"--novectors_trainable --init_from={BOTH}",
            "contextual": f"--units=200 --contextual={BOTH}",
        },
        (20, 40), ("train.txt", "valid.txt"),
    ),
    "sentences": Target(
        "SST-2, sentences, accuracy", "sst2", "valid_accuracy", SENTENCES,
        {
            "nothing": "--token_dropout=0.1",
            "initial": f"--token_dropout=0.1 --init_from={BOTH}",
            "contextual": f"--contextual={BOTH}",
        },
        (6, 20), ("train.tsv", "valid.tsv"),
    ),
    "reviews": Target(
        "IMDB, accuracy", "imdb", "valid_accuracy", REVIEWS,
        {
            "nothing": "--word_dim=128 --word_dropout=0.3 --token_dropout=0.3",
            "initial": f"--word_dropout=0.3 --token_dropout=0.1 --rnn=lstm --init_from={FORWARD}",
        },
        (4, 15), ("train.jsonl", "valid.jsonl"),
    ),
    "questions": Target(
        "TREC, GloVe 50d, accuracy", "trec", "valid_accuracy", QUESTIONS,
        {"nothing": "", "contextual": f"--contextual={BOTH}"},
        (15, 40), ("train.tsv", "valid.tsv"),
    ),
    "phrases": Target(
        "SST-2, sentences and phrases, GloVe 50d, accuracy", "sst2", "valid_accuracy", PHRASES,
        {"nothing": "", "contextual": f"--contextual={BOTH}"},
        (3,), ("train.tsv", "valid.tsv"),
    ),
}  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser("python -m experiments.studies.transfer", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    parser.add_argument("--data", type=pathlib.Path, default="data", help="folder of the corpora (default: data)")
    parser.add_argument("--runs", type=pathlib.Path, default="runs/experiments",
                        help="folder of the runs (default: runs/experiments)")  # fmt: skip
    parser.add_argument("--only", default="", help="rows with this in their names (default: all)")
    parser.add_argument("--seeds", default="0", help="such as 0,1,2 (default: 0)")
    parser.add_argument("--precision", default="mixed_bfloat16",
                        help="float32 on a CPU without AMX (default: mixed_bfloat16)")  # fmt: skip
    arguments = parser.parse_args()
    if lacks := [*missing(CORPORA, arguments.data)]:
        parser.error("\n".join(lacks))
    path = RESULTS / "transfer.json"
    results = json.loads(path.read_text("utf-8")) if path.is_file() else {}
    write_texts(arguments.data, arguments.runs)
    for name, row in rows(arguments.precision):
        if arguments.only not in name:
            continue
        for model in MODELS:
            if model in row.flags:
                flags = f"{MODELS[model]} --precision={arguments.precision}"
                trained(model, Experiment(model, flags, "valid_perplexity"), "0", arguments)
        for seed in arguments.seeds.split(","):
            results.setdefault(name, {})[seed] = trained(f"transfer-{name}", row, seed, arguments)
            write_json(path, results)
    print(table(results, arguments.precision))
    return 0


def rows(precision: str) -> Iterator[tuple[str, Experiment]]:
    """Yields the name and the recipe of each row."""
    for name, target in TARGETS.items():
        folders = f"{{data}}/{target.corpus}", f"{{runs}}/transfer-{name}-tenth"
        for share, folder, epochs in zip(SHARES, folders, target.epochs, strict=False):
            for kind, flags in target.rows.items():
                given = f"{target.flags} {flags} --epochs={epochs} --data_dir={folder} --precision={precision}"
                yield f"{name}-{share}-{kind}", Experiment(target.what, given, target.metric)


def trained(name: str, experiment: Experiment, seed: str, arguments: argparse.Namespace) -> dict:
    """Trains a seed, if its run is not finished, and returns its record."""
    folder = arguments.runs / f"{name}-{seed}"
    if status := train(experiment, seed, folder, arguments.data):
        sys.exit(status)
    return result(experiment, seed, folder)


def table(results: dict, precision: str) -> str:
    """The results of today's commands in Markdown: mean and sample standard deviation over the seeds."""
    lines = ["| task | transfer | all labels | minutes | a tenth | minutes |", "|---|---|---|---|---|---|"]
    cells = {name: _cells(row, results.get(name, {})) for name, row in rows(precision)}
    for name, target in TARGETS.items():
        for kind in target.rows:
            columns = [column for share in SHARES for column in cells.get(f"{name}-{share}-{kind}", ["-", "-"])]
            lines.append(f"| {target.what} | {KINDS[kind]} | {' | '.join(columns)} |")
    return "\n".join(lines)


def _cells(row, seeds):
    current = {seed: each for seed, each in seeds.items() if each["environment"]["command"] == row.command(seed)}
    found = Recorded(row, current)
    return [found.score, f"{found.minutes:.0f}"] if found.seeds else ["-", "-"]


def write_texts(data: pathlib.Path, runs: pathlib.Path) -> None:
    """Writes the text of the language models, and a tenth of the examples of each target, where they are missing."""
    folder = runs / "transfer-text"
    if not (folder / "train.txt").is_file():
        texts = [" ".join(token for token, *_ in tokenize(text)) for text in lines(data)] + [*sentences(data)]
        texts = [f"{text.strip().lower()}\n" for text in texts if text.strip()]
        _write(folder / "valid.txt", texts[::HELD_OUT])
        _write(folder / "train.txt", (text for number, text in enumerate(texts) if number % HELD_OUT))
    for name, target in TARGETS.items():
        folder, source, (train, valid) = runs / f"transfer-{name}-tenth", data / target.corpus, target.files
        if len(target.epochs) > 1 and not (folder / train).is_file():
            end = "\n\n" if train.endswith(".txt") else "\n"  # of an example; a header is line 0, which is kept
            examples = "\n".join(_open(source / train)).split(end)
            _write(folder / valid, (f"{line}\n" for line in _open(source / valid)))
            _write(folder / train, (f"{example}{end}" for example in examples[::SHARE]))


def lines(data: pathlib.Path) -> Iterator[str]:
    """Yields the raw English texts of the train splits, one review, paragraph or sentence at a time."""
    for line in _open(data / "imdb/train.jsonl"):
        yield re.sub(r"<br ?/>", " ", json.loads(line)["text"])
    for line in _open(data / "aeslc/train.jsonl"):
        yield from json.loads(line)["text"].splitlines()
    yield from _open(data / "multi30k/train.en")
    yield from dict.fromkeys(line.partition("\t")[0] for line in _open(data / "deu_eng/deu.txt"))


def sentences(data: pathlib.Path) -> Iterator[str]:
    """Yields the sentences of corpora that are already split into words."""
    yield from _open(data / "ptb/ptb.train.txt")
    for reader, folder in (("conll", "conll2003"), ("conllu", "ud_english_ewt")):
        yield from (" ".join(example["tokens"]) for example in DATASETS[reader](str(data / folder))["train"])


def _write(path, lines):
    path.parent.mkdir(parents=True, exist_ok=True)
    replace(path, lambda temporary: pathlib.Path(temporary).write_text("".join(lines), encoding="utf-8"))


def _open(path):
    """Yields the lines of a text file, which may be gzipped, without their ends."""
    packed = path.with_name(f"{path.name}.gz")
    yield from (line for _, line in read_lines(packed if packed.exists() else path))


if __name__ == "__main__":
    sys.exit(main())
