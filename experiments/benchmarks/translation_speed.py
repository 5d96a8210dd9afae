"""Measures how fast an encoder-decoder trains and translates on a CPU: seqzoo beside plain PyTorch.

    python -m experiments.benchmarks.translation_speed --threads=1                      generated sentences, one core
    python -m experiments.benchmarks.translation_speed --threads=1 --data_dir=FOLDER    train.en and train.de
    pip install torch                                                                   adds the rows of PyTorch

All use one network: a joint vocabulary of 6,000, tied embeddings of width 256 (source, target and output), a
bidirectional LSTM of 256 units a direction, an LSTM of 384 that starts from its final states, attention ("general" or
"additive", 384 wide), tanh(W [c; s]) of width 256. Batches of 64 pairs, Adam at 1e-3, label smoothing 0.1, gradients
clipped to norm 1, no dropout. Beams of 5. With --rnn=gru all LSTMs are GRUs.

    seqzoo     `seq2seq`, `SmoothedCrossentropy` and the optimizer of the tasks, without averaging of weights, in
               model.fit; its step decoder and `Beam`.
    pytorch    nn.Embedding, packed nn.LSTM, nn.LSTM over all steps of the target at once, attention as two batched
               matrix products (or one tanh), F.cross_entropy(ignore_index=0, label_smoothing=0.1), torch.optim.Adam,
               clip_grad_norm_. The beam search has all sentences and hypotheses in one batch: the source is encoded and
               projected to keys once and not repeated for the hypotheses, which are the attention's T axis;
               torch.lstm_cell, as one step of nn.LSTM costs more; ended hypotheses stay in the beam; it stops when all
               have ended.

First both get the same weights: the first lines show how much the logits differ, alone and with padding after source
and target, how much the losses differ, and how many translations agree.

The lengths of the generated sentences are like those of a real corpus: source lengths are log-normal, mean 15; targets
about as long (standard deviation 15%); words follow Zipf's law. All rows get the same batches, those of seqzoo: pairs
of similar length, in random order.

Random weights would hardly ever end a sentence. So that all do the same work, the end mark's bias is -100, and each
batch is decoded for as many steps as its longest reference has; the cost of a translation that ends late is not
included.

Protocol. Each row runs in a process of its own, on the same processors, training and translation separately, in turns,
in reverse order every other round. The clock starts after --warmup steps or batches, which include tracing, and runs
over --steps or --batches. Training includes batching and reading each step's loss, as a progress bar does. Only real
target tokens count, end marks included, not padding. The table has the medians of the rounds. Peak memory is that of a
row's whole process; its memory after the imports alone is shown beside it.

Remaining differences. PyTorch's LSTMs have a second bias, which is redundant. Its smoothing gives mass to padding too.
seqzoo computes the first step of the search once a sentence, keeps ended hypotheses apart, and tracks the attention,
which it returns with the translation. Only seqzoo's learning rate decays.

Limits. One machine, one size, a CPU. Most of the time goes into matrix products, which PyTorch delegates to Intel's MKL
and TensorFlow to oneDNN: on another maker's processor the former may run at half the speed of the latter, independently
of the code above them. So each row reports the speed of a product of the output's size, [320, 256] by [256, 6000].
Neither torch.compile nor XLA was tried. On a busy machine only what is measured per second of processor time is
meaningful, and only with --threads=1.
"""

import argparse
import collections
import importlib
import json
import pathlib
import statistics
import sys
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import numpy as np

from experiments.benchmarks.batches import BenchmarkBatches
from experiments.benchmarks.benchmark import Clock, flags, grouped, in_own_process, medians, peak_mib, run, runnable

if TYPE_CHECKING:
    import keras
    import torch


