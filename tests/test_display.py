import io
import json
import re

import numpy as np
import pytest
from matplotlib.image import imread
from rich.console import Console
from rich.table import Table
from rich.text import Text

from seqzoo.display import pages
from seqzoo.display.plain import PlainConsole, json_line, one_line, plain, plain_text
from seqzoo.display.plots import confusion_plot
from seqzoo.display.tables import BETWEEN, plain_table, result_table
from seqzoo.display.terminal import (
    print_classified,
    print_n_best,
    print_sample,
    print_scored,
    print_tagged,
    tagged,
    usage,
)
from seqzoo.metrics.measure import Measure
from seqzoo.task import TASKS
from seqzoo.text.tokenizer import split_sentences, tokenize

TEXT = "Nothing here. Ford Motor [bold] hired\nZoë :smile: in 東京."
TAGS = "B-ORG I-ORG O O O O B-PER O O O O B-LOC O".split()


def second_sentence(tags=TAGS, confidences=None):
    return tagged(TEXT, split_sentences(tokenize(TEXT), TEXT)[1], tags, confidences)


def printed(renderable, width=80, **settings):
    console = Console(file=io.StringIO(), width=width, **settings)
    if isinstance(renderable, dict):
        (print_classified if "label" in renderable else print_tagged)(renderable, console)
    else:
        console.print(renderable)
    return console.file.getvalue()


def test_json_is_one_line_that_points_into_the_text():
    sentence = second_sentence(confidences=[0.5] + [0.9] * 12)
    line = json.dumps(sentence, ensure_ascii=False)  # as a task's answers are printed
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


def test_the_commands_for_a_trained_run_name_its_folder_and_show_what_it_does():
    begin = "  python -m seqzoo.run --mode="
    assert usage(("predict", "evaluate", "export"), "my runs/ner", "--text='a b'").plain.splitlines()[1:] == [
        f"{begin}predict --workdir='my runs/ner' --text='a b'",
        f"{begin}evaluate --workdir='my runs/ner'",
        f"{begin}export --workdir='my runs/ner'",
    ]
    shown = usage(("predict",), "my runs/a", "--text={folder}/clip.npy").plain.splitlines()[1]
    assert shown == f"{begin}predict --workdir='my runs/a' --text='my runs/a'/clip.npy"


def test_no_command_is_suggested_that_the_run_refuses():
    configs = (
        ("language_model", {}), ("language_model", {"reverse": True}), ("ner", {"contextual": "a run"}), ("ner", {})
    )  # fmt: skip
    assert [TASKS[name](TASKS[name].Config(**options)).uses() for name, options in configs] == [
        ["generate", "evaluate", "export"],
        ["evaluate"],
        ["predict", "evaluate", "export --format=run"],
        ["predict", "evaluate", "export"],
    ]


def test_an_empty_sentence_and_wrong_numbers():
    assert tagged("", [], [])["tokens"] == []
    with pytest.raises(ValueError, match="13 tokens, 1 tags"):
        second_sentence(["O"])


MEASURES = {
    "precision": Measure("Precision", "max", "%"),
    "f1": Measure("F1", "max", "%"),
    "macro_f1": Measure("Macro F1", "max", "%"),
    "loss": Measure("Loss", "min", "nats"),
    "support": Measure("Support"),
}


def table_of(metrics, measures=MEASURES):
    """(columns, rows as lists of cells, captions in one line) of a result table."""
    table = result_table(metrics, measures, "[red] scores")
    assert table.title == "[red] scores"
    return table.columns, table.rows, BETWEEN.join(table.captions)


def test_a_table_has_a_row_for_each_split_its_classes_and_its_baselines():
    metrics = {
        "valid_f1": 94.614,
        "valid_precision": 95.0,
        "valid_classes": {"[PER]": {"precision": 80.0, "f1": 81.0, "support": 1234}},
        "test_f1": 90.0,
        "valid_accuracy": None,
        "valid_baselines": {"look-up": {"f1": 60.0}},
        "best_epoch": 7,
        "minutes": 1.23456,
        "tokens_per_second": 55049.6,
        "train_padding": 12.5,
        "valid_bleu_signature": "nrefs:1",
    }
    columns, rows, caption = table_of(metrics)
    assert columns == ["", "Precision (%)", "F1 (%)", "Support"]
    assert rows == [
        ["valid", "95.00", "94.61", ""],
        ["  [PER]", "80.00", "81.00", "1,234"],
        ["  baseline: look-up", "", "60.00", ""],
        ["test", "", "90.00", ""],
    ]
    assert caption == "best epoch 7  ·  minutes 1.23  ·  tokens per second 55,050  ·  train padding 12.5"


