"""The search for good options: ``python -m seqzoo.sweep --task=ner --sweep=rnn,units``.

A trial is an ordinary run in an ordinary run folder, trained in a process of its own. Stopped or killed, the same
command goes on, also inside a trial. --help --task=NAME shows which options declare values to search.

python -m seqzoo.sweep --task=ner --sweep=rnn,units,learning_rate          20 settings at random, values as declared
python -m seqzoo.sweep --task=ner --sweep="units=64|128,dropout=0.1..0.5"  choices; a range, by its logarithm where
                                                                           high is 10 times low or more
python -m seqzoo.sweep --task=ner --sweep=rnn,crf --tuner=grid --epochs=5  all of them; other options are fixed
python -m seqzoo.sweep --task=ner --sweep=units,dropout --tuner=hyperband  many for an epoch, the best of them go on
python -m seqzoo.sweep --task=ner --sweep=units --seeds=3 --workers=2      means of 3 seeds; 2 trials at a time

Results are in WORKDIR/results.html and results.json, from the first trial on. On several machines that share a folder:
the same command on each, with KERASTUNER_ORACLE_IP and KERASTUNER_ORACLE_PORT, the address of the chief, and
KERASTUNER_TUNER_ID, which is "chief" on one and a name of its own on each other, in the environment.
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

from rich import progress
from rich.console import Console

from seqzoo import run
from seqzoo.config import Config, option
from seqzoo.search.space import declared, flag_text, parse_space
from seqzoo.task import TASKS

_ADDRESS = ("KERASTUNER_ORACLE_IP", "KERASTUNER_ORACLE_PORT")
TUNERS = ("random", "bayesian", "hyperband", "grid")


@dataclasses.dataclass(frozen=True)
class Sweep(Config):
    """What to search."""

    task: str = option("", "Task; its options are fixed where they are given, and searched where --sweep names them.")
    sweep: str = option("", "What to search: NAME for the values that it declares, NAME=a|b|c, NAME=low..high; by ','.")
    tuner: str = option("random", "What chooses the settings.", choices=TUNERS)
    max_trials: int = option(0, "Trials at most; 0: 20 of random and bayesian, all of grid and hyperband.", minimum=0)
    seeds: int = option(1, "Runs of each setting, with seeds from --seed on; their mean counts.", minimum=1)
    workers: int = option(1, "Trials at a time, on this machine.", minimum=1)
    workdir: str = option("", "Folder of the search. Empty: runs/sweep-TASK.")
    overwrite: bool = option(False, "Delete the search that --workdir holds, and start over.")
    debug: bool = option(False, "Show the whole traceback of an error.")


def main(argv=None):
    """Runs a command line; returns the exit status, as `run.main` does; 1: a bug in a trial."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C: the process of the trial is ended too
    return run.reported(sweep, argv)


def sweep(argv):
    """Runs a command line. Raises what `main` turns into one line."""
    early = run.flag_parser([Sweep])
    early(["seqzoo.sweep", *argv], known_only=True)
    name = early.task and TASKS.check(early.task)
    kind = TASKS[name].Config if name else None
    parser = run.flag_parser([Sweep, *([kind] if kind else [])])
    if not argv or "--help" in argv or "-h" in argv:
        print(f"{__doc__.strip()}\n{parser.get_help()}")
        print(_declarations(kind) if kind else f"\nWith --task=NAME, one of {', '.join(TASKS.names())}: its options.")
        return 0
    given = run.parse_flags(parser, argv)
    if not name:
        raise ValueError(f"Which task? Give --task=NAME, one of {', '.join(TASKS.names())}.")
    asked = Sweep(**run.options_of(Sweep, given))
    fixed = run.options_of(kind, {key: value for key, value in given.items() if key not in Sweep.__dataclass_fields__})
    space = parse_space(asked.sweep, kind, fixed)
    _check(asked, kind(**fixed), space)
    run.import_tensorflow()
    from seqzoo.search.trials import Search, Stop

    folder = pathlib.Path(asked.workdir or f"runs/sweep-{name}")
    most = asked.max_trials or {"random": 20, "bayesian": 20}.get(asked.tuner, 0)
    search = Search(name, fixed, space, asked.tuner, asked.seeds, folder, most)
    console = Console(highlight=False)
    tuner_id = _tuner_id()
    if "chief" in tuner_id and asked.workers > 1:
        raise ValueError("--workers starts workers for a search on this machine alone; KERASTUNER_TUNER_ID is set.")
    try:
        if tuner_id and "chief" not in tuner_id:
            return _join(search, tuner_id, console)
        return _lead(search, asked, argv, bool(tuner_id), console)
    except Stop as stop:
        errors = Console(stderr=True, soft_wrap=True, highlight=False)
        errors.print(str(stop), markup=False)
        errors.print("[bold red]stopped[/]; nothing is lost: the same command goes on")
        return 1


