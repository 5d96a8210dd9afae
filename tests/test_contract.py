"""The contract of a task, for every name in TASKS: also those that a new file adds."""

import dataclasses
import functools
import json
import os
import pathlib
import subprocess
import sys

import guides
import keras
import numpy as np
import pytest
from backends import weight_gradients
from marks import slow, variants

from seqzoo.assets import save_assets
from seqzoo.backend.distribution import Devices
from seqzoo.data import Batches
from seqzoo.datasets import Examples
from seqzoo.families.averaging import Averaging
from seqzoo.task import TASKS
from seqzoo.training import load, loop, train, transfer
from seqzoo.training.folder import prepare
from seqzoo.training.stacks import layers_within

pytestmark = pytest.mark.usefixtures("eagerly")
guides.register("seqzoo.tasks.parity")  # the example of a task in tasks/README.md
NAMES = [name for name in TASKS.names() if TASKS[name].name == name]


def slow_names(*first):
    """All names, those given in CI and the others as `variants`."""
    return [*slow(*first), *variants(*(name for name in NAMES if name not in first))]


def tiny(name, **changes):
    """The tiny task of a name, with its data loaded."""
    kind = TASKS[name]
    config, splits, _ = kind.tiny()
    task = kind(kind.Config(**{**config.to_dict(), **changes}))
    task.read = lambda: {
        split: Examples(functools.partial(iter, examples), task.needs, f"tiny/{split}")
        for split, examples in splits.items()
    }
    return task, task.load()


def randomized(model, seed=0):
    """`model` with random weights: fresh zeros would hide what padding does."""
    rng = np.random.default_rng(seed)
    for weight in model.trainable_weights:
        weight.assign(rng.normal(0, 0.3, weight.shape))
    return model


@pytest.fixture(scope="module", params=NAMES)
def made(request):
    """(task, data, model with random weights) of each task."""
    keras.utils.set_random_seed(0)
    task, data = tiny(request.param)
    return task, data, randomized(task.build())


@pytest.fixture(scope="module")
def predictor(made):
    """The predictor of a task, traced once for all tests."""
    task, _, model = made
    return task.predictor(model)


def examples_of(feed):
    return [example for example, _ in feed.encoded()]


def batch_of(task, examples, backwards=False):
    """(inputs, labels, weights): one batch of examples."""
    feed = Batches(examples, task.encoder(), task.axes, batch_size=len(examples), batch_tokens=0)
    encoded = [(example, arrays, 1) for example, arrays in feed.encoded()]
    return feed._padded(encoded[::-1] if backwards else encoded)


def loss_and_gradients(task, model, batch):
    loss, gradients = weight_gradients(lambda: total_loss(task, model, batch), model.trainable_variables)
    return float(loss), [keras.ops.convert_to_numpy(keras.ops.convert_to_tensor(g)) for g in gradients if g is not None]


def total_loss(task, model, batch):
    inputs, labels, weights = batch
    outputs, losses = model(inputs, training=False), task.loss()
    if not isinstance(losses, dict):
        return losses(labels, outputs, sample_weight=weights)
    return sum(loss(labels[k], outputs[k], sample_weight=weights[k]) for k, loss in losses.items())


def widened(batch, axes, steps=3):
    """A batch with more padding on every axis."""

    def wide(name, array):
        return np.pad(array, [(0, 0), (0, steps)] + [(0, 0)] * (array.ndim - 2)) if axis_of(name, array) else array

    def axis_of(name, array):
        return name in axes and array.ndim > 1

    inputs, labels, weights = batch
    several = isinstance(labels, dict)
    named = [part if several else {"labels": part} for part in (labels, weights)]
    named = [{name: wide(name, array) for name, array in part.items()} for part in named]
    return {name: wide(name, array) for name, array in inputs.items()}, *(
        part if several else part["labels"] for part in named
    )


def is_batched(task, data):
    return isinstance(data.splits["train"], Batches)


