"""The search space: which options a search tries, and which of their values."""

import dataclasses
import math

from seqzoo.registry import did_you_mean


@dataclasses.dataclass(frozen=True)
class Values:
    """What a search tries of one option.

    Attributes:
        name: the option.
        type: of its values: int, float, str or bool.
        choices: the values, or () for a range.
        low, high: the ends of a range, both of them included.
    """

    name: str
    type: type
    choices: tuple = ()
    low: float = 0
    high: float = 0

    @property
    def ends(self):
        """The smallest and the largest value."""
        return (min(self.choices), max(self.choices)) if self.choices else (self.low, self.high)

    @property
    def logarithmic(self):
        """Whether the logarithm counts: of numbers above 0 the largest of which is 10 times the smallest or more."""
        low, high = self.ends
        return self.type in (int, float) and low > 0 and high / low >= 10

    def read(self, text):
        """A value from its text.

        Raises:
            ValueError: not of the option's type.
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

    def place(self, value):
        """Where a value stands among all, from 0 to 1: numbers by their size, others by their order."""
        if self.type not in (int, float):
            return self.choices.index(value) / (len(self.choices) - 1)
        low, high = self.ends
        if self.logarithmic:
            return math.log(value / low) / math.log(high / low)
        return (value - low) / (high - low)

    def __str__(self):
        """As on the command line."""
        return "|".join(map(flag_text, self.choices)) or f"{flag_text(self.low)}..{flag_text(self.high)}"


def flag_text(value):
    """A value as it is written on a command line."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def parse_space(text, kind, fixed):
    """{option: Values} of ``"rnn,units=64|128,dropout=0.1..0.5"``.

    Args:
        text: options, each alone, for the values that its declaration gives, or with ``=a|b|c`` or ``=low..high``.
        kind: the Config class that declares them.
        fixed: {option: value} of those that are not searched.

    Raises:
        ValueError: an option that is none, or that is fixed; a value that its Config refuses; a range that is none.
    """
    if not text:
        raise ValueError("What to search? Give --sweep=NAME,NAME=a|b|c,NAME=low..high. See --help.")
    base = kind(**fixed)
    space = {}
    for part in text.split(","):
        name, given, values = part.partition("=")
        field = kind.__dataclass_fields__.get(name)
        if field is None:
            hint = did_you_mean(name, kind.__dataclass_fields__)
            raise ValueError(f"--sweep: the task has no option {name!r}.{hint}")
        if name in space:
            raise ValueError(f"--sweep names {name} twice.")
        if name in fixed:
            raise ValueError(f"--{name} is given, so it can not be searched: leave it out there or in --sweep.")
        found = _parsed(field, values) if given else declared(field)
        if found is None:
            example = f"{name}=low..high or {name}=a|b|c" if field.type in (int, float) else f"{name}=a|b|c"
            raise ValueError(f"--sweep: {name} declares no values to search. Say which: --sweep={example}")
        for value in found.choices or (found.low, found.high):
            dataclasses.replace(base, **{name: value})  # raises what is wrong with it
        space[name] = found
    return space


def _parsed(field, text):
    """The Values that the command line gives for an option."""
    values = Values(field.name, field.type)
    low, dots, high = text.partition("..")
    if dots and field.type in (int, float):
        low, high = values.read(low), values.read(high)
        if not low < high:
            raise ValueError(f"--sweep: a range is low..high. Received: {field.name}={text}")
        return dataclasses.replace(values, low=low, high=high)
    choices = tuple(dict.fromkeys(values.read(choice) for choice in text.split("|")))
    if len(choices) < 2:
        raise ValueError(f"--sweep: {field.name} has one value, {text!r}: give --{field.name}={text} instead.")
    return dataclasses.replace(values, choices=choices)


def declared(field):
    """The Values that an option's declaration gives; None if it gives none."""
    values, sweep, choices = Values(field.name, field.type), field.metadata["sweep"], field.metadata["choices"]
    if isinstance(sweep, tuple):
        return dataclasses.replace(values, low=sweep[0], high=sweep[1])
    named = hasattr(choices, "names")  # all that is registered is too much to try unasked
    sweep = sweep or ([False, True] if field.type is bool else None if named else choices)
    return dataclasses.replace(values, choices=tuple(sweep)) if sweep else None
