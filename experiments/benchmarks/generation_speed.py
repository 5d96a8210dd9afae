"""Measures how fast a character model generates text on a CPU: seqzoo beside stock Keras and plain PyTorch.

    python -m experiments.benchmarks.generation_speed               all processors
    python -m experiments.benchmarks.generation_speed --threads=1   one
    pip install torch                                               adds the rows of PyTorch

All draw from one network: 68 characters, embeddings of width 128, two LSTM layers of 400 units (--units), a logit for
each character; temperature 1; one text, or 32 at once. Its weights are random, which does not affect speed. With
--rnn=gru all LSTMs are GRUs.

    seqzoo:64        what ``seqzoo.run --mode=generate`` does: `decoding.Sampler`, 64 characters a call of one graph.
    seqzoo:512       the same, 512 characters a call.
    keras:predict    lstm_character_level_text_generation.py of keras.io/examples/generative: no state; for each new
                     character ``model.predict`` of the last 40; NumPy draws.
    keras:call       tensorflow.org/text/tutorials/text_generation: the state is carried on, a tf.function computes one
                     step and draws the character, called in a Python loop.
    keras:unrolled   the same with ``LSTM(unroll=True)``, which avoids Keras's loop over the single step.
    pytorch:layers   nn.LSTM, one step a call in a Python loop, torch.no_grad, state carried on, torch.multinomial.
    pytorch:cells    the same with nn.LSTMCell. nn.LSTM runs on oneDNN, where a call is expensive; under
                     ``torch.backends.mkldnn.flags(enabled=False)`` nn.LSTM is as fast as the cells.

Protocol. Each row runs in a process of its own, on the same processors, in turns, in reverse order every other round.
Start-up is the imports, then building the network and its first draw, which includes tracing. Then characters are drawn
for --seconds and returned as NumPy arrays: 64 at a time, 512 for seqzoo:512 and one for keras:predict. The characters
of all texts count; decoding them to strings is left out. The table has the medians of the rounds; peak memory is that
of the whole process.

Remaining differences. seqzoo projects 400 to 128 and computes logits with the embedding matrix, bans padding and the
unknown mark, and checks whether all texts have ended, which never happens here. PyTorch's LSTMs have a second bias.
keras:predict sees only 40 characters, and processes all 40 at each step. Its example reads one-hot vectors, has one
layer, and draws a single text with its own function; here all texts are drawn at once, which is faster.

Limits. One machine, one kind of layer. The larger --units, the less a Python loop costs relative to the network.
Neither torch.compile nor XLA was tried. No weights or vocabulary are loaded. On a busy machine only characters per
second of processor time are meaningful, and only with --threads=1.
"""

import argparse
import importlib
import sys
import time

import numpy as np

from experiments.benchmarks.benchmark import Clock, flags, medians, peak_mib, run

ROWS = ("seqzoo:64", "seqzoo:512", "keras:predict", "keras:call", "keras:unrolled", "pytorch:layers", "pytorch:cells")
TEXTS = (1, 32)  # at once
AT_A_TIME = {"seqzoo:512": 512, "keras:predict": 1}  # characters of each text; the other rows: 64
TOKENS, DIM, LAYERS, WINDOW = 68, 128, 2, 40
IMPORTS = {"seqzoo": ("seqzoo.models", "seqzoo.decoding"), "keras": ("keras",), "pytorch": ("torch",)}


def main() -> None:
    run(arguments(), [f"{row}@{texts}" for texts in TEXTS for row in ROWS], measured, show)


def arguments() -> argparse.ArgumentParser:
    parser = flags("generation_speed", __doc__, ROWS, 2)
    parser.add_argument("--rnn", choices=("lstm", "gru"), default="lstm", help="recurrent layers (default: lstm)")
    parser.add_argument("--units", type=int, default=400, help="units of each layer")
    parser.add_argument("--seconds", type=float, default=5.0, help="how long drawing is timed")
    return parser