def test_a_task_declares_what_it_gives(made):
    task, data, _ = made
    assert task.objective in task.measures and task.sign in (1, -1)
    assert set(task.needs) <= set(data.splits["train"].examples.features if is_batched(task, data) else task.needs)
    config, _, _ = type(task).tiny()
    assert type(config).from_dict(config.to_dict()) == config


def test_padding_and_order_change_neither_loss_nor_gradients(made):
    task, data, model = made
    if not is_batched(task, data):
        pytest.skip("reads one long stream, which has no padding; its model is tested in test_models.py")
    batch = batch_of(task, examples_of(data.splits["valid"]))
    loss, gradients = loss_and_gradients(task, model, batch)
    backwards = batch_of(task, examples_of(data.splits["valid"]), backwards=True)
    for other in (widened(batch, task.axes), backwards):
        loss_other, gradients_other = loss_and_gradients(task, model, other)
        assert np.isfinite(loss) and loss_other == pytest.approx(loss, rel=1e-5)
        for g, g_other in zip(gradients, gradients_other, strict=True):
            np.testing.assert_allclose(g_other, g, atol=2e-5 * max(1, np.abs(g).max()))


@pytest.mark.traced
def test_an_example_alone_is_answered_as_in_any_batch(made, predictor):
    task, data, _ = made
    if not is_batched(task, data):
        pytest.skip("reads one long stream")
    examples = examples_of(data.splits["valid"])
    if not callable(predictor):
        pytest.skip("decodes step by step; see the tests of its decoder")
    _, together = task.answers(predictor, task.feed(examples))
    _, backwards = task.answers(predictor, task.feed(examples[::-1]))
    _, alone = task.answers(predictor, task.feed(examples[:1]))
    assert_same(together, backwards[::-1])
    assert_same(together[:1], alone)


@pytest.mark.traced
def test_scores_depend_on_neither_the_order_nor_static_shapes(made, predictor):
    task, data, model = made
    if callable(predictor):
        predictor.mean_loss()  # leaves out the batches of other tests
    scores = task.evaluate(predictor, data.splits["valid"])
    assert set(scores) <= {*task.measures} | {k for k, v in scores.items() if isinstance(v, dict | str)}
    if is_batched(task, data):
        if "loss" in scores:  # the one that is trained
            batch = batch_of(task, examples_of(data.splits["valid"]))
            assert scores["loss"] == pytest.approx(float(total_loss(task, model, batch)), rel=1e-4)
        other, own = tiny(task.name, static_shapes=True, batch_size=2)
        assert_same(scores, other.evaluate(predictor, own.splits["valid"]))


@pytest.mark.parametrize("name", slow_names("pos", "translation"))
def test_it_trains_and_answers_if_float16_is_the_type_of_all_floats(name):
    keras.config.set_floatx("float16")
    try:
        task, data = tiny(name)
        model = task.build()
        trained = task.training_model(model, data.splits["train"].steps)
        trained.compile("sgd", task.loss())
        losses = trained.fit(data.splits["train"].epoch(0), verbose=0).history["loss"]
        scores = task.evaluate(task.predictor(model), data.splits["valid"])
    finally:
        keras.config.set_floatx("float32")
        keras.config.set_dtype_policy("float32")  # Keras makes it when it is first asked for, by the type of then
    assert np.isfinite(losses).all() and np.isfinite(scores[task.objective])


def test_it_learns_its_tiny_batch(made):
    task, data, _ = made
    if not is_batched(task, data):
        pytest.skip("trains on streams: see the slow tests")
    keras.utils.set_random_seed(1)
    model, batch = task.build(), batch_of(task, examples_of(data.splits["train"]))
    optimizer, losses = keras.optimizers.Adam(0.1), []
    for _ in range(8):
        loss, gradients = weight_gradients(lambda: total_loss(task, model, batch), model.trainable_variables)
        losses.append(float(loss))
        if losses[-1] < 0.8 * losses[0]:
            return
        variables = model.trainable_variables
        pairs = [(g, v) for g, v in zip(gradients, variables, strict=True) if g is not None]
        optimizer.apply_gradients(pairs)
    pytest.fail(f"The loss does not fall: {losses}")


