"""Music: one to many. From a note, a chord, a key, a melody or nothing, a piece."""

import dataclasses
import json
import math
import pathlib

import numpy as np

from seqzoo import options
from seqzoo.config import Config as Options
from seqzoo.config import default, option
from seqzoo.data.batches import Batches
from seqzoo.datasets import DATASETS, every_nth, joined
from seqzoo.music.encodings import ENCODINGS, END, LONGEST_BAR, REST, Encoding
from seqzoo.music.keys import find_key, key_name, parse_key, parse_pitch
from seqzoo.music.midi import read_midi, write_midi
from seqzoo.music.score import SIXTEENTH, cut, parse_metre
from seqzoo.music.statistics import corpus_statistics, statistics_table
from seqzoo.task import TASKS, Data, Task
from seqzoo.text.ngrams import KneserNey
from seqzoo.text.vocabulary import Vocabulary

MODES = ("major", "minor")
LOWEST_TONIC = 55  # of a key, as pitch + 1: F#3 to F4, in the middle of what sounds
METRES = ("4/4", "3/4", "2/4", "2/2", "6/8", "3/2", "3/8", "9/8", "12/8", "6/4", "5/4", "7/8")
HELD_OUT = 10  # of so many pieces one is valid where there is no such split
NGRAM_TOKENS = 5_000_000  # that the n-gram baseline learns from, at most
EVENTS_PER_QUARTER = 16  # drawn at most


@dataclasses.dataclass(frozen=True)
class Music(Options):
    """Music."""

    encoding: str = option(
        "voices",
        "What a step is: a pitch, a hold or a rest of each voice; the set of notes that sound; the same of the highest "
        "voice alone; or an event: a note on, a note off, a shift in time, a velocity.",
        choices=ENCODINGS,
    )
    notes: int = option(
        4,
        "Voices, or notes of a frame at most, of more the lowest and the highest; of the other encodings 1.",
        minimum=1,
    )
    steps_per_quarter: int = option(4, "Steps of a quarter note: 4 are sixteenths, 12 have triplets too.", minimum=1)
    transpose: bool = option(True, "Training hears each piece in another of the 12 keys each epoch.")
    max_steps: int = option(1024, "Steps of a piece that are read at once; a longer one is cut into parts.", minimum=16)
    conditions: str = option(
        "key,metre",
        "What a piece can be asked to be like, of key, metre and style (the folder of its file), with commas; or none.",
    )
    hide_conditions: float = option(
        0.5,
        "Share of the pieces of training whose conditions are not told; scores are without them.",
        minimum=0,
        maximum=1,
    )
    melody_ahead: float = option(
        0.3, "Share of the pieces of training whose first voice is known beforehand; 0: none, and no harmonising.",
        minimum=0, maximum=1,
    )  # fmt: skip
    ngram: int = option(9, "Order of the n-gram baseline, in notes; 0: none.", minimum=0)


@dataclasses.dataclass(frozen=True)
class Model(Options):
    """Generator."""

    output: str = option(
        "notes", "The notes of a step one after the other, or each pitch on its own (the baseline; only scores).",
        choices=("notes", "independent"),
    )  # fmt: skip
    join: str = option("both", "Where conditions go: the first state, each step, or both.",
                       choices=("state", "step", "both"))  # fmt: skip
    dim: int = option(64, "Width of the embeddings of notes.", minimum=1)
    condition_dim: int = option(16, "Width of the embedding of each condition.", minimum=1)
    note_units: int = option(128, "Units of the GRU over the notes of a step.", minimum=1, sweep=[64, 128, 192])
    input_dropout: float = option(0.1, "Dropout of what is read.", minimum=0, maximum=0.95)
    weight_drop: float = option(0.0, "Share of the recurrent kernels' weights dropped.", minimum=0, maximum=0.95)