def _tuner_id():
    """Who this process is among several machines, by keras-tuner's variables; "" if it is alone."""
    names = ["KERASTUNER_TUNER_ID", *_ADDRESS]
    given = [name for name in names if os.environ.get(name)]
    if given and given != names:
        missing = " and ".join(name for name in names if name not in given)
        raise ValueError(f"The environment has {' and '.join(given)}, but no {missing}. See --help.")
    return os.environ.get(names[0], "")


def _check(asked, config, space):
    """Raises a ValueError for what can not be searched so."""
    if asked.seeds > 1 and "seed" in space:
        raise ValueError("--sweep: seed is searched, so --seeds should be 1.")
    if asked.tuner != "hyperband":
        return
    if "epochs" in space:
        raise ValueError("--sweep: hyperband chooses the epochs itself, up to --epochs.")
    if config.evaluate_every > 1 or "evaluate_every" in space:
        raise ValueError("--tuner=hyperband compares from the first epoch on: --evaluate_every should be 1.")


def _declarations(kind):
    """Which options of a task declare values to search, as text."""
    lines = ["\nWhat --sweep=NAME tries; all other options need values, such as --sweep=NAME=a|b|c or NAME=low..high:"]
    for field in kind.__dataclass_fields__.values():
        if values := declared(field):
            lines.append(f"  {field.name}={values}")
    return "\n".join(lines)


def _lead(search, asked, argv, remote, console):
    """Searches: alone, or as the chief of workers on this machine or on others."""
    from seqzoo.search.report import best
    from seqzoo.search.tuners import make_oracle

    with _locked(search.folder):
        search.prepare(asked.overwrite)
        oracle = make_oracle(search)
        if search.tuner == "hyperband":
            settings, _, _ = oracle.plan
            if settings > oracle.size:
                raise ValueError(
                    f"--tuner=hyperband draws {settings} settings for --epochs={search.epochs}, and there are only "
                    f"{oracle.size}: --tuner=grid trains them all."
                )
        oracle.reload()
        if search.tuner != "hyperband":  # its later rounds were built on what was known
            records = search.records()
            # Where all failed, it was none of the settings, but what may have been mended since.
            again = {"killed"} if best(search, records) else {"killed", "failed"}
            oracle.retry([record["id"] for record in records if record["status"] in again])
        with Board(search, oracle, console) as board:
            if remote or asked.workers > 1:
                _chief(search, oracle, board, 0 if remote else asked.workers, argv)
            else:
                _work(search, oracle, "tuner0", board.refresh)
                board.refresh()
        return board.close()


@contextlib.contextmanager
def _locked(folder):
    """Keeps a second search out of a folder, by a file beside it, which outlives the folder."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with open(folder.with_name(f".{folder.name}.lock"), "w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ValueError(f"Another search runs in {folder}. Wait for it, or give another --workdir.") from None
        yield


def _work(search, oracle, tuner_id, watch):
    """Runs the trials that an oracle gives until it gives no more."""
    from seqzoo.search.trials import run_trial

    while (trial := oracle.create_trial(tuner_id)).status != "STOPPED":
        if trial.status == "IDLE":  # others run trials on which the next one depends
            watch()
            time.sleep(1)
            continue
        values = trial.hyperparameters.values
        settings = {name: _value(option, values[name]) for name, option in search.space.items()}
        root, epochs = _root(oracle, trial), values.get("tuner/epochs", 0)
        record = search.record(root)
        if root == trial.trial_id or record["score"] is not None:  # what failed is promoted where all others did too
            record = run_trial(search, root, settings, epochs if epochs < search.epochs else 0, watch)
        if record["score"] is None:
            trial.status = "FAILED"
        else:
            oracle.update_trial(trial.trial_id, {search.key: record["score"]})
            trial.status = "COMPLETED"
        oracle.end_trial(trial)
        watch()


def _value(option, value):
    """An option's value from what keras-tuner says: a text, or a number of a range."""
    if option.choices:
        return option.read(value)
    if option.type is int:
        return int(value)
    return min(max(float(f"{value:.4g}"), option.low), option.high)  # four digits, which a person can copy


