"""Registry: name -> function or class, defined in the files of one package."""

import ast
import difflib
import functools
import importlib
import importlib.util
import pathlib
import re
from collections.abc import Callable, Iterable
from typing import Any

# Decorators, header and docstring of each registered object: parsing the whole file takes eight times as long.
_REGISTERED = re.compile(
    r'^@\w+\.register\(.*?^(?:def|class)\b.*?:[ ]*(?:#[^\n]*)?\n(?: +[rR]?""".*?""")?', re.DOTALL | re.MULTILINE
)


class Registry:
    """Names of interchangeable functions or classes, each registered by a decorator.

    The names are read from the decorators in the package's source, so that listing them or refusing a wrong one
    imports nothing; a file is imported when one of its names is first looked up.

    Args:
        kind: the kind of object, for messages: ``"RNN"``.
        package: the package whose files register them: ``"seqzoo.rnns"``.

    Example::

        RNNS = Registry("RNN", "seqzoo.rnns")

        @RNNS.register("lstm")
        def lstm(units, **kwargs): ...

        layer = RNNS["lstm"](128)
    """

    def __init__(self, kind: str, package: str):
        self.kind = kind
        self.package = package
        self._things, self._traits = {}, {}

    def register(self, *names: str, **traits) -> Callable:
        """Returns a decorator that registers a function or class under one or more names (literal strings).

        Args:
            *names: the names.
            **traits: literals that can be read without importing the object, see `trait`.
        """

        def decorate(item):
            for name in names:
                if name in self._things and self._things[name].__module__ != item.__module__:
                    raise ValueError(f"{self.kind} {name!r} is registered twice.")
                self._things[name], self._traits[name] = item, traits
            if isinstance(item, type):
                item.name = names[0]
            return item

        return decorate

    @functools.cached_property
    def _declared(self):
        """Reads {name: (module, first line of its docstring, traits)} from the source files."""
        declared = {}
        spec = importlib.util.find_spec(self.package)
        for folder in spec.submodule_search_locations:
            for file in sorted(pathlib.Path(folder).rglob("*.py")):
                parts = file.relative_to(folder).with_suffix("").parts
                module = ".".join([self.package, *(part for part in parts if part != "__init__")])
                for head in _REGISTERED.findall(file.read_text("utf-8")):
                    (node,) = ast.parse(f"{head}\n    pass\n").body
                    summary = (ast.get_docstring(node) or "").split("\n")[0]
                    for call in node.decorator_list:
                        if isinstance(call, ast.Call) and getattr(call.func, "attr", None) == "register":
                            traits = {keyword.arg: ast.literal_eval(keyword.value) for keyword in call.keywords}
                            for name in call.args:
                                if name.value in declared:
                                    raise ValueError(f"{self.kind} {name.value!r} is registered in two places.")
                                declared[name.value] = (module, summary, traits)
        return declared

    def names(self) -> list[str]:
        """Returns all registered names, sorted."""
        return sorted({*self._declared, *self._things})

    def summary(self, name: str) -> str:
        """Returns the first line of the docstring of the object registered under `name`."""
        if name in self._things:
            return (self._things[name].__doc__ or "").split("\n")[0]
        return self._declared[name][1]

    def trait(self, name: str, key: str, default: Any) -> Any:
        """Returns a trait that was declared with `name`, or a default."""
        traits = self._traits[name] if name in self._traits else self._declared[name][2]
        return traits.get(key, default)

    def check(self, name: str) -> str:
        """Returns `name` if it is registered.

        Raises:
            ValueError: the name is not registered; the message gives the nearest name and all names.
        """
        if name not in self:
            hint = did_you_mean(name, self.names())
            raise ValueError(f"Unknown {self.kind} {name!r}.{hint} Registered: {', '.join(self.names())}.")
        return name

    def __contains__(self, name: str) -> bool:
        return name in self._things or name in self._declared

    def __getitem__(self, name: str):
        if self.check(name) not in self._things:
            importlib.import_module(self._declared[name][0])
        return self._things[name]


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """Returns " Did you mean 'lstm'?" for the one of `names` that is nearest to a wrong name, or "" if none is near."""
    near = difflib.get_close_matches(str(name)[:100], names, n=1)  # a very long name would take minutes to compare
    return f" Did you mean {near[0]!r}?" if near else ""
