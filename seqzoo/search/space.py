"""The search space: the options to search, and the values to try."""

import contextlib
import dataclasses
import itertools
import math

from seqzoo.config import flag_text
from seqzoo.registry import did_you_mean

COMBINATIONS = 1000  # at most, of the values of other options, that a value is checked with


@dataclasses.dataclass(frozen=True)
class Values:
    """The values of an option that a search tries: choices or a range.

    Attributes:
        name: the option.
        type: int, float, str or bool.
        choices: the values, or () for a range.
        low, high: the ends of the range, both included.
    """

    name: str
    type: type
    choices: tuple = ()
    low: float = 0
    high: float = 0

    @property
    def ends(self) -> tuple[float, float]:
        """The smallest and the largest value."""
        return (min(self.choices), max(self.choices)) if self.choices else (self.low, self.high)

    @property
    def tried(self) -> tuple:
        """The choices, or the ends of the range."""
        return self.choices or (self.low, self.high)

    @property
    def logarithmic(self) -> bool:
        """Whether the scale is logarithmic: positive numbers, the largest at least 10 times the smallest."""
        low, high = self.ends
        return self.type in (int, float) and low > 0 and high / low >= 10

    def parse(self, text: str) -> str | int | float | bool:
        """Parses a value of this option.

        Raises:
            ValueError: the text is not of the option's type.
        """
        if self.type is bool and text in ("true", "false"):
            return text == "true"
        try:
            value = None if self.type is bool else self.type(text)
        except ValueError:
            value = None
        if value is None or (self.type is float and not math.isfinite(value)):
            kind = {int: "whole numbers", float: "numbers", bool: "true or false"}[self.type]
            raise ValueError(f"--sweep: values of {self.name} are {kind}. Received: {text!r}")
        return value

    def position(self, value: str | int | float | bool) -> float:
        """Returns the relative position of a value, from 0 to 1: numbers on their scale, other values by order."""
        if self.type not in (int, float):
            return self.choices.index(value) / (len(self.choices) - 1)
        low, high = self.ends
        if self.logarithmic:
            return math.log(value / low) / math.log(high / low)
        return (value - low) / (high - low)

    def __str__(self):
        """The values in the syntax of the command line."""
        return "|".join(map(flag_text, self.choices)) or f"{flag_text(self.low)}..{flag_text(self.high)}"


def parse_space(text: str, config: type, fixed: dict) -> dict[str, Values]:
    """Parses ``"rnn,units=64|128,dropout=0.1..0.5"`` into {option: Values}.

    Args:
        text: options, each with ``=a|b|c`` or ``=low..high``, or alone, to try the values that its declaration
            suggests.
        config: the Config class that declares the options.
        fixed: {option: value} of options given on the command line.

    Raises:
        ValueError: an unknown or fixed option, a value that the Config refuses, or a malformed range.
    """
    if not text:
        raise ValueError("Nothing to search: give --sweep=NAME,NAME=a|b|c,NAME=low..high. See --help.")
    space, parts = {}, text.split(",")
    searched = [part.partition("=")[0] for part in parts]

    def check(values):
        for reason in config.without_effect(values, undecided=searched).values():
            raise ValueError(reason)
        config(**effective(config, values))  # raises a ValueError if one is invalid

    def check_any(name, value):
        """Checks a value with the defaults of the other searched options, or else with some of their values."""
        try:
            return check({**fixed, name: value})
        except ValueError as error:
            refused = error
        others = [[(other, each) for each in values.tried] for other, values in space.items() if other != name]
        for chosen in itertools.islice(itertools.product(*others), COMBINATIONS):
            with contextlib.suppress(ValueError):
                return check({**fixed, **dict(chosen), name: value})
        raise refused

    check(fixed)
    for part in parts:
        name, given, values = part.partition("=")
        field = config.__dataclass_fields__.get(name)
        if field is None:
            hint = did_you_mean(name, config.__dataclass_fields__)
            raise ValueError(f"--sweep: the task has no option {name!r}.{hint}")
        if name in space:
            raise ValueError(f"--sweep names {name} twice.")
        if name in fixed:
            raise ValueError(f"--{name} is given, so it cannot be searched: drop it, or leave it out of --sweep.")
        found = _parse_values(field, values) if given else declared(field)
        if found is None:
            example = f"{name}=low..high or {name}=a|b|c" if field.type in (int, float) else f"{name}=a|b|c"
            raise ValueError(f"--sweep: {name} declares no values to search. Give some: --sweep={example}")
        space[name] = found
    for name, values in space.items():
        for value in values.tried:
            check_any(name, value)
    return space


def effective(config: type, values: dict) -> dict:
    """Drops values that have no effect with the others, so that a search can vary both.

    Args:
        config: the Config class that declares the options.
        values: {option: value}.
    """
    while idle := config.without_effect(values):  # dropping one may leave another without effect
        values = {name: value for name, value in values.items() if name not in idle}
    return values


def _parse_values(field: dataclasses.Field, text: str) -> Values:
    """Returns the Values that the command line gives for an option."""
    values = Values(field.name, field.type)
    low, dots, high = text.partition("..")
    if dots and field.type in (int, float):
        low, high = values.parse(low), values.parse(high)
        if not low < high:
            raise ValueError(f"--sweep: a range is low..high. Received: {field.name}={text}")
        return dataclasses.replace(values, low=low, high=high)
    choices = tuple(dict.fromkeys(values.parse(choice) for choice in text.split("|")))
    if len(choices) < 2:
        raise ValueError(f"--sweep: {field.name} has only one value, {text!r}: give --{field.name}={text} instead.")
    return dataclasses.replace(values, choices=choices)


def declared(field: dataclasses.Field) -> Values | None:
    """Returns the Values that the declaration of an option suggests, if any."""
    values, sweep, choices = Values(field.name, field.type), field.metadata["sweep"], field.metadata["choices"]
    if isinstance(sweep, tuple):
        return dataclasses.replace(values, low=sweep[0], high=sweep[1])
    is_registry = hasattr(choices, "names")  # too many names to try them all by default
    sweep = sweep or ([False, True] if field.type is bool else None if is_registry else choices)
    return dataclasses.replace(values, choices=tuple(sweep)) if sweep else None
