"""Training: fills the folder of a run, epoch by epoch."""

import contextlib
import math
import os
import pathlib
import time
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import numpy as np
from rich.console import Console
from rich.text import Text

from seqzoo import zoo
from seqzoo.assets import load_assets, save_assets
from seqzoo.backend.distribution import NOTHING, Devices
from seqzoo.display.plain import one_line, plain_text
from seqzoo.display.report import write_report
from seqzoo.files import write_json
from seqzoo.metrics.measure import flat
from seqzoo.task import Task, TaskData
from seqzoo.training import transfer
from seqzoo.training.environment import environment
from seqzoo.training.folder import Run, check_data, checkpoint, load, prepare, read_json, restore, save_model
from seqzoo.training.folds import fold_table, is_folded, train_folds
from seqzoo.training.lock import locked

if TYPE_CHECKING:
    import keras


def train(
    task: Task,
    folder: str | os.PathLike,
    console: Console | None = None,
    *,
    overwrite: bool = False,
    devices: Devices | None = None,
    callbacks: Iterable = (),
    stop_after: int = 0,
    explain_rnn: bool = False,
) -> dict:
    """Trains a task, or continues the training that `folder` holds, and scores the best epoch.

    Each epoch ends with a checkpoint of everything that the next one depends on: weights, optimizer, averages, dropout
    seeds. Long epochs have checkpoints in between, and Ctrl-C saves one after the current batch. The order of the data
    is a function of (seed, epoch). So a run that is killed and continued ends with the same weights as one that is not.

    With --folds, a run is trained for each fold, see `folds.train_folds`.

    Args:
        task: the task, with its config.
        folder: folder of the run; created if needed.
        console: console for the progress; None: show none.
        overwrite: first delete an existing run.
        devices: the devices to train on; None: one device. If several workers share `folder`, only the chief evaluates,
            writes and returns metrics.
        callbacks: keras.callbacks.Callback objects. `on_epoch_end` gets the epoch's row of the history, with the scores
            on valid; a callback that sets ``model.stop_training`` ends the training.
        stop_after: pause after this many epochs of the same schedule; a later call continues. 0: do not pause.
        explain_rnn: show which kernel each recurrent layer uses, see `display.kernels`.

    Returns:
        {metric: number}, as in metrics.json; {} if the run is paused.

    Raises:
        ValueError: see `folder.prepare`; another process trains there; or the data cannot be used.
        FloatingPointError: the loss is no longer finite. Earlier checkpoints are kept.
    """
    zoo.check_trainable(folder)
    folder, devices = pathlib.Path(folder), devices or Devices()
    console = devices.console(console or Console(quiet=True))
    devices.check(task)
    with contextlib.ExitStack() as stack:

        def claim():
            if overwrite or not (folder / "metrics.json").is_file():  # a finished run may be read-only
                stack.enter_context(locked(folder))
            prepare(folder, task, overwrite)

        devices.first(claim)
        if (folder / "metrics.json").is_file():
            return _finished(folder, task, console, explain_rnn)
        if is_folded(task):

            def train_fold(task, folder):
                own = {"callbacks": callbacks, "stop_after": stop_after, "explain_rnn": explain_rnn}
                return train(task, folder, console, devices=devices, **own)

            return train_folds(task, folder, console, train_fold)
        return _train(task, folder, console, devices, callbacks, stop_after, explain_rnn)


def _train(task, folder, console, devices, callbacks, stop_after, explain_rnn) -> dict:
    """Trains in a prepared folder, see `train`."""
    source = transfer.source(task)
    data = _load(task, folder, devices, console)
    plain, model = _build(task, data, devices, source, console)
    explain(model, console, as_table=explain_rnn)
    history, begun = _continued(folder, model, data, task, devices, console)
    checkpoints, callbacks = _callbacks(task, folder, data, model, history, begun, devices, console, callbacks)
    predictor = task.predictor(plain)
    with _ended(callbacks):
        for epoch in range(len(history), task.config.epochs):
            reason = _stop_reason(task, history)
            if devices.agree(bool(reason)):
                console.print(reason)
                break
            if stop_after and epoch >= stop_after:
                console.print(f"paused after epoch {epoch}; without --stop_after the run continues")
                return {}
            row = _fit_epoch(folder, data, model, devices, epoch, checkpoints, callbacks, begun)
            begun = {}
            if devices.is_chief:
                with checkpoints.scoring():
                    history.append(_scored(row, task, data, model, predictor))
                _save_epoch(folder, task, model, plain, history, console)
                callbacks.on_epoch_end(epoch, dict(history[-1]))
            if devices.agree(bool(model.stop_training)):
                break
    if not devices.is_chief:
        return {}
    if _best_epoch(task, history) is None:  # stopped by a callback before the first evaluation
        history[-1] |= _valid_scores(task, data, model, predictor)
        _save_epoch(folder, task, model, plain, history, console)
    return _finish(folder, data, history, console)


