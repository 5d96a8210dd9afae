"""Measures how fast a tagger trains on a CPU: seqzoo beside stock Keras layers and plain PyTorch.

    python -m experiments.benchmarks.tagger_speed                        on generated sentences
    python -m experiments.benchmarks.tagger_speed --data_dir=FOLDER --vectors=glove.6B.100d.txt     on CoNLL-2003
    pip install torch                                                    adds the rows of PyTorch

All train one network: words (width 100, or that of the vectors), characters (embedding 30, convolution of 50 filters of
size 3, maximum over the word) and casing (10), concatenated; two bidirectional LSTM layers; a score for each tag; a
CRF, or a softmax with --head=softmax. Batch size, learning rate, gradient clipping and dropout rates are the same.
With --rnn=gru all LSTMs are GRUs.

    seqzoo     what ``seqzoo.run --task=ner`` trains: its batches, tagger, loss and optimizer.
    keras      stock layers of keras.layers and keras.optimizers.Adam. Keras has no CRF, so the CRF is seqzoo's.
    pytorch    nn.Embedding, nn.Conv1d, packed nn.LSTM, torch.optim.Adam, clip_grad_norm_, all with their defaults, and
               the usual CRF: a Python loop over time, a logsumexp over [B, K, K] in each step.

Keras and PyTorch train twice: on `random` batches, padded to the longest sentence of each, which is the default way,
and on seqzoo's own, of sentences of similar length (`bucketed`). This separates the gain from batching from the rest.

Protocol. Each row runs in a process of its own, on the same processors, in turns, in reverse order every other round.
The clock starts after some warm-up steps, which include tracing, and runs over --steps steps of training (0: an epoch).
It includes batching and reading each step's loss, as a progress bar does. Only real tokens count, not padding. The
table has the median of the rounds and their range. All rows read the same data by the same code. Peak memory is that of
the whole process, including imports and data.

Remaining differences. PyTorch's LSTM has a second bias, which is redundant. Only seqzoo keeps vectors of words that do
not occur in training as constants (with --vectors), replaces rare words by the unknown one, averages the weights,
decays its learning rate and masks the padding of words in the convolution. Dropout is locked over time, except between
PyTorch's layers, where nn.LSTM has its own. seqzoo and keras build batches in a thread of tf.data; PyTorch builds them
between its steps.

Limits. One machine, one task, one size a run; other numbers of cores, or a GPU, differ. Only speed is compared; the
losses show that all learn. Buckets of common lengths fill first, so that a part of an epoch favours bucketed batches a
little: --steps=0 is the fairest. The numbers are meaningful on an idle machine only: beside other programs PyTorch's
threads, which spin while they wait for each other, lose most (a factor of ten and more, on 2 cores shared with two
trainings). With --threads=1, the column of processor time is then the least wrong.

A second table has the time of one optimizer step, with the look-up and its gradient, for word vectors of width 100 and
32 x 20 random words: an Adam that updates every row beside those that update only the rows of the batch.
"""

import argparse
import pathlib
import statistics
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from experiments.benchmarks.batches import BenchmarkBatches
from experiments.benchmarks.benchmark import Clock, flags, grouped, peak_mib, run
from seqzoo.data import Batches
from seqzoo.task import TASKS, Task
from seqzoo.text.casing import CASES

if TYPE_CHECKING:
    import keras
    import torch


ROWS = ("seqzoo:bucketed", "keras:random", "keras:bucketed", "pytorch:random", "pytorch:bucketed")
ADAM_ROWS = ("adam:tensorflow", "adam:pytorch")
TABLE_SIZES = (1_000, 25_000, 400_000)


def main() -> None:
    run(arguments(), ROWS + ADAM_ROWS, measured, show, settings=data_names)


def data_names(args: argparse.Namespace) -> dict:
    """Names of the data to record instead of their paths."""
    return {"data_dir": pathlib.Path(args.data_dir).name or "grammar", "vectors": pathlib.Path(args.vectors).name}


