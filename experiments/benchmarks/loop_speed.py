"""Times the fused loop of seqzoo's recurrent layers beside Keras's own loop, on a CPU.

    python -m experiments.benchmarks.loop_speed --threads=1

It times one layer, forward and backward, for each registered cell whose gates read the state: the layer from `RNNS`
(seqzoo/rnns/loop.py), and Keras's layer with the same weights, or keras.layers.RNN around the same cell where Keras has
none. The column "products" is the time of the matrix products alone, before, in and after the loop: no loop can be
faster with this library.

Protocol. Each cell runs in a process of its own; there, fused loop, Keras's loop and products take turns, so that all
of them see the same machine. The gradient is that of a sum over all outputs, with respect to input and weights; nothing
is updated. Batch and length are unknown when TensorFlow traces, and a mask is given, as in training, though nothing is
padded. Two batches warm up. The tables have medians of processor time, meaningful on a busy machine only with
--threads=1.
"""

import argparse
import math
import statistics

from experiments.benchmarks.benchmark import Clock, flags, grouped, run

SIZES = ((32, 50, 256, 256), (16, 100, 350, 400))  # B, T, D, H
CELLS = ("lstm", "gru", "gru:reset_before", "rnn", "simple_gru", "peephole_lstm")
CELLS += ("mgu", "rhn", "mult_lstm", "ln_lstm", "slstm", "indrnn")


def main() -> None:
    run(arguments(), CELLS, measured, show)


def arguments() -> argparse.ArgumentParser:
    parser = flags("loop_speed", __doc__, CELLS, 2)
    parser.add_argument("--batches", type=int, default=9, help="batches of each loop that are timed in a process")
    return parser


def measured(args: argparse.Namespace) -> list[dict]:
    """Measures a cell in its own process."""
    return [measured_at(*size, args) for size in SIZES]


def measured_at(B: int, T: int, D: int, H: int, args: argparse.Namespace) -> dict:
    """Measures a cell with batches of B sequences of T steps of D values, and H units."""
    import keras
    import tensorflow as tf

    from seqzoo.rnns import RNNS

    keras.utils.set_random_seed(args.round)
    name, _, before = args.row.partition(":")
    layer = RNNS[name](H, return_sequences=True, **({"reset_after": False} if before else {}))
    kind = {"lstm": keras.layers.LSTM, "gru": keras.layers.GRU, "rnn": keras.layers.SimpleRNN}.get(name)
    loop = kind.from_config(layer.get_config()) if kind else keras.layers.RNN(layer.cell, return_sequences=True)
    for each in (layer, loop):
        each.build((None, None, D))
    x, upstream, mask = tf.random.normal((B, T, D)), tf.random.normal((B, T, H)), tf.ones((B, T), "bool")

    def step(layer):
        sequences = (tf.TensorSpec((None, None, width)) for width in (D, H))

        @tf.function(input_signature=[*sequences, tf.TensorSpec((None, None), "bool")])
        def step(x, upstream, mask):
            with tf.GradientTape() as tape:
                tape.watch(x)
                loss = tf.reduce_sum(layer(x, mask=mask, training=True) * upstream)
            return tape.gradient(loss, [x, *layer.trainable_variables])

        return lambda: step(x, upstream, mask)

    W = tf.convert_to_tensor(layer.cell.kernel)
    U = tf.reshape(tf.convert_to_tensor(layer.cell.recurrent_kernel), (H, -1))
    dzx, dzu = tf.random.normal((B * T, W.shape[1])), tf.random.normal((B * T, U.shape[1]))

    @tf.function
    def products():
        flat, h = tf.reshape(x, (B * T, D)), tf.reshape(upstream, (B * T, H))
        U_transposed, first = tf.transpose(U), upstream[:, 0]
        if U.shape[1] > 1:  # of an IndRNN it is a vector

            def body(t, h):
                return t + 1, tf.matmul(tf.matmul(h, U), U_transposed)

            _, first = tf.while_loop(lambda t, _: t < T, body, (0, first), parallel_iterations=1)
        return [
            first,
            flat @ W,
            tf.matmul(dzx, W, transpose_b=True),
            tf.matmul(flat, dzx, transpose_a=True),
            tf.matmul(h, dzu, transpose_a=True),
        ]

    takes = {"fused": step(layer), "keras": step(loop), "products": products}
    times = {key: [] for key in takes}
    for number in range(2 + args.batches):
        for key in list(takes)[:: -1 if number % 2 else 1]:
            with Clock() as clock:
                for tensor in takes[key]():
                    tensor.numpy()
            if number > 1:
                times[key].append(1000 * clock.cpu_seconds)
    # Two for a multiplication and an addition; W takes part in three products, U too.
    gflop = 2 * B * T * 3 * (math.prod(W.shape) + math.prod(U.shape)) / 1e9
    milliseconds = {key: statistics.median(own) for key, own in times.items()}
    return {"cell": args.row, "B": B, "T": T, "D": D, "H": H, "gflop": gflop, **milliseconds}


def show(results: dict) -> None:
    """Prints the tables, in Markdown."""
    for (B, T, D, H), runs in grouped(results["runs"], "B", "T", "D", "H").items():
        print(f"\nBatch {B}, T={T}, D={D}, H={H}: processor milliseconds\n")
        print("| cell | Keras's loop | fused loop | times faster | products alone | GFLOP/s of products |")
        print("|---|---|---|---|---|---|")
        for cell, own in grouped(runs, "cell").items():
            keras, fused, products, gflop = (
                statistics.median(run[key] for run in own) for key in ("keras", "fused", "products", "gflop")
            )
            numbers = (
                f"{keras:.0f} | {fused:.0f} | {keras / fused:.2f} | {products:.0f} | {1000 * gflop / products:.0f}"
            )
            print(f"| `{cell}` | {numbers} |")


if __name__ == "__main__":
    main()
