"""Checks the zoo on a GPU: kernels, equality with the CPU, tokens per second and memory, beside PyTorch.

    python -m experiments.gpu                           everything; meant to take under 8 minutes
    python -m experiments.gpu --only=kernels            kernels and equality; --only=seqzoo:tagger: some of the speeds
    KERAS_BACKEND=jax python -m experiments.gpu         on JAX; TensorFlow need not be installed
    python -m experiments.gpu --steps=1                 on a CPU, to try the program
    pip install torch                                   adds the rows of PyTorch, which runs its LSTMs on cuDNN

It has never run on a GPU. Without one the same code runs on the CPU, and says that its numbers are from a CPU.

    kernels    Runs each layer of RNNS forward and backward, with a mask and without. The executed program, TensorFlow's
               graph or what JAX gives XLA, shows the kernel: an operation of cuDNN, a loop, or neither. It must be the
               one that --explain_rnn names. Outputs of real steps and gradients are compared with those of a process
               that sees no GPU: the largest difference, relative to the largest value of an array. float32, without
               TensorFloat-32.
    speed      Training of four networks: the tagger (BiLSTMs, CRF) and the translator (attention) of
               experiments.benchmarks; the classifier there, on texts as long as those of IMDB; a language model of
               10,000 words, two LSTMs of 650 units, on 64 streams of 64 tokens, the state carried over. seqzoo: the
               builders and the optimizer of the tasks, without averages. pytorch: the same network of nn.LSTM, on the
               same batches by length. Both in float32, with TensorFloat-32, and in 16 bits, mixed_bfloat16 and
               torch.autocast.

Protocol of the speeds. Each row runs in its own process. It trains on --steps batches, to trace and compile; then the
clock starts, and it trains on the same batches again. The time includes copying them to the device and reading each
step's loss, but not making them. Only real tokens count: those that the network reads, or the target's for the
translator. Peak memory is that allocated on the GPU, or on a CPU that of the process.

Remaining differences are those of the benchmarks that the networks are from. JAX pads to a few lengths, since it
compiles each; beside it PyTorch gets the same batches.
"""

import argparse
import concurrent.futures
import functools
import itertools
import os
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from experiments.benchmarks import sentiment_speed, tagger_speed, translation_speed
from experiments.benchmarks.batches import BenchmarkBatches
from experiments.benchmarks.benchmark import Clock, flags, in_own_process, medians, peak_mib, run
from seqzoo.options import Training
from seqzoo.task import TASKS

if TYPE_CHECKING:
    import keras
    import torch

PRECISIONS = ("float32", "mixed_bfloat16")
TRAINING = {"learning_rate": 1e-3, "clip_norm": 1.0, "average": 0.0}
SHAPE, UNITS = (4, 12, 16), 16  # of the compared layers: [B, T, D] and H
TOLERANCE = 1e-4  # relative to the largest value: float32, 12 steps forward and back
TOKENS, DIM, LM_UNITS, LAYERS, STREAMS, WINDOW = 10_000, 256, 650, 2, 64, 64
REFERENCE = "reference.npz"
CUDNN, LOOP, NEITHER = "cuDNN", "loop", "no loop"


def main() -> None:
    run(arguments(), ("kernels", *speed_rows()), measured, show, keep_going=True)


def arguments() -> argparse.ArgumentParser:
    parser = flags("gpu", __doc__, ("kernels", *speed_rows()), 1, package="experiments")
    parser.add_argument("--steps", type=int, default=100, help="batches that each network trains on, twice")
    parser.set_defaults(rnn="lstm")  # of the networks that benchmarks build
    return parser


def speed_rows() -> list[str]:
    """The rows of the speeds: software:model:precision."""
    kinds = itertools.product(NETWORKS, PRECISIONS, ("seqzoo", "pytorch"))
    return [f"{software}:{model}:{precision}" for model, precision, software in kinds]


