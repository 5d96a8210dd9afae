"""How fast a text classifier trains on a CPU: seqzoo beside the stock Keras recipe for IMDB and plain PyTorch.

    python -m experiments.sentiment_speed --data_dir=IMDB               IMDB holds train.jsonl.gz (text, label)
    python -m experiments.sentiment_speed --data_dir=IMDB --threads=1   one core
    pip install torch                                                   adds the row of PyTorch

All train one network, that of https://keras.io/examples/nlp/bidirectional_lstm_imdb/: embeddings of 20,000 words, width
128, two bidirectional LSTM layers of 64 units, the last states of both directions (but for `seqzoo:segments`) and a
score. Batch size 32, learning rate 1e-3, no dropout.

    seqzoo:whole      what ``seqzoo.run --task=sentiment`` trains, on all tokens of each text: its batches, classifier,
                      loss and optimizer. Batches are of texts of about one length, of at most --batch_tokens.
    seqzoo:segments   the same, texts chopped into segments of 100 tokens that are read apart, pooled by maximum.
    seqzoo:200        as seqzoo:whole on 200 tokens of each text, which is the work that the recipe does.
    keras:200         the recipe: the last 200 tokens, padded left by pad_sequences, keras.layers without a mask, Adam.
    keras:whole       what one writes first for whole texts: random batches, padded right to the longest text of each,
                      Embedding(mask_zero=True).
    pytorch:200       nn.Embedding, packed nn.LSTM, torch.optim.Adam, with their defaults; random batches, 200 tokens.

Protocol. Texts are split into words and made numbers once, by seqzoo's "words" and in a process of its own, and all
rows read those numbers: that is not timed. Each row runs in a process of its own, with the same processors, in turns
(A B C A B C ...). The clock starts after some warm-up steps, which also pay for tracing, and runs over --steps steps
(0: an epoch). It includes putting the batches together and reading each step's loss, as a progress bar does. Tokens are
real ones; padding does not count, nor do the tokens that a row cuts off. The steps are batches drawn at random from an
epoch over all texts, so that they stand for it: its first batches would be full ones, and in an epoch over few texts
most batches by length would be half empty. With --steps=0 all rows read the very same texts. The table has the medians
of the rounds. Peak memory is that of a row's whole process: its imports, the numbers of all texts (24 MiB for IMDB, and
their copies), weights, optimizer, and the largest batch that was drawn, so it grows with --steps.

What differs still. seqzoo scores two classes by a softmax (129 weights more), the others one by a sigmoid. PyTorch's
LSTM has a second bias, which does nothing. Of 200 tokens seqzoo keeps both ends, the others the last: as many. Only
seqzoo clips gradients, averages the weights, lets its learning rate fall, and moves only the embeddings in the batch.
keras:200 runs over its padding, which the others skip or mask. Batches of seqzoo hold fewer than 32 texts where these
are long (--batch_tokens) or no more of about their length were left. seqzoo.run splits a corpus of more than
--cache_tokens, such as this one, into words anew in each epoch, beside the training; that is left out here.

Limits. Those of experiments/tagger_speed.py: one machine, one task; the losses are shown so that one sees that all
learn. On a busy machine only tokens a second of processor time mean something, and with --threads=1.
"""

import argparse
import collections
import json
import pathlib
import statistics
import sys
import tempfile

import numpy as np

from experiments.benchmark import Clock, flags, grouped, in_own_process, keep_to, kept, peak_mib, runnable
from experiments.tagger_speed import Feed, fitted, sums
from seqzoo.data.batches import Batches
from seqzoo.datasets import DATASETS
from seqzoo.task import TASKS
from seqzoo.text.tokenizer import splitter
from seqzoo.text.vocabulary import Vocabulary

ROWS = ("seqzoo:whole", "seqzoo:segments", "seqzoo:200", "keras:200", "keras:whole", "pytorch:200")
WORDS, WIDTH, UNITS, MOST, SEGMENT = 20_000, 128, 64, 200, 100  # all but the last are the recipe's


def main():
    args = arguments().parse_args()
    if args.row:
        print(json.dumps(measured(args)))
        return
    rows = runnable(ROWS, args.only)
    results = {**kept(args, data_dir=pathlib.Path(args.data_dir).name), "training": []}
    args.out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        ids = pathlib.Path(folder) / "ids.npz"
        results["texts"], results["tokens"] = write_ids(args, ids)
        print(f"{results['texts']:,} texts, {results['tokens']:,} tokens")
        for number in range(args.rounds):
            for row in rows:
                print(f"round {number + 1}/{args.rounds}: {row}", flush=True)
                results["training"].append(in_own_process("experiments.sentiment_speed", row, number, f"--ids={ids}"))
            args.out.write_text(json.dumps(results, indent=1), "utf-8")
    print(f"\n{table(results)}\n\nsaved as {args.out}")


def arguments():
    parser = flags("sentiment_speed", __doc__, ROWS, 3)
    parser.add_argument("--data_dir", required=True, help="folder with train.jsonl.gz")
    parser.add_argument("--steps", type=int, default=100, help="steps that are timed; 0: an epoch")
    parser.add_argument("--warmup", type=int, default=5, help="steps before the clock starts")
    parser.add_argument("--ids", default="", help=argparse.SUPPRESS)
    return parser


def write_ids(args, path):
    """Splits the training texts and writes their numbers to a file; gives how many texts and tokens there are."""
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
        sys.exit(f"The recipe is one of two labels. Found: {', '.join(kinds.tokens)}.")
    ids = np.array([number for tokens in texts for number in words.encode(tokens)], "int32")
    np.savez(path, ids=ids, lengths=[len(tokens) for tokens in texts], labels=np.array(kinds.encode(labels), "int32"))
    return len(texts), len(ids)