def arguments() -> argparse.ArgumentParser:
    parser = flags("tagger_speed", __doc__, ROWS + ADAM_ROWS, 3)
    parser.add_argument("--data_dir", default="", help="folder with train.txt and valid.txt; default: built-in text")
    parser.add_argument("--vectors", default="", help="file of pretrained word vectors; default: random, width 100")
    parser.add_argument("--head", choices=("crf", "softmax"), default="crf")
    parser.add_argument("--rnn", choices=("lstm", "gru"), default="lstm", help="recurrent layers (default: lstm)")
    parser.add_argument("--units", type=int, default=128, help="units of each layer and direction")
    parser.add_argument("--batch_size", type=int, default=32)
    parser.add_argument("--steps", type=int, default=200, help="steps that are timed; 0: an epoch")
    parser.add_argument("--warmup", type=int, default=20, help="steps before the clock starts")
    return parser


def measured(args: argparse.Namespace) -> list[dict]:
    """Measures a row in its own process."""
    software, kind = args.row.split(":")
    if software == "adam":
        return {"tensorflow": adam_tensorflow, "pytorch": adam_pytorch}[kind]()
    config = TASKS["ner"].Config(
        dataset="conll" if args.data_dir else "grammar",
        data_dir=args.data_dir,
        vectors=args.vectors,
        crf=args.head == "crf",
        rnn=f"bi{args.rnn}",
        units=args.units,
        batch_size=args.batch_size,
        seed=args.round,
    )
    task = TASKS["ner"](config)
    data = task.load()
    contender = {"seqzoo": seqzoo_training, "keras": keras_training, "pytorch": pytorch_training}[software]
    result = contender(args, task, data.splits["train"], bucketed=kind == "bucketed")
    result |= {
        "row": args.row,
        "tokens_per_second": result["tokens"] / result["seconds"],
        "padding": 1 - result["tokens"] / result["padded_tokens"],
        "peak_mib": peak_mib(),
    }
    return [result]


def grouped_anew(batches: Batches, bucketed: bool) -> BenchmarkBatches:
    """The batches of a split, `bucketed` or of random sentences, with their arrays."""
    limits = {name: getattr(batches, name) for name in ("batch_size", "batch_tokens", "seed")}
    return BenchmarkBatches(batches.examples, batches.encode, batches.axes, bucketed, **limits)


# --- seqzoo and stock Keras -----------------------------------------------------------------------


def seqzoo_training(args: argparse.Namespace, task: Task, batches: Batches, bucketed: bool) -> dict:
    """What seqzoo.training.train does in an epoch."""
    import keras

    from seqzoo.training.optimizers import optimizer

    keras.utils.set_random_seed(task.config.seed)
    model = task.build()
    model.compile(optimizer=optimizer(task.config, batches.steps), loss=task.loss())
    model.optimizer.build(model.trainable_variables)
    return fitted(args, model, batches)


def keras_training(args: argparse.Namespace, task: Task, batches: Batches, bucketed: bool) -> dict:
    """The same network of stock layers."""
    import keras

    config = task.config
    keras.utils.set_random_seed(config.seed)
    batches = grouped_anew(batches, bucketed)
    model = stock_tagger(task)
    adam = keras.optimizers.Adam(config.learning_rate, global_clipnorm=config.clip_norm)
    model.compile(optimizer=adam, loss=task.loss())
    return fitted(args, model, batches)


def stock_tagger(task: Task) -> "keras.Model":
    """The tagger out of keras.layers."""
    import keras
    from keras import layers, ops

    from seqzoo.layers.crf import CRF

    config, learned, tags = task.config, task.assets["words"], task.assets["tags"]
    words, characters, vectors = learned.words, learned.characters, learned.vectors
    width = config.word_dim if vectors is None else vectors.shape[1]
    inputs = {
        "tokens": keras.Input((None,), dtype="int32", name="tokens"),  # [B, T]
        "characters": keras.Input((None, None), dtype="int32", name="characters"),  # [B, T, W]
        "casing": keras.Input((None,), dtype="int32", name="casing"),  # [B, T]
    }
    mask = ops.not_equal(inputs["tokens"], 0)  # [B, T]
    embedding = layers.Embedding(len(words), width)
    spelled = layers.Embedding(len(characters), config.char_dim)(inputs["characters"])  # [B, T, W, D]
    # Over the characters of each word, one of the two axes of an image, so that no reshaping is needed.
    spelled = layers.Conv2D(config.char_units, (1, 3), padding="same")(spelled)  # [B, T, W, F]
    casing = layers.Embedding(len(CASES), 10)(inputs["casing"])  # [B, T, 10]
    features = [embedding(inputs["tokens"]), ops.max(spelled, axis=2), casing]
    x = layers.SpatialDropout1D(config.word_dropout)(layers.Concatenate()(features))  # [B, T, D]
    recurrent = {"bilstm": layers.LSTM, "bigru": layers.GRU}[config.rnn]
    for _ in range(config.layers):
        x = layers.Bidirectional(recurrent(config.units, return_sequences=True))(x, mask=mask)  # [B, T, 2H]
        x = layers.SpatialDropout1D(config.dropout)(x)
    scores = layers.Dense(len(tags))(x)  # [B, T, K]
    if config.crf:
        scores = CRF(task.allowed(tags.tokens))(scores, mask=mask)  # [B, T, K, K]
    if vectors is not None:
        embedding.set_weights([vectors])
    return keras.Model(inputs, scores)


