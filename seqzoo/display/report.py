"""report.html: shows a finished run on one page for a browser.

The page depends only on the files in the folder, so it can be written again when a later command adds a picture.
"""

import base64
import json
import pathlib
import shlex
import struct
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING
from urllib.parse import quote

from seqzoo.display.pages import escape, page
from seqzoo.display.tables import result_table
from seqzoo.files import replace
from seqzoo.metrics.measure import Measure

if TYPE_CHECKING:
    from seqzoo.task import Task

DIFFERENT, ALL = 8, 10  # maximum answers to show: those that differ from gold, and in total
PICTURES = {  # {file: (heading, caption)}, in the order of the page
    "history.png": ("Learning curve", "After each epoch. The scores are those of the best epoch, at the dotted line."),
    "confusion.png": (
        "Confusion",
        "Gold against predicted labels of valid: counts, coloured by their share of the row.",
    ),
    "logo.png": (
        "Logos",
        "The letters that decided, where the run is right: how far the log-odds of the label fall, on average, if "
        "another letter replaces one. Letters below the line speak against the label.",
    ),
    "reliability.png": (
        "Reliability",
        "How often answers are right, by their confidence. Below the diagonal the run is overconfident.",
    ),
    "similarity.png": ("Similarity", "Predicted and gold similarity of the pairs of valid."),
    "clips.png": ("Clips", "Some clips of valid, with their labels; frames at equal distances."),
    "continuations.png": ("Continuations", "How some sequences of valid went on, and how the run continues them."),
    "next.png": ("Next items", "The likeliest items after some histories of valid; orange: the item that came next."),
    "speech.png": (
        "A recording",
        "Its spectrogram; below, at each frame the probability of each label and of the blank between them.",
    ),
    "lengths.png": ("Longer sequences", "Errors on valid against the length; training ended at the first length."),
    "memory.png": (
        "A sequence",
        "Input and output for a sequence of valid; for a Neural Turing Machine also what its heads write and read.",
    ),
    "gates.png": ("Gates", "Gates of the units that vary most, while the network reads the text of --mode=inspect."),
}
LINKS = {  # {file: its content}
    "errors.html": "the most confident mistakes, with the words that decided",
    "inspect.html": "a text coloured by the units that follow it",
    "errors.json": "the errors",
    "confusion.csv": "the whole confusion matrix",
    "predictions.json": "answers to examples of valid",
    "metrics.json": "the scores",
    "config.json": "all options",
}
INCH = 0.8  # CSS pixels, 96 to the inch, for each pixel of a picture, 120 to the inch


def shown(answers: Sequence[dict], differs: Callable[[dict], bool]) -> list[int]:
    """Returns the indices of a few answers to show, first those that differ from gold."""
    kinds = [differs(answer) for answer in answers]
    different, equal = ([i for i, kind in enumerate(kinds) if kind == wanted] for wanted in (True, False))
    return [*different[:DIFFERENT], *equal][:ALL]


def update_report(folder: pathlib.Path, task: "Task") -> None:
    """Rewrites the report of a run, if its training has finished."""
    if (folder / "metrics.json").is_file():
        write_report(folder, task)


def write_report(folder: pathlib.Path, task: "Task") -> pathlib.Path:
    """Writes report.html into the folder of a run.

    Args:
        folder: folder of a run that has been scored.
        task: the Task of the run.

    Returns:
        The path of the report.
    """

    def save(path):
        with open(path, "w", encoding="utf-8") as file:
            file.writelines(page(f"{task.name}: {folder.absolute().name}", _body(folder, task), _STYLE))

    replace(folder / "report.html", save)
    return folder / "report.html"


def _body(folder: pathlib.Path, task) -> Iterator[str]:
    metrics, environment = (_read(folder / f"{name}.json", {}) for name in ("metrics", "environment"))
    yield f"<p>{escape((type(task).__doc__ or '').partition(chr(10))[0])}</p>\n"
    yield f"<p class=score>{_headline(metrics, task)}</p>\n"
    yield "<h2>Scores</h2>\n"
    yield from _scores(metrics, task.measures)
    for name, (heading, caption) in PICTURES.items():
        if (folder / name).is_file():
            yield f"<h2>{heading}</h2>\n"
            yield from _figure(folder / name, escape(caption))
    if samples := sorted(folder.glob("samples/*.png"), key=lambda path: (len(path.name), path.name))[:ALL]:
        yield "<h2>Samples</h2>\n"
        for path in samples:
            beside = (path.with_suffix(suffix) for suffix in (".mid", ".wav", ".gif", ".csv"))
            links = (
                f'<a href="samples/{quote(file.name)}">{escape(file.name)}</a>' for file in beside if file.is_file()
            )
            yield from _figure(path, ", ".join(links))
    yield from _answers(_read(folder / "predictions.json", []), task)
    if summary := _read(folder / "summary.json", {}):  # runs of earlier versions have no summary
        yield "<h2>Data</h2>\n"
        yield from _pairs(summary)
    yield "<h2>Run</h2>\n"
    yield f"<pre>{' '.join(f'<span>{escape(word)}</span>' for word in _command(folder, task))}</pre>\n"
    yield from _pairs({name: value for name, value in environment.items() if name != "command" and value})
    links = (f'<a href="{name}">{name}</a>, {what}' for name, what in LINKS.items() if (folder / name).is_file())
    yield f"<p>Beside this page: {'; '.join(links)}.</p>\n"