def test_everything_given_is_scored_when_it_is_unseen(made):
    task, data, _ = made
    again = type(task)(task.config, task.assets)
    again.read = lambda: {"train": task.read()["train"]}
    (split,) = again.load(unseen=True).splits.items()
    assert split[0] == "test"
    if is_batched(task, data):
        assert split[1].size == data.splits["train"].size


LOADED = """
import json, sys
import keras, numpy as np
sys.path.insert(0, {tests!r})
import guides
guides.register("seqzoo.tasks.parity")
from seqzoo.training import load
for folder in sys.argv[1:]:
    run = load(folder)
    with np.load(folder + "/batch.npz") as batch:
        inputs = {{name: batch[name] for name in run.model.input}}
        expected = [batch[name] for name in batch.files if name.startswith("output ")]
    outputs = keras.tree.flatten(run.model(inputs, training=False))
    print(json.dumps([float(np.max(np.abs(np.asarray(a) - b))) for a, b in zip(outputs, expected, strict=True)]))
"""


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """{name: run folder with a model of random weights, a batch and its outputs} of all tasks."""
    found = {}
    for name in NAMES:
        keras.utils.set_random_seed(0)
        task, data = tiny(name)
        folder = tmp_path_factory.mktemp(name)
        prepare(folder, task)
        save_assets(folder, task.assets)
        model = randomized(task.build())
        model.save(folder / "model.keras")
        inputs = next(data.splits["train"].epoch(0).as_numpy_iterator())[0]
        inputs = {name: inputs[name] for name in model.input}
        outputs = enumerate(keras.tree.flatten(model(inputs, training=False)))
        outputs = {f"output {number}": np.asarray(array) for number, array in outputs}
        np.savez(folder / "batch.npz", **inputs, **outputs)
        found[name] = folder
    return found


@pytest.mark.parametrize("backend", ["tensorflow", pytest.param("jax", marks=pytest.mark.slow)])
def test_every_run_loads_in_a_fresh_process_with_the_same_outputs(folders, backend):
    pytest.importorskip(backend)
    script = LOADED.format(tests=str(pathlib.Path(__file__).parent))
    paths = [*map(str, folders.values())]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "KERAS_BACKEND": backend}
    environment["XLA_FLAGS"] = "--xla_backend_optimization_level=0"  # JAX compiles each operation, for one call
    out = subprocess.run([sys.executable, "-c", script, *paths], capture_output=True, text=True, env=environment)
    assert out.returncode == 0, out.stderr
    differences = [json.loads(line) for line in out.stdout.splitlines()]
    assert len(differences) == len(folders)
    for name, found in zip(folders, differences, strict=True):
        assert found and max(found) < 1e-4, name


@pytest.mark.parametrize("name", NAMES)
def test_a_loaded_run_serves_every_mode(name, folders, tmp_path):
    run = load(folders[name])
    _, _, lines = type(run.task).tiny()
    modes = {mode: getattr(run.task, mode) for mode in run.task.modes if mode in ("predict", "score", "generate")}
    for mode, function in modes.items():
        request = run.task.requests[mode]() if mode in run.task.requests else None
        if mode == "generate":
            short = {"length": type(request.length)(4), **({"out": str(tmp_path)} if hasattr(request, "out") else {})}
            assert [*function(run, dataclasses.replace(request, **short), lambda piece: None)]
        elif lines:
            given = lines[mode] if isinstance(lines, dict) else lines
            answers = [*function(run, given, request)]
            assert json.loads(json.dumps(answers)) == answers
            assert answers and answers[0]["line"] == 1
            if mode == "predict":
                assert "".join(run.task.page(answers, "answers")).count("<article") == len(answers)
            alone = [*function(run, given[:1], request)]
            assert_same(answers[: len(alone)], alone)


