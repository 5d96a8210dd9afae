"""Contextual features: the states of frozen language models at each word, beside its embedding."""

import dataclasses
import functools
import hashlib
import io
import json
import os
import pathlib
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from seqzoo.assets import MANIFEST, Asset
from seqzoo.config import Config as Options
from seqzoo.config import option
from seqzoo.data import Batches, Feed
from seqzoo.data.batches import chunks
from seqzoo.task import Task

if TYPE_CHECKING:
    from seqzoo import options


CHUNK = 1024  # sentences that are read together
NEEDED = ("config.json", MANIFEST, "model.keras")  # files of a run to copy, besides its assets


@dataclasses.dataclass(frozen=True)
class Contextual(Options):
    """Contextual features."""

    contextual: str = option(
        "", "Runs of --task=language_model, folders or zoo:NAME joined by commas, whose states are features of each "
        "word (for models of characters, at its last character: Peters et al., 2017; Akbik et al., 2018). They are "
        "frozen, and copied into the run.", path=True,
    )  # fmt: skip

    def __post_init__(self):
        super().__post_init__()
        tokenizer = getattr(self, "tokenizer", "words")
        if self.contextual and tokenizer not in ("words", "whitespace"):
            raise ValueError(f"--contextual needs --tokenizer=words or whitespace. Received: --tokenizer={tokenizer}")
        if self.contextual and getattr(self, "auxiliary_lm", 0):
            raise ValueError(
                "--auxiliary_lm predicts words from states that have not seen them, but with --contextual each word's "
                "features have seen the words around it: give one of the two."
            )


class WithContext(Task):
    """A task whose words may have contextual features; its Config has the group `Contextual`.

    A subclass has `words_of`, and adds `learn_context` to what it learns, `context_encoder` to its inputs and
    `context_width` to its front.
    """

    def words_of(self, example: dict) -> list[str]:
        """Returns the words of an example that the model reads."""
        raise NotImplementedError

    def learn_context(self) -> dict:
        """Returns the asset "contextual", or {}."""
        return {"contextual": LanguageModels.learn(self.config.contextual)} if self.config.contextual else {}

    @property
    def context(self) -> "LanguageModels | None":
        """The language models, or None."""
        return self.assets.get("contextual")

    @property
    def context_width(self) -> int:
        """Returns D, the width of the features; 0 without language models."""
        return self.context.width if self.context else 0

    def context_encoder(self) -> Callable[[list[str]], dict[str, np.ndarray]]:
        """Returns a function from T words to {"contextual": [T, D]}; to {} without language models."""
        context = self.context
        return (lambda words: {"contextual": context(words)}) if context else (lambda words: {})

    def uses(self) -> list[str]:
        exported = {"export": "export --format=run"} if self.config.contextual else {}
        return [exported.get(use, use) for use in super().uses()]

    def feed(self, examples: Iterable, training: bool = False) -> Feed:
        if self.context:  # examples to predict come in lists
            self.context.read(lambda: map(self.words_of, examples), keep=not isinstance(examples, list))
        return super().feed(examples, training)

    def only_arrays(self, request: "options.Exporting") -> bool:
        """Returns whether an export has no signature that takes texts, since language models read them first.

        Args:
            request: options of ``--mode=export``.

        Raises:
            ValueError: the run can't be exported in this format.
        """
        if self.context and request.format != "run":
            raise ValueError(
                f"A run with --contextual is not exported as {request.format}, since its language models read each "
                "text first: use --format=run or --mode=serve."
            )
        return bool(self.context)


