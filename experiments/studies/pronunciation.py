"""Compares CTC and attention on the pronunciation of words in several languages (SIGMORPHON 2020, task 1).

    python -m experiments.studies.pronunciation --data=FOLDER               trains what is missing, prints the table
    python -m experiments.studies.pronunciation --data=FOLDER --only=kor    some languages

FOLDER holds g2p_sigmorphon2020/{train,dev}/: 3,600 words a language to train on, 450 to score. All runs of a model have
the same options; only Korean and Vietnamese letters are split into their parts. Scores are on dev, where the best epoch
is chosen, too. The LSTM of the shared task, an encoder-decoder with attention, gets 16.8% of the test words wrong, on
average over all fifteen languages (Gorman et al., 2020).
"""

import argparse
import json
import pathlib
import sys

from experiments import RESULTS
from seqzoo.files import write_json

COMMON = "--task=pronunciation --dataset=parallel --dropout=0.3 --batch_size=64 --learning_rate=0.006"
MODELS = {
    "CTC": "--model=ctc --upsample=2 --units=64 --epochs=14 --evaluate_every=7",
    "attention": "--model=attention --units=64 --layers=1 --epochs=24 --evaluate_every=8",
}
LANGUAGES = {
    "dut": ("Dutch", ""),
    "fre": ("French", ""),
    "hun": ("Hungarian", ""),
    "kor": ("Korean", "--decompose"),
    "vie": ("Vietnamese", "--decompose"),
}


def main() -> int:
    parser = argparse.ArgumentParser("python -m experiments.studies.pronunciation", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    parser.add_argument("--data", default="data", help="folder that holds g2p_sigmorphon2020/ (default: data)")
    parser.add_argument("--runs", default="runs/experiments", help="folder for the runs (default: runs/experiments)")
    parser.add_argument("--only", default="", help="languages with this in their codes, such as kor (default: all)")
    arguments = parser.parse_args()
    from seqzoo.run import main as seqzoo_run

    path = RESULTS / "pronunciation.json"
    results = json.loads(path.read_text("utf-8")) if path.is_file() else {}
    for code, (_, own) in LANGUAGES.items():
        for model, flags in MODELS.items():
            if arguments.only not in code:
                continue
            folder = pathlib.Path(arguments.runs) / f"pronunciation-{code}-{model.lower()}"
            command = f"{COMMON} --name={code} {flags} {own}".strip()
            data = f"--data_dir={arguments.data}/g2p_sigmorphon2020"
            if status := seqzoo_run([*command.split(), data, f"--workdir={folder}"]):
                return status
            environment = json.loads((folder / "environment.json").read_text("utf-8"))
            environment["command"] = f"python -m seqzoo.run {command} --data_dir=DATA/g2p_sigmorphon2020"
            metrics = json.loads((folder / "metrics.json").read_text("utf-8"))
            results[f"{code} {model}"] = {"metrics": metrics, "environment": environment}
            write_json(path, results)
    print(table(results))
    return 0


def table(results: dict) -> str:
    """The results in Markdown: word and phone error rate by beam search of width 5, and means of the languages."""
    heads = [f"{model}, {rate}" for model in MODELS for rate in ("WER", "PER")]
    lines = [f"| % | letter by letter, WER | {' | '.join(heads)} |", f"|---|---|{'---|' * len(heads)}"]
    rows = {}
    for code, (language, _) in LANGUAGES.items():
        made = [results[f"{code} {model}"]["metrics"] for model in MODELS if f"{code} {model}" in results]
        if len(made) == len(MODELS):
            baseline = made[0]["valid_baselines"]["letter by letter"]["wer"]
            rows[language] = [baseline, *(metrics[f"valid_beam_{rate}"] for metrics in made for rate in ("wer", "per"))]
    if rows:
        rows["mean"] = [sum(column) / len(rows) for column in zip(*rows.values(), strict=True)]
    return "\n".join([*lines, *(f"| {name} | {' | '.join(f'{x:.1f}' for x in row)} |" for name, row in rows.items())])


if __name__ == "__main__":
    sys.exit(main())
