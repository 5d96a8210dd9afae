"""The report of a search: results.json, results.html, a table."""

import json
import math
from collections.abc import Iterator

import numpy as np

from seqzoo.config import flag_text
from seqzoo.display.pages import escape, page
from seqzoo.display.tables import FittedTable, plain_table
from seqzoo.files import replace, write_json
from seqzoo.search.space import Values
from seqzoo.search.trials import Search

MIN_TRIALS = 10  # finished trials needed to estimate the importance of options


def write_report(search: Search, records: list[dict]) -> None:
    """Writes results.json and results.html into the folder of a `trials.Search`."""
    results = {
        "task": search.task,
        "tuner": search.tuner,
        "objective": search.key,
        "title": search.measure.title,
        "direction": search.measure.direction,
        "unit": search.measure.unit,
        "seeds": search.seeds,
        "space": {name: str(values) for name, values in search.space.items()},
        "fixed": search.fixed,
        "best": best(search, records),
        "importance": importance(search, records),
        "trials": records,
    }
    write_json(search.folder / "results.json", results)

    def save(temporary):
        with open(temporary, "w", encoding="utf-8") as file:
            file.writelines(page(f"{search.task}: {search.tuner} search", _body(search, results), _STYLE))

    replace(search.folder / "results.html", save)


def ranked(search: Search, records: list[dict]) -> list[dict]:
    """The records with a score, the best first."""
    return sorted((r for r in records if r["score"] is not None), key=lambda r: -search.sign * r["score"])


def best(search: Search, records: list[dict]) -> dict | None:
    """The record of the best trial; None before there is a score."""
    return next(iter(ranked(search, records)), None)


def importance(search: Search, records: list[dict]) -> dict:
    """How much the options matter: the permutation importance of a random forest (Breiman, 2001).

    A forest learns to predict the score from the options (and from the epochs, if they differ, as Hyperband's do). Then
    the values of one option are shuffled among the trials: the more the forest's R² falls, the more the option matters.

    Returns:
        ``{"options": {option: [mean, spread]}, "explained": out-of-bag R², "note": str}``. If the importance cannot be
        estimated, there are no options and the note says why.
    """
    scored = ranked(search, records)
    answer = {"options": {}, "explained": None, "note": ""}
    if len(scored) < MIN_TRIALS:
        return answer | {"note": f"Too few trials to tell: {len(scored)} have a score, {MIN_TRIALS} are needed."}
    if scored[0]["score"] == scored[-1]["score"]:
        return answer | {"note": "All scores are the same, so there is nothing to explain."}
    from sklearn.ensemble import RandomForestRegressor
    from sklearn.inspection import permutation_importance

    columns = {name: [values.position(r["settings"][name]) for r in scored] for name, values in search.space.items()}
    if len({record["epochs"] for record in scored}) > 1 and "epochs" not in columns:
        columns["epochs trained"] = [math.log(record["epochs"]) for record in scored]
    x, y = np.array([*columns.values()]).T, np.array([record["score"] for record in scored])
    forest = RandomForestRegressor(100, oob_score=True, random_state=0).fit(x, y)
    answer["explained"] = float(forest.oob_score_)
    if forest.oob_score_ <= 0:
        return answer | {
            "note": f"Too few trials to tell: a random forest fitted to these {len(scored)} predicts the score of "
            "unseen trials no better than their mean."
        }
    drops = permutation_importance(forest, x, y, n_repeats=10, random_state=0)
    rows = zip(columns, drops.importances_mean, drops.importances_std, strict=True)
    answer["options"] = {name: [float(mean), float(spread)] for name, mean, spread in sorted(rows, key=lambda r: -r[1])}
    return answer


def table(search: Search, records: list[dict], rows: int = 10) -> FittedTable:
    """A table of the best trials."""
    spreads = ["spread"] if search.seeds > 1 else []
    cells = []
    for record in ranked(search, records)[:rows]:
        spread = [f"{record['spread']:.2f}"] if spreads else []
        numbers = [record["id"], f"{record['score']:.2f}", *spread, str(record["epochs"]), f"{record['minutes']:.1f}"]
        cells.append([*numbers, *map(flag_text, record["settings"].values())])
    columns = ["trial", search.title, *spreads, "epochs", "minutes", *search.space]
    return plain_table(f"{search.task}: the best of {len(records)} trials", columns, cells)


