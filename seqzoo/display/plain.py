"""Makes text from data, names and paths safe for a terminal: no markup, and no control characters.

Everything that the program prints for people goes through a `PlainConsole`, or through `plain`.
"""

from collections.abc import Iterable
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

from seqzoo.files import to_json

# C0 control characters have pictures in Unicode, from U+2400 on; C1 ones, which also begin escape sequences, do not.
_VISIBLE = {code: 0x2400 + code for code in range(0x20) if chr(code) not in "\t\n"}
_VISIBLE |= {0x7F: 0x2421, **dict.fromkeys(range(0x80, 0xA0), 0xFFFD)}
_VISIBLE |= dict.fromkeys(range(0xD800, 0xE000), 0xFFFD)  # bytes of a file name that are not UTF-8

_ESCAPED = {code: f"\\u{code:04x}" for code in range(0x7F, 0xA0)}  # to_json escapes the others

LONGEST = 1000  # characters of a message


def plain(text: str) -> str:
    """Replaces control characters, keeping the length: an escape sequence is shown as ``␛[31m`` and has no effect."""
    return text.translate(_VISIBLE)


def plain_text(text: object, style: str = "") -> Text:
    """Returns a rich Text in one style, in which markup and control characters have no effect."""
    return Text(plain(str(text)), style)


def one_line(text: str) -> str:
    """Returns a message in one line of at most 1,000 characters; a longer one loses its middle."""
    if len(text) > LONGEST:
        half = LONGEST // 2 - 2
        text = f"{text[:half]} … {text[-half:]}"
    return plain(" ".join(map(str.strip, text.split("\n"))))


def json_line(value: Any) -> str:
    """Returns a value as one line of JSON, with control characters escaped."""
    return to_json(value, ensure_ascii=False).translate(_ESCAPED)


class PlainConsole(Console):
    """A rich Console that treats strings as data: markup has no effect, and control characters are shown.

    For styles, print a `rich.text.Text`, whose control characters are also shown.

    Args:
        **options: options of a rich Console, such as ``stderr``.
    """

    def __init__(self, **options):
        super().__init__(markup=False, emoji=False, highlight=False, **options)

    def on_broken_pipe(self) -> None:
        """Raises a BrokenPipeError, where rich would end the program."""
        raise BrokenPipeError

    def render_str(self, text: str, **options) -> Text:
        return super().render_str(plain(text), **options)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=plain(segment.text))