@pytest.mark.parametrize("name", [name for name in NAMES if issubclass(TASKS[name], Averaging)])
def test_a_run_averaged_with_itself_is_the_run(name, folders):
    run = load(folders[name])
    *_, lines = type(run.task).tiny()
    request = run.task.requests["predict"](ensemble=f"{folders[name]},{folders[name]}")
    assert_same([*run.task.predict(run, lines, request)], [*run.task.predict(run, lines)])


def started(name, folder, relabel=None):
    """(task, its model and the layers that start fresh, the run) of a training that starts from a run."""
    task, _ = tiny(name, init_from=str(folder))
    if relabel:
        splits = {split: [relabel(example) for example in examples] for split, examples in task.read().items()}
        task.read = lambda: {
            split: Examples(functools.partial(iter, rows), task.needs, "relabelled") for split, rows in splits.items()
        }
    task.assets = None
    run = transfer.source(task)
    task.load()
    model = task.build()
    return task, model, transfer.take_weights(model, task, run), run


@pytest.mark.parametrize("name", NAMES)
def test_a_run_that_starts_from_another_has_all_its_weights_and_vocabularies(name, folders):
    task, model, fresh, run = started(name, folders[name])
    assert not fresh and task.assets == run.task.assets
    for own, weight in zip(model.get_weights(), run.model.get_weights(), strict=True):
        np.testing.assert_array_equal(own, weight)


def vehicles(example):
    return {**example, "ner": [tag.replace("ORG", "VEH") for tag in example["ner"]]}


def praise(example):
    return {**example, "label": f"{example['label']}!"}


def phones(example):
    return {**example, "target": example["target"].replace("dʒ", "ʒ")}


@pytest.mark.parametrize(
    "name, relabel, asset",
    [("ner", vehicles, "tags"), ("sentiment", praise, "labels"), ("pronunciation", phones, "labels")],
)
def test_labels_that_a_run_lacks_are_learned_anew_also_if_they_are_as_many(name, relabel, asset, folders):
    task, model, fresh, run = started(name, folders[name], relabel)
    own, other = task.assets[asset].tokens, run.task.assets[asset].tokens
    assert len(own) == len(other) and own != other
    assert {**task.assets, asset: None} == {**run.task.assets, asset: None}
    layers, others = ([layer for layer in layers_within(each) if layer.weights] for each in (model, run.model))
    names = [layer.name for layer in layers]
    assert fresh == names[-len(fresh) :] and 0 < len(fresh) <= 2  # the output, and the CRF
    for name, *pair in zip(names, layers, others, strict=True):
        equal = [np.array_equal(a, b) for a, b in zip(*(layer.get_weights() for layer in pair), strict=True)]
        assert any(equal) <= (name not in fresh) and (all(equal) or name in fresh), name


def assert_same(a, b, path="answer"):
    """Two nested answers or scores are equal, but for rounding."""
    if isinstance(a, dict):
        assert a.keys() == b.keys(), path
        for key in a:
            assert_same(a[key], b[key], f"{path}.{key}")
    elif isinstance(a, list | tuple):
        assert len(a) == len(b), path
        for number, (x, y) in enumerate(zip(a, b, strict=True)):
            assert_same(x, y, f"{path}[{number}]")
    elif isinstance(a, float):
        assert a == pytest.approx(b, abs=2e-3, rel=1e-4), path
    else:
        assert a == b, path


# --- Slow: whole trainings ------------------------------------------------------------------------


class Kill(keras.callbacks.Callback):
    """Ends the training in the middle of its second epoch."""

    def __init__(self):
        super().__init__()
        self.epoch = 0

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        if self.epoch == 1:
            raise KeyboardInterrupt


@pytest.mark.parametrize("name", slow_names("ner", "language_model"))
def test_a_killed_run_ends_like_an_uninterrupted_one(name, tmp_path):
    check_killed(name, tmp_path)


