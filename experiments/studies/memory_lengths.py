"""Plots how many bits of copy are wrong by the length of a sequence, for the recorded runs of all networks.

    python -m experiments.studies.memory_lengths        draws the results of the recipes memory_copy*

It trains nothing: `python -m experiments memory_copy memory_copy_lstm` does.
"""

import json
import re

from experiments import RESULTS, experiments


def main() -> None:
    from seqzoo.display.memory import lengths_plot

    curves = {}
    for name, experiment in experiments().items():
        path = RESULTS / f"{name}.json"
        if name.startswith("memory_copy") and path.is_file():
            (first, *_) = json.loads(path.read_text("utf-8"))["seeds"].values()
            rnn = re.search(r"--rnn=(\w+)", experiment.flags)[1]
            curves[rnn] = {int(n): row["wrong"] for n, row in first["metrics"]["valid_lengths"].items()}
    if not curves:
        raise SystemExit("No results of memory_copy are recorded: python -m experiments memory_copy")
    curves["no memory"] = {length: 8 * length / 2 for curve in curves.values() for length in curve}
    lengths_plot(curves, "bits wrong a sequence", RESULTS / "memory_lengths.png")
    print(f"saved as {RESULTS / 'memory_lengths.png'}")


if __name__ == "__main__":
    main()
