"""Settings from a file: ``--config=FILE``, in YAML, or the config.json of a run."""

import contextlib
import dataclasses
import json
import os
import pathlib
import re
from collections.abc import Iterator

from seqzoo.config import checked
from seqzoo.registry import did_you_mean


@dataclasses.dataclass(frozen=True)
class ConfigFile:
    """The content of a settings file; empty without arguments.

    Attributes:
        path: the file.
        values: {option: value} as read, not checked yet.
        lines: {option: number of its line}; {} for JSON.
    """

    path: str = ""
    values: dict = dataclasses.field(default_factory=dict)
    lines: dict = dataclasses.field(default_factory=dict)

    def options(self, fields: dict[str, dataclasses.Field]) -> dict:
        """Returns the values, checked.

        Args:
            fields: {option: its field} of all options that the file may hold.

        Raises:
            ValueError: an unknown option, or a value that is not allowed; the message names the file and the line.
        """
        for name in self.values:
            if name not in fields:
                raise self.error(name, f"unknown option {name!r}.{did_you_mean(name, fields)}")
        return self.known_options(fields)

    def known_options(self, fields: dict[str, dataclasses.Field]) -> dict:
        """Like `options`, but ignores options that are not among the fields."""
        options = {}
        for name, value in self.values.items():
            if name in fields:
                with self.named(name):
                    options[name] = checked(fields[name], _number(value, fields[name]))
        return options

    @contextlib.contextmanager
    def named(self, *options: str) -> Iterator[None]:
        """Context manager that adds file and line to an error about one of these options."""
        try:
            yield
        except ValueError as error:
            about = re.search(r"--(\w+)", str(error))
            if about is None or about[1] not in options:
                raise
            raise self.error(about[1], str(error)) from error

    def error(self, name: str, message: str) -> ValueError:
        """Returns the error about an option, with file and line."""
        line = f":{self.lines[name]}" if name in self.lines else ""
        return ValueError(f"{self.path}{line}: {message}")


def read_config_file(path: str | os.PathLike) -> ConfigFile:
    """Reads a file of settings: ``units: 64`` on a line, or JSON if its name ends in ``.json``.

    The version in the config.json of a run is left out.

    Raises:
        ValueError: the file is missing or malformed, gives an option twice, or does not hold options and values.
    """
    path = pathlib.Path(path)
    if not path.is_file():
        hint = f" Did you mean {str(path / 'config.json')!r}?" if (path / "config.json").is_file() else ""
        raise ValueError(f"--config: no file {str(path)!r}.{hint}")
    try:
        text = path.read_text("utf-8")
        values, lines = (json.loads(text, object_pairs_hook=_once), {}) if path.suffix == ".json" else _read_yaml(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} cannot be read: {error}") from error
    if not isinstance(values, dict):
        raise ValueError(f"{path} should hold options and their values, such as units: 64. Received: {values!r:.60}")
    if "task" in values and type(values.get("format")) is int:
        values.pop("format")
    return ConfigFile(str(path), values, lines)


def _number(value, field):
    """Converts numbers that YAML reads as text: 1e-3 is a text there, and 1.0e-3 a number."""
    if field.type is float and isinstance(value, str):
        with contextlib.suppress(ValueError):
            return float(value)
    return value


def _once(pairs):
    """Returns the dict of the pairs of a JSON object."""
    names = [name for name, _ in pairs]
    if again := [name for name in names if names.count(name) > 1]:
        raise ValueError(f"{again[0]!r} is given twice.")
    return dict(pairs)


def _read_yaml(text):
    """Parses YAML into (value, {key: number of its line})."""
    import yaml

    try:
        node, lines = yaml.compose(text, yaml.SafeLoader), {}
        for key, _ in node.value if isinstance(node, yaml.MappingNode) else ():
            name, line = str(key.value), key.start_mark.line + 1
            if name in lines:
                raise ValueError(f"line {line}: {name!r} is given twice.")
            lines[name] = line
        values = yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        raise ValueError(f"line {error.problem_mark.line + 1}: {error.problem}") from error
    except AttributeError as error:  # PyYAML's, about a tag such as !!timestamp that the value does not fit
        raise ValueError("a value does not fit its tag.") from error
    except yaml.YAMLError as error:  # a character that YAML does not allow
        raise ValueError(str(error).splitlines()[0]) from error
    return {str(key): value for key, value in values.items()} if isinstance(values, dict) else values, lines