def fitted(args: argparse.Namespace, model: "keras.Model", batches: BenchmarkBatches) -> dict:
    """The measurements of model.fit."""
    import keras

    def steps(epoch, limit):
        dataset = batches.epoch(epoch)
        return dataset.take(limit) if limit else dataset

    losses = []
    callback = keras.callbacks.LambdaCallback(on_train_batch_end=lambda step, logs: losses.append(float(logs["loss"])))
    model.fit(steps(1, args.warmup), verbose=0, shuffle=False, callbacks=[callback])
    sizes = [(np.count_nonzero(x["tokens"]), x["tokens"].size) for x, *_ in steps(0, args.steps).as_numpy_iterator()]
    with Clock() as clock:
        model.fit(steps(0, args.steps), verbose=0, shuffle=False, callbacks=[callback])
    return {
        **sums(clock, sizes),
        "loss": losses[-1],  # Keras reports the mean so far
        "parameters": sum(int(np.prod(v.shape)) for v in model.trainable_variables),
        "frozen": sum(int(np.prod(v.shape)) for v in model.non_trainable_variables if v.dtype == "float32"),
    }


def sums(clock: Clock, sizes: list) -> dict:
    """The part of the measurements that all rows have in common; sizes: (real, padded) tokens of each step."""
    tokens, padded_tokens = np.sum(sizes, axis=0).tolist()
    return {
        "steps": len(sizes),
        "tokens": tokens,
        "padded_tokens": padded_tokens,
        "seconds": clock.seconds,
        "cpu_seconds": clock.cpu_seconds,
    }


# --- PyTorch --------------------------------------------------------------------------------------


def pytorch_training(args: argparse.Namespace, task: Task, batches: Batches, bucketed: bool) -> dict:
    """The same network in PyTorch."""
    import torch

    config = task.config
    torch.manual_seed(config.seed)
    batches = grouped_anew(batches, bucketed)
    model = torch_tagger(task)
    adam = torch.optim.Adam(model.parameters(), lr=config.learning_rate)

    def train(epoch, limit):
        sizes, losses = [], []
        for inputs, labels, _ in batches.arrays(epoch):
            features = {name: torch.from_numpy(array).long() for name, array in inputs.items()}
            loss = model(labels=torch.from_numpy(labels).long(), **features)
            adam.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), config.clip_norm)
            adam.step()
            losses.append(loss.item())
            sizes.append((np.count_nonzero(inputs["tokens"]), inputs["tokens"].size))
            if len(sizes) == limit:
                break
        return sizes, losses

    train(1, args.warmup)
    with Clock() as clock:
        sizes, losses = train(0, args.steps)
    return {
        **sums(clock, sizes),
        "loss": statistics.mean(losses),
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "frozen": 0,
    }