def measured(args: argparse.Namespace) -> list[dict]:
    """Measures a row in its own process."""
    if args.row == "kernels":
        return compared(args)
    if args.row == "reference":
        os.environ.update(CUDA_VISIBLE_DEVICES="-1", JAX_PLATFORMS="cpu")
        np.savez(args.folder / REFERENCE, **{key: array for _, arrays in passes() for key, array in arrays.items()})
        return []
    return [trained(args, *args.row.split(":"))]


# --- Kernels, and whether they compute the same as the CPU -----------------------------------------


def compared(args: argparse.Namespace) -> list[dict]:
    """Finds each layer's kernel, and compares its results with those of a process without a GPU."""
    without_tensor_float()
    with concurrent.futures.ThreadPoolExecutor() as pool:
        reference = pool.submit(in_own_process, args, "reference")
        found = list(passes())
        reference.result()
    rows = []
    with np.load(args.folder / REFERENCE) as expected:
        for row, arrays in found:
            differences = [
                np.abs(array - expected[key]).max() / max(np.abs(expected[key]).max(), TOLERANCE)
                for key, array in arrays.items()
            ]
            rows.append({**row, "device": device(), "differs_by": float(np.max(differences))})  # nan if one is nan
    return rows


def passes(names: tuple[str, ...] = ()) -> Iterator[tuple[dict, dict[str, np.ndarray]]]:
    """Yields the kernel, outputs and gradients of each recurrent layer, with a mask and without.

    Args:
        names: names of RNNS; () for all.
    """
    import keras

    from seqzoo.display import kernels
    from seqzoo.rnns import RNNS

    fits = {
        kernels.CUDNN: {CUDNN}, kernels.LOOP: {LOOP}, kernels.FUSED: {LOOP}, kernels.SCAN: {LOOP, NEITHER},
        kernels.PLAIN: {NEITHER},
    }  # fmt: skip
    B, T, _ = SHAPE
    real = np.arange(T) < np.array([[T], [1], [T - 5], [T]])  # [B, T]
    for name in names or RNNS.names():
        for masked in (True, False):
            rng = np.random.default_rng(0)
            layer = RNNS[name](UNITS, return_sequences=True)
            layer.build(SHAPE)
            for variable in layer.trainable_variables:
                variable.assign(rng.normal(0, 0.3, variable.shape))
            mask = real if masked else None
            x, upstream = rng.normal(size=SHAPE), rng.normal(size=layer.compute_output_shape(SHAPE))
            x, upstream = (keras.ops.convert_to_tensor(array, "float32") for array in (x, upstream * real[..., None]))
            seen, arrays = executed(
                lambda x, layer=layer, mask=mask: layer(x, mask=mask, training=True), layer, x, upstream
            )
            said = kernels.kernels(layer, masked)[0].here
            row = {"name": name, "masked": masked, "kernel": seen, "explained": said, "agrees": seen in fits[said]}
            yield row, {f"{name}/{masked}/{number}": np.array(array) for number, array in enumerate(arrays)}


def executed(
    function: Callable, layer: "keras.layers.Layer", x: "keras.KerasTensor", upstream: "keras.KerasTensor"
) -> tuple[str, list]:
    """(the kernel that a compiled pass uses, [function(x) * upstream, the gradients of its sum by x and weights])."""
    import keras

    variables = layer.trainable_variables
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        @tf.function(autograph=False)
        def both(x):
            with tf.GradientTape() as tape:
                tape.watch(x)
                y = function(x) * upstream
            sources = [x, *(variable.value for variable in variables)]
            return [y, *tape.gradient(y, sources, unconnected_gradients="zero")]

        graph = both.get_concrete_function(x).graph.as_graph_def()
        operations = {node.op for node in graph.node}
        operations |= {node.op for inner in graph.library.function for node in inner.node_def}
        return kernel(" ".join(operations), "CudnnRNN", "While"), both(x)
    import jax

    def total(x, values):
        with keras.StatelessScope(state_mapping=list(zip(variables, values, strict=True))):
            y = function(x) * upstream
        return y.sum(), y

    values = [variable.value for variable in variables]
    lowered = jax.jit(jax.grad(total, (0, 1), has_aux=True)).lower(x, values)
    (dx, dvalues), y = lowered.compile()(x, values)
    return kernel(lowered.as_text(), "cudnn_rnn", "stablehlo.while"), [y, dx, *dvalues]


