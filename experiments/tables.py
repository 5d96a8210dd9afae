"""The list of the experiments for a terminal, and the tables of the READMEs: all of recipes and recorded results."""

import itertools
import pathlib

from experiments import benchmarks, corpora, experiments, recorded

ROOT = pathlib.Path(__file__).parents[1]
BEGIN = "<!-- written by `python -m experiments --readme` -->"
END = "<!-- end -->"


def listing():
    """The experiments, one a line, and the benchmarks that are programs of their own."""
    rows = [("name", "expected", "minutes", "recorded", "data", "what")]
    for name, experiment in experiments().items():
        found = recorded(name, experiment)
        dates = {date[:10] for date in found.facts("date")}
        folders = dict.fromkeys(path.partition("/")[0] for path in experiment.data)
        rows.append(
            (
                name,
                experiment.expectation,
                f"{experiment.minutes:g}",
                max(dates, default="-"),
                "+".join(folders) or "-",
                experiment.title,
            )
        )
    rows += (
        (name, "-", "-", "-", "-", f"{summary} python -m experiments.{name}") for name, summary in benchmarks().items()
    )
    return columns(rows)


def columns(rows):
    """Rows of cells as lines of text, one cell below the other; the last column is as long as it is."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]) - 1)] + [0]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)


def results():
    """The results beside the published scores, in Markdown, and below them what they were recorded with."""
    lines = ["| experiment | ours | seeds | minutes each | published |", "|---|---|---|---|---|"]
    every = {name: recorded(name, experiment) for name, experiment in experiments().items()}
    every = {name: found for name, found in every.items() if found.seeds}
    if not every:
        return "Nothing is recorded yet."
    for task, names in itertools.groupby(every, lambda name: every[name].experiment.task):
        lines.append(f"| **{task.replace('_', ' ')}** | | | | |")
        lines += (_row(name, every[name]) for name in names)
    return "\n".join([*lines, "", _circumstances(every)])


def _row(name, found):
    experiment, count = found.experiment, len(found.seeds)
    ours = f"{experiment.metric} {found.mean:.2f}" + (f" ± {found.spread:.2f}" if count > 1 else "")
    seeds = f"{count} of {experiment.seeds}" if count < experiment.seeds else count
    minutes = f"{found.minutes:.0f}" if found.minutes >= 1 else "< 1"
    published = "; ".join(
        f"{f'[{bar.what}]({bar.source})' if bar.source else bar.what} {bar.score}" for bar in experiment.published
    )
    return f"| `{name}`: {experiment.title} | {ours} | {seeds} | {minutes} | {published or '-'} |"


def _circumstances(every):
    """Dates, versions and machines of the recorded runs, and whose code is not that of a commit."""

    def facts(key):
        return sorted({fact for found in every.values() for fact in found.facts(key) if fact})

    dates = sorted({date[:10] for date in facts("date")})
    packages = {"python": "Python", "tensorflow": "TensorFlow", "keras": "Keras", "numpy": "NumPy"}
    versions = ", ".join(f"{package} {' and '.join(facts(key))}" for key, package in packages.items())
    machines = [f"{cores} cores" for cores in facts("cores")] + facts("processor")
    line = f"Recorded from {dates[0]} to {dates[-1]} with {versions}; {', '.join(machines)}."
    loose = (
        f"`{name}`" for name, found in every.items() if any(not git or "dirty" in git for git in found.facts("git"))
    )
    listed = ", ".join(loose)
    return f"{line} The code was not that of a commit: {listed}." if listed else line


def blocks():
    """{path: what belongs between its marks} of the files that hold a table of here."""
    return {
        ROOT / "README.md": f"{results()}\n",
        ROOT / "experiments" / "README.md": f"{corpora.table()}\n",
    }


def between_marks(path):
    """(what stands before the marks and the first of them, what is between, the second and what is behind) of a file.

    Raises:
        ValueError: it has no marks.
    """
    before, begin, rest = path.read_text("utf-8").partition(f"{BEGIN}\n")
    block, end, behind = rest.partition(END)
    if not end:
        raise ValueError(f"{path}: expected a line {BEGIN} and, behind it, a line {END}.")
    return before + begin, block, end + behind


def write():
    """Writes the tables into their files, and yields the paths of those that changed."""
    for path, block in blocks().items():
        before, old, behind = between_marks(path)
        if old != block:
            path.write_text(f"{before}{block}{behind}", "utf-8")
            yield path
