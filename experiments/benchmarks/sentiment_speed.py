"""Measures how fast a text classifier trains on a CPU: seqzoo beside the Keras recipe for IMDB and plain PyTorch.

    python -m experiments.benchmarks.sentiment_speed --data_dir=IMDB               IMDB: folder of train.jsonl.gz
    python -m experiments.benchmarks.sentiment_speed --data_dir=IMDB --threads=1   one core
    pip install torch                                                              adds the row of PyTorch

All train one network, that of https://keras.io/examples/nlp/bidirectional_lstm_imdb/: embeddings of 20,000 words, width
128, two bidirectional LSTM layers of 64 units, the final states of both directions (except `seqzoo:segments`) and an
output layer. Batch size 32, learning rate 1e-3, no dropout. With --rnn=gru all LSTMs are GRUs.

    seqzoo:whole      what ``seqzoo.run --task=sentiment`` trains, on all tokens of each text: its batches, classifier,
                      loss and optimizer. Batches are of texts of similar length, of at most --batch_tokens.
    seqzoo:segments   the same, texts split into segments of 100 tokens that are read independently, then max-pooled.
    seqzoo:200        as seqzoo:whole on 200 tokens of each text, the same work as the recipe's.
    keras:200         the recipe: the last 200 tokens, padded left by pad_sequences, keras.layers without a mask, Adam.
    keras:whole       the obvious way for whole texts: random batches, padded right to the longest text of each,
                      Embedding(mask_zero=True).
    pytorch:200       nn.Embedding, packed nn.LSTM, torch.optim.Adam, with their defaults; random batches, 200 tokens.

Protocol. Texts are tokenized once, by seqzoo's "words", untimed, and all rows read the same ids. Each row
runs in a process of its own, on the same processors, in turns, in reverse order every other round. The clock starts
after some warm-up steps, which include tracing, and runs over --steps steps (0: an epoch). It includes batching and
reading each step's loss, as a progress bar does. Only real tokens count: neither padding nor tokens that a row
truncates. The steps are batches drawn at random from an epoch over all texts, so that they are representative: the
first batches would be full ones, and in an epoch over few texts most batches by length would be half empty. With
--steps=0 all rows read the very same texts. The table has the medians of the rounds. Peak memory is that of a row's
whole process: its imports, the ids of all texts (24 MiB for IMDB, and copies), weights, optimizer, and the largest
batch drawn, so it grows with --steps.

Remaining differences. seqzoo has a softmax over two classes (129 weights more), the others a sigmoid. PyTorch's LSTM
has a second bias, which is redundant. Of 200 tokens seqzoo keeps both ends, the others the last. Only seqzoo
clips gradients, averages the weights, decays its learning rate, and updates only the embeddings in the batch. keras:200
runs over its padding, which the others skip or mask. seqzoo's batches hold fewer than 32 texts where these are long
(--batch_tokens) or no more texts of similar length are left. seqzoo.run tokenizes a corpus of more than --cache_tokens,
such as this one, anew in each epoch, in parallel with the training; that is left out here.

Limits. Those of tagger_speed.py: one machine, one task; the losses show that all learn. On a busy machine only tokens
per second of processor time are meaningful, and only with --threads=1.
"""

import argparse
import collections
import pathlib
import statistics
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from experiments.benchmarks.batches import BenchmarkBatches
from experiments.benchmarks.benchmark import Clock, flags, medians, peak_mib, run
from experiments.benchmarks.tagger_speed import fitted, sums
from seqzoo.config import Config
from seqzoo.datasets import DATASETS
from seqzoo.task import TASKS
from seqzoo.text.tokenizer import splitter
from seqzoo.text.vocabulary import Vocabulary

if TYPE_CHECKING:
    import keras
    import torch


ROWS = ("seqzoo:whole", "seqzoo:segments", "seqzoo:200", "keras:200", "keras:whole", "pytorch:200")
IDS = "ids.npz"
WORDS, WIDTH, UNITS, MOST, SEGMENT = 20_000, 128, 64, 200, 100  # all but the last are the recipe's


def main() -> None:
    run(
        arguments(),
        ROWS,
        measured,
        show,
        write_ids,
        settings=lambda args: {"data_dir": pathlib.Path(args.data_dir).name},
    )


