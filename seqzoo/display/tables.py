"""Tables for the terminal. Text in them is never read as markup."""

from collections.abc import Iterator, Mapping, Sequence
from numbers import Number

from rich.cells import cell_len
from rich.table import Table

from seqzoo.display.plain import plain_text
from seqzoo.metrics.measure import Measure

ROWS = ("train", "valid", "test")  # the splits, in the keys of metrics.json


def plain_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], caption: str = "") -> Table:
    """A table of strings. Columns of numbers are right-aligned, except the first column."""
    table = _table(title, caption)
    for name, column in zip(columns, zip(*rows, strict=True) if rows else [()] * len(columns), strict=True):
        numbers = all(cell.strip("+-.%").replace(".", "").isdigit() for cell in column)
        table.add_column(plain_text(name), justify="right" if numbers else "left")
    for row in rows:
        table.add_row(*map(plain_text, row))
    return table


def result_table(metrics: Mapping, measures: Mapping[str, Measure], title: str) -> Table:
    """A table of scores: a row for each split, each of its classes and each of its baselines; a column a measure.

    Args:
        metrics: what metrics.json holds. ``{"valid_f1": 90.0}``: the main scores, by split. ``{"valid_classes": {"PER":
            {"f1": 81.0}}}`` and ``{"valid_baselines": {"look-up": {"f1": 60.0}}}``: scores of classes and baselines,
            and so for any other group of rows. Other numbers (epochs, minutes) go into the caption; strings, such as
            signatures, are left to the file.
        measures: the task's measures, {name: Measure}, in the order of the columns; those without a value are left out.
        title: stands above the table.
    """
    rows, others = [], []
    for name, scores in _rows(metrics, measures):
        values = {measure: scores[measure] for measure in measures if measure in scores}
        if values:
            rows.append((name, values))
        for key, value in scores.items():
            if key not in measures and isinstance(value, Number):
                others.append(f"{name} {key}".strip().replace("_", " ") + f" {_number(value)}")
    columns = [measure for measure in measures if any(measure in values for _, values in rows)]
    table = _table(title, "  ·  ".join(others))
    table.add_column("", overflow="fold")  # the labels of data are shown whole
    for measure in columns:
        table.add_column(plain_text(measures[measure].label), justify="right")
    for name, values in rows:
        table.add_row(plain_text(name), *(Measure.format(values.get(measure)) for measure in columns))
    return table


def _rows(metrics: Mapping, measures: Mapping[str, Measure]) -> Iterator[tuple[str, dict]]:
    """Yields (name of a row, its scores); numbers of the whole run come last and have the name ""."""
    splits, groups, run = {}, [], {}
    for key, value in metrics.items():
        split, _, rest = key.partition("_")
        if split not in ROWS or not rest:
            run[key] = value
        elif isinstance(value, Mapping):
            splits.setdefault(split, {})
            groups.append((split, rest, value))
        elif rest in measures:
            splits.setdefault(split, {})[rest] = value
        else:
            run[key] = value
    for split, scores in splits.items():
        if scores:
            yield split, scores
        for _, group, members in (each for each in groups if each[0] == split):
            for name, scores in members.items():
                kind = "" if group == "classes" else f"{group.removesuffix('s').replace('_', ' ')}: "
                yield f"{'  ' if splits[split] else f'{split} '}{kind}{name}", scores
    yield "", run


def _number(value: float) -> str:
    return f"{value:,.4g}" if isinstance(value, float) else f"{value:,}"


def _table(title: str, caption: str) -> Table:
    return Table(
        title=plain_text(title),
        caption=plain_text(caption) if caption else None,
        title_justify="left",
        caption_justify="left",
        min_width=min(cell_len(title), 72),  # rich would break a title that is wider than the columns
    )