def _continued(folder, model, data, task, devices, console) -> tuple[list[dict], dict]:
    """Returns (history, state of an unfinished epoch) of a run to continue, ([], {}) of a new one."""
    history, begun = restore(folder, model, devices)
    feed = data.splits["train"]
    devices.check_equal((len(history), begun.get("batches", 0), feed.steps, feed.tokens), "epochs or batches")
    if history and devices.is_chief:
        _save_history(folder, history, task, console)  # the run may have been killed before it was saved
    if history or begun:
        within = f"batch {begun['batches']:,} of epoch {len(history) + 1}" if begun else f"epoch {len(history)}"
        console.print(f"continuing after {within}")
    return history, begun


def _fit_epoch(folder, data, model, devices, epoch, checkpoints, callbacks, begun) -> dict:
    """Trains for one epoch, or the rest of an unfinished one; returns its row of the history without scores."""
    feed = data.splits["train"]
    start = time.perf_counter() - begun.get("seconds", 0.0)
    batches = feed.epoch(epoch)
    callbacks.on_epoch_begin(epoch, {"steps": int(batches.cardinality()), **(begun or NOTHING)})
    with checkpoints.interruptible():
        loss = devices.fit(model, batches, epoch, callbacks, begun)
    seconds = time.perf_counter() - start
    if not math.isfinite(loss):
        raise FloatingPointError(
            f"The loss of epoch {epoch + 1} is {loss}. Try a lower --learning_rate or --clip_norm, "
            f"or another --seed. Epochs up to {epoch} are kept in {folder}."
        )
    rate = float(model.optimizer.learning_rate)
    per_second = feed.tokens / seconds
    return {
        "epoch": epoch + 1,
        "loss": loss,
        "learning_rate": rate,
        "tokens_per_second": per_second,
        "seconds": seconds,
    }


def _save_epoch(folder, task, model, plain, history, console) -> None:
    """Saves a checkpoint and the history, and the model if the last epoch is the best one."""
    if _best_epoch(task, history) == history[-1]["epoch"]:
        with _averaged(model):
            save_model(folder, task, plain)
    checkpoint(folder, model, history)
    _save_history(folder, history, task, console)


def _finish(folder, data, history, console) -> dict:
    """Scores the best epoch, saves metrics, plots and the report, and returns the metrics."""
    run = load(folder)
    metrics, examples, answers = _final_scores(run, data, history)
    write_json(folder / "summary.json", data.summary)
    write_json(folder / "metrics.json", metrics)  # marks the run as finished, even if a picture crashes the process
    show(metrics, run.task, console)
    if warning := below_baseline(metrics, run.task):
        console.print(plain_text(warning), soft_wrap=True)
    with _optional("pictures of the answers", console):
        run.task.plot(run.predictor, examples, answers, folder)
    _report(folder, run.task, console)
    return metrics


def _report(folder, task, console):
    with _optional("report", console):
        console.print(plain_text(f"report: {write_report(folder, task)}"), soft_wrap=True)


@contextlib.contextmanager
def _optional(what: str, console: Console):
    """Context manager that turns errors into warnings: a plot that fails must not lose a run."""
    try:
        yield
    except Exception as error:
        console.print(plain_text(one_line(f"warning: no {what}: {type(error).__name__}: {error}")), soft_wrap=True)


def show(metrics: dict, task: Task, console: Console, title: str = "") -> None:
    """Prints the scores of a run as one table."""
    from seqzoo.display.tables import result_table

    console.print(result_table(metrics, task.measures, title or task.name))


