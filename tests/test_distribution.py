"""Several devices: with as many rows in a batch they give the numbers of one. The CPU serves as two devices here."""

import functools
import json
import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest
from marks import slow, variants

from seqzoo import run
from seqzoo.backend.distribution import Devices, cluster, split_batch
from seqzoo.datasets import Examples
from seqzoo.task import TASKS

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
    "language_model": ("language_model", {
        **PLAIN, "dataset": "text", "dim": 4, "input_dropout": 0.0, "batch_size": 4, "window": 7, "ngram": 0,
        "activation_penalty": 1.0, "slowness_penalty": 1.0,
    }),
    "several_losses": ("dialogue_understanding", {**WORDS, "dataset": "slot_files", "weigh_batches": True}),
}  # fmt: skip
OFTEN = ("ner", "language_model")  # the others are trained nightly

# Trains each case for two epochs on one device and on two; a process of its own, as devices are told apart only once.
SCRIPT = """
import json, pathlib, sys, tempfile
from seqzoo.backend.distribution import Devices, distribute

two = distribute("mirrored", 2)
import keras, numpy as np
from seqzoo.training.optimizers import optimizer
from seqzoo.task import TASKS
from seqzoo.training.folder import checkpoint, restore

def train(name, options, devices):
    keras.utils.set_random_seed(1)
    task = TASKS[name](TASKS[name].Config(**options))
    batches = task.load().splits["train"]
    with devices.scope():
        model = task.training_model(task.build(), batches.steps)
        model.compile(optimizer=optimizer(task.config, batches.steps), loss=devices.loss(task.loss()))
        model.optimizer.build(model.trainable_variables)
    if task.config.weigh_batches:
        devices.weigh(model, batches.decisions() / batches.steps)
    callbacks = keras.callbacks.CallbackList(model=model)
    losses = [devices.fit(model, batches.epoch(e), e, callbacks) for e in range(task.config.epochs)]
    variables = [*model.trainable_variables, *model.optimizer.variables]
    copies = [v.value.values if devices.strategy else [v] for v in variables]
    for parts in copies:
        for part in parts:
            np.testing.assert_array_equal(parts[0], part)
    seeds = [v.value.values for v in model.variables if v.name == "seed_generator_state"] if devices.strategy else []
    return losses, [np.array(parts[0]) for parts in copies], seeds

def interrupted(name, options):
    # Stops within the second epoch on two devices, and continues from a checkpoint: bit-equal, with dropout.
    found = []
    for stop in (False, True):
        keras.utils.set_random_seed(1)
        task = TASKS[name](TASKS[name].Config(**options))
        feed = task.load().splits["train"]

        def begin():
            devices = Devices(two.strategy)
            with devices.scope():
                model = task.training_model(task.build(), feed.steps)
                model.compile(optimizer=optimizer(task.config, feed.steps), loss=devices.loss(task.loss()))
                model.optimizer.build(model.trainable_variables)
            return devices, model

        devices, model = begin()
        folder = pathlib.Path(tempfile.mkdtemp())

        class Stop(keras.callbacks.Callback):
            def on_train_batch_end(self, batch, logs=None):
                if batch == 2:
                    begun = {"batches": 3, "seconds": 1.0, **devices.losses(model)}
                    checkpoint(folder, model, [{"epoch": 1}], begun, devices)
                    raise InterruptedError

        losses = [devices.fit(model, feed.epoch(0), 0, keras.callbacks.CallbackList(model=model))]
        callbacks = keras.callbacks.CallbackList([Stop()] if stop else [], model=model)
        try:
            losses.append(devices.fit(model, feed.epoch(1), 1, callbacks))
        except InterruptedError:
            devices, model = begin()
            history, begun = restore(folder, model, devices)
            callbacks = keras.callbacks.CallbackList(model=model)
            losses.append(devices.fit(model, feed.epoch(1), 1, callbacks, begun))
        variables = [*model.variables, *model.optimizer.variables]
        found.append((losses, [np.array(part) for v in variables for part in v.value.values]))
    (losses, weights), (again, others) = found
    assert losses == again, found
    for weight, other in zip(weights, others, strict=True):
        np.testing.assert_array_equal(weight, other)

arrays = {}
for case, (name, options) in json.loads(sys.argv[1]).items():
    for number, devices in enumerate((Devices(), two), 1):
        losses, weights, seeds = train(name, options, devices)
        arrays[f"{case} {number} loss"] = np.array(losses)
        arrays |= {f"{case} {number} {i:03}": weight for i, weight in enumerate(weights)}
        for parts in seeds:
            assert not np.array_equal(*map(np.array, parts)), case
    if case in ("ner", "language_model"):
        interrupted(name, {**options, "dropout": 0.3, "average": 0.9})
    print(case, "done", flush=True)
np.savez(sys.argv[2], **arrays)
"""


