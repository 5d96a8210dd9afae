"""Training: one run is one folder. train() fills it, load() reads it back."""

import contextlib
import dataclasses
import json
import math
import os
import pathlib
import shutil
import time

import numpy as np
from rich.console import Console

from seqzoo.backend.distribution import Devices
from seqzoo.display.tables import result_table
from seqzoo.task import TASKS
from seqzoo.text.subwords import Subwords
from seqzoo.text.vocabulary import Vocabulary
from seqzoo.training.environment import environment


@dataclasses.dataclass
class Run:
    """A trained run, read from its folder.

    Attributes:
        task: the Task; config: its Config; vocabularies: {name: Vocabulary}.
        model: the keras.Model with the best weights; predictor: the same with decoded outputs.
        folder: pathlib.Path.
    """

    task: object
    config: object
    vocabularies: dict
    model: object
    predictor: object
    folder: pathlib.Path


def read_config(folder):
    """(task name, config) of a run folder.

    Raises:
        ValueError: the folder is not a run.
    """
    path = pathlib.Path(folder) / "config.json"
    if not path.is_file():
        state = "has no config.json" if path.parent.is_dir() else "does not exist"
        raise ValueError(f"{folder} is not a run folder: it {state}. Runs are made by --mode=train.")
    try:
        values = json.loads(path.read_text("utf-8"))
        name = values.pop("task")
        return name, TASKS[name].Config.from_dict(values)
    except (KeyError, TypeError, json.JSONDecodeError) as error:
        raise ValueError(f"{path} is not the config of a run: {error!r}") from error


def load(folder):
    """The Run in a folder, with its best weights, in any process.

    Raises:
        ValueError: the folder is not a run, or holds no model yet.
    """
    import keras

    import seqzoo.models  # noqa: F401, registers the layers of saved models

    folder = pathlib.Path(folder)
    name, config = read_config(folder)
    if not (folder / "model.keras").is_file():
        raise ValueError(f"{folder} holds no model yet: no epoch was scored. The command that made it continues it.")
    task = TASKS[name]()
    model = keras.models.load_model(folder / "model.keras", compile=False)
    return Run(task, config, read_vocabularies(folder), model, task.predictor(config, model), folder)


def read_vocabularies(folder):
    """{name: Vocabulary} of a run folder."""
    paths = sorted((folder / "vocabularies").iterdir()) if (folder / "vocabularies").is_dir() else []
    return {
        path.stem: kind.load(path) for path in paths for kind in (Vocabulary, Subwords) if path.suffix == kind.suffix
    }


def prepare(folder, name, config, overwrite=False):
    """Makes the run folder, or takes up the one that is there.

    Raises:
        ValueError: the folder holds something else, or a run with another config.
    """
    folder = pathlib.Path(folder)
    wanted = {"task": name, **config.to_dict()}
    if folder.is_dir() and any(folder.iterdir()):
        try:
            found_name, found_config = read_config(folder)
        except ValueError as error:
            raise ValueError(f"{folder} is not empty and not a run: give another --workdir. {error}") from error
        begun = any((folder / name).exists() for name in ("checkpoint.npz", "model.keras", "metrics.json"))
        found = {"task": found_name, **found_config.to_dict()}  # an older run has defaults for what is new
        if overwrite:
            shutil.rmtree(folder)
        elif begun and found != wanted:  # before the first epoch is finished there is nothing to mix up
            keys = [key for key in {**found, **wanted} if found.get(key) != wanted.get(key)]
            changes = ", ".join(f"{key} {found.get(key)!r} -> {wanted.get(key)!r}" for key in keys)
            raise ValueError(
                f"{folder} holds a run with another config ({changes}). "
                "Give another --workdir, or --overwrite to delete that run and start over."
            )
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "config.json"
    if not path.is_file() or json.loads(path.read_text("utf-8")) != wanted:
        write_json(path, wanted)