def below_baseline(metrics: dict, task: Task) -> str:
    """Returns a sentence about the best baseline that a run does not reach on valid, or "" if it reaches all."""
    own, key = metrics[f"valid_{task.objective}"], task.objective
    scores = {name: row[key] for name, row in metrics.get("valid_baselines", {}).items() if key in row}
    better = [name for name, score in scores.items() if task.sign * (score - own) > 0]
    if not better:
        return ""
    best = max(better, key=lambda name: task.sign * scores[name])
    value = task.measure.format
    return (
        f"The run is worse than a baseline on valid, {task.measure.label}: {value(own)}, {best} {value(scores[best])}. "
        "It may need more epochs or other options."
    )


def _finished(folder, task, console, explain_rnn):
    console.print(plain_text(f"{folder} is already finished; --overwrite trains it again."), soft_wrap=True)
    metrics = read_json(folder / "metrics.json", remedy="Delete it, and the same command computes the scores again.")
    if is_folded(task):
        console.print(fold_table(metrics, task))
        return metrics
    show(metrics, task, console)
    if not (folder / "report.html").is_file():  # the process was killed before it was written
        _report(folder, task, console)
    if explain_rnn:
        explain(load(folder).model, console)
    return metrics


def _load(task: Task, folder: pathlib.Path, devices: Devices, console: Console) -> TaskData:
    """Reads the data and learns the assets, then saves them, or compares them with those of the run to continue."""
    import keras

    keras.utils.set_random_seed(task.config.seed)
    task.assets = None  # learned anew, to compare
    with console.status("reading data"):
        data = task.load()
    print_summary(data, console)
    devices.check_feed(data.splits["train"])
    if (folder / "checkpoint.npz").is_file():
        check_data(folder, data.fingerprints())
        for name, asset in load_assets(folder).items():
            if asset != task.assets.get(name):
                raise ValueError(f"The data changed since {folder} was begun: its {name} would be different now.")
    elif devices.is_chief:
        write_json(folder / "data.json", data.fingerprints())
        save_assets(folder, task.assets)
        write_json(folder / "environment.json", environment())
    return data


def print_summary(data: TaskData, console: Console) -> None:
    """Prints the sizes of the splits."""
    for name, text in data.summary.items():
        console.print(Text.assemble((f"{name}: ", "dim"), plain_text(text)), soft_wrap=True)


def _build(task: Task, data: TaskData, devices: Devices, source: Run | None, console: Console) -> tuple:
    """Returns (the plain model, to save and evaluate; the compiled model to train, which shares its weights)."""
    import keras

    from seqzoo.training.optimizers import optimizer
    from seqzoo.training.stacks import depths

    steps = data.splits["train"].steps
    with devices.scope():
        with precision(task.config.precision):
            plain = task.build()
            if source:  # a checkpoint, if there is one, replaces these weights
                for line in transfer.start(plain, task, source):
                    console.print(plain_text(line), soft_wrap=True)
            model = task.training_model(plain, steps)
            if model is plain:  # saved without its optimizer: a third of the size, and no need to know it when loading
                plain = keras.Model(model.input, model.output, name=model.name)
        if task.config.weigh_batches:
            devices.weigh(model, data.splits["train"].decisions() / steps)
        apart = task.config.unfreeze_every or task.config.layer_decay != 1
        model.compile(
            optimizer=optimizer(task.config, steps, depths(plain, model.trainable_variables) if apart else None),
            loss=devices.loss(task.loss()),
            # Keras would choose XLA on a GPU, under which LazyAdam updates the wrong rows.
            jit_compile=keras.backend.backend() == "jax",
        )
        model.optimizer.build(model.trainable_variables)
    return plain, model


@contextlib.contextmanager
def precision(name: str) -> Iterator[None]:
    """Context manager in which new layers compute with a Keras dtype policy, such as "mixed_bfloat16"."""
    import keras

    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def _callbacks(task, folder, data, model, history, begun, devices, console, callbacks) -> tuple:
    """Returns (the callback that saves within an epoch, a CallbackList of all callbacks)."""
    import keras

    from seqzoo.training.checkpoints import Checkpoints
    from seqzoo.training.progress import Progress

    feed = data.splits["train"]
    if devices.is_chief:
        from seqzoo.training.tensorboard import TensorBoard

        done, best = begun.get("batches", 0), lambda: _best_epoch(task, history)
        callbacks = [TensorBoard(folder / "logs", task, feed, history, best, done), *callbacks]
    progress = Progress(console, task, feed, history)
    checkpoints = Checkpoints(folder, history, devices, task.config.checkpoint_minutes, begun, console.quiet)
    callbacks = keras.callbacks.CallbackList(
        [progress, *callbacks, checkpoints], model=model, epochs=task.config.epochs, steps=feed.steps, verbose=0
    )
    callbacks.on_train_begin()
    return checkpoints, callbacks


