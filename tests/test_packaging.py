"""`seqzoo.tasks` is found however the project is reached, also from a folder with a tasks.py of its own."""

import os
import pathlib
import shutil
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[1]
SCRIPT = (
    "import seqzoo.tasks.ner as ner, sys; from seqzoo.task import TASKS; TASKS['ner']; print(ner.__file__);"
    "assert 'tasks' not in sys.modules and 'tensorflow' not in sys.modules"
)


@pytest.fixture
def elsewhere(tmp_path):
    """A folder of a user who has a tasks.py."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    (folder / "tasks.py").write_text("raise RuntimeError('the wrong tasks')")
    return folder


def found(cwd, path=None):
    """The file of seqzoo.tasks.ner, imported by a new process in `cwd` with `path` to import from."""
    environment = {**os.environ, "PYTHONPATH": str(path or "")}
    out = subprocess.run([sys.executable, "-c", SCRIPT], cwd=cwd, env=environment, capture_output=True, text=True)
    assert out.returncode == 0, out.stderr
    return pathlib.Path(out.stdout.strip()).resolve()


def test_tasks_are_found_in_a_bare_checkout(elsewhere):
    checkout = elsewhere / "checkout"
    for folder in ("seqzoo", "tasks"):
        shutil.copytree(ROOT / folder, checkout / folder, ignore=shutil.ignore_patterns("__pycache__"))
    assert found(checkout) == (checkout / "tasks/ner.py").resolve()
    assert found(elsewhere, checkout) == (checkout / "tasks/ner.py").resolve()


def test_tasks_are_found_in_a_wheel_from_any_folder(elsewhere, tmp_path):
    source, installed = tmp_path / "source", tmp_path / "installed"
    shutil.copytree(ROOT, source, ignore=shutil.ignore_patterns(".*", "__pycache__", "runs", "*.egg-info", "build"))
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index",
         "--target", installed, source],
        check=True, capture_output=True,
    )  # fmt: skip
    assert found(elsewhere, installed) == (installed / "seqzoo/tasks/ner.py").resolve()
    assert (installed / "seqzoo/export/page.html").is_file()
    files = [path.relative_to(ROOT) for path in (ROOT / "seqzoo/zoo").rglob("*") if "__pycache__" not in path.parts]
    assert not [path for path in files if not (installed / path).exists()]
    # Installed, and run from the checkout: the checkout's files are the ones that are edited, so they win.
    assert found(source, installed) == (source / "tasks/ner.py").resolve()