def train(name, config, folder, console, overwrite=False, devices=None, stop_after=0, explain_rnn=False):
    """Trains a task, or goes on with the training that `folder` holds, and scores the best epoch.

    Each epoch ends with a checkpoint of everything that the next one depends on: weights, optimizer, averages, dropout
    seeds. An epoch's data order is a function of (seed, epoch). So a run that was killed and goes on ends with the
    weights of one that was not.

    Args:
        name: of the task.
        config: its Config.
        folder: where the run is, or will be.
        console: rich.console.Console to show progress on.
        overwrite: delete a run that is there first.
        devices: distribution.Devices to train on; None: one. Of several workers, which see the same `folder`, only the
            chief evaluates, writes and returns something.
        stop_after: pause after so many epochs of the same schedule; without it a later call goes on. 0: do not.
        explain_rnn: show a table of what each recurrent layer runs on, see `kernels`.

    Returns:
        {metric: number}, as in metrics.json; {} of a run that is paused.

    Raises:
        ValueError: see `prepare`; or the data are of no use.
        FloatingPointError: the loss is no longer a number. What was saved before stays.
    """
    folder, devices = pathlib.Path(folder), devices or Devices()
    devices.check(config)
    if not devices.is_chief:
        console.print(f"worker {devices.number + 1} of {devices.workers}: the first one shows how it goes")
        console = Console(quiet=True)
    devices.first(lambda: prepare(folder, name, config, overwrite))
    if (folder / "metrics.json").is_file():
        console.print(f"{folder} is finished already; --overwrite trains it anew.", soft_wrap=True)
        metrics = json.loads((folder / "metrics.json").read_text("utf-8"))
        show(metrics, TASKS[name].measures, name, console)
        if explain_rnn:
            explain(load(folder).model, console)
        return metrics

    import keras

    from seqzoo.training.optimizers import averaged, optimizer
    from seqzoo.training.progress import Progress

    keras.utils.set_random_seed(config.seed)
    task = TASKS[name]()
    with console.status("reading data"):
        data = task.load(config)
    for what, fact in data.facts.items():
        console.print(f"[dim]{what}:[/] {fact}", soft_wrap=True)
    if (folder / "checkpoint.npz").is_file():
        for vocabulary, tokens in read_vocabularies(folder).items():
            if tokens.tokens != data.vocabularies[vocabulary].tokens:
                raise ValueError(f"The data changed since {folder} was begun: its {vocabulary} are others now.")
    elif devices.is_chief:
        (folder / "vocabularies").mkdir(exist_ok=True)
        for vocabulary, tokens in data.vocabularies.items():
            replace(folder / "vocabularies" / f"{vocabulary}{tokens.suffix}", tokens.save)
        write_json(folder / "environment.json", environment())

    batches = data.splits["train"]
    with devices.scope(), precision(config.precision):
        model = task.build(config, data)
    with devices.scope():
        model.compile(
            optimizer=optimizer(config, batches.steps),
            loss=devices.loss(task.loss(config)),
            # Compiled by XLA, which Keras would choose on a GPU, LazyAdam moves rows that it should not.
            jit_compile=keras.backend.backend() == "jax",
        )
        model.optimizer.build(model.trainable_variables)
    parameters = sum(int(np.prod(v.shape)) for v in model.trainable_variables)
    console.print(f"[dim]model:[/] {parameters:,} trainable parameters")
    explain(model, console, in_a_table=explain_rnn)
    predictor = task.predictor(config, model)
    # Saved without its optimizer: a third of the size, and it loads where that optimizer is not known.
    plain = keras.Model(model.input, model.output, name=model.name)
    history = restore(folder, model)
    devices.same((len(history), batches.steps, batches.tokens), "epochs done, or steps or tokens of an epoch")
    key = f"valid_{task.objective}"
    sign = 1 if task.direction == "max" else -1
    if history and devices.is_chief:
        console.print(f"going on after epoch {len(history)}")
        draw(folder, history, task)  # which a kill may have kept from happening
    progress = Progress(console, config.epochs, batches, key, sign)
    for epoch in range(len(history), config.epochs):
        scored = [e for e, row in enumerate(history) if key in row]
        best = max(scored, key=lambda e: sign * history[e][key], default=None)
        # Epochs without a score say nothing against going on.
        if devices.chiefs(bool(config.patience) and best is not None and scored[-1] - best >= config.patience):
            console.print(f"no better {task.objective} in {config.patience} epochs: stopped")
            break
        if stop_after and epoch >= stop_after:
            console.print(f"paused after epoch {epoch}; without --stop_after it goes on")
            return {}
        start = time.perf_counter()
        with progress.epoch(epoch, history) as callback:
            if devices.strategy:
                loss = devices.fit(model, batches.epoch(epoch), callback.on_train_batch_end)
            else:
                fitted = model.fit(
                    batches.epoch(epoch),
                    initial_epoch=epoch,
                    epochs=epoch + 1,
                    verbose=0,
                    shuffle=False,  # it is
                    callbacks=[callback],
                )
                loss = fitted.history["loss"][-1]
        trained = time.perf_counter() - start
        if not math.isfinite(loss):
            raise FloatingPointError(
                f"The loss of epoch {epoch + 1} is {loss}. Try a lower --learning_rate or --clip_norm, "
                f"or another --seed. Epochs up to {epoch} are kept in {folder}."
            )
        if not devices.is_chief:
            continue
        with averaged(model):
            is_scored = (epoch + 1) % config.evaluate_every == 0 or epoch + 1 == config.epochs
            scores = {}
            if is_scored:
                scores = task.evaluate(config, predictor, data.splits["valid"], data.vocabularies)
            history.append(
                {
                    "epoch": epoch + 1,
                    "loss": loss,
                    **{f"valid_{metric}": value for metric, value in scores.items()},
                    "learning_rate": float(model.optimizer.learning_rate),
                    "tokens_per_second": batches.tokens / trained,
                    "seconds": time.perf_counter() - start,
                }
            )
            is_best = is_scored and (best is None or sign * history[-1][key] > sign * history[best][key])
            if is_best:
                replace(folder / "model.keras", plain.save)
        checkpoint(folder, model, history)
        progress.finished(history[-1], is_best)
        draw(folder, history, task)

    if not devices.is_chief:
        return {}
    metrics = final_scores(task, folder, data, history) | {"parameters": parameters}
    write_json(folder / "metrics.json", metrics)
    show(metrics, task.measures, name, console)
    return metrics