def measured(args):
    """What the process of a row measures."""
    keep_to(args.threads)
    with np.load(args.ids) as arrays:
        texts = np.split(arrays["ids"], np.cumsum(arrays["lengths"])[:-1])  # views of one array
        examples = list(zip(texts, arrays["labels"], strict=True))
    software, kind = args.row.split(":")
    contender = {"seqzoo": seqzoo_training, "keras": keras_training, "pytorch": pytorch_training}[software]
    config = TASKS["sentiment"].Config(learning_rate=1e-3, seed=args.round)
    result = contender(args, config, examples, kind)
    return result | {
        "row": args.row,
        "tokens_per_second": result["tokens"] / result["seconds"],
        "tokens_per_cpu_second": result["tokens"] / result["cpu_seconds"],
        "texts_per_second": result["texts"] / result["seconds"],
        "ms_per_step": 1000 * result["seconds"] / result["steps"],
        "padding": 1 - result["tokens"] / result["padded_tokens"],
        "peak_mib": peak_mib(),
    }


class Texts(Feed):
    """Batches of the examples, `bucketed` or of random texts, that come in random order."""

    def __init__(self, examples, cut, config, bucketed):
        def encode(example):
            ids, label = example
            return {"tokens": cut(ids)}, label, np.array(1, "float32")

        self.bucketed = bucketed
        limits = (config.batch_size, config.batch_tokens, config.seed)
        Batches.__init__(self, examples, encode, *limits, cache_tokens=sys.maxsize, aligned="inputs")

    def _grouped(self, items):
        groups = list(super()._grouped(items))
        for place in np.random.default_rng(self.seed).permutation(len(groups)):
            yield groups[place]


def seqzoo_training(args, config, examples, kind):
    """The task's model, loss and optimizer, without its dropout."""
    import keras

    from seqzoo.inputs import words
    from seqzoo.models import classifier
    from seqzoo.tasks.sentiment import both_ends
    from seqzoo.training.optimizers import optimizer

    keras.utils.set_random_seed(config.seed)
    most = MOST if kind == "200" else 0  # --max_tokens
    batches = Texts(examples, lambda ids: np.array(both_ends(ids, most)), config, bucketed=True)
    model = classifier(
        classes=2,
        front=words(WORDS, WIDTH),
        pooling=("max",) if kind == "segments" else ("last",),
        segment=SEGMENT if kind == "segments" else 0,
        units=UNITS,
        layers=2,
    )
    model.compile(optimizer=optimizer(config, batches.steps), loss=TASKS["sentiment"]().loss(config))
    model.optimizer.build(model.trainable_variables)
    return with_texts(args, model, batches)


def keras_training(args, config, examples, kind):
    """The recipe of keras.io, or the same layers on whole texts."""
    import keras
    from keras import layers

    keras.utils.set_random_seed(config.seed)
    if kind == "200":
        ids, labels = zip(*examples, strict=True)
        examples = list(zip(keras.utils.pad_sequences(ids, maxlen=MOST), labels, strict=True))
    batches = Texts(examples, lambda ids: ids, config, bucketed=False)
    inputs = keras.Input((None,), dtype="int32", name="tokens")  # [B, T]
    x = layers.Embedding(WORDS, WIDTH, mask_zero=kind == "whole")(inputs)  # [B, T, D]
    x = layers.Bidirectional(layers.LSTM(UNITS, return_sequences=True))(x)  # [B, T, 2H]
    x = layers.Bidirectional(layers.LSTM(UNITS))(x)  # [B, 2H]
    model = keras.Model({"tokens": inputs}, layers.Dense(1, activation="sigmoid")(x))  # [B, 1]
    model.compile(optimizer=keras.optimizers.Adam(config.learning_rate), loss="binary_crossentropy")
    return with_texts(args, model, batches)


def with_texts(args, model, batches):
    """The measurements of model.fit, and how many texts it read."""
    result = fitted(args, model, batches)
    steps = batches.epoch(0).take(result["steps"]).as_numpy_iterator()
    return result | {"texts": sum(len(inputs["tokens"]) for inputs, *_ in steps)}


def pytorch_training(args, config, examples, kind):
    """The same network in PyTorch."""
    import torch
    from torch import nn
    from torch.nn.utils.rnn import pack_padded_sequence

    class Network(nn.Module):
        def __init__(self):
            super().__init__()
            self.words = nn.Embedding(WORDS, WIDTH)
            self.lstm = nn.LSTM(WIDTH, UNITS, num_layers=2, batch_first=True, bidirectional=True)
            self.dense = nn.Linear(2 * UNITS, 1)

        def forward(self, tokens):
            lengths = (tokens != 0).sum(1)  # [B]
            packed = pack_padded_sequence(self.words(tokens), lengths, batch_first=True, enforce_sorted=False)
            _, (states, _) = self.lstm(packed)  # [layers * directions, B, H]
            return self.dense(torch.cat([states[-2], states[-1]], dim=1))[:, 0]  # [B]

    torch.manual_seed(config.seed)
    batches = Texts(examples, lambda ids: ids[-MOST:], config, bucketed=False)
    model = Network()
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


def table(results):
    """The medians of the rounds in Markdown."""
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
    lines = [["", *(heading for heading, _ in columns.values()), "range of tokens/s"], ["---"] * (len(columns) + 2)]
    for row, runs in grouped(results["training"], "row").items():
        medians = (format(statistics.median(run[key] for run in runs), how) for key, (_, how) in columns.items())
        speeds = [run["tokens_per_second"] for run in runs]
        lines.append([row, *medians, f"{min(speeds):,.0f}-{max(speeds):,.0f}"])
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


if __name__ == "__main__":
    main()