def kernel(text: str, cudnn: str, loop: str) -> str:
    """Finds the kernel in a text by what the operations of cuDNN and of loops are called there."""
    return CUDNN if cudnn in text else LOOP if loop in text else NEITHER


def without_tensor_float() -> None:
    """Makes GPUs multiply in float32, without rounding the factors to ten binary digits."""
    import keras

    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        tf.config.experimental.enable_tensor_float_32_execution(False)
    else:
        import jax

        jax.config.update("jax_default_matmul_precision", "float32")


# --- Speed and memory -----------------------------------------------------------------------------


class Network(NamedTuple):
    """A network to train, in Keras and in PyTorch, and its batches.

    Attributes:
        batches: of (inputs, labels, weights).
        ours: () -> (model, loss).
        theirs: () -> (module, function (inputs, labels) -> loss).
    """

    batches: BenchmarkBatches
    ours: Callable
    theirs: Callable


def tagger(args: argparse.Namespace) -> Network:
    """BiLSTM and CRF on generated sentences."""
    config = TASKS["ner"].Config(units=200, seed=args.round)
    task = TASKS["ner"](config)
    batches = tagger_speed.grouped_anew(task.load().splits["train"], bucketed=True)

    def theirs():
        module = tagger_speed.torch_tagger(task)
        return module, lambda inputs, labels: module(labels=labels, **inputs)

    return Network(batches, lambda: (task.build(), task.loss()), theirs)


def classifier(args: argparse.Namespace) -> Network:
    """Two BiLSTMs on made-up texts, whose lengths are like those of IMDB."""
    config = TASKS["sentiment"].Config(seed=args.round)
    rng = np.random.default_rng(args.round)
    count = 2 * args.steps * config.batch_size
    lengths = np.clip(rng.lognormal(np.log(200), 0.6, count), 10, 1000).astype(int)
    texts = [rng.integers(2, sentiment_speed.WORDS, length, "int32") for length in lengths]
    examples = list(zip(texts, rng.integers(0, 2, count, "int32"), strict=True))
    batches = sentiment_speed.text_batches(examples, lambda ids: ids, config, bucketed=True)

    def ours():
        from seqzoo import models
        from seqzoo.inputs import words

        front = words(sentiment_speed.WORDS, word_dim=sentiment_speed.WIDTH)
        model = models.classifier(2, front, pooling=("last",), units=sentiment_speed.UNITS, layers=2)
        return model, TASKS["sentiment"](config).loss()

    def theirs():
        from torch.nn.functional import binary_cross_entropy_with_logits

        module = sentiment_speed.torch_classifier()
        return module, lambda inputs, labels: binary_cross_entropy_with_logits(module(**inputs), labels.float())

    return Network(batches, ours, theirs)


def language_model(args: argparse.Namespace) -> Network:
    """Two LSTMs on streams of made-up words, tied embeddings."""
    rng = np.random.default_rng(args.round)
    examples = rng.integers(1, TOKENS, (args.steps * STREAMS, WINDOW + 1), "int32")

    def encode(ids):
        return {"tokens": ids[:-1], "start": np.array(False)}, ids[1:], np.ones(WINDOW, "float32")

    axes = {"tokens": "time", "labels": "time"}
    batches = BenchmarkBatches(examples, encode, axes, batch_size=STREAMS, batch_tokens=0)

    def ours():
        import keras

        from seqzoo import models

        model = models.language_model(TOKENS, dim=DIM, rnn="lstm", units=LM_UNITS, layers=LAYERS)
        return models.streamed(model, STREAMS), keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    def theirs():
        from torch.nn.functional import cross_entropy

        module = torch_language_model()
        return module, lambda inputs, labels: cross_entropy(module(inputs["tokens"]).flatten(0, 1), labels.flatten())

    return Network(batches, ours, theirs)


