"""Compares language models on one text: n-grams, feed-forward, recurrent; characters, subwords, words, spelled words.

    python -m experiments.studies.language_models --data=FOLDER             trains what is missing, prints the table
    python -m experiments.studies.language_models --data=FOLDER --only=gru  some rows

FOLDER holds tiny_shakespeare/; valid is its last tenth, read in one stream. All networks are small and train equally
long: the table compares kinds of models, not the best of each. Bits per character and per word are comparable across
units: all models predict the same text, including line ends and blanks (only `whitespace` loses the number of blanks),
and an unknown word costs its spelling in bytes, log2(257) bits each. Words are separated by white space; line ends are
words too.
"""

import argparse
import json
import pathlib
import sys

from experiments import RESULTS
from seqzoo.files import write_json

SMALL = "--dim=128 --units=256 --layers=1 --learning_rate=0.003 --dropout=0.1 --epochs=8"
WORDS = f"{SMALL} --batch_size=16 --window=50 --dropout=0.3 --embedding_dropout=0.1"
ROWS = {
    "characters, feed-forward on 10": f"{SMALL} --context=10",
    "characters, rnn": f"{SMALL} --rnn=rnn --learning_rate=0.001",
    "characters, gru": f"{SMALL} --rnn=gru",
    "characters, lstm": SMALL,
    "characters, min_gru": f"{SMALL} --rnn=min_gru --layers=2",
    "bpe 1,000, lstm": f"{WORDS} --tokenizer=bpe --vocabulary=1000",
    "unigram 1,000, lstm": f"{WORDS} --tokenizer=unigram --vocabulary=1000",
    "words, unknown as one, lstm": f"{WORDS} --tokenizer=words --min_count=2",
    "words, unknown spelled, lstm": f"{WORDS} --tokenizer=words --min_count=3 --spell",
}
COUNTS = {
    "characters": ("characters, lstm", 7),
    "bpe 1,000": ("bpe 1,000, lstm", 7),
    "words, unknown spelled": ("words, unknown spelled, lstm", 7),
}


def main() -> int:
    parser = argparse.ArgumentParser("python -m experiments.studies.language_models", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    parser.add_argument("--data", default="data", help="folder that holds tiny_shakespeare/ (default: data)")
    parser.add_argument("--runs", default="runs/experiments", help="folder for the runs (default: runs/experiments)")
    parser.add_argument("--only", default="", help="rows with this in their names (default: all)")
    arguments = parser.parse_args()
    from seqzoo.run import main as seqzoo_run

    path = RESULTS / "language_models.json"
    results = json.loads(path.read_text("utf-8")) if path.is_file() else {}
    for name, flags in ROWS.items():
        if arguments.only not in name:
            continue
        folder = pathlib.Path(arguments.runs) / f"language_models-{'-'.join(name.replace(',', '').split())}"
        command = f"--task=language_model --dataset=text --ngram=7 {flags}"
        data = f"--data_dir={arguments.data}/tiny_shakespeare"
        if status := seqzoo_run([*command.split(), data, f"--workdir={folder}"]):
            return status
        environment = json.loads((folder / "environment.json").read_text("utf-8"))
        environment["command"] = f"python -m seqzoo.run {command} --data_dir=DATA/tiny_shakespeare"
        metrics = json.loads((folder / "metrics.json").read_text("utf-8"))
        results[name] = {"metrics": metrics, "environment": environment}
        write_json(path, results)
    print(table(results))
    return 0


def table(results: dict) -> str:
    """The results in Markdown: the counts first, then the networks."""
    lines = ["| model | bits a character | bits a word | perplexity | minutes | weights |", "|---|---|---|---|---|---|"]
    for units, (row, order) in COUNTS.items():
        for name in (f"{order}-gram add-k", f"{order}-gram Kneser-Ney"):
            if row in results:
                made = results[row]["metrics"]["valid_baselines"][name]
                values = [made[what] for what in ("bits_per_character", "bits_per_word", "perplexity")]
                lines.append(_line(f"{units}, {name}", *values, made["seconds"] / 60, "-"))
    for name in ROWS:
        if name in results:
            made = results[name]["metrics"]
            values = [made[f"valid_{what}"] for what in ("bits_per_character", "bits_per_word", "perplexity")]
            lines.append(_line(name, *values, made["minutes"], f"{made['parameters']:,}"))
    return "\n".join(lines)


def _line(name, bits, word_bits, perplexity, minutes, weights):
    return f"| {name} | {bits:.3f} | {word_bits:.2f} | {perplexity:,.2f} | {minutes:.1f} | {weights} |"


if __name__ == "__main__":
    sys.exit(main())
