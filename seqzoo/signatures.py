"""Explicit signatures for functions that pass options on: `help` shows every option, and misspelt ones get a hint."""

import functools
import inspect
from collections.abc import Callable

from seqzoo.registry import did_you_mean


def takes_options(*sources: Callable, without: tuple[str, ...] = ()) -> Callable[[Callable], Callable]:
    """Decorator that replaces the `**options` in a function's signature by the parameters of other functions.

    The signature then lists every option with its type and default. Parameters that the function declares itself take
    precedence, with their own defaults. Only given options are passed on, so that each source keeps its defaults.

    Args:
        sources: the functions that get the `**options`; none: the function must have no `**options`.
        without: parameters of the sources that are not options.

    Raises (when the decorated function is called):
        TypeError: an unknown keyword, with the nearest known one.

    Example::

        @takes_options(stack, without=("x", "mask"))
        def tagger(tags: int, front, crf: bool = True, **options): ...
    """

    def decorate(function: Callable) -> Callable:
        own = inspect.signature(function)
        parameters = [p for p in own.parameters.values() if p.kind is not p.VAR_KEYWORD]
        known = {*without, *(p.name for p in parameters)}
        for source in sources:
            for parameter in inspect.signature(source).parameters.values():
                if parameter.name not in known and parameter.kind is not parameter.VAR_KEYWORD:
                    known.add(parameter.name)
                    parameters.append(parameter.replace(kind=parameter.KEYWORD_ONLY))
        signature = own.replace(parameters=parameters)

        @functools.wraps(function)
        def checked(*args, **kwargs):
            for name in kwargs:
                if name not in signature.parameters:
                    hint = did_you_mean(name, [*signature.parameters])
                    raise TypeError(f"{function.__name__}() got an unexpected keyword argument {name!r}.{hint}")
            return function(*args, **kwargs)

        checked.__signature__ = signature
        return checked

    return decorate
