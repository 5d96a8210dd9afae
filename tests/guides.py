"""The guides of the project: their Python snippets, the commands they show, and the examples that tests register."""

import pathlib
import re
import shlex
import sys
import types

ROOT = pathlib.Path(__file__).parents[1]
ROOMS = ("tasks", "seqzoo", "seqzoo/rnns", "seqzoo/zoo", "experiments")
GUIDES = [ROOT / "README.md", *(ROOT / room / "README.md" for room in ROOMS)]
EXAMPLES = {  # what a guide adds to a registry: {module that its reader would write: (guide, a line of its snippet)}
    "seqzoo.tasks.parity": ("tasks/README.md", "@TASKS.register"),
    "seqzoo.datasets.text.fasttext": ("seqzoo/README.md", "@DATASETS.register"),
    "seqzoo.rnns.mine": ("seqzoo/rnns/README.md", '@RNNS.register("mine"'),
    "seqzoo.rnns.cfc": ("seqzoo/rnns/README.md", '@RNNS.register("cfc"'),
}


def snippets(guide: str | pathlib.Path) -> list[str]:
    """The Python snippets of a guide, given by its path in the project, in their order."""
    return re.findall(r"^```python\n(.*?)^```", (ROOT / guide).read_text("utf-8"), re.DOTALL | re.MULTILINE)


def register(module: str) -> types.ModuleType:
    """Runs one of EXAMPLES as the module that a reader would make of it."""
    if module not in sys.modules:
        guide, line = EXAMPLES[module]
        (code,) = (snippet for snippet in snippets(guide) if line in snippet)
        sys.modules[module] = types.ModuleType(module)
        exec(compile(code, guide, "exec"), vars(sys.modules[module]))
    return sys.modules[module]


def commands(guide: str | pathlib.Path, program: str = r"seqzoo\.\w+") -> list[tuple[str, list[str]]]:
    """[(module, arguments)] of the commands ``python -m MODULE ...`` of a guide, in blocks or in the text."""
    text = re.sub(r"\\\n", " ", (ROOT / guide).read_text("utf-8"))
    # In a paragraph a command ends at a backtick and may be broken into lines; in a block it ends with its line.
    parts = re.split(r"^```", text, flags=re.MULTILINE)
    found = []
    for number, part in enumerate(parts):
        if number % 2:
            found += re.findall(rf"python -m ({program})\b(.*)", part)
        else:
            found += re.findall(rf"`(?:[A-Z_]+=\S+ )?python -m ({program})\b([^`]*)`", part)
    return [(module, _arguments(rest)) for module, rest in found]


def _arguments(text):
    """The arguments of a command, up to a comment, a pipe or the next command."""
    lexer = shlex.shlex(text, posix=True, punctuation_chars=True)
    lexer.whitespace_split, lexer.commenters = True, "#"
    words = []
    for word in lexer:
        if set(word) <= set("|&;<>()"):
            break
        words.append(word)
    return words
