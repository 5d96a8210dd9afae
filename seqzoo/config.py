"""Config: settings declared once, each with its default, flag, help, type check and search range."""

import dataclasses
import inspect
import os
import re
import shlex
from collections.abc import Iterable
from typing import Any

from seqzoo.registry import Registry, did_you_mean

LARGEST = 1e30  # of a float: computations in 32 bits overflow beyond 3e38
LARGEST_INT = 2**31 - 1  # ints become 32-bit shapes, indices or seeds


def option(
    default: Any,
    help: str,
    *,
    choices: tuple | Registry | None = None,
    minimum: float | None = None,
    maximum: float | None = None,
    zero: bool = False,
    needs: str | tuple[str, ...] = (),
    path: bool = False,
    shapes: bool | None = None,
    sweep: list | tuple | None = None,
) -> Any:
    """Declares one setting of a Config.

    Args:
        default: the default value.
        help: one sentence, with the unit and the meaning of 0 or "".
        choices: allowed values: a tuple of strings, or a Registry for its names.
        minimum, maximum: bounds of a number, inclusive. Even without them a number must fit into 32 bits.
        zero: 0 is allowed, too, although `minimum` is above it.
        needs: conditions under which the option has an effect; one is enough. "vectors": the option vectors is on
            (not 0, empty, false or "none"); "schedule=cosine|constant": schedule has one of these values; "layers>1":
            layers is above 1. If no condition holds, only the default value is accepted.
        path: the value is a path, or several joined by commas; ``~`` at the beginning of one is the home folder.
        shapes: whether the option shapes the model or its vocabularies; None: as its group declares, see `Config`.
        sweep: values worth trying in a search: a list of choices, or ``(low, high)`` for a range.

    Example::

        @dataclasses.dataclass(frozen=True)
        class Config(seqzoo.config.Config):
            units: int = option(128, "Units of each RNN layer.", minimum=1, sweep=[64, 128, 256])
    """
    return dataclasses.field(
        default=default,
        metadata={
            "help": help,
            "choices": choices,
            "minimum": minimum,
            "maximum": maximum,
            "zero": zero,
            "needs": (needs,) if isinstance(needs, str) else needs,
            "path": path,
            "shapes": shapes,
            "sweep": sweep,
        },
    )


def default(group: type["Config"], sweep: list | tuple | None = None, **values: Any) -> Any:
    """Redeclares one option of `group` with another default: ``epochs: int = default(Training, epochs=3)``.

    Args:
        group: class that declares the option.
        sweep: other values worth trying in a search.
        **values: the option and its default.
    """
    ((name, value),) = values.items()
    metadata = next(f for f in dataclasses.fields(group) if f.name == name).metadata
    return dataclasses.field(default=value, metadata={**metadata, "sweep": sweep} if sweep else metadata)


