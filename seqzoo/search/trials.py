"""Trials: a trial is an ordinary run, or one a seed, trained by the ordinary command in a process of its own."""

import contextlib
import dataclasses
import json
import math
import os
import pathlib
import shlex
import shutil
import signal
import statistics
import subprocess
import sys

from seqzoo.search.space import flag_text
from seqzoo.task import TASKS
from seqzoo.training.loop import prepare, write_json

TRAIN = ("-m", "seqzoo.run")
LOG = "train.log"

# A process that dies with the one that started it, whatever that died of, then runs Python with its arguments.
_TIED = """
import ctypes, os, sys
ctypes.CDLL(None).prctl(1, 9)  # PR_SET_PDEATHSIG, SIGKILL: Linux alone has it
os.getppid() == int(sys.argv[1]) and os.execv(sys.executable, [sys.executable, *sys.argv[2:]])
"""


def tied(*arguments):
    """Arguments of Python so that its process dies with this one, where the system can do that."""
    return ("-c", _TIED, str(os.getpid()), *arguments) if sys.platform == "linux" else arguments


class Stop(Exception):
    """The search can not go on: a bug, or a machine that fails."""


@dataclasses.dataclass(frozen=True)
class Search:
    """What is searched, and how: all that two searches in one folder must have in common, but for `max_trials`.

    Attributes:
        task: its name.
        fixed: {option: value} given on the command line.
        space: {option: space.Values}.
        tuner: random, bayesian, hyperband or grid.
        seeds: runs of each setting.
        folder: pathlib.Path.
        max_trials: 0 for as many as the tuner has.
    """

    task: str
    fixed: dict
    space: dict
    tuner: str
    seeds: int
    folder: pathlib.Path
    max_trials: int = 0

    @property
    def key(self):
        """The score that counts; of valid, never of test."""
        return f"valid_{TASKS[self.task].objective}"

    @property
    def direction(self):
        return TASKS[self.task].direction

    @property
    def sign(self):
        return 1 if self.direction == "max" else -1

    @property
    def epochs(self):
        return self.config({}).epochs

    @property
    def seed(self):
        return self.config({}).seed

    def config(self, settings):
        """The task's Config with some settings."""
        return TASKS[self.task].Config(**self.fixed | settings)

    def flags(self, settings):
        """The options of seqzoo.run for some settings."""
        options = {"task": self.task, **self.fixed, **settings}
        return [f"--{name}={flag_text(value)}" for name, value in options.items()]

    def command(self, settings):
        """The command that trains some settings, to be pasted."""
        return shlex.join(["python", "-m", "seqzoo.run", *self.flags(settings)])

    def root(self, trial_id):
        """The folder of a trial."""
        return self.folder / "trials" / trial_id

    def runs(self, trial_id):
        """[({option: value} beside the settings, folder)] of a trial's runs, one a seed."""
        root = self.root(trial_id)
        if self.seeds == 1:
            return [({}, root)]
        return [({"seed": seed}, root / f"seed-{seed}") for seed in range(self.seed, self.seed + self.seeds)]

    def prepare(self, overwrite=False):
        """Makes the folder, or takes up the search that is there.

        Raises:
            ValueError: the folder holds something else, or a search of something else.
        """
        path = self.folder / "sweep.json"
        fixed = {name: value for name, value in self.config({}).to_dict().items() if name not in self.space}
        wanted = {
            "task": self.task,
            "tuner": self.tuner,
            "seeds": self.seeds,
            **{f"sweep of {name}": str(values) for name, values in self.space.items()},
            **fixed,
        }
        if self.folder.is_dir() and any(self.folder.iterdir()):
            if not path.is_file():
                raise ValueError(f"{self.folder} is not empty and holds no search: give another --workdir.")
            defaults = {name: value for name, value in TASKS[self.task].Config().to_dict().items() if name in fixed}
            found = defaults | json.loads(path.read_text("utf-8"))  # an older search has defaults for what is new
            if overwrite:
                shutil.rmtree(self.folder)
            elif found != wanted:
                keys = [key for key in {**found, **wanted} if found.get(key) != wanted.get(key)]
                changes = ", ".join(f"{key} {found.get(key, 'none')} -> {wanted.get(key, 'none')}" for key in keys)
                raise ValueError(
                    f"{self.folder} holds another search ({changes}). "
                    "Give another --workdir, or --overwrite to delete it and start over."
                )
        self.folder.mkdir(parents=True, exist_ok=True)
        if not path.is_file():
            write_json(path, wanted)

    def record(self, trial_id):
        """What is known of a trial, see `run_trial`; None before it was begun."""
        path = self.root(trial_id) / "trial.json"
        return json.loads(path.read_text("utf-8")) if path.is_file() else None

    def records(self):
        """What is known of all trials that were begun, in their order."""
        ids = sorted((path.parent.name for path in (self.folder / "trials").glob("*/trial.json")), key=int)
        return [self.record(trial_id) for trial_id in ids]


