"""The command line: ``python -m seqzoo.run --task=ner``. The only reader of flags.

python -m seqzoo.run --list                                   tasks, datasets, recurrent layers
python -m seqzoo.run --task=ner --help                        all options of a task
python -m seqzoo.run --task=ner --workdir=runs/ner            train (again: go on)
python -m seqzoo.run --mode=evaluate --workdir=runs/ner --data_dir=FOLDER_OR_FILE
python -m seqzoo.run --mode=predict --workdir=runs/ner --text="May met Ford in Paris."
"""

import collections
import contextlib
import dataclasses
import os
import pathlib
import re
import sys

from absl import flags
from rich.console import Console
from rich.table import Table

from seqzoo import options
from seqzoo.config import Config, option
from seqzoo.datasets import DATASETS
from seqzoo.rnns import RNNS
from seqzoo.task import TASKS

MODES = ("train", "evaluate", "predict")


@dataclasses.dataclass(frozen=True)
class Command(Config):
    """What to do."""

    task: str = option("", "Task (see --list); a run folder knows its own.")
    mode: str = option("train", "What to do.", choices=MODES)
    workdir: str = option("", "Folder of the run. Empty: runs/TASK for training.")
    overwrite: bool = option(False, "Delete the run that --workdir holds, and start over.")
    text: str = option("", "Text to predict on.")
    input: str = option("", "File to predict on, a text a line; with neither --text nor --input: standard input.")
    json: bool = option(False, "Predict as JSON lines; the default wherever the output is not a terminal.")
    debug: bool = option(False, "Show the whole traceback of an error.")


def main(argv=None):
    """Runs a command line; returns the exit status, 2 for what was asked wrongly."""
    argv = sys.argv[1:] if argv is None else argv
    try:
        return run(argv)
    except (ValueError, OSError, FloatingPointError, flags.Error) as error:
        if any(flag in argv for flag in ("--debug", "--debug=true", "-debug")):
            raise
        message = str(error) if isinstance(error, ValueError | flags.Error) else f"{type(error).__name__}: {error}"
        Console(stderr=True, soft_wrap=True).print(f"[bold red]error:[/] {_escaped(message)}", highlight=False)
        return 2
    except KeyboardInterrupt:
        print("\nstopped; the same command goes on from the last finished epoch", file=sys.stderr)
        return 130


def run(argv):
    """Runs a command line. Raises what `main` turns into one line."""
    console = Console(highlight=False)
    if "--list" in argv:
        console.print(listing())
        return 0
    asks_help = not argv or "--help" in argv or "-h" in argv
    name = _task_name(argv)
    groups = [Command, TASKS[name].Predicting, TASKS[name].Config] if name else [Command]
    parser = _parser(groups)
    if asks_help:
        print(f"{__doc__.strip()}\n{parser.get_help()}")
        if not name:
            print(f"\nWith --task=NAME, one of {', '.join(TASKS.names())}, --help lists that task's options too.")
        return 0
    if not name:
        # Parsed first, so that a misspelt --task is told from a missing one.
        _parse(parser, argv)
        raise ValueError(f"Which task? Give --task=NAME, one of {', '.join(TASKS.names())}.")
    given = _parse(parser, argv)
    command = Command(**{key: value for key, value in given.items() if key in Command.__dataclass_fields__})
    settings = {key: value for key, value in given.items() if key not in Command.__dataclass_fields__}
    asked = {key: settings.pop(key) for key in TASKS[name].Predicting.__dataclass_fields__ if key in settings}
    if asked and command.mode != "predict":
        raise ValueError(f"--{next(iter(asked))} is for --mode=predict. Received: --mode={command.mode}")
    if command.mode not in TASKS[name].modes:
        raise ValueError(f"Task {name} has no --mode={command.mode}; it has {', '.join(TASKS[name].modes)}.")
    if command.mode == "train":
        config = TASKS[name].Config(**settings)
        return _train(name, config, command, console)
    if command.mode == "evaluate":
        return _evaluate(command, settings, console)
    return _predict(command, settings, TASKS[name].Predicting(**asked), console)


def _task_name(argv):
    """The task that a command line is about, or ""."""
    early = _parser([Command])
    early(["seqzoo.run", *argv], known_only=True)
    task = early.task and TASKS.check(early.task)
    Command(mode=early.mode)  # refuses a mode that is none
    if early.mode == "train" or (not early.workdir and ("--help" in argv or "-h" in argv)):
        return task
    if not early.workdir:
        raise ValueError(f"--mode={early.mode} needs --workdir=RUN, the folder of a trained run.")
    from seqzoo.training import read_config

    name, _ = read_config(early.workdir)
    if task not in ("", name):
        raise ValueError(f"{early.workdir} is a run of task {name}. Received: --task={task}")
    return name


def _parser(configs):
    """absl flags for the options of some Config classes, grouped for --help."""
    values = flags.FlagValues()
    define = {
        int: flags.DEFINE_integer, float: flags.DEFINE_float, str: flags.DEFINE_string, bool: flags.DEFINE_boolean
    }  # fmt: skip
    for config in configs:
        for title, fields in config.groups().items():
            for field in fields:
                choices = field.metadata["choices"]
                choices = choices.names() if hasattr(choices, "names") else choices
                text = field.metadata["help"] + (f" One of: {', '.join(choices)}." if choices else "")
                define[field.type](field.name, field.default, text, flag_values=values, module_name=title)
    return values