ROWS = ("seqzoo:general", "pytorch:general", "seqzoo:additive", "pytorch:additive")
WORK = ("training", "translation")
IDS = "ids.npz"
TOKENS, DIM, ENCODER_UNITS, UNITS, BATCH, WIDTH = 6_000, 256, 256, 384, 64, 5
SMOOTHING, LEARNING_RATE, CLIP_NORM, EPOCHS = 0.1, 1e-3, 1.0, 10
BEGIN, END = 2, 3  # beside padding, 0, and the unknown word, 1
NEVER = -100.0  # bias of the end mark
IMPORTS = {
    "seqzoo": ("tensorflow", "seqzoo.models", "seqzoo.decoding.beam", "seqzoo.training.optimizers"),
    "pytorch": ("torch",),
}


def main() -> None:
    rows = [f"{row}@{work}" for work in WORK for row in ROWS]
    run(
        arguments(),
        rows,
        measured,
        show,
        prepared,
        settings=lambda args: {"data_dir": pathlib.Path(args.data_dir).name or "generated"},
    )


def arguments() -> argparse.ArgumentParser:
    parser = flags("translation_speed", __doc__, ROWS, 2)
    parser.add_argument("--data_dir", default="", help="folder with train.en and train.de; default: made-up sentences")
    parser.add_argument("--pairs", type=int, default=20_000, help="pairs of sentences, at most")
    parser.add_argument("--rnn", choices=("lstm", "gru"), default="lstm", help="recurrent layers (default: lstm)")
    parser.add_argument("--steps", type=int, default=60, help="training steps that are timed")
    parser.add_argument("--batches", type=int, default=20, help="batches whose translation is timed")
    parser.add_argument("--warmup", type=int, default=4, help="steps or batches before the clock starts")
    return parser


def prepared(args: argparse.Namespace) -> dict:
    """Writes the ids of all pairs to a file, and checks that both implementations compute the same."""
    sides = real_sentences(args) if args.data_dir else made_up_sentences(args.pairs)
    lengths = [[len(ids) for ids in side] for side in sides]
    flat = [np.concatenate(side).astype("int32") for side in sides]
    np.savez(args.folder / IDS, source=flat[0], target=flat[1], lengths=lengths)
    means = [statistics.mean(side) for side in lengths]
    print(f"{len(lengths[0]):,} pairs, of {means[0]:.1f} and {means[1]:.1f} tokens")
    checks = []
    for row in runnable(ROWS, args.only):
        software, attention = row.split(":")
        if software == "pytorch":
            checks += in_own_process(args, f"check:{attention}")
            print(json.dumps(checks[-1]))
    data = {"pairs": len(lengths[0]), "source_mean": means[0], "target_mean": means[1]}
    return {"data": data, "checks": checks}


def made_up_sentences(pairs: int) -> tuple[list, list]:
    """Sources and targets, lists of ids, that have a real corpus's lengths and frequencies and no meaning."""
    rng = np.random.default_rng(0)
    sources = np.clip(np.round(rng.lognormal(np.log(14), 0.4, pairs)), 2, 60).astype(int)
    targets = np.clip(np.round(sources * rng.lognormal(0, 0.15, pairs)), 2, 60).astype(int)
    words = np.arange(END + 1, TOKENS)
    reached = np.cumsum(1 / (words - END + 2.0))  # Zipf's law, with Mandelbrot's shift
    draw = lambda count: words[np.searchsorted(reached, rng.random(count) * reached[-1])]  # noqa: E731
    return [draw(count) for count in sources], [draw(count) for count in targets]


def real_sentences(args: argparse.Namespace) -> list[list]:
    """Sources and targets of a folder's training set, lists of ids, of the most frequent words of both."""
    from seqzoo.datasets import DATASETS
    from seqzoo.text.tokenizer import splitter

    split = splitter("words")
    counts, pairs = collections.Counter(), []
    for pair in DATASETS["parallel"](data_dir=args.data_dir, columns={"source": "en", "target": "de"})["train"]:
        words = [[token.lower() for token, _, _ in split(pair[side])] for side in ("source", "target")]
        if all(words):
            pairs.append(words)
            counts.update(words[0] + words[1])
        if len(pairs) == args.pairs:
            break
    known = {word: END + 1 + number for number, (word, _) in enumerate(counts.most_common(TOKENS - END - 1))}
    return [[[known.get(word, 1) for word in words] for words in side] for side in zip(*pairs, strict=True)]


