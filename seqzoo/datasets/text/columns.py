"""The columns of texts with labels or summaries, in tables and in JSON lines."""

import os
from collections.abc import Iterable

from seqzoo.datasets.tables import column_parts, no_column

# Common names of the columns, the likeliest first.
COLUMNS = {
    "text": (
        "text", "sentence", "review", "question", "content", "tweet", "comment", "document", "article", "dialogue",
        "body", "email_body", "sequence", "seq",
    ),
    "label": ("label", "labels", "sentiment", "class", "category", "target", "polarity", "stars", "rating"),
    "summary": ("summary", "subject", "subject_line", "highlights", "headline", "title", "abstract"),
}  # fmt: skip


def text_columns(path: str | os.PathLike, names: list[str], columns: dict) -> dict[str, list[str]]:
    """Finds the columns of texts and their labels or summaries by their names.

    Args:
        path: the file, for messages.
        names: the names of its columns, or the keys of its first object.
        columns: {feature: name} for ``text`` and for either ``label`` or ``summary``. The text may join several
            columns, ``title+body``, and so may the summary, for references of one text. Features that are not given:
            the first of `COLUMNS` that the file has, in upper or lower case; a summary if there is no label.

    Returns:
        Dict ``{"text": names, "label": [name]}`` or ``{"text": names, "summary": names}``.

    Raises:
        ValueError: no such column; `columns` has other features.
    """
    if (unknown := set(columns) - set(COLUMNS)) or {"label", "summary"} <= set(columns):
        raise ValueError(
            "columns should name text and label, such as --columns=text=NAME,label=NAME, or text and summary. "
            + (f"Unknown: {unknown}" if unknown else f"Received: {columns}")
        )
    taken = {part for column in columns.values() for part in column_parts(str(column), names)}
    # Reversed: of two equal names the first wins.
    lower = {name.lower(): name for name in reversed(names) if name not in taken}
    usual = {feature: next((lower[n] for n in common if n in lower), "") for feature, common in COLUMNS.items()}
    labelled = "label" in columns or usual["label"] or not usual["summary"]
    gold = "label" if labelled and "summary" not in columns else "summary"
    found = {}
    for feature in ("text", gold):
        column = str(columns.get(feature, usual[feature]))
        found[feature] = column_parts(column, names)
        if not found[feature] or (feature == "label" and len(found[feature]) > 1):
            common = COLUMNS[feature] + (COLUMNS["summary"] if feature == "label" else ())
            wanted = repr(column) if feature in columns else " or ".join(common)
            raise no_column(path, feature, wanted, names, ("text", gold))
    return found


def join_texts(texts: Iterable[str]) -> str:
    """Returns the texts of joined columns as one, with blanks between those that are not empty."""
    return " ".join(filter(None, texts))


def summarized(text: str, summaries: list[str]) -> dict:
    """Returns the example of a text and its summaries; training uses the first one that is not empty.

    Returns:
        ``{"text", "summary"}``, and ``"references"``, all summaries that are not empty, if there are several.
    """
    references = [summary for summary in summaries if summary.strip()]
    example = {"text": text, "summary": references[0] if references else ""}
    return {**example, "references": references} if len(references) > 1 else example
