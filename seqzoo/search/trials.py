"""Trials: each is an ordinary run, or one run per seed, trained by the ordinary command in its own process."""

import contextlib
import dataclasses
import json
import math
import os
import pathlib
import shlex
import signal
import statistics
import subprocess
import sys
from collections.abc import Callable

from seqzoo.config import Config, flag_text
from seqzoo.files import remove, write_json
from seqzoo.metrics.measure import Measure
from seqzoo.search.space import effective
from seqzoo.task import TASKS
from seqzoo.training.folder import check_apart, held_folds, prepare, read_json
from seqzoo.training.transfer import inherited

TRAIN = ("-m", "seqzoo.run")
LOG = "train.log"

# Asks the kernel to kill this process when its parent dies for any reason, then runs Python with the arguments.
_BOUND = """
import ctypes, os, sys
ctypes.CDLL(None).prctl(1, 9)  # PR_SET_PDEATHSIG, SIGKILL: only on Linux
os.getppid() == int(sys.argv[1]) and os.execv(sys.executable, [sys.executable, *sys.argv[2:]])
"""


def bound_to_parent(*arguments: str) -> tuple[str, ...]:
    """Returns Python arguments that make its process die together with this one, where supported."""
    return ("-c", _BOUND, str(os.getpid()), *arguments) if sys.platform == "linux" else arguments


class Stop(Exception):
    """The search cannot continue because of a bug, or because the machine fails."""


