"""Task: what a model learns, from which examples, and how it is scored. Each task is a file in tasks/."""

import collections
import dataclasses
import itertools
import math
import pathlib
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, BinaryIO

from seqzoo import options
from seqzoo.data import Batches, Feed
from seqzoo.data.batches import chunks
from seqzoo.datasets import DATASETS, Examples
from seqzoo.datasets.duplicates import duplicates
from seqzoo.datasets.fingerprints import Fingerprinted
from seqzoo.datasets.splits import every_nth, fold, joined
from seqzoo.display.pages import escape, page
from seqzoo.display.plain import plain_text
from seqzoo.display.report import shown
from seqzoo.extras import check_installed
from seqzoo.files import to_json, write_json
from seqzoo.inputs import Words
from seqzoo.metrics.measure import Measure, flat
from seqzoo.registry import Registry
from seqzoo.text.normalization import normalize

if TYPE_CHECKING:
    import keras
    from rich.console import Console

    from seqzoo.config import Config as Options
    from seqzoo.decoding.predictor import Predictor
    from seqzoo.decoding.search import BeamPredictor
    from seqzoo.decoding.steps import StepDecoder
    from seqzoo.models.next_items import NextItems
    from seqzoo.training.folder import Run

    AnyPredictor = Predictor | BeamPredictor | NextItems | StepDecoder  # what `Task.predictor` returns

TASKS = Registry("task", "seqzoo.tasks")
CHUNK = 256  # lines answered together
SAMPLED = 1000  # examples of a split whose words are looked up, to warn if the run does not know them
REPORTED = 200  # validation examples whose answers a run keeps for people to read


@dataclasses.dataclass
class TaskData:
    """The splits of a task, encoded.

    Attributes:
        splits: {"train" | "valid" | "test": Batches or Streams}.
        summary: {name: readable text}: sizes, padding, examples left out.
        examples: {split: Fingerprinted} of training data; empty for a finished run.
    """

    splits: dict[str, Feed]
    summary: dict[str, str]
    examples: dict[str, Fingerprinted] = dataclasses.field(default_factory=dict)

    @property
    def scored(self) -> list[str]:
        """Returns the names of the splits that a trained run is scored on."""
        return [split for split in ("valid", "test") if split in self.splits]

    def fingerprints(self) -> dict[str, dict]:
        """Returns {split: fingerprint} of the examples, see `datasets.fingerprints`."""
        return {split: examples.fingerprint for split, examples in self.examples.items()}


