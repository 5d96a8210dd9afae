"""What the benchmarks share: rows in processes of their own, in turns, their circumstances, clocks and memory.

A benchmark is a module with a `main` that is called again for each row, with ``--row`` and ``--round``.
"""

import argparse
import contextlib
import datetime
import importlib.metadata
import importlib.util
import json
import os
import pathlib
import platform
import subprocess
import sys
import time

RESULTS = pathlib.Path(__file__).parent / "results"


def flags(name, doc, rows, rounds):
    """An argparse.ArgumentParser with the flags of all benchmarks; those of its own come on top.

    Args:
        name: of the module, and of its file of results.
        doc: its docstring.
        rows: what it measures.
        rounds: how often, by default.
    """
    parser = argparse.ArgumentParser(
        f"python -m experiments.{name}",
        description=doc,
        allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--rounds", type=int, default=rounds, help="how often each row runs")
    parser.add_argument("--threads", type=int, default=0, help="processors that a row may use; 0: all")
    parser.add_argument("--only", default="", help=f"only rows with this in their name: {', '.join(rows)}")
    parser.add_argument("--out", type=pathlib.Path, default=RESULTS / f"{name}.json", help="JSON file for the results")
    parser.add_argument("--row", default="", help=argparse.SUPPRESS)  # what the processes of the rows are called with
    parser.add_argument("--round", type=int, default=0, help=argparse.SUPPRESS)
    return parser


def kept(args, **settings):
    """What is kept of a benchmark beside its runs: circumstances, command, settings (those given here go first)."""
    shown = {name: value for name, value in vars(args).items() if name not in ("row", "round", "out")}
    command = " ".join([f"python -m experiments.{pathlib.Path(sys.argv[0]).stem}", *sys.argv[1:]])
    return {**circumstances(), "command": command, "settings": {**shown, **settings}}


def runnable(rows, only):
    """The rows with `only` in their names, without PyTorch's where it is not installed."""
    rows = [row for row in rows if only in row]
    if importlib.util.find_spec("torch") is None:
        print("PyTorch is not installed: its rows are left out (pip install torch).")
        rows = [row for row in rows if "pytorch" not in row]
    return rows


def circumstances():
    """What the numbers depend on beside the settings; a busy machine is said."""
    load = os.getloadavg()[0]
    if load > 0.5:
        print(f"Other programs are running (load {load:.1f}): the numbers will be too low.")
    return {
        "date": datetime.datetime.now().astimezone().isoformat(timespec="seconds"),
        "versions": versions(),
        "cores": os.cpu_count(),
        "load_before": load,
    }


def versions():
    """{package: version}, None where it is missing."""
    found = {"python": platform.python_version()}
    for package in ("tensorflow", "keras", "torch", "numpy"):
        found[package] = None
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[package] = importlib.metadata.version(package)
    return found


def in_own_process(module, row, number, *flags):
    """What a process of a benchmark's module measures of one row."""
    command = [sys.executable, "-m", module, *sys.argv[1:], f"--row={row}", f"--round={number}", *flags]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # TensorFlow is talkative
    if done.returncode:
        sys.exit(f"{done.stderr}\n{row} failed with exit status {done.returncode}")
    return json.loads(done.stdout.splitlines()[-1])


def keep_to(threads):
    """Keeps this process to so many processors (0: all), before it imports TensorFlow or PyTorch. For Linux."""
    if threads:  # TensorFlow, PyTorch and tf.data all start as many threads as they may use processors
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def peak_mib():
    """The most memory that this process had, in MiB. For Linux."""
    import resource  # Unix only

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024  # Linux counts in KiB


class Clock:
    """Context that takes the wall-clock and processor time of what it holds."""

    def __enter__(self):
        self.begin = time.perf_counter(), time.process_time()
        return self

    def __exit__(self, *error):
        self.seconds = time.perf_counter() - self.begin[0]
        self.cpu_seconds = time.process_time() - self.begin[1]


def grouped(runs, key):
    """{value of key: the runs with it}."""
    groups = {}
    for run in runs:
        groups.setdefault(run[key], []).append(run)
    return groups