def _body(search: Search, results: dict) -> Iterator[str]:
    """Yields the body of results.html in pieces."""
    records, found = results["trials"], results["best"]
    counts = {}
    for record in records:
        counts[record["status"]] = counts.get(record["status"], 0) + 1
    yield f"<p>{len(records)} trials: {', '.join(f'{count} {status}' for status, count in counts.items())}. "
    seeds = f", mean of {search.seeds} seeds" if search.seeds > 1 else ""
    better = "higher" if search.sign > 0 else "lower"
    yield f"The score is {escape(search.title)}{seeds}; {better} is better.</p>\n"
    if found:
        yield f"<h2>Best: {_score(found)}</h2>\n<pre>{escape(found['command'])}</pre>\n"
    yield "<h2>Settings and scores</h2>\n"
    yield from _coordinates(search, records)
    yield "<h2>What matters</h2>\n"
    yield from _bars(results["importance"])
    yield "<h2>Trials</h2>\n"
    yield from _table(search, records)
    yield f"<script>{_SCRIPT}</script>\n"


def _score(record: dict) -> str:
    spread = "" if record["spread"] is None else f" ± {record['spread']:.2f}"
    return "" if record["score"] is None else f"{record['score']:.2f}{spread}"


def _coordinates(search: Search, records: list[dict]) -> Iterator[str]:
    """Parallel coordinates: an axis for each option and one for the score, a line for each trial."""
    scored = ranked(search, records)[::-1]  # the best on top
    if not scored:
        yield "<p>No trial has a score yet.</p>\n"
        return
    low, high = min(r["score"] for r in scored), max(r["score"] for r in scored)
    step, top, bottom = 130, 40, 300
    width = step * (len(search.space) + 1)
    yield f'<div><svg class=lines viewBox="0 0 {width} {bottom + 30}" width="{width}" role=img>\n'
    for number, (name, values) in enumerate([*search.space.items(), (search.title, None)]):
        x = step * number + step / 2
        yield f'<line class=axis x1="{x}" y1="{top}" x2="{x}" y2="{bottom}"/>'
        yield f'<text class=name x="{x}" y="{top - 20}">{escape(name)}</text>\n'
        for text, position in _ticks(values) if values else ((f"{low:.2f}", 0), (f"{high:.2f}", 1)):
            if not values and low == high and position:
                continue
            y = bottom - position * (bottom - top)
            yield f'<line class=axis x1="{x - 3}" y1="{y:.1f}" x2="{x + 3}" y2="{y:.1f}"/>'
            yield f'<text x="{x + 6}" y="{y + 4:.1f}">{escape(text)}</text>\n'
    for rank, record in enumerate(scored):
        positions = [values.position(record["settings"][name]) for name, values in search.space.items()]
        positions.append((record["score"] - low) / (high - low) if high > low else 0)
        points = " ".join(
            f"{step * number + step / 2},{bottom - position * (bottom - top):.1f}"
            for number, position in enumerate(positions)
        )
        title = ", ".join(f"{name} {flag_text(value)}" for name, value in record["settings"].items())
        yield (
            f'<g data-trial="{record["id"]}" stroke="{_colour(rank / max(1, len(scored) - 1))}">'
            f"<title>trial {record['id']}: {_score(record)}, {escape(title)}</title>"
            f'<polyline class=wide points="{points}"/><polyline points="{points}"/></g>\n'
        )
    yield (
        "</svg></div>\n<p class=legend>Each line is a trial, from the worst score (blue) to the best (orange). Point "
        "at a line or at its row below to highlight both. Trials without a score are not drawn.</p>\n"
    )


def _ticks(values: Values) -> list[tuple[str, float]]:
    """The labels of an axis and their positions from 0 to 1."""
    if values.choices:
        return [(flag_text(value), values.position(value)) for value in values.choices]
    low, high = values.low, values.high
    middle = math.sqrt(low * high) if values.logarithmic else (low + high) / 2
    middle = round(middle) if values.type is int else float(f"{middle:.2g}")
    return [(f"{value:g}", values.position(value)) for value in dict.fromkeys((low, middle, high))]


def _colour(share: float) -> str:
    """Blue at 0 to orange at 1: visible on black and on white, and distinct to colour-blind people."""
    return "#" + "".join(f"{round(a + share * (b - a)):02x}" for a, b in ((50, 240), (110, 130), (230, 0)))