def test_classes_may_be_called_like_measures_or_differ_in_case_alone():
    names = ["macro", "baseline", "baselines", "loss", "f1", "classes", "per", "PER", "valid", ""]
    scores = {name: {"f1": float(number)} for number, name in enumerate(names)}
    metrics = {
        "valid_f1": 1.0,
        "valid_macro_f1": 2.0,
        "valid_loss": 3.0,
        "valid_classes": scores,
        "valid_baselines": {"baseline": {"f1": 50.0, "seconds": 2.5}},
    }
    columns, rows, caption = table_of(metrics)
    assert columns == ["", "F1 (%)", "Macro F1 (%)", "Loss (nats)"] and rows[0] == ["valid", "1.00", "2.00", "3.00"]
    assert rows[1:-1] == [[f"  {name}", f"{number:.2f}", "", ""] for number, name in enumerate(names)]
    assert rows[-1][:2] == ["  baseline: baseline", "50.00"] and caption == "baseline: baseline seconds 2.5"


def test_a_group_without_scores_of_its_split_names_the_split_itself():
    groups = {"test_attractors": {"1 attractor": {"f1": 1.0}}}
    assert table_of(groups)[1] == [["test attractor: 1 attractor", "1.00"]]
    assert table_of({"epochs": 3}) == ([""], [], "epochs 3")


