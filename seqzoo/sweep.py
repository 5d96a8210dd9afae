"""Hyperparameter search: ``python -m seqzoo.sweep --task=ner --sweep=rnn,units``, also installed as ``seqzoo-sweep``.

Each trial is an ordinary run in its own folder, trained in its own process. If a search is stopped or killed, the same
command resumes it, even in the middle of a trial. --help --task=NAME lists the options with suggested values.

python -m seqzoo.sweep --task=ner --sweep=rnn,units,learning_rate          20 random settings of the suggested values
python -m seqzoo.sweep --task=ner --sweep="units=64|128,dropout=0.1..0.5"  choices; a range (on a logarithmic scale if
                                                                           high is at least 10 times low)
python -m seqzoo.sweep --task=ner --sweep=rnn,crf --tuner=grid --epochs=5  all settings; other options are fixed
python -m seqzoo.sweep --task=ner --sweep=units,dropout --tuner=hyperband  many for one epoch, then the best for more
python -m seqzoo.sweep --task=ner --sweep=units --seeds=3 --workers=2      means of 3 seeds; 2 trials at a time

Results are in WORKDIR/results.html and results.json, from the first trial on. To use several machines with a shared
folder, run the same command on each, with KERASTUNER_ORACLE_IP and KERASTUNER_ORACLE_PORT set to the address of the
chief, and KERASTUNER_TUNER_ID set to "chief" on one machine and to a unique name on each of the others.
"""

import contextlib
import dataclasses
import fcntl
import os
import pathlib
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from rich import progress
from rich.console import Console
from rich.text import Text

from seqzoo import run
from seqzoo.config import Config, default, option
from seqzoo.display.plain import PlainConsole
from seqzoo.files import check_folder
from seqzoo.metrics.measure import Measure
from seqzoo.search.space import Values, declared, effective, parse_space
from seqzoo.task import TASKS

if TYPE_CHECKING:
    from keras_tuner import Oracle

    from seqzoo.search.trials import Search


_ADDRESS = ("KERASTUNER_ORACLE_IP", "KERASTUNER_ORACLE_PORT")
TUNERS = ("random", "bayesian", "hyperband", "grid")


@dataclasses.dataclass(frozen=True)
class Sweep(Config):
    """What to search."""

    task: str = option(
        "", "Task. Options given as flags are fixed; those named by --sweep are searched.", choices=TASKS
    )
    sweep: str = option("", "What to search, joined by commas: NAME (suggested values), NAME=a|b|c, NAME=low..high.")
    tuner: str = option("random", "How to choose the settings.", choices=TUNERS)
    max_trials: int = option(
        0, "Maximum number of trials; 0: 20 for random and bayesian, no limit for grid and hyperband.", minimum=0
    )
    seeds: int = option(1, "Runs per setting, with seeds from --seed upwards; the score is their mean.", minimum=1)
    workers: int = option(1, "Number of trials that run at a time on this machine.", minimum=1)
    workdir: str = option("", "Folder of the search. Empty: runs/sweep-TASK.", path=True)
    config: str = default(run.Command, config="")
    overwrite: bool = option(False, "Delete the search in --workdir and start over.")
    debug: bool = option(False, "Show the traceback of an error.")


