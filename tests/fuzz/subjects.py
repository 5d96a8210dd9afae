"""What is fuzzed. A subject is a function (rng, folder) that returns how it went, or raises."""

import codecs
import collections
import contextlib
import dataclasses
import functools
import io
import json
import math
import pathlib
import random
import re
import shutil
import tempfile
from types import SimpleNamespace
from unittest import mock

from seqzoo import options, run
from seqzoo.assets import save_assets
from seqzoo.datasets import DATASETS, Examples
from seqzoo.task import TASKS
from seqzoo.text.vectors import read_vectors
from seqzoo.training.folder import Run, checkpoint, load, prepare, restore, save_model

from .formats import formats
from .mutations import HARMLESS, HOSTILE, damaged, damaged_gzip
from .oracles import expect, one_line, shown, time_limit

TASK_NAMES = ("ner", "pos", "sentiment", "translation", "language_model", "music")
NUMBERS = ("inf", "-inf", "nan", "1e308", "-1e308", "1e-320", "-1", "0", "-0.0", "1", "0.5", "9" * 40, "1_000", "", " ")
TEXTS = ("", " ", "x", "no", "/", "a=b", "tokens=--5", "tokens=0,ner=-", "=", ",", "O=-1", "O=nan", "B-PER=1e999")
_LEFT_OUT = re.compile(r"(?:([0-9]+) )?[a-z ]*(?:skipped|left out)")  # in what is said about examples
VECTORS = "the 0.1 0.2 -3e-2\nto\t1\t2\t3\n. . . 1 2 3\nnaïve 0 0 0\nat name@domain.com 1 2 3\n".encode()


def run_case(seed: int, number: int, folder: pathlib.Path, subjects: list[str]) -> str:
    """Runs a case in an empty folder; returns its subject and how it went."""
    rng = random.Random(f"{seed}-{number}")
    subject = rng.choices(subjects, [SUBJECTS[name][1] for name in subjects])[0]
    with time_limit():
        return f"{subject} {SUBJECTS[subject][0](rng, folder)}"


def text_of(path, encoding="utf-8"):
    """The text of a file by the one rule for line ends and byte order marks."""
    text = path.read_bytes().decode(encoding, "surrogateescape" if encoding == "utf-8" else "strict")
    return re.sub("\r\n?", "\n", text.removeprefix("\ufeff"))


def write(folder, files):
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


def read(reader, folder, columns, encoding="utf-8"):
    """[(what is said about it, examples)] of all splits."""
    arguments = {"encoding": encoding} if encoding != "utf-8" else {}
    splits = DATASETS[reader.strip()](folder, columns=columns, **arguments)
    return [(f"{examples.source} {examples.summary}", [*examples]) for examples in splits.values()]


def harmless(rng, folder):
    """Another way to write the same file gives the same examples."""
    reader = rng.choice([name for name, form in formats().items() if form.harmless])
    form = formats()[reader]
    columns, change = rng.choice(form.columns), rng.choice(form.harmless)
    write(folder / "0", form.files)
    for name, content in form.files.items():
        changed, ending, encoding = HARMLESS[change](content)
        write(folder / "1", {name + ending: changed})
    before, now = read(reader, folder / "0", columns), read(reader, folder / "1", columns, encoding)
    expect([e for _, e in before] == [e for _, e in now], f"{reader}: {change} changes the examples: {now}")
    return "same"


