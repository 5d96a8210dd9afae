"""What a run writes for TensorBoard, read back as TensorBoard reads it."""

import types

import keras
import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import metadata
from tensorboard.util.tensor_util import make_ndarray

from seqzoo.task import TASKS
from seqzoo.training.tensorboard import TensorBoard

STEPS, ROWS = 40, (3, 1)  # batches of an epoch; rows of the batches, by turns


def points(folder):
    """{tag: [(step, value)]} of all scalars of a TensorBoard run, in the order of the steps.

    TensorBoard reads files of one second in the order of their names, where writer 100 of a process precedes writer 98.
    """
    events = EventAccumulator(str(folder), size_guidance={"tensors": 0}, purge_orphaned_data=False).Reload()
    return {
        tag: sorted((event.step, make_ndarray(event.tensor_proto).item()) for event in events.Tensors(tag))
        for tag in events.Tags()["tensors"]
        if not tag.startswith("_hparams_")
    }


class Training:
    """A training without a network: the loss of a batch is its step."""

    def __init__(self, folder, history, done=0):
        config, _, _ = TASKS["ner"].tiny()
        feed, self.history = types.SimpleNamespace(steps=STEPS, tokens=400), history
        self.board = TensorBoard(folder / "logs", TASKS["ner"](config), feed, history, self.best_epoch, done)
        self.count = types.SimpleNamespace(count=0)
        model = types.SimpleNamespace(metrics=[self.count], optimizer=types.SimpleNamespace(learning_rate=0.5))
        self.callbacks = keras.callbacks.CallbackList([self.board], model=model)
        self.callbacks.on_train_begin()
        self.done = done

    def best_epoch(self):
        return max(self.history, key=lambda row: row["valid_f1"])["epoch"] if self.history else None

    def epoch(self, number, f1, batches=STEPS):
        self.count.count = total = 0
        done, self.done = self.done, 0
        for batch in range(batches):
            if batch == done:  # earlier ones were trained on by another process
                begun = {"steps": STEPS, "batches": batch, "total": total, "rows": self.count.count}
                self.callbacks.on_epoch_begin(number, begun)
            rows = ROWS[batch % 2]
            total, self.count.count = total + rows * (number * STEPS + batch + 1), self.count.count + rows
            if batch >= done:
                self.callbacks.on_train_batch_end(batch, {"loss": total / self.count.count})
        if batches == STEPS:
            scores = {"valid_f1": f1, "valid_loss": 9.0 - number, "valid_support": 7}
            self.history.append({"epoch": number + 1, "loss": 1.0, "seconds": 1.0, **scores})
            self.callbacks.on_epoch_end(number, dict(self.history[-1]))


def test_train_and_valid_share_a_chart_and_a_killed_run_goes_on_where_it_was(tmp_path):
    killed = Training(tmp_path, [])
    killed.epoch(0, 50.0)
    killed.epoch(1, 60.0)
    killed.epoch(2, 0.0, batches=20)  # no on_train_end: it was killed here
    path = next((tmp_path / "logs" / "train").iterdir())
    path.write_bytes(path.read_bytes()[:-3])  # within a record
    resumed = Training(tmp_path, killed.history[:1], 10)  # the last checkpoint was saved within the second epoch
    resumed.epoch(1, 40.0)
    resumed.callbacks.on_train_end()

    train, valid = points(tmp_path / "logs" / "train"), points(tmp_path / "logs" / "valid")
    assert train.keys() == {"loss", "learning rate", "tokens a second"}
    steps, losses = zip(*train["loss"], strict=True)
    assert [*steps] == [*range(2, 2 * STEPS + 1, 2)]  # 20 points an epoch, each once
    # Two batches of 3 rows and 1 row: losses n - 1 and n.
    assert losses == pytest.approx([step - 0.75 for step in steps], abs=1e-3)
    assert np.array(train["learning rate"])[:, 1].tolist() == [0.5] * STEPS
    assert valid == {"F1 (%)": [(STEPS, 50.0), (2 * STEPS, 40.0)], "loss": [(STEPS, 9.0), (2 * STEPS, 8.0)]}


def test_the_options_stand_beside_the_scores_of_the_best_epoch(tmp_path):
    paused = Training(tmp_path, [])
    paused.epoch(0, 50.0)
    paused.epoch(1, 40.0)
    paused.callbacks.on_train_end()
    better = Training(tmp_path, paused.history)
    better.epoch(2, 60.0)
    better.callbacks.on_train_end()
    assert points(tmp_path / "logs" / "best") == {"F1 (%)": [(3 * STEPS, 60.0)], "loss": [(3 * STEPS, 7.0)]}
    events = EventAccumulator(str(tmp_path / "logs" / "best")).Reload()
    start = metadata.parse_session_start_info_plugin_data(
        events.PluginTagToContent("hparams")[metadata.SESSION_START_INFO_TAG]
    )
    config = better.board.task.config.to_dict()
    assert start.hparams.keys() == config.keys() and not start.group_name
    assert start.hparams["units"].number_value == config["units"]
    assert start.hparams["rnn"].string_value == config["rnn"] and start.hparams["crf"].bool_value == config["crf"]