def main(argv: list[str] | None = None) -> int:
    """Runs a command line; returns the exit status of `run.main`, or 1 if a trial stopped the search."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # like Ctrl-C, so that the trial's process ends too
    return run.reported(sweep, argv)


def sweep(argv: list[str]) -> int:
    """Runs a command line; `main` turns its exceptions into one-line messages."""
    if not argv or "--help" in argv or "-h" in argv:
        name = run.own_options(argv, Sweep)[1].task
        kind = TASKS[name].Config if name else None
        print(f"{__doc__.strip()}\n{_parser(name).get_help()}")
        print(_declarations(kind) if kind else f"\nWith --task=NAME, one of {', '.join(TASKS.names())}: its options.")
        return 0
    name, options, fixed, space = parse(argv)
    run.import_tensorflow()
    from seqzoo.search.trials import Search, Stop

    folder = pathlib.Path(options.workdir or f"runs/sweep-{name}")
    most = options.max_trials or {"random": 20, "bayesian": 20}.get(options.tuner, 0)
    search = Search(name, fixed, space, options.tuner, options.seeds, folder, most)
    console = PlainConsole()
    tuner_id = _tuner_id()
    if "chief" in tuner_id and options.workers > 1:
        raise ValueError("--workers is for a search on this machine alone, but KERASTUNER_TUNER_ID is set.")
    try:
        with run.resumable():
            if tuner_id and "chief" not in tuner_id:
                return _run_worker(search, tuner_id, console)
            return _run_search(search, options, argv, bool(tuner_id), console)
    except Stop as stop:
        errors = PlainConsole(stderr=True, soft_wrap=True)
        errors.print(str(stop))
        errors.print(Text.assemble(("stopped", "bold red"), "; nothing is lost: the same command resumes the search"))
        return 1


def parse(argv: list[str]) -> tuple[str, Sweep, dict, dict[str, Values]]:
    """Parses a command line, and checks it without running anything.

    Returns:
        (task, Sweep, {option: fixed value}, {option: values to try}).

    Raises:
        ValueError: no task, or an option or value that is not allowed.
    """
    file, options = run.own_options(argv, Sweep)
    name = options.task
    given = run.parse_flags(_parser(name), argv)
    if not name:
        raise ValueError(f"Which task? Give --task=NAME, one of {', '.join(TASKS.names())}.")
    kind, in_file = TASKS[name].Config, file.options(run.fields_of(_groups(name)))
    with file.named(*in_file.keys() - given.keys()):
        searched = [part.partition("=")[0] for part in options.sweep.split(",")]  # even if the file has a value
        given = {**{key: value for key, value in in_file.items() if key not in searched}, **given}
        fixed = {key: value for key, value in given.items() if key not in Sweep.__dataclass_fields__}
        space = parse_space(options.sweep, kind, fixed)
        if fixed.get("init_from"):
            from seqzoo.training.transfer import inherited

            fixed = {option: value for option, value in inherited(name, fixed).items() if option not in space}
        _check(options, kind(**effective(kind, fixed)), space)
    return name, options, fixed, space


def _parser(name: str):
    """Returns the flags of a search and of a task ("" for no task)."""
    return run.flag_parser(_groups(name))


def _groups(name: str) -> list[type[Config]]:
    """Returns the Config classes of a search and of a task ("" for no task)."""
    return [Sweep, *([TASKS[name].Config] if name else [])]


def _tuner_id() -> str:
    """Returns this process's id among several machines, from keras-tuner's environment variables; "" if alone."""
    names = ["KERASTUNER_TUNER_ID", *_ADDRESS]
    given = [name for name in names if os.environ.get(name)]
    if given and given != names:
        missing = " and ".join(name for name in names if name not in given)
        raise ValueError(f"The environment sets {' and '.join(given)}, but not {missing}. See --help.")
    return os.environ.get(names[0], "")


def _check(options: Sweep, config: Config, space: dict):
    """Raises a ValueError for options that contradict each other."""
    if options.seeds > 1 and "seed" in space:
        raise ValueError("--sweep searches seed, so --seeds must be 1.")
    if options.tuner != "hyperband":
        return
    if config.folds or "folds" in space:
        raise ValueError("--tuner=hyperband pauses runs after a few epochs, and --folds can't: choose another.")
    if "epochs" in space:
        raise ValueError("--sweep=epochs: hyperband chooses the epochs itself, up to --epochs.")
    if config.evaluate_every > 1 or "evaluate_every" in space:
        raise ValueError("--tuner=hyperband compares trials from the first epoch on: --evaluate_every must be 1.")


def _declarations(config: type[Config]) -> str:
    """Returns the help text about options with suggested values."""
    lines = ["\nSuggested values of --sweep=NAME; other options need NAME=a|b|c or NAME=low..high:"]
    for field in config.__dataclass_fields__.values():
        if values := declared(field):
            lines.append(f"  {field.name}={values}")
    return "\n".join(lines)


def _run_search(search, options: Sweep, argv: list[str], remote: bool, console: Console) -> int:
    """Runs a search: alone, or as the chief of workers on this machine or on others."""
    from seqzoo.search.report import best
    from seqzoo.search.tuners import make_tuner

    with _locked(search.folder):
        search.prepare(options.overwrite)
        tuner = make_tuner(search)
        if search.tuner == "hyperband":
            settings, _, _ = tuner.plan
            if settings > tuner.size:
                raise ValueError(
                    f"--tuner=hyperband draws {settings} settings for --epochs={search.epochs}, but there are only "
                    f"{tuner.size}: --tuner=grid trains them all."
                )
        tuner.reload()
        if search.tuner != "hyperband":  # its later rounds were derived from the earlier results
            records = search.records()
            # If all trials failed, the settings were not the cause, and it may have been fixed since.
            again = {"killed"} if best(search, records) else {"killed", "failed"}
            tuner.retry([record["id"] for record in records if record["status"] in again])
        with Display(search, tuner, console) as display:
            if remote or options.workers > 1:
                _serve_workers(search, tuner, display, 0 if remote else options.workers, argv)
            else:
                _run_trials(search, tuner, "tuner0", display.refresh)
                display.refresh()
        return display.finish()


@contextlib.contextmanager
def _locked(folder: pathlib.Path):
    """Context manager that locks a folder against a second search by a file beside it, which survives --overwrite."""
    check_folder(folder)
    folder = folder.absolute()
    folder.parent.mkdir(parents=True, exist_ok=True)
    with open(folder.with_name(f".{folder.name}.lock"), "w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ValueError(
                f"Another search is running in {folder}. Wait for it to finish, or give another --workdir."
            ) from None
        yield


def _run_trials(search, tuner, tuner_id: str, watch: Callable[[], object]):
    """Runs the trials that a tuner proposes until it has no more."""
    from seqzoo.search.trials import run_trial

    while (trial := tuner.create_trial(tuner_id)).status != "STOPPED":
        if trial.status == "IDLE":  # the next trial depends on trials that other workers are running
            watch()
            time.sleep(1)
            continue
        values = trial.hyperparameters.values
        settings = {name: _option_value(option, values[name]) for name, option in search.space.items()}
        first, epochs = _first_id(tuner, trial), values.get("tuner/epochs", 0)
        record = search.record(first)
        if (
            first == trial.trial_id or record["score"] is not None
        ):  # failed trials are promoted if all others failed, too
            record = run_trial(search, first, settings, epochs if epochs < search.epochs else 0, watch)
        if record["score"] is None:
            trial.status = "FAILED"
        else:
            tuner.update_trial(trial.trial_id, {search.key: record["score"]})
            trial.status = "COMPLETED"
        tuner.end_trial(trial)
        watch()


def _option_value(option: Values, value):
    """Converts a value from keras-tuner, the text of a choice or a number in a range, into an option's value."""
    if option.choices:
        return option.parse(value)
    if option.type is int:
        return int(value)
    return min(max(float(f"{value:.4g}"), option.low), option.high)  # four digits are easy to copy