class LanguageModels(Asset):
    """Copies of language model runs, and their states at each word of a sentence.

    Call it with T words: it returns [T, D], float16. A file holds the states of all sentences of a data set, so that
    they are computed once and need no memory; see `read`.

    Args:
        archive: a zip file with a folder for each run, and sources.json.
    """

    suffix = ".zip"

    def __init__(self, archive: bytes):
        self.archive = archive
        with zipfile.ZipFile(io.BytesIO(archive)) as file:
            self.sources = json.loads(file.read("sources.json"))
        self.kept, self.recent = {}, {}  # {key of a sentence: [T, D]} of data sets, and of the last `read`
        self.summary = {"contextual": ", ".join(f"{source['name']} ({source['units']})" for source in self.sources)}

    @classmethod
    def learn(cls, folders: str) -> "LanguageModels":
        """Copies the runs in folders, joined by commas, with weights of 16 bits.

        Raises:
            ValueError: there is none, or one is not a run of task language_model.
        """
        from seqzoo.export.sharing import share
        from seqzoo.training.folder import load

        archive, sources = io.BytesIO(), []
        with tempfile.TemporaryDirectory() as temporary, zipfile.ZipFile(archive, "w") as file:
            for number, folder in enumerate(filter(None, map(str.strip, folders.split(",")))):
                try:
                    run, copy = load(folder), pathlib.Path(temporary, str(number))
                except ValueError as error:
                    raise ValueError(f"--contextual: {error}") from error
                if run.task.name != "language_model":
                    raise ValueError(
                        f"--contextual: {folder} is a run of --task={run.task.name}. It should be one of "
                        "--task=language_model."
                    )
                copy.mkdir()
                share(run, copy, {})
                for name in _files(copy):
                    file.write(copy / name, f"{number}/{name}")
                units = f"{run.task.assets['tokens'].units}{', reverse' * run.task.config.reverse}"
                digest = hashlib.blake2b(digest_size=16)
                for name in _files(run.folder)[1:]:  # not its config, which contains paths
                    digest.update((run.folder / name).read_bytes())
                sources.append({"name": pathlib.Path(folder).name, "units": units, "digest": digest.hexdigest()})
            file.writestr("sources.json", json.dumps(sources))
        if not sources:
            raise ValueError(f"--contextual should name runs of --task=language_model. Received: {folders!r}")
        return cls(archive.getvalue())

    @functools.cached_property
    def models(self) -> list["WordStates"]:
        """The language models, loaded when they are first used."""
        from seqzoo.training.folder import load

        with tempfile.TemporaryDirectory() as temporary, zipfile.ZipFile(io.BytesIO(self.archive)) as file:
            file.extractall(temporary)
            return [WordStates(load(pathlib.Path(temporary, str(n)))) for n in range(len(self.sources))]

    @property
    def width(self) -> int:
        """D, of all models together."""
        return sum(model.width for model in self.models)

    def __call__(self, words: list[str]) -> np.ndarray:
        key = _key(words)
        for found in (self.kept, self.recent):
            if key in found:
                return found[key]
        return next(self.states([words]))

    def states(self, sentences: list[list[str]]) -> Iterator[np.ndarray]:
        """Yields the states [T, D] of each sentence."""
        for parts in zip(*(model.states(sentences) for model in self.models), strict=True):
            yield np.concatenate(parts, axis=-1)

    def read(self, sentences: Callable[[], Iterable[list[str]]], keep: bool) -> None:
        """Computes the states of many sentences at once, for later calls.

        Args:
            sentences: function that returns the sentences; it may be called twice.
            keep: keep the states in a file in `cache_folder` for the next time; otherwise in memory, until the next
                call.

        Raises:
            ValueError: the cached file is damaged.
        """
        from seqzoo.training.folder import damaged

        _ = self.models  # always loaded, so that layers built later get the same random numbers
        if not keep:
            found = [*sentences()]
            self.recent = dict(zip(map(_key, found), self.states(found), strict=True))
            return
        lengths = {_key(words): len(words) for words in sentences()}
        if not sum(lengths.values()):
            return
        digest = hashlib.blake2b("".join(source["digest"] for source in self.sources).encode(), digest_size=16)
        for key in lengths:
            digest.update(key)
        path = cache_folder() / f"{digest.hexdigest()}.npy"
        if not path.is_file():
            path.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=path.parent) as own:  # other processes may write the same states
                self._write(pathlib.Path(own, path.name), lengths, sentences())
                os.replace(pathlib.Path(own, path.name), path)
        try:
            states, start = np.load(path, mmap_mode="r"), 0
        except (ValueError, EOFError) as error:
            raise damaged(path, error, "Delete it, and the states are computed again.") from error
        for key, length in lengths.items():
            self.kept[key] = states[start : start + length]
            start += length

    def _write(self, path, lengths, sentences):
        """Writes the states of sentences one after another, and only once for equal sentences."""
        left, shape = {*lengths}, (sum(lengths.values()), self.width)

        def different():
            for words in sentences:
                if (key := _key(words)) in left:
                    left.remove(key)
                    yield words

        # Not into a memory map, which would end the process without a message if the disk is full.
        with path.open("wb") as file:
            header = {"descr": np.dtype(np.float16).str, "fortran_order": False, "shape": shape}
            np.lib.format.write_array_header_1_0(file, header)
            for chunk in chunks(different(), CHUNK):
                for states in self.states(chunk):
                    file.write(states.tobytes())

    def save(self, path: str | os.PathLike) -> None:
        pathlib.Path(path).write_bytes(self.archive)

    @classmethod
    def load(cls, path: str | os.PathLike) -> "LanguageModels":
        return cls(pathlib.Path(path).read_bytes())

    def __eq__(self, other):
        return type(self) is type(other) and [s["digest"] for s in self.sources] == [s["digest"] for s in other.sources]

    __hash__ = None


