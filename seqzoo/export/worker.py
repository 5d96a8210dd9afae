"""A served run: requests wait in a queue, and one thread answers those that wait together, in one call."""

import collections
import contextlib
import dataclasses
import os
import pathlib
import queue
import tempfile
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from typing import NamedTuple

from seqzoo import zoo
from seqzoo.config import Config
from seqzoo.task import Task
from seqzoo.training.folder import Run, load, read_json

MODES = ("predict", "score", "generate")  # modes that are available over a network
SHOWN = {"explain": "occlusion", "attention": True}  # options that a page requests if a run has them
WAITING = 256  # maximum number of waiting requests


class Served(NamedTuple):
    """A run that has answered its first texts.

    Attributes:
        run: the Run.
        shown: {mode: {option: value}}, the options of `SHOWN` that the run has.
        scores: the scores in its metrics.json.
    """

    run: Run
    shown: dict[str, dict]
    scores: dict[str, float]


@dataclasses.dataclass(eq=False)
class Job:
    """A request.

    Attributes:
        mode: one of `MODES`.
        texts: the texts to answer; empty for "generate".
        request: options of the mode; None if the task has none.
        write: called with each piece of the first sample as it is drawn, by the thread of the worker.
        answers: their Future: [answer], where "line" counts the texts from 1.
    """

    mode: str
    texts: tuple[str, ...] = ()
    request: Config | None = None
    write: Callable[[str], object] = lambda piece: None
    answers: Future = dataclasses.field(default_factory=Future)

    def joins(self, other: "Job") -> bool:
        """Returns whether both can be answered in one call."""
        alike = (self.mode, self.request) == (other.mode, other.request)
        return alike and self.mode != "generate" and not getattr(self.request, "rank", False)


class Worker:
    """Answers requests to one run in its own thread; nothing else calls the model.

    Requests that are waiting when the thread becomes free are answered together; none waits for later ones. If that
    fails, each is answered by itself, so that a bad text does not affect other requests.

    Args:
        folder: folder of the run.
        most: maximum number of texts answered together.
        log: called with lines about the run for its operator.

    Attributes:
        served: the current run, a `Served`; `refresh` replaces it.
    """

    def __init__(self, folder: str | os.PathLike, most: int = 256, log: Callable[[str], object] = print):
        self.folder, self.most, self.log = zoo.located(folder), most, log
        self._stamp = self._stamped()
        self.served = prepared(self.folder)
        self._waiting, self._ready, self._closed = collections.deque(), threading.Condition(), False
        self._thread = threading.Thread(target=self._work, name=f"serve {folder}", daemon=True)

    def start(self) -> None:
        """Starts to answer requests."""
        self._thread.start()

    def close(self, seconds: float = 10) -> None:
        """Ends the thread after its current call, for which it waits at most `seconds`; cancels waiting requests."""
        with self._ready:
            self._closed = True
            self._ready.notify()
        self._thread.join(seconds)
        for job in self._waiting:
            job.answers.cancel()

    def submit(self, job: Job) -> Future:
        """Adds a request to the queue; returns the Future of its answers.

        Raises:
            queue.Full: too many requests are waiting; this one is cancelled.
        """
        with self._ready:
            if len(self._waiting) >= WAITING:
                job.answers.cancel()
                raise queue.Full
            self._waiting.append(job)
            self._ready.notify()
        return job.answers

    def refresh(self) -> None:
        """Reloads the run if it was retrained in its folder. If that fails, the old one keeps answering."""
        stamp = self._stamped()
        if stamp == self._stamp or None in stamp:  # None: it is being trained
            return
        self._stamp = stamp
        try:
            self.served = prepared(self.folder)
        except Exception as error:  # a folder can be damaged in any way
            self.log(f"{self.folder} has changed and cannot be loaded, the old run goes on answering: {error}")
        else:
            self.log(f"{self.folder} has changed and was loaded again")

    def _stamped(self):
        """Returns (time, size) of the model and of the scores, written when training ends; None without a file."""
        return [_stamp(self.folder / name) for name in ("model.keras", "metrics.json")]

    def _work(self):
        while (jobs := self._next()) is not None:
            if jobs := [job for job in jobs if job.answers.set_running_or_notify_cancel()]:
                self._answer(jobs)

    def _next(self):
        """Waits for a request; returns it and all that can be answered in the same call, or None if closed."""
        with self._ready:
            self._ready.wait_for(lambda: self._waiting or self._closed)
            if self._closed:
                return None
            jobs, left = [self._waiting.popleft()], []
            for job in self._waiting:
                fits = job.joins(jobs[0]) and sum(len(other.texts) for other in (*jobs, job)) <= self.most
                (jobs if fits else left).append(job)
            self._waiting = collections.deque(left)
            return jobs

    def _answer(self, jobs):
        try:
            answers = together(self.served.run, jobs)
        except Exception as error:  # any error belongs to the request that caused it
            if len(jobs) == 1:
                jobs[0].answers.set_exception(error)
                return
            for job in jobs:
                self._answer([job])
            return
        for job, own in zip(jobs, answers, strict=True):
            job.answers.set_result(own)