def damaged_files(rng, folder):
    """A damaged file is refused by its name, or all of it is read."""
    reader = rng.choice([*formats()])
    form = formats()[reader]
    columns, name = rng.choice(form.columns), rng.choice([*form.files])
    if "gzip" in form.harmless and rng.random() < 0.1:
        files = {other: content for other, content in form.files.items() if other != name}
        files[name + ".gz"] = damaged_gzip(rng, form.files[name])
    else:
        files = form.files | {name: damaged(rng, form.files[name])}
    encoding = rng.choice(("utf-8", "utf-8", "utf-8", "latin-1", "utf-16-le")) if "utf16" in form.harmless else "utf-8"
    write(folder, files)
    found = one_line(lambda: read(reader, folder, columns, encoding), name, folder)
    if not found:
        return "refused"
    if form.count and name in files:
        count = sum(form.size(example) for _, examples in found[0] for example in examples)
        left_out = sum(int(n or 1) for said, _ in found[0] for n in _LEFT_OUT.findall(said))
        wanted = sum(form.count(text_of(folder / file, encoding)) for file in files)
        if reader in ("csv", "tsv") and columns and 0 in columns.values():
            wanted += 1  # the header is an example, unless it is recognized
        expect(count + left_out == wanted, f"{reader}: {count} read, {left_out} left out, {wanted} there")
    return "read"


def vectors(rng, folder):
    """All lines of a damaged file of vectors are read, counted as dropped, or refused."""
    damage = rng.choice((damaged, damaged, damaged, damaged_gzip))
    path = folder / ("v.txt" if damage is damaged else "v.txt.gz")
    path.write_bytes(damage(rng, rng.choice((b"", b"5 3\n")) + VECTORS))
    dropped = collections.Counter()
    found = one_line(lambda: [*read_vectors(path, dropped=dropped)], path)
    if not found:
        return "refused"
    expect(all(math.isfinite(number) for _, vector in found[0] for number in vector), "a number that is not finite")
    if damage is damaged:
        there = [line for line in text_of(path).split("\n") if line.strip(" \t")]
        there = there[bool(re.fullmatch(r"[0-9]{1,18}[ \t][0-9]{1,18}[ \t]*", there[0])) :]
        lost = sum(count for reason, count in dropped.items() if "promises" not in reason)
        expect(len(found[0]) + lost == len(there), f"{len(found[0])} read, {lost} dropped, {len(there)} there")
    return "read"


def hostile_options(rng, folder):
    """Options are refused by name, or accepted and finite."""
    name = rng.choice(TASK_NAMES)
    kind, requests, mode = TASKS[name].Config, TASKS[name].requests, rng.choice(TASKS[name].modes)
    groups = [run.Command, *([requests[mode]] if mode in requests else []), *([kind, kind] if mode == "train" else [])]
    given = {}
    for field in rng.sample(
        [field for group in groups for field in dataclasses.fields(group)], rng.choice((1, 1, 2, 4))
    ):
        values, choices = NUMBERS if field.type in (int, float) else TEXTS, field.metadata["choices"]
        if choices and rng.random() < 0.5:
            values = choices.names() if hasattr(choices, "names") else choices
        given[field.name] = "x" * 1_000_000 if rng.random() < 0.01 else rng.choice((*values, rng.choice(HOSTILE)))

    def accept():
        command, request, settings = run.parse([f"--{key}={value}" for key, value in given.items()], name, mode)
        config = kind(**settings)
        options.source(config)
        return command, request or command, config

    accepted = one_line(accept, *given)
    for part in accepted[0] if accepted else ():
        json.dumps(part.to_dict(), allow_nan=False)
    return "accepted" if accepted else "refused"


def ways_in(rng, folder):
    """The same bytes are the same lines by --text, --input and standard input, or the same error."""
    data, path = damaged(rng, "One text.\nNaïve – 東京 😀\nwith\ttabs".encode()), folder / "in.txt"
    path.write_bytes(data)
    prepare(folder / "run", TASKS["ner"]())
    ways = {str(path): [f"--input={path}"], "standard input": []}
    if data.removeprefix(codecs.BOM_UTF8) and b"\0" not in data:  # an empty --text is a text, an empty file has none
        ways["--text"] = [f"--text={data.decode('utf-8', 'surrogateescape')}"]
    task = SimpleNamespace(
        predict=lambda run, lines, request: ({"text": line} for line in lines), show=None, converses=""
    )
    answers = []
    for source, flags in ways.items():
        out = io.StringIO()

        def command(flags=flags, out=out):
            with contextlib.redirect_stdout(out):
                return run.run(["--mode=predict", f"--workdir={folder / 'run'}", *flags])

        with path.open() as stdin, mock.patch("sys.stdin", stdin):
            with mock.patch.object(run, "_load", lambda command: SimpleNamespace(task=task)):
                done = one_line(command, source)
        answers.append(done and out.getvalue())  # before an error, one way may have answered more than another
    expect(len(set(answers)) == 1, f"differs by the way in: {answers}")
    return "answered" if answers[0] is not None else "refused"


