"""Measures a language model's speed and memory by the size of its vocabulary and the kind of its softmax.

    python -m experiments.benchmarks.vocabulary_speed --threads=1
    python -m experiments.benchmarks.vocabulary_speed --threads=1 --only=sampled --rounds=1

One LSTM of 256 units with tied embeddings of width 128 trains on random tokens whose frequencies follow Zipf's law, 32
rows of windows of 35 steps, with the optimizer that a run has by default: Adam, clipping, averaged weights. The first
steps, which include tracing, do not count. Then it scores a text exactly. The peak is that of the whole process.

Scoring all 1,000,000 tokens takes 4.5 GB in such a batch, and several times as much in training: that row is left out.
"""

import argparse

import numpy as np

from experiments.benchmarks.benchmark import Clock, flags, medians, peak_mib, run

SIZES = (10_000, 100_000, 1_000_000)
ROWS = [f"{kind} {size:,}" for size in SIZES for kind in ("full", "sampled", "adaptive")][:6] + [
    "sampled 1,000,000", "adaptive 1,000,000",
]  # fmt: skip
BATCH, WINDOW = 32, 35


def main() -> None:
    run(arguments(), ROWS, measured, show)


def arguments() -> argparse.ArgumentParser:
    parser = flags("vocabulary_speed", __doc__, ROWS, 3)
    parser.add_argument("--steps", type=int, default=30, help="steps that are timed (default: 30)")
    parser.add_argument("--negatives", type=int, default=1000, help="for the sampled softmax (default: 1000)")
    return parser


def measured(args: argparse.Namespace) -> list[dict]:
    import keras

    from seqzoo.layers.sampled import log_uniform
    from seqzoo.models import LanguageModelDecoder, language_model, streamed
    from seqzoo.options import Training
    from seqzoo.training.optimizers import optimizer

    kind, size = args.row.split()
    V = int(size.replace(",", ""))
    keras.utils.set_random_seed(args.round)
    counts = 1e7 * log_uniform(V)
    drawn = np.random.default_rng(args.round).random((args.steps, BATCH, WINDOW + 1)) * (counts.sum() - counts[0])
    ids = (1 + np.searchsorted(np.cumsum(counts[1:]), drawn)).clip(1, V - 1).astype("int32")
    plain = language_model(V, dim=128, units=256, layers=1, adaptive=kind == "adaptive", counts=counts)
    model = streamed(plain, BATCH, args.negatives if kind == "sampled" else 0, counts)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction="mean_with_sample_weight")
    model.compile(optimizer(Training(), args.steps), loss, jit_compile=False)
    rows = np.concatenate(ids)
    inputs = {"tokens": rows[:, :-1], "start": np.zeros(len(rows), bool)}

    def train(steps):
        part = slice(0, steps * BATCH)
        given = {name: array[part] for name, array in inputs.items()}
        model.fit(given, rows[part, 1:], batch_size=BATCH, shuffle=False, verbose=0)

    train(3)
    with Clock() as training:
        train(args.steps)
    decoder = LanguageModelDecoder(plain)
    text = rows[:1].reshape(1, -1)
    text = np.tile(text, 16)[:, : 256 + 1]
    decoder.score_window(text[:, :-1], text[:, 1:], decoder.initial_state(1))
    with Clock() as scoring:
        decoder.score_window(text[:, :-1], text[:, 1:], decoder.initial_state(1))
    tokens = args.steps * BATCH * WINDOW
    return [
        {
            "row": args.row,
            "kind": kind,
            "tokens": V,
            "round": args.round,
            "per_second": tokens / training.seconds,
            "per_cpu_second": tokens / training.cpu_seconds,
            "scored_per_cpu_second": 256 / scoring.cpu_seconds,
            "parameters": plain.count_params() / 1e6,
            "peak_mib": peak_mib(),
        }
    ]


def show(results: dict) -> None:
    """Prints the medians, and how much slower the larger vocabularies are."""
    columns = {
        "per_cpu_second": ("tokens per processor second", ",.0f"),
        "scored_per_cpu_second": ("exactly scored", ",.0f"),
        "parameters": ("million parameters", ",.1f"),
        "peak_mib": ("peak MiB", ",.0f"),
    }
    print(medians(results["runs"], {"row": "softmax and tokens"}, columns, "per_cpu_second"))


if __name__ == "__main__":
    main()
