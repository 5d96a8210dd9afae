"""The command line: ``python -m seqzoo.run --task=ner``, also installed as ``seqzoo``.

python -m seqzoo.run --list                                   tasks, datasets, recurrent layers
python -m seqzoo.run --zoo                                    trained runs that come with the package
python -m seqzoo.run --mode=predict --workdir=zoo:ner-english --text="Angela Merkel met Barack Obama in Berlin."
python -m seqzoo.run --task=ner --help                        all options of a task
python -m seqzoo.run --task=ner --workdir=runs/ner            train, or continue
python -m seqzoo.run --config=FILE --units=64                 options from a file; flags override them
python -m seqzoo.run --mode=evaluate --workdir=runs/ner --data_dir=FOLDER_OR_FILE
python -m seqzoo.run --mode=compare --workdir=runs/ner,runs/other --samples=10000      (is one better, or lucky?)
python -m seqzoo.run --mode=predict --workdir=runs/ner --text="May met Ford in Paris."
python -m seqzoo.run --mode=predict --workdir=runs/speech < recording.wav
python -m seqzoo.run --mode=predict --workdir=runs/dialogue                  (a chat; tabs separate the turns of a line)
python -m seqzoo.run --mode=predict --workdir=runs/similarity --input=queries.txt --index=texts.txt     (nearest lines)
python -m seqzoo.run --mode=generate --workdir=runs/language_model --prime="def main("
python -m seqzoo.run --mode=generate --workdir=runs/music --key="G minor" --samples=4
python -m seqzoo.run --mode=score --workdir=runs/language_model --input=sentences.txt
python -m seqzoo.run --mode=score --workdir=runs/translation --input=pairs.tsv    (a source, a tab, its translation)
python -m seqzoo.run --mode=inspect --workdir=runs/language_model --input=text.txt
python -m seqzoo.run --mode=export --workdir=runs/ner --format=savedmodel --out=FOLDER
python -m seqzoo.run --mode=serve --workdir=runs/ner,runs/language_model --port=8000
"""

import atexit
import collections
import contextlib
import dataclasses
import errno
import glob
import hashlib
import inspect
import io
import os
import pathlib
import re
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator

from absl import flags
from rich.console import Group
from rich.table import Table
from rich.text import Text

from seqzoo import options, zoo
from seqzoo.backend.distribution import STRATEGIES
from seqzoo.backend.silence import silent
from seqzoo.config import Config, flag_text, option
from seqzoo.config_file import ConfigFile, read_config_file
from seqzoo.datasets import DATASETS
from seqzoo.display.plain import PlainConsole, json_line, one_line, plain, plain_text
from seqzoo.display.tables import FittedTable
from seqzoo.extras import EXTRAS, check_installed
from seqzoo.rnns import RNNS
from seqzoo.task import TASKS, Task

SHARED = {  # modes of all tasks, and their options
    "export": options.Exporting, "serve": options.Serving, "compare": options.Comparing
}  # fmt: skip
SEVERAL = ("serve", "compare")  # modes that take several runs
SCORES = ("evaluate", "compare")  # modes that read data with their labels
MODES = ("train", "evaluate", "predict", "generate", "score", "inspect", *SHARED)
TRAINS = ("overwrite", "strategy", "devices", "stop_after")  # options of a Command for training
READS = ("text", "input", "json")  # and for a finished run
FOREIGN = {  # options that a mode does not have; modes not listed here do not have TRAINS
    "train": READS, "evaluate": (*TRAINS, *READS), "compare": (*TRAINS, "text", "input", "explain_rnn"),
    "inspect": (*TRAINS, "json"), "export": (*TRAINS[1:], "text", "json"), "serve": (*TRAINS, *READS, "explain_rnn"),
}  # fmt: skip
FIXED = ("seed", "unicode", "folds", "fold")  # options of the data that a finished run keeps
FLAGS_ONLY = ("config", "debug")  # options that a file of options cannot hold

MAGIC = {b"RIFF": ".wav", b"fLaC": ".flac", b"OggS": ".ogg"}  # first bytes of sound files on standard input
NOT_GIVEN = type("NotGiven", (str,), {})()  # the default of --text; unlike --text="" it is not a text