def python(*arguments, **environment):
    return subprocess.Popen(
        [sys.executable, *arguments],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")]), **environment},
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
        requests = {
            "seq.in": whole,
            "seq.out": "".join(" ".join("B-X" if word < "w4" else "O" for word in text) + "\n" for text in texts),
            "label": "".join("long\n" if len(text) > 3 else "short\n" for text in texts),
        }
        (folder / "several_losses" / split).mkdir()
        for name, lines in requests.items():
            (folder / "several_losses" / split / name).write_text(lines)
        (folder / "adversarial" / f"{split}.tsv").write_text("text\tlabel\n" + "".join(labelled))
        (folder / "translation" / f"{split}.a").write_text(whole)
        (folder / "translation" / f"{split}.b").write_text(whole)
        (folder / "language_model" / f"{split}.txt").write_text(whole)
    return folder


@pytest.mark.parametrize("case", [*slow(*OFTEN), *variants(*sorted({*CASES} - {*OFTEN}))])
def test_two_devices_train_as_one(case, corpora, tmp_path):
    task, options = CASES[case]
    asked = {case: (task, {**options, "data_dir": str(corpora / case)})}
    process = python("-c", SCRIPT, json.dumps(asked), str(tmp_path / "trained.npz"))
    out, error = process.communicate(timeout=500)
    assert process.returncode == 0, out + error[-3000:]
    trained = np.load(tmp_path / "trained.npz")
    one, two = ([trained[key] for key in trained.files if key.startswith(f"{case} {n} ")] for n in (1, 2))
    assert len(one) == len(two) > 4
    for a, b in zip(one, two, strict=True):
        if a.shape == b.shape or case != "language_model":  # where each device carries the state of its own rows
            np.testing.assert_allclose(a, b, rtol=1e-4, atol=2e-5)
    assert one[0][-1] < one[0][0] or len(one[0]) == 1


def test_parts_of_a_batch_have_as_many_rows_and_add_up_to_the_mean():
    rng = np.random.default_rng(0)
    losses = rng.random((5, 3), "float32")
    weights = np.where(rng.random((5, 3)) < 0.5, 0, rng.random((5, 3))).astype("float32")
    for count in (1, 2, 3, 8):
        parts = split_batch(({"x": losses}, losses, weights), count)
        assert len(parts) == count and {part[2].shape for part in parts} == {(-(-5 // count), 3)}
        total = sum(share * (inputs["x"] * weights).sum() for share, inputs, _, weights in parts)
        np.testing.assert_allclose(total, (losses * weights).sum() / weights.sum(), rtol=1e-5)
    # Rows that fill up are the first one's; a part of them alone weighs nothing.
    *_, last = split_batch(({"x": losses}, losses, weights), 8)
    np.testing.assert_array_equal(last[2], losses[:1])
    assert last[0] == 0 and not last[3].any()
    assert [part[0] for part in split_batch(({"x": losses[:4]}, losses[:4]), 2, 3.0)] == [1.5, 1.5]  # no weights: equal


@pytest.mark.parametrize(
    "config, expected",
    [
        ({"cluster": {"worker": ["a:1", "b:1"]}, "task": {"type": "worker", "index": 1}}, (2, 1)),
        ({"cluster": {"chief": ["a:1"], "worker": ["b:1", "c:1"]}, "task": {"type": "chief", "index": 0}}, (3, 0)),
        ({"cluster": {"chief": ["a:1"], "worker": ["b:1", "c:1"]}, "task": {"type": "worker", "index": 1}}, (3, 2)),
        ({"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": 1}}, None),
        ({"cluster": {"worker": ["a:1"], "ps": ["b:1"]}, "task": {"type": "worker", "index": 0}}, None),
        ({"cluster": ["a:1"], "task": {"type": "worker", "index": 0}}, None),
        ({"cluster": {"worker": ["a:1"]}}, None),
        ("", None),
    ],
)
def test_a_cluster_is_read_or_refused(config, expected):
    text = json.dumps(config) if config else config
    if expected:
        assert cluster(text) == expected
        return
    with pytest.raises(ValueError, match="TF_CONFIG, like .* Received: "):
        cluster(text)


@pytest.mark.parametrize(
    "flags, words",
    [
        (["--strategy=mirored"], "mirrored"),
        (["--strategy=mirrored"], "--devices=2"),
        (["--strategy=multi_worker"], "TF_CONFIG"),
        (["--strategy=tpu"], "sees no TPU"),
        (["--devices=2"], "--devices is for --strategy=mirrored"),
        (["--mode=evaluate", "--workdir=.", "--strategy=auto"], "--strategy is for --mode=train"),
    ],
)
def test_devices_that_are_not_there_are_one_line(flags, words, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TF_CONFIG", raising=False)
    (tmp_path / "config.json").write_text('{"task": "pos", "format": 2}')
    assert run.main(["--task=pos", *flags]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and words in error, error


@pytest.mark.parametrize(
    "task, options, static, words",
    [
        ("pos", {"batch_size": 3}, False, "--batch_size=3 is too few rows for 4 devices"),
        ("language_model", {"batch_size": 6}, False, "--batch_size=6 is not a multiple of 4"),
        ("pos", {"accumulate": 2}, False, "--accumulate"),
        ("pos", {"precision": "mixed_float16"}, False, "--precision=mixed_float16"),
        ("pos", {}, True, "--static_shapes"),
        ("language_model", {}, True, "--novary_window"),
        ("sentiment", {"static_shapes": True, "adversarial": 1.0}, True, "--adversarial"),
        ("pos", {"batch_size": 0, "static_shapes": True}, True, None),
        ("language_model", {"vary_window": False}, True, None),
    ],
)
def test_batches_that_can_not_be_shared_out_are_refused(task, options, static, words):
    devices = Devices(static=static)
    devices.count, devices.strategy = 4, "some"
    config, splits, _ = TASKS[task].tiny()
    task = TASKS[task](TASKS[task].Config(**{**config.to_dict(), "batch_size": 32, **options}))
    task.read = lambda: {
        split: Examples(functools.partial(lambda some: iter(some * 9), examples), task.needs, split)
        for split, examples in splits.items()
    }

    def check():
        devices.check(task)
        devices.check_feed(task.load().splits["train"])

    if words is None:
        check()
        return
    with pytest.raises(ValueError, match=words):
        check()