def _first_id(tuner, trial) -> str:
    """Returns the id of the trial whose folder a trial uses: Hyperband promotes a trial by making a new one from it."""
    while parent := trial.hyperparameters.values.get("tuner/trial_id"):
        trial = tuner.get_trial(parent)
    return trial.trial_id


def _run_worker(search, tuner_id: str, console: Console) -> int:
    """Runs trials for the chief that the environment names."""
    from keras_tuner.src.distribute.oracle_client import OracleClient

    from seqzoo.search.tuners import make_tuner

    search.prepare()
    console.print(f"{tuner_id}: working for {':'.join(map(os.environ.get, _ADDRESS))}")
    _run_trials(search, OracleClient(make_tuner(search)), tuner_id, lambda: None)
    return 0


def _serve_workers(search, tuner, display: "Display", count: int, argv: list[str]):
    """Serves trials to workers; `count` of them are started here, and restarted if they are killed."""
    from keras_tuner.src.distribute import oracle_chief

    from seqzoo.search.trials import Stop

    if count:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        os.environ |= {
            "KERASTUNER_TUNER_ID": "chief",
            "KERASTUNER_ORACLE_IP": "127.0.0.1",
            "KERASTUNER_ORACLE_PORT": str(port),
            "no_grpc_proxy": "127.0.0.1",
        }
    failures = []

    def serve():
        try:
            oracle_chief.start_server(tuner)
        except RuntimeError as error:  # such as a port in use
            failures.append(error)

    server = threading.Thread(target=serve, daemon=True)
    server.start()
    argv = [flag for flag in argv if not flag.startswith(("--overwrite", "-overwrite"))]
    workers, deaths = {}, 0
    try:
        for number in range(count):
            workers[f"worker{number}"] = _start_worker(search, f"worker{number}", argv)
        while server.is_alive():
            if display.refresh():
                deaths = 0
            for name, process in workers.items():
                status, log = process.poll(), search.folder / f"{name}.log"
                if status in (None, 0):
                    continue
                deaths += 1
                if (status > 0 and status != 130) or deaths > 3 * count:
                    raise Stop(f"{log.read_text('utf-8', 'replace')[-3000:]}\n{name} failed. Its log: {log}")
                display.say(f"{name} was killed (status {status}); it is restarted and resumes its trial")
                workers[name] = _start_worker(search, name, argv)
            if workers and all(process.poll() == 0 for process in workers.values()):
                break
            time.sleep(0.5)
        if failures:
            raise Stop(f"The chief cannot listen at {':'.join(map(os.environ.get, _ADDRESS))}: {failures[0]}")
        display.refresh()
    finally:
        for process in workers.values():
            process.terminate()
        for process in workers.values():
            process.wait()