@dataclasses.dataclass(frozen=True)
class Command(Config):
    """Command."""

    task: str = option("", "Task (see --list); not needed for a trained run.", choices=TASKS)
    mode: str = option("train", "Train a run, or use a finished one.", choices=MODES)
    workdir: str = option("", "Folder of the run. Empty: runs/TASK for training.", path=True)
    config: str = option(
        "", "File of options: YAML (lines such as units: 64), or the config.json of a run; flags override it.",
        path=True,
    )  # fmt: skip
    overwrite: bool = option(False, "Delete the run in --workdir, or the export in --out, and start over.")
    strategy: str = option(
        "one",
        "Devices to train on: one, all GPUs (mirrored), the processes in TF_CONFIG (multi_worker), a TPU, or the best "
        "available (auto). A run may be continued on other devices.",
        choices=STRATEGIES,
    )
    devices: int = option(
        0, "Number of GPUs for --strategy=mirrored; 0: all. Without a GPU, the CPU is split into that many.", minimum=0
    )
    stop_after: int = option(
        0, "Pause after this many epochs; the same command without this flag continues. 0: train all.", minimum=0
    )
    text: str = option(
        NOT_GIVEN, "Input to predict on, score or inspect: a text, or whatever the task takes, such as a path."
    )
    input: str = option(
        "", "File of inputs, one per line. Each line of a .jsonl file is a JSON string or an object with the key text, "
        "so that a text can have several lines. -, or neither --text nor --input: standard input, which may also be a "
        "WAV, FLAC or Ogg file for a task that reads those.", path=True,
    )  # fmt: skip
    explain_rnn: bool = option(
        False, "First list which kernel each recurrent layer uses, here and on a GPU, and why cuDNN is not used."
    )
    json: bool = option(False, "Answer in JSON lines; the default wherever the output is not a terminal.")
    debug: bool = option(False, "Show the whole traceback of an error.")


def main(argv: list[str] | None = None) -> int:
    """Runs a command line; returns the exit status."""
    return reported(run, argv)