def _bars(found: dict) -> Iterator[str]:
    """A bar for the importance of each option."""
    if found["note"]:
        yield f"<p>{escape(found['note'])}</p>\n"
        return
    largest = max(mean for mean, _ in found["options"].values()) or 1
    yield "<table class=bars>\n"
    for name, (mean, spread) in found["options"].items():
        yield (
            f'<tr><th>{escape(name)}<td><i style="width:{max(0, mean) / largest * 20:.2f}em"></i> '
            f"{mean:.2f} ± {spread:.2f}</tr>\n"
        )
    yield (
        "</table>\n<p class=legend>Permutation importance: a random forest of 100 trees learns to predict the score "
        "from the options; a bar shows how far its R² falls when that option's values are shuffled among the trials "
        "(mean and standard deviation of 10 shuffles). The out-of-bag R² is "
        f"{found['explained']:.2f}: the closer to 1, the more reliable the bars.</p>\n"
    )


def _table(search: Search, records: list[dict]) -> Iterator[str]:
    columns = ["trial", search.title, *search.space, "epochs", "minutes", "status", "folder"]
    yield "<div><table class=trials>\n<thead><tr>" + "".join(f"<th>{escape(name)}" for name in columns)
    yield "</tr></thead>\n<tbody>\n"
    for record in records:
        status = record["status"] + (f": {record['reason']}" if record["reason"] else "")
        settings = [flag_text(record["settings"][name]) for name in search.space]
        cells = [record["id"], _score(record), *settings, str(record["epochs"]), f"{record['minutes']:.1f}"]
        row = "".join(f"<td>{escape(cell)}" for cell in (*cells, status, record["folder"]))
        yield f'<tr data-trial="{record["id"]}" title="{escape(record["command"])}">{row}</tr>\n'
    yield "</tbody></table></div>\n<p class=legend>Click a heading to sort. Point at a row to see its command.</p>\n"
    data = json.dumps({"descending": search.sign > 0})
    yield f"<script>const search = {data}</script>\n"


_STYLE = """body { max-width: 75em } div { overflow-x: auto } h2 { margin: 1.5em 0 .3em; font-size: 1.2em }
pre { white-space: pre-wrap; overflow-wrap: anywhere; border: 1px solid #8886; padding: .5em }
svg text { font-size: 12px; fill: currentColor } svg .name { text-anchor: middle; font-weight: bold }
svg .axis { stroke: currentColor; opacity: .6 } svg polyline { fill: none; stroke-width: 1.5; pointer-events: stroke }
svg:has(g.on) g { opacity: .12 } svg g.on { opacity: 1 !important } svg g.on polyline { stroke-width: 3.5 }
svg polyline.wide.wide { stroke: transparent; stroke-width: 9 }
table { border-collapse: collapse } th, td { text-align: left; padding: .1em 1em .1em 0; vertical-align: top }
.trials { font-size: 14px } .trials tr { border-bottom: 1px solid #8884 } .trials th { cursor: pointer }
.trials tbody tr:hover, .trials tr.on { background: #8883 } .bars th { font-weight: normal }
.bars i { display: inline-block; height: .8em; background: #f08200 }
"""

# Sorts the table, and highlights a trial's row and line together.
_SCRIPT = """
const number = text => parseFloat(text);
document.querySelectorAll(".trials th").forEach((head, column) => head.onclick = () => {
  const body = document.querySelector(".trials tbody"), cell = row => row.cells[column].textContent;
  const first = column == 1 && search.descending ? -1 : 1;
  const way = head.dataset.way = head.dataset.way == first ? -first : first;
  [...body.rows].sort((a, b) => {
    const [x, y] = [cell(a), cell(b)], [m, n] = [number(x), number(y)];
    if (x == "" || y == "") return (x == "") - (y == "");
    return way * (isNaN(m) || isNaN(n) ? x.localeCompare(y) : m - n);
  }).forEach(row => body.append(row));
});
document.querySelectorAll("[data-trial]").forEach(one => {
  const both = document.querySelectorAll(`[data-trial="${one.dataset.trial}"]`);
  one.onmouseenter = () => both.forEach(each => each.classList.add("on"));
  one.onmouseleave = () => both.forEach(each => each.classList.remove("on"));
});
"""
