"""keras-tuner's oracles, which choose the settings of the next trial, made to survive.

What differs from keras-tuner 1.4.8, each where it is: state is saved in one step, so that a kill leaves no half file;
grid search goes on after a restart; failed trials do not keep Hyperband from promoting others; Bayesian optimisation
does not repeat a setting.
"""

import itertools
import math
import pathlib

import keras_tuner
import numpy as np
from keras_tuner import oracles
from keras_tuner.engine import hyperparameters

from seqzoo.search.space import flag_text
from seqzoo.training.loop import write_json


class _Kept:
    """Mixin for an oracle whose state survives a kill at any moment."""

    def save(self):
        write_json(pathlib.Path(self._get_oracle_fname()), self.get_state())

    def _save_trial(self, trial):
        write_json(pathlib.Path(self._get_trial_dir(trial.trial_id)) / "trial.json", trial.get_state())

    def reload(self):
        """Takes up what `save` left, if anything."""
        if pathlib.Path(self._get_oracle_fname()).is_file():
            super().reload()
            # A trial that was made and not yet begun: its settings are drawn again.
            self.trials = {key: self.trials[key] for key in self.start_order}
            # keras-tuner saves the end of a trial before it is off the list of those that run.
            self._retry_queue = [key for key in self._retry_queue if key not in self.end_order]

    def retry(self, trial_ids):
        """Has trials that ended without a score run again, before new ones."""
        self._retry_queue += [key for key in trial_ids if key in self.trials and key not in self._retry_queue]
        self.end_order = [key for key in self.end_order if key not in self._retry_queue]

    @property
    def size(self):
        """How many settings there are."""
        return math.prod(_count(hp) for hp in self.hyperparameters.space)

    def work(self, trial):
        """How much work a trial is, in a unit of its own."""
        return 1


class Random(_Kept, oracles.RandomSearchOracle):
    """Settings at random (Bergstra & Bengio, 2012)."""


class Bayesian(_Kept, oracles.BayesianOptimizationOracle):
    """Bayesian optimisation by a Gaussian process and upper confidence bounds (Srinivas et al., 2010).

    Where the best guess is a setting that was tried, which trained again would give the same score, a random one is.
    """

    def populate_space(self, trial_id):
        response = super().populate_space(trial_id)
        values = response["values"]
        for hp in self.hyperparameters.space if values else ():
            if isinstance(hp, hyperparameters.Int):  # its logarithmic range may give high + 1
                values[hp.name] = min(values[hp.name], hp.max_value)
        return self._random_populate_space() if values and self._duplicate(values) else response


class Grid(_Kept, keras_tuner.Oracle):
    """All settings, one after the other. keras-tuner's forgets where it was when it is restarted."""

    def populate_space(self, trial_id):
        for values in itertools.product(*self.axes):
            values = {hp.name: value for hp, value in zip(self.hyperparameters.space, values, strict=True)}
            if not self._duplicate(values):
                return {"status": "RUNNING", "values": values}
        return {"status": "STOPPED", "values": None}

    @property
    def axes(self):
        """The values of each option; of a range of real numbers 10, with both ends."""
        return [_grid(hp) for hp in self.hyperparameters.space]

    @property
    def size(self):
        return math.prod(map(len, self.axes))


class Hyperband(_Kept, oracles.HyperbandOracle):
    """Hyperband (Li et al., 2018): many settings for a few epochs, the better of them go on.

    A trial that failed has the worst score there is. Left out, as keras-tuner has it, it would take the place of one
    that is promoted.
    """

    def end_trial(self, trial):
        if trial.status == "FAILED":
            self.update_trial(trial.trial_id, {self.objective.name: self.worst})
            trial.status = "COMPLETED"
        super().end_trial(trial)

    @property
    def worst(self):
        return -math.inf if self.objective.direction == "max" else math.inf

    def work(self, trial):
        return trial.hyperparameters.values["tuner/epochs"] - trial.hyperparameters.values["tuner/initial_epoch"]

    @property
    def plan(self):
        """(settings, trials, epochs in all)."""
        sizes = {
            (bracket, n): self._get_size(bracket, n)
            for bracket in range(self._get_num_brackets())
            for n in range(self._get_num_rounds(bracket))
        }
        epochs = {(bracket, n): self._get_epochs(bracket, n) for bracket, n in sizes}
        work = sum(size * (epochs[b, n] - epochs.get((b, n - 1), 0)) for (b, n), size in sizes.items())
        return sum(size for (_, n), size in sizes.items() if n == 0), sum(sizes.values()), work


def _grid(hp):
    """The values of a hyperparameter that stand in a grid."""
    if isinstance(hp, hyperparameters.Choice):
        return hp.values
    if isinstance(hp, hyperparameters.Int):
        return [*range(hp.min_value, hp.max_value + 1)]
    spaced = np.geomspace if hp.sampling == "log" else np.linspace
    return spaced(hp.min_value, hp.max_value, 10).tolist()


def _count(hp):
    """How many values a hyperparameter has."""
    if isinstance(hp, hyperparameters.Choice):
        return len(hp.values)
    return hp.max_value - hp.min_value + 1 if isinstance(hp, hyperparameters.Int) else math.inf


def make_oracle(search):
    """The oracle of a `trials.Search`; `reload` gives it what it knew when it was stopped."""
    space = keras_tuner.HyperParameters()
    for name, values in search.space.items():
        if values.choices:  # as texts: keras-tuner makes numbers of booleans, and sends real ones in 32 bits
            space.Choice(name, [flag_text(value) for value in values.choices])
        else:
            kind = space.Int if values.type is int else space.Float
            kind(name, values.low, values.high, sampling="log" if values.logarithmic else "linear")
    kwargs = {
        "objective": keras_tuner.Objective(search.key, search.direction),
        "hyperparameters": space,
        "seed": search.seed + 1,  # keras-tuner takes 0 for none
        "max_consecutive_failed_trials": None,
    }
    if search.tuner == "hyperband":
        oracle = Hyperband(max_epochs=search.epochs, **kwargs)
        oracle.max_trials = search.max_trials or None
    else:
        oracle = {"random": Random, "bayesian": Bayesian, "grid": Grid}[search.tuner](**kwargs)
        oracle.max_trials = search.max_trials
    oracle._max_collisions = 1000  # of 20 draws in a row none is new long before a small space is exhausted
    oracle.verbose = 0
    oracle._set_project_dir(str(search.folder), "oracle")
    return oracle