def reported(command: Callable[[list[str]], int], argv: list[str] | None = None) -> int:
    """Runs ``command(argv)`` and returns its exit status, with one line on standard error if it failed.

    2: wrong usage (such as a missing file), a loss that is not finite, or out of memory; 3: the machine failed, such as
    a full disk; 130: Ctrl-C; 141: the reader of the output closed the pipe. Any other error is a bug and is raised.
    """
    argv = sys.argv[1:] if argv is None else argv
    try:
        return command(argv)
    except KeyboardInterrupt as interrupt:
        print("\n" + "; ".join(("stopped", *map(str, interrupt.args))), file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader, such as `head`, has closed the pipe
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE
    except Exception as error:
        status, text = _status(error)
        if not status or any(flag in argv for flag in ("--debug", "--debug=true", "-debug")):
            raise
        line = Text.assemble(("error:", "bold red"), " ", one_line(text))
        PlainConsole(stderr=True, soft_wrap=True).print(line)
        return status


@contextlib.contextmanager
def resumable() -> Iterator[None]:
    """Context manager for training: Ctrl-C prints that the same command continues."""
    try:
        yield
    except KeyboardInterrupt as interrupt:
        saved = interrupt.args or ["the same command continues from the last checkpoint"]
        raise KeyboardInterrupt(*saved) from interrupt


def _status(error):
    """Returns the exit status and the message of an error, or (None, "") for a bug."""
    exhausted = type(error).__name__ == "ResourceExhaustedError"  # by its name: TensorFlow may not be imported
    wrong_path = isinstance(error, FileNotFoundError | FileExistsError | NotADirectoryError | IsADirectoryError)
    if wrong_path or getattr(error, "errno", 0) == errno.ENAMETOOLONG:
        return 2, f"{type(error).__name__}: {error}"
    if isinstance(error, OSError) or (exhausted and "No space left" in str(error)):
        return 3, f"{type(error).__name__}: {error}"
    if isinstance(error, MemoryError) or exhausted:
        what = next((line for line in str(error).splitlines() if "OOM" in line), "").strip()
        return 2, f"Out of memory. Try a smaller --batch_size or --batch_tokens, or a smaller model. {what}".strip()
    if isinstance(error, ValueError | flags.Error):
        return 2, str(error)
    if isinstance(error, FloatingPointError):
        return 2, f"{type(error).__name__}: {error}"
    return None, ""


def run(argv: list[str]) -> int:
    """Runs a command line; `main` turns its exceptions into one line."""
    console = PlainConsole()
    if "--list" in argv:
        console.print(listing())
        return 0
    if "--zoo" in argv:
        console.print(zoo_table())
        return 0
    asks_help = not argv or "--help" in argv or "-h" in argv
    file, early = own_options(argv, Command)
    name, mode = _task_and_mode(early, asks_help)
    parser = _parser(name, mode)
    if asks_help:
        print(f"{__doc__.strip()}\n{parser.get_help()}")
        if not name:
            print(f"\nWith --task=NAME, one of {', '.join(TASKS.names())}, --help lists the options of that task, too.")
        return 0
    if not name:
        # Parsed first, so that a misspelt option is reported before the missing task.
        parse_flags(parser, argv)
        raise ValueError(f"Which task? Give --task=NAME, one of {', '.join(TASKS.names())}.")
    command, request, settings = parse(argv, name, mode, file)
    command = dataclasses.replace(command, task=name)
    if mode == "train":
        return _train(TASKS[name](TASKS[name].Config(**settings)), command, console)
    if mode in SCORES:
        return {"evaluate": _evaluate, "compare": _compare}[mode](command, settings, request, console)
    modes = {
        "predict": _predict, "generate": _generate, "score": _score, "inspect": _inspect, "export": _export,
        "serve": _serve,
    }  # fmt: skip
    return modes[mode](command, request, console)


def parse(argv: list[str], name: str, mode: str, file: ConfigFile | None = None) -> tuple:
    """Parses the flags of a command line, and checks them without running anything.

    Args:
        argv: the flags.
        name: the task, which a command line with only a run folder does not give.
        mode: the mode.
        file: the content of the file of --config.

    Returns:
        (Command, request of the mode or None, options of the task's config).

    Raises:
        ValueError: a flag belongs to another mode, is fixed by the run, or has a value that is not allowed.
    """
    file = file or ConfigFile()
    flags_given = parse_flags(_parser(name, mode), argv)
    given = {**file.options(fields_of(_groups(name, mode))), **flags_given}
    with file.named(*file.values.keys() - flags_given.keys()):
        return _checked(given, name, mode)


def _checked(given, name, mode):
    """Returns what `parse` does, given {option: value}."""
    kind, requests = TASKS[name].Config, _requests(name)
    command = Command(**options_of(Command, given))
    asked = options_of(requests[mode], given) if mode in requests else {}
    given = {key: value for key, value in given.items() if key not in {**options_of(Command, given), **asked}}
    settings = options_of(kind, given)
    for key in given.keys() - settings.keys():
        modes = [other for other, request in requests.items() if key in request.__dataclass_fields__]
        raise ValueError(f"--{key} is for --mode={' or '.join(modes)}. Received: --mode={mode}")
    for key in FOREIGN.get(mode, TRAINS):
        if getattr(command, key) != Command.__dataclass_fields__[key].default:
            modes = (*TASKS[name].modes, *SHARED)
            right = ", ".join(other for other in modes if key not in FOREIGN.get(other, TRAINS))
            raise ValueError(f"--{key} is for --mode={right}. Received: --mode={mode}")
    if mode in SCORES:
        # Except those that decide which examples are held out, or the Unicode form of the vocabularies.
        fixed = (*FIXED, "group_by")
        groups = [group for group in (options.Data, options.Strings, options.Batching) if issubclass(kind, group)]
        readable = [option for group in groups for option in group.__dataclass_fields__ if option not in fixed]
        if wrong := [key for key in settings if key not in readable]:
            raise ValueError(f"--{wrong[0]} is fixed by the run. --mode={mode} can change: {', '.join(readable)}.")
    elif mode != "train" and settings:
        raise ValueError(f"--{next(iter(settings))} is fixed by the run. --mode={mode} needs only --workdir.")
    if mode == "train" and settings.get("init_from"):
        from seqzoo.training.transfer import inherited

        settings = inherited(name, settings)
    kind(**settings)
    return command, requests[mode](**asked) if mode in requests else None, settings


def _parser(name, mode):
    """Returns the flags of a mode and a task ("" for no task)."""
    return flag_parser(_groups(name, mode))


def _groups(name, mode):
    """Returns the Config classes of a mode and a task ("" for no task); the first to declare an option wins."""
    requests = _requests(name)
    groups = [Command, *([TASKS[name].Config] if name else []), *requests.values()]
    if mode in requests:  # of options with the same name, such as --seed, the mode's wins
        groups = [Command, requests[mode], *groups[1:]]
    return groups


def _requests(name):
    """Returns {mode: Config class} of a task ("" for no task). Comparisons also take the options of evaluation."""
    own = TASKS[name].requests if name else {}
    if "evaluate" not in own:
        return {**SHARED, **own}
    kinds = options.Comparing, own["evaluate"]
    return {**SHARED, **own, "compare": dataclasses.make_dataclass("Comparing", [], bases=kinds, frozen=True)}


def options_of(config: type[Config], given: dict) -> dict:
    """Returns the given options that a Config class declares."""
    return {key: value for key, value in given.items() if key in config.__dataclass_fields__}


def fields_of(groups: Iterable[type[Config]]) -> dict[str, dataclasses.Field]:
    """Returns {option: field} for the options that a file can hold; the first class to declare an option wins."""
    fields = {field.name: field for group in [*groups][::-1] for field in dataclasses.fields(group)}
    return {name: field for name, field in fields.items() if name not in FLAGS_ONLY}


def own_options(argv: list[str], kind: type[Config]) -> tuple[ConfigFile, Config]:
    """Parses a command's own options, before those of its task are known.

    Args:
        argv: the flags.
        kind: the Config class of the command's own options, --config among them.

    Returns:
        (what the file of --config holds, own options from flags and from the file).

    Raises:
        ValueError: a value that is not allowed, such as an unknown task; or the file is missing or malformed.
    """
    given = parse_flags(flag_parser([kind]), argv, known_only=True)
    path = kind(config=given.get("config", "")).config
    file = read_config_file(path) if path else ConfigFile()
    return file, kind(**{**file.known_options(fields_of([kind])), **given})


def _task_and_mode(early, asks_help):
    """Returns the name of the task, or "", and the mode."""
    task, workdir = early.task, early.workdir
    _check_mode(task, early.mode)
    if early.mode == "train" or (asks_help and not workdir):
        return task, early.mode
    if not workdir:
        raise ValueError(f"--mode={early.mode} needs --workdir=RUN, the folder of a trained run.")
    from seqzoo.training.folder import read_config

    for folder in reversed(workdir.split(",") if early.mode in SEVERAL else [workdir]):
        name, _ = read_config(folder)
        if task and TASKS[task] is not TASKS[name]:
            raise ValueError(f"{folder} is a run of task {name}. Received: --task={task}")
    _check_mode(name, early.mode)
    return name, early.mode


def _check_mode(name, mode):
    """Raises a ValueError if the task does not have this mode; the name may be ""."""
    if name and mode not in (*TASKS[name].modes, *SHARED):
        raise ValueError(f"Task {name} has no --mode={mode}; it has {', '.join((*TASKS[name].modes, *SHARED))}.")


def flag_parser(configs: Iterable[type[Config]]) -> flags.FlagValues:
    """Returns absl flags for the options of Config classes, grouped for --help."""
    values = flags.FlagValues()
    define = {
        int: flags.DEFINE_integer, float: flags.DEFINE_float, str: flags.DEFINE_string, bool: flags.DEFINE_boolean
    }  # fmt: skip
    for config in configs:
        for title, fields in config.groups().items():
            for field in fields:
                if field.name in values:
                    continue
                choices = field.metadata["choices"]
                choices = choices.names() if hasattr(choices, "names") else choices
                named = ", ".join(choice or "empty" for choice in choices or ())
                text = field.metadata["help"] + (f" One of: {named}." if named else "")
                define[field.type](field.name, field.default, text, flag_values=values, module_name=title)
    return values


def parse_flags(parser: flags.FlagValues, argv: list[str], known_only: bool = False) -> dict:
    """Returns {option: value} of the flags that were given; `known_only` skips flags that the parser does not know.

    Raises:
        flags.Error: an unknown flag (absl names the nearest), or a value of the wrong type.
        ValueError: something that is not a flag.
    """
    try:
        rest = parser(["seqzoo.run", *argv], known_only=known_only)[1:]
    except RecursionError as error:  # absl's search for the nearest name cannot handle a very long one
        longest = max((flag.partition("=")[0] for flag in argv), key=len)
        raise ValueError(f"Unknown option {longest!r}.") from error
    if rest and not known_only:
        raise ValueError(f"Options are given as --name=value. Received: {' '.join(rest)!r}")
    return {name: parser[name].value for name in parser if parser[name].present}


def listing() -> Group:
    """Returns tables of all registered tasks, datasets and recurrent layers, and of the properties of the layers."""
    table, layers = Table(show_header=False, box=None), [name for name in RNNS.names() if not RNNS.one_way(name)]
    for title, names, registry in (
        ("tasks", TASKS.names(), TASKS), ("datasets", DATASETS.names(), DATASETS), ("RNNs", layers, RNNS)
    ):  # fmt: skip
        for name in names:
            table.add_row(Text(title, "bold"), name, Text(registry.summary(name), "dim"))
            title = ""
    columns = ["RNN", "gates", "states", "parameters of a unit", "steps in training", "cuDNN"]
    rows = [
        [
            name, *(RNNS.trait(name, fact, "") for fact in ("gates", "states", "parameters")),
            "at once" if RNNS.trait(name, "parallel", False) else "one by one",
            "yes" if RNNS.trait(name, "cudnn", False) else "",
        ]
        for name in layers
    ]  # fmt: skip
    captions = ["H units that read vectors of width D", '"bi" in front (bilstm): both directions']
    return Group(table, "", FittedTable("Recurrent layers", columns, rows, captions))


def zoo_table() -> Table:
    """Returns a table of the runs in the zoo."""
    from seqzoo.training.folder import read_config, read_json

    table = Table(show_header=False, box=None)
    table.add_column(no_wrap=True)
    for name in zoo.names():
        kind, config = read_config(f"{zoo.PREFIX}{name}")
        task, metrics = TASKS[kind](config), read_json(zoo.path(name) / "metrics.json")
        split = "test" if f"test_{task.objective}" in metrics else "valid"
        score = f"{task.measure.label} {task.measure.format(metrics[f'{split}_{task.objective}'])} on {split}"
        about, size = zoo.about(name), f"{task.name}, {zoo.megabytes(name):.1f} MB"
        table.add_row(Text(f"{zoo.PREFIX}{name}", "bold"), plain_text(about["what"]))
        table.add_row(Text(size, "dim"), plain_text(f"{score}. Data: {about['licence']}", "dim"))
    return table


def _train(task, command, console):
    folder = pathlib.Path(command.workdir or f"runs/{task.name}")
    zoo.check_trainable(folder)
    console.print(plain_text(f"{task.name} -> {folder}", "bold"), soft_wrap=True)
    table = Table(show_header=False, box=None)
    for title, fields in type(task.config).groups().items():
        values = ((f"{f.name}=", plain_text(str(getattr(task.config, f.name)) or "-", "bold")) for f in fields)
        table.add_row(Text(title, "dim"), Text("  ").join(Text.assemble(*value) for value in values))
    console.print(table)
    import_tensorflow()
    from seqzoo.backend.distribution import distribute
    from seqzoo.display.terminal import usage
    from seqzoo.training import train

    with resumable():
        metrics = train(
            task,
            folder,
            console,
            overwrite=command.overwrite,
            devices=distribute(command.strategy, command.devices),
            stop_after=command.stop_after,
            explain_rnn=command.explain_rnn,
        )
    if metrics and "folds" not in metrics:  # none of several folds is the run to use
        demo = task.demo.get(task.config.dataset, task.demo.get("", ""))
        console.print(usage(task.uses(), folder, demo), soft_wrap=True)
        if advice := task.advice.get(task.config.dataset):
            console.print(advice)
    return 0


def _evaluate(command, settings, request, console):
    run = _load(command)
    from seqzoo.files import write_json
    from seqzoo.metrics.measure import flat
    from seqzoo.training.loop import print_summary, show

    data = _scored_data(run, command.workdir, settings)
    print_summary(data, console)
    metrics = {}
    for split, feed in data.splits.items():
        metrics |= flat(split, run.task.evaluate(run.predictor, feed, request))
    config = run.task.config
    show(metrics, run.task, console, f"{command.workdir} on {config.data_dir or config.dataset}")
    source = config.data_dir and _source(config)[-1] or config.name or config.dataset
    part = {name: settings[name] for name in ("name", "columns") if name in settings and config.data_dir}
    asked = {**part, **(request.changed() if request else {})}
    path = run.output() / scores_file(" ".join([source, *(f"{name}={flag_text(v)}" for name, v in asked.items())]))
    write_json(path, metrics)
    console.print(f"saved as {path}", soft_wrap=True)
    return 0


def _compare(command, settings, request, console):
    folders = command.workdir.split(",")
    if len(folders) != 2:
        raise ValueError(f"--mode=compare needs two runs, --workdir=RUN,RUN. Received: {command.workdir}")
    runs = [_load(dataclasses.replace(command, workdir=folder)) for folder in folders]
    from seqzoo.display.comparisons import print_comparison
    from seqzoo.training.comparison import check_alike, compare

    check_alike(runs)  # before their data are read
    data = [_scored_data(run, folder, settings) for run, folder in zip(runs, folders, strict=True)]
    errors = PlainConsole(stderr=True)
    found = compare(
        runs, data, request.split, request.samples, request, request.shown, lambda line: errors.print(line, style="dim")
    )
    names = [*folders]
    if ensemble := getattr(request, "ensemble", ""):
        names[1] += f" with {ensemble}"
    if _as_json(command, console):
        print(json_line({"runs": names, **dataclasses.asdict(found)}))
    else:
        task = runs[0].task
        print_comparison(found, names, task.measures, [run.task.show for run in runs], console)
    return 0


def _scored_data(run, folder, settings):
    """Returns the TaskData to score a run on: the data it was trained with, or other data given by the settings."""
    task, trained_on = run.task, run.task.config
    if "dataset" in settings:  # the run's other data options belong to its own dataset
        usual, reads = type(trained_on)().to_dict(), inspect.signature(DATASETS[settings["dataset"]]).parameters
        other = [name for name in options.READERS if name in usual and name not in reads]
        kept = {name: getattr(trained_on, name) for name in FIXED}
        settings = {**options.Data().to_dict(), **{name: usual[name] for name in other}, **kept, **settings}
    task.config = dataclasses.replace(trained_on, **settings)
    path = task.config.data_dir
    if path and path == trained_on.data_dir and not (os.path.exists(path) or any(glob.iglob(path))):
        raise ValueError(
            f"{folder} was trained on {path}, which is not here: name the data to score it on by --dataset and "
            "--data_dir."
        )
    return task.load(unseen=_source(task.config) != _source(trained_on))


def scores_file(source: str) -> str:
    """Returns the file name for the scores on a data source, with any options of decoding.

    A long source is cut to its end and a hash.
    """
    name = re.sub(r"[^\w.]+", "-", source).strip("-")
    if len(name.encode()) > 100:
        name = f"{name[-80:].strip('-')}-{hashlib.blake2b(os.fsencode(source), digest_size=8).hexdigest()}"
    return f"evaluate-{name}.json"


def _source(config):
    """Returns a string that identifies a data source."""
    return config.dataset, config.name, config.data_dir and str(pathlib.Path(config.data_dir).resolve())


def _predict(command, request, console):
    lines = _lines(command, console)
    run = _load(command)

    def answers(lines):
        yield from _printed(run.task.predict(run, lines, request), run.task.show, command, console)

    path = getattr(request, "html", "")
    if path and lines is None:
        raise ValueError("--html needs all texts at once: --text, --input or standard input from a pipe.")
    if path:
        title = f"{command.workdir} on {command.input or 'a text'}"
        _write_page(path, run.task.page(answers(lines), title))
        if not _as_json(command, console):
            console.print(plain_text(f"saved as {path}", "dim"), soft_wrap=True)
        return 0
    _answer(lines, answers, run.task.converses)
    return 0


def _score(command, request, console):
    lines = _lines(command, console)
    run = _load(command)
    _answer(lines, lambda lines: _printed(run.task.score(run, lines, request), run.task.show, command, console))
    return 0


def _generate(command, request, console):
    if command.text is not NOT_GIVEN or command.input:
        raise ValueError("--mode=generate takes no --text or --input; --help lists what a sample can start from.")
    run = _load(command)
    as_json = _as_json(command, console)

    def write(piece):
        if not as_json:
            print(plain(piece), end="", flush=True)

    samples = run.task.generate(run, request, write)
    collections.deque(_printed(samples, run.task.show, command, console), maxlen=0)
    return 0


def _inspect(command, request, console):
    if command.text is NOT_GIVEN and not command.input and sys.stdin and sys.stdin.isatty():
        raise ValueError("--mode=inspect needs a text: --text, --input or standard input from a pipe.")
    lines = _lines(command, console)
    run = _load(command)
    run.task.inspect(run, lines, request, console)
    return 0


def _export(command, request, console):
    for package in EXTRAS.get(request.format, ()):  # checked before the run is converted
        check_installed(package, f"--format={request.format}")
    lines = _lines(command, console) if command.input else None
    os.environ["KERAS_BACKEND"] = "tensorflow"  # even for a run that was trained on JAX
    import_tensorflow()
    import tensorflow as tf

    from seqzoo.display.tables import plain_table
    from seqzoo.export import check_target, export

    tf.config.set_visible_devices([], "GPU")  # otherwise the graph would use cuDNN kernels, which do not run on a CPU
    folder = pathlib.Path(request.out or zoo.writable(command.workdir) / f"export-{request.format}")
    check_target(folder, command.overwrite)  # before the run is loaded
    run = _load(command)
    measured = export(run, folder, request, lines, command.overwrite, command.input)
    rows = [
        [
            name, f"{found['examples']}", f"{found['split_alike']:.1%}" if "split_alike" in found else "-",
            f"{found['equal_answers']:.1%}", f"{found['largest_difference']:.1g}", f"{found['median_ms']:.1f}",
            f"{found['first_call_seconds']:.1f}",
        ]
        for name, found in measured["signatures"].items()
    ]  # fmt: skip
    columns = ["signature", "examples", "split alike", "equal answers", "difference", "ms", "first s"]
    console.print(plain_table(f"{folder}, {measured['megabytes']:.1f} MB", columns, rows))
    how = "MODEL_CARD.md says how to call it" + (", example.py does" if request.format != "run" else "")
    console.print(plain_text(f"saved as {folder}: {how}"), soft_wrap=True)
    return 0


def _serve(command, request, console):
    for package in EXTRAS["serve"]:
        check_installed(package, "--mode=serve")
    import_tensorflow()
    from seqzoo.export.server import serve

    serve(command.workdir.split(","), request, lambda line: console.print(line, soft_wrap=True))
    return 0


def _load(command):
    """Loads the trained run that a command line names."""
    import_tensorflow()
    from seqzoo.training import load
    from seqzoo.training.loop import explain

    run = load(command.workdir)
    if command.explain_rnn:
        explain(run.model, PlainConsole(stderr=True))  # standard output holds the answers
    return run


def _lines(command, console):
    """Returns the input as an iterable of lines, or None if it is to be read from the terminal."""
    if command.text is not NOT_GIVEN and command.input:
        raise ValueError("--text and --input are both given: choose one.")
    source = "" if command.input == "-" else command.input
    if source and (not os.path.exists(source) or os.path.isdir(source)):  # a named pipe will do
        raise ValueError(f"--input: no file {command.input!r}.")
    from seqzoo.text.lines import JsonTexts, Lines, open_bytes

    task = TASKS[command.task] if command.task else Task  # a plain Task reads its lines as texts

    def lines(file, source):
        kind = JsonTexts if source.lower().removesuffix(".gz").endswith(".jsonl") else Lines
        return kind(file, source, allow_nul=True, flag="")

    if command.text is not NOT_GIVEN:
        # The bytes of the command line, so that a text that is not UTF-8 gets the same error as a file.
        found = list(lines(io.BytesIO(command.text.encode("utf-8", "surrogateescape")), "--text")) or [""]
        return ["\n".join(found)] if task.documents else task.entries(found)
    if source:
        return task.entries(lines(open_bytes(source), source))
    if sys.stdin is None:
        raise ValueError("Standard input is closed: give --text or --input.")
    if not sys.stdin.isatty():
        stdin = getattr(sys.stdin, "buffer", None) or io.BytesIO(sys.stdin.read().encode())
        if path := _saved(stdin, task.files):
            return [path]
        return task.entries(lines(stdin, "standard input"))
    typed = "Type a text; an empty line or Ctrl-D ends."
    if command.mode == "predict" and task.converses:
        typed = "Type your turn; an empty line begins a new conversation, Ctrl-D ends."
    console.print(Text(typed, "dim"))
    return None


def _saved(stdin, endings):
    """Returns the path of a temporary copy of standard input if that is a sound file, "" if it holds lines."""
    ending = MAGIC.get(stdin.peek(4)[:4]) if endings and hasattr(stdin, "peek") else None
    if ending not in endings:
        return ""
    file = tempfile.NamedTemporaryFile(prefix="standard-input-", suffix=ending)
    atexit.register(file.close)  # which deletes it
    shutil.copyfileobj(stdin, file)
    file.flush()
    return file.name


def _as_json(command, console):
    return command.json or not console.is_terminal


def _printed(answers, show, command, console):
    """Prints answers as they come, and yields them."""
    for answer in answers:
        if _as_json(command, console):
            print(json_line(answer), flush=True)
        else:
            show(answer, console)
        yield answer


def _answer(lines, answers, converses=""):
    """Runs `answers` over lines, or over what the user types; `converses` as in `task.Task`."""
    if lines is not None:
        collections.deque(answers(lines), maxlen=0)
        return
    with contextlib.suppress(EOFError):
        if converses:
            _chat(answers, converses)
        else:
            while line := input("> "):
                collections.deque(answers([line]), maxlen=0)


def _chat(answers, reply):
    """Answers each typed turn, given all turns before it; an empty line begins a new conversation."""
    turns = []
    while True:
        if line := input("> ").replace("\t", " "):
            turns.append(line)
            turns += [answer[reply].replace("\t", " ") for answer in answers(["\t".join(turns)])]
        else:
            turns = []


def _write_page(path, pieces):
    from seqzoo.files import replace

    def save(temporary):
        with open(temporary, "w", encoding="utf-8") as file:
            file.writelines(pieces)

    replace(pathlib.Path(path), save)


def import_tensorflow() -> None:
    """Imports TensorFlow without its start-up messages, which its C++ code writes straight to file descriptor 2.

    Raises:
        ValueError: Keras's backend is neither TensorFlow nor JAX, or JAX is not installed.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with silent():
        try:
            import keras

            backend = keras.backend.backend()
        except ModuleNotFoundError as error:
            backend = error.name
            if backend == "jax":
                check_installed("jax", "KERAS_BACKEND=jax")
            if backend not in ("torch", "openvino"):
                raise
        if backend not in ("tensorflow", "jax"):
            raise ValueError(f"seqzoo runs on Keras's backends tensorflow and jax. Received: KERAS_BACKEND={backend}")
        import tensorflow as tf

        tf.get_logger().setLevel("ERROR")
        if backend == "jax":
            tf.config.set_visible_devices([], "GPU")  # otherwise tf.data would take its memory


if __name__ == "__main__":
    sys.exit(main())