def prepared_batches(args: argparse.Namespace) -> BenchmarkBatches:
    """Batches of the pairs in the file."""
    with np.load(args.folder / IDS) as arrays:
        sides = [
            np.split(arrays[side], np.cumsum(lengths)[:-1])
            for side, lengths in zip(("source", "target"), arrays["lengths"], strict=True)
        ]
    return pair_batches(sides, args.round)


def pair_batches(sides: Iterable[list], seed: int) -> BenchmarkBatches:
    """Batches of sources and targets of similar length, in random order."""

    def encode(pair):
        source, target = pair
        inputs = {"source": source, "target": np.concatenate([[BEGIN], target]).astype("int32")}
        labels = np.concatenate([target, [END]]).astype("int32")
        return inputs, labels, np.ones(len(labels), "float32")

    axes = {"source": "source", "target": "target", "labels": "target"}
    pairs = list(zip(*sides, strict=True))
    return BenchmarkBatches(pairs, encode, axes, mixed=True, batch_size=BATCH, seed=seed)


def measured(args: argparse.Namespace) -> list[dict]:
    """Measures a row in its own process."""
    if args.row.startswith("check"):
        return [check(args)]
    row, work = args.row.split("@")
    software, attention = row.split(":")
    for module in IMPORTS[software]:
        importlib.import_module(module)
    imports_mib = peak_mib()
    run = {
        ("seqzoo", "training"): seqzoo_training,
        ("seqzoo", "translation"): seqzoo_translation,
        ("pytorch", "training"): pytorch_training,
        ("pytorch", "translation"): pytorch_translation,
    }[software, work]
    result = run(args, attention, prepared_batches(args))
    clock = result.pop("clock")
    peak = peak_mib()
    counted = "target_tokens" if work == "training" else "sentences"
    return [
        {
            "row": row,
            "work": work,
            **result,
            "seconds": clock.seconds,
            "cpu_seconds": clock.cpu_seconds,
            "cpu_ms_per_step": 1000 * clock.cpu_seconds / result["steps"],
            f"{counted}_per_second": result[counted] / clock.seconds,
            f"{counted}_per_cpu_second": result[counted] / clock.cpu_seconds,
            "peak_mib": peak,
            "imports_mib": imports_mib,
            "gflops": product_rate(software),
        }
    ]


def product_rate(software: str) -> float:
    """10^9 operations a second of processor time of a matrix product, the best of some."""
    x, y = (np.ones(shape, "float32") for shape in ((BATCH * WIDTH, DIM), (DIM, TOKENS)))
    if software == "seqzoo":
        import tensorflow as tf

        x, y, multiply = tf.constant(x), tf.constant(y), tf.matmul
    else:
        import torch

        x, y, multiply = torch.from_numpy(x), torch.from_numpy(y), torch.matmul
    multiply(x, y)
    seconds = []
    for _ in range(20):
        with Clock() as clock:
            multiply(x, y)
        seconds.append(clock.cpu_seconds)
    return 2e-9 * BATCH * WIDTH * DIM * TOKENS / min(seconds)


def sums(sizes: list) -> dict:
    """Sums [(real target tokens, target tokens with padding)], one pair a step."""
    tokens, padded = np.sum(sizes, axis=0).tolist()
    return {"steps": len(sizes), "target_tokens": tokens, "padding": 1 - tokens / padded}


