import dataclasses
import math
import re

import pytest

from seqzoo import options, run, sweep
from seqzoo.config import Config, default, option
from seqzoo.datasets import Examples
from seqzoo.task import TASKS


@dataclasses.dataclass(frozen=True)
class Own(options.Recurrent, options.Labels):
    """A task."""

    extra: int = option(3, "An option of the task itself.")
    units: int = default(options.Recurrent, units=7)


def test_arguments_are_the_values_of_the_options_of_some_groups():
    config = Own(rnn="gru", label_weights="O=2")
    names = [field.name for field in dataclasses.fields(options.Recurrent)]
    arguments = config.arguments(options.Recurrent)
    assert [*arguments] == names and "label_weights" not in arguments and "extra" not in arguments
    assert (arguments["rnn"], arguments["units"], arguments["layers"]) == ("gru", 7, options.Recurrent().layers)
    assert config.arguments(options.Recurrent, options.Labels) == {**arguments, "label_weights": "O=2"}
    assert config.arguments() == config.arguments(Config) == {}


def test_arguments_of_a_group_that_a_config_does_not_have_are_refused():
    with pytest.raises(ValueError, match="Own has no options of the group Words"):
        Own().arguments(options.Recurrent, options.Words)


@pytest.mark.parametrize("value", [0, 0.0, 0.001, 1, 1e6])
def test_a_temperature_is_0_or_not_too_small(value):
    assert options.Sampling(temperature=value).temperature == value


@pytest.mark.parametrize("value", [1e-320, 0.0009, -1.0])
def test_a_temperature_that_is_too_small_is_refused(value):
    with pytest.raises(ValueError, match=r"--temperature should be 0, or at least 0\.001\. Received: "):
        options.Sampling(temperature=value)


def configs():
    """All Config classes that have options: of tasks, of single modes, of the commands."""
    found = [run.Command, sweep.Sweep]
    for name in TASKS.names():
        found += [TASKS[name].Config, *TASKS[name].requests.values()]
    return found


NUMBERS = sorted(
    {
        (config, field.name)
        for config in configs()
        for field in dataclasses.fields(config)
        if field.type in (int, float)
    },
    key=str,
)
PATHS = {
    "workdir", "config", "input", "data_dir", "encoder_weights", "vectors", "ensemble", "extra_train", "html", "png",
    "contextual", "out", "primer", "melody", "init_from", "about", "language_model", "index",
}  # fmt: skip


def test_the_home_folder_is_expanded_in_every_path(monkeypatch):
    monkeypatch.setenv("HOME", "/home/somebody")
    for config in [*configs(), sweep.Sweep]:
        for name, field in config.__dataclass_fields__.items():
            about_files = field.type is str and re.search(r"\b(file|folders?)\b", field.metadata["help"].lower())
            assert name not in PATHS or field.metadata["path"], name
            assert name in PATHS or not about_files or name in ("task", "name", "style", "conditions", "group_by"), name
            if field.metadata["path"]:
                beside = {"encoder": "mobilenet_v2"} if name == "encoder_weights" else {}
                made = config(**{name: "~/a b/~x", **beside})
                assert getattr(made, name) == "/home/somebody/a b/~x" == made.to_dict()[name]
                assert getattr(config(), name) == ""
    assert options.Decoding(ensemble="~/a,b,~/c").ensemble == "/home/somebody/a,b,/home/somebody/c"


@pytest.mark.parametrize("text", ["tokens", "tokens=", "=0", "tokens=0,", "tokens=--5", "tokens=-+5", ","])
def test_columns_that_are_malformed_are_refused_with_the_options(text):
    with pytest.raises(ValueError, match=f"--columns should be like .* Received: {re.escape(repr(text))}"):
        TASKS["ner"].Config(columns=text)
    with pytest.raises(ValueError, match="--columns gives ner twice"):
        TASKS["ner"].Config(columns="ner=1,tokens=0, ner=2")


def test_columns_are_numbers_or_names():
    assert options.parse_columns("") is None
    parsed = options.parse_columns("tokens=0, ner=-1,text=a b=c,label=²")
    assert parsed == {"tokens": 0, "ner": -1, "text": "a b=c", "label": "²"}


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1e300, -1e39, 2**31, -(2**31), 10**40])
def test_no_number_is_infinite_or_too_large(value):
    assert len(NUMBERS) > 150
    for config, name in NUMBERS:
        wrong = int if isinstance(value, int) else float
        if config.__dataclass_fields__[name].type is wrong or not math.isfinite(value):
            with pytest.raises(ValueError, match=f"^--{name} should be .*Received: ") as error:
                config(**{name: value})
            assert "\n" not in str(error.value)