def measured(args: argparse.Namespace) -> list[dict]:
    """Measures a row in its own process."""
    row, texts = args.row.split("@")
    texts, count = int(texts), AT_A_TIME.get(row, 64)
    software, kind = row.split(":")
    contender = {"seqzoo": seqzoo_writer, "keras": keras_caller, "pytorch": pytorch_writer}[software]
    if row == "keras:predict":
        contender = keras_predictor
    with Clock() as imports:
        for module in IMPORTS[software]:
            importlib.import_module(module)
    with Clock() as first:
        draw, parameters = contender(args, texts, kind)
        draw(count)
    blocks = []
    with Clock() as clock:
        end = time.perf_counter() + args.seconds
        while time.perf_counter() < end:
            blocks.append(draw(count))
    drawn = np.concatenate(blocks, axis=1)
    if drawn.shape != (texts, count * len(blocks)) or not 0 <= drawn.min() <= drawn.max() < TOKENS:
        sys.exit(f"{args.row} drew {drawn.shape}, from {drawn.min()} to {drawn.max()}")
    return [
        {
            "row": row,
            "texts": texts,
            "characters": drawn.size,
            "distinct": len(np.unique(drawn)),
            "seconds": clock.seconds,
            "cpu_seconds": clock.cpu_seconds,
            "characters_per_second": drawn.size / clock.seconds,
            "characters_per_cpu_second": drawn.size / clock.cpu_seconds,
            "start_up_seconds": imports.seconds + first.seconds,
            "imports_cpu_seconds": imports.cpu_seconds,
            "first_cpu_seconds": first.cpu_seconds,
            "peak_mib": peak_mib(),
            "parameters": parameters,
        }
    ]


# --- The contenders: each gives a function that draws the next ids [B, N], and how many weights it has ---------


def seqzoo_writer(args: argparse.Namespace, texts: int, kind: str) -> tuple:
    """A graph for a block, called as tasks/language_model.py does."""
    import keras

    from seqzoo.decoding.sampling import Sampler
    from seqzoo.models import LanguageModelDecoder, language_model

    keras.utils.set_random_seed(args.round)
    model = language_model(TOKENS, dim=DIM, rnn=args.rnn, units=args.units, layers=LAYERS)
    decoder, rng = LanguageModelDecoder(model), np.random.default_rng(args.round)
    sampler = Sampler(decoder, banned=(0, 1), stop=(0,))  # looks for an end that is never drawn
    samples = sampler.start({"tokens": np.zeros((texts, 0), "int32")})

    def draw(count):
        nonlocal samples
        drawn, samples = sampler.draw(samples, rng.random((count, texts)))
        return drawn

    return draw, model.count_params()


def keras_predictor(args: argparse.Namespace, texts: int, kind: str) -> tuple:
    """Predicts each new character from a window of the last ones."""
    import keras
    from keras import layers

    keras.utils.set_random_seed(args.round)
    model = keras.Sequential([keras.Input((WINDOW,), dtype="int32"), layers.Embedding(TOKENS, DIM)])
    for number in range(LAYERS):
        model.add(keras_layer(args)(args.units, return_sequences=number < LAYERS - 1))
    model.add(layers.Dense(TOKENS, activation="softmax"))
    rng = np.random.default_rng(args.round)
    text = rng.integers(2, TOKENS, (texts, WINDOW), "int32")

    def draw(count):
        nonlocal text
        for _ in range(count):
            reached = model.predict(text[:, -WINDOW:], verbose=0).cumsum(axis=1)  # [B, V]
            ids = (reached <= rng.random((texts, 1)) * reached[:, -1:]).sum(axis=1, keepdims=True)
            text = np.concatenate([text, np.minimum(ids, TOKENS - 1).astype("int32")], axis=1)
        return text[:, -count:]

    return draw, model.count_params()


def keras_layer(args: argparse.Namespace) -> type:
    """The recurrent layer of Keras."""
    from keras import layers

    return {"lstm": layers.LSTM, "gru": layers.GRU}[args.rnn]


