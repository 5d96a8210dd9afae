"""What is installed: `seqzoo.tasks` from any folder, the commands, the guides, links, and extras with their errors."""

import configparser
import importlib.util
import os
import pathlib
import re
import shutil
import subprocess
import sys

import pytest

from seqzoo import extras, run
from seqzoo.assets import load_assets, save_assets
from seqzoo.datasets import DATASETS
from seqzoo.task import TASKS
from seqzoo.text.subwords import Subwords

ROOT = pathlib.Path(__file__).parents[1]
SCRIPT = (
    "import seqzoo.tasks.ner as ner, sys; from seqzoo.task import TASKS; TASKS['ner']; print(ner.__file__);"
    "assert 'tasks' not in sys.modules and 'tensorflow' not in sys.modules"
)


def test_tasks_import_neither_tensorflow_nor_what_only_reports_need():
    script = (
        "import sys; from seqzoo.task import TASKS; [TASKS[name] for name in TASKS.names()];"
        "print(sorted({'tensorflow', 'keras', 'matplotlib', 'sklearn'} & {*sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout == "[]\n", done.stderr


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


@pytest.mark.slow
def test_a_wheel_holds_all_that_is_needed_and_finds_tasks_from_any_folder(elsewhere, tmp_path):
    source, installed = tmp_path / "source", tmp_path / "installed"
    shutil.copytree(ROOT, source, ignore=shutil.ignore_patterns(".*", "__pycache__", "runs", "*.egg-info", "build"))
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index",
         "--target", installed, source],
        check=True, capture_output=True,
    )  # fmt: skip
    assert found(elsewhere, installed) == (installed / "seqzoo/tasks/ner.py").resolve()
    for folder in ("seqzoo", "tasks"):  # whatever stands beside the code, such as pages, guides and pretrained runs
        beside = {path.relative_to(source) for path in (source / folder).rglob("*") if path.is_file()}
        inside = {pathlib.Path("seqzoo", path) if folder == "tasks" else path for path in beside}
        assert not sorted(path for path in inside if not (installed / path).is_file())
    (metadata,) = installed.glob("seqzoo-*.dist-info/METADATA")
    text = metadata.read_text("utf-8")
    assert "License-Expression: Apache-2.0\n" in text and "Author: The seqzoo developers\n" in text
    relative = re.findall(r"\]\((?!https://|#)([^)]*)\)", re.sub(r"```.*?```|`[^`\n]*`", "", text, flags=re.DOTALL))
    assert not relative and "https://raw.githubusercontent.com/seqzoo/seqzoo/main/experiments/samples/" in text
    for name, first in (("seqzoo", "The command line"), ("seqzoo-sweep", "Hyperparameter search")):
        environment = {**os.environ, "PYTHONPATH": str(installed)}
        shown = subprocess.run(
            [installed / "bin" / name, "--help"], cwd=elsewhere, env=environment, capture_output=True
        )
        assert shown.stdout.decode().startswith(first), shown.stderr
    # Installed, and run from the checkout: the checkout's files are the ones that are edited, so they win.
    assert found(source, installed) == (source / "tasks/ner.py").resolve()


def test_the_extras_that_errors_name_are_those_of_the_project():
    config = configparser.RawConfigParser()
    config.read(ROOT / "setup.cfg")
    declared = {
        name: set(re.findall(r"^(?!#)([\w-]+)", lines, re.MULTILINE))
        for name, lines in config["options.extras_require"].items()
    }
    declared.pop("test")
    assert {name: {*(p.replace("_", "-") for p in packages)} for name, packages in extras.EXTRAS.items()} == declared


@pytest.mark.parametrize(
    "checkout, install", [(True, 'pip install -e ".[text]"'), (False, 'pip install "seqzoo[text]"')]
)
def test_a_missing_package_is_named_with_the_extra_that_has_it(monkeypatch, checkout, install):
    monkeypatch.setattr(extras, "_IS_CHECKOUT", checkout)
    monkeypatch.setitem(sys.modules, "sentencepiece", None)
    with pytest.raises(extras.MissingPackageError) as error:
        Subwords.learn(["a text"], 30, "bpe")
    assert str(error.value) == f"--tokenizer=bpe needs the package sentencepiece: {install}"


def test_a_run_with_a_missing_package_is_not_called_damaged(monkeypatch, tmp_path):
    save_assets(tmp_path, {"source": Subwords.learn(["a text of words"], 30, "bpe")})
    monkeypatch.setitem(sys.modules, "sentencepiece", None)
    with pytest.raises(extras.MissingPackageError, match="^A vocabulary of subwords needs the package sent"):
        load_assets(tmp_path)


def test_translation_needs_its_scores_before_it_trains(monkeypatch):
    monkeypatch.setitem(sys.modules, "sacrebleu", None)
    task = TASKS["translation"]()
    monkeypatch.setattr(task, "read", lambda: pytest.fail("data was read"))
    with pytest.raises(extras.MissingPackageError, match=r"^--task=translation needs the package sacrebleu: .*text"):
        task.load()


def test_universal_dependencies_need_their_reader_before_they_are_downloaded(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "conllu", None)
    with pytest.raises(extras.MissingPackageError, match="^universal_dependencies/en_ewt needs the package conllu: "):
        DATASETS["universal_dependencies"](data_dir=tmp_path)


@pytest.mark.parametrize(
    "flag, package", [("--mode=serve", "uvicorn"), ("--format=onnx", "tf2onnx"), ("--format=litert", "ai_edge_litert")]
)
def test_a_mode_names_its_missing_package_before_the_run_is_loaded(flag, package, monkeypatch, tmp_path, capsys):
    (tmp_path / "config.json").write_text('{"task": "ner", "format": 2}')  # and no model
    optional, find = {name for names in extras.EXTRAS.values() for name in names}, importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: name != package or None if name in optional else find(name)
    )
    mode = flag if "mode" in flag else "--mode=export"
    assert run.main([mode, *({flag} - {mode}), f"--workdir={tmp_path}"]) == 2
    assert f"error: {flag} needs the package {package.replace('_', '-')}: pip install" in capsys.readouterr().err
