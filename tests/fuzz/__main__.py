"""The command line, see the package's docstring."""

import argparse
import collections
import pathlib
import sys
import tempfile
import time
import traceback

from . import __doc__ as description
from .oracles import Failure, Hang
from .subjects import SUBJECTS, run_case


def main(argv=None):
    """Runs cases; returns the number of failures."""
    parser = argparse.ArgumentParser(
        "python -m tests.fuzz", description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cases", type=int, default=10_000, help="number of cases")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--case", type=int, help="only the case of this number")
    parser.add_argument("--subjects", default=",".join(SUBJECTS), help="only these, separated by commas")
    given = parser.parse_args(argv)
    subjects = given.subjects.split(",")
    if given.case is not None:
        folder = pathlib.Path(tempfile.mkdtemp())
        print(f"files of the case: {folder}")
        run_case(given.seed, given.case, folder, subjects)
        return 0
    start, kinds, failures = time.monotonic(), collections.Counter(), 0
    for number in range(given.cases):
        with tempfile.TemporaryDirectory() as folder:
            try:
                kinds[run_case(given.seed, number, pathlib.Path(folder), subjects)] += 1
            except (Exception, Hang) as error:
                failures += 1
                trace = "" if isinstance(error, Failure) else "".join(traceback.format_tb(error.__traceback__)[-2:])
                only = f" --subjects={given.subjects}" if len(subjects) < len(SUBJECTS) else ""
                print(f"--seed={given.seed} --case={number}{only}: {trace}{type(error).__name__}: {str(error)[:1000]}")
        if sys.stderr.isatty():
            print(f"\r{number + 1}/{given.cases}, {failures} failures", end="", file=sys.stderr)
    print(f"{given.cases} cases, {failures} failures, {time.monotonic() - start:.0f} s. {dict(sorted(kinds.items()))}")
    return failures


sys.exit(min(main(), 1))