def keras_caller(args: argparse.Namespace, texts: int, kind: str) -> tuple:
    """A graph for one step, called from Python."""
    import keras
    import tensorflow as tf
    from keras import layers

    keras.utils.set_random_seed(args.round)
    states = 2 if args.rnn == "lstm" else 1
    inputs = [keras.Input((1,), dtype="int32"), *(keras.Input((args.units,)) for _ in range(states * LAYERS))]
    x, after = layers.Embedding(TOKENS, DIM)(inputs[0]), []  # [B, 1, D]
    for number in range(LAYERS):
        layer = keras_layer(args)(args.units, return_sequences=True, return_state=True, unroll=kind == "unrolled")
        x, *new = layer(x, initial_state=inputs[1 + states * number : 1 + states * (number + 1)])
        after += new
    model = keras.Model(inputs, [layers.Dense(TOKENS)(x[:, 0]), *after])

    @tf.function
    def step(ids, state):
        logits, *state = model([ids, *state])
        return tf.random.categorical(logits, 1, dtype="int32"), state

    ids, state = tf.fill([texts, 1], 2), [tf.zeros([texts, args.units])] * (states * LAYERS)

    def draw(count):
        nonlocal ids, state
        drawn = []
        for _ in range(count):
            ids, state = step(ids, state)
            drawn.append(ids)
        return tf.concat(drawn, axis=1).numpy()

    return draw, model.count_params()


def pytorch_writer(args: argparse.Namespace, texts: int, kind: str) -> tuple:
    """A Python loop over steps."""
    import torch
    from torch import nn

    torch.manual_seed(args.round)
    if args.threads:
        torch.set_num_threads(args.threads)
    embedding, dense = nn.Embedding(TOKENS, DIM), nn.Linear(args.units, TOKENS)
    layer, cell = {"lstm": (nn.LSTM, nn.LSTMCell), "gru": (nn.GRU, nn.GRUCell)}[args.rnn]
    if kind == "layers":
        recurrent = layer(DIM, args.units, num_layers=LAYERS, batch_first=True)
    else:
        recurrent = nn.ModuleList(cell(args.units if number else DIM, args.units) for number in range(LAYERS))
    model = nn.ModuleList([embedding, recurrent, dense]).eval()
    ids, state = torch.full((texts, 1), 2), None if kind == "layers" else [None] * LAYERS

    def read(ids, state):
        if kind == "layers":
            hidden, state = recurrent(embedding(ids), state)  # [B, 1, H]
            return hidden[:, 0], state
        x, after = embedding(ids[:, 0]), []  # [B, D]
        for cell, before in zip(recurrent, state, strict=True):
            now = cell(x, before)  # (h, c) of an LSTM, h [B, H] of a GRU
            x = now[0] if args.rnn == "lstm" else now
            after.append(now)
        return x, after

    @torch.no_grad()
    def draw(count):
        nonlocal ids, state
        drawn = []
        for _ in range(count):
            hidden, state = read(ids, state)  # [B, H]
            ids = torch.multinomial(torch.softmax(dense(hidden), dim=1), 1)
            drawn.append(ids)
        return torch.cat(drawn, dim=1).numpy()

    return draw, sum(parameter.numel() for parameter in model.parameters())


# --- Results --------------------------------------------------------------------------------------


def show(results: dict) -> None:
    """Prints the medians of the rounds."""
    columns = {
        "characters_per_second": ("characters/s", ",.0f"),
        "characters_per_cpu_second": ("characters/CPU s", ",.0f"),
        "start_up_seconds": ("start-up s", ".1f"),
        "imports_cpu_seconds": ("imports, CPU s", ".1f"),
        "first_cpu_seconds": ("first draw, CPU s", ".1f"),
        "peak_mib": ("peak MiB", ",.0f"),
        "parameters": ("parameters", ",.0f"),
    }
    print(medians(results["runs"], {"texts": "texts", "row": ""}, columns, "characters_per_cpu_second"))


if __name__ == "__main__":
    main()
