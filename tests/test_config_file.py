"""--config=FILE: options from a file, in YAML or as in the config.json of a run."""

import json
import pathlib

import pytest

from seqzoo import run, sweep
from seqzoo.task import TASKS


@pytest.fixture
def parsed(tmp_path, monkeypatch):
    """Writes a file of options and parses a command line with it: (task, mode, Command, request, options)."""
    monkeypatch.chdir(tmp_path)

    def parse(text, *flags, name="a.yaml"):
        (tmp_path / name).write_text(text, "utf-8")
        argv = [f"--config={name}", *flags]
        file, early = run.own_options(argv, run.Command)
        task, mode = run._task_and_mode(early, asks_help=False)
        return task, mode, *run.parse(argv, task, mode, file)

    return parse


def test_a_file_holds_options_of_the_command_and_of_the_task(parsed):
    text = "task: pos\nworkdir: ~/my run\nlearning_rate: 1e-3\ndropout: 0\nlayer_norm: yes\nepochs: 7\nvectors: ''\n"
    task, mode, command, request, settings = parsed(text)
    assert (task, mode, request) == ("pos", "train", None) and command.workdir.endswith("/my run")
    assert settings == {"learning_rate": 0.001, "dropout": 0.0, "layer_norm": True, "epochs": 7, "vectors": ""}
    assert all(type(settings[name]) is float for name in ("learning_rate", "dropout"))


def test_flags_override_the_file(parsed):
    text = "task: ner\nunits: 64\nlayers: 1\ncasing: false\nmode: predict\nworkdir: somewhere\n"
    task, mode, command, _, settings = parsed(text, "--task=pos", "--units=8", "--casing", "--mode=train")
    assert (task, mode, command.workdir) == ("pos", "train", "somewhere")
    assert settings == {"units": 8, "layers": 1, "casing": True}


def test_the_config_of_a_run_is_a_file_of_options(parsed):
    config = TASKS["ner"].Config(units=9, rnn="bigru", learning_rate=1e-5)
    text = json.dumps({"task": "ner", "format": 2, **config.to_dict()})
    task, _, _, _, settings = parsed(text, "--units=10", name="config.json")
    assert task == "ner" and settings == config.to_dict() | {"units": 10}


def test_the_options_of_a_mode_can_stand_in_a_file(parsed):
    folder = pathlib.Path("run")
    folder.mkdir()
    (folder / "config.json").write_text('{"task": "ner", "format": 2}')
    _, mode, command, request, _ = parsed("mode: export\nworkdir: run\nformat: litert\nlength: 12\n")
    assert (mode, command.workdir, request.format, request.length) == ("export", "run", "litert", 12)


@pytest.mark.parametrize(
    "text, message",
    [
        ("task: ner\nunitz: 64", "a.yaml:2: unknown option 'unitz'. Did you mean 'units'?"),
        ("task: ner\ndebug: true", "a.yaml:2: unknown option 'debug'."),
        ("task: ner\n3: 4", "a.yaml:2: unknown option '3'."),
        ("task: ner\n\nunits: many", "a.yaml:3: --units should be of type int. Received: 'many'"),
        ("task: ner\nunits: 64.5", "a.yaml:2: --units should be of type int. Received: 64.5"),
        ("task: ner\nunits: true", "a.yaml:2: --units should be of type int. Received: True"),
        ("task: ner\nrnn:", "a.yaml:2: --rnn should be of type str. Received: None"),
        ("task: ner\nrnn: [lstm, gru]", "a.yaml:2: --rnn should be of type str. Received: ['lstm', 'gru']"),
        ("task: ner\nrnn: lsmt", "a.yaml:2: --rnn: Unknown RNN 'lsmt'. Did you mean 'lstm'?"),
        ("task: ner\ndropout: .nan", "a.yaml:2: --dropout should be a finite number. Received: nan"),
        ("task: nre", "a.yaml:1: --task: Unknown task 'nre'. Did you mean 'ner'?"),
        ("task: ner\ndecay_rate: 0.1", "a.yaml:2: --decay_rate=0.1 has no effect with --schedule=cosine: it needs"),
        ("task: translation\nbeam: 3", "a.yaml:2: --beam is for --mode=export or compare or evaluate or predict"),
        ("task: ner\ntext: May", "a.yaml:2: --text is for --mode=predict"),
        ("task: ner\nunits: 64\nunits: 32", "a.yaml cannot be read: line 3: 'units' is given twice."),
        ("task: ner\nunits: [", "a.yaml cannot be read: line 2: "),
        ("task: ner\nname: 2020-99-99", "a.yaml cannot be read: month must be in 1..12"),
        ("task: ner\n? [1, 2]\n: 3", "a.yaml cannot be read: line 2: found unhashable key"),
        ("task: ner\nunits: !!timestamp x", "a.yaml cannot be read: a value does not fit its tag."),
        ("task: \x00", "a.yaml cannot be read: unacceptable character"),
        ("- ner", "a.yaml should hold options and their values, such as units: 64. Received: ['ner']"),
        ("", "a.yaml should hold options and their values, such as units: 64. Received: None"),
    ],
)
def test_a_wrong_file_is_refused_with_its_name_and_the_line(parsed, text, message):
    with pytest.raises(ValueError) as error:
        parsed(text)
    assert message in str(error.value) and "\n" not in str(error.value)


def test_an_error_of_a_flag_does_not_name_the_file(parsed):
    with pytest.raises(ValueError, match=r"^--decay_rate=0.1 has no effect"):
        parsed("task: ner\nunits: 8", "--decay_rate=0.1")


def test_a_file_that_is_missing_or_malformed_is_one_line(tmp_path, capsys):
    (tmp_path / "config.json").write_text('{"task": "ner",}')
    (tmp_path / "latin.yaml").write_bytes(b"task: n\xe9r")
    (tmp_path / "twice.json").write_text('{"units": 5, "units": 6}')
    for path, message in (
        ("twice.json", "twice.json cannot be read: 'units' is given twice."),
        ("none.yaml", f"--config: no file '{tmp_path}/none.yaml'."),
        ("", f"--config: no file '{tmp_path}'. Did you mean '{tmp_path}/config.json'?"),
        ("config.json", "config.json cannot be read: "),
        ("latin.yaml", "latin.yaml cannot be read: "),
    ):
        assert run.main([f"--config={tmp_path / path}"]) == 2
        error = capsys.readouterr().err
        assert message in error and error.count("\n") == 1
    assert sweep.main([f"--config={tmp_path}/none.yaml", "--sweep=units"]) == 2
    assert "--config: no file" in capsys.readouterr().err


def test_a_search_takes_a_file_and_searches_what_it_names_all_the_same(tmp_path):
    path = tmp_path / "config.json"
    path.write_text(json.dumps({"task": "ner", "format": 2, **TASKS["ner"].Config(units=9, layers=1).to_dict()}))
    name, options, fixed, space = sweep.parse([f"--config={path}", "--sweep=units=4|8,rnn", "--epochs=3"])
    assert name == "ner" and [*space] == ["units", "rnn"] and options.tuner == "random"
    assert not {"units", "rnn"} & fixed.keys() and (fixed["layers"], fixed["epochs"]) == (1, 3)
    path = tmp_path / "a.yaml"
    path.write_text("task: ner\nsweep: units\ntuner: gird\n")
    with pytest.raises(ValueError, match=r"a\.yaml:3: --tuner should be one of .* Did you mean 'grid'"):
        sweep.parse([f"--config={path}"])


def test_help_shows_the_option(capsys):
    assert run.main(["--help"]) == 0 and "--config: File of options" in capsys.readouterr().out