@contextlib.contextmanager
def _ended(callbacks):
    """Calls on_train_end on exit, even after an error."""
    try:
        yield
    finally:
        callbacks.on_train_end()


def _averaged(model):
    from seqzoo.training.optimizers import averaged

    return averaged(model)


def _scored(row, task, data, model, predictor) -> dict:
    """Returns the row of an epoch in the history, with scores if the epoch is evaluated."""
    start, config, scores = time.perf_counter(), task.config, {}
    if row["epoch"] % config.evaluate_every == 0 or row["epoch"] == config.epochs:
        scores = _valid_scores(task, data, model, predictor)
    return {**row, **scores, "seconds": row["seconds"] + time.perf_counter() - start}


def _valid_scores(task, data, model, predictor) -> dict:
    """Computes the numeric scores on valid, with averaged weights.

    Raises:
        ValueError: the objective is not among them.
    """
    with _averaged(model):
        scores = flat("valid", task.evaluate(predictor, data.splits["valid"]))
    if f"valid_{task.objective}" not in scores:
        raise ValueError(f"The objective of {task.name}, {task.objective!r}, is not a score: {', '.join(scores)}.")
    return {name: value for name, value in scores.items() if isinstance(value, int | float)}


def _best_epoch(task: Task, history: list[dict]) -> int | None:
    """Returns the number of the best epoch, see `Task.merit`; None if no epoch was scored."""
    scored = [row for row in history if f"valid_{task.objective}" in row]
    return max(scored, key=task.merit, default={}).get("epoch")


def _stop_reason(task: Task, history: list[dict]) -> str:
    """Returns why training stops here, or "" if it continues."""
    patience, best = task.config.patience, _best_epoch(task, history)
    if patience and best:
        last = max(row["epoch"] for row in history if f"valid_{task.objective}" in row)
        if last - best >= patience:  # epochs without a score are no reason to stop
            return f"no better {task.objective} in {patience} epochs: stopped"
    return ""


def _final_scores(run: Run, data: TaskData, history: list[dict]) -> tuple[dict, list[dict], list[dict]]:
    """Returns (scores of the best saved epoch and of the whole training; examples and answers of valid)."""
    metrics, examples, answers = run.task.report(run.predictor, data, run.folder)
    metrics |= {
        "best_epoch": _best_epoch(run.task, history),
        "epochs": len(history),
        "minutes": sum(row["seconds"] for row in history) / 60,
        "tokens_per_second": float(np.median([row["tokens_per_second"] for row in history])),
        "train_padding": 100 * data.splits["train"].padding,
        "parameters": _parameters(run.model),
    }
    return metrics, examples, answers


def _save_history(folder: pathlib.Path, history: list[dict], task: Task, console: Console) -> None:
    """Writes history.json and the learning curve."""
    from seqzoo.display.plots import history_plot

    write_json(folder / "history.json", history)
    key = f"valid_{task.objective}"
    if any(math.isfinite(row.get(key, math.nan)) for row in history):
        with _optional("learning curve", console):
            path, best = folder / "history.png", _best_epoch(task, history)
            history_plot(history, task.objective, task.measures, path, best)


def explain(model: "keras.Model", console: Console, as_table: bool = True) -> None:
    """Prints which kernel each recurrent layer uses, in a table or in one line; and the size of the model."""
    from seqzoo.display import kernels

    found = kernels.kernels(model)
    if as_table and found:
        console.print(kernels.table(found))
    elif as_table:
        console.print("No recurrent layers.")
    else:
        console.print(Text.assemble(("model:", "dim"), f" {_parameters(model):,} trainable parameters"))
        if found:
            console.print(Text.assemble(("recurrent layers:", "dim"), " ", kernels.line(found)), soft_wrap=True)


def _parameters(model) -> int:
    return sum(int(np.prod(v.shape)) for v in model.trainable_variables)
