"""Measures how much of the gradient survives over time in every recurrent cell, before training.

    python -m experiments.studies.gradient_distance                              writes the figure and its numbers
    python -m experiments.studies.gradient_distance --length=400 --units=128

To learn from an input t steps ago, a network must receive a gradient from there. With h(T) the output after T steps of
random input x, and J(t) = d h(T) / d x(T - t), a Jacobian matrix, this measures its Frobenius norm |J(t)| as a share of
|J(0)|, in freshly initialised layers. J(t) is a product of t matrices, one a step. Those of a plain RNN, h' = f(x W + h
U + b), are U diag(f'), so that the norm decays or grows exponentially with t (Hochreiter, 1991; Bengio et al., 1994;
Pascanu et al., 2013). In a gated cell, c' = f c + i g, there is a path through the gates f alone. They start at about
sigmoid(b), so that the norm decays exponentially there too; but f can be learned.

All one-directional layers of seqzoo are measured as initialised (orthogonal U; b = 1 in an LSTM, 0 in a GRU), and

    rnn, normal U            U from N(0, 1/H), eigenvalues within the unit circle, most of them well within
    rnn, ReLU                half of f' is 0
    rnn, ReLU, identity U    the IRNN (Le et al., 2015)
    lstm, forget bias 0      as it was before Gers et al., 2000, and Jozefowicz et al., 2015, asked for 1
    ..., chrono bias         b = log U(1, T - 1): units that forget within 1 to T steps (Tallec & Ollivier, 2018)

|J|^2 is the mean of |v J|^2 over directions v from N(0, I), so that one backward pass is enough; the figure has the
geometric mean over several initialisations. Computed in float64: in float32 much of it would underflow to 0.
"""

import argparse
import functools
import json
import pathlib
import sys

import numpy as np

from experiments import RESULTS
from experiments.benchmarks.benchmark import circumstances, keep_to
from experiments.studies.memory_tasks import COLOURS
from seqzoo.rnns.initialization import recurrent_initializer, set_forget_bias

D = 8  # width of the random input
# What is measured beside every registered layer: name -> rnn, activation, initialisation of U, forget bias.
VARIANTS = {
    "rnn, normal U": ("rnn", "tanh", "normal", ""),
    "rnn, ReLU": ("rnn", "relu", "orthogonal", ""),
    "rnn, ReLU, identity U": ("rnn", "relu", "identity", ""),
    "lstm, forget bias 0": ("lstm", "tanh", "orthogonal", 0.0),
    "lstm, chrono bias": ("lstm", "tanh", "orthogonal", "chrono"),
    "gru, chrono bias": ("gru", "tanh", "orthogonal", "chrono"),
}


def main() -> None:
    args = parser().parse_args()
    keep_to(args.threads)
    import keras

    keras.config.set_floatx("float64")
    results = {
        **circumstances(),
        "command": f"python -m experiments.studies.gradient_distance {' '.join(sys.argv[1:])}".strip(),
        "settings": {name: getattr(args, name) for name in ("length", "units", "batch_size", "seeds")},
        "norms": {},  # {cell: |J(t)| / |J(0)| for t = 0, 1, ...}
    }
    for name, variant in cells().items():
        logs = [np.log(relative_norms(args, *variant, seed)) for seed in range(args.seeds)]
        norms = np.exp(np.mean(logs, axis=0))
        results["norms"][name] = [float(f"{norm:.4g}") for norm in norms]
        t = min(100, args.length - 1)
        print(f"{name:24} |J({t})| / |J(0)| = {norms[t]:.1e}", flush=True)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.with_suffix(".json").write_text(json.dumps(results, indent=1), "utf-8")
    plot(results["norms"], args.out.with_suffix(".png"))
    print(f"saved as {args.out.with_suffix('.json')} and .png")


def parser() -> argparse.ArgumentParser:
    flags = argparse.ArgumentParser(
        "python -m experiments.studies.gradient_distance",
        description=__doc__,
        allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    flags.add_argument("--length", type=int, default=200, help="steps of input")
    flags.add_argument("--units", type=int, default=64)
    flags.add_argument("--batch_size", type=int, default=32, help="sequences, and directions v")
    flags.add_argument("--seeds", type=int, default=5, help="number of initialisations")
    flags.add_argument("--threads", type=int, default=1, help="processors to use; 0: all")
    flags.add_argument("--out", type=pathlib.Path, default=RESULTS / "gradient_distance", help="path without extension")
    return flags


def cells() -> dict[str, tuple]:
    """{name: (rnn, activation, initialisation, forget bias)} of every registered one-directional layer, and more."""
    import keras

    from seqzoo.rnns import RNNS

    names = [name for name in RNNS.names() if not isinstance(RNNS[name](2), keras.layers.Bidirectional)]
    return {**{name: (name, "tanh", "orthogonal", "") for name in names}, **VARIANTS}


def relative_norms(
    args: argparse.Namespace, rnn: str, activation: str, initialization: str, forget_bias: str | float, seed: int
) -> np.ndarray:
    """|J(t)| / |J(0)| for t = 0 ... T - 1, array [T], of one freshly initialised layer."""
    import keras
    from keras import ops

    from seqzoo.backend.gradients import compiled, gradient
    from seqzoo.rnns import RNNS

    keras.utils.set_random_seed(seed)
    U = recurrent_initializer(initialization, args.units)
    layer = RNNS[rnn](args.units, activation=activation, recurrent_initializer=U)
    layer.build((None, None, D))
    if forget_bias != "":
        set_forget_bias(layer, rnn, args.units, forget_bias, args.length, seed)
    rng = np.random.default_rng(seed)
    x = ops.convert_to_tensor(rng.normal(size=(args.batch_size, args.length, D)))
    v = ops.convert_to_tensor(rng.normal(size=(args.batch_size, args.units)))

    def projected(x):
        return layer(x) * v

    products = compiled(functools.partial(gradient, projected))(x)  # v J, [B, T, D]
    norms = np.sqrt(np.square(ops.convert_to_numpy(products)).sum(2).mean(0))[::-1]
    return norms / norms[0]


def plot(norms: dict[str, list[float]], path: pathlib.Path) -> None:
    """Draws the norms over the distance, the plain RNNs and the gated cells side by side."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(13, 4.6), layout="constrained")
    panels = figure.subplots(1, 2, sharey=True)
    for axes, title, plain in zip(panels, ("Plain RNN", "Gated cells"), (True, False), strict=True):
        names = [name for name in norms if (name.split(",")[0] == "rnn") == plain]
        for number, name in enumerate(sorted(names, key=lambda name: -norms[name][-1])):
            # Colour alone does not reach every reader; repeated colours have other dashes.
            style = ("-", "--", "-.", ":")[(number + number // len(COLOURS)) % 4]
            axes.plot(norms[name], style, color=COLOURS[number % len(COLOURS)], linewidth=2, label=name)
        axes.set_yscale("log")
        axes.set_ylim(1e-16, 10)
        axes.set_xlim(0, len(norms["rnn"]))
        axes.set_title(title)
        axes.set_xlabel("distance t, steps")
        axes.grid(color="0.92")
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
    panels[0].set_ylabel("gradient norm |J(t)| / |J(0)|")
    figure.savefig(path, dpi=120)


if __name__ == "__main__":
    main()
