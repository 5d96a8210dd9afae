"""What a language model of one's own brings a classifier or a tagger, with all labels and with a tenth of them.

    python -m experiments.studies.transfer --data=FOLDER              trains what is missing, prints the table
    python -m experiments.studies.transfer --data=FOLDER --only=ner   some rows

FOLDER holds the corpora, see README.md. Two language models, one of which reads backward, learn from the English texts
of the train splits, in lower case and with spaces between words: reviews, e-mails, news, captions, example sentences.
Each row is a run of `python -m seqzoo.run` that differs from the first one of its task by a few flags. Each score is
that of valid, in the best epoch.
"""

import argparse
import dataclasses
import gzip
import json
import pathlib
import re
import statistics
import subprocess
import sys
from collections.abc import Iterator

from experiments import RESULTS
from seqzoo.files import write_json
from seqzoo.text.tokenizer import tokenize

HELD_OUT = 200  # of so many lines one is valid text of the language models
SHARE = 10  # every tenth example makes a tenth of the labels
SHARES = ("all", "tenth")
MODEL = (
    "--task=language_model --dataset=text --tokenizer=whitespace --min_count=5 --softmax=sampled --dim=200 --units=400 "
    "--batch_size=64 --window=70 --dropout=0.1 --embedding_dropout=0.05 --learning_rate=0.003 --ngram=0 --epochs=2"
)
MODELS = {"transfer-forward": MODEL, "transfer-backward": f"{MODEL} --reverse"}
BOTH = "{runs}/transfer-forward,{runs}/transfer-backward"
SENTENCES = "--task=sentiment --dataset=tsv --characters=cnn --char_dropout=0.3 --dropout=0.5 --word_dropout=0.33"
REVIEWS = "--task=sentiment --dataset=jsonl --min_count=5 --cache_tokens=10000000 --segment=100 --dropout=0.5"
VECTORS = "--vectors={data}/glove/glove.6B.50d.subset.txt.gz"


@dataclasses.dataclass(frozen=True)
class Bench:
    """A task to bring something to.

    Attributes:
        what: its name in the table.
        corpus: the folder of its data.
        files: those of train, to take a tenth of, and of valid.
        metric: the key of metrics.json.
        flags: of every row.
        epochs: with all labels, and with a tenth of them.
        rows: {kind of transfer: its flags}; the first one is without.
    """

    what: str
    corpus: str
    files: tuple[str, str]
    metric: str
    flags: str
    epochs: tuple[int, int]
    rows: dict[str, str]