class Task:
    """A task with its settings and what it has learned about its data.

    Subclass it in a file of tasks/ and register it: every command and every contract test then covers it. A subclass
    defines `learn`, `encoder`, `build`, `loss`, `decoded`, `example`, `answer`, `scores` and `tiny`, and overrides
    other methods only where it differs from the common behaviour.

    Class attributes:
        Config: its options, a subclass of config.Config composed of the groups in options.py.
        requests: {mode: Config class}, the options of that mode alone.
        modes: what ``--mode`` can be.
        needs: {feature: type} that every example must have.
        measures: {name: Measure} of every score. objective: the one that picks the best epoch.
        axes: {array name: axis name}, see `data.Batches`.
        documents: whether --text is one text, however many lines it has.
        converses: the key of the reply in answers, if a line is a conversation with turns separated by tabs. On a
            terminal, each turn is answered given all turns before it. "": each line is answered by itself.
        files: endings, such as ".wav", of the files named by --text and the lines of --input; (): a line is a text.
        packages: optional packages that the scores need, see `extras`.
        demo: {dataset: options of --mode=predict or generate that show what a run can do}; "": other datasets.
        advice: {dataset: what to tell a user who trained on it, such as how to train on other data}.

    Args:
        config: a `Config`; None: the defaults.
        assets: {name: Asset or JSON value} of a trained run; None: `load` learns them from the training split.
    """

    name: str  # the first name the class is registered under
    Config = None
    requests: dict = {}
    modes: tuple = ("train", "evaluate", "predict")
    needs: dict = {}
    measures: dict[str, Measure] = {}
    objective: str = ""
    axes: dict[str, str | tuple] = {}
    documents: bool = False
    converses: str = ""
    files: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    demo: dict[str, str] = {}
    advice: dict[str, str] = {}
    warned = False  # whether users were told that most words are unknown
    start: dict = {}  # the assets of the run that training starts from, see --init_from
    pretrained_words: Iterable[str] = ()  # the words of the language model that training starts from

    def __init__(self, config=None, assets: dict | None = None):
        self.config = self.Config() if config is None else config
        self.assets = assets

    # --- Defined by each task -------------------------------------------------------------------------

    def hold_out(self, train: Examples) -> tuple[Examples, Examples, str]:
        """Splits train into (train, valid, description) where valid is missing: by default every 20th example."""
        return *every_nth(train, 20), "every 20th example of train is valid (if fewer, the last one)"

    def more_training(self) -> Examples | None:
        """Returns examples to add to train once valid is held out, so that none end up in valid; None: no more."""
        return None

    def content(self, example: dict) -> str:
        """Returns the text that train and valid should not share, tokens separated by blanks: by default the first."""
        first = next((example[feature] for feature, kind in self.needs.items() if kind in (str, list)), "")
        return " ".join(first.split() if isinstance(first, str) else map(str, first))

    def group(self, example: dict) -> object:
        """Returns the group of an example, which --folds keeps together: by default its first needed feature.

        Equal sequences are then in the same fold. Override this if other examples belong together, such as those of
        one person.
        """
        value = example[next(iter(self.needs))]
        return " ".join(value.split()) if isinstance(value, str) else value

    def ends(self, example: dict) -> bool:
        """Returns whether an example is the last one of a unit, such as a document, that spans several examples."""
        return True

    def learn(self, train: Examples) -> dict:
        """Learns the assets, such as vocabularies, from the training split: {name: Asset or JSON value}."""
        return {}

    def learn_labels(self, train: Examples) -> dict:
        """Learns only the assets that list the possible answers: {name: Vocabulary} of labels or tags.

        Training with --init_from keeps the assets of that run, but learns these anew if the run lacks a label.
        """
        return {}

    def encoder(self, training: bool = False) -> Callable:
        """Returns a function example -> (inputs, labels, weights), see `data.Batches`; labels may be missing."""
        raise NotImplementedError

    def augmenter(self) -> Callable | None:
        """Returns a function (example, encoded, rng) -> encoded that training applies each epoch, or None."""
        return None

    def build(self) -> "keras.Model":
        """Builds the keras.Model, not compiled."""
        raise NotImplementedError

    def training_model(self, model: "keras.Model", steps: int) -> "keras.Model":
        """Returns the keras.Model to train: `model` itself, or another one that shares its weights.

        Args:
            model: returned by `build`; it is evaluated and saved.
            steps: batches of an epoch.
        """
        return model

    def loss(self) -> "keras.losses.Loss | dict[str, keras.losses.Loss]":
        """Returns a keras.losses.Loss, or {output name: Loss}, with reduction "mean_with_sample_weight", so that
        padding does not lower it."""
        raise NotImplementedError

    def decoded(self, model: "keras.Model") -> "dict[str, keras.KerasTensor]":
        """Returns {name: tensor [B, ...]}, computed from the model's outputs, for `answer` to read."""
        return dict(model.output) if isinstance(model.output, dict) else {"outputs": model.output}

    def example(self, line: str) -> dict:
        """Returns the example on a line of --text or --input: a text, a pair, or the file that `read_file` reads.

        Raises:
            ValueError: the task has `files`, and the line names no such file.
        """
        if not self.files:
            raise NotImplementedError
        path, endings = pathlib.Path(line).expanduser(), ", ".join(self.files)
        if not path.name.lower().endswith(self.files):  # never open any other file, not even for a client of the server
            raise ValueError(f"A line should name a file that ends in {endings}. Received: {line[:200]!r}")
        try:
            with path.open("rb") as file:
                return self.read_file(file, line)
        except OSError as error:
            raise ValueError(f"{line}: {error.strerror}.") from error

    def read_file(self, file: BinaryIO, name: str) -> dict:
        """Returns the example in a file whose name ends in one of `files`.

        Args:
            file: the open file.
            name: the path of the file, for the answer and for messages.

        Raises:
            ValueError: the file is malformed; the message names it.
        """
        raise NotImplementedError

    def examples(self, line: str, request: "Options | None" = None) -> list[dict]:
        """Returns all examples on a line, which may be several, such as sentences; request: options of the mode."""
        return [self.example(line)]

    def unknown_labels(self, example: dict) -> list[str]:
        """Returns the labels of an example that the run cannot predict because they were not in its training data."""
        return []

    def known(self, example: dict) -> Iterable[bool]:
        """Returns whether the run knows each word of an example, to warn users if it knows few; (): no warning."""
        return ()

    def answer(self, example: dict, row: dict | None) -> dict:
        """Returns the answer to an example, ready for JSON.

        Args:
            example: the example.
            row: its row of each array of `decoded`, with padding; None if it was left out, such as an empty text.
        """
        raise NotImplementedError

    def scores(self, examples: list[dict], answers: list[dict]) -> dict:
        """Returns {measure: number}; scores of single classes are nested: {"classes": {label: {measure: number}}}."""
        raise NotImplementedError

    def baselines(self, train: Examples) -> dict[str, Callable]:
        """Returns {name: function example -> answer}: simple methods to compare a run with."""
        return {}

    def signatures(self, run: "Run", request: options.Exporting) -> dict:
        """Returns the signatures of an exported run: {name: export.signatures.Signature}, the easiest one last.

        Args:
            run: the trained run.
            request: options of ``--mode=export``.

        Returns:
            The signatures; {}: one from the arrays of `encoder` to those of `decoded`.
        """
        return {}

    def uses(self) -> list[str]:
        """Returns the modes that are suggested once a run is trained, the first with `demo`."""
        return [*(mode for mode in ("predict", "generate") if mode in self.modes), "evaluate", "export"]

    def export_notes(self) -> list[str]:
        """Returns sentences about the limits of an exported run, for its users."""
        return []

    def plot(self, predictor: "AnyPredictor", examples: list[dict], answers: list[dict], folder: pathlib.Path) -> None:
        """Saves plots of the answers to the validation examples in the run's folder, after the scores are saved."""

    def show(self, answer: dict, console: "Console") -> None:
        """Prints an answer for a person."""
        console.print(plain_text(to_json(answer, ensure_ascii=False, indent=1)), soft_wrap=True)

    def articles(self, answers: Iterable[dict]) -> Iterator[str]:
        """Yields answers as parts of an HTML page, see `display.pages`: by default their JSON."""
        for answer in answers:
            yield f"<article><p>{escape(to_json(answer, ensure_ascii=False, indent=1))}</p></article>\n"

    def differs(self, answer: dict) -> bool:
        """Returns whether the answer to an example of the data differs from gold. Reports show such answers first."""
        return False

    def explained(self, predictor: "AnyPredictor", examples: list[dict], answers: list[dict]) -> list[dict]:
        """Returns the answers to the few examples that a report shows, with explanations if the run has any."""
        return answers

    @classmethod
    def tiny(cls) -> tuple:
        """Returns what the contract tests run on: (config, {split: examples}, lines).

        A small model, a handful of examples, and a list of lines to answer, or {mode: lines} where modes differ.
        """
        raise NotImplementedError

    # --- Common to all tasks ----------------------------------------------------------------------

    @property
    def measure(self) -> Measure:
        """Returns the Measure of the objective."""
        return self.measures[self.objective]

    @property
    def sign(self) -> int:
        """Returns 1 if a higher objective is better, -1 if a lower one is."""
        return self.measure.sign

    def merit(self, row: dict) -> tuple[float, float]:
        """Returns how good an epoch is: its objective on valid, and its loss to break ties.

        Args:
            row: the epoch's row of the history, with its score. NaN counts as the worst score.
        """
        score, loss = (row.get(f"valid_{name}", 0.0) for name in (self.objective, "loss"))
        return tuple(float("-inf") if math.isnan(value) else value for value in (self.sign * score, -loss))

    def read(self) -> dict[str, Examples]:
        """Returns {split: Examples} of the dataset that the config names.

        Raises:
            ValueError: the examples lack a feature that the task needs.
        """
        splits = DATASETS[self.config.dataset](**options.source(self.config))
        if [*splits] == ["test"] and pathlib.Path(self.config.data_dir).expanduser().is_file():
            splits = {"train": splits["test"]}  # a single labelled file is training data
        for examples in splits.values():
            self.check(examples)
        return splits

    def check(self, examples: Examples) -> None:
        """Raises a ValueError if examples lack a feature that the task needs, or have it in another type."""
        for feature, kind in self.needs.items():
            found = examples.features.get(feature, kind)
            if found is not kind:
                raise ValueError(
                    f"{examples.source} gives {feature!r} as {found.__name__}, but the task needs {kind.__name__}."
                )
        if missing := [feature for feature in self.needs if feature not in examples.features]:
            columns = ",".join(f"{feature}=COLUMN" for feature in missing)
            raise ValueError(
                f"{examples.source} gives {', '.join(examples.features)}, but the task needs {', '.join(missing)}: "
                f"choose another --dataset, or name the columns by --columns={columns}."
            )

    def splits(self, hold_out: bool = True) -> tuple[dict[str, Examples], str]:
        """Returns the splits of the data that the config names, in its Unicode form.

        Args:
            hold_out: whether to hold out a part of train as valid if there is no valid split, or a fold of both.

        Returns:
            ({split: Examples}, a description of what was held out as valid, or "").
        """
        splits, held_out = {split: self.normalized(examples) for split, examples in self.read().items()}, ""
        folds, number = (getattr(self.config, name, 0) for name in ("folds", "fold"))
        if hold_out and number and "train" in splits:
            labelled = [splits.pop(split) for split in ("train", "valid") if split in splits]
            train, valid = fold(joined(labelled), folds, number, self.config.seed, self.group, self.ends)
            splits = {"train": train, "valid": valid, **splits}
            held_out = f"fold {number} of {folds} is valid" + (", of train and valid" if len(labelled) > 1 else "")
        elif hold_out and "train" in splits and "valid" not in splits:
            splits["train"], splits["valid"], held_out = self.hold_out(splits["train"])
        if hold_out and "train" in splits and self.assets is None and (more := self.more_training()):
            splits["train"] = joined([splits["train"], self.normalized(more)])
        return splits, held_out

    def load(self, unseen: bool = False) -> TaskData:
        """Reads the data that the config names; learns the assets from its training split if there are none yet.

        Args:
            unseen: the run was not trained on this data: all of it is scored, even a split called train.

        Raises:
            ValueError: a split is missing or empty; or a package that the scores need is not installed.
        """
        for package in self.packages:  # before training, not after the first epoch
            check_installed(package, f"--task={self.name}")
        (splits, held_out), summary, read = self.splits(hold_out=not unseen), {}, {}
        for examples in splits.values():
            summary |= examples.summary
        if unseen:
            summary.pop("held out", None)
            splits = splits if "test" in splits else {"test": joined(splits)}
        summary |= {"held out": held_out} if held_out else {}
        if self.assets is None:
            for split in ("train", "valid"):
                if split not in splits:
                    raise ValueError(f"No {split} split in the data. Found: {', '.join(splits) or 'nothing'}.")
            splits = read = {split: Fingerprinted(examples) for split, examples in splits.items()}
            self.assets = self._started(splits["train"], summary) if self.start else self.learn(splits["train"])
            for asset in self.assets.values():
                if isinstance(asset, Words) and self.pretrained_words:
                    asset.extend(self.pretrained_words)
            if found := duplicates(splits["train"], splits["valid"], self.content):
                summary["duplicates"] = found
        else:
            if not unseen:
                splits.pop("train", None)
            for examples in splits.values():
                self.warn_of_unknown(itertools.islice(examples, SAMPLED))
        feeds = {}
        for split, examples in splits.items():
            feeds[split] = self.feed(examples, training=split == "train" and not unseen)
            summary[split] = feeds[split].summary
            if not feeds[split].steps:
                held_out = f" ({summary['held out']})" if split == "valid" and "held out" in summary else ""
                raise ValueError(f"{examples.source}: no example is left for {split}{held_out}: {summary[split]}.")
        if unknown := self._unknown({split: splits[split] for split in splits if split != "train" or unseen}):
            summary["unknown labels"] = unknown
        if "test" not in splits:
            summary["test"] = "no test split: scores are on valid"
        for asset in self.assets.values():
            summary |= getattr(asset, "summary", {})
        return TaskData(feeds, summary, read)

    def _started(self, train: Examples, summary: dict) -> dict:
        """Returns the assets of the run that training starts from; labels are learned anew if that run lacks some."""
        learned = self.learn_labels(train)
        lacking = {name: sorted({*labels.tokens} - {*self.start[name].tokens}) for name, labels in learned.items()}
        for name, labels in lacking.items():
            if labels:
                named = ", ".join(labels[:20]) + (f" and {len(labels) - 20:,} more" if len(labels) > 20 else "")
                summary[f"new {name}"] = f"{self.config.init_from} lacks {named}: all are learned anew"
        self.assets = {**self.start, **{name: labels for name, labels in learned.items() if lacking[name]}}
        known = [word for example in itertools.islice(train, SAMPLED) for word in self.known(example)]
        if known:
            unknown = f"{len(known) - sum(known):,} of {len(known):,} tokens of the first {SAMPLED:,} examples"
            summary["unknown words"] = f"{unknown} are not in the vocabulary of {self.config.init_from}"
        return self.assets

    def _unknown(self, splits: dict) -> str:
        """Describes the labels that the run does not know; "" if it knows all."""
        if type(self).unknown_labels is Task.unknown_labels:
            return ""
        found = []
        for split, examples in splits.items():
            counts = collections.Counter(label for example in examples for label in self.unknown_labels(example))
            named = ", ".join(f"{label} {count:,}" for label, count in counts.most_common(20))
            more = f" and {len(counts) - 20:,} more" if len(counts) > 20 else ""
            found += [f"{counts.total():,} in {split} ({named}{more})"] if counts else []
        return ", ".join(found) and f"{', '.join(found)}: training had none of these, so they count as errors"

    def normalized(self, examples: Examples) -> Examples:
        """Returns the examples with all texts and labels in the Unicode form of the config."""
        form = getattr(self.config, "unicode", "none")  # a task without data options has no texts
        return examples.with_read(lambda: (normalize(example, form) for example in examples))

    def warn_of_unknown(self, examples: Iterable[dict]) -> None:
        """Says once, on standard error, if most words of the examples are unknown to the run."""
        known = [] if self.warned else [word for example in examples for word in self.known(example)]
        if 2 * sum(known) < len(known):
            self.warned = True
            unknown = f"{len(known) - sum(known):,} of {len(known):,}"
            print(
                f"warning: {unknown} tokens are unknown to this run. It was trained on texts of another kind, or that "
                "were split into tokens in another way.",
                file=sys.stderr,
            )

    def page(self, answers: Iterable[dict], title: str) -> Iterator[str]:
        """Yields an HTML page of answers, in pieces."""
        return page(title, self.articles(answers))

    def feed(self, examples: Iterable, training: bool = False) -> Feed:
        """Returns batches of examples, made with the config's options of the group Batching."""
        return Batches(
            examples,
            self.encoder(training),
            self.axes,
            seed=self.config.seed,
            augment=self.augmenter() if training else None,
            **self.config.arguments(options.Batching),
        )

    def predictor(self, model: "keras.Model") -> "AnyPredictor":
        """Returns the predictor of `evaluate` and `predict`: by default it computes decoded outputs and loss."""
        from seqzoo.decoding.predictor import Predictor

        return Predictor(model, self.decoded(model), self.loss())

    def evaluate(self, predictor: "AnyPredictor", feed: Feed, request: "Options | None" = None) -> dict:
        """Returns the scores of one split.

        Args:
            predictor: the object that the method `predictor` returned.
            feed: the split.
            request: options of ``--mode=evaluate``; None during training.
        """
        return self.answered(self.requested(predictor, request), feed)[0]

    def requested(self, predictor: "AnyPredictor", request: "Options | None" = None) -> "AnyPredictor":
        """Returns the predictor with the options of ``--mode=evaluate``; None: the options of training."""
        return predictor

    def answered(
        self, predictor: "Predictor | BeamPredictor | NextItems", feed: Feed
    ) -> tuple[dict, list[dict], list[dict]]:
        """Returns the scores, examples and answers of a split."""
        predictor.mean_loss()  # forgets earlier batches
        examples, answers = self.answers(predictor, feed)
        return {**self.scores(examples, answers), **predictor.mean_loss()}, examples, answers

    def answers(self, predictor: Callable, feed: Feed) -> tuple[list[dict], list[dict]]:
        """Returns the examples and the answers of a split."""
        examples, answers = [], []
        for example, row in feed.outputs(predictor):
            if row is not None:
                examples.append(example)
                answers.append(self.answer(example, row))
        return examples, answers

    @staticmethod
    def entries(lines: Iterable[str]) -> Iterable[str]:
        """Returns the inputs that the lines of a file hold; by default each line is one."""
        return lines

    def predict(self, run: "Run", lines: Iterable[str], request: "Options | None" = None) -> Iterator[dict]:
        """Answers lines: yields {"line": number from 1, ...} for each example of each line, in order.

        Lines are answered in batches, and those of `text.lines.Lines` as they arrive.

        Raises:
            ValueError: the task cannot read a line; for `Lines`, the message has their source and the line number.
        """

        def examples(line, number):
            try:
                return self.examples(line, request)
            except ValueError as error:
                source = getattr(lines, "source", "")
                raise ValueError(f"{source}:{number}: {error}" if source else str(error)) from error

        numbers = itertools.count(1)
        for chunk in chunks(lines, CHUNK):
            numbered = [
                (number, example)
                for line, number in zip(chunk, numbers, strict=False)
                for example in examples(line, number)
            ]
            self.warn_of_unknown(example for _, example in numbered)
            line_of = {id(example): number for number, example in numbered}  # an example may have several rows
            for example, row in self.feed([example for _, example in numbered]).outputs(run.predictor):
                yield {"line": line_of[id(example)], **self.answer(example, row)}

    def report(
        self, predictor: "AnyPredictor", data: TaskData, folder: pathlib.Path
    ) -> tuple[dict, list[dict], list[dict]]:
        """Scores a trained run and its baselines, and saves predictions.json.

        Returns:
            (metrics of valid and test, as in metrics.json; examples and answers of valid, for `plot`).
        """
        scores, examples, answers = self.answered(predictor, data.splits["valid"])
        metrics = flat("valid", scores)
        if "test" in data.splits:
            metrics |= flat("test", self.evaluate(predictor, data.splits["test"]))
        kept = answers[:REPORTED]
        chosen = shown(kept, self.differs)
        explained = self.explained(predictor, *([rows[i] for i in chosen] for rows in (examples, kept)))
        for i, answer in zip(chosen, explained, strict=True):
            kept[i] = answer
        write_json(folder / "predictions.json", kept, ensure_ascii=False)
        made = self.baselines(data.splits["train"].examples)
        made = {name: self.scores(examples, [*map(answer, examples)]) for name, answer in made.items()}
        made = {name: {k: v for k, v in scores.items() if not isinstance(v, dict)} for name, scores in made.items()}
        return metrics | ({"valid_baselines": made} if made else {}), examples, answers

    def xla_obstacles(self) -> list[str]:
        """Returns the options in use that do not compile under XLA, as flags; a TPU refuses them."""
        return []

    def generate(self, run: "Run", request: "Options", write: Callable[[str], object]) -> Iterator[dict]:
        """Yields samples; `write` is called with the text of the first one as it is drawn."""
        raise NotImplementedError

    def score(self, run: "Run", lines: Iterable[str], request: "Options") -> Iterable[dict]:
        """Yields {"line", "text", "log_probability", ...} for each text."""
        raise NotImplementedError

    def inspect(self, run: "Run", lines: Iterable[str], request: "Options", console: "Console") -> None:
        """Shows what the network does while it reads the texts."""
        raise NotImplementedError
