import io
import json

import pytest
from rich.console import Console

from seqzoo.display import print_tagged, result_table, tagged, to_json
from seqzoo.tokenizer import split_sentences, tokenize

TEXT = "Nothing here. Ford Motor [bold] hired\nZoë :smile: in 東京."
TAGS = "B-ORG I-ORG O O O O B-PER O O O O B-LOC O".split()


def second_sentence(tags=TAGS, confidences=None):
    return tagged(TEXT, split_sentences(tokenize(TEXT), TEXT)[1], tags, confidences)


def printed(renderable, width=80, **settings):
    console = Console(file=io.StringIO(), width=width, **settings)
    if isinstance(renderable, dict):
        print_tagged(renderable, console)
    else:
        console.print(renderable)
    return console.file.getvalue()


def test_json_is_one_line_that_points_into_the_text():
    sentence = second_sentence(confidences=[0.5] + [0.9] * 12)
    line = to_json(sentence)
    assert "\n" not in line and "Zoë" in line and "東京" in line
    assert json.loads(line) == sentence
    for part in sentence["tokens"] + sentence["entities"]:
        assert TEXT[part["start"] : part["end"]] == part["text"]
    assert sentence["text"] == TEXT[sentence["start"] :]
    assert sentence["tokens"][0] == {"text": "Ford", "start": 14, "end": 18, "tag": "B-ORG", "confidence": 0.5}
    assert [(entity["text"], entity["type"], entity["confidence"]) for entity in sentence["entities"]] == [
        ("Ford Motor", "ORG", 0.5),
        ("Zoë", "PER", 0.9),
        ("東京", "LOC", 0.9),
    ]


def test_names_stand_in_brackets_without_colour_and_the_text_is_untouched():
    expected = "[Ford Motor ORG 50%] [bold] hired [Zoë PER] :smile: in [東京 LOC].\n"
    sentence = second_sentence(confidences=[0.5] + [0.9] * 12)
    assert printed(sentence) == expected
    assert printed(sentence, force_terminal=True, color_system="standard", no_color=True) == expected


@pytest.mark.parametrize("system", ["standard", "256", "truecolor"])
def test_names_are_coloured_on_a_terminal(system):
    out = printed(second_sentence(), force_terminal=True, color_system=system)
    assert "\x1b[" in out and " Ford Motor " in out and "[bold]" in out and "[Ford" not in out


def test_tags_stand_under_their_words():
    sentence = second_sentence("PROPN PROPN PUNCT ADJ PUNCT VERB PROPN PUNCT NOUN PUNCT ADP PROPN PUNCT".split())
    assert "entities" not in sentence
    lines = printed(sentence, width=40).splitlines()
    assert [line.split() for line in lines[:2]] == [
        ["Ford", "Motor", "[", "bold", "]", "hired", "Zoë"],
        ["PROPN", "PROPN", "PUNCT", "ADJ", "PUNCT", "VERB", "PROPN"],
    ]
    assert lines[0].index("hired") == lines[1].index("VERB")
    assert sum(line.split().count("PROPN") for line in lines[1::2]) == 4


def test_an_empty_sentence_and_wrong_numbers():
    assert tagged("", [], [])["tokens"] == []
    with pytest.raises(ValueError, match="13 tokens, 1 tags"):
        second_sentence(["O"])


def test_a_table_has_a_row_for_each_set_and_class():
    metrics = {
        "valid_f1": 94.614,
        "valid_precision": 95.0,
        "valid_work_of_art_f1": 50.0,
        "baseline_f1": 60.0,
        "best_epoch": 7,
        "test": {"f1": 90.0, "classes": {"[PER]": {"precision": 80.0, "f1": 81.0, "support": 1234}}},
    }
    out = printed(result_table(metrics, "[red] scores"))
    assert "[red] scores" in out and "best epoch 7" in out
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in out.splitlines() if "│" in line]
    assert rows == [
        ["valid", "95.00", "94.61", ""],
        ["valid work of art", "", "50.00", ""],
        ["baseline", "", "60.00", ""],
        ["test", "", "90.00", ""],
        ["test [PER]", "80.00", "81.00", "1,234"],
    ]
