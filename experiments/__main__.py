"""Lists the experiments, runs them, checks them, or writes the tables of results.

    python -m experiments                                                   list recipes, benchmarks and studies
    python -m experiments ner_conll2003_glove --data=FOLDER                 train all seeds, record the scores
    python -m experiments ner_conll2003_glove --data=FOLDER --seeds=1,2     train these seeds
    python -m experiments pos_ewt pos_imst --data=FOLDER --check            train one seed, compare, record nothing
    python -m experiments --fast --check                                    check the quick recipes without data
    python -m experiments --all --data=FOLDER --budget=8h                   train the stalest seeds anew for eight hours
    python -m experiments --table                                           print all results in Markdown
    python -m experiments --readme                                          write them into the READMEs

FOLDER holds the corpora, in the folders that experiments/README.md lists; --all leaves out recipes whose corpora it
lacks. A finished run is trained again only by --check, or by --budget if it is recorded already; an interrupted one is
resumed.
"""

import argparse
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import time

from experiments import RESULTS, Experiment, Recorded, experiments, recorded
from experiments.corpora import missing
from experiments.tables import ROOT, columns, listing, results, short, write
from seqzoo.display.plain import plain
from seqzoo.files import write_json
from seqzoo.registry import did_you_mean
from seqzoo.training.environment import commit