@dataclasses.dataclass(frozen=True)
class Config:
    """Frozen settings, checked when created. Subclass it and decorate with ``dataclasses.dataclass(frozen=True)``.

    Class attributes:
        shapes: whether the options of the class shape the model or its vocabularies. A run that starts from another
            run's weights takes such options from that run. False for options of data and training.

    Raises:
        ValueError: a value of the wrong type, out of bounds, not among the choices, or without effect.
    """

    shapes = True

    def __post_init__(self):
        for field in dataclasses.fields(self):
            object.__setattr__(self, field.name, checked(field, getattr(self, field.name)))
        for reason in self.without_effect(self.to_dict()).values():
            raise ValueError(reason)

    @classmethod
    def groups(cls) -> dict[str, list[dataclasses.Field]]:
        """Returns {title: [fields]}, the options of each group class, in the order of `cls`'s bases."""
        groups = {}
        for base, own in cls._declared():
            title = (inspect.getdoc(base) or "").split("\n")[0].rstrip(".")
            groups.setdefault(title, []).extend(own)
        return {title: own for title, own in groups.items() if own}

    @classmethod
    def shaping(cls) -> list[dataclasses.Field]:
        """Returns the options that shape the model or its vocabularies, see `shapes`; also rates such as dropout."""
        return [
            field
            for base, own in cls._declared()
            for field in own
            if (base.__dict__.get("shapes", True) if field.metadata["shapes"] is None else field.metadata["shapes"])
        ]

    @classmethod
    def _declared(cls):
        """[(class, fields)]: the options that each of the bases declared first."""
        fields = {field.name: field for field in dataclasses.fields(cls)}
        bases, owners = inspect.getmro(cls), {}
        for base in bases:
            owners |= dict.fromkeys(base.__dict__.get("__annotations__", ()), base)  # the last base declared it first
        return [(base, [fields[name] for name in owners if owners[name] is base and name in fields]) for base in bases]

    @classmethod
    def without_effect(cls, values: dict, undecided: Iterable[str] = ()) -> dict[str, str]:
        """Returns {option: reason} for values that have no effect given the others, see `needs` of `option`.

        Args:
            values: {option: value}; other options have their defaults.
            undecided: options that may get any value.
        """
        fields, reasons = dataclasses.fields(cls), {}
        values = {field.name: field.default for field in fields} | values
        for field in fields:
            needs, value = [_Need(*re.split("([=>])", need)) for need in field.metadata["needs"]], values[field.name]
            needs = [need for need in needs if need.option in values]
            met = any(need.option in undecided or need.holds(values[need.option]) for need in needs)
            if needs and value != field.default and not met:
                lacking = " and ".join(need.lacking(values[need.option]) for need in needs)
                wanted = " or ".join(filter(None, (need.wanted for need in needs)))
                reasons[field.name] = (
                    f"--{field.name}={flag_text(value)} has no effect {lacking}{wanted and f': it needs {wanted}'}."
                )
        return reasons

    @classmethod
    def from_dict(cls, values: dict) -> "Config":
        """Returns the Config whose `to_dict` gave `values`.

        Raises:
            ValueError: an unknown option; the message names the nearest one.
        """
        names = [field.name for field in dataclasses.fields(cls)]
        for key in values:
            if key not in names:
                raise ValueError(f"Unknown option {key!r}.{did_you_mean(key, names)}")
        return cls(**values)

    def to_dict(self) -> dict:
        """Returns {option: value}, ready for JSON."""
        return dataclasses.asdict(self)

    def changed(self) -> dict:
        """Returns {option: value} of the options that differ from their defaults."""
        usual = type(self)().to_dict()
        return {name: value for name, value in self.to_dict().items() if value != usual[name]}

    def flags(self) -> list[str]:
        """Returns the flags of the options that differ from their defaults, quoted for a shell."""
        return [shlex.quote(f"--{name}={flag_text(value)}") for name, value in self.changed().items()]

    def arguments(self, *groups: type["Config"]) -> dict:
        """Returns {option: value} of the options of some groups, as keyword arguments of a builder.

        Args:
            *groups: group classes that this config inherits.

        Raises:
            ValueError: the config does not inherit a group.

        Example::

            tagger(tags=17, **config.arguments(options.Recurrent))
        """
        for group in groups:
            if not isinstance(self, group):
                raise ValueError(f"{type(self).__name__} has no options of the group {group.__name__}.")
        return {field.name: getattr(self, field.name) for group in groups for field in dataclasses.fields(group)}


@dataclasses.dataclass(frozen=True)
class _Need:
    """A condition of `needs`, see `option`."""

    option: str
    relation: str = ""
    right: str = ""

    def holds(self, value):
        if self.relation == ">":
            return value > float(self.right)
        if self.relation == "=":
            return value in self.right.split("|")
        return value not in (0, "", "none")  # False is 0

    def lacking(self, value):
        """Describes, for messages, a value for which the condition does not hold."""
        if value == "" or value is False:
            return f"without --{self.option}"
        return f"with --{self.option}={flag_text(value)}"

    @property
    def wanted(self):
        """Describes the values for which the condition holds, if they are not obvious."""
        right = self.right.replace("|", " or ")
        return self.relation and f"--{self.option}{'=' if self.relation == '=' else ' above '}{right}"


def flag_text(value: str | int | float | bool) -> str:
    """Returns a value as written on the command line."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def checked(field: dataclasses.Field, value: Any) -> Any:
    """Returns `value` as the type of an option's field.

    Raises:
        ValueError: a wrong type, or a value that is not allowed; the message says which values are.
    """
    wanted = field.metadata
    if field.type is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(min(max(value, -1e300), 1e300))  # an int may be larger than any float
    if not isinstance(value, field.type) or (field.type is int and isinstance(value, bool)):
        raise ValueError(f"--{field.name} should be of type {field.type.__name__}. Received: {value!r}")
    if field.type is float and not abs(value) <= LARGEST:  # also not a number
        raise ValueError(f"--{field.name} should be a finite number. Received: {value!r}")
    if field.type is int and abs(value) > LARGEST_INT:
        raise ValueError(f"--{field.name} should be a number of 32 bits, at most {LARGEST_INT:,}. Received: {value!r}")
    if wanted["path"]:
        return ",".join(map(os.path.expanduser, value.split(",")))
    choices = wanted["choices"]
    if isinstance(choices, Registry):
        try:
            if value != field.default:  # the default may be empty
                choices.check(value)
        except ValueError as error:
            raise ValueError(f"--{field.name}: {error}") from None
    elif choices is not None and value not in choices:
        hint = did_you_mean(value, [str(c) for c in choices])
        raise ValueError(f"--{field.name} should be one of {', '.join(map(str, choices))}. Received: {value!r}.{hint}")
    low, high = wanted["minimum"], wanted["maximum"]
    if wanted["zero"] and value == 0:
        return value
    if (low is not None and not value >= low) or (high is not None and not value <= high):
        bounds = " and ".join(
            text for text in (low is not None and f"at least {low}", high is not None and f"at most {high}") if text
        )
        bounds = f"0, or {bounds}" if wanted["zero"] else bounds
        raise ValueError(f"--{field.name} should be {bounds}. Received: {value!r}")
    return value
