"""Lists the experiments, runs one, or prints the table of results.

    python -m experiments                                                   what there is
    python -m experiments ner_conll2003_glove --data=FOLDER                 train all its seeds, keep the scores
    python -m experiments ner_conll2003_glove --data=FOLDER --seeds=1,2     some of them
    python -m experiments --table                                           all results in Markdown

FOLDER holds the corpora in the folders that the recipes name: conll2003/, ud_english_ewt/, ud_turkish_imst/, glove/.
A run that is finished is not trained again; one that was interrupted goes on.
"""

import argparse
import json
import pathlib
import statistics
import sys

from experiments import RESULTS, experiments


def main():
    parser = argparse.ArgumentParser("python -m experiments", description=__doc__, allow_abbrev=False,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    parser.add_argument("name", nargs="?", choices=experiments(), help="the experiment to run")
    parser.add_argument("--data", default="data", help="folder that holds the corpora (default: data)")
    parser.add_argument("--runs", default="runs/experiments", help="folder for the runs (default: runs/experiments)")
    parser.add_argument("--seeds", help="such as 0,1,2 (default: as many as the recipe says)")
    parser.add_argument("--table", action="store_true", help="print the table of results")
    arguments = parser.parse_args()
    if arguments.table:
        print(table())
    elif arguments.name:
        return run(arguments)
    else:
        for name, experiment in experiments().items():
            print(f"{name:24} {experiment.title}")
    return 0


def run(arguments):
    """Trains the seeds of an experiment and writes their scores."""
    from seqzoo.run import main as seqzoo_run
    from seqzoo.training import write_json

    experiment = experiments()[arguments.name]
    seeds = arguments.seeds.split(",") if arguments.seeds else map(str, range(experiment.seeds))
    path = RESULTS / f"{arguments.name}.json"
    results = json.loads(path.read_text("utf-8")) if path.is_file() else {"seeds": {}}
    recipe = experiment.flags.format(data="DATA")
    results["seeds"] = {
        seed: result
        for seed, result in results["seeds"].items()
        if result["environment"]["command"] == f"python -m seqzoo.run {recipe} --seed={seed}"
    }  # of this recipe, not of an older one
    for seed in seeds:
        folder = pathlib.Path(arguments.runs) / f"{arguments.name}-{seed}"
        flags = [*experiment.flags.format(data=arguments.data).split(), f"--seed={seed}", f"--workdir={folder}"]
        if status := seqzoo_run(flags):
            return status
        metrics = json.loads((folder / "metrics.json").read_text("utf-8"))
        environment = json.loads((folder / "environment.json").read_text("utf-8"))
        environment["command"] = f"python -m seqzoo.run {recipe} --seed={seed}"
        results["seeds"][seed] = {"metrics": metrics, "environment": environment}
        summarise(experiment, results)
        RESULTS.mkdir(exist_ok=True)
        write_json(path, results)
    mean, spread = results["mean"], results["spread"]
    print(f"{arguments.name}: {experiment.metric} {mean:.2f} ± {spread:.2f} ({len(results['seeds'])} seeds)")
    return 0


def summarise(experiment, results):
    """Puts mean and spread (sample standard deviation) over the seeds into `results`."""
    scores = [result["metrics"][experiment.metric] for result in results["seeds"].values()]
    results |= {
        "metric": experiment.metric,
        "mean": statistics.mean(scores),
        "spread": statistics.stdev(scores) if len(scores) > 1 else 0.0,
        "minutes": statistics.mean(result["metrics"]["minutes"] for result in results["seeds"].values()),
    }


def table():
    """The results beside the published scores, in Markdown."""
    lines = ["| experiment | ours | seeds | minutes each | published |", "|---|---|---|---|---|"]
    for name, experiment in experiments().items():
        path = RESULTS / f"{name}.json"
        if path.is_file():
            results = json.loads(path.read_text("utf-8"))
            published = "; ".join(f"{what} {score}" for what, score in experiment.published.items()) or "-"
            ours = f"{results['metric']} {results['mean']:.2f}"
            if len(results["seeds"]) > 1:
                ours += f" ± {results['spread']:.2f}"
            cells = (f"`{name}`: {experiment.title}", ours, len(results["seeds"]), round(results["minutes"]), published)
            lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