def torch_language_model() -> "torch.nn.Module":
    """The language model in PyTorch, up to the logits [B, T, V]."""
    import torch
    from torch import nn

    class LanguageModel(nn.Module):
        def __init__(self):
            super().__init__()
            self.table = nn.Embedding(TOKENS, DIM)
            nn.init.uniform_(self.table.weight, -0.1, 0.1)
            self.bias = nn.Parameter(torch.zeros(TOKENS))
            self.lstm = nn.LSTM(DIM, LM_UNITS, num_layers=LAYERS, batch_first=True)
            self.projection = nn.Linear(LM_UNITS, DIM)
            self.state = None

        def forward(self, tokens):
            x, state = self.lstm(self.table(tokens), self.state)  # [B, T, H]
            self.state = tuple(part.detach() for part in state)
            return nn.functional.linear(self.projection(x), self.table.weight, self.bias)

    return LanguageModel()


def translator(args: argparse.Namespace) -> Network:
    """Encoder-decoder with attention on made-up pairs, tied embeddings."""
    pairs = translation_speed.made_up_sentences(2 * args.steps * translation_speed.BATCH)

    def ours():
        from seqzoo.layers.losses import SmoothedCrossentropy

        return translation_speed.seqzoo_model(args, "general"), SmoothedCrossentropy(translation_speed.SMOOTHING)

    def theirs():
        module = translation_speed.pytorch_model(args, "general")
        return module, functools.partial(translation_speed.pytorch_loss, module)

    return Network(translation_speed.pair_batches(pairs, args.round), ours, theirs)


NETWORKS = {"tagger": tagger, "classifier": classifier, "language_model": language_model, "translator": translator}


def trained(args: argparse.Namespace, software: str, model: str, precision: str) -> dict:
    """Tokens per second and peak memory of training a network."""
    if software == "pytorch":
        import torch  # imported after TensorFlow, it can crash

        torch.manual_seed(args.round)
    network = NETWORKS[model](args)
    batches = list(itertools.islice(network.batches.arrays(0), args.steps))
    made = keras_step if software == "seqzoo" else pytorch_step
    step, parameters = made(network, precision)
    for batch in batches:
        step(*batch)
    with Clock() as clock:
        losses = [step(*batch) for batch in batches]
    if not np.isfinite(losses).all():
        sys.exit(f"the losses are {losses}")
    # The translator's tokens that count are its labels.
    tokens = sum(np.count_nonzero(inputs.get("tokens", labels)) for inputs, labels, _ in batches)
    where, peak = used(software)
    return {
        "model": model,
        "software": software,
        "precision": precision,
        "device": where,
        "tokens_per_second": tokens / clock.seconds,
        "ms_per_step": 1000 * clock.seconds / len(batches),
        "peak_mib": peak,
        "parameters": parameters,
        "loss": losses[-1],
    }


def keras_step(network: Network, precision: str) -> tuple[Callable, int]:
    """(function (inputs, labels, weights) -> loss that trains our model, its parameters)."""
    import keras

    from seqzoo.training import loop
    from seqzoo.training.optimizers import optimizer

    keras.utils.set_random_seed(0)
    with loop.precision(precision):
        model, loss = network.ours()
    compiled = keras.backend.backend() == "jax"  # as in `training.loop`
    model.compile(
        optimizer(Training(**TRAINING, precision=precision), network.batches.steps), loss, jit_compile=compiled
    )
    return lambda *batch: float(model.train_on_batch(*batch)), sum(
        int(np.prod(v.shape)) for v in model.trainable_variables
    )


