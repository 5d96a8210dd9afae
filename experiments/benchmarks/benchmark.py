"""Shared code of the benchmarks: rows measured in their own processes, in turns; flags, clocks, memory, tables.

A benchmark is a module with a parser (`flags`), a function that measures one row, and one that shows the results; `run`
does the rest. It calls the module again for each row and round, with ``--row`` and ``--round``.
"""

import argparse
import datetime
import importlib.util
import json
import os
import pathlib
import re
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable

from experiments import RESULTS
from seqzoo.training.environment import versions

PACKAGES = ("tensorflow", "jax", "keras", "torch", "numpy")


def flags(
    name: str, doc: str, rows: Iterable[str], rounds: int, package: str = "experiments.benchmarks"
) -> argparse.ArgumentParser:
    """An argument parser with the flags that all benchmarks share; a benchmark adds its own.

    Args:
        name: name of the module and of its file of results.
        doc: docstring of the module.
        rows: names of the rows.
        rounds: default number of rounds.
        package: where the module is.
    """
    module = f"{package}.{name}"
    parser = argparse.ArgumentParser(
        f"python -m {module}",
        description=doc,
        allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(module=module)
    parser.add_argument("--rounds", type=int, default=rounds, help="how often each row runs")
    parser.add_argument("--threads", type=int, default=0, help="processors that a row may use; 0: all")
    parser.add_argument("--only", default="", help=f"only rows with this in their name: {', '.join(rows)}")
    parser.add_argument("--out", type=pathlib.Path, default=RESULTS / f"{name}.json", help="JSON file for the results")
    parser.add_argument("--row", default="", help=argparse.SUPPRESS)  # for the processes of the rows
    parser.add_argument("--round", type=int, default=0, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=pathlib.Path, help=argparse.SUPPRESS)
    return parser


def run(
    parser: argparse.ArgumentParser,
    rows: Iterable[str],
    measured: Callable,
    show: Callable,
    prepare: Callable | None = None,
    settings: Callable | None = None,
    keep_going: bool = False,
) -> None:
    """Runs a benchmark: measures its rows in turns, saves the results after each row, and shows them.

    Rows run one after the other, in reverse order every other round (A B C C B A ...), so that a machine that slows
    down over time favours none.

    Args:
        parser: made by `flags`.
        rows: names of the rows.
        measured: args -> list of dicts, the measurements of ``args.row`` in its own process.
        show: prints the results, {..., "runs": [measurements of all rounds]}.
        prepare: args -> dict to add to the results, called once; it may write files into ``args.folder``, a temporary
            folder that the rows read.
        settings: args -> {flag: value} to record instead of the flag's own value, such as the name of a folder.
        keep_going: whether a failing row adds {"row", "error"} to the results instead of ending the benchmark.
    """
    args = parser.parse_args()
    if args.row:
        keep_to(args.threads)
        print(json.dumps(measured(args)))
        return
    rows = runnable(rows, args.only)
    results = {**recorded_settings(args, settings(args) if settings else {}), "runs": []}
    args.out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="seqzoo-") as folder:
        args.folder = pathlib.Path(folder)
        if prepare:
            results |= prepare(args)
        for number in range(args.rounds):
            for row in rows[:: -1 if number % 2 else 1]:
                print(f"round {number + 1}/{args.rounds}: {row}", flush=True)
                try:
                    results["runs"] += in_own_process(args, row, number)
                except SystemExit as error:
                    if not keep_going:
                        raise
                    results.setdefault("failed", []).append({"row": row, "error": str(error)[-2000:]})
                args.out.write_text(json.dumps(results, indent=1), "utf-8")
    print()
    show(results)
    print(f"\nsaved as {args.out}")


def in_own_process(args: argparse.Namespace, row: str, number: int = 0) -> list[dict]:
    """Measures one row in a process of its own."""
    command = [sys.executable, "-m", args.module, *sys.argv[1:], f"--row={row}", f"--round={number}"]
    # TensorFlow logs to stderr, which is shown only on failure.
    done = subprocess.run([*command, f"--folder={args.folder}"], capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{done.stderr}\n{row} failed with exit status {done.returncode}")
    return json.loads(done.stdout.splitlines()[-1])


def recorded_settings(args: argparse.Namespace, changed: dict) -> dict:
    """Circumstances, command and settings of a benchmark, to record with its runs; absolute paths are shortened."""
    hidden = ("row", "round", "folder", "out", "module")
    shown = {name: value for name, value in vars(args).items() if name not in hidden}
    given = [re.sub(r"^(--\w+=)/(?:.*/)?", r"\1", argument) for argument in sys.argv[1:]]
    command = shlex.join(["python", "-m", args.module, *given])
    return {**circumstances(), "command": command, "settings": {**shown, **changed}}


def runnable(rows: Iterable[str], only: str) -> list[str]:
    """The rows with `only` in their names, without those of PyTorch where it is not installed."""
    rows = [row for row in rows if only in row]
    without = [row for row in rows if "pytorch" not in row]
    if without != rows and importlib.util.find_spec("torch") is None:
        print("PyTorch is not installed: its rows are left out (pip install torch).")
        return without
    return rows


def circumstances() -> dict:
    """Date, versions, number of cores and load of the machine; warns if the machine is busy."""
    load = os.getloadavg()[0]
    if load > 0.5:
        print(f"Other programs are running (load {load:.1f}): speeds will be too low.")
    return {
        "date": datetime.datetime.now().astimezone().isoformat(timespec="seconds"),
        "versions": versions(PACKAGES),
        "cores": os.cpu_count(),
        "load_before": load,
    }


def keep_to(threads: int) -> None:
    """Restricts this process to a number of processors (0: all), before it imports TensorFlow or PyTorch. Linux."""
    if threads:  # TensorFlow, PyTorch and tf.data all start as many threads as they may use processors
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def peak_mib(children: bool = False) -> float:
    """Peak memory of this process, or of its largest child, in MiB. Linux."""
    import resource  # Unix only

    who = resource.RUSAGE_CHILDREN if children else resource.RUSAGE_SELF
    return resource.getrusage(who).ru_maxrss / 1024  # Linux counts in KiB


class Clock:
    """Context that measures wall-clock and processor time."""

    def __enter__(self):
        self.begin = time.perf_counter(), time.process_time()
        return self

    def __exit__(self, *error):
        self.seconds = time.perf_counter() - self.begin[0]
        self.cpu_seconds = time.process_time() - self.begin[1]


def grouped(runs: list[dict], *keys: str) -> dict:
    """{value of the key: runs with it}; with several keys, a tuple of values."""
    groups = {}
    for run in runs:
        value = tuple(run[key] for key in keys)
        groups.setdefault(value if len(keys) > 1 else value[0], []).append(run)
    return groups


def medians(runs: list[dict], by: dict, columns: dict, spread: str) -> str:
    """Medians over the rounds as a Markdown table.

    Args:
        runs: measurements, one dict a row and round.
        by: {key: heading}; runs that agree in these keys share a line.
        columns: {key: (heading, format)}.
        spread: key whose range gets a last column.
    """
    heading, how = columns[spread]
    lines = [[*by.values(), *(title for title, _ in columns.values()), f"range of {heading}"]]
    lines.append(["---"] * len(lines[0]))
    for own in grouped(runs, *by).values():
        values = [run[spread] for run in own]
        cells = [format(statistics.median(run[key] for run in own), how) for key, (_, how) in columns.items()]
        lines.append([*(str(own[0][key]) for key in by), *cells, f"{min(values):{how}}-{max(values):{how}}"])
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