def main(argv: list[str] | None = None) -> int:
    """Runs a command line; returns the exit status: 1 if a score falls short, 2 for a usage error."""
    parser = argparse.ArgumentParser("python -m experiments", description=__doc__, allow_abbrev=False,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    parser.add_argument("names", nargs="*", metavar="NAME", help="the experiments to run")
    parser.add_argument("--all", action="store_true", help="run all")
    parser.add_argument("--fast", action="store_true", help="run the recipes that need no data and at most two minutes")
    parser.add_argument("--check", action="store_true", help="compare one seed with the expected score; record nothing")
    parser.add_argument("--data", type=_path, default="data", help="folder of the corpora (default: data)")
    parser.add_argument("--runs", type=_path, help="folder of the runs (default: runs/experiments, or runs/checks)")
    parser.add_argument("--seeds", help="such as 0,1,2 (default: those of the recipe; with --check: 0)")
    parser.add_argument(
        "--budget", help="time after which no new seed is begun, such as 8h or 90m: seeds never recorded come first, "
        "then those recorded the longest ago; those recorded at this commit are left out"
    )  # fmt: skip
    parser.add_argument("--table", action="store_true", help="print the table of results")
    parser.add_argument(
        "--readme", action="store_true", help="update the tables in README.md and experiments/README.md"
    )
    arguments = parser.parse_args(argv)
    try:
        warn_of_outdated()
        asked = [
            *arguments.names,
            *(f"--{name}" for name in ("all", "fast", "check", "seeds", "budget") if vars(arguments)[name]),
        ]
        if (arguments.table or arguments.readme) and asked:
            raise ValueError(
                f"--table and --readme show all recorded results and take no names. Received: {' '.join(asked)}"
            )
        if arguments.table:
            print(results())
        elif arguments.readme:
            print("\n".join(f"wrote {path}" for path in write()) or "The tables are up to date.")
        elif names := chosen(arguments):
            return (check if arguments.check else record)(names, arguments)
        elif arguments.check or arguments.budget:
            option = "--check" if arguments.check else "--budget"
            raise ValueError(f"{option} needs the names of experiments, --fast or --all.")
        else:
            print(listing())
        return 0
    except ValueError as error:
        print(plain(f"error: {error}"), file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nstopped; the same command continues from the last checkpoint", file=sys.stderr)
        return 130


def _path(text: str) -> pathlib.Path:
    return pathlib.Path(text).expanduser()


def _minutes(text: str) -> float:
    """Converts a time such as 8h, 1.5h or 90m to minutes; any other text is a ValueError."""
    if not (found := re.fullmatch(r"(\d+(?:\.\d+)?)([hm])", text)) or not float(found[1]):
        raise ValueError(f"--budget should be hours or minutes, such as 8h or 90m. Received: {text!r}")
    return float(found[1]) * {"h": 60, "m": 1}[found[2]]


def warn_of_outdated() -> None:
    """Warns about results that were recorded with an earlier recipe of the same name."""
    for name, experiment in experiments().items():
        for seed, earlier in recorded(name, experiment).outdated.items():
            command = earlier["environment"]["command"]
            print(
                f"{name}: seed {seed} was recorded with another recipe and is left out. Recorded: {command}\n"
                f"Now: {experiment.command(seed)}",
                file=sys.stderr,
            )


def chosen(arguments: argparse.Namespace) -> list[str]:
    """The names to run, [] for none.

    Raises:
        ValueError: an unknown name, names beside --all or --fast, a malformed seed, --check with --budget, or missing
            corpora of a named experiment.
    """
    known = experiments()
    if arguments.check and arguments.budget:
        raise ValueError("--budget is for recorded training, but --check records nothing.")
    if bool(arguments.names) + arguments.all + arguments.fast > 1:
        raise ValueError("Give names, --all or --fast: only one of them.")
    for name in arguments.names:
        if name not in known:
            hint = did_you_mean(name, known)
            raise ValueError(f"Unknown experiment {name!r}.{hint} Registered: {', '.join(known)}.")
    if arguments.seeds and not all(seed.isdecimal() for seed in arguments.seeds.split(",")):
        raise ValueError(f"--seeds should be whole numbers joined by commas. Received: {arguments.seeds!r}")
    names = list(known) if arguments.all else [name for name in known if arguments.fast and known[name].is_fast]
    names = names or list(dict.fromkeys(arguments.names))
    if arguments.all:
        lacking = [name for name in names if [*missing(known[name].data, arguments.data)]]
        if lacking:
            print(f"left out, since --data={arguments.data} lacks their corpora: {', '.join(lacking)}", file=sys.stderr)
        return [name for name in names if name not in lacking]
    if lacks := list(missing((path for name in names for path in known[name].data), arguments.data)):
        raise ValueError("\n".join([f"--data={arguments.data} lacks corpora:", *lacks]))
    return names


def record(names: list[str], arguments: argparse.Namespace) -> int:
    """Trains the seeds of experiments and records their scores.

    Returns:
        The exit status of the first failure, which ends it; with --budget it goes on and returns 1.
    """
    jobs, failed = [], []
    budget = _minutes(arguments.budget) if arguments.budget else 0
    for name in names:
        seeds = arguments.seeds.split(",") if arguments.seeds else map(str, range(experiments()[name].seeds))
        jobs += [(name, seed) for seed in seeds]
    if budget:
        jobs = stalest(jobs)
        print(plan(jobs, budget), flush=True)
    end = time.monotonic() + 60 * budget
    for number, (name, seed) in enumerate(jobs):
        if budget and time.monotonic() >= end:
            print(f"The budget is spent. The same command goes on with the {_seeds(jobs[number:])} left.")
            break
        experiment = experiments()[name]
        print(f"{number + 1}/{len(jobs)}: {name}, seed {seed}, about {experiment.minutes:g} minutes", flush=True)
        folder = (arguments.runs or pathlib.Path("runs/experiments")) / f"{name}-{seed}"
        overwrite = ["--overwrite"] if budget and _is_recorded(folder, experiment, name, seed) else []
        if status := train(experiment, seed, folder, arguments.data, *overwrite):
            if not budget:
                return status
            failed.append(f"{name}, seed {seed}: exit status {status}")
            continue
        found = _save(folder, experiment, name, seed)
        if jobs[number + 1 : number + 2] and jobs[number + 1][0] == name:
            continue
        count = len(found.scores)
        if experiment.ensemble and count >= experiment.seeds:
            print(f"{name}, all seeds together: {experiment.metric} {_save_ensemble(folder.parent, name, found)}")
        print(
            f"{name}: {experiment.metric} {found.score} ({count} seed{'s' * (count > 1)}), "
            f"{experiment.verdict(found.mean)[0]}; python -m experiments --readme updates the table"
        )
    if failed:
        print("\n".join(["failed:", *failed]), file=sys.stderr)
    return int(bool(failed))


def result(experiment: Experiment, seed: int | str, folder: pathlib.Path) -> dict:
    """The record of a finished run: {"metrics", "environment"}, with the command for any folders."""
    metrics, environment = _read(folder, "metrics"), _read(folder, "environment")
    return {"metrics": metrics, "environment": environment | {"command": experiment.command(seed)}}


def _save(folder, experiment, name, seed):
    """Records the scores of a finished run; returns everything recorded for the experiment."""
    kept = recorded(name, experiment).seeds  # not those of an earlier recipe
    found = Recorded(experiment, {**kept, seed: result(experiment, seed, folder)})
    _write(name, found)
    return found


def _save_ensemble(runs, name, found):
    """Scores the runs of all seeds together, and records the score; returns a text of it, or why there is none."""
    first, *others = [runs / f"{name}-{seed}" for seed in found.seeds]
    flags = ["--mode=evaluate", f"--workdir={first}", f"--ensemble={','.join(map(str, others))}"]
    if status := _run(flags):
        return f"failed with exit status {status}"
    # A request searches with a beam by default, so its scores have no "beam_" before their names.
    scores = max(first.glob("evaluate-*.json"), key=lambda path: path.stat().st_mtime)
    score = json.loads(scores.read_text("utf-8"))[found.experiment.metric.replace("_beam_", "_")]
    _write(name, found, ensemble={"score": score, "commit": commit(ROOT)})
    return f"{score:.2f}"


def _write(name, found, **more):
    RESULTS.mkdir(exist_ok=True)
    write_json(
        RESULTS / f"{name}.json",
        {
            "seeds": found.seeds,
            "metric": found.experiment.metric,
            "mean": found.mean,
            "spread": found.spread,
            "minutes": found.minutes,
            **more,
        },
    )


def _read(folder, what):
    return json.loads((folder / f"{what}.json").read_text("utf-8"))


def _is_recorded(folder, experiment, name, seed):
    """Whether a folder holds the finished run whose scores are recorded, so that it is stale."""
    found = recorded(name, experiment)
    kept = {**found.seeds, **found.outdated}.get(seed)
    finished = (folder / "metrics.json").is_file()
    return bool(kept) and finished and _read(folder, "environment")["date"] == kept["environment"]["date"]


def stalest(jobs: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """(name, seed) in the order in which they should be trained, without those recorded at this commit.

    Seeds of experiments without any record come first, then other seeds without one, then the rest by date.
    """
    now, keys = commit(ROOT), {}
    for name, seed in jobs:
        found = recorded(name, experiments()[name]).seeds
        environment = found.get(seed, {}).get("environment", {})
        if not environment or "dirty" in str(now) or environment.get("git") != now:
            keys[name, seed] = bool(found), environment.get("date", "")
    return sorted(keys, key=keys.get)


def plan(jobs: list[tuple[str, str]], budget: float) -> str:
    """Lists the seeds to train, one a line with the reason; those beyond the budget of minutes are only counted."""
    rows, minutes = [], 0.0
    for name, seed in jobs:
        if minutes >= budget:
            break
        experiment = experiments()[name]
        found = recorded(name, experiment)
        environment = found.seeds.get(seed, {}).get("environment")
        reason = "an older recipe is recorded" if seed in found.outdated else "never recorded"
        if environment:
            reason = f"recorded {environment['date'][:10]} at {short(environment.get('git'))}"
        rows.append((f"{experiment.minutes:g} min", name, f"seed {seed}", reason))
        minutes += experiment.minutes
    lines = [columns(rows)] if rows else ["Everything is recorded at this commit."]
    if len(jobs) > len(rows):
        lines.append(f"then {_seeds(jobs[len(rows) :])} probably beyond the budget of {budget:g} minutes")
    if "dirty" in str(commit(ROOT)):
        lines.append("The code has uncommitted changes: scores recorded now will be marked as -dirty.")
    return "\n".join(lines)


def _seeds(jobs):
    minutes = sum(experiments()[name].minutes for name, _ in jobs)
    return f"{len(jobs)} seeds of {len({name for name, _ in jobs})} experiments, about {minutes / 60:.1f} hours,"


def check(names: list[str], arguments: argparse.Namespace) -> int:
    """Trains one seed of experiments, or the given ones, and compares; returns 1 if one falls short or fails."""
    rows, bad = [("experiment", "seed", "score", "expected", "verdict", "minutes", "expected minutes")], False
    for number, name in enumerate(names, 1):
        experiment = experiments()[name]
        for seed in (arguments.seeds or "0").split(","):
            print(f"{number}/{len(names)}: {name}, seed {seed}, about {experiment.minutes:g} minutes", flush=True)
            folder = (arguments.runs or pathlib.Path("runs/checks")) / f"{name}-{seed}"
            # A finished run may be of older code and is trained again; an interrupted one is resumed.
            overwrite = ["--overwrite"] if (folder / "metrics.json").is_file() else []
            score = minutes = "-"
            if status := train(experiment, seed, folder, arguments.data, *overwrite):
                verdict, is_bad = f"failed with exit status {status}", True
            else:
                metrics = _read(folder, "metrics")
                verdict, is_bad = experiment.verdict(metrics[experiment.metric])
                score, minutes = f"{experiment.metric} {metrics[experiment.metric]:.2f}", f"{metrics['minutes']:.1f}"
            bad |= is_bad
            rows.append((name, seed, score, experiment.expectation, verdict, minutes, f"{experiment.minutes:g}"))
    print()
    print(columns(rows))
    if any("better than expected" in row for row in rows):
        print("Better by more than the tolerance: look for a data leak first; otherwise raise the expected score.")
    return int(bad)


def train(experiment: Experiment, seed: int | str, folder: pathlib.Path, data: pathlib.Path, *flags: str) -> int:
    """Trains one seed in a process of its own, so that runs are independent; returns its exit status."""
    given = (flag.format(data=data, runs=folder.parent) for flag in experiment.flags.split())
    return _run([*given, f"--seed={seed}", f"--workdir={folder}", *flags])


def _run(flags):
    """Runs ``python -m seqzoo.run`` with flags; returns its exit status. It also works without installation."""
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    return subprocess.run(
        [sys.executable, "-m", "seqzoo.run", *flags], env={**os.environ, "PYTHONPATH": path}, check=False
    ).returncode


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a terminated check terminates the training too
    sys.exit(main())
