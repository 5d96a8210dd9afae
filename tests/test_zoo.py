"""The runs that the package ships: they load, answer, and are small; and nothing is written into the package."""

import functools
import json
import pathlib

import pytest
from marks import slow, variants

import experiments
import seqzoo
from seqzoo import options, run, zoo
from seqzoo.datasets import Examples
from seqzoo.export.about import KEYS, read_about
from seqzoo.export.sharing import nameless
from seqzoo.task import TASKS
from seqzoo.training import train, transfer
from seqzoo.training.folder import read_config

RECIPES = {
    "emoji": "captioning_emoji",  # others: zoo_NAME
    "chorales": "music_chorales",
    "commands": "dialogue_understanding_generated",
    "dates": "translation_dates",
}
PEOPLE = "PER", "ORG", "LOC", "MISC"

loaded = functools.cache(lambda name: seqzoo.load(f"zoo:{name}"))


def answers(name, texts):
    return [*loaded(name).task.predict(loaded(name), texts)]


def needs(*names):
    """Skips a test of runs that the zoo does not have yet."""
    return pytest.mark.skipif(not {*names} <= {*zoo.names()}, reason=f"the zoo has no {', '.join(names)} yet")


@pytest.mark.parametrize("name", zoo.names())
def test_a_run_of_the_zoo_is_small_and_says_what_it_is(name):
    folder = zoo.path(name)
    assert zoo.megabytes(name) <= 8
    assert read_about(folder) == json.loads(pathlib.Path(f"experiments/zoo/{name}.json").read_text("utf-8"))
    assert zoo.about(name).keys() == KEYS.keys() and f"zoo:{name} " in zoo.about(name)["example"]
    card, environment = ((folder / file).read_text("utf-8") for file in ("MODEL_CARD.md", "environment.json"))
    assert zoo.about(name)["licence"] in card and "/" not in json.loads(environment)["command"].replace("FOLDER/", "")
    assert not {"checkpoint.npz", "predictions.json", "errors.json"} & {path.name for path in folder.iterdir()}


def test_the_zoo_is_small():
    assert zoo.names() and sum(map(zoo.megabytes, zoo.names())) <= 30


@pytest.mark.parametrize("name", zoo.names())
def test_a_run_of_the_zoo_is_that_of_its_recipe(name):
    recipe = experiments.experiments()[RECIPES.get(name, f"zoo_{name.replace('-', '_')}")]
    given = run.parse_flags(run.flag_parser([run.Command, TASKS[recipe.task].Config]), recipe.flags.split())
    del given["task"]
    task, config = read_config(f"zoo:{name}")
    assert task == recipe.task and config == nameless(TASKS[task].Config(**given))


