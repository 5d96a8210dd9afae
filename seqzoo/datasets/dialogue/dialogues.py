"""Users' own dialogues: JSON lines with a list of turns each, or tables with a history and its reply."""

import functools
import itertools
import json
import os

from seqzoo.datasets import DATASETS, Examples
from seqzoo.datasets.dialogue.replies import FEATURES, replies
from seqzoo.datasets.files import bad_line, check_surrogates, plain_name, read_lines, split_files
from seqzoo.datasets.splits import refuse_arguments
from seqzoo.datasets.tables import by_index, find_columns, table_rows
from seqzoo.text.turns import BOT, USER, read_turns

JSON = (".jsonl", ".ndjson", ".json")
TURNS = ("turns", "messages", "dialogue", "dialog", "conversation", "conversations")  # keys of a list of turns
SPEAKER, TEXT = ("speaker", "role", "from"), ("text", "content", "value")  # keys of a turn
BOTS = ("bot", "assistant", "agent", "gpt", "model", "system")  # in lower case; beside another, system is a prompt
COLUMNS = {  # common names of the columns, the likeliest first, as for `tables.find_columns`
    "history": ("history", "context", "user", "question", "prompt", "input"),
    "reply": ("reply", "response", "bot", "answer", "completion", "output"),
}


@DATASETS.register("dialogues")
def dialogues(
    data_dir: str | os.PathLike | None = None,
    name: str | None = None,
    columns: dict | None = None,
    encoding: str = "utf-8",
) -> dict[str, Examples]:
    """Dialogues in JSON lines, or histories with their replies in CSV or TSV, plain or gzipped.

    1. One dialogue per line: a list of turns, or an object with one under a key of `TURNS`. Turns are strings, by the
       user and the bot in turn; or objects with a speaker and a text, under keys of `SPEAKER` and `TEXT`. The bot is
       the speaker named as one of `BOTS`, or else the second one to speak; all others are users.
    2. A table with a column for the history, its turns with tabs or line ends between them, the user's last, and one
       for the reply.

    Args:
        data_dir: folder with train/valid/test files ending in ``.jsonl``, ``.ndjson``, ``.json`` (lines as well),
            ``.csv``, ``.tsv`` or ``.txt`` (with tabs), or one such file.
        name: take only files with this in their names.
        columns: of a table: ``{"history": column, "reply": column}`` by the names in its header, or by index, negative
            from the end, without a header. Default: the first of `COLUMNS` that it has.
        encoding: of the files.

    Returns:
        Dict split -> `Examples` with ``history`` and ``reply``, see `replies.replies`.

    Raises:
        ValueError: no such files or columns; while iterating, with file and line: no list of turns, a turn without a
            speaker or a text, or a number of columns that differs from the first line.
    """
    files = split_files(data_dir, *JSON, ".csv", ".tsv", ".txt", name=name, reader="dialogues")
    found = {}
    for split, path in files.items():
        if plain_name(path).endswith(JSON):
            refuse_arguments(f"{path}: JSON lines of turns have no columns.", columns=columns)
            read = functools.partial(_json, path, encoding)
        else:
            _, first = next(table_rows(path, encoding), (0, []))
            indices = find_columns(path, first, columns, COLUMNS, [*COLUMNS])
            read = functools.partial(_table, path, encoding, indices, not by_index(columns))
        found[split] = Examples(read, FEATURES, path)
    return found


def _json(path, encoding):
    for number, line in read_lines(path, encoding):
        if not line.strip():
            continue
        try:
            item = json.loads(line)
            turns = next(item[key] for key in TURNS if key in item) if isinstance(item, dict) else item
            turns = _turns(turns)
        except StopIteration:
            raise bad_line(path, number, f"expected a list under one of {', '.join(TURNS)}", line) from None
        except (ValueError, RecursionError) as error:
            raise bad_line(path, number, f"expected one dialogue per line: {error}", line) from error
        check_surrogates(path, number, line, "".join(text for _, text in turns))
        yield from replies(turns, number)


def _turns(turns):
    """Returns [(mark, text)] of a list of turns."""
    if not isinstance(turns, list):
        raise ValueError("expected a list of turns")
    if all(isinstance(turn, str) for turn in turns):
        return list(zip(itertools.cycle((USER, BOT)), turns))
    speakers, texts = ([_value(turn, keys) for turn in turns] for keys in (SPEAKER, TEXT))
    names = [*dict.fromkeys(speaker.lower() for speaker in speakers)]
    bot = next((bot for bot in BOTS if bot in names), names[1] if len(names) > 1 else "")
    return [(BOT if name.lower() == bot else USER, text) for name, text in zip(speakers, texts, strict=True)]


def _value(turn, keys):
    key = next((key for key in keys if isinstance(turn, dict) and key in turn), None)
    if key is None or not isinstance(turn[key], str):
        raise ValueError(f"a turn should be a text, or an object with a text under {', '.join(keys)}: {turn!r:.60}")
    return turn[key]


def _table(path, encoding, indices, header):
    for number, fields in itertools.islice(table_rows(path, encoding), int(header), None):
        history, reply = (fields[index] for index in indices.values())
        history = read_turns(history.replace("\n", "\t")) or USER
        if reply.strip():
            yield {"history": history, "reply": reply.strip(), "dialogue": number, "last": True}