@pytest.mark.parametrize(
    "changes", [*slow({"softmax": "sampled", "negatives": 5}), *variants({"softmax": "adaptive", "tied": False})]
)
def test_a_killed_run_on_a_large_vocabulary_ends_like_an_uninterrupted_one(changes, tmp_path):
    check_killed("language_model", tmp_path, **changes)


def check_killed(name, tmp_path, **changes):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    metrics, task = train(fresh(name, **changes), whole), fresh(name, **changes)
    with pytest.raises(KeyboardInterrupt):
        train(task, killed, callbacks=[Kill()])
    assert not (killed / "metrics.json").exists()
    again = train(task, killed)
    assert (whole / "report.html").is_file() and (killed / "report.html").is_file()
    with np.load(whole / "checkpoint.npz") as a, np.load(killed / "checkpoint.npz") as b:
        assert a.files == b.files
        for part in a.files:
            if part != "history":  # that holds seconds
                np.testing.assert_array_equal(a[part], b[part], err_msg=part)
    objective = f"valid_{TASKS[name].objective}"
    assert again[objective] == metrics[objective]


@pytest.mark.slow
def test_a_killed_run_that_started_from_another_ends_like_an_uninterrupted_one(folders, tmp_path):
    whole, killed, start = tmp_path / "whole", tmp_path / "killed", {"init_from": str(folders["ner"])}
    metrics, task = train(fresh("ner", **start), whole), fresh("ner", **start)
    with pytest.raises(KeyboardInterrupt):
        train(task, killed, callbacks=[Kill()])
    assert train(task, killed)["valid_loss"] == metrics["valid_loss"]
    assert json.loads((killed / "config.json").read_text())["init_from"] == start["init_from"]
    for own, weight in zip(load(whole).model.get_weights(), load(killed).model.get_weights(), strict=True):
        np.testing.assert_array_equal(own, weight)


def fresh(name, **changes):
    """The tiny task of a name before it has seen its data."""
    task, _ = tiny(name, **changes)
    task.assets = None
    return task


@pytest.mark.parametrize("name", slow_names("ner", "language_model"))
def test_the_plain_network_without_recurrence_trains(name, tmp_path):
    task = fresh(name)
    task.config = type(task.config)(**{**task.config.to_dict(), "rnn": "none"})
    assert np.isfinite(train(task, tmp_path / "run")[f"valid_{task.objective}"])


@pytest.mark.tensorflow("XLA compiles every model on JAX")
@pytest.mark.parametrize("name", slow_names("ner", "translation"))
def test_the_train_step_of_a_tpu_compiles_under_xla(name, monkeypatch):
    """The task's model, optimizer and loss in the step of `Devices`, on the one device of a strategy that compiles."""
    import tensorflow as tf

    run = tf.distribute.OneDeviceStrategy.run
    compiled = lambda self, step, args=(): run(self, tf.function(step, jit_compile=True), args)  # noqa: E731
    monkeypatch.setattr(tf.distribute.OneDeviceStrategy, "run", compiled)
    monkeypatch.setattr(tf.distribute, "TPUStrategy", tf.distribute.OneDeviceStrategy)  # whose gradients are dense
    static = {"static_shapes": True} if hasattr(TASKS[name].Config, "static_shapes") else {"vary_window": False}
    task, data = tiny(name, **static)
    devices, feed = Devices(tf.distribute.OneDeviceStrategy("CPU:0"), static=True), data.splits["train"]
    devices.check(task)
    devices.check_feed(feed)
    _, model = loop._build(task, data, devices, None, None)
    before = model.get_weights()
    loss = devices.fit(model, feed.epoch(0).take(1), 0, keras.callbacks.CallbackList())
    assert np.isfinite(loss) and all(np.isfinite(weight).all() for weight in model.get_weights())
    assert any((weight != old).any() for weight, old in zip(model.get_weights(), before, strict=True))
