"""The rooms of the package: imports run one way, and each room can be used without those above it."""

import ast
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[1]
PACKAGE = ROOT / "seqzoo"

# From the ground up: a module may import from its own room and from those of the floors below.
FLOORS = (
    {"files", "registry", "backend", "extras"},
    {"assets", "signatures", "config", "zoo"},
    {"rnns", "text", "config_file"},
    {"metrics", "layers", "data"},
    {"inputs", "decoding"},
    {"models", "display"},
    {"music", "sound", "pictures", "items"},
    {"datasets"},
    {"options"},
    {"task"},
    {"training"},
    {"export"},
    {"families"},
    {"search", "run"},
    {"sweep"},
    {"tasks"},
)
LEVEL = {room: level for level, rooms in enumerate(FLOORS) for room in rooms}


def run(node):
    """A node and those below it that run: imports for type hints alone do not."""
    yield node
    if not (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"):
        for child in ast.iter_child_nodes(node):
            yield from run(child)


def imported(path):
    """The rooms that a file imports, at its top or within functions."""
    for node in run(ast.parse(path.read_text("utf-8"))):
        names = []
        if isinstance(node, ast.ImportFrom) and node.module == "seqzoo":
            names = [f"seqzoo.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        yield from (name.split(".")[1] for name in names if name.startswith("seqzoo."))


def test_imports_run_one_way():
    files = {path: path.relative_to(PACKAGE).with_suffix("").parts[0] for path in PACKAGE.rglob("*.py")}
    files |= dict.fromkeys((ROOT / "tasks").glob("*.py"), "tasks")
    upward = [
        f"{path.relative_to(ROOT)} imports seqzoo.{room}"
        for path, own in files.items()
        if own != "__init__"
        for room in imported(path)
        if room != own and LEVEL[room] >= LEVEL[own]
    ]
    assert not upward, "\n".join(upward)


@pytest.mark.slow
def test_training_a_tagger_imports_no_music():
    script = (
        "import sys, seqzoo.training, seqzoo.display.plots, seqzoo.display.terminal, seqzoo.models\n"
        "from seqzoo.task import TASKS; TASKS['pos']; from seqzoo.datasets import DATASETS; DATASETS['grammar']\n"
        "assert not [m for m in sys.modules if m.split('.')[0] == 'mido' or m.startswith('seqzoo.music')]\n"
        "assert [m for m in sys.modules if m.startswith('seqzoo.tasks.')] == ['seqzoo.tasks.pos']"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