def _root(oracle, trial):
    """The id of the trial in whose folder a trial runs: Hyperband promotes a trial by making another one of it."""
    while parent := trial.hyperparameters.values.get("tuner/trial_id"):
        trial = oracle.get_trial(parent)
    return trial.trial_id


def _join(search, tuner_id, console):
    """Works for the chief that the environment names."""
    from keras_tuner.src.distribute.oracle_client import OracleClient

    from seqzoo.search.tuners import make_oracle

    search.prepare()
    console.print(f"{tuner_id}: works for {':'.join(map(os.environ.get, _ADDRESS))}")
    _work(search, OracleClient(make_oracle(search)), tuner_id, lambda: None)
    return 0


def _chief(search, oracle, board, count, argv):
    """Gives trials to workers: `count` of them are started here, and started again if they are killed."""
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
            oracle_chief.start_server(oracle)
        except RuntimeError as error:  # such as a port that is taken
            failures.append(error)

    server = threading.Thread(target=serve, daemon=True)
    server.start()
    argv = [flag for flag in argv if not flag.startswith(("--overwrite", "-overwrite"))]
    workers, deaths = {}, 0
    try:
        for number in range(count):
            workers[f"worker{number}"] = _worker(search, f"worker{number}", argv)
        while server.is_alive():
            if board.refresh():
                deaths = 0
            for name, process in workers.items():
                status, log = process.poll(), search.folder / f"{name}.log"
                if status in (None, 0):
                    continue
                deaths += 1
                if (status > 0 and status != 130) or deaths > 3 * count:
                    raise Stop(f"{log.read_text('utf-8', 'replace')[-3000:]}\n{name} failed. Its log: {log}")
                board.say(f"{name} was killed (status {status}); it is started again, and its trial goes on")
                workers[name] = _worker(search, name, argv)
            if workers and all(process.poll() == 0 for process in workers.values()):
                break
            time.sleep(0.5)
        if failures:
            raise Stop(f"The chief can not listen at {':'.join(map(os.environ.get, _ADDRESS))}: {failures[0]}")
        board.refresh()
    finally:
        for process in workers.values():
            process.terminate()
        for process in workers.values():
            process.wait()


def _worker(search, name, argv):
    """The process of a worker on this machine."""
    from seqzoo.search.trials import tied

    with open(search.folder / f"{name}.log", "wb") as log:
        return subprocess.Popen(
            [sys.executable, *tied("-m", "seqzoo.sweep", *argv)],
            env={**os.environ, "KERASTUNER_TUNER_ID": name}, stdin=subprocess.DEVNULL, stdout=log,
            stderr=subprocess.STDOUT,
        )  # fmt: skip


