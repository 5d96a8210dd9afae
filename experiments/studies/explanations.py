"""Compares methods that find the words which decided a label, on generated reviews, whose decisive words are known.

    python -m experiments.studies.explanations --workdir=RUN      RUN: a run of `sentiment_generated`; no training

Each method weights each word of a review by how much it speaks for the run's label. The study counts how often the word
with the largest weight decides the label ("not" and "clever" in "The plot was great, but this film is not clever"), and
how often it decides or concedes ("great", "but"): in this grammar a concession gives the verdict away, so a run may
rightly use it. `seqzoo.datasets.generated.reviews.annotated` marks these words. By chance: their share of all words.
Punctuation does not count as words. Reviews that the run labels wrongly are left out, since other words misled it.

    occlusion                what `--explain=occlusion` shows
    integrated gradients     from the unknown word to the word (Sundararajan et al., 2017)
    gradient times input     the gradient at the word alone (Shrikumar et al., 2017, section 2)
"""

import argparse
import pathlib
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from experiments import RESULTS
from experiments.benchmarks.benchmark import circumstances, keep_to
from seqzoo.files import write_json

if TYPE_CHECKING:
    import keras

    from seqzoo.task import Task


def main() -> int:
    flags = argparse.ArgumentParser("python -m experiments.studies.explanations", description=__doc__,
                                    formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    flags.add_argument("--workdir", required=True, help="a finished run of `sentiment_generated`")
    flags.add_argument(
        "--reviews",
        type=int,
        default=500,
        help="reviews of the test split (default: 500)",
    )
    flags.add_argument("--threads", type=int, default=1, help="processors to use; 0: all")
    flags.add_argument("--out", type=pathlib.Path, default=RESULTS / "explanations.json")
    arguments = flags.parse_args()
    keep_to(arguments.threads)
    from seqzoo.datasets.generated.reviews import annotated
    from seqzoo.models.explaining import integrated_gradients, occlusion
    from seqzoo.training import load

    run = load(arguments.workdir)
    seed = run.task.config.seed
    reviews = [*annotated(seed, "test", arguments.reviews)]
    model = run.predictor.model
    methods = {
        "occlusion": occlusion(model),
        "integrated gradients": integrated_gradients(model),
        "gradient times input": gradient_times_input(model),
    }
    results = {
        **circumstances(),
        "command": f"python -m experiments.studies.explanations --reviews={arguments.reviews} --workdir=RUN",
        "data_seed": seed,
        "reviews": len(reviews),
        "by_chance": shares(run.task, reviews, lambda weights, known: known),
        "methods": {},
    }
    for name, method in methods.items():

        def explained(inputs, labels, weights, method=method):
            rows = run.predictor(inputs, labels, weights)
            return {**rows, "weights": method(inputs, rows["probabilities"].argmax(-1))}

        found = [(review, row) for review, row in run.task.feed(reviews).outputs(explained)]
        labels = run.task.assets["labels"].tokens
        right = [(review, row) for review, row in found if labels[row["probabilities"].argmax()] == review["label"]]
        results["accuracy"] = 100 * len(right) / len(found)
        reviews_right, rows = zip(*right, strict=True)
        results["methods"][name] = shares(run.task, reviews_right, top_word, [row["weights"] for row in rows])
    write_json(arguments.out, results)
    print(table(results))
    return 0


def shares(
    task: "Task", reviews: Sequence[dict], pick: Callable, weights: list[np.ndarray] | None = None
) -> dict[str, float]:
    """{"decisive", "decisive_or_conceding"}: the mean of `pick(weights, which words are of this kind)`, in percent."""
    found = {"decisive": [], "decisive_or_conceding": []}
    for number, review in enumerate(reviews):
        words = [(start, end) for token, start, end in task.offsets(review["text"])]
        is_word = np.array([any(map(str.isalnum, review["text"][start:end])) for start, end in words])
        row = weights[number][: len(words)][is_word] if weights else None
        spans = {"decisive": review["decisive"], "decisive_or_conceding": review["decisive"] + review["conceding"]}
        for kind, marked in spans.items():
            known = np.array([any(a < end and start < b for a, b in marked) for start, end in words])[is_word]
            found[kind].append(np.mean(pick(row, known)))
    return {kind: 100 * float(np.mean(values)) for kind, values in found.items()}


def top_word(weights: np.ndarray, known: np.ndarray) -> bool:
    """Whether the word with the largest weight is a known one."""
    return known[weights.argmax()]


def gradient_times_input(model: "keras.Model") -> Callable:
    """Like `models.explaining.occlusion`: features times the gradient of the log-odds with respect to them."""
    from keras import ops

    from seqzoo.backend.gradients import compiled, gradient
    from seqzoo.models.classifier import cut
    from seqzoo.models.explaining import log_odds

    embed, read = cut(model)

    @compiled
    def weights(inputs, classes):
        x, mask = embed(inputs)
        slope = gradient(lambda x: log_odds(read([x, mask])["logits"], classes), x)
        return ops.where(mask, ops.sum(slope * x, axis=-1), 0.0)  # [B, T]

    def run(inputs, classes):
        tensors = {name: ops.convert_to_tensor(inputs[name]) for name in model.input}
        return np.asarray(weights(tensors, ops.convert_to_tensor(classes)))

    return run


def table(results: dict) -> str:
    """The results in Markdown."""
    lines = [
        "| the strongest word is, % of reviews that the run labels rightly | decisive | decisive or conceding |",
        "|---|---|---|",
    ]
    for name, found in {**results["methods"], "by chance": results["by_chance"]}.items():
        lines.append(f"| {name} | {found['decisive']:.1f} | {found['decisive_or_conceding']:.1f} |")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