def hostile_example(example):
    """An example whose labels and texts hold what must not reach the terminal."""
    marks = {
        "B-ORG": "B-[/ORG]", "B-PER": "B-\x1b[2JPER", "PROPN": "[red]", "VERB": "\x1b]0;x\x07", "pos": "[/]",
        "neg": "\x9b\r\x08",
    }  # fmt: skip
    for feature, value in example.items():
        if feature in ("text", "source", "target"):
            value += " [/red] \x1b[2J \x07"
        elif isinstance(value, list):
            value = [marks.get(item, item) for item in value]
        example = {**example, feature: marks.get(value, value) if isinstance(value, str) else value}
    return example


@functools.cache
def untrained(name):
    """A run of a task in a folder as training leaves it, but untrained; its labels and texts are hostile."""
    run.import_tensorflow()
    config, splits, _ = TASKS[name].tiny()
    task, folder = TASKS[name](config), pathlib.Path(tempfile.mkdtemp())
    task.read = lambda: {
        split: Examples(lambda examples=examples: map(hostile_example, examples), task.needs, split)
        for split, examples in splits.items()
    }
    task.load()
    model = task.build()
    model.compile("sgd")
    model.optimizer.build(model.trainable_variables)
    prepare(folder, task)
    save_assets(folder, task.assets)
    save_model(folder, task, model)
    checkpoint(folder, model, [{"epoch": 1}])
    return Run(task, model, task.predictor(model), folder)


def damaged_runs(rng, folder):
    """A run folder with a damaged file is refused by its name, or loads."""
    whole = untrained(rng.choice(TASK_NAMES))
    path = pathlib.Path(shutil.copytree(whole.folder, folder / "run"))
    files = sorted(file for file in path.rglob("*") if file.is_file())
    file = rng.choices(files, [1 if file.suffix == ".keras" else 4 for file in files])[0]  # which takes long to load
    if rng.random() < 0.1:
        file.unlink()
    else:
        file.write_bytes(damaged(rng, file.read_bytes()))
    if file.name == "checkpoint.npz":
        done = one_line(lambda: restore(path, whole.model), file)
    else:
        done = one_line(
            lambda: load(path), file, "run holds no model yet", "run is not a run folder", "has no assets.json"
        )
    return "loaded" if done else "refused"


def answers(rng, folder):
    """Hostile texts and labels never reach a terminal as control characters or markup."""
    ready = untrained(rng.choice([name for name in TASK_NAMES if name != "music"]))
    mode = rng.choice([mode for mode in ready.task.modes if mode in ("predict", "score", "generate", "inspect")])
    texts = [text for text in HOSTILE if len(text) < 1000]
    text = " ".join(rng.choice(("a", "red cat", "\t", *texts)) for _ in range(rng.randrange(5)))
    flags = [f"--mode={mode}", f"--workdir={ready.folder}", *([f"--text={text}"] if mode != "generate" else [])]
    with mock.patch("seqzoo.training.load", lambda folder: ready), mock.patch.dict("os.environ", TERM="dumb"):
        with shown(terminal=True) as (_, error):
            status = run.main([*flags, *rng.choice(([], ["--json"]))])
    expect(status in (0, 2) and error.getvalue().count("\n") <= 1, error.getvalue())
    return f"{mode}, exit {status}"


SUBJECTS = {  # name: (function, its share of the cases)
    "harmless": (harmless, 10),
    "damaged": (damaged_files, 50),
    "vectors": (vectors, 10),
    "options": (hostile_options, 20),
    "ways": (ways_in, 6),
    "runs": (damaged_runs, 3),
    "answers": (answers, 1),
}