@dataclasses.dataclass(frozen=True)
class Search:
    """The settings of a search. To continue a search, all but `max_trials` must be the same.

    Attributes:
        task: name of the task.
        fixed: {option: value} from the command line.
        space: {option: space.Values}.
        tuner: random, bayesian, hyperband or grid.
        seeds: number of runs of each setting.
        folder: pathlib.Path.
        max_trials: 0: no limit but the tuner's own.
    """

    task: str
    fixed: dict
    space: dict
    tuner: str
    seeds: int
    folder: pathlib.Path
    max_trials: int = 0

    @property
    def key(self) -> str:
        """The name of the score that counts; on valid, never on test."""
        return f"valid_{self._task.objective}"

    @property
    def measure(self) -> Measure:
        """The Measure of the score that counts."""
        return self._task.measure

    @property
    def _task(self):
        """The task with the fixed options, which may decide which score counts."""
        return TASKS[self.task](self.config({}))

    @property
    def title(self) -> str:
        """The name in reports of the score that counts: "valid F1 (%)"."""
        return f"valid {self.measure.label}"

    @property
    def sign(self) -> int:
        """1 if a higher score is better, -1 if a lower one is."""
        return self.measure.sign

    @property
    def epochs(self) -> int:
        return self.config({}).epochs

    @property
    def runs_of_one(self) -> int:
        """The number of runs of one setting, by seeds and folds."""
        return self.seeds * max(1, self.config({}).folds)

    @property
    def seed(self) -> int:
        return self.config({}).seed

    def config(self, settings: dict) -> Config:
        """Returns the task's Config for these settings."""
        return TASKS[self.task].Config(**self._options(settings))

    def flags(self, settings: dict) -> list[str]:
        """Returns the flags of seqzoo.run for these settings."""
        options = {"task": self.task, **self._options(settings)}
        return [f"--{name}={flag_text(value)}" for name, value in options.items()]

    def _options(self, settings):
        """Returns the options to give for these settings, without those that have no effect, which would be refused."""
        options = self.fixed | settings
        if options.get("init_from"):
            options = inherited(self.task, options)
        return effective(TASKS[self.task].Config, options)

    def command(self, settings: dict) -> str:
        """Returns the shell command that trains these settings."""
        return shlex.join(["python", "-m", "seqzoo.run", *self.flags(settings)])

    def trial_folder(self, trial_id: str) -> pathlib.Path:
        """Returns the folder of a trial."""
        return self.folder / "trials" / trial_id

    def runs(self, trial_id: str) -> list[tuple[dict, pathlib.Path]]:
        """Returns [({option: value} in addition to the settings, folder)] of a trial's runs, one per seed."""
        folder = self.trial_folder(trial_id)
        if self.seeds == 1:
            return [({}, folder)]
        return [({"seed": seed}, folder / f"seed-{seed}") for seed in range(self.seed, self.seed + self.seeds)]

    def prepare(self, overwrite: bool = False) -> None:
        """Creates the folder, or resumes the search in it.

        Raises:
            ValueError: the folder holds something else, or a different search.
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
                raise ValueError(f"{self.folder} is not empty, but has no search in it: give another --workdir.")
            defaults = {name: value for name, value in TASKS[self.task].Config().to_dict().items() if name in fixed}
            if overwrite:
                check_apart(self.folder, self.config({}))
                remove(self.folder.iterdir())  # not the folder itself, which may be a link
            elif (found := defaults | read_json(path)) != wanted:  # a search may be older than some options
                keys = [key for key in {**found, **wanted} if found.get(key) != wanted.get(key)]
                changes = ", ".join(f"{key} {found.get(key, 'none')} -> {wanted.get(key, 'none')}" for key in keys)
                raise ValueError(
                    f"{self.folder} holds another search ({changes}). "
                    "Give another --workdir, or --overwrite to delete it and start over."
                )
        self.folder.mkdir(parents=True, exist_ok=True)
        if not path.is_file():
            write_json(path, wanted)

    def record(self, trial_id: str) -> dict | None:
        """Returns the record of a trial, see `run_trial`; None before it has started."""
        path = self.trial_folder(trial_id) / "trial.json"
        return json.loads(path.read_text("utf-8")) if path.is_file() else None

    def records(self) -> list[dict]:
        """Returns the records of all trials that have started, in order."""
        ids = sorted((path.parent.name for path in (self.folder / "trials").glob("*/trial.json")), key=int)
        return [self.record(trial_id) for trial_id in ids]


def run_trial(
    search: Search,
    trial_id: str,
    settings: dict,
    stop_after: int = 0,
    watch: Callable[[], object] = lambda: None,
) -> dict:
    """Trains a trial, or resumes it, and records the outcome in its folder.

    Args:
        search: the Search.
        trial_id: the name of the trial's folder.
        settings: {option: value}.
        stop_after: epochs to pause after; 0: train to the end.
        watch: called a few times a second.

    Returns:
        Its record: ``{"id", "settings", "status", "reason", "score", "spread", "scores", "minutes", "epochs", "folder",
        "command"}``. ``status`` is "done", "paused", "failed" (and would fail again) or "killed" (and may succeed when
        run again).

    Raises:
        Stop: the search cannot continue.
    """
    root = search.trial_folder(trial_id)
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
    except ValueError as error:  # options that exclude each other
        runs, record["status"], record["reason"] = [], "failed", str(error)
    for given, config, folder in runs:
        prepare(folder, TASKS[search.task](config))
        write_json(root / "trial.json", (search.record(trial_id) or record) | {"status": "running", "reason": ""})
        if not _is_ready(folder, stop_after):
            paused = [f"--stop_after={stop_after}"] if stop_after else []
            flags = [*search.flags(given), f"--workdir={folder}", *paused]
            record["status"], record["reason"] = _outcome(folder, *_train(flags, folder, watch))
        if record["status"] not in ("done", "running"):
            break
        record["scores"].append(score(folder, search.key, search.sign))
    record["minutes"], record["epochs"] = _spent(search, trial_id)
    if len(record["scores"]) == search.seeds:
        finished = all((folder / "metrics.json").is_file() for _, _, folder in runs)
        record["status"] = "done" if finished else "paused"
        record["score"] = statistics.fmean(record["scores"])
        if not math.isfinite(record["score"]):
            record |= {"status": "failed", "reason": f"{search.key} is {record['score']}", "score": None}
        elif search.seeds > 1:
            record["spread"] = statistics.stdev(record["scores"])
    root.mkdir(parents=True, exist_ok=True)
    write_json(root / "trial.json", record)
    return record


def _is_ready(folder: pathlib.Path, stop_after: int) -> bool:
    """Returns whether a run is finished, or was trained for `stop_after` epochs."""
    return (folder / "metrics.json").is_file() or 0 < stop_after <= len(history(folder))


def _train(flags: list[str], folder: pathlib.Path, watch: Callable) -> tuple[int, str]:
    """Runs the process of a run and returns (exit status, output); the output is appended to the run's log."""
    # Its errors are read from the log: rich should not colour them.
    plain = {name: value for name, value in os.environ.items() if name not in ("FORCE_COLOR", "TTY_COMPATIBLE")}
    with open(folder / LOG, "ab+") as log:
        begin = log.seek(0, 2)
        process = subprocess.Popen(
            [sys.executable, *bound_to_parent(*TRAIN, *flags)],
            # Otherwise the first of several workers would take all memory of a shared GPU.
            env={"TF_FORCE_GPU_ALLOW_GROWTH": "true", **plain},
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


def _outcome(folder: pathlib.Path, status: int, output: str) -> tuple[str, str]:
    """Returns (status, reason) of a trial's run, from its exit status; see `run.reported`.

    Raises:
        Stop: the settings did not cause the failure.
    """
    errors = [line.removeprefix("error: ") for line in output.splitlines() if line.startswith("error: ")]
    if status == 0:
        return "done", ""
    if status == 2 and errors:
        return "failed", errors[-1]
    if status == -signal.SIGKILL:
        return "killed", "signal 9, which usually means out of memory"
    if status == 3 and errors:
        raise Stop(f"{errors[-1]}\nThe trial's log: {folder / LOG}")
    tail = "\n".join(output.splitlines()[-20:])
    what = f"was stopped by {signal.Signals(-status).name}" if status < 0 else "failed because of a bug"
    if status == 130:
        what = "was interrupted"
    raise Stop(f"{tail}\nA trial {what}. Its log: {folder / LOG}".lstrip())


def history(folder: pathlib.Path) -> list[dict]:
    """Returns the epochs of a run so far, or of all its folds."""
    paths = [path / "history.json" for path in (folder, *held_folds(folder))]
    return [row for path in paths if path.is_file() for row in json.loads(path.read_text("utf-8"))]


def score(folder: pathlib.Path, key: str, sign: int) -> float | None:
    """Returns the final score of a run, NaN if it is not finite; or the best so far, if any."""
    if (folder / "metrics.json").is_file():
        found = json.loads((folder / "metrics.json").read_text("utf-8")).get(key)
        return math.nan if found is None else found
    scores = (row.get(key) for row in history(folder))
    return max((value for value in scores if value is not None), key=lambda value: sign * value, default=None)


def _spent(search: Search, trial_id: str) -> tuple[float, int]:
    """Returns (minutes, epochs) of a trial so far, over all seeds."""
    rows = [row for _, folder in search.runs(trial_id) for row in history(folder)]
    return sum(row["seconds"] for row in rows) / 60, len(rows)


def progress(search: Search, trial_id: str) -> tuple[int, float | None]:
    """Returns (epochs so far, score of the current run) of a trial."""
    begun = [folder for _, folder in search.runs(trial_id) if history(folder)]
    return sum(len(history(folder)) for folder in begun), score(begun[-1], search.key, search.sign) if begun else None