class WordStates:
    """The states of one language model at each word of a sentence, read as words with blanks in between.

    At a word, a forward model has read the word and all words before it, a backward model (`reverse`) the word and all
    words after it. So forward and backward models of characters give their states at the last and the first character
    of the word. A sentence begins after a line end, from a state of zeros.

    Sources: Peters et al., 2017, Semi-supervised sequence tagging with bidirectional language models, section 2.4;
    Akbik et al., 2018, Contextual String Embeddings for Sequence Labeling, section 2.3.

    Args:
        run: a run of task language_model.

    Attributes:
        width: H, the width of the last recurrent layer.
    """

    def __init__(self, run):
        import keras

        from seqzoo.backend.gradients import compiled
        from seqzoo.models.language_model import without_scores

        self.codec, self.reverse = run.task.assets["tokens"], run.task.config.reverse
        reader = run.model.get_layer("reader")
        hidden = without_scores(reader)[0].outputs[0]
        if "projection" in [layer.name for layer in reader.layers]:  # which keeps only information about the next token
            hidden = reader.get_layer("projection").input
        self.reader, self.width = keras.Model(reader.inputs, hidden), hidden.shape[-1]
        ids = keras.KerasTensor([None, None], "int32")
        self._read = compiled(self._states, (ids, ids))

    def _states(self, ids, positions):
        """Maps ids [B, T], with padding 0, and positions [B, W] in them to states [B, W, H]."""
        from keras import ops

        inputs = self.reader.inputs[1:]
        zeros = [ops.tile(ops.zeros_like(ids[:, :1], dtype=x.dtype), (1, x.shape[-1])) for x in inputs]
        states = self.reader([ids, *zeros], training=False)  # [B, T, H]
        return ops.cast(ops.take_along_axis(states, positions[..., None], axis=1), "float16")

    def encode(self, words: list[str]) -> dict[str, np.ndarray]:
        """Returns {"ids": [T] to read, "positions": [W], where the model has just read each word}."""
        text = " ".join(words)
        ends = np.cumsum([len(word) + 1 for word in words], dtype=int) - 1  # of the words, in the text
        ids, spans = self.codec.encode(text)[0], np.array(self.codec.offsets(text), int).reshape(-1, 2)
        if self.reverse:
            starts = ends - [len(word) for word in words]
            positions = len(ids) - np.searchsorted(spans[:, 1], starts, side="right")
            ids = ids[::-1]
        else:
            positions = np.searchsorted(spans[:, 0], ends, side="left")
        # After the line end, token n, from 0, is at n + 1.
        return {"ids": np.array([self.codec.newline, *ids], "int32"), "positions": positions.astype("int32")}

    def states(self, sentences: list[list[str]]) -> Iterator[np.ndarray]:
        """Yields the states [T, H], float16, of each sentence."""
        from keras import ops

        axes = {"ids": "time", "positions": "words"}
        feed = Batches(sentences, lambda words: (self.encode(words), {}, {}), axes, batch_size=64)

        def read(inputs, labels, weights):
            return {"states": np.asarray(self._read(*(ops.convert_to_tensor(inputs[name]) for name in axes)))}

        for words, row in feed.outputs(read):
            yield row["states"][: len(words)] if row else np.zeros((0, self.width), "float16")


def cache_folder() -> pathlib.Path:
    """Returns the folder of cached states, safe to delete: XDG_CACHE_HOME/seqzoo/contextual, or ~/.cache/..."""
    return pathlib.Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "seqzoo" / "contextual"


def _files(folder):
    """Lists the files needed to use a run, relative to its folder."""
    assets = sorted(path.name for path in (folder / "assets").glob("*") if not path.name.startswith("."))
    return [*NEEDED, *(f"assets/{name}" for name in assets)]


def _key(words):
    """Returns a key that identifies a sentence."""
    return hashlib.blake2b("\0".join(words).encode("utf-8", "surrogatepass"), digest_size=16).digest()