def test_every_number_has_bounds():
    for config, name in NUMBERS:
        field = config.__dataclass_fields__[name]
        assert field.metadata["minimum"] is not None, name  # the maximum of an int is that of 32 bits
        assert field.type is int or field.metadata["maximum"] is not None or name == "temperature", name
        for value in (field.type(-20), 1e29):
            if isinstance(value, field.type) and (value < 0 or name != "temperature"):
                with pytest.raises(ValueError, match=f"--{name} should be"):
                    config(**{name: value})


def test_options_need_only_options_that_exist():
    for config in configs():
        fields = config.__dataclass_fields__
        for name, field in fields.items():
            needs = [re.split("([=>])", need) for need in field.metadata["needs"]]
            assert not needs or any(other in fields for other, *_ in needs), (config, name)
            for other, *condition in needs:
                if condition[:1] == ["="]:
                    choices = fields[other].metadata["choices"]
                    choices = choices.names() if hasattr(choices, "names") else choices
                    assert {*condition[1].split("|")} <= {*choices}, (config, name)


NER, TEXTS, LM, MUSIC, MT = (TASKS[name] for name in ("ner", "sentiment", "language_model", "music", "translation"))


@pytest.mark.parametrize(
    "config, values, message",
    [
        (MT.Config, {"attention": "none", "coverage": True}, "--coverage=true has no effect with --attention=none: it"),
        (MT.Config, {"attention": "dot", "encoder_layers": 2, "coverage": True, "units": 128}, "with --attention=dot"),
        (MT.Config, {"attention": "none", "local": "monotonic"}, "--local=monotonic has no effect with --attention"),
        (MT.Config, {"attention": "none", "input_feeding": True}, "--input_feeding=true has no effect with --attent"),
        (MT.Config, {"attention": "general", "attention_units": 3}, "--attention_units=3 has no effect with --atten"),
        (MT.Config, {"attention_window": 3}, "--attention_window=3 has no effect without --local."),
        (MT.Config, {"context": "step"}, "with --attention=additive: it needs --attention=none."),
        (MT.Config, {"attention": "dot", "units": 100}, "--units=100, but the encoder's output has width 128, 2 x 64"),
        (MT.Config, {"attention": "dot", "encoder": "gru"}, "--units=128, but the encoder's output has width 64."),
        (MT.Config, {"rnn": "none", "encoder": "gru"}, "--encoder=gru has no effect with --rnn=none."),
        (MT.Config, {"rnn": "bigru"}, "--rnn=bigru reads in both directions"),
        (MT.Config, {"layers": 0}, "--layers should be at least 1"),
        (MT.Config, {"encoder": "bimin_gru", "weight_drop": 0.1}, "kernel, which --encoder=bimin_gru does not have"),
        (MT.Config, {"encoder_units": 7, "activation": "crelu"}, "even number of units. Received: --encoder_units=7"),
        (MT.Config, {"residual": True}, "--layers=1 and with --encoder_layers=1: it needs --layers above 1 or"),
        (MT.Config, {"bpe_dropout": 0.1}, "--bpe_dropout=0.1 has no effect with --tokenizer=characters: it needs"),
        (MT.Config, {"tokenizer": "unigram", "min_count": 2}, "--min_count=2 has no effect with --tokenizer=unigram"),
        (MT.Config, {"sampling_least": 0.1}, "--sampling_least=0.1 has no effect without --scheduled_sampling."),
        (MT.Config, {"decay_rate": 0.1}, "with --schedule=cosine: it needs --schedule=exponential or inverse_time."),
        (MT.requests["evaluate"], {"beam": 1, "length_penalty": 2}, "--length_penalty=2.0 has no effect with --beam=1"),
        (NER.Config, {"word_dim": 0, "characters": "none", "casing": False}, "The words have no features"),
        (NER.Config, {"word_dim": 0, "token_dropout": 0.1}, "with --word_dim=0 and without --vectors."),
        (NER.Config, {"vectors_trainable": False}, "--vectors_trainable=false has no effect without --vectors."),
        (NER.Config, {"rnn": "none", "weight_drop": 0.1}, "recurrent kernel, which --rnn=none does not have."),
        (NER.Config, {"dropout": 0, "variational": False}, "--variational=false has no effect with --dropout=0.0."),
        (NER.Config, {"layers": 0, "recurrent_dropout": 0.1}, "--recurrent_dropout=0.1 has no effect with --layers=0"),
        (NER.Config, {"batch_size": 0, "batch_tokens": 0}, "a batch needs one limit"),
        (TEXTS.Config, {"max_word_length": 9}, "--max_word_length=9 has no effect with --characters=none."),
        (TEXTS.Config, {"perturbation": 0.2}, "with --adversarial=0.0 and with --virtual_adversarial=0.0."),
        (
            TEXTS.Config,
            {"subwords": 99},
            "--subwords=99 has no effect with --tokenizer=words: it needs --tokenizer=bpe",
        ),
        (LM.Config, {"rnn": "bilstm"}, "--rnn=bilstm reads in both directions"),
        (LM.Config, {"context": 3, "layers": 2}, "--layers is for recurrent layers; with --context=3 there are none."),
        (
            LM.Config,
            {"spell": True},
            "--spell=true has no effect with --tokenizer=characters: it needs --tokenizer=wor",
        ),
        (LM.requests["evaluate"], {"dynamic_decay": 0.1}, "--dynamic_decay=0.1 has no effect with --dynamic_rate=0.0."),
        (LM.requests["generate"], {"temperature": 0, "top_k": 3}, "--top_k=3 has no effect with --temperature=0.0."),
        (LM.requests["generate"], {"stop": "\\x"}, "--stop: a backslash begins an escape"),
        (MUSIC.Config, {"conditions": "tempo"}, "--conditions should be some of key, metre, style. Received: 'tempo'"),
        (MUSIC.Config, {"conditions": "none", "join": "step"}, "--join=step has no effect with --conditions=none."),
        (MUSIC.Config, {"encoding": "events", "notes": 2}, "--notes=2 has no effect with --encoding=events: it needs"),
        (MUSIC.Config, {"output": "independent"}, "with --encoding=voices: it needs --encoding=frames."),
    ],
)
def test_options_that_exclude_each_other_are_refused_with_the_options(config, values, message):
    with pytest.raises(ValueError) as error:
        config(**values)
    assert message in str(error.value) and "\n" not in str(error.value)