@dataclasses.dataclass(frozen=True)
class Evaluating(Options):
    """Evaluation."""

    keys: int = option(
        1, "Keys that a piece is read in, whose probabilities of each note are averaged; 12: all.", minimum=1,
        maximum=12,
    )  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Generating(Options):
    """Samples."""

    key: str = option("", "Key, such as D, 'F# minor' or Am; empty: that of --primer or --melody, else any.")
    metre: str = option("", "Metre, such as 3/4; empty: that of --primer or --melody, else 4/4.")
    pickup: float = option(0.0, "Quarter notes before the first whole bar.", minimum=0)
    style: str = option("", "Style, one of the folders that the run learned from.")
    chord: str = option("", "Notes to begin with, such as C4, or 'C3 G3 E4 C5'; C4 is the middle C.")
    primer: str = option("", "MIDI file whose beginning the samples go on from.")
    primer_quarters: float = option(8.0, "Quarter notes of it.", minimum=0)
    melody: str = option("", "MIDI file whose highest notes become the first voice, and are harmonised.")
    length: float = option(
        64.0, "Quarter notes of a sample at most. Runs that read melodies ahead know it and plan their end for it.",
        minimum=0.25,
    )  # fmt: skip
    samples: int = option(1, "How many are drawn, side by side.", minimum=1)
    temperature: float = option(0.9, "Below 1 the likely gets likelier; 0: always the likeliest.", minimum=0)
    top_k: int = option(0, "Draw from the so many likeliest notes only; 0: all.", minimum=0)
    top_p: float = option(0.98, "Draw from the likeliest notes that have this probability together.", minimum=0.0001,
                          maximum=1)  # fmt: skip
    seed: int = option(0, "Seed of the draws.", minimum=0)
    tempo: float = option(90.0, "Quarter notes a minute of what is written.", minimum=4, maximum=1000)
    out: str = option("", "Folder for the MIDI files, piano rolls and audio. Empty: samples in the run's folder.")


@dataclasses.dataclass(frozen=True)
class Config(options.Data, Music, Model, options.Batching, options.Recurrent, options.Training):
    """Music."""

    dataset: str = default(options.Data, dataset="chorales")
    batch_size: int = default(options.Batching, batch_size=16)
    batch_tokens: int = default(options.Batching, batch_tokens=8192)
    rnn: str = default(options.Recurrent, rnn="lstm")
    units: int = default(options.Recurrent, units=256)
    dropout: float = default(options.Recurrent, dropout=0.3)
    layers: int = default(options.Recurrent, layers=1)
    epochs: int = default(options.Training, epochs=20)
    learning_rate: float = default(options.Training, learning_rate=3e-3)
    average: float = default(options.Training, average=0.995)