class Board:
    """What a person sees of a search: a bar on a terminal, a line a trial everywhere, and the report in its folder.

    Args:
        search: the Search; oracle: its keras-tuner Oracle.
        console: rich.console.Console.
    """

    def __init__(self, search, oracle, console):
        from seqzoo.search.report import best

        self.search, self.oracle, self.console = search, oracle, console
        self.trials, self.work = _planned(search, oracle)
        self.top = best(search, search.records())
        self.seen, self.begin = len(oracle.end_order), time.perf_counter()
        self.done = self.before = sum(oracle.work(oracle.trials[key]) for key in set(oracle.end_order))
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
            self.say(f"going on after {self.seen} trials{f' and within {lost}' if lost else ''}")
        return self

    def __exit__(self, *error):
        from seqzoo.search.report import write_report

        self.bar.stop()
        with contextlib.suppress(OSError):  # of a full disk something was said already
            write_report(self.search, self.search.records())

    def say(self, text):
        """Prints a line above the bar."""
        self.console.print(text, markup=False, soft_wrap=True)

    def refresh(self):
        """Shows what is new; returns whether a trial has ended.

        Raises:
            Stop: the first trials failed, all for one reason.
        """
        from seqzoo.search.report import best, write_report
        from seqzoo.search.trials import Stop

        ended = self.oracle.end_order[self.seen :]
        if ended:
            records = self.search.records()
            self.top = best(self.search, records)
            for key in ended:
                self.seen += 1
                self._ended(self.oracle.trials[key])
            write_report(self.search, records)
            reasons = [record["reason"] for record in records if record["status"] != "running"]
            if not self.top and len(reasons) >= 3 and len({*reasons}) == 1:
                raise Stop(f"All of the first {len(reasons)} trials failed, and for one reason: {reasons[0]}")
        if not self.bar.disable:
            self._move()
        return bool(ended)

    def _ended(self, trial):
        """Prints the line of a trial that has ended. Its record may already be of what it was promoted to."""
        self.done += self.oracle.work(trial)
        left = f"{self._left(self.done)} left"
        record = self.search.record(_root(self.oracle, trial))
        number = f"trial {min(self.seen, self.trials):>{len(str(self.trials))}}/{self.trials}"
        settings = " ".join(f"{name}={flag_text(value)}" for name, value in record["settings"].items())
        if record["score"] is None:
            self.say(f"{number}  {record['status']}: {record['reason']}  {settings}  {left}")
            return
        spread = "" if record["spread"] is None else f" ± {record['spread']:.2f}"
        star = "*" if record["id"] == self.top["id"] else " "
        epochs = trial.hyperparameters.values.get("tuner/epochs")
        after = f" after {epochs} epochs" if epochs else ""
        self.say(
            f"{number}  {self.search.key} {trial.score:.2f}{spread}{after} {star}  best {self.top['score']:.2f}  "
            f"{settings}  {left}"
        )

    def _move(self):
        """Moves the bar."""
        from seqzoo.search.trials import progress as progress_of

        done, now = self.done, []
        for trial in [*self.oracle.ongoing_trials.values()]:
            values = trial.hyperparameters.values
            epochs, score = progress_of(self.search, _root(self.oracle, trial))
            target = int(values.get("tuner/epochs", values.get("epochs", self.search.epochs))) * self.search.seeds
            first = values.get("tuner/initial_epoch", 0) * self.search.seeds
            done += self.oracle.work(trial) * max(0, epochs - first) / max(1, target - first)
            now.append(f"epoch {epochs}/{target}" + (f" {score:.2f}" if score is not None else ""))
        self.bar.update(
            self.line,
            completed=done,
            number=min(self.seen + 1, self.trials),
            now=", ".join(now),
            best=f"  best {self.top['score']:.2f}" if self.top else "",
            left=f"{self._left(done)} left",
        )

    def _left(self, done):
        """The time left, as text; "?" before anything tells."""
        from seqzoo.training.progress import duration

        if done <= self.before:
            return "?"
        return duration((time.perf_counter() - self.begin) / (done - self.before) * max(0, self.work - done))

    def close(self):
        """Prints the best trials; returns the exit status.

        Raises:
            ValueError: no trial has a score.
        """
        from seqzoo.search.report import best, table

        records = self.search.records()
        if not (top := best(self.search, records)):
            raise ValueError(f"No trial was finished; {self.search.folder / 'results.html'} has the reasons.")
        self.console.print(table(self.search, records))
        lost = sum(record["score"] is None for record in records)
        self.say(f"{len(records)} settings{f', {lost} of them without a score' if lost else ''}. The best:")
        self.say(f"  {top['command']}")
        self.say(f"Report: {self.search.folder / 'results.html'}")
        return 0


def _planned(search, oracle):
    """(trials, work) that a search will be."""
    if search.tuner == "hyperband":
        _, trials, work = oracle.plan
        most = min(search.max_trials or trials, trials)
        return most, work * most / trials
    most = min(search.max_trials or oracle.size, oracle.size)
    return most, most


if __name__ == "__main__":
    sys.exit(main())
