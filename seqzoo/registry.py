"""Registry: name -> thing, where a thing is a function or class in a file of one package."""

import ast
import difflib
import functools
import importlib
import importlib.util
import pathlib


class Registry:
    """Names of interchangeable things, each registered by a decorator on top of it.

    The names are read from the decorators in the package's source, so that listing them or refusing a wrong one
    imports nothing; a file is imported when one of its names is first looked up.

    Args:
        kind: what the things are, for messages: ``"RNN"``.
        package: the package whose files register them: ``"seqzoo.rnns"``.

    Example::

        RNNS = Registry("RNN", "seqzoo.rnns")

        @RNNS.register("lstm")
        def lstm(units, **kwargs): ...

        layer = RNNS["lstm"](128)
    """

    def __init__(self, kind, package):
        self.kind = kind
        self.package = package
        self._things = {}

    def register(self, *names):
        """Decorator that registers a function or class under one or more names (literal strings)."""

        def decorate(thing):
            for name in names:
                if name in self._things and self._things[name].__module__ != thing.__module__:
                    raise ValueError(f"{self.kind} {name!r} is registered twice.")
                self._things[name] = thing
            if isinstance(thing, type):
                thing.name = names[0]
            return thing

        return decorate

    @functools.cached_property
    def _declared(self):
        """{name: (module, first line of its docstring)} as the source files declare them."""
        declared = {}
        spec = importlib.util.find_spec(self.package)
        for folder in spec.submodule_search_locations:
            for file in sorted(pathlib.Path(folder).rglob("*.py")):
                parts = file.relative_to(folder).with_suffix("").parts
                module = ".".join([self.package, *(part for part in parts if part != "__init__")])
                for node in ast.parse(file.read_text("utf-8")).body:
                    for call in getattr(node, "decorator_list", []):
                        if isinstance(call, ast.Call) and getattr(call.func, "attr", None) == "register":
                            summary = (ast.get_docstring(node) or "").split("\n")[0]
                            for name in call.args:
                                if name.value in declared:
                                    raise ValueError(f"{self.kind} {name.value!r} is registered in two places.")
                                declared[name.value] = (module, summary)
        return declared

    def names(self):
        """All registered names, sorted."""
        return sorted({*self._declared, *self._things})

    def summary(self, name):
        """The first line of the docstring of what is registered under `name`."""
        if name in self._things:
            return (self._things[name].__doc__ or "").split("\n")[0]
        return self._declared[name][1]

    def check(self, name):
        """Returns `name` if it is registered.

        Raises:
            ValueError: names the nearest registered name, and all of them.
        """
        if name not in self:
            hint = did_you_mean(name, self.names())
            raise ValueError(f"Unknown {self.kind} {name!r}.{hint} Registered: {', '.join(self.names())}.")
        return name

    def __contains__(self, name):
        return name in self._things or name in self._declared

    def __getitem__(self, name):
        if self.check(name) not in self._things:
            importlib.import_module(self._declared[name][0])
        return self._things[name]


def did_you_mean(name, names):
    """What an error adds that says `name` is none of `names`: " Did you mean 'lstm'?", or "" if none is near."""
    near = difflib.get_close_matches(str(name), names, n=1)
    return f" Did you mean {near[0]!r}?" if near else ""