def torch_tagger(task: Task) -> "torch.nn.Module":
    """The tagger as a torch.nn.Module that gives the loss of a batch."""
    import torch
    from torch import nn
    from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

    config, learned, tags = task.config, task.assets["words"], task.assets["tags"]
    words, characters, vectors = learned.words, learned.characters, learned.vectors
    width = config.word_dim if vectors is None else vectors.shape[1]

    class CRF(nn.Module):
        """-log p(tags | emissions) of a linear chain, summed over a batch."""

        def __init__(self, allowed):
            super().__init__()
            for name, part in zip(("start", "transitions", "end"), allowed, strict=True):
                part = torch.tensor(np.asarray(part), dtype=torch.float32)
                self.register_parameter(name, nn.Parameter(torch.zeros_like(part)))
                self.register_buffer(f"no_{name}", -1e4 * (1 - part))  # scores of moves that are not allowed

        def forward(self, emissions, labels, mask):
            start, end = self.start + self.no_start, self.end + self.no_end  # [K]
            transitions = self.transitions + self.no_transitions  # [K, K]
            alpha = start + emissions[:, 0]  # [B, K]
            for t in range(1, emissions.shape[1]):
                new = torch.logsumexp(alpha[:, :, None] + transitions, dim=1) + emissions[:, t]
                alpha = torch.where(mask[:, t, None], new, alpha)
            log_partition = torch.logsumexp(alpha + end, dim=1)  # [B]
            last = labels.gather(1, mask.sum(1, keepdim=True) - 1)[:, 0]  # [B]
            picked = emissions.gather(2, labels[..., None])[..., 0]  # [B, T]
            moves = transitions[labels[:, :-1], labels[:, 1:]]  # [B, T - 1]
            gold = start[labels[:, 0]] + (picked * mask).sum(1) + (moves * mask[:, 1:]).sum(1) + end[last]
            return (log_partition - gold).sum()

    class Tagger(nn.Module):
        def __init__(self):
            super().__init__()
            if vectors is None:
                self.words = nn.Embedding(len(words), width)
            else:
                self.words = nn.Embedding.from_pretrained(torch.from_numpy(vectors), freeze=False)
            self.characters = nn.Embedding(len(characters), config.char_dim)
            self.convolution = nn.Conv1d(config.char_dim, config.char_units, 3, padding=1)
            self.casing = nn.Embedding(len(CASES), 10)
            self.recurrent = {"bilstm": nn.LSTM, "bigru": nn.GRU}[config.rnn](
                width + config.char_units + 10,
                config.units,
                num_layers=config.layers,
                batch_first=True,
                dropout=config.dropout,
                bidirectional=True,
            )
            self.dense = nn.Linear(2 * config.units, len(tags))
            self.crf = CRF(task.allowed(tags.tokens)) if config.crf else None

        def locked_dropout(self, x, rate):  # the same features in all steps
            return x * nn.functional.dropout(x.new_ones(x.shape[0], 1, x.shape[2]), rate, self.training)

        def forward(self, tokens, characters, casing, labels):
            mask = tokens != 0  # [B, T]
            spelled = self.characters(characters.flatten(0, 1)).transpose(1, 2)  # [B*T, D, W]
            spelled = self.convolution(spelled).amax(2).view(*tokens.shape, -1)  # [B, T, F]
            x = torch.cat([self.words(tokens), spelled, self.casing(casing)], dim=2)  # [B, T, D]
            x = self.locked_dropout(x, config.word_dropout)
            packed = pack_padded_sequence(x, mask.sum(1).cpu(), batch_first=True, enforce_sorted=False)
            x, _ = pad_packed_sequence(self.recurrent(packed)[0], batch_first=True)  # [B, T, 2H]
            scores = self.dense(self.locked_dropout(x, config.dropout))  # [B, T, K]
            if self.crf is None:
                return nn.functional.cross_entropy(scores[mask], labels[mask])
            return self.crf(scores, labels, mask) / mask.sum()

    return Tagger()


# --- The optimizer alone --------------------------------------------------------------------------


def adam_tensorflow() -> list[dict]:
    """Steps of Adam over tables of several sizes."""
    import keras
    import tensorflow as tf

    from seqzoo.training.optimizers import optimizer

    config = TASKS["ner"].Config
    makers = {
        "keras: Adam(global_clipnorm=1.0)": lambda: keras.optimizers.Adam(2e-3, global_clipnorm=1.0),
        "seqzoo: adam, --clip_norm=1 --average=0": lambda: optimizer(config(average=0.0), 1000),
        "seqzoo: adam as by default, with the moving average": lambda: optimizer(config(), 1000),
    }

    def stepper(rows, name):
        embedding = keras.layers.Embedding(rows, 100)
        embedding.build()
        adam = makers[name]()
        adam.build(embedding.trainable_variables)

        @tf.function
        def step(ids):
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean(tf.square(embedding(ids)))
            adam.apply(tape.gradient(loss, [v.value for v in embedding.trainable_variables]))
            return loss

        return lambda ids: float(step(tf.constant(ids)))

    return step_times(makers, stepper)