BENCHES = {
    "ner": Bench(
        "CoNLL-2003, GloVe 50d, F1", "conll2003", ("train.txt", "valid.txt"), "valid_f1",
        f"--task=ner --dataset=conll {VECTORS}", (20, 40),
        {
            "nothing": "--units=200",
            "auxiliary": "--units=200 --auxiliary_lm=0.1",
            "initial": f"--novectors_trainable --init_from={BOTH}",
            "contextual": f"--units=200 --contextual={BOTH}",
        },
    ),
    "sentences": Bench(
        "SST-2, sentences, accuracy", "sst2", ("train.tsv", "valid.tsv"), "valid_accuracy", SENTENCES, (6, 20),
        {
            "nothing": "--token_dropout=0.1",
            "initial": f"--token_dropout=0.1 --init_from={BOTH}",
            "contextual": f"--contextual={BOTH}",
        },
    ),
    "reviews": Bench(
        "IMDB, accuracy", "imdb", ("train.jsonl", "valid.jsonl"), "valid_accuracy", REVIEWS, (4, 15),
        {
            "nothing": "--word_dim=128 --word_dropout=0.3 --token_dropout=0.3",
            "initial": "--word_dropout=0.3 --token_dropout=0.1 --rnn=lstm --init_from={runs}/transfer-forward",
        },
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
    path = RESULTS / "transfer.json"
    results = json.loads(path.read_text("utf-8")) if path.is_file() else {}
    text = arguments.runs / "transfer-text"
    if not text.is_dir():
        write_text(arguments.data, text)
    for name, bench, flags, source in jobs(arguments):
        if arguments.only not in name:
            continue
        for model in MODELS:
            if model in flags:
                train(model, MODELS[model], 0, text, arguments)
        for seed in arguments.seeds.split(","):
            metrics, environment = train(f"transfer-{name}-{seed}", flags, seed, source, arguments)
            made = {"score": metrics[bench.metric], "minutes": metrics["minutes"], "best_epoch": metrics["best_epoch"]}
            results.setdefault(name, {})[seed] = made | {"flags": flags, "environment": environment}
            write_json(path, results)
    print(table(results))
    return 0


def jobs(arguments: argparse.Namespace) -> Iterator[tuple[str, Bench, str, pathlib.Path]]:
    """Yields (name, bench, flags, folder of the data) of each row, first with all labels."""
    for name, bench in BENCHES.items():
        whole, tenth = arguments.data / bench.corpus, arguments.runs / f"transfer-{name}-tenth"
        if not tenth.is_dir():
            write_tenth(bench, whole, tenth)
        for share, source, epochs in zip(SHARES, (whole, tenth), bench.epochs, strict=True):
            for kind, flags in bench.rows.items():
                yield f"{name}-{share}-{kind}", bench, f"{bench.flags} {flags} --epochs={epochs}", source


def train(name: str, flags: str, seed: int | str, source: pathlib.Path, arguments: argparse.Namespace) -> list[dict]:
    """Trains a run in a process of its own, if it is not finished; returns its metrics and its environment."""
    folder = arguments.runs / name
    given = [flag.format(data=arguments.data, runs=arguments.runs) for flag in flags.split()]
    given += [f"--data_dir={source}", f"--precision={arguments.precision}", f"--seed={seed}", f"--workdir={folder}"]
    if status := subprocess.run([sys.executable, "-m", "seqzoo.run", *given], check=False).returncode:
        sys.exit(status)
    return [json.loads((folder / f"{what}.json").read_text("utf-8")) for what in ("metrics", "environment")]


def table(results: dict) -> str:
    """The results in Markdown: mean and sample standard deviation over the seeds."""
    rows = ["| | transfer | all labels | minutes | a tenth | minutes |", "|---|---|---|---|---|---|"]
    for bench_name, bench in BENCHES.items():
        for kind in bench.rows:
            cells = []
            for share in SHARES:
                seeds = results.get(f"{bench_name}-{share}-{kind}", {}).values()
                cells += _cells([seed["score"] for seed in seeds], [seed["minutes"] for seed in seeds])
            rows.append(f"| {bench.what} | {kind} | {' | '.join(cells)} |")
    return "\n".join(rows)


def _cells(scores, minutes):
    if not scores:
        return "-", "-"
    spread = f" ± {statistics.stdev(scores):.2f}" if len(scores) > 1 else ""
    return f"{statistics.mean(scores):.2f}{spread}", f"{statistics.mean(minutes):.0f}"


def write_tenth(bench: Bench, source: pathlib.Path, folder: pathlib.Path) -> None:
    """Writes a tenth of the examples of train, and all of valid."""
    folder.mkdir(parents=True)
    train, valid = bench.files
    end = "\n\n" if train.endswith(".txt") else "\n"  # of an example; a header is line 0, which is kept
    examples = "".join(_open(source / train)).split(end)
    (folder / train).write_text(end.join(examples[::SHARE]) + end, encoding="utf-8")
    (folder / valid).write_text("".join(_open(source / valid)), encoding="utf-8")


def lines(data: pathlib.Path) -> Iterator[str]:
    """Yields the English texts of the train splits, a review, sentence or paragraph at a time."""
    for line in _open(data / "imdb/train.jsonl"):
        yield re.sub(r"<br ?/>", " ", json.loads(line)["text"])
    for line in _open(data / "aeslc/train.jsonl"):
        yield from json.loads(line)["text"].splitlines()
    yield from _open(data / "multi30k/train.en")
    yield from dict.fromkeys(line.partition("\t")[0] for line in _open(data / "deu_eng/deu.txt"))


def sentences(data: pathlib.Path) -> Iterator[str]:
    """Yields those whose words stand apart."""
    yield from _open(data / "ptb/ptb.train.txt")
    for path, column in (("conll2003/train.txt", 0), ("ud_english_ewt/en_ewt-ud-train.conllu", 1)):
        for block in "".join(_open(data / path)).split("\n\n"):
            rows = [row.split() for row in block.splitlines() if row[:1] not in ("#", "")]
            yield " ".join(row[column] for row in rows if row[0] != "-DOCSTART-" and "-" not in row[0].strip("-"))


def write_text(data: pathlib.Path, folder: pathlib.Path) -> None:
    """Writes train.txt and valid.txt for the language models."""
    folder.mkdir(parents=True)
    with open(folder / "train.txt", "w", encoding="utf-8") as train, open(folder / "valid.txt", "w") as valid:
        texts = [" ".join(token for token, *_ in tokenize(text)) for text in lines(data)] + [*sentences(data)]
        for number, text in enumerate(filter(None, map(str.strip, texts))):
            (train if number % HELD_OUT else valid).write(f"{text.lower()}\n")


def _open(path):
    """The lines of a text file, which may be gzipped."""
    packed = path.with_name(f"{path.name}.gz")
    with gzip.open(packed, "rt", encoding="utf-8") if packed.exists() else open(path, encoding="utf-8") as file:
        yield from file


if __name__ == "__main__":
    sys.exit(main())
