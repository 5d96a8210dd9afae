"""Lists the experiments for a terminal and renders the tables of the READMEs, from recipes and recorded results."""

import itertools
import pathlib
import re
from collections.abc import Iterator

from experiments import corpora, experiments, programs, recorded

ROOT = pathlib.Path(__file__).parents[1]
READMES = (ROOT / "README.md", ROOT / "experiments" / "README.md")
BEGIN = "<!-- {}: written by `python -m experiments --readme` -->"
END = "<!-- end -->"


def listing() -> str:
    """The recipes, one a line, and the programs in benchmarks/ and studies/."""
    rows = [("name", "expected", "minutes", "recorded", "data", "title")]
    for name, experiment in experiments().items():
        found = recorded(name, experiment)
        dates = {date[:10] for date in found.environments("date")}
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
    commands = [(f"python -m {name}", summary) for name, summary in programs().items()]
    return f"{columns(rows)}\n\n{columns(commands)}"


def columns(rows: list[tuple[str, ...]]) -> str:
    """Aligns rows of cells as text; the last column is not padded."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]) - 1)] + [0]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)


def results() -> str:
    """The results beside the published scores in Markdown, followed by dates, versions and machines."""
    lines = ["| experiment | ours | seeds | minutes each | commit | published |", "|---|---|---|---|---|---|"]
    known = {name: recorded(name, experiment) for name, experiment in experiments().items()}
    every = {name: found for name, found in known.items() if found.seeds}
    if not every:
        return "Nothing is recorded yet."
    tasks = {name: found.experiment.task for name, found in every.items()}
    for task, names in itertools.groupby(sorted(every, key=lambda name: (tasks[name], name)), tasks.get):
        lines.append(f"| **{task.replace('_', ' ')}** | | | | | |")
        lines += (row for name in names for row in _rows(name, every[name]))
    missing = [f"`{name}`" for name, found in known.items() if not found.seeds]
    missing = [f"Not recorded: {', '.join(missing)}."] if missing else []
    return "\n".join([*lines, "", " ".join([_circumstances(every), *missing])])


def summary() -> str:
    """The main results beside a published score, without details, in Markdown."""
    lines = ["| experiment | ours | published |", "|---|---|---|"]
    for name, experiment in experiments().items():
        found = recorded(name, experiment)
        if found.seeds and experiment.headline:
            lines.append(f"| `{name}`: {experiment.title} | {found.score} | {_published(experiment.published[0])} |")
    return "\n".join(lines)


def _published(other):
    linked = f"[{other.what}]({other.source}) {other.score}"
    return linked if other.source else f"{other.what} {other.score}, not traced"


def short(git: str | None) -> str:
    """The commit of an environment in seven letters, with "-dirty" if the code was not committed; "-" if unknown."""
    return re.sub(r"^(.*-g)?([0-9a-f]{7})[0-9a-f]*", r"\2", git) if git else "-"


def _rows(name, found):
    """The row of an experiment and, if its runs were scored together, one for that."""
    experiment, count = found.experiment, len(found.seeds)
    ours = f"{experiment.metric} {found.score}"
    seeds = f"{count} of {experiment.seeds}" if count < experiment.seeds else f"{count}"
    seeds += f", {len(found.outdated)} of an older recipe left out" if found.outdated else ""
    commits = ", ".join(sorted(map(short, found.environments("git"))))
    minutes = f"{found.minutes:.0f}" if found.minutes >= 1 else "< 1"
    published = "; ".join(map(_published, experiment.published))
    yield f"| `{name}`: {experiment.title} | {ours} | {seeds} | {minutes} | {commits} | {published or '-'} |"
    if pooled := found.ensemble:
        together = f"{experiment.metric} {pooled['score']:.2f} | {count} together"
        yield f"| `{name}`, `--ensemble` | {together} | {count * found.minutes:.0f} | {short(pooled['commit'])} | - |"


def _circumstances(every):
    """Dates, versions and machines of the recorded runs."""

    def values(key):
        return sorted({value for found in every.values() for value in found.environments(key) if value})

    dates = sorted({date[:10] for date in values("date")})
    packages = {"python": "Python", "tensorflow": "TensorFlow", "keras": "Keras", "numpy": "NumPy"}
    versions = ", ".join(f"{package} {' and '.join(values(key))}" for key, package in packages.items())
    machines = [f"{cores} cores" for cores in values("cores")] + values("processor")
    return (
        f"Recorded from {dates[0]} to {dates[-1]} with {versions}; {', '.join(machines)}. A commit that ends in "
        "-dirty is the one before changes that were not committed."
    )


def blocks() -> dict[str, str]:
    """{name: Markdown} of the generated tables."""
    return {"results": results(), "summary": summary(), "corpora": corpora.table()}


def rendered(text: str, tables: dict[str, str]) -> str:
    """Replaces the tables between their marks in a text; a text may hold any of them.

    Raises:
        ValueError: an unknown table, or a missing end mark.
    """

    def table(match):
        if match["name"] not in tables:
            raise ValueError(f"Unknown table {match['name']!r}. There are: {', '.join(tables)}.")
        return f"{BEGIN.format(match['name'])}\n{tables[match['name']]}\n{END}"

    begin = re.escape(BEGIN).replace(r"\{\}", r"(?P<name>\w+)")
    text, count = re.subn(f"{begin}\n.*?{END}", table, text, flags=re.DOTALL)
    if count != len(re.findall(begin, text)):
        raise ValueError(f"A table has no end mark, {END}.")
    return text


def write() -> Iterator[pathlib.Path]:
    """Updates the tables in the READMEs and yields the paths of those that changed."""
    for path in READMES:
        text = path.read_text("utf-8")
        if (new := rendered(text, blocks())) != text:
            path.write_text(new, "utf-8")
            yield path