def test_options_that_fit_together_are_accepted():
    MT.Config(attention="dot", encoder="gru", encoder_units=64, units=64)
    MT.Config(rnn="none", attention="dot", units=64)  # the encoder has no direction then
    MT.Config(attention="none", context="step", encoder_layers=2, residual=True, weight_drop=0.1)
    NER.Config(vectors="x.txt", vectors_trainable=False, word_dim=0, characters="none", casing=False)
    LM.Config(context=3, rnn="none", units=8, dropout=0.1)
    MT.requests["predict"](beam=1, n_best=3, length_penalty=0.5)


@pytest.mark.parametrize("flag", ["learning_rate=inf", "warmup=inf", "decay_epochs=inf", "average=nan", "dropout=-inf"])
def test_such_a_flag_is_refused_before_data_is_read(monkeypatch, capsys, flag):
    monkeypatch.setattr(TASKS["ner"], "read", lambda self: pytest.fail("data was read"))
    assert run.main(["--task=ner", f"--{flag}", "--workdir=/nowhere"]) == 2
    name = flag.partition("=")[0]
    assert f"error: --{name} should be a finite number. Received: " in capsys.readouterr().err


@pytest.mark.parametrize("text", ["O=-1", "O=nan", "O=inf", "O=1,PER=1e30", "O", "O=x"])
@pytest.mark.parametrize("task", ["ner", "pos", "sentiment"])
def test_label_weights_that_are_no_weights_are_refused_with_the_options(task, text):
    with pytest.raises(ValueError, match=f"--label_weights should be .*Received: '{text}'"):
        TASKS[task].Config(label_weights=text)


def test_label_weights_may_be_0():
    assert options.label_weights("O=0, PER=2.5") == {"O": 0, "PER": 2.5}


@pytest.mark.parametrize(
    "name, foreign, expected",
    [
        ("pos", [{"tokens": ["May", "met"], "pos": ["XX", "YY"]}, {"tokens": ["a"], "pos": ["XX"]}], "XX 2, YY 1"),
        ("ner", [{"tokens": ["May", "in"], "ner": ["B-X", "I-X"]}, {"tokens": ["a"], "ner": ["B-X"]}], "B-X 2, I-X 1"),
        (
            "sentiment",
            [{"text": "a", "label": "x"}, {"text": "b", "label": "y"}, {"text": "b", "label": "x"}],
            "x 2, y 1",
        ),
        ("many labels", [{"text": "a", "label": "x | y"}, {"text": "b", "label": "x"}], "x 2, y 1"),
    ],
)
def test_labels_that_a_run_does_not_know_are_named_and_have_no_weight_in_the_loss(name, foreign, expected):
    kind = TASKS[{"many labels": "sentiment"}.get(name, name)]
    config, splits, _ = kind.tiny()
    task = kind(dataclasses.replace(config, multi_label=True) if name == "many labels" else config)

    def examples(rows):
        return Examples(lambda: iter(rows), {key: type(value) for key, value in rows[0].items()}, "tiny")

    task.read = lambda: {split: examples(rows) for split, rows in splits.items()}
    assert "unknown labels" not in task.load().summary
    task.read = lambda: {"train": examples(foreign)}
    data = task.load(unseen=True)
    note = f"3 in test ({expected}): training had none of these, so they count as errors"
    assert data.summary["unknown labels"] == note
    assert sum(weights.sum() for _, (_, _, weights) in data.splits["test"].encoded()) == 0