def run_trial(search, trial_id, settings, stop_after=0, watch=lambda: None):
    """Trains a trial, or goes on with it, and records how it ended in its folder.

    Args:
        search: the Search.
        trial_id: names the folder.
        settings: {option: value}.
        stop_after: epochs to pause after; 0: to the end.
        watch: called a few times a second.

    Returns:
        Its record: ``{"id", "settings", "status", "reason", "score", "spread", "scores", "minutes", "epochs", "folder",
        "command"}``. ``status`` is "done", "paused", "failed" (as it would again) or "killed" (which it may not be
        again).

    Raises:
        Stop: the search can not go on.
    """
    root = search.root(trial_id)
    record = {
        "id": trial_id,
        "settings": settings,
        "status": "running",
        "reason": "",
        "score": None,
        "spread": None,
        "scores": [],
        "minutes": 0.0,
        "epochs": 0,
        "folder": str(root),
        "command": search.command(settings),
    }
    try:
        runs = [(settings | seed, search.config(settings | seed), folder) for seed, folder in search.runs(trial_id)]
    except ValueError as error:  # options that are fine each alone
        runs, record["status"], record["reason"] = [], "failed", str(error)
    for given, config, folder in runs:
        prepare(folder, search.task, config)
        write_json(root / "trial.json", (search.record(trial_id) or record) | {"status": "running", "reason": ""})
        if not _is_ready(folder, stop_after):
            paused = [f"--stop_after={stop_after}"] if stop_after else []
            flags = [*search.flags(given), f"--workdir={folder}", *paused]
            record["status"], record["reason"] = _ended(folder, *_train(flags, folder, watch))
        if record["status"] not in ("done", "running"):
            break
        record["scores"].append(score(folder, search.key, search.sign))
    record["minutes"], record["epochs"] = _spent(search, trial_id)
    if len(record["scores"]) == search.seeds:
        finished = all((folder / "metrics.json").is_file() for _, _, folder in runs)
        record["status"] = "done" if finished else "paused"
        record["score"] = statistics.mean(record["scores"])
        record["spread"] = statistics.stdev(record["scores"]) if search.seeds > 1 else None
        if not math.isfinite(record["score"]):
            record |= {"status": "failed", "reason": f"{search.key} is {record['score']}", "score": None}
    root.mkdir(parents=True, exist_ok=True)
    write_json(root / "trial.json", record)
    return record


def _is_ready(folder, stop_after):
    """Whether a run is as far as it should be."""
    return (folder / "metrics.json").is_file() or 0 < stop_after <= len(history(folder))


def _train(flags, folder, watch):
    """(exit status, output) of a run's process; the output is appended to the run's log."""
    with open(folder / LOG, "ab+") as log:
        begin = log.seek(0, 2)
        process = subprocess.Popen(
            [sys.executable, *tied(*TRAIN, *flags)],
            # Else the first of several workers would take all memory of a GPU that they share.
            env={"TF_FORCE_GPU_ALLOW_GROWTH": "true", **os.environ},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            while process.poll() is None:
                watch()
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(0.3)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
        log.seek(begin)
        return process.returncode, log.read().decode("utf-8", "replace")


def _ended(folder, status, output):
    """(status, reason) of a trial's run by its exit status; see `run.reported`.

    Raises:
        Stop: it is not the setting that failed.
    """
    errors = [line.removeprefix("error: ") for line in output.splitlines() if line.startswith("error: ")]
    if status == 0:
        return "done", ""
    if status == 2 and errors:
        return "failed", errors[-1]
    if status == -signal.SIGKILL:
        return "killed", "signal 9, which most often means that memory ran out"
    if status == 3 and errors:
        raise Stop(f"{errors[-1]}\nThe trial's log: {folder / LOG}")
    tail = "\n".join(output.splitlines()[-20:])
    what = f"was stopped by {signal.Signals(-status).name}" if status < 0 else "ended in an error that is a bug"
    if status == 130:
        what = "was interrupted"
    raise Stop(f"{tail}\nA trial {what}. Its log: {folder / LOG}".lstrip())


def history(folder):
    """The epochs of a run, [] before the first has ended."""
    path = folder / "history.json"
    return json.loads(path.read_text("utf-8")) if path.is_file() else []


def score(folder, key, sign):
    """The score of a run: the final one, or the best so far; None before there is one."""
    if (folder / "metrics.json").is_file():
        return json.loads((folder / "metrics.json").read_text("utf-8"))[key]
    return max((row[key] for row in history(folder) if key in row), key=lambda value: sign * value, default=None)


def _spent(search, trial_id):
    """(minutes, epochs) of a trial so far, of all its seeds."""
    rows = [row for _, folder in search.runs(trial_id) for row in history(folder)]
    return sum(row["seconds"] for row in rows) / 60, len(rows)


def progress(search, trial_id):
    """(epochs so far, score of the run that trains) of a trial."""
    begun = [folder for _, folder in search.runs(trial_id) if history(folder)]
    return sum(len(history(folder)) for folder in begun), score(begun[-1], search.key, search.sign) if begun else None