def arguments() -> argparse.ArgumentParser:
    parser = flags("sentiment_speed", __doc__, ROWS, 3)
    parser.add_argument("--data_dir", required=True, help="folder with train.jsonl.gz")
    parser.add_argument("--rnn", choices=("lstm", "gru"), default="lstm", help="recurrent layers (default: lstm)")
    parser.add_argument("--steps", type=int, default=100, help="steps that are timed; 0: an epoch")
    parser.add_argument("--warmup", type=int, default=5, help="steps before the clock starts")
    return parser


def write_ids(args: argparse.Namespace) -> dict:
    """Tokenizes the training texts and writes their ids to a file; returns the numbers of texts and tokens."""
    split = splitter("words")
    texts, labels, counts = [], [], collections.Counter()
    for example in DATASETS["jsonl"](data_dir=args.data_dir)["train"]:
        tokens = [sys.intern(token.lower()) for token, _, _ in split(example["text"])]
        if tokens:
            counts.update(tokens)
            texts.append(tokens)
            labels.append(example["label"])
    words = Vocabulary([word for word, _ in counts.most_common(WORDS - 2)])  # beside padding and the unknown word
    kinds = Vocabulary(sorted(set(labels)), unknown=False)
    if len(kinds) != 2:
        sys.exit(f"The recipe needs two labels. Found: {', '.join(kinds.tokens)}.")
    ids = np.array([number for tokens in texts for number in words.encode(tokens)], "int32")
    np.savez(
        args.folder / IDS,
        ids=ids,
        lengths=[len(tokens) for tokens in texts],
        labels=np.array(kinds.encode(labels), "int32"),
    )
    print(f"{len(texts):,} texts, {len(ids):,} tokens")
    return {"texts": len(texts), "tokens": len(ids)}


def measured(args: argparse.Namespace) -> list[dict]:
    """Measures a row in its own process."""
    with np.load(args.folder / IDS) as arrays:
        texts = np.split(arrays["ids"], np.cumsum(arrays["lengths"])[:-1])  # views of one array
        examples = list(zip(texts, arrays["labels"], strict=True))
    software, kind = args.row.split(":")
    contender = {"seqzoo": seqzoo_training, "keras": keras_training, "pytorch": pytorch_training}[software]
    config = TASKS["sentiment"].Config(learning_rate=1e-3, seed=args.round)
    result = contender(args, config, examples, kind)
    result |= {
        "row": args.row,
        "tokens_per_second": result["tokens"] / result["seconds"],
        "tokens_per_cpu_second": result["tokens"] / result["cpu_seconds"],
        "texts_per_second": result["texts"] / result["seconds"],
        "ms_per_step": 1000 * result["seconds"] / result["steps"],
        "padding": 1 - result["tokens"] / result["padded_tokens"],
        "peak_mib": peak_mib(),
    }
    return [result]


def text_batches(examples: list, cut: Callable, config: Config, bucketed: bool) -> BenchmarkBatches:
    """Batches of the examples, `bucketed` or of random texts, in random order."""

    def encode(example):
        ids, label = example
        return {"tokens": cut(ids)}, label, np.array(1, "float32")

    limits = {name: getattr(config, name) for name in ("batch_size", "batch_tokens", "seed")}
    axes = {"tokens": "time"}
    return BenchmarkBatches(examples, encode, axes, bucketed, mixed=True, cache_tokens=sys.maxsize, **limits)


def seqzoo_training(args: argparse.Namespace, config: Config, examples: list, kind: str) -> dict:
    """The task's model, loss and optimizer, without its dropout."""
    import keras

    from seqzoo.families.texts import both_ends
    from seqzoo.inputs import words
    from seqzoo.models import classifier
    from seqzoo.training.optimizers import optimizer

    keras.utils.set_random_seed(config.seed)
    most = MOST if kind == "200" else 0  # --max_tokens
    batches = text_batches(examples, lambda ids: np.array(both_ends(ids, most)), config, bucketed=True)
    model = classifier(
        classes=2,
        pooling=("max",) if kind == "segments" else ("last",),
        segment=SEGMENT if kind == "segments" else 0,
        front=words(WORDS, word_dim=WIDTH),
        rnn=f"bi{args.rnn}",
        units=UNITS,
        layers=2,
    )
    model.compile(optimizer=optimizer(config, batches.steps), loss=TASKS["sentiment"](config).loss())
    model.optimizer.build(model.trainable_variables)
    return with_texts(args, model, batches)