def translated(args: argparse.Namespace, batches: BenchmarkBatches, translate: Callable) -> dict:
    """The measurements of a function (source [B, S], limit) -> (ids [B, N], which is as long as the limit)."""
    every = list(batches.arrays(0))[: args.batches + args.warmup]
    chosen = [(inputs["source"], labels.shape[1]) for inputs, labels, _ in every]
    steps = 0
    for source, limit in chosen[: args.warmup]:
        translate(source, limit)
    with Clock() as clock:
        for source, limit in chosen[args.warmup :]:
            ids = np.asarray(translate(source, limit))
            if ids.shape != (len(source), limit) or ids.min() < BEGIN or (ids == END).any():
                sys.exit(f"{args.row} gave {ids.shape}, from {ids.min()} on, for {len(source)} rows and limit {limit}")
            steps += limit
    sentences = sum(len(source) for source, _ in chosen[args.warmup :])
    return {"clock": clock, "sentences": sentences, "steps": steps}


# --- seqzoo ---------------------------------------------------------------------------------------


def seqzoo_model(args: argparse.Namespace, attention: str) -> "keras.Model":
    import keras

    from seqzoo.models import seq2seq

    keras.utils.set_random_seed(args.round)
    return seq2seq(
        TOKENS, TOKENS, dim=DIM, encoder=f"bi{args.rnn}", rnn=args.rnn, units=UNITS, encoder_units=ENCODER_UNITS,
        attention=attention, tied="joint",
    )  # fmt: skip


def seqzoo_training(args: argparse.Namespace, attention: str, batches: BenchmarkBatches) -> dict:
    """What seqzoo.training.train does in an epoch."""
    import keras

    from seqzoo.layers.losses import SmoothedCrossentropy
    from seqzoo.options import Training
    from seqzoo.training.optimizers import optimizer

    model = seqzoo_model(args, attention)
    config = Training(learning_rate=LEARNING_RATE, clip_norm=CLIP_NORM, average=0.0, epochs=EPOCHS)
    model.compile(optimizer=optimizer(config, batches.steps), loss=SmoothedCrossentropy(SMOOTHING))
    losses = []
    callback = keras.callbacks.LambdaCallback(on_train_batch_end=lambda step, logs: losses.append(float(logs["loss"])))
    model.fit(batches.epoch(1).take(args.warmup), verbose=0, shuffle=False, callbacks=[callback])
    labels = [labels for _, (_, labels, _) in zip(range(args.steps), batches.arrays(0), strict=False)]
    with Clock() as clock:
        model.fit(batches.epoch(0).take(args.steps), verbose=0, shuffle=False, callbacks=[callback])
    return {
        "clock": clock,
        **sums([(np.count_nonzero(part), part.size) for part in labels]),
        "loss": losses[-1],  # Keras reports the mean so far
        "parameters": model.count_params(),
    }


def seqzoo_translator(model: "keras.Model", bias: float = NEVER) -> Callable:
    """A function (source [B, S], limit) -> Answers."""
    from seqzoo.decoding.beam import Beam
    from seqzoo.models import Seq2SeqDecoder

    table = model.get_layer("embedding")
    table.bias.assign(np.where(np.arange(TOKENS) == END, bias, np.array(table.bias)))
    beam = Beam(Seq2SeqDecoder(model, BEGIN), END, WIDTH)
    return lambda source, limit: beam({"source": source}, limits=np.full(len(source), limit))


def seqzoo_translation(args: argparse.Namespace, attention: str, batches: BenchmarkBatches) -> dict:
    model = seqzoo_model(args, attention)
    translate = seqzoo_translator(model)
    result = translated(args, batches, lambda source, limit: translate(source, limit).ids[:, 0])
    return result | {"parameters": model.count_params()}


# --- PyTorch --------------------------------------------------------------------------------------