def _read(path: pathlib.Path, default):
    return json.loads(path.read_text("utf-8")) if path.is_file() else default


def _headline(metrics: dict, task) -> str:
    """Returns the objective on each split, and of the baselines."""
    key, measure = task.objective, task.measure
    scores = {split: metrics.get(f"{split}_{key}") for split in ("valid", "test")}
    scores |= {name: row.get(key) for name, row in metrics.get("valid_baselines", {}).items()}
    found = [f"{escape(name)} {Measure.format(value)}" for name, value in scores.items() if value is not None]
    return f"<strong>{escape(measure.label)}</strong>: {', '.join(found)}"


def _scores(metrics: dict, measures: dict[str, Measure]) -> Iterator[str]:
    """Yields the table that a run prints, and the numbers of the whole run."""
    table = result_table(metrics, measures, "")
    yield "<div class=wide><table>\n<tr><th>"
    yield "".join(f"<th class=number>{escape(name)}" for name in table.columns[1:]) + "</tr>\n"
    for name, *cells in table.rows:
        within = " class=within" if name.startswith(" ") else ""
        numbers = "".join(f"<td class=number>{escape(cell)}" for cell in cells)
        yield f"<tr{within}><th>{escape(name.strip())}{numbers}</tr>\n"
    yield f"</table></div>\n<p class=legend>{escape(' · '.join(table.captions))}</p>\n"


def _figure(path: pathlib.Path, caption: str) -> Iterator[str]:
    """Yields a picture inside the page; its caption is HTML."""
    data = path.read_bytes()
    width = round(INCH * struct.unpack(">I", data[16:20])[0])  # of a PNG
    # On a narrow screen, a picture shrinks as long as its letters are legible, and then scrolls.
    style = f"width:{width}px;min-width:{round(0.58 * width)}px"
    yield (
        f'<figure><div class=wide><img alt="{escape(path.stem)}" style="{style}"'
        f' src="data:image/png;base64,{base64.b64encode(data).decode()}"></div>'
        f"<figcaption>{caption}</figcaption></figure>\n"
    )


def _answers(answers: list[dict], task) -> Iterator[str]:
    """Yields a few answers, first those that differ from gold."""
    if not answers:
        return
    yield "<h2>Answers on valid</h2>\n"
    if different := sum(map(task.differs, answers)):
        then = ", then some that agree" if different < len(answers) else ""
        yield (
            f"<p class=legend>Different from gold: {different:,} of the first {len(answers):,} answers. Below are "
            f"{min(different, DIFFERENT)} of these{then}.</p>\n"
        )
    yield from task.articles(answers[i] for i in shown(answers, task.differs))


def _pairs(pairs: dict) -> Iterator[str]:
    """Yields a table of names and texts."""
    yield "<table class=pairs>\n"
    for name, value in pairs.items():
        value = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
        yield f"<tr><th>{escape(name)}<td>{escape(value)}</tr>\n"
    yield "</table>\n"


def _command(folder: pathlib.Path, task) -> list[str]:
    """Returns the words of the command that trains the run, with its options that are not defaults."""
    workdir = shlex.quote(f"--workdir={folder}")
    return ["python", "-m", "seqzoo.run", f"--task={task.name}", *task.config.flags(), workdir]


# White pictures become as dark as the page but keep their hues.
_STYLE = """body { max-width: 60em } h2 { margin: 1.6em 0 .4em; font-size: 1.2em } .score { font-size: 1.1em }
table { border-collapse: collapse } th, td { text-align: left; padding: .15em 1.2em .15em 0; vertical-align: top }
th { font-weight: normal } th:first-child { min-width: 7em; overflow-wrap: anywhere }
tr:first-child th { opacity: .75 } .within th:first-child { padding-left: 1.2em }
.number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums }
.pairs th { opacity: .75 } .pairs td { overflow-wrap: anywhere; white-space: pre-wrap }
figure { margin: 1.2em 0 } figcaption { opacity: .75; margin-top: .3em } img { max-width: 100%; display: block }
pre { white-space: pre-wrap; border: 1px solid #8886; border-radius: .3em; padding: .6em }
pre span { display: inline-block; max-width: 100%; overflow-wrap: anywhere }
@media (prefers-color-scheme: dark) { img { filter: invert(.93) hue-rotate(180deg) } }
"""
