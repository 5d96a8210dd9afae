"""Measures when computing a recurrence at all steps at once is faster than a loop over them, on a CPU.

    python -m experiments.benchmarks.scan_speed               all processors
    python -m experiments.benchmarks.scan_speed --threads=1   one

It measures one layer, forward and backward: time and memory of a batch by the length of its sequences.

    lstm, gru                       the registered layers: their gates depend on the state, so a loop is required
                                    (seqzoo/rnns/loop.py; see loop_speed).
    min_gru:scan, min_lstm:scan     minGRU and minLSTM as seqzoo trains them (seqzoo/rnns/scan.py).
    min_gru:loop, min_lstm:loop     the same cells in keras.layers.RNN, step by step.
    min_gru:fused                   as min_gru:scan, one matrix product for all steps and a hand-written gradient, but
                                    h = a h + b step by step: the difference to min_gru:scan is the scan's own gain.

Protocol. Each row and length runs in a process of its own, on the same processors, in turns. The gradient is that of a
sum over all outputs, with respect to input and weights; nothing is updated. The length is unknown when TensorFlow
traces, and a mask is given, as in training, though nothing is padded. Two batches warm up; then batches are timed for
--seconds, at least three. The tables have the medians over batches and rounds; memory is the peak of the process beyond
weights and data, so it includes tracing (about 20 MiB).

Limits. One size, one machine, few processors. The numbers say nothing about a GPU, where a loop waits for each step to
be launched. On a busy machine only processor time is meaningful, and only with --threads=1.
"""

import argparse
import functools
import statistics

from experiments.benchmarks.benchmark import Clock, flags, grouped, peak_mib, run

LENGTHS = (16, 64, 256, 1024)
LAYERS = ("lstm", "gru", "min_gru:scan", "min_gru:fused", "min_gru:loop", "min_lstm:scan", "min_lstm:loop")


def main() -> None:
    run(arguments(), [f"{layer}@{length}" for length in LENGTHS for layer in LAYERS], measured, show)


def arguments() -> argparse.ArgumentParser:
    parser = flags("scan_speed", __doc__, LAYERS, 1)
    parser.add_argument("--batch_size", type=int, default=32)
    parser.add_argument("--units", type=int, default=128, help="units of the layer, and width of its input")
    parser.add_argument("--seconds", type=float, default=1.0, help="how long batches are timed")
    return parser


def measured(args: argparse.Namespace) -> list[dict]:
    """Measures a row in its own process."""
    import keras
    import tensorflow as tf

    from seqzoo.rnns import RNNS, scan

    keras.utils.set_random_seed(args.round)
    name, length = args.row.split("@")
    length = int(length)
    family, _, form = name.partition(":")
    layer = RNNS[family](args.units, return_sequences=True)
    if form == "loop":
        layer = keras.layers.RNN(layer.cell, return_sequences=True)
    if form == "fused":
        scan._scan = functools.partial(scan._scan, levels=0)  # no chunks
    layer.build((None, None, args.units))
    shape = (args.batch_size, length, args.units)
    x, upstream = tf.random.normal(shape), tf.random.normal(shape)
    mask = tf.ones(shape[:2], "bool")

    any_length = tf.TensorSpec((args.batch_size, None, args.units))

    @tf.function(input_signature=[any_length, any_length, tf.TensorSpec((args.batch_size, None), "bool")])
    def step(x, upstream, mask):
        with tf.GradientTape() as tape:
            tape.watch(x)
            loss = tf.reduce_sum(layer(x, mask=mask) * upstream)
        return tape.gradient(loss, [x, *layer.trainable_variables])

    before = peak_mib()
    for _ in range(2):
        step(x, upstream, mask)
    clocks, total = [], 0.0
    while len(clocks) < 3 or total < args.seconds:
        with Clock() as clock:
            for gradient in step(x, upstream, mask):
                gradient.numpy()
        clocks.append(clock)
        total += clock.seconds
    return [
        {
            "layer": name,
            "steps": length,
            "batches": len(clocks),
            "ms": 1000 * statistics.median(clock.seconds for clock in clocks),
            "cpu_ms": 1000 * statistics.median(clock.cpu_seconds for clock in clocks),
            "more_mib": peak_mib() - before,
        }
    ]


def show(results: dict) -> None:
    """Prints the tables."""
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = 110
    for key, title in (("ms", "Milliseconds a batch"), ("cpu_ms", "Its processor time"), ("more_mib", "Memory, MiB")):
        table = Table(title=title, title_justify="left", box=None)
        table.add_column("layer")
        for length in LENGTHS:
            table.add_column(f"{length:,} steps", justify="right")
        for layer, runs in grouped(results["runs"], "layer").items():
            by_length = grouped(runs, "steps")
            medians = [statistics.median(run[key] for run in by_length[length]) for length in LENGTHS]
            table.add_row(layer, *(f"{value:,.1f}" if key != "more_mib" else f"{value:,.0f}" for value in medians))
        console.print(table)


if __name__ == "__main__":
    main()