def pytorch_model(args: argparse.Namespace, attention: str) -> "torch.nn.Module":
    """The network as a torch.nn.Module."""
    import torch
    from torch import nn
    from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

    class Seq2Seq(nn.Module):
        def __init__(self):
            super().__init__()
            self.table = nn.Embedding(TOKENS, DIM, padding_idx=0)
            nn.init.uniform_(self.table.weight, -0.1, 0.1)
            self.bias = nn.Parameter(torch.zeros(TOKENS))
            layer, self.states = {"lstm": (nn.LSTM, 2), "gru": (nn.GRU, 1)}[args.rnn]  # h and c, or h
            self.encoder = layer(DIM, ENCODER_UNITS, batch_first=True, bidirectional=True)
            self.bridge = nn.Linear(2 * self.states * ENCODER_UNITS, self.states * UNITS)
            self.decoder = layer(DIM, UNITS, batch_first=True)
            self.keys = nn.Linear(2 * ENCODER_UNITS, UNITS, bias=False)
            if attention == "additive":
                self.query = nn.Linear(UNITS, UNITS)
                self.score = nn.Linear(UNITS, 1, bias=False)
            self.attend = nn.Linear(2 * ENCODER_UNITS + UNITS, DIM, bias=False)

        def encode(self, source):
            """(encoded [B, S, E], keys [B, S, A], what is padding [B, 1, S]) and the decoder's states, [B, H] each."""
            padding = source == 0  # [B, S]
            lengths = (~padding).sum(1).cpu()
            packed = pack_padded_sequence(self.table(source), lengths, batch_first=True, enforce_sorted=False)
            packed, last = self.encoder(packed)
            last = last if self.states == 2 else (last,)  # [2, B, H] each
            encoded, _ = pad_packed_sequence(packed, batch_first=True, total_length=source.shape[1])  # [B, S, E]
            last = torch.cat([part[direction] for direction in range(2) for part in last], dim=1)
            first = torch.tanh(self.bridge(torch.tanh(last))).chunk(self.states, dim=1)
            return (encoded, self.keys(encoded), padding[:, None]), first

        def write(self, hidden, encoded, keys, padding):
            """Logits [B, T, V] of the decoder's states [B, T, H]."""
            if attention == "general":
                scores = torch.bmm(hidden, keys.transpose(1, 2))  # [B, T, S]
            else:
                scores = self.score(torch.tanh(self.query(hidden)[:, :, None] + keys[:, None]))[..., 0]
            weights = torch.softmax(scores.masked_fill(padding, -torch.inf), dim=2)
            read = torch.cat([torch.bmm(weights, encoded), hidden], dim=2)
            return nn.functional.linear(torch.tanh(self.attend(read)), self.table.weight, self.bias)

        def forward(self, source, target):
            fixed, first = self.encode(source)
            first = tuple(part[None].contiguous() for part in first)
            hidden, _ = self.decoder(self.table(target), first if self.states == 2 else first[0])  # [B, T, H]
            return self.write(hidden, *fixed)

        @torch.inference_mode()
        def translate(self, source, limit):
            """Ids [B, N] of the likeliest translations, N at most the limit."""
            fixed, states = self.encode(source)
            rows = len(source)
            states = [part.repeat_interleave(WIDTH, dim=0) for part in states]  # [B K, H]
            first = torch.arange(rows)[:, None] * WIDTH  # the first hypothesis of each sentence
            ids = torch.full((rows * WIDTH,), BEGIN)
            log_p = torch.full((rows, WIDTH), -torch.inf)
            log_p[:, 0] = 0.0  # all hypotheses begin the same: only one counts
            ended = torch.zeros(rows * WIDTH, dtype=torch.bool)
            trail = torch.zeros(rows * WIDTH, limit, dtype=torch.long)
            for t in range(limit):
                if self.states == 2:
                    states = torch.lstm_cell(self.table(ids), states, *self.decoder.all_weights[0])
                else:
                    states = [torch.gru_cell(self.table(ids), states[0], *self.decoder.all_weights[0])]
                logits = self.write(states[0].view(rows, WIDTH, -1), *fixed)  # [B, K, V]
                next_log_p = torch.log_softmax(logits, dim=2)
                next_log_p[:, :, :BEGIN] = -torch.inf
                if ended.any():  # an ended hypothesis goes on with padding, which costs nothing
                    next_log_p[ended.view(rows, WIDTH)] = -torch.inf
                    next_log_p[:, :, 0].masked_fill_(ended.view(rows, WIDTH), 0.0)
                log_p, indices = (log_p[:, :, None] + next_log_p).view(rows, -1).topk(WIDTH, dim=1)
                parents = (first + indices // TOKENS).view(-1)
                ids = (indices % TOKENS).view(-1)
                states = [part[parents] for part in states]
                trail, ended = trail[parents], ended[parents] | (ids == END)
                trail[:, t] = ids
                if ended.all():
                    break
            return trail.view(rows, WIDTH, -1)[:, 0, : t + 1]

    torch.manual_seed(args.round)
    if args.threads:
        torch.set_num_threads(args.threads)
    return Seq2Seq()


def pytorch_loss(model: "torch.nn.Module", inputs: dict, labels: np.ndarray) -> "torch.Tensor":
    import torch

    arrays = inputs["source"], inputs["target"], labels
    source, target, labels = (torch.as_tensor(array).long().to(model.bias.device) for array in arrays)
    logits = model(source, target)
    return torch.nn.functional.cross_entropy(
        logits.view(-1, TOKENS), labels.view(-1), ignore_index=0, label_smoothing=SMOOTHING
    )


def pytorch_training(args: argparse.Namespace, attention: str, batches: BenchmarkBatches) -> dict:
    import torch

    model = pytorch_model(args, attention)
    adam = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE)

    def train(epoch, limit):
        losses, sizes = [], []
        for _, (inputs, labels, _) in zip(range(limit), batches.arrays(epoch), strict=False):
            loss = pytorch_loss(model, inputs, labels)
            adam.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP_NORM)
            adam.step()
            losses.append(loss.item())
            sizes.append((np.count_nonzero(labels), labels.size))
        return losses, sizes

    train(1, args.warmup)
    with Clock() as clock:
        losses, sizes = train(0, args.steps)
    parameters = sum(parameter.numel() for parameter in model.parameters())
    return {"clock": clock, **sums(sizes), "loss": statistics.mean(losses), "parameters": parameters}