def test_names_are_resolved_and_nothing_is_written_into_the_package(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert zoo.located("zoo:dates") == zoo.path("dates") and zoo.located("runs/ner") == pathlib.Path("runs/ner")
    assert zoo.writable("zoo:dates") == zoo.writable(zoo.path("dates")) == pathlib.Path("runs/zoo-dates")
    assert zoo.writable("runs/ner") == pathlib.Path("runs/ner")
    with pytest.raises(ValueError, match="The zoo has no run 'date'. Did you mean 'dates'?"):
        read_config("zoo:date")
    for folder in ("zoo:dates", zoo.path("dates")):
        with pytest.raises(ValueError, match="--init_from=zoo:dates"):
            train(TASKS["translation"](), folder)


def test_the_zoo_is_listed(capsys):
    assert run.main(["--zoo"]) == 0
    listed = " ".join(capsys.readouterr().out.split())
    for name in zoo.names():
        assert f"zoo:{name} {zoo.about(name)['what'][:20]}" in listed and f"{zoo.megabytes(name):.1f} MB" in listed
    assert "BLEU 100.00 on test. Data: none needed" in listed


def test_a_training_takes_the_options_that_shape_the_model_from_the_run_that_it_starts_from(capsys):
    def settings(*flags, task="translation"):
        return run.parse([f"--task={task}", "--init_from=zoo:dates", *flags], task, "train")[2]

    own = read_config("zoo:dates")[1]
    found = TASKS["translation"].Config(**settings("--dropout=0.4", "--epochs=3", "--dataset=reversed", "--units=128"))
    assert (found.units, found.tokenizer, found.encoder_units) == (own.units, own.tokenizer, own.encoder_units)
    assert (found.dropout, found.epochs, found.dataset, found.learning_rate) == (0.4, 3, "reversed", 3e-3)
    with pytest.raises(
        ValueError, match="--units is fixed by the run to start from, zoo:dates, which has 128. Received"
    ):
        settings("--units=64")
    with pytest.raises(ValueError, match="zoo:dates is a run of task translation. Received: --task=ner"):
        settings(task="ner")


def test_dates():
    texts = ["Monday, May 3rd, 2021", "31.12.1999", "le 14 juillet 1989", "7 de marzo de 2012"]
    assert [answer["translation"] for answer in answers("dates", texts)] == [
        "2021-05-03", "1999-12-31", "1989-07-14", "2012-03-07"
    ]  # fmt: skip


@pytest.mark.slow
def test_the_recorded_score_of_dates():
    task, metrics = loaded("dates").task, json.loads((zoo.path("dates") / "metrics.json").read_text("utf-8"))
    scores = task.evaluate(loaded("dates").predictor, task.load().splits["valid"])
    assert scores["exact"] == pytest.approx(metrics["valid_exact"], abs=0.2)


GENERATED = [
    ("ner-english", "grammar", "test_f1", 61.2),
    ("pos-english", "grammar", "test_accuracy", 95.1),
    ("sentiment-english", "reviews", "test_accuracy", 51.2),  # by chance: the words alone do not tell
]


@pytest.mark.parametrize("case", [*slow(GENERATED[0]), *variants(*GENERATED[1:])])
def test_the_score_on_generated_data(case, monkeypatch, tmp_path):
    name, dataset, measure, score = case
    monkeypatch.chdir(tmp_path)
    assert run.main(["--mode=evaluate", f"--workdir=zoo:{name}", f"--dataset={dataset}"]) == 0
    scores = json.loads((tmp_path / "runs" / f"zoo-{name}" / f"evaluate-{dataset}.json").read_text("utf-8"))
    assert scores[measure] == pytest.approx(score, abs=0.2)


@needs("ner-english")
def test_a_run_is_scored_on_data_that_is_named(monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)
    assert run.main(["--mode=evaluate", "--workdir=zoo:ner-english"]) == 2
    assert "was trained on conll2003, which is not here: name the data" in " ".join(capsys.readouterr().err.split())


@needs("ner-english")
def test_names_in_english():
    text = "Angela Merkel met Barack Obama in Berlin. Volkswagen opened a plant near Madrid, said Anna Smith."
    found = [(e["text"], e["type"]) for answer in answers("ner-english", [text]) for e in answer["entities"]]
    assert found == [
        ("Angela Merkel", "PER"), ("Barack Obama", "PER"), ("Berlin", "LOC"), ("Volkswagen", "ORG"), ("Madrid", "LOC"),
        ("Anna Smith", "PER"),
    ]  # fmt: skip


@needs("ner-english")
def test_a_training_that_starts_from_pretrained_vectors_needs_no_file_of_them():
    kind, flags = TASKS["ner"], ["--task=ner", "--init_from=zoo:ner-english", "--dataset=conll"]
    task = kind(kind.Config(**run.parse(flags, "ner", "train")[2]))
    rows = [{"tokens": ["Siri", "met", "Alexa", "."], "ner": ["B-BOT", "O", "B-BOT", "O"]}] * 4
    task.read = lambda: {split: Examples(lambda: iter(rows), kind.needs, "mine") for split in ("train", "valid")}
    source = transfer.source(task)
    data = task.load()
    model = task.build()
    fresh = transfer.take_weights(model, task, source)
    assert task.assets["tags"].tokens == ["O", "S-BOT"] and "lacks S-BOT" in data.summary["new tags"]
    kept, vectors = loaded("ner-english").model, task.assets["words"].vectors
    assert len(fresh) == 2 and vectors.shape == (len(task.assets["words"].words), 50)
    same = sum(layer.count_params() for layer in model.layers if layer.name not in fresh)
    assert same > 0.99 * kept.count_params()


def test_a_training_that_starts_from_another_may_write_longer_texts():
    kind, flags = TASKS["translation"], ["--task=translation", "--init_from=zoo:dates", "--dataset=parallel"]
    task = kind(kind.Config(**run.parse(flags, "translation", "train")[2]))
    rows = [{"source": "May 3rd, 2021", "target": "2021-05-03 " * 2}] * 4
    task.read = lambda: {split: Examples(lambda: iter(rows), kind.needs, "mine") for split in ("train", "valid")}
    source = transfer.source(task)
    task.load()
    assert not transfer.take_weights(task.build(), task, source) and task.assets["longest"] == 22


@needs("pos-english")
def test_parts_of_speech_of_english():
    (answer,) = answers("pos-english", ["They can fish near the old mill."])
    tags = ["PRON", "AUX", "VERB", "ADP", "DET", "ADJ", "NOUN", "PUNCT"]
    assert [token["tag"] for token in answer["tokens"]] == tags


@needs("sentiment-english")
def test_sentiment_of_english_reviews():
    texts = [
        "A wonderful film, moving and funny; I loved every minute of it.",
        "Dull, badly acted and far too long. I want those two hours back.",
        "One of the best comedies of the year, with a superb cast.",
        "The worst script that I have ever had to sit through.",
    ]
    labels = [answer["label"] for answer in answers("sentiment-english", texts)]
    assert labels == ["positive", "negative", "positive", "negative"]


@needs("translation-german-english")
def test_short_german_sentences_in_english():
    found = [
        a["translation"] for a in answers("translation-german-english", ["Ich habe Hunger.", "Wo ist der Bahnhof?"])
    ]
    assert found[0] in ("I'm hungry.", "I am hungry.") and "station" in found[1]


@needs("shakespeare")
def test_shakespeare_is_likelier_than_other_english():
    task, run_ = loaded("shakespeare").task, loaded("shakespeare")
    texts = ["Good morrow, my lord, what news from the king?", "The server restarts after each software update."]
    scored = [*task.score(run_, texts, options.Scoring())]
    assert scored[0]["perplexity"] < 6 < scored[1]["perplexity"]


@pytest.mark.slow
@needs("chorales")
def test_chorales_are_written_outside_the_package(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert run.main(["--mode=generate", "--workdir=zoo:chorales", "--length=8", "--json"]) == 0
    assert [*(tmp_path / "runs/zoo-chorales/samples").glob("*.mid")]


def test_the_captioner_names_a_drawing():
    (answer,) = answers("emoji", ["experiments/samples/red_circle.png"])
    assert answer["caption"] == "red circle"
