"""The report of a search: results.json, results.html, a table."""

import math
import shlex
from collections.abc import Iterator

import numpy as np

from seqzoo.config import flag_text
from seqzoo.display.pages import escape, page
from seqzoo.display.tables import FittedTable, plain_table
from seqzoo.files import replace, write_json
from seqzoo.metrics.measure import Measure
from seqzoo.search.charts import course_chart, importance_chart, option_chart
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
    """Returns the records with a score, the best first."""
    return sorted((r for r in records if r["score"] is not None), key=lambda r: -search.sign * r["score"])


def best(search: Search, records: list[dict]) -> dict | None:
    """Returns the record of the best trial; None before there is a score."""
    return next(iter(ranked(search, records)), None)


def importance(search: Search, records: list[dict]) -> dict:
    """Estimates how much the options matter, by the permutation importance of a random forest (Breiman, 2001).

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


def value_text(value: str | int | float | bool) -> str:
    """Formats a value for people, with four digits of fractions. The command of a trial has all digits."""
    return f"{value:.4g}" if isinstance(value, float) else flag_text(value)


def table(search: Search, records: list[dict], rows: int = 10) -> FittedTable:
    """Returns a table of the best trials."""
    spreads = ["spread"] if search.seeds > 1 else []
    cells = []
    for record in ranked(search, records)[:rows]:
        spread = [Measure.format(record["spread"])] if spreads else []
        numbers = [Measure.format(record["score"]), *spread, str(record["epochs"]), f"{record['minutes']:.1f}"]
        cells.append([record["id"], *numbers, *map(value_text, record["settings"].values())])
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
    yield from _charts(search, records)
    yield "<h2>What matters</h2>\n"
    yield from _importance(results["importance"])
    yield "<h2>Trials</h2>\n"
    yield from _table(search, records)
    yield f"<script>{_SCRIPT}</script>\n"


def _score(record: dict) -> str:
    spread = "" if record["spread"] is None else f" ± {Measure.format(record['spread'])}"
    return Measure.format(record["score"]) + spread


def _charts(search: Search, records: list[dict]) -> Iterator[str]:
    """Yields charts of the score over each option, and over the trials."""
    scored = ranked(search, records)
    if not scored:
        yield "<p>No trial has a score yet.</p>\n"
        return
    yield "<h2>Settings and scores</h2>\n<div class=charts>\n"
    for name, values in search.space.items():
        yield option_chart(name, values, scored, search.title, search.sign)
    yield course_chart(scored, search.title, search.sign)
    logs = escape(shlex.join(["tensorboard", "--logdir", str(search.folder)]))
    yield (
        "</div>\n<p class=legend>A point is a trial, the star the best one, a dash the mean of a choice; click a point "
        "to find its row below. Trials without a score are not drawn. To filter trials and to see all options at once, "
        f"run <code>{logs}</code>: the tab HPARAMS has parallel coordinates.</p>\n"
    )


def _importance(found: dict) -> Iterator[str]:
    """Yields a chart of how much each option matters."""
    if found["note"]:
        yield f"<p>{escape(found['note'])}</p>\n"
        return
    yield f"<div class=charts>\n{importance_chart(found['options'])}</div>\n"
    yield (
        "<p class=legend>Permutation importance: a random forest of 100 trees learns to predict the score from the "
        "options; a bar shows how far its R² falls when that option's values are shuffled among the trials (mean and "
        "standard deviation of 10 shuffles). The out-of-bag R² is "
        f"{found['explained']:.2f}: the closer to 1, the more reliable the bars.</p>\n"
    )


def _table(search: Search, records: list[dict]) -> Iterator[str]:
    """Yields a table of all trials, the best first, those without a score last."""
    columns = ["trial", search.title, *search.space, "epochs", "minutes", "status", "folder"]
    yield "<div class=wide><table>\n<thead><tr>" + "".join(f"<th>{escape(name)}" for name in columns)
    yield "</tr></thead>\n<tbody>\n"
    for record in ranked(search, records) + [record for record in records if record["score"] is None]:
        status = record["status"] + (f": {record['reason']}" if record["reason"] else "")
        settings = [value_text(record["settings"][name]) for name in search.space]
        cells = [record["id"], _score(record), *settings, str(record["epochs"]), f"{record['minutes']:.1f}"]
        row = "".join(f"<td>{escape(cell)}" for cell in (*cells, status, record["folder"]))
        yield f'<tr id="trial-{record["id"]}" title="{escape(record["command"])}">{row}</tr>\n'
    yield "</tbody></table></div>\n<p class=legend>Click a heading to sort. Point at a row to see its command.</p>\n"


_STYLE = """body { max-width: 90em } h2 { margin: 1.5em 0 .3em; font-size: 1.2em } a { color: inherit }
pre { white-space: pre-wrap; overflow-wrap: anywhere; border: 1px solid #8886; padding: .5em }
.charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 20em), 1fr)); gap: 1em 2em }
.charts svg { width: 100%; height: auto }
.wide { overflow-x: auto } table { border-collapse: collapse; width: 100%; font-size: 14px }
th, td { text-align: left; padding: .2em 1em .2em 0; vertical-align: top; white-space: nowrap }
td:nth-last-child(2) { white-space: normal; min-width: 12em } th { cursor: pointer }
tr { border-bottom: 1px solid #8884 } tbody tr:hover { background: #8883 } tr:target { background: #e8710a55 }
"""

# Sorts the table by the clicked column, in reverse at the second click.
_SCRIPT = """
document.querySelectorAll("th").forEach((head, column) => head.onclick = () => {
  const body = document.querySelector("tbody"), cell = row => row.cells[column].textContent;
  const way = head.dataset.way = head.dataset.way == 1 ? -1 : 1;
  [...body.rows].sort((a, b) => {
    const [x, y] = [cell(a), cell(b)], [m, n] = [parseFloat(x), parseFloat(y)];
    if (x == "" || y == "") return (x == "") - (y == "");
    return way * (isNaN(m) || isNaN(n) ? x.localeCompare(y) : m - n);
  }).forEach(row => body.append(row));
});
"""
