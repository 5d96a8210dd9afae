"""Several devices: with as many rows in a batch they give the numbers of one. The CPU serves as two devices here."""

import json
import os
import pathlib
import socket
import subprocess
import sys

import numpy as np
import pytest

from seqzoo import distribution, run
from seqzoo.distribution import cluster, shares

ROOT = pathlib.Path(run.__file__).parents[1]

# Without anything random, as each device draws for itself; with clipping that cuts, and few rows in some batches.
PLAIN = {
    "dropout": 0.0, "units": 4, "layers": 1, "epochs": 2, "batch_size": 5, "learning_rate": 0.02, "clip_norm": 0.2,
    "average": 0.9,
}  # fmt: skip
WORDS = {**PLAIN, "word_dim": 4, "word_dropout": 0.0, "unknown_rate": 0.0, "characters": "none"}
CASES = {
    "ner": ("ner", {**WORDS, "dataset": "conll", "label_weights": "O=0.25"}),
    "adversarial": ("sentiment", {**WORDS, "dataset": "tsv", "adversarial": 1.0, "label_weights": "good=3"}),
    "translation": ("translation", {
        **PLAIN, "dataset": "parallel", "columns": "source=a,target=b", "dim": 4, "input_dropout": 0.0,
        "encoder_units": 4, "attention_units": 4, "label_smoothing": 0.1,
    }),
    "music": ("music", {
        **PLAIN, "dataset": "frames", "encoding": "frames", "dim": 4, "note_units": 4, "input_dropout": 0.0,
        "melody_ahead": 0.0,
    }),
    "language_model": ("language_model", {
        **PLAIN, "dataset": "text", "dim": 4, "input_dropout": 0.0, "batch_size": 4, "window": 7, "ngram": 0,
        "activation_penalty": 1.0, "slowness_penalty": 1.0,
    }),
}  # fmt: skip

# Trains each case for two epochs on one device and on two; a process of its own, as devices are told apart only once.
SCRIPT = """
import json, sys
from seqzoo.distribution import Devices, distribute

two = distribute("mirrored", 2)
import keras, numpy as np
from seqzoo.optimizers import optimizer
from seqzoo.task import TASKS

def train(name, options, devices):
    keras.utils.set_random_seed(1)
    task = TASKS[name]()
    config = TASKS[name].Config(**options)
    data = task.load(config)
    batches = data.splits["train"]
    with devices.scope():
        model = task.build(config, data)
        model.compile(optimizer=optimizer(config, batches.steps), loss=devices.loss(task.loss(config)))
        model.optimizer.build(model.trainable_variables)
    losses = []
    for epoch in range(config.epochs):
        if devices.strategy:
            losses.append(devices.fit(model, batches.epoch(epoch), lambda step, logs: None))
        else:
            losses += model.fit(batches.epoch(epoch), shuffle=False, verbose=0).history["loss"]
    copies = [v.value.values if devices.strategy else [v] for v in [*model.trainable_variables, *model.optimizer.variables]]
    for parts in copies:
        for part in parts:
            np.testing.assert_array_equal(parts[0], part)
    seeds = [v.value.values for v in model.variables if v.name == "seed_generator_state"] if devices.strategy else []
    return losses, [np.array(parts[0]) for parts in copies], seeds

arrays = {}
for case, (name, options) in json.loads(sys.argv[1]).items():
    for number, devices in enumerate((Devices(), two), 1):
        losses, weights, seeds = train(name, options, devices)
        arrays[f"{case} {number} loss"] = np.array(losses)
        arrays |= {f"{case} {number} {i:03}": weight for i, weight in enumerate(weights)}
        for parts in seeds:
            assert not np.array_equal(*map(np.array, parts)), case
    print(case, "done", flush=True)
np.savez(sys.argv[2], **arrays)
"""


def python(*arguments, **environment):
    return subprocess.Popen(
        [sys.executable, *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


@pytest.fixture(scope="module")
def corpora(tmp_path_factory):
    """A folder with files of 23 short examples for each case."""
    folder, rng = tmp_path_factory.mktemp("corpora"), np.random.default_rng(0)
    train = [[f"w{i}" for i in rng.integers(0, 9, rng.integers(1, 7))] for _ in range(23)]
    for case in CASES:
        (folder / case).mkdir()
    for split, texts in {"train": train, "valid": train[:5]}.items():
        whole = "".join(" ".join(text) + "\n" for text in texts)
        tagged = ("\n".join(f"{word} N {'B-X' if word < 'w4' else 'O'}" for word in text) for text in texts)
        labelled = (f"{' '.join(text)}\t{'good' if len(text) > 3 else 'bad'}\n" for text in texts)
        (folder / "ner" / f"{split}.txt").write_text("\n\n".join(tagged) + "\n")
        (folder / "adversarial" / f"{split}.tsv").write_text("text\tlabel\n" + "".join(labelled))
        (folder / "translation" / f"{split}.a").write_text(whole)
        (folder / "translation" / f"{split}.b").write_text(whole)
        (folder / "language_model" / f"{split}.txt").write_text(whole)
        pieces = [[[60 + int(word[1:]), 40] for word in text] for text in texts]
        (folder / "music" / f"{split}.json").write_text(json.dumps(pieces))
    return folder


@pytest.fixture(scope="module")
def trained(corpora, tmp_path_factory):
    """What the script saves."""
    cases = {case: (task, {**options, "data_dir": str(corpora / case)}) for case, (task, options) in CASES.items()}
    path = tmp_path_factory.mktemp("trained") / "trained.npz"
    process = python("-c", SCRIPT, json.dumps(cases), str(path))
    out, error = process.communicate(timeout=500)
    assert process.returncode == 0, out + error[-3000:]
    return np.load(path)


@pytest.mark.parametrize("case", CASES)
def test_two_devices_train_as_one(case, trained):
    one, two = ([trained[key] for key in trained.files if key.startswith(f"{case} {n} ")] for n in (1, 2))
    assert len(one) == len(two) > 4
    for a, b in zip(one, two, strict=True):
        if a.shape == b.shape or case != "language_model":  # where each device carries the state of its own rows
            np.testing.assert_allclose(a, b, rtol=1e-4, atol=2e-5)
    assert one[0][1] < one[0][0]
