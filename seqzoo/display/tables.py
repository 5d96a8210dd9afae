"""Tables for the terminal. Text in them is never read as markup."""

from collections.abc import Iterator, Mapping, Sequence
from numbers import Number

from rich import box
from rich.align import Align
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType
from rich.table import Table
from rich.text import Text

from seqzoo.display.plain import plain
from seqzoo.metrics.measure import Measure

ROWS = ("train", "valid", "test")  # the splits, in the keys of metrics.json
LONGEST_WORD = 24  # columns for a word of a text; a longer one is broken
BETWEEN = "  ·  "  # two captions


class FittedTable:
    """A table for any width of a terminal: nothing is cut off, and only long texts and very long labels are wrapped.

    Headers take one line if there is room, otherwise one line for each word. Columns that still do not fit go to a
    second block below, with the labels of the rows that have values there. Made by `plain_table` and `result_table`.

    Args:
        title: shown above the table; "" for none.
        columns: the headers; the first column holds the labels of the rows.
        rows: the cells of each row, one for each column.
        captions: shown below the table, each on one line if possible.
    """

    def __init__(self, title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], captions: Sequence[str] = ()):
        self.title, self.captions = plain(title), [plain(text) for text in captions]
        self.columns, self.rows = [*map(plain, columns)], [[*map(plain, row)] for row in rows]
        self.numbers, self.most, self.least = [], [], []  # whether a column holds numbers, and its bounds in width
        for position, name in enumerate(self.columns):
            cells = [row[position] for row in self.rows]
            self.numbers.append(position > 0 and all(map(_is_number, cells)))
            widest = max(map(cell_len, cells), default=0)
            self.most.append(max(widest, cell_len(name)))
            if position and not self.numbers[-1]:
                widest = min(max((cell_len(word) for cell in cells for word in cell.split()), default=0), LONGEST_WORD)
            self.least.append(max(widest, *map(cell_len, name.split()), 0))

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        width = options.max_width
        if self.title:
            yield Text(self.title, "table.title")
        for number, (columns, gap) in enumerate(self._blocks(width)):
            if number:
                yield ""
            table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, gap - 1, 0, 0))
            for column, size in zip(columns, self._widths(columns, width - gap * (len(columns) - 1)), strict=True):
                justify = "right" if self.numbers[column] else "left"
                header = Align(Text(self.columns[column]), justify, vertical="bottom")
                table.add_column(header, justify=justify, width=size, overflow="fold")
            for row in self.rows:
                if any(row[column] for column in columns[1:]) or not any(row[1:]):
                    table.add_row(*(Text(row[column]) for column in columns))
            yield table
        line = ""
        for text in self.captions:
            if line and cell_len(line) + len(BETWEEN) + cell_len(text) > width:
                yield Text(line, "table.caption")
                line = ""
            line = f"{line}{BETWEEN}{text}" if line else text
        if line:
            yield Text(line, "table.caption")

    def _blocks(self, width: int) -> Iterator[tuple[list[int], int]]:
        """Yields (columns, blanks between them) of each block."""
        least = [min(self.least[0], width // 2), *self.least[1:]]
        for gap in (2, 1):
            if sum(least) + gap * (len(least) - 1) <= width:
                yield [*range(len(least))], gap
                return
        block = [0]
        for column in range(1, len(least)):
            if len(block) > 1 and sum(least[i] + 2 for i in block) + least[column] > width:
                yield block, 2
                block = [0]
            block.append(column)
        yield block, 2

    def _widths(self, columns: list[int], room: int) -> list[int]:
        """Returns the widths of some columns that share `room` characters."""
        most = [self.most[column] for column in columns]
        if sum(most) <= room:
            return most
        widths = [self.least[column] for column in columns]
        if sum(widths) > room:  # a very long label
            widths[0] = max(min(widths[0], room // 2), room - sum(widths[1:]))
        texts = [i for i, column in enumerate(columns) if i and not self.numbers[column]]
        texts.sort(key=lambda i: most[i] - widths[i])
        for number, i in enumerate(texts):  # columns of texts get the rest
            spare = max(0, room - sum(widths)) // (len(texts) - number)
            widths[i] += min(spare, most[i] - widths[i])
        return widths


def _is_number(cell: str) -> bool:
    """Returns whether a cell holds a number, or nothing."""
    try:
        float(cell.replace(",", "").removesuffix("%") or 0)
    except ValueError:
        return cell == "-"
    return True


def plain_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], caption: str = "") -> FittedTable:
    """Returns a table of strings. Columns of numbers are right-aligned, except the first column."""
    return FittedTable(title, columns, rows, [caption] if caption else [])


def result_table(metrics: Mapping, measures: Mapping[str, Measure], title: str) -> FittedTable:
    """Returns a table of scores: a row for each split, with its classes and baselines; a column for each measure.

    Args:
        metrics: as in metrics.json. ``{"valid_f1": 90.0}``: the main scores, by split. ``{"valid_classes": {"PER":
            {"f1": 81.0}}}`` and ``{"valid_baselines": {"look-up": {"f1": 60.0}}}``: scores of classes and baselines,
            and likewise any other group of rows. Other numbers (epochs, minutes) go in the captions; strings, such as
            signatures, are not shown.
        measures: the task's measures, {name: Measure}, in the order of the columns; those without values are omitted.
        title: shown above the table.
    """
    rows, others = [], []
    for name, scores in _rows(metrics, measures):
        values = {measure: scores[measure] for measure in measures if scores.get(measure) is not None}
        if values:
            rows.append((name, values))
        for key, value in scores.items():
            if key not in measures and isinstance(value, Number):
                others.append(f"{name} {key}".strip().replace("_", " ") + f" {_number(value)}")
    columns = [measure for measure in measures if any(measure in values for _, values in rows)]
    cells = [[name, *(Measure.format(values.get(measure)) for measure in columns)] for name, values in rows]
    return FittedTable(title, ["", *(measures[measure].label for measure in columns)], cells, others)


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
    """Returns a number for captions: with three digits, and all digits before the point."""
    if not isinstance(value, float):
        return f"{value:,}"
    return f"{value:,.0f}" if 1000 <= abs(value) < 1e12 else f"{value:.3g}"