def adam_pytorch() -> list[dict]:
    """Steps of PyTorch's Adams over tables of several sizes."""
    import torch

    dense, sparse = "pytorch: Adam, clip_grad_norm_", "pytorch: SparseAdam, no clipping"

    def stepper(rows, name):
        embedding = torch.nn.Embedding(rows, 100, sparse=name == sparse)
        adam = (torch.optim.SparseAdam if name == sparse else torch.optim.Adam)(embedding.parameters(), lr=2e-3)

        def step(ids):
            loss = embedding(torch.from_numpy(ids)).square().mean()
            adam.zero_grad()
            loss.backward()
            if name == dense:  # clip_grad_norm_ does not take sparse gradients
                torch.nn.utils.clip_grad_norm_(embedding.parameters(), 1.0)
            adam.step()
            return loss.item()

        return step

    return step_times((dense, sparse), stepper)


def step_times(names: Iterable[str], stepper: Callable) -> list[dict]:
    """Median milliseconds of ``stepper(rows, name)(ids)`` for all names and sizes, a list of dicts."""
    rng = np.random.default_rng(0)
    results = []
    for name in names:
        for rows in TABLE_SIZES:
            step = stepper(rows, name)
            times = []
            for _ in range(25):
                ids = rng.integers(0, rows, (32, 20))
                begin = time.perf_counter()
                step(ids)
                times.append(time.perf_counter() - begin)
            results.append({"optimizer": name, "rows": rows, "ms": 1000 * statistics.median(times[5:])})
    return results


# --- Results --------------------------------------------------------------------------------------


def show(results: dict) -> None:
    """Prints the tables."""
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = 110
    adam = [run for run in results["runs"] if "optimizer" in run]
    if training := [run for run in results["runs"] if "optimizer" not in run]:
        table = Table(title="Training", title_justify="left", box=None)
        for heading in ("contender", "batching"):
            table.add_column(heading)
        for heading in ("tokens/s", "range", "ms/step", "CPU ms/step", "padding", "peak MiB", "loss"):
            table.add_column(heading, justify="right")
        for row, runs in grouped(training, "row").items():
            speeds = [run["tokens_per_second"] for run in runs]
            table.add_row(
                *row.split(":"),
                f"{statistics.median(speeds):,.0f}",
                f"{min(speeds):,.0f}-{max(speeds):,.0f}",
                f"{statistics.median(1000 * run['seconds'] / run['steps'] for run in runs):.1f}",
                f"{statistics.median(1000 * run['cpu_seconds'] / run['steps'] for run in runs):.1f}",
                f"{statistics.median(run['padding'] for run in runs):.1%}",
                f"{statistics.median(run['peak_mib'] for run in runs):,.0f}",
                f"{statistics.median(run['loss'] for run in runs):.3f}",
            )
        console.print(table)
        for line in parameter_check(training, *(results["settings"][name] for name in ("units", "rnn"))):
            console.print(line)
    if adam:
        table = Table(title="Milliseconds of an optimizer step over an embedding", title_justify="left", box=None)
        table.add_column("optimizer")
        for rows in TABLE_SIZES:
            table.add_column(f"{rows:,} rows", justify="right")
        for name, runs in grouped(adam, "optimizer").items():
            by_size = grouped(runs, "rows")
            medians = [statistics.median(run["ms"] for run in by_size[rows]) for rows in TABLE_SIZES]
            table.add_row(name, *(f"{ms:.1f}" for ms in medians))
        console.print(table)


def parameter_check(training: list[dict], units: int, rnn: str) -> Iterator[str]:
    """Yields a line for each contender: its parameters, and whether any excess comes from the known differences."""
    first = {run["row"].split(":")[0]: run for run in reversed(training)}
    second_bias = 2 * 2 * 4 * units if rnn == "lstm" else 0  # layers, directions, gates; Keras's GRU has it, too
    known = {"seqzoo": 0, "keras": 0, "pytorch": second_bias}
    for software in sorted(first, key=[*known].index):
        run = first[software]
        line = f"parameters of {software}: {run['parameters']:,} trained, {run['frozen']:,} constant"
        if "seqzoo" in first and software != "seqzoo":
            more = run["parameters"] + run["frozen"] - first["seqzoo"]["parameters"] - first["seqzoo"]["frozen"]
            line += f"; {more:,} more, " + ("as known" if more == known[software] else f"NOT {known[software]:,}")
        yield line


if __name__ == "__main__":
    main()