@TASKS.register("music")
class MusicTask(Task):
    """Music: nats a step."""

    Config = Config
    requests = {"evaluate": Evaluating, "generate": Generating}
    objective = "nats_per_step"
    direction = "min"
    modes = ("train", "evaluate", "generate")
    advice = {
        "chorales": "The music was Bach's, from the package music21. To hear what this run writes:\n"
        "  python -m seqzoo.run --mode=generate --workdir=FOLDER --key='G major' --samples=4\n"
        "  python -m seqzoo.run --mode=generate --workdir=FOLDER --melody=YOURS.mid\n"
        "To learn from your own: --dataset=midi --data_dir=FOLDER"
    }

    def load(self, config, vocabularies=None, unseen=False):
        splits = DATASETS[config.dataset](**options.source(config))
        for examples in splits.values():
            if not {"score", "voices", "frames"} & examples.features.keys():
                raise ValueError(
                    f"{examples.source} gives {', '.join(examples.features)}, where music is needed: --dataset=midi."
                )
        if unseen and "test" not in splits:
            splits = {"test": joined(splits)}
        data = Data({}, dict(vocabularies or {}))
        if "train" in splits and "valid" not in splits:
            splits["train"], splits["valid"] = held_out(splits["train"], HELD_OUT)
            data.facts["held out"] = f"every {HELD_OUT}th piece of train as valid, or the last"
        if not vocabularies:
            if "train" not in splits:
                raise ValueError(f"No train split to learn from. Found: {', '.join(splits) or 'nothing'}.")
            onsets = {"score", "begins"} & splits["train"].features.keys()
            if not onsets:
                data.facts["time"] = f"a frame is taken as 1/{config.steps_per_quarter} of a quarter note"
            data.vocabularies["tokens"] = new_encoding(config, bool(onsets)).vocabulary
            if "style" in self.conditions(config):
                styles = {example.get("style", "") for example in splits["train"]} - {""}
                if not styles:
                    raise ValueError(f"--conditions: {splits['train'].source} has no styles: no folders of pieces.")
                data.vocabularies["style"] = Vocabulary(sorted(styles))
        else:
            splits.pop("train", None)
        encoding = self.encoding(config, data.vocabularies)
        for split, examples in splits.items():
            pieces = Pieces(examples, encoding, config.max_steps)
            batches = data.splits[split] = Batches(
                pieces,
                lambda piece: self.encode(config, encoding, data.vocabularies, piece),
                config.batch_size,
                config.batch_tokens,
                config.seed,
                config.static_shapes,
                config.cache_tokens,
                vary=(lambda _, encoded, rng: self.vary(config, encoding, encoded, rng)) if split == "train" else None,
            )
            data.facts[split] = f"{pieces.read:,} pieces, {batches.tokens - pieces.read:,} steps" + pieces.said()
        if "test" not in splits:
            data.facts["test"] = "no test split: scores are on valid"
        return data

    def encoding(self, config, vocabularies):
        """The Encoding of a run."""
        return new_encoding(config, onsets="held 60" in vocabularies["tokens"])

    def conditions(self, config):
        """The names of a config's conditions."""
        names = [name.strip() for name in config.conditions.split(",") if name.strip() not in ("", "none")]
        for name in names:
            if name not in ("key", "metre", "style"):
                raise ValueError(f"--conditions should be some of key, metre, style. Received: {name!r}")
        return names

    def encode(self, config, encoding, vocabularies, piece):
        """(inputs, labels, weights) of a piece of `Pieces`, all of it known."""
        rows = piece["rows"]
        before, age = encoding.inputs(rows)
        inputs = {"before": before, "place": piece["positions"]}
        if encoding.name != "events":
            inputs["age"] = age
        if config.melody_ahead:
            inputs["ahead"] = rows[:, 0]
        about = {name: piece[name] for name in self.conditions(config)}
        if "style" in about and about["style"] not in vocabularies["style"]:
            about["style"] = ""  # of valid or of other data: none that the run learned from
        inputs |= told(about, vocabularies)
        if config.output == "notes":
            return {**inputs, "tokens": rows}, rows, encoding.mask(rows).astype("float32")
        if encoding.name != "frames" or encoding.onsets:
            raise ValueError("--output=independent needs --encoding=frames and --dataset=piano_roll.")
        return inputs, encoding.roll(rows), (rows[:, 0] != END).astype("float32")

    def vary(self, config, encoding, encoded, rng):
        """A piece in another key, some of what is known of it hidden."""
        inputs, labels, weights = encoded
        inputs = dict(inputs)
        if config.transpose:
            low, high = encoding.transpose_range(inputs.get("tokens", inputs["before"]))
            shift = int(rng.integers(max(-6, low), min(5, high) + 1))
            inputs = self.transposed(encoding, inputs, shift)
            labels = inputs["tokens"] if "tokens" in inputs else np.roll(labels, shift, axis=-1)
        if rng.random() >= config.melody_ahead:
            inputs = hidden(inputs, ["ahead"])
        if rng.random() < config.hide_conditions:
            inputs = hidden(inputs, self.conditions(config))
        return inputs, labels, weights

    def transposed(self, encoding, inputs, shift):
        """Inputs of a piece, or of a batch, in another key."""
        names = [name for name in ("tokens", "before", "ahead") if name in inputs]
        inputs = {**inputs, **{name: encoding.transpose(inputs[name], shift) for name in names}}
        if "tonic" in inputs:
            tonic = inputs["tonic"]
            inputs["tonic"] = np.where(tonic > 0, (tonic - LOWEST_TONIC + shift) % 12 + LOWEST_TONIC, 0).astype("int32")
        return inputs

    def build(self, config, data):
        from seqzoo.models import generator

        encoding = self.encoding(config, data.vocabularies)
        counts = {"mode": len(MODES) + 1, "metre": len(METRES) + 2, "style": len(data.vocabularies.get("style", ()))}
        names = self.conditions(config)
        return generator(
            len(encoding.vocabulary),
            encoding.slots,
            {name: counts[name] for name in ["mode" if name == "key" else name for name in names]},
            places=LONGEST_BAR + 1,
            ages=encoding.name != "events",
            ahead=config.melody_ahead > 0,
            pitches=encoding.pitch.tolist(),
            sets=encoding.sets,
            tonic="key" in names,
            output=config.output,
            dim=config.dim,
            condition_dim=config.condition_dim,
            join=config.join,
            rnn=config.rnn,
            units=config.units,
            layers=config.layers,
            note_units=config.note_units,
            dropout=config.dropout,
            input_dropout=config.input_dropout,
            variational=config.variational,
            weight_drop=config.weight_drop,
            recurrent_dropout=config.recurrent_dropout,
            residual=config.residual,
            layer_norm=config.layer_norm,
            activation=config.activation,
        )

    def loss(self, config):
        import keras

        if config.output == "independent":
            return keras.losses.BinaryCrossentropy(from_logits=True, reduction="mean_with_sample_weight")
        return keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction="mean_with_sample_weight")

    def predictor(self, config, model):
        from seqzoo.models import Opener

        return Opener(model)

    def evaluate(self, config, predictor, batches, vocabularies, options=None):
        """Nats a step of the grid (of events: an event), of pieces that are known to go on, and nats a token.

        A run with --melody_ahead also knows how long a piece is, see `models.generator`.
        """
        encoding = self.encoding(config, vocabularies)
        nats, steps, notes = self.nats(config, predictor, batches, encoding, 1)
        scores = {"nats_per_step": nats / steps, "nats_per_token": nats / notes}
        if options and options.keys > 1:
            nats, *_ = self.nats(config, predictor, batches, encoding, options.keys)
            scores[f"{options.keys}_keys_nats_per_step"] = nats / steps
        return scores

    def nats(self, config, opener, batches, encoding, keys):
        """(-log p of all notes, steps, notes), each piece read in so many keys."""

        def run(inputs, labels, weights):
            inputs = hidden(inputs, [*self.conditions(config), "ahead"])
            # Of each piece by itself: the others of its batch must not decide in which keys it is read.
            low, high = np.transpose(
                [encoding.transpose_range(rows) for rows in inputs.get("tokens", inputs["before"])]
            )
            total, read = -np.inf, np.zeros((len(low), 1, 1))
            for shift in range(-(keys // 2), keys - keys // 2):
                fits = (low <= shift) & (shift <= high)
                if not fits.any():
                    continue
                moved = {name: value[fits] for name, value in inputs.items()}
                moved = self.transposed(encoding, moved, shift)
                truth = moved["tokens"] if "tokens" in moved else np.roll(labels[fits], shift, axis=-1)
                found = opener.score(moved, truth, (END,) if "tokens" in moved else ())
                scores = np.full((len(fits), *found.shape[1:]), -np.inf)
                scores[fits] = found
                total = np.logaddexp(total, scores)
                read[fits] += 1
            return {"scores": total - np.log(read)}

        nats, steps, notes = 0.0, 0, 0
        for piece, row in batches.outputs(run):
            real = piece["rows"][piece["rows"][:, 0] != END]
            decided = encoding.mask(real)
            scores = row["scores"][: len(real)]
            nats -= float((scores * decided[:, : scores.shape[1]]).sum(dtype="float64"))
            steps, notes = steps + len(real), notes + int(decided.sum())
        return nats, steps, notes

    def generate(self, run, options, write):
        from seqzoo.music import synthesizer

        folder = pathlib.Path(options.out) if options.out else run.folder / "samples"
        folder.mkdir(parents=True, exist_ok=True)
        scores = self.draw(run.config, run.predictor, run.vocabularies, options)
        for number, score in enumerate(scores, 1):
            yield {"sample": number, **written(score, folder / f"{number}", synthesizer.find())}
        corpus = run.folder / "corpus.json"
        if corpus.is_file():  # the run is finished
            corpus = json.loads(corpus.read_text("utf-8"))
            yield {"samples": corpus_statistics(scores), "corpus": corpus}

    def draw(self, config, opener, vocabularies, asked):
        """List of Scores, of the options `Generating`."""
        from seqzoo.decoding.sampling import StepSampler

        if config.output != "notes":
            raise ValueError("A run of --output=independent only scores; train one of --output=notes to generate.")
        encoding = self.encoding(config, vocabularies)
        given, steps, score = self.beginning(config, encoding, asked)
        metre = parse_metre(asked.metre or (score.metre if score else (4, 4)))
        wanted = {
            "key": parse_key(asked.key) if asked.key else score and find_key(score),
            "metre": metre if asked.metre or score else None,
            "style": asked.style,
        }
        rows, names = asked.samples, self.conditions(config)
        known = {"place": np.tile(encoding.positions(steps, metre, asked.pickup), (rows, 1))}
        for name, value in told({name: wanted[name] for name in names}, vocabularies).items():
            known[name] = np.full(rows, value)
        for name in ("key", "style"):
            if getattr(asked, name) and name not in names:
                raise ValueError(f"--{name}: the run was trained without it (--conditions={config.conditions}).")
        sampler = StepSampler(opener, encoding, (END,), asked.temperature, asked.top_k, asked.top_p)
        if config.melody_ahead:
            known["ahead"] = np.zeros((rows, steps), "int32")
        if asked.melody:
            known["ahead"][:] = given[:, 0]
            # The melody says where the end is; a set of notes is open in its rests.
            sampler.barred[:, END] = -1e9
        taken = np.zeros((steps, encoding.slots, rows), "int32")
        taken[: len(given)] = given[..., None]
        # A sample is the same whatever the number of them.
        noise = [np.random.default_rng([asked.seed, row]).random((steps, encoding.slots)) for row in range(rows)]
        drawn = sampler(known, np.stack(noise, axis=-1), taken)
        scores = [encoding.decode(row, tempo=asked.tempo, metre=metre) for row in drawn]
        if encoding.name == "events":
            longest = max(asked.length, encoding.decode(given).length)  # a primer is not cut
            scores = [cut(score, longest) for score in scores]
        return [dataclasses.replace(score, name=f"sample {number}") for number, score in enumerate(scores, 1)]

    def beginning(self, config, encoding, asked):
        """What samples begin with: (rows of ids, 0 where open, steps in all, the Score that they are of or None)."""
        if sum(map(bool, (asked.chord, asked.primer, asked.melody))) > 1:
            raise ValueError("--chord, --primer and --melody each say how a sample begins: one of them.")
        steps = math.ceil(asked.length * config.steps_per_quarter)
        if encoding.name == "events":
            steps = math.ceil(asked.length * EVENTS_PER_QUARTER)
        if asked.melody:
            if not config.melody_ahead or encoding.name not in ("voices", "frames"):
                raise ValueError("--melody needs a run of --encoding=voices or frames with --melody_ahead above 0.")
            score = read_midi(asked.melody)
            melody = encoding.melody(score)
            given = np.zeros((len(melody), encoding.slots), "int32")
            given[:, 0] = melody
            return given, len(given), score
        if asked.primer:
            score = read_midi(asked.primer)
            quarters = min(asked.primer_quarters, float(score.length))
            given = encoding.encode({"score": cut(score, quarters)})[:-1]
            if encoding.name != "events":  # rests at its end are a part of it
                rests = round(quarters * config.steps_per_quarter) - len(given)
                given = np.pad(given, [(0, max(0, rests)), (0, 0)], constant_values=REST)
            return given, max(steps, len(given)), score
        if asked.chord:
            given = encoding.chord([parse_pitch(name) for name in asked.chord.split()])
            return given, max(steps, len(given)), None
        return np.zeros((0, encoding.slots), "int32"), steps, None

    def show(self, answer, console):
        """Prints where a sample is, or the statistics of all of them."""
        if "samples" in answer:
            console.print(statistics_table(answer["samples"], answer["corpus"]))
            return
        files = ", ".join(answer[kind] for kind in ("midi", "roll", "audio") if kind in answer)
        about = f"{answer['quarters']:g} quarters, {answer['notes']} notes, {answer['key']}"
        console.print(f"{answer['sample']}: {about}: {files}", soft_wrap=True)
        if "no_audio" in answer:
            console.print(f"[dim]no audio: {answer['no_audio']}[/]", soft_wrap=True)

    def report(self, config, predictor, data, folder):
        """The n-gram baseline; samples with their statistics beside the corpus."""
        from seqzoo.training.loop import write_json

        encoding, scores = self.encoding(config, data.vocabularies), {}
        if config.ngram:
            scores[f"valid_{config.ngram}-gram_nats_per_step"] = ngram_nats(config, encoding, data)
        pieces = (encoding.decode(piece["rows"]) for piece in data.splits["valid"].examples)
        write_json(folder / "corpus.json", corpus_statistics(pieces))
        return scores


class Pieces:
    """The pieces of Examples of music, as rows of ids; iterated as often as needed, read anew each time.

    Each is {"rows": [T, S], "positions": [T], "key": (tonic, mode), "metre": pair, "style": str}; the last row is the
    end mark. A piece of more than `longest` steps is several; one that can not be encoded is left out.

    Attributes:
        left_out: {name: why}; dropped: notes that frames had no room for; read: pieces. Of the last pass.
    """

    def __init__(self, examples, encoding, longest):
        self.examples, self.encoding, self.longest = examples, encoding, longest
        self.left_out, self.dropped, self.read = {}, 0, 0

    def __iter__(self):
        self.left_out, self.read, self.encoding.dropped = {}, 0, 0
        for example in self.examples:
            try:
                score, rows = self.encoding.score(example), self.encoding.encode(example)
                key = find_key(score)
            except ValueError as error:
                self.left_out[example.get("name") or f"piece {self.read + len(self.left_out) + 1}"] = str(error)
                continue
            self.read += 1
            pickup = example.get("pickup", 0) * float(SIXTEENTH)
            positions = self.encoding.positions(len(rows), score.metre, pickup)
            # Parts of one length: a short one, such as an end mark alone, would weigh in its batch as much as a whole.
            size = -(-len(rows) // -(-len(rows) // self.longest))
            for start in range(0, len(rows), size):
                part = slice(start, start + size)
                about = {"key": key, "metre": score.metre, "style": example.get("style", "")}
                yield {"rows": rows[part], "positions": positions[part], **about}
        self.dropped = self.encoding.dropped
        if not self.read:
            raise ValueError(f"{self.examples.source}: no piece is of use{self.said()}")

    def said(self):
        """What people should know of the last pass."""
        parts = [f", {self.dropped:,} notes too many for a frame left out"] if self.dropped else []
        if self.left_out:
            name, why = next(iter(self.left_out.items()))
            parts.append(f", {len(self.left_out):,} left out, such as {name}: {why}")
        return "".join(parts)


def new_encoding(config, onsets):
    return Encoding(config.encoding, config.notes, config.steps_per_quarter, onsets)


def told(conditions, vocabularies):
    """Inputs of the model that tell it {condition: value}; None or "" is not told.

    Raises:
        ValueError: a style that the run did not learn from.
    """
    inputs = {}
    for name, value in conditions.items():
        if name == "key":
            tonic, mode = value or (0, "")
            inputs["tonic"] = (tonic - LOWEST_TONIC + 1) % 12 + LOWEST_TONIC if value else 0
            inputs["mode"] = MODES.index(mode) + 1 if value else 0
        elif name == "metre":
            text = "{}/{}".format(*value) if value else ""
            inputs[name] = (METRES.index(text) + 2 if text in METRES else 1) if value else 0
        else:
            if value and value not in vocabularies["style"]:
                known = ", ".join(vocabularies["style"].tokens[2:])
                raise ValueError(f"The style {value!r} is none that the run learned from: {known}.")
            inputs[name] = vocabularies["style"].encode([value])[0] if value else 0
    return {name: np.int32(number) for name, number in inputs.items()}


def hidden(inputs, names):
    """Inputs of which some conditions, or "ahead", are not told."""
    names = [part for name in names for part in (("tonic", "mode") if name == "key" else (name,))]
    return {**inputs, **{name: np.zeros_like(inputs[name]) for name in names if name in inputs}}


def held_out(examples, every):
    """Two Examples: all pieces but one in so many, and those; of fewer the last one is held out.

    Raises:
        ValueError: there is but one piece.
    """
    count = sum(1 for _ in examples)
    if count < 2:
        raise ValueError(f"{examples.source}: {count} piece, where one is to learn from and one is held out as valid.")
    return every_nth(examples, min(every, count))


def ngram_nats(config, encoding, data):
    """Nats a step of valid by Kneser-Ney counts of notes, learned from train in all keys if it is transposed."""
    shifts = range(-6, 6) if config.transpose else (0,)
    train, left = [], NGRAM_TOKENS
    for piece in data.splits["train"].examples:
        low, high = encoding.transpose_range(piece["rows"])
        for shift in (shift for shift in shifts if low <= shift <= high):
            train.append(flat(encoding, encoding.transpose(piece["rows"], shift)))
            left -= len(train[-1])
        if left < 0:
            break
    counts = KneserNey(np.concatenate(train), config.ngram, len(encoding.vocabulary))
    nats, steps = 0.0, 0
    for piece in data.splits["valid"].examples:
        # Behind the end of another piece, as all but the first of train.
        rows = piece["rows"][piece["rows"][:, 0] != END]
        ids = np.concatenate([[END], flat(encoding, rows)])
        nats -= float(counts.log_probabilities(ids)[1:].sum())
        steps += len(rows)
    return nats / steps


def flat(encoding, rows):
    """The ids of rows that are decided, one after the other."""
    return rows[encoding.mask(rows)]


def written(score, path, synthesizer):
    """Writes a Score as MIDI, piano roll and audio, PATH.mid ...; returns what there is to say about it."""
    from seqzoo.music.plots import piano_roll_plot
    from seqzoo.music.synthesizer import render
    from seqzoo.training.loop import replace

    files = {"midi": path.with_suffix(".mid"), "roll": path.with_suffix(".png")}
    replace(files["midi"], lambda temporary: write_midi(score, temporary))
    answer = {"quarters": float(score.length), "notes": len(score.notes), "key": "no notes"}
    if score.notes:
        replace(files["roll"], lambda temporary: piano_roll_plot(score, temporary, score.name))
        answer["key"] = key_name(find_key(score))
    else:
        del files["roll"]
    if synthesizer and score.notes:
        try:
            render(files["midi"], path.with_suffix(".wav"))
            files["audio"] = path.with_suffix(".wav")
        except (ValueError, OSError) as error:  # the others are of use without it
            answer["no_audio"] = str(error)
    return {**answer, **{kind: str(file) for kind, file in files.items()}}
