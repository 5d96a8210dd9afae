"""Measures whether a longer text needs more memory: a language model on 10 and 100 MB, of words and of subwords.

    python -m experiments.studies.streaming --text=FILE            measures, and prints the table
    python -m experiments.studies.streaming --text=FILE --only=bpe some rows

FILE is plain text of 101 MB or more, such as a Wikipedia dump. Its last 100 kB are valid, its first 10 or 100 MB are
train. Each row is a run of one epoch in its own process: vocabulary, ids in a file, training with a sampled softmax,
exact scores of valid. The networks are small, so the text decides the peak memory of the process.
"""

import argparse
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time

from experiments import RESULTS
from seqzoo.files import write_json

MEGABYTE = 1 << 20
VALID = 100_000  # bytes: exact scores over a large vocabulary take longer than training on the same text
SIZES = (10, 100)
SMALL = "--rnn=min_gru --dim=32 --units=64 --batch_size=256 --window=70 --epochs=1 --ngram=0 --softmax=sampled"
ROWS = {
    "words": f"--tokenizer=words --vocabulary=100000 {SMALL} --negatives=250",
    "bpe": f"--tokenizer=bpe --vocabulary=8000 {SMALL} --negatives=250",
}


def main() -> int:
    parser = argparse.ArgumentParser("python -m experiments.studies.streaming", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    parser.add_argument("--text", type=pathlib.Path, required=True, help="plain text of 101 MB or more")
    parser.add_argument("--only", default="", help="rows with this in their names (default: all)")
    arguments = parser.parse_args()
    if arguments.text.stat().st_size < (SIZES[-1] + 1) * MEGABYTE:
        parser.error(f"--text should have {SIZES[-1] + 1} MB or more. Received: {arguments.text}")
    path = RESULTS / "streaming.json"
    results = json.loads(path.read_text("utf-8")) if path.is_file() else {}
    for name, flags in ROWS.items():
        for size in SIZES:
            if arguments.only in f"{name}, {size} MB":
                results[f"{name}, {size} MB"] = measured(arguments.text, size, flags)
                write_json(path, results)
    print("| units | text | tokens | tokens known | peak MiB | minutes |\n| --- | --- | --- | --- | --- | --- |")
    for name, row in results.items():
        units, text = name.split(", ")
        cells = units, text, f"{row['tokens']:,}", f"{row['vocabulary']:,}", f"{row['peak_mib']:,.0f}"
        print(f"| {' | '.join(cells)} | {row['minutes']:.0f} |")
    return 0


def measured(text: pathlib.Path, size: int, flags: str) -> dict:
    """Trains on the beginning of a text, in a process of its own, and returns sizes, the peak and the time."""
    with tempfile.TemporaryDirectory(prefix="seqzoo-") as folder:
        folder = pathlib.Path(folder)
        with open(text, "rb") as file:
            with open(folder / "train.txt", "wb") as train:
                for _ in range(size):
                    train.write(file.read(MEGABYTE))
                train.write(file.readline())  # so that no character is cut
            file.seek(-VALID, os.SEEK_END)
            file.readline()
            (folder / "valid.txt").write_bytes(file.read())
        given = f"--task=language_model --dataset=text {flags}".split()
        command = [sys.executable, "-m", "seqzoo.run", *given, f"--data_dir={folder}", f"--workdir={folder / 'run'}"]
        begin = time.perf_counter()
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        output = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        if status:
            sys.exit(f"{output[-3000:]}\n{' '.join(command)} failed.")
        summary, metrics = (json.loads((folder / f"run/{name}.json").read_text()) for name in ("summary", "metrics"))
    tokens, vocabulary = (re.search("([0-9,]+) tokens", summary[name])[1] for name in ("train", "vocabulary"))
    return {
        "command": "python -m seqzoo.run " + " ".join(given),
        "tokens": int(tokens.replace(",", "")),
        "vocabulary": int(vocabulary.replace(",", "")),
        "peak_mib": usage.ru_maxrss / 1024,  # Linux counts in KiB
        "minutes": (time.perf_counter() - begin) / 60,
        "valid_bits_per_character": metrics["valid_bits_per_character"],
    }


if __name__ == "__main__":
    sys.exit(main())