def keras_training(args: argparse.Namespace, config: Config, examples: list, kind: str) -> dict:
    """The recipe of keras.io, or the same layers on whole texts."""
    import keras
    from keras import layers

    keras.utils.set_random_seed(config.seed)
    if kind == "200":
        ids, labels = zip(*examples, strict=True)
        examples = list(zip(keras.utils.pad_sequences(ids, maxlen=MOST), labels, strict=True))
    batches = text_batches(examples, lambda ids: ids, config, bucketed=False)
    inputs = keras.Input((None,), dtype="int32", name="tokens")  # [B, T]
    x = layers.Embedding(WORDS, WIDTH, mask_zero=kind == "whole")(inputs)  # [B, T, D]
    recurrent = {"lstm": layers.LSTM, "gru": layers.GRU}[args.rnn]
    x = layers.Bidirectional(recurrent(UNITS, return_sequences=True))(x)  # [B, T, 2H]
    x = layers.Bidirectional(recurrent(UNITS))(x)  # [B, 2H]
    model = keras.Model({"tokens": inputs}, layers.Dense(1, activation="sigmoid")(x))  # [B, 1]
    model.compile(optimizer=keras.optimizers.Adam(config.learning_rate), loss="binary_crossentropy")
    return with_texts(args, model, batches)


def with_texts(args: argparse.Namespace, model: "keras.Model", batches: BenchmarkBatches) -> dict:
    """The measurements of model.fit, and how many texts it read."""
    result = fitted(args, model, batches)
    steps = batches.epoch(0).take(result["steps"]).as_numpy_iterator()
    return result | {"texts": sum(len(inputs["tokens"]) for inputs, *_ in steps)}


def torch_classifier(rnn: str = "lstm") -> "torch.nn.Module":
    """The same network in PyTorch, up to the score of the second class [B]."""
    import torch
    from torch import nn
    from torch.nn.utils.rnn import pack_padded_sequence

    class Network(nn.Module):
        def __init__(self):
            super().__init__()
            self.words = nn.Embedding(WORDS, WIDTH)
            self.recurrent = {"lstm": nn.LSTM, "gru": nn.GRU}[rnn](
                WIDTH, UNITS, num_layers=2, batch_first=True, bidirectional=True
            )
            self.dense = nn.Linear(2 * UNITS, 1)

        def forward(self, tokens):
            lengths = (tokens != 0).sum(1).cpu()  # [B]
            packed = pack_padded_sequence(self.words(tokens), lengths, batch_first=True, enforce_sorted=False)
            _, states = self.recurrent(packed)
            states = states[0] if rnn == "lstm" else states  # [layers * directions, B, H]
            return self.dense(torch.cat([states[-2], states[-1]], dim=1))[:, 0]  # [B]

    return Network()


def pytorch_training(args: argparse.Namespace, config: Config, examples: list, kind: str) -> dict:
    """Trains `torch_classifier`."""
    import torch
    from torch import nn

    torch.manual_seed(config.seed)
    batches = text_batches(examples, lambda ids: ids[-MOST:], config, bucketed=False)
    model = torch_classifier(args.rnn)
    adam = torch.optim.Adam(model.parameters(), lr=config.learning_rate)

    def train(epoch, limit):
        sizes, losses, texts = [], [], 0
        for inputs, labels, _ in batches.arrays(epoch):
            scores = model(torch.from_numpy(inputs["tokens"]).long())
            loss = nn.functional.binary_cross_entropy_with_logits(scores, torch.from_numpy(labels).float())
            adam.zero_grad()
            loss.backward()
            adam.step()
            losses.append(loss.item())
            sizes.append((np.count_nonzero(inputs["tokens"]), inputs["tokens"].size))
            texts += len(labels)
            if len(sizes) == limit:
                break
        return sizes, losses, texts

    train(1, args.warmup)
    with Clock() as clock:
        sizes, losses, texts = train(0, args.steps)
    parameters = sum(parameter.numel() for parameter in model.parameters())
    return {**sums(clock, sizes), "loss": statistics.mean(losses), "parameters": parameters, "texts": texts}


def show(results: dict) -> None:
    """Prints the medians of the rounds."""
    columns = {
        "tokens_per_second": ("tokens/s", ",.0f"),
        "tokens_per_cpu_second": ("tokens/CPU s", ",.0f"),
        "texts_per_second": ("texts/s", ",.1f"),
        "ms_per_step": ("ms/step", ",.0f"),
        "padding": ("padding", ".1%"),
        "peak_mib": ("peak MiB", ",.0f"),
        "loss": ("loss", ".3f"),
        "parameters": ("parameters", ",.0f"),
    }
    print(medians(results["runs"], {"row": ""}, columns, "tokens_per_second"))


if __name__ == "__main__":
    main()