def _stamp(path):
    try:
        found = path.stat()
    except OSError:  # also one that is deleted at this moment
        return None
    return found.st_mtime_ns, found.st_size


def together(run: Run, jobs: list[Job]) -> list[list[dict]]:
    """Returns the answers to requests that can be answered in one call."""
    if len(jobs) == 1:  # whose "line" may count something else, such as alternatives in one text
        return [[*answered(run, jobs[0])]]
    owners = [(job, line) for job in jobs for line in range(1, len(job.texts) + 1)]
    answers = {job: [] for job in jobs}
    everything = dataclasses.replace(jobs[0], texts=tuple(text for job in jobs for text in job.texts))
    for answer in answered(run, everything):
        job, line = owners[answer["line"] - 1]
        answers[job].append({**answer, "line": line})
    return [*answers.values()]


def answered(run: Run, job: Job) -> Iterable[dict]:
    """Returns the answers to a request, as on the command line."""
    if job.mode == "generate":
        return run.task.generate(run, job.request, job.write)
    return getattr(run.task, job.mode)(run, job.texts, job.request)


def modes(task: Task) -> list[str]:
    """Returns the modes of a task that can be served."""
    return [mode for mode in MODES if mode in task.modes]


def prepared(folder: pathlib.Path) -> Served:
    """Loads a run and lets it answer some texts, so that its functions are traced before a client waits.

    Raises:
        ValueError: the folder is not a run, or a run that cannot be served.
    """
    run = load(folder)
    if not modes(run.task):
        raise ValueError(f"{folder} is a run of task {run.task.name}, which has no --mode={', '.join(MODES)} to serve.")
    path = folder / "metrics.json"
    metrics = read_json(path) if path.is_file() else {}
    scores = {name: value for name, value in metrics.items() if isinstance(value, int | float)}
    run.task.warned = True  # of unknown words in these texts, which no client has sent
    with tempfile.TemporaryDirectory(prefix="seqzoo-") as out:
        options = {mode: shown_options(run, mode, out) for mode in modes(run.task)}
    run.task.warned = False
    return Served(run, options, scores)


def shown_options(run: Run, mode: str, out: str | os.PathLike) -> dict:
    """Lets a run answer texts of several lengths, alone and together; returns the options of `SHOWN` that it takes.

    Args:
        run: the Run.
        mode: one of `MODES`.
        out: folder for files of the answers.
    """
    kind = run.task.requests.get(mode)
    fields = kind.__dataclass_fields__ if kind else {}
    *_, lines = run.task.tiny()
    texts = tuple(lines[mode] if isinstance(lines, dict) else lines)

    def ask(texts, **settings):
        request = kind and kind(**settings, **({"out": str(out)} if "out" in fields else {}))
        collections.deque(answered(run, Job(mode, texts, request)), maxlen=0)

    for batch in [()] if mode == "generate" else [texts[:1], texts * 8] if texts else []:
        ask(batch)
    shown = {}
    for name in SHOWN.keys() & fields.keys():
        with contextlib.suppress(ValueError):  # such as attention, of a run without
            ask(texts, **{name: SHOWN[name]})
            shown[name] = SHOWN[name]
    return shown