def _parse(parser, argv):
    """{option: value} of the flags that were given.

    Raises:
        flags.Error: an unknown flag (absl names the nearest), or a value of the wrong type.
        ValueError: something that is not a flag.
    """
    rest = parser(["seqzoo.run", *argv])[1:]
    if rest:
        raise ValueError(f"Options are given as --name=value. Received: {' '.join(rest)!r}")
    return {name: parser[name].value for name in parser if parser[name].present}


def listing():
    """A table of all that is registered."""
    table = Table(show_header=False, box=None)
    for title, registry in (("tasks", TASKS), ("datasets", DATASETS), ("RNNs", RNNS)):
        for name in registry.names():
            table.add_row(f"[bold]{title}[/]", name, f"[dim]{_escaped(registry.summary(name))}[/]")
            title = ""
    return table


def _train(name, config, command, console):
    folder = pathlib.Path(command.workdir or f"runs/{name}")
    shown = Table(show_header=False, box=None, title=f"{name} -> {folder}", title_justify="left")
    for title, fields in type(config).groups().items():
        values = (f"{field.name}=[bold]{_escaped(str(getattr(config, field.name)) or '-')}[/]" for field in fields)
        shown.add_row(f"[dim]{title}[/]", "  ".join(values))
    console.print(shown)
    _import_tensorflow()
    from seqzoo.training import train

    train(name, config, folder, console, command.overwrite)
    if advice := TASKS[name].advice.get(config.dataset):
        console.print(advice, markup=False, soft_wrap=True)
    return 0


def _evaluate(command, settings, console):
    readable = [*options.Data.__dataclass_fields__, *options.Batching.__dataclass_fields__]
    if wrong := [key for key in settings if key not in readable]:
        raise ValueError(f"--{wrong[0]} is fixed by the run. To evaluate one can change: {', '.join(readable)}.")
    _import_tensorflow()
    from seqzoo.training import load, show, write_json

    trained = load(command.workdir)
    if "dataset" in settings:  # the other options of the run's data are of its own dataset
        settings = {**options.Data().to_dict(), **settings}
    config = dataclasses.replace(trained.config, **settings)
    data = trained.task.load(config, trained.vocabularies)
    metrics = {}
    for split in [split for split in ("valid", "test") if split in data.splits] or [*data.splits]:
        scores = trained.task.evaluate(config, trained.predictor, data.splits[split], trained.vocabularies)
        metrics |= {f"{split}_{metric}": value for metric, value in scores.items()}
    source = config.data_dir and str(pathlib.Path(config.data_dir).resolve()) or config.name or config.dataset
    path = trained.folder / f"evaluate-{re.sub(r'[^A-Za-z0-9.]+', '-', source).strip('-')}.json"
    write_json(path, metrics)
    show(metrics, f"{command.workdir} on {config.data_dir or config.dataset}", console)
    console.print(f"saved as {path}", soft_wrap=True)
    return 0


def _predict(command, settings, asked, console):
    if settings:
        raise ValueError(f"--{next(iter(settings))} is fixed by the run; to predict needs only --workdir and a text.")
    if command.text and command.input:
        raise ValueError("--text and --input are both given: one of them.")
    if command.input and not pathlib.Path(command.input).is_file():
        raise ValueError(f"--input: no file {command.input!r}.")
    _import_tensorflow()
    from seqzoo.datasets.files import read_lines
    from seqzoo.display import to_json
    from seqzoo.training import load, replace

    trained = load(command.workdir)
    interactive = not command.text and not command.input and sys.stdin.isatty()
    if command.text:
        lines = command.text.splitlines()
    elif command.input:
        lines = (line for _, line in read_lines(pathlib.Path(command.input)))
    elif not interactive:
        lines = (line.rstrip("\n") for line in sys.stdin)
    else:
        lines = None
        console.print("[dim]Type a text; an empty line or Ctrl-D ends.[/]")
    as_json = command.json or not console.is_terminal

    def show(lines):
        for prediction in trained.task.predict(trained, lines, asked):
            if as_json:
                print(to_json(prediction), flush=True)
            else:
                trained.task.show(prediction, console)
            yield prediction

    path = getattr(asked, "html", "")
    if path and lines is None:
        raise ValueError("--html needs the texts at once: --text, --input or standard input from a pipe.")
    if path:

        def save(temporary):
            with open(temporary, "w", encoding="utf-8") as file:
                file.writelines(trained.task.page(show(lines), f"{command.workdir} on {command.input or 'a text'}"))

        replace(pathlib.Path(path), save)
        if not as_json:
            console.print(f"[dim]saved as {path}[/]", soft_wrap=True)
        return 0
    if lines is not None:
        collections.deque(show(lines), maxlen=0)
        return 0
    with contextlib.suppress(EOFError):
        while line := input("> "):
            collections.deque(show([line]), maxlen=0)
    return 0


def _import_tensorflow():
    """Imports TensorFlow without its start-up messages, which its C++ code writes straight to file descriptor 2."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.stderr.flush()
    saved = os.dup(2)
    try:
        with open(os.devnull, "w") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        import keras  # noqa: F401
        import tensorflow as tf

        tf.get_logger().setLevel("ERROR")
    finally:
        os.dup2(saved, 2)
        os.close(saved)


def _escaped(text):
    from rich.markup import escape

    return escape(text)


if __name__ == "__main__":
    sys.exit(main())