def _start_worker(search, name: str, argv: list[str]) -> subprocess.Popen:
    """Starts a worker on this machine."""
    from seqzoo.search.trials import bound_to_parent

    with open(search.folder / f"{name}.log", "wb") as log:
        return subprocess.Popen(
            [sys.executable, *bound_to_parent("-m", "seqzoo.sweep", *argv)],
            env={**os.environ, "KERASTUNER_TUNER_ID": name}, stdin=subprocess.DEVNULL, stdout=log,
            stderr=subprocess.STDOUT,
        )  # fmt: skip


class Display:
    """Shows the progress of a search: a bar on a terminal, a line for each trial everywhere; and writes the report.

    Args:
        search: the Search.
        tuner: its tuner, see `search.tuners`.
        console: where to print.
    """

    def __init__(self, search: "Search", tuner: "Oracle", console: Console):
        from seqzoo.search.report import best

        self.search, self.tuner, self.console = search, tuner, console
        self.trials, self.work = _planned(search, tuner)
        self.top = best(search, search.records())
        self.seen, self.begin = len(tuner.end_order), time.perf_counter()
        self.done = self.before = sum(tuner.work(tuner.trials[key]) for key in set(tuner.end_order))
        columns = (
            progress.TextColumn("trial {task.fields[number]}/{task.fields[trials]}"),
            progress.BarColumn(bar_width=24),
            progress.TextColumn("{task.fields[now]}{task.fields[best]}  {task.fields[left]}"),
        )
        self.bar = progress.Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
        self.line = self.bar.add_task("", total=self.work, number=0, trials=self.trials, now="", best="", left="")

    def __enter__(self):
        self.bar.start()
        if records := self.search.records():
            lost = sum(record["status"] == "running" for record in records)
            unfinished = f", {lost} more unfinished" if lost else ""
            self.say(f"resuming after {self.seen} trials{unfinished}")
        return self

    def __exit__(self, *error):
        from seqzoo.search.report import write_report

        self.bar.stop()
        with contextlib.suppress(OSError):  # a full disk was reported already
            write_report(self.search, self.search.records())

    def say(self, text: str) -> None:
        """Prints a line above the bar."""
        self.console.print(text, soft_wrap=True)

    def refresh(self) -> bool:
        """Shows the current state; returns whether a trial has ended.

        Raises:
            Stop: the first trials all failed for the same reason.
        """
        from seqzoo.search.report import best, write_report
        from seqzoo.search.trials import Stop

        ended = self.tuner.end_order[self.seen :]
        if ended:
            records = self.search.records()
            self.top = best(self.search, records)
            for key in ended:
                self.seen += 1
                self._ended(self.tuner.trials[key])
            write_report(self.search, records)
            reasons = [record["reason"] for record in records if record["status"] != "running"]
            if not self.top and len(reasons) >= 3 and len({*reasons}) == 1:
                raise Stop(f"All of the first {len(reasons)} trials failed for the same reason: {reasons[0]}")
        if not self.bar.disable:
            self._move()
        return bool(ended)

    def _ended(self, trial):
        """Prints the line of a trial that has ended. If it was promoted, its record may already be the new trial's."""
        from seqzoo.search.report import value_text

        self.done += self.tuner.work(trial)
        left = f"{self._left(self.done)} left"
        record = self.search.record(_first_id(self.tuner, trial))
        number = f"trial {min(self.seen, self.trials):>{len(str(self.trials))}}/{self.trials}"
        settings = " ".join(f"{name}={value_text(value)}" for name, value in record["settings"].items())
        if record["score"] is None:
            self.say(f"{number}  {record['status']}: {record['reason']}  {settings}  {left}")
            return
        spread = "" if record["spread"] is None else f" ± {Measure.format(record['spread'])}"
        star = "*" if record["id"] == self.top["id"] else " "
        epochs = trial.hyperparameters.values.get("tuner/epochs")
        after = f" after {epochs} epochs" if epochs else ""
        self.say(
            f"{number}  {self.search.title} {Measure.format(trial.score)}{spread}{after} {star}  "
            f"best {Measure.format(self.top['score'])}  "
            f"{settings}  {left}"
        )

    def _move(self):
        """Updates the bar."""
        from seqzoo.search.trials import progress as progress_of

        done, now = self.done, []
        for trial in [*self.tuner.ongoing_trials.values()]:
            values = trial.hyperparameters.values
            epochs, score = progress_of(self.search, _first_id(self.tuner, trial))
            target = int(values.get("tuner/epochs", values.get("epochs", self.search.epochs))) * self.search.runs_of_one
            first = values.get("tuner/initial_epoch", 0) * self.search.seeds
            done += self.tuner.work(trial) * max(0, epochs - first) / max(1, target - first)
            now.append(f"epoch {epochs}/{target}" + (f" {Measure.format(score)}" if score is not None else ""))
        self.bar.update(
            self.line,
            completed=done,
            number=min(self.seen + 1, self.trials),
            now=", ".join(now),
            best=f"  best {Measure.format(self.top['score'])}" if self.top else "",
            left=f"{self._left(done)} left",
        )

    def _left(self, done: float) -> str:
        """Returns the estimated time left; "?" before any work is done."""
        from seqzoo.training.progress import duration

        if done <= self.before:
            return "?"
        return duration((time.perf_counter() - self.begin) / (done - self.before) * max(0, self.work - done))

    def finish(self) -> int:
        """Prints the best trials; returns the exit status.

        Raises:
            ValueError: no trial has a score.
        """
        from seqzoo.search.report import best, table

        records = self.search.records()
        if not (top := best(self.search, records)):
            raise ValueError(f"No trial has finished; see {self.search.folder / 'results.html'} for the reasons.")
        self.console.print(table(self.search, records))
        lost = sum(record["score"] is None for record in records)
        self.say(f"{len(records)} settings{f', {lost} of them without a score' if lost else ''}. Best:")
        self.say(f"  {top['command']}")
        self.say(f"Report: {self.search.folder / 'results.html'}")
        return 0


def _planned(search, tuner) -> tuple[int, float]:
    """Returns the number of trials and the amount of work of a whole search."""
    if search.tuner == "hyperband":
        _, trials, work = tuner.plan
        most = min(search.max_trials or trials, trials)
        return most, work * most / trials
    most = min(search.max_trials or tuner.size, tuner.size)
    return most, most


if __name__ == "__main__":
    sys.exit(main())