def final_scores(task, folder, data, history):
    """{metric: number} of the best epoch, as it was saved, and of the training as a whole."""
    run = load(folder)
    metrics = {}
    for split in ("valid", "test"):
        if split in data.splits:
            scores = task.evaluate(run.config, run.predictor, data.splits[split], run.vocabularies)
            metrics |= {f"{split}_{metric}": value for metric, value in scores.items()}
    metrics |= task.report(run.config, run.predictor, data, folder)
    key, choose = f"valid_{task.objective}", {"max": max, "min": min}[task.direction]
    return metrics | {
        "best_epoch": choose((epoch for epoch in history if key in epoch), key=lambda epoch: epoch[key])["epoch"],
        "epochs": len(history),
        "minutes": sum(epoch["seconds"] for epoch in history) / 60,
        "tokens_per_second": float(np.median([epoch["tokens_per_second"] for epoch in history])),
        "train_padding": 100 * data.splits["train"].padding,
    }


@contextlib.contextmanager
def precision(name):
    """Context in which layers that are made compute in a precision: a Keras dtype policy, such as "mixed_bfloat16"."""
    import keras

    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def checkpoint(folder, model, history):
    """Saves all that the next epoch depends on, in one file, replaced at once."""
    arrays = {f"model{i}": np.asarray(v) for i, v in enumerate(model.variables)}
    arrays |= {f"optimizer{i}": np.asarray(v) for i, v in enumerate(model.optimizer.variables)}
    arrays["history"] = np.array(json.dumps(history))

    def save(path):
        with open(path, "wb") as file:
            np.savez(file, **arrays)

    replace(folder / "checkpoint.npz", save)


def restore(folder, model):
    """Puts a checkpoint back into a model and its optimizer; returns the history, [] if there is no checkpoint."""
    path = folder / "checkpoint.npz"
    if not path.is_file():
        return []
    with np.load(path) as arrays:
        for kind, variables in (("model", model.variables), ("optimizer", model.optimizer.variables)):
            for i, variable in enumerate(variables):
                array = arrays[f"{kind}{i}"]
                if variable.shape == array.shape:  # a state that is carried has fewer rows on several devices
                    variable.assign(array)
        return json.loads(str(arrays["history"]))


def draw(folder, history, task):
    """history.json, the learning-curve plot with the score that counts, and the TensorBoard log of a run."""
    import tensorflow as tf

    from seqzoo.display.plots import history_plot

    write_json(folder / "history.json", history)
    if any(f"valid_{task.objective}" in epoch for epoch in history):
        history_plot(history, task.objective, task.measures, folder / "history.png")
    writer = tf.summary.create_file_writer(str(folder / "logs"))
    with writer.as_default(step=history[-1]["epoch"]):
        for name, value in history[-1].items():
            tf.summary.scalar(name, value)
    writer.close()


def explain(model, console, in_a_table=True):
    """Prints what each recurrent layer of a model runs on, or one line about all of them."""
    from seqzoo.display import kernels

    found = kernels.kernels(model)
    if in_a_table and found:
        console.print(kernels.table(found))
    elif in_a_table:
        console.print("No recurrent layers: nothing that a kernel of cuDNN could do.")
    elif found:
        console.print(f"[dim]recurrent layers:[/] {kernels.line(found)}", soft_wrap=True)


def show(metrics, measures, title, console):
    """Prints the scores of a run as one table."""
    console.print(result_table(metrics, measures, title))


def write_json(path, value):
    """Writes JSON, replaced at once: a reader or a kill never sees half a file."""
    replace(path, lambda temporary: pathlib.Path(temporary).write_text(json.dumps(value, indent=1), "utf-8"))


def replace(path, save):
    """Calls save(temporary path) and moves the result to `path` in one step; a failure leaves the old file as it is."""
    temporary = path.with_name(f".{path.stem}.tmp{path.suffix}")
    try:
        save(str(temporary))
        os.replace(temporary, path)
    except OSError as error:
        error.filename = str(path)  # a full disk does not say which file it had no room for
        raise
    finally:
        temporary.unlink(missing_ok=True)