def pytorch_translation(args: argparse.Namespace, attention: str, batches: BenchmarkBatches) -> dict:
    import torch

    model = pytorch_model(args, attention).eval()
    model.bias.data[END] = NEVER
    result = translated(args, batches, lambda source, limit: model.translate(torch.from_numpy(source).long(), limit))
    return result | {"parameters": sum(parameter.numel() for parameter in model.parameters())}


# --- Whether both are the same --------------------------------------------------------------------


def check(args: argparse.Namespace) -> dict:
    """The differences between both with the same weights."""
    import torch

    from seqzoo.layers.losses import SmoothedCrossentropy

    attention = args.row.split(":")[1]
    ours, theirs = seqzoo_model(args, attention), pytorch_model(args, attention).eval()
    copy_weights(ours, theirs, attention)
    inputs, labels, weights = next(prepared_batches(args).arrays(0))
    source, target = (torch.from_numpy(inputs[name]).long() for name in ("source", "target"))
    with torch.no_grad():
        logits = theirs(source, target).numpy()
        # Two sentences of other lengths in one batch, beside each of them alone.
        short = torch.cat([source[:1, : source.shape[1] // 2], torch.zeros(1, source.shape[1] // 2).long()], dim=1)
        alone = theirs(source[:1, : source.shape[1] // 2], target[:1])
        padded = theirs(torch.cat([short, source[1:2, : short.shape[1]]]), target[:2])[:1]
        their_loss = float(pytorch_loss(theirs, inputs, labels))
    ids = {"source": short.numpy(), "target": inputs["target"][:1]}
    our_padded = np.array(ours(ids)) - np.array(ours({**ids, "source": ids["source"][:, : source.shape[1] // 2]}))
    our_logits = np.array(ours(inputs))
    real = labels > 0
    limit = labels.shape[1]
    found = seqzoo_translator(ours)(inputs["source"], limit).ids[:, 0]
    theirs.bias.data[END] = NEVER
    same = (found == theirs.translate(source, limit).numpy()).all(axis=1)
    return {
        "attention": attention,
        "largest_logit": float(np.abs(our_logits[real][:, 1:]).max()),
        "logits_differ_by": float(np.abs(our_logits - logits)[real][:, 1:].max()),
        "padding_moves_seqzoo_by": float(np.abs(our_padded).max()),
        "padding_moves_pytorch_by": float((padded - alone).abs().max()),
        "losses": [float(SmoothedCrossentropy(SMOOTHING)(labels, our_logits, weights)), their_loss],
        "same_translations": float(same.mean()),
        "parameters": [ours.count_params(), sum(parameter.numel() for parameter in theirs.parameters())],
    }


def copy_weights(ours: "keras.Model", theirs: "torch.nn.Module", attention: str) -> None:
    """Puts seqzoo's weights, some of them larger, so that sentences matter, into the network of PyTorch."""
    import torch

    encoder, decoder, table = (ours.get_layer(name) for name in ("encoder", "decoder", "embedding"))
    table.embeddings.assign(8 * np.array(table.embeddings))

    def layer(model, kind):
        return next(layer for layer in model.layers if type(layer).__name__ == kind)

    def put(parameter, *arrays):
        with torch.no_grad():
            parameter.copy_(torch.from_numpy(np.concatenate([np.array(array).T for array in arrays])))

    def put_cell(layer, suffix, cell):
        """Keras has z r h of a GRU, PyTorch r z n; a GRU has a second bias in both, an LSTM in PyTorch alone."""
        biases = np.atleast_2d(np.array(cell.bias))
        for name, array in (
            ("weight_ih", cell.kernel), ("weight_hh", cell.recurrent_kernel), ("bias_ih", biases[0]),
            ("bias_hh", biases[1] if len(biases) > 1 else 0 * biases[0]),
        ):  # fmt: skip
            array = np.array(array)
            if theirs.states == 1:
                z, r, n = np.split(array, 3, axis=-1)
                array = np.concatenate([r, z, n], axis=-1)
            put(getattr(layer, f"{name}_l0{suffix}"), array)

    both = layer(encoder, "Bidirectional")
    put_cell(theirs.encoder, "", both.forward_layer.cell)
    put_cell(theirs.encoder, "_reverse", both.backward_layer.cell)
    put_cell(theirs.decoder, "", layer(decoder, type(both.forward_layer).__name__).cell)
    bridges = [encoder.get_layer(f"bridge{number}") for number in range(theirs.states)]
    put(theirs.bridge.weight, *(bridge.kernel for bridge in bridges))
    put(theirs.bridge.bias, *(bridge.bias for bridge in bridges))
    put(theirs.keys.weight, encoder.get_layer("keys").kernel)
    put(theirs.attend.weight, decoder.get_layer("attend").kernel)
    if attention == "additive":
        attend = decoder.get_layer("attention")
        put(theirs.query.weight, attend.W)
        put(theirs.query.bias, attend.b)
        put(theirs.score.weight, attend.v)
    put(theirs.table.weight, np.array(table.embeddings).T)
    put(theirs.bias, table.bias)


# --- Results --------------------------------------------------------------------------------------


def show(results: dict) -> None:
    """Prints the medians of the rounds."""
    units = {"training": "target_tokens", "translation": "sentences"}
    for work, runs in grouped(results["runs"], "work").items():
        key, unit = units[work], units[work].replace("_", " ")
        columns = {
            f"{key}_per_second": (f"{unit}/s", ",.1f"),
            f"{key}_per_cpu_second": (f"{unit}/CPU s", ",.1f"),
            "peak_mib": ("peak MiB", ",.0f"),
            "imports_mib": ("of it imports", ",.0f"),
            "parameters": ("parameters", ",.0f"),
            "gflops": ("GFLOP/s of a product", ",.0f"),
            "cpu_ms_per_step": ("CPU ms/step", ",.1f"),
        }
        print(f"{medians(runs, {'row': work}, columns, f'{key}_per_cpu_second')}\n")


if __name__ == "__main__":
    main()