def pytorch_step(network: Network, precision: str) -> tuple[Callable, int]:
    """(function (inputs, labels, weights) -> loss that trains the module of PyTorch, its parameters)."""
    import torch

    torch.set_float32_matmul_precision("high")  # with TensorFloat-32, the default of TensorFlow and JAX
    on = "cuda" if torch.cuda.is_available() else "cpu"
    module, loss_of = network.theirs()
    module.to(on)
    adam = torch.optim.Adam(module.parameters(), lr=TRAINING["learning_rate"])

    def step(inputs, labels, weights):
        inputs = {name: torch.from_numpy(array).long().to(on) for name, array in inputs.items()}
        with torch.autocast(on, torch.bfloat16, enabled=precision == "mixed_bfloat16"):
            loss = loss_of(inputs, torch.from_numpy(labels).long().to(on))
        adam.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(module.parameters(), TRAINING["clip_norm"])
        adam.step()
        return loss.item()

    return step, sum(parameter.numel() for parameter in module.parameters())


def device() -> str:
    """The name of the device that Keras's backend computes on: "CPU", or that of a GPU."""
    import keras

    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        gpus = tf.config.list_physical_devices("GPU")
        return tf.config.experimental.get_device_details(gpus[0]).get("device_name", "GPU") if gpus else "CPU"
    import jax

    return jax.devices()[0].device_kind if jax.default_backend() == "gpu" else "CPU"


def used(software: str) -> tuple[str, float]:
    """(the name of the device, peak MiB allocated on it; on a CPU by this process)."""
    if software == "pytorch":
        import torch

        if not torch.cuda.is_available():
            return "CPU", peak_mib()
        return torch.cuda.get_device_name(), torch.cuda.max_memory_allocated() / 2**20
    import keras

    if (name := device()) == "CPU":
        return name, peak_mib()
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        return name, tf.config.experimental.get_memory_info("GPU:0")["peak"] / 2**20
    import jax

    return name, jax.devices()[0].memory_stats()["peak_bytes_in_use"] / 2**20


# --- Results --------------------------------------------------------------------------------------


def show(results: dict) -> None:
    """Prints the kernels, the differences from a CPU, and the speeds."""
    layers = [run for run in results["runs"] if "kernel" in run]
    speeds = [run for run in results["runs"] if "model" in run]
    if layers:
        print("| layer | mask | runs on | --explain_rnn | differs from a CPU by |\n|---|---|---|---|---|")
        for row in layers:
            wrong = "" if row["agrees"] else " WRONG"
            far = "" if row["differs_by"] <= TOLERANCE else " TOO MUCH"
            cells = row["name"], "yes" if row["masked"] else "no", row["kernel"], row["explained"] + wrong
            print(f"| {' | '.join(cells)} | {row['differs_by']:.1e}{far} |")
        wrong = sum(not row["agrees"] for row in layers)
        far = sum(not row["differs_by"] <= TOLERANCE for row in layers)
        print(
            f"\n{len(layers)} passes: {wrong} run on another kernel than explained; {far} differ from a CPU by more ",
            end="",
        )
        print(f"than {TOLERANCE:g} of the largest value.\n")
    if speeds:
        columns = {
            "tokens_per_second": ("tokens/s", ",.0f"),
            "ms_per_step": ("ms/step", ",.1f"),
            "peak_mib": ("peak MiB", ",.0f"),
            "parameters": ("parameters", ",.0f"),
            "loss": ("loss", ".3f"),
        }
        by = {key: key for key in ("model", "software", "precision", "device")}
        print(medians(speeds, by, columns, "tokens_per_second"))
    for row in results.get("failed", []):
        reason, *_ = [line for line in row["error"].splitlines() if line][-2:]  # a killed process leaves one line
        print(f"{row['row']} failed: {reason}")
    if any(run["device"] == "CPU" for run in results["runs"]):
        print("No GPU was found: these are numbers of a CPU and say nothing about a GPU.")


if __name__ == "__main__":
    main()
