import dataclasses
import math
import re

import pytest

from seqzoo import options, run
from seqzoo.config import Config, default, option
from seqzoo.sweep import Sweep
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
    """All Config classes that have options: of tasks, of single modes, of the command line."""
    found = [run.Command]
    for name in TASKS.names():
        found += [TASKS[name].Config, *TASKS[name].requests.values()]
    return found


PATHS = {
    "workdir", "input", "data_dir", "vectors", "ensemble", "extra_train", "html", "png", "out", "primer", "melody"
}  # fmt: skip


def test_the_home_folder_is_expanded_in_every_path(monkeypatch):
    monkeypatch.setenv("HOME", "/home/somebody")
    for config in [*configs(), Sweep]:
        for name, field in config.__dataclass_fields__.items():
            about_files = field.type is str and re.search(r"\b(file|folders?)\b", field.metadata["help"].lower())
            assert name not in PATHS or field.metadata["path"], name
            assert name in PATHS or not about_files or name in ("task", "name", "style", "conditions"), name
            if field.metadata["path"]:
                made = config(**{name: "~/a b/~x"})
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


FLOATS = sorted(
    {(config, field.name) for config in configs() for field in dataclasses.fields(config) if field.type is float},
    key=str,
)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1e300, -1e39])
def test_no_float_option_takes_a_number_that_is_not_finite(value):
    assert len(FLOATS) > 60
    for config, name in FLOATS:
        with pytest.raises(ValueError, match=f"--{name} should be a finite number. Received: ") as error:
            config(**{name: value})
        assert "\n" not in str(error.value)


def test_every_float_option_has_bounds():
    for config, name in FLOATS:
        metadata = config.__dataclass_fields__[name].metadata
        assert metadata["minimum"] is not None and (metadata["maximum"] is not None or name == "temperature"), name
        for value in (1e29, -1e29):
            if name != "temperature" or value < 0:
                with pytest.raises(ValueError, match=f"--{name} should be"):
                    config(**{name: value})


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
