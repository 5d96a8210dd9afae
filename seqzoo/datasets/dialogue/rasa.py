"""Requests with entities and an intent as Rasa's NLU has them, in YAML, JSON or JSON lines."""

import functools
import json
import os
import re

from seqzoo.datasets import DATASETS, Examples
from seqzoo.datasets.files import check_surrogates, read_lines, split_files
from seqzoo.datasets.text.jsonl import json_objects
from seqzoo.text.spans import tags_of_offsets
from seqzoo.text.tokenizer import tokenize

FEATURES = {"tokens": list, "slots": list, "intent": str}
# [New York](city), [NYC](city:New York) with a value, or [NYC]{"entity": "city", "value": "New York"}
_ENTITY = re.compile(r"\[(?P<text>[^\]]+)\](?:\((?P<kind>[^):]+)(?::[^)]*)?\)|(?P<json>\{[^}]*\}))")


@DATASETS.register("rasa")
def rasa(
    data_dir: str | os.PathLike | None = None,
    name: str | None = None,
    columns: dict | None = None,
    encoding: str = "utf-8",
) -> dict[str, Examples]:
    """Files .yml of Rasa's format 2 or 3, .json of its format 1, or .jsonl with one example of the latter per line.

    In YAML, the items of `nlu` with an `intent` are read: their `examples` are lines such as ``- play
    [Bach](artist)``. In JSON, an example is ``{"text", "intent", "entities": [{"start", "end", "entity"}]}``. Texts are
    split into words by `text.tokenizer.tokenize`; a word that is partly in an entity belongs to it.
    The format: https://rasa.com/docs/rasa/training-data-format

    Args:
        data_dir: folder with train/valid/test files, or one such file.
        name: take only files with this in their names.
        columns: should be empty.
        encoding: of the files.

    Returns:
        Dict split -> `Examples` with ``tokens``, ``slots`` (BIO) and ``intent``.

    Raises:
        ValueError: no such files; while iterating, with the file: not that format, no text, no intent, or an entity
            that is outside of its text or shares a word with another.
    """
    if columns:
        raise ValueError(f"--dataset=rasa takes no --columns. Received: {columns}")
    files = split_files(data_dir, ".yml", ".yaml", ".json", ".jsonl", name=name, reader="rasa")
    return {
        split: Examples(functools.partial(_read, path, encoding), FEATURES, path, aligned=True)
        for split, path in files.items()
    }


def _read(path, encoding):
    for where, text, intent, entities in _requests(path, encoding):
        if not isinstance(text, str) or not isinstance(intent, str) or not intent or not tokenize(text):
            raise ValueError(f"{path}: {where}: expected a text and an intent. Received: {text!r:.60}, {intent!r:.60}")
        check_surrogates(path, where, text, text + intent)
        tokens = tokenize(text)
        try:
            spans = [(entity["start"], entity["end"], entity["entity"]) for entity in entities]
            tags = tags_of_offsets(tokens, spans)
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{path}: {where}: bad entities of {text!r:.60}: {error}") from error
        yield {"tokens": [token for token, _, _ in tokens], "slots": tags, "intent": intent}


def _requests(path, encoding):
    """Yields (position, text, intent, entities) of each example of a file."""
    name = path.name.lower().removesuffix(".gz")
    if name.endswith(".jsonl"):
        for number, _, item in json_objects(path, encoding):
            yield f"line {number}", item.get("text"), item.get("intent"), item.get("entities") or []
        return
    text = "\n".join(line for _, line in read_lines(path, encoding))
    yield from (_of_json if name.endswith(".json") else _of_yaml)(path, text)


def _of_json(path, text):
    try:
        examples = json.loads(text)["rasa_nlu_data"]["common_examples"]
        rows = [(item.get("text"), item.get("intent"), item.get("entities") or []) for item in examples]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f'{path}: expected {{"rasa_nlu_data": {{"common_examples": [...]}}}}: {error}') from error
    yield from ((f"example {number}", *row) for number, row in enumerate(rows, 1))


def _of_yaml(path, text):
    import yaml

    try:
        items = (yaml.safe_load(text) or {})["nlu"]
        # Other items are synonyms, look-up tables, expressions.
        items = [(item["intent"], item.get("examples") or "") for item in items if item.keys() >= {"intent"}]
    except (yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path}: expected a list nlu of items with intent and examples: {error}") from error
    for intent, examples in items:
        if isinstance(examples, str):
            examples = [line.removeprefix("- ") for line in map(str.strip, examples.split("\n")) if line]
        for number, each in enumerate(examples if isinstance(examples, list) else [examples], 1):
            line = each.get("text") if isinstance(each, dict) else each
            marked = _marked(path, line, intent) if isinstance(line, str) else (line, intent, [])
            yield f"intent {intent}, example {number}", *marked


def _marked(path, line, intent):
    """Returns (text, intent, entities) of a line with marked entities."""
    text, entities, end = "", [], 0
    for match in _ENTITY.finditer(line):
        text += line[end : match.start()]
        kind = match["kind"]
        if match["json"]:
            try:
                kind = json.loads(match["json"])["entity"]
            except (ValueError, KeyError) as error:
                raise ValueError(f"{path}: intent {intent}: an entity without its kind in {line!r:.80}") from error
        entities.append({"start": len(text), "end": len(text) + len(match["text"]), "entity": kind})
        text, end = text + match["text"], match.end()
    return text + line[end:], intent, entities