@pytest.mark.parametrize("width", [100, 80, 50, 30])
def test_a_table_of_any_width_keeps_its_words_and_its_title_above_it(width):
    title, label = "runs/ner on " + "folder/" * 20, "a label " * 12 + "end"
    metrics = {f"valid_{name}": 12345 if name == "support" else 95.0 for name in MEASURES}
    metrics["valid_classes"] = {"LOC": {"f1": 81.5}, label: {"loss": 1.25}}
    out = printed(result_table(metrics | {"epochs": 3}, MEASURES, title), width=width)
    lines = out.splitlines()
    assert max(map(len, lines)) <= width and "…" not in out
    above = -(-len(title) // width)
    assert "".join(lines[:above]).replace(" ", "").startswith("runs/neronfolder/") and lines[-1] == "epochs 3"
    assert {word for measure in MEASURES.values() for word in measure.label.split()} <= set(out.split())
    headers = [line for line in lines if line.strip("─") == "" and line]
    assert len(headers) == {100: 1, 80: 1, 50: 2, 30: 4}[width]  # one a block
    rows = [line.split() for line in lines if line.startswith("  LOC")]
    assert len(rows) == 1 and rows[0][-1] == "81.50"  # in the block of F1 alone


def test_columns_of_texts_are_wrapped_and_those_of_numbers_are_not():
    rows = [["a", "1,234", "it has no cuDNN kernel, and another activation"], ["b", "-", ""]]
    lines = printed(plain_table("", ["layer", "parameters", "why not"], rows), width=40).splitlines()
    assert [line.rstrip() for line in lines[:4]] == [
        "layer  parameters  why not",
        "─" * 40,
        "a           1,234  it has no cuDNN",
        "                   kernel, and another",
    ]


def test_control_characters_of_data_are_shown_and_not_obeyed():
    odd = "\x1b[31mred\x1b]0;title\x07 \x9b2J\r\x7f"
    shown = "␛[31mred␛]0;title␇ \ufffd2J␍␡"
    assert plain(odd) == shown and len(shown) == len(odd) and plain("a\tb\nc") == "a\tb\nc"
    token = {"text": odd, "start": 0, "end": len(odd), "log_probability": -1.0, "known": True}
    sentences = [
        tagged(odd, [(odd, 0, len(odd))], ["B-PER"]),
        tagged(odd, [(odd, 0, len(odd))], [odd]),
        classified(odd, odd, {odd: 0.5, "\x1bb": 0.4}, gold="\x1b"),
    ]
    table = printed(result_table({"test_classes": {odd: {"f1": 1.0}}}, MEASURES, odd))
    outputs = [*map(printed, sentences), table, printed(plain_table(odd, [odd], [[odd]], odd))]
    for print_answer, answer in (
        (print_n_best, {"n_best": [{"text": odd, "score": -1.0}]}),
        (print_scored, {"text": odd, "log_probability": -1.0, "perplexity": 2.0, "tokens": [token]}),
        (print_sample, {"sample": 2, "prime": odd, "text": odd, "unknown_in_prime": []}),
    ):
        console = Console(file=io.StringIO(), width=80)
        print_answer(answer, console)
        outputs.append(console.file.getvalue())
    outputs.append("".join(pages.page(odd, pages.classified_articles(iter(sentences[2:])))))
    for out in outputs:
        assert "␛[31mred" in out and not {"\x1b", "\x07", "\x9b", "\r", "\x7f"} & set(out)


def test_a_string_is_data_wherever_the_program_prints_it():
    odd = "[red]x[/spam] :smile: \x1b[31m\x9b2J\x07\r\x7f\udcff"
    shown = "[red]x[/spam] :smile: ␛[31m\ufffd2J␇␍␡\ufffd"
    table = Table(odd, title=odd, caption=odd)
    table.add_row(odd)
    for what, times in ((odd, 1), (plain_text(odd, "bold"), 1), (Text(odd), 1), (table, 4)):
        for options in ({}, {"force_terminal": True, "color_system": "truecolor"}):
            console = PlainConsole(file=io.StringIO(), width=60, **options)
            console.print(what)
            out = re.sub(r"\x1b\[[0-9;]*m", "", console.file.getvalue())  # the console's own styles
            assert plain(out) == out
            assert out.count(shown) == times or not isinstance(what, str | Table)


def test_json_holds_the_same_value_without_a_control_character():
    value = {"text": "".join(map(chr, range(0xA1))) + "é東😀", "\x9b": ["\x7f"]}
    line = json_line(value)
    assert json.loads(line) == value and plain(line) == line and "\n" not in line and "é東😀" in line


def test_a_message_is_one_line_of_at_most_1000_characters():
    assert one_line("data.txt:3: bad\n tag 'x'.") == "data.txt:3: bad tag 'x'."
    long = one_line(f"data.txt:3: unknown tag {'x' * 1_000_000!r}. Give --columns.")
    assert len(long) <= 1000 and long.startswith("data.txt:3: unknown tag 'xx")
    assert long.endswith("xx'. Give --columns.")
    assert " … " in long


@pytest.mark.filterwarnings("error")
def test_labels_of_any_kind_are_drawn(tmp_path):
    labels = ["$x^$", "[spam]", "\x1b[31m", "x" * 100_000, "東京", "", "a\rb"]
    confusion_plot(labels, np.eye(len(labels), dtype=int), tmp_path / "confusion.png")
    assert len((tmp_path / "confusion.csv").read_text("utf-8")) > 200_000
    assert max(imread(tmp_path / "confusion.png").shape) < 2000


def classified(text, label, probabilities, weights=None, **more):
    prediction = {"line": 1, "text": text, "label": label, "probabilities": probabilities, **more}
    if weights is not None:
        words = tokenize(text)
        prediction["words"] = [
            {"text": word, "start": start, "end": end, "weight": weight}
            for (word, start, end), weight in zip(words, weights, strict=True)
        ]
    return prediction


def test_a_label_stands_before_its_text():
    assert printed(classified("A fine\n[bold] film", "pos", {"neg": 0.02, "pos": 0.98})) == (
        "pos 98%  A fine [bold] film\n"
    )
    unsure = classified("So so", "pos", {"neg": 0.3, "odd": 0.1, "pos": 0.6})
    assert printed(unsure) == "pos 60% (neg 30%)  So so\n"
    assert printed({**unsure, "gold": "neg"}) == "pos 60% (neg 30%) gold: neg  So so\n"
    assert printed({**unsure, "gold": "pos"}) == printed(unsure)
    assert printed(classified("", None, {})) == "(no text)\n"
    long = classified("word " * 1000, "pos", {"pos": 0.9})
    assert printed(long).split().count("word") == 1000


def test_any_number_of_labels_stands_before_a_text():
    probabilities = {"drama": 0.6, "comedy": 0.9, "war": 0.1}
    assert printed(classified("Ha", ["drama", "comedy"], probabilities)) == "comedy 90%, drama 60%  Ha\n"
    assert printed(classified("Ha", [], {"war": 0.1, "drama": 0.4})) == "(no label) (drama 40%)  Ha\n"
    assert printed(classified("Ha", ["war"], {"war": 1.0}, gold=[])) == "war 100% gold: (no label)  Ha\n"


def test_letters_that_touch_share_their_marks():
    weights = [0.9, 0.5, 0, -0.8, -0.6]
    words = [
        {"text": c, "start": i, "end": i + 1, "weight": w}
        for i, (c, w) in enumerate(zip("TAGCC", weights, strict=True))
    ]
    prediction = {"text": "TAGCC", "label": "yes", "probabilities": {"yes": 0.9, "no": 0.1}, "words": words}
    assert printed(prediction).startswith("yes 90%  *TA*G-CC-\n")


def test_the_strongest_words_are_marked_without_colour_and_explained():
    prediction = classified("a good bad odd film", "pos", {"pos": 0.9}, [0.05, 0.9, -0.5, -0.2, 0.39])
    expected = "pos 90%  a *good* -bad- odd film\n(*word* speaks for the label, -word- against it)\n"
    assert printed(prediction) == expected
    assert printed(prediction, force_terminal=True, color_system="truecolor", no_color=True).count("*") == 4
    assert "word" not in printed(classified("a film", "pos", {"pos": 0.9}, [0.0, 0.1]))


def test_words_are_green_for_and_red_against_the_label_on_a_terminal():
    prediction = classified("good fair bad so", "pos", {"pos": 0.9}, [0.9, 0.2, -0.9, 0.0])
    out = printed(prediction, force_terminal=True, color_system="truecolor")
    assert "48;2;0;215;95mgood\x1b[0m" in out and "48;2;215;255;215mfair\x1b[0m" in out
    assert "48;2;255;95;95mbad\x1b[0m so" in out and "*" not in out
    assert "\x1b[" in printed(prediction, force_terminal=True, color_system="standard")


def test_a_page_shows_labels_and_coloured_words():
    predictions = [
        classified("<script>alert(1)</script>", "a&b", {"a&b": 0.7, "<c>": 0.3}, gold="<c>"),
        classified("good & bad", "pos", {"pos": 0.98}, [1.0, 0.0, -0.5], gold="pos"),
        classified("good", "pos", {"pos": 0.98}, [0.25]),
        classified("", None, {}),
    ]
    for prediction, line in zip(predictions, (7, 8, 9, 10), strict=True):
        prediction["line"] = line
    page = "".join(pages.page("<my> page", pages.classified_articles(iter(predictions))))
    assert page.startswith("<!DOCTYPE html>") and page.endswith("</html>\n")
    assert "<script" not in page and "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert page.count("&lt;my&gt; page") == 2 and "a&amp;b</b> 70%" in page and "(&lt;c&gt; 30%)" in page
    assert page.count("gold: ") == 1 and "gold: &lt;c&gt;" in page
    assert '<i style="background:rgba(0,150,0,0.60)" title="+1.00">good</i> &amp; <i' in page
    assert 'rgba(220,0,0,0.30);text-decoration:underline" title="-0.50">bad</i>' in page
    assert '0.15)" title="+0.25">good</i>' in page
    assert page.count("class=legend") == 1 and "(no text)" in page and "line 7<" in page
    assert "http" not in page and "src=" not in page


def test_a_page_is_made_while_its_predictions_come():
    def predictions():
        yield classified("one", "pos", {"pos": 0.9})
        raise RuntimeError("not yet")

    page = pages.page("title", pages.classified_articles(predictions()))
    assert "title" in next(page) and "one" in next(page)


def test_words_that_overlap_keep_the_text_as_it_is():
    words = [{"text": "bc", "start": 1, "end": 3, "weight": 0.8}, {"text": "ab", "start": 0, "end": 2, "weight": 0.8}]
    assert printed(classified("abcd", "pos", {"pos": 0.9}, words=words)).startswith("pos 90%  *abc*d\n")


def translated(*texts, **more):
    best = [{"text": text, "score": -0.5 - place, **more} for place, text in enumerate(texts)]
    return {"text": "<i>a</i>", "translation": texts[0] if texts else "", "n_best": best, "source_tokens": ["<i>", "a"]}


def test_translations_are_printed_as_they_are_and_several_with_their_scores():
    def shown(answer):
        console = Console(file=io.StringIO(), width=30)
        print_n_best(answer, console)
        return console.file.getvalue()

    odd = "[bold] :smile: " + "word " * 20
    assert shown(translated(odd)) == odd + "\n"
    assert shown(translated()) == "\n"  # a line for each line
    assert shown(translated(odd, "")) == f"  -0.500  {odd}\n  -1.500  \n"


def test_a_page_of_translations_has_a_table_of_the_attention_of_each():
    best = {"tokens": ["<b>", "o"], "attention": [[0.25, 0.75], [1.0, 0.0]]}
    answers = [
        translated("x & y", "y", **best),
        translated("alone"),
        translated("", tokens=[], attention=[]),
        translated(),
    ]
    page = "".join(pages.page("<my> page", pages.n_best_articles(iter(answers))))
    assert page.startswith("<!DOCTYPE html>") and page.endswith("</html>\n") and page.count("&lt;my&gt; page") == 2
    assert page.count("<article") == 4 and page.count("<table") == 3 and page.count("<td") == 8
    assert "&lt;i&gt;a&lt;/i&gt;" in page and "x &amp; y" in page and "-0.500" in page
    assert 'rgb(0 110 220/0.75)" title="&lt;b&gt; ← a: 0.750"' in page
    assert "<i>" not in page and "<b>" not in page and "http" not in page and "src=" not in page


def test_a_page_of_tagged_sentences_shows_what_is_right_where_it_differs():
    def golden(sentence, tags):
        tokens = [{**token, "gold": tag} for token, tag in zip(sentence["tokens"], tags, strict=True)]
        return {**sentence, "tokens": tokens}

    parts = "B-ORG I-ORG O O O O O O O O O B-LOC O".split()
    answers = [golden(second_sentence(), TAGS), golden(second_sentence(), parts), second_sentence(["NOUN"] * 13)]
    right, wrong, words = pages.tagged_articles(answers)
    ford = '<b class=name style="background:#d7afff">Ford Motor <span class=type>ORG</span></b> [bold] hired\n'
    assert ford in right and "gold" not in right and "東京 <span" in right
    assert wrong.count(ford) == 2 and wrong.count("Zoë <span") == 1 and "<span class=side>gold</span>" in wrong
    assert words.count("<span class=tagged>") == 13 and "<s>" not in words
    tags = ["NOUN"] * 12 + ["PUNCT"]
    legend, words = pages.tagged_articles([golden(second_sentence(["NOUN"] * 13), tags)])
    assert "struck out" in legend and words.count("<s>NOUN</s> <span class=second>PUNCT</span>") == 1


def test_a_page_of_scored_texts_is_redder_where_a_token_was_less_expected():
    tokens = [("<b>", 0, -9.5, True), ("\n", 3, -0.5, True), ("é", 4, -4.0, False)]
    keys = ("text", "start", "end", "log_probability", "known")
    rows = [dict(zip(keys, (text, start, start + len(text), *rest), strict=True)) for text, start, *rest in tokens]
    _, article = pages.scored_articles([{"text": "<b>\né", "perplexity": 7.0, "tokens": rows}])
    assert '<i style="background:rgba(225,30,20,0.6)" title="log p -9.50">&lt;b&gt;</i>' in article
    assert '<i title="log p -0.50">↵\n</i>' in article and '0.2)" title="log p -4.00, unknown">é</i>' in article
