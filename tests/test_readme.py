"""The guides are right: snippets run, commands parse, links and images exist, additions keep their contracts."""

import functools
import importlib.util
import os
import re
import unittest.mock

import guides
import pytest
from marks import FORWARD, slow

import experiments
from seqzoo import run, sweep, zoo
from seqzoo.assets import save_assets
from seqzoo.datasets import DATASETS, Examples
from seqzoo.rnns import RNNS
from seqzoo.task import TASKS
from seqzoo.training.folder import prepare, read_config

IDS = [os.fspath(guide.relative_to(guides.ROOT)) for guide in guides.GUIDES]
ADDITIONS = {line for _, line in guides.EXAMPLES.values()}


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A folder with runs/ner, as it is after the first command of the README, but small and untrained."""
    folder = tmp_path_factory.mktemp("project")
    config, splits, *_ = TASKS["ner"].tiny()
    task = TASKS["ner"](config)
    task.assets = task.learn(splits["train"])
    prepare(folder / "runs/ner", task)
    save_assets(folder / "runs/ner", task.assets)
    task.build().save(folder / "runs/ner/model.keras")
    return folder


@pytest.mark.tensorflow("each shape is compiled anew on JAX")
@pytest.mark.parametrize("guide", [IDS[0], *slow(*IDS[1:])])
def test_snippets_run_one_after_the_other(guide, project, monkeypatch):
    monkeypatch.chdir(project)
    few = functools.partial(DATASETS["grammar"], sizes={"train": 40, "valid": 10})
    monkeypatch.setitem(DATASETS._things, "grammar", few)
    names = {}
    for snippet in guides.snippets(guide):
        if not any(line in snippet for line in ADDITIONS):
            exec(compile(snippet, guide, "exec"), names)


@pytest.mark.parametrize("guide", IDS)
def test_commands_parse(guide):
    shown = guides.commands(guide)
    assert shown or guide in ("seqzoo/rnns/README.md", "experiments/README.md")
    for module, argv in shown:
        try:
            assert module in ("seqzoo.run", "seqzoo.sweep")
            (check_run if module == "seqzoo.run" else check_sweep)(argv)
        except Exception as error:
            raise AssertionError(f"{guide}: python -m {module} {' '.join(argv)}") from error


def test_programs_of_the_experiments_exist():
    for guide in guides.GUIDES:
        for module, _ in guides.commands(guide, r"experiments[.\w]*"):
            assert importlib.util.find_spec(module), module


def workdirs():
    """{folder of a run: its task}, of all training commands that the guides show, of those without a folder, of the
    experiments and of the zoo."""
    found = {f"runs/{name}": name for name in TASKS.names()}
    found |= {f"runs/experiments/{name}-0": recipe.task for name, recipe in experiments.experiments().items()}
    found |= {f"zoo:{name}": read_config(f"zoo:{name}")[0] for name in zoo.names()}
    for guide in guides.GUIDES:
        for module, argv in guides.commands(guide):
            flags = dict(flag.lstrip("-").partition("=")[::2] for flag in argv)
            if module == "seqzoo.run" and flags.get("mode", "train") == "train" and flags.keys() >= {"task", "workdir"}:
                found[flags["workdir"]] = found[f"{flags['workdir']}/fold1"] = flags["task"]
    return found


def check_run(argv):
    """Raises an error if a command line of seqzoo.run would be refused."""
    if "--list" in argv or "--zoo" in argv or not argv:
        return
    flags = dict(flag.lstrip("-").partition("=")[::2] for flag in argv)
    mode = flags.get("mode", "train")
    if "--help" in argv:
        TASKS.check(flags.get("task", "ner"))
        return
    if flags.get("task", "").isupper() or "config" in flags:  # a placeholder; the task of a file
        flags["task"] = "ner"
        argv = [flag for flag in argv if not flag.startswith("--task")]
    names = [flags["task"]] if mode == "train" else [workdirs()[folder] for folder in flags["workdir"].split(",")]
    for name in names:
        assert mode in (*TASKS[name].modes, *run.SHARED), f"{name} has no mode {mode}"
        first = flags.get("init_from", "").split(",")
        if any(folder.startswith("runs/") for folder in first):  # made by the commands before
            assert {*first} <= workdirs().keys()
            with unittest.mock.patch("seqzoo.training.transfer.inherited", lambda name, settings: settings):
                run.parse(argv, name, mode)
        else:
            run.parse(argv, name, mode)


def check_sweep(argv):
    """Raises an error if a command line of seqzoo.sweep would be refused."""
    if argv and "--help" not in argv:
        sweep.parse(argv)


def test_a_wrong_command_would_be_found():
    for argv in (
        ["--task=ner", "--unitz=8"],
        ["--task=ner", "--rnn=lsmt"],
        ["--task=ner", "--dataset=frames"],
        ["--mode=predict", "--workdir=runs/nowhere"],
        ["--mode=predict", "--workdir=runs/ner", "--units=8"],
        ["--mode=score", "--workdir=runs/ner"],
        ["--mode=evaluate", "--workdir=runs/ner", "--crf"],
    ):
        with pytest.raises(Exception, match=r"."):
            check_run(argv)


@pytest.mark.parametrize("guide", [*IDS, "BUILD_NOTES.md"])
def test_links_and_images_exist(guide):
    path = guides.ROOT / guide
    text = re.sub(r"```.*?```|`[^`\n]*`", "", path.read_text("utf-8"), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if "://" in target:
            continue
        file, _, anchor = target.partition("#")
        linked = path.parent / file if file else path
        assert linked.exists(), f"{guide}: {target}"
        if anchor:
            headings = re.findall(r"^#+ (.+)$", linked.read_text("utf-8"), re.MULTILINE)
            anchors = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
            assert anchor in anchors, f"{guide}: {target}"


def test_the_readme_is_short():
    assert len(guides.GUIDES[0].read_text("utf-8").splitlines()) <= 200


def test_every_recurrent_layer_stands_in_its_guide_with_its_file():
    table = (guides.ROOT / "seqzoo/rnns/README.md").read_text("utf-8")
    for name in FORWARD:
        module = RNNS[name].__module__.rpartition(".")[2]
        assert re.search(rf"^\|[^|]*`{name}`[^|]*\|[^|]*\| `{module}\.py` \|$", table, re.MULTILINE), name


def test_every_task_has_a_section_in_its_guide_and_a_command_in_the_readme():
    headings = re.findall(r"^## .*", (guides.ROOT / "tasks/README.md").read_text("utf-8"), re.MULTILINE)
    in_readme = [flag for _, argv in guides.commands("README.md") for flag in argv]
    for name in TASKS.names():
        if not (guides.ROOT / "tasks" / f"{name}.py").is_file():  # a second name, or a task of the tests
            continue
        assert any(f"`{name}`" in heading for heading in headings), name
        assert f"--task={name}" in in_readme, name


# --- What the guides add to the registries ----------------------------------------------------------
# The task goes through test_contract.py, the cell through test_adding_a_cell.py.


def test_the_example_of_a_dataset_reads_files_and_names_the_line_of_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr(DATASETS, "_things", dict(DATASETS._things))  # it is registered for this test only
    guides.register("seqzoo.datasets.text.fasttext")
    (tmp_path / "train.txt").write_text("__label__good a fine film\n__label__bad dull\n", "utf-8")
    (tmp_path / "valid.txt").write_text("__label__bad dull\nno label here\n", "utf-8")
    splits = DATASETS["fasttext"](data_dir=tmp_path)
    assert list(splits) == ["train", "valid"] and all(isinstance(split, Examples) for split in splits.values())
    assert [*splits["train"]] == [{"text": "a fine film", "label": "good"}, {"text": "dull", "label": "bad"}] * 1
    with pytest.raises(ValueError, match=r"valid\.txt, line 2"):
        list(splits["valid"])
