import dataclasses

import pytest

from seqzoo import options
from seqzoo.config import Config, default, option


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
