"""Tuners choose the settings of the next trial: keras-tuner's oracles, made robust against kills and failures.

Differences from keras-tuner 1.4.8: state is saved atomically, so that a kill leaves no half-written file; grid search
continues after a restart; failed trials do not keep Hyperband from promoting others;
Bayesian optimization does not repeat a setting.
"""

import itertools
import math
import pathlib

import keras_tuner
import numpy as np
from keras_tuner import oracles
from keras_tuner.engine import hyperparameters
from keras_tuner.engine.trial import Trial

from seqzoo.config import flag_text
from seqzoo.files import write_json
from seqzoo.search.trials import Search


class _Resumable:
    """Mixin for a keras-tuner oracle: its state survives a kill at any moment."""

    def save(self) -> None:
        write_json(pathlib.Path(self._get_oracle_fname()), self.get_state())

    def _save_trial(self, trial):
        write_json(pathlib.Path(self._get_trial_dir(trial.trial_id)) / "trial.json", trial.get_state())

    def reload(self) -> None:
        """Restores the state that `save` left, if any."""
        if pathlib.Path(self._get_oracle_fname()).is_file():
            super().reload()
            # The settings of trials that were created but never started are drawn again.
            self.trials = {key: self.trials[key] for key in self.start_order}
            # keras-tuner saves the end of a trial before it removes the trial from the retry queue.
            self._retry_queue = [key for key in self._retry_queue if key not in self.end_order]

    def retry(self, trial_ids: list[str]) -> None:
        """Queues trials that ended without a score, to run again before new ones."""
        self._retry_queue += [key for key in trial_ids if key in self.trials and key not in self._retry_queue]
        self.end_order = [key for key in self.end_order if key not in self._retry_queue]

    @property
    def size(self) -> float:
        """The number of settings in the space."""
        return math.prod(_count(hp) for hp in self.hyperparameters.space)

    def work(self, trial: Trial) -> int:
        """The cost of a trial relative to the others of this tuner."""
        return 1


class Random(_Resumable, oracles.RandomSearchOracle):
    """Random search (Bergstra & Bengio, 2012)."""


class Bayesian(_Resumable, oracles.BayesianOptimizationOracle):
    """Bayesian optimization with a Gaussian process and upper confidence bounds (Srinivas et al., 2010).

    If it proposes a setting again, which would only give the same score, a random setting is drawn instead.
    """

    def populate_space(self, trial_id: str) -> dict:
        response = super().populate_space(trial_id)
        values = response["values"]
        for hp in self.hyperparameters.space if values else ():
            if isinstance(hp, hyperparameters.Int):  # its logarithmic range may give high + 1
                values[hp.name] = min(values[hp.name], hp.max_value)
        return self._random_populate_space() if values and self._duplicate(values) else response


class Grid(_Resumable, keras_tuner.Oracle):
    """Grid search: all settings in order. keras-tuner's own loses its position when it is restarted."""

    def populate_space(self, trial_id: str) -> dict:
        for values in itertools.product(*self.axes):
            values = {hp.name: value for hp, value in zip(self.hyperparameters.space, values, strict=True)}
            if not self._duplicate(values):
                return {"status": "RUNNING", "values": values}
        return {"status": "STOPPED", "values": None}

    @property
    def axes(self) -> list[list]:
        """The values of each option; 10 values of a range of real numbers, including both ends."""
        return [_grid(hp) for hp in self.hyperparameters.space]

    @property
    def size(self) -> int:
        return math.prod(map(len, self.axes))


class Hyperband(_Resumable, oracles.HyperbandOracle):
    """Hyperband (Li et al., 2018): trains many settings for a few epochs and continues with the best of them.

    A failed trial gets the worst possible score. keras-tuner omits it, so that it takes the slot of a trial to promote.
    """

    def end_trial(self, trial: Trial) -> None:
        if trial.status == "FAILED":
            self.update_trial(trial.trial_id, {self.objective.name: self.worst})
            trial.status = "COMPLETED"
        super().end_trial(trial)

    @property
    def worst(self) -> float:
        return -math.inf if self.objective.direction == "max" else math.inf

    def work(self, trial: Trial) -> int:
        return trial.hyperparameters.values["tuner/epochs"] - trial.hyperparameters.values["tuner/initial_epoch"]

    @property
    def plan(self) -> tuple[int, int, int]:
        """Returns (settings, trials, total epochs)."""
        sizes = {
            (bracket, n): self._get_size(bracket, n)
            for bracket in range(self._get_num_brackets())
            for n in range(self._get_num_rounds(bracket))
        }
        epochs = {(bracket, n): self._get_epochs(bracket, n) for bracket, n in sizes}
        work = sum(size * (epochs[b, n] - epochs.get((b, n - 1), 0)) for (b, n), size in sizes.items())
        return sum(size for (_, n), size in sizes.items() if n == 0), sum(sizes.values()), work


def _grid(hp) -> list:
    """Returns the values of a hyperparameter in a grid."""
    if isinstance(hp, hyperparameters.Choice):
        return hp.values
    if isinstance(hp, hyperparameters.Int):
        return [*range(hp.min_value, hp.max_value + 1)]
    spaced = np.geomspace if hp.sampling == "log" else np.linspace
    return spaced(hp.min_value, hp.max_value, 10).tolist()


def _count(hp) -> float:
    """Returns the number of values of a hyperparameter."""
    if isinstance(hp, hyperparameters.Choice):
        return len(hp.values)
    return hp.max_value - hp.min_value + 1 if isinstance(hp, hyperparameters.Int) else math.inf


def make_tuner(search: Search) -> Random | Bayesian | Grid | Hyperband:
    """Makes the tuner of a `trials.Search`; its `reload` restores the state of an interrupted search."""
    space = keras_tuner.HyperParameters()
    for name, values in search.space.items():
        if values.choices:  # as strings: keras-tuner turns booleans into numbers, and sends floats as 32 bits
            space.Choice(name, [flag_text(value) for value in values.choices])
        else:
            kind = space.Int if values.type is int else space.Float
            kind(name, values.low, values.high, sampling="log" if values.logarithmic else "linear")
    kwargs = {
        "objective": keras_tuner.Objective(search.key, search.measure.direction),
        "hyperparameters": space,
        "seed": search.seed + 1,  # keras-tuner takes 0 for no seed
        "max_consecutive_failed_trials": None,
    }
    if search.tuner == "hyperband":
        tuner = Hyperband(max_epochs=search.epochs, **kwargs)
        tuner.max_trials = search.max_trials or None
    else:
        tuner = {"random": Random, "bayesian": Bayesian, "grid": Grid}[search.tuner](**kwargs)
        tuner.max_trials = search.max_trials
    tuner._max_collisions = 1000  # in a small space, 20 draws in a row may repeat settings long before all are used
    tuner.verbose = 0
    tuner._set_project_dir(str(search.folder), "oracle")
    return tuner
