"""Translation: one sentence out of another, many to many and unaligned."""

import dataclasses
import itertools
import math
import pathlib

import numpy as np

from seqzoo import options
from seqzoo.config import Config as Options
from seqzoo.config import default, option
from seqzoo.data.batches import Batches
from seqzoo.datasets import DATASETS, chunks, every_nth, joined
from seqzoo.display.pages import attention_page
from seqzoo.display.terminal import print_scored, print_translated
from seqzoo.metrics.translation import translation_scores
from seqzoo.rnns import RNNS
from seqzoo.task import TASKS, Data, Task
from seqzoo.text.codec import UNITS, Codec

HELD_OUT = 20  # of so many pairs one is valid where there is no such split
CHUNK = 256  # sentences that are translated together, at most
SHOWN = 200  # translations of valid that a run keeps to look at


@dataclasses.dataclass(frozen=True)
class Pairs(Options):
    """Sentences."""

    tokenizer: str = option(
        "characters",
        "What is read and written: characters; words and punctuation of raw text; words that have blanks between them; "
        "subwords learned from the training text.",
        choices=UNITS,
    )
    vocabulary: int = option(
        0, "Tokens of a side at most, the most frequent ones; 0: all (of subwords 8000).", minimum=0
    )
    min_count: int = option(1, "Tokens seen less often in training than this are unknown.", minimum=1)
    joint: bool = option(False, "One vocabulary for both sides; then --tied is one table for both, too.")
    lowercase: bool = option(False, "Take capitals for small letters, on both sides, in scores too.")
    bpe_dropout: float = option(
        0.0, "Of bpe: share of the merges that training leaves out, anew each epoch (Provilkov et al., 2020).",
        minimum=0, maximum=0.9,
    )  # fmt: skip
    longest: int = option(100, "Tokens of a side at most; longer pairs are left out of training.", minimum=1)


@dataclasses.dataclass(frozen=True)
class Model(Options):
    """Encoder-decoder; the recurrent layers' options are the decoder's."""

    dim: int = option(64, "Width of the embeddings.", minimum=1)
    encoder: str = option("bilstm", "Kind of the encoder's layers (see --list).", choices=RNNS)
    encoder_units: int = option(64, "Units of each of them (and direction).", minimum=1)
    encoder_layers: int = option(1, "Layers of the encoder.", minimum=1, sweep=[1, 2])
    attention: str = option(
        "additive",
        "How the decoder looks at the source: by the scores of Bahdanau et al. (additive), Luong et al. (dot, general, "
        "concat, location) or Chorowski et al. (convolutional); or not.",
        choices=("additive", "dot", "general", "concat", "location", "convolutional", "none"),
        sweep=["additive", "general"],
    )
    attention_units: int = option(128, "Width of the scores with a hidden layer.", minimum=1)
    local: str = option(
        "", "Attention to a window: about the step's own place, or one that is predicted; empty: to all.",
        choices=("", "monotonic", "predictive"),
    )  # fmt: skip
    attention_window: int = option(10, "Tokens on each side that local attention sees.", minimum=1)
    coverage: bool = option(False, "Scores hear what was attended to before (Tu et al., 2016).")
    input_feeding: bool = option(False, "The attended output joins the next step's input (Luong et al., 2015).")
    context: str = option(
        "state", "Without attention: the source begins the decoder's state, or joins each step too.",
        choices=("state", "step"),
    )  # fmt: skip
    tied: bool = option(True, "One table for the target's embeddings and the output (Press & Wolf, 2017).")
    input_dropout: float = option(0.1, "Dropout of the embeddings' values.", minimum=0, maximum=0.95)
    weight_drop: float = option(0.0, "Share of the recurrent kernels' weights dropped.", minimum=0, maximum=0.95)
    label_smoothing: float = option(0.0, "Share of a label that is spread over all tokens.", minimum=0, maximum=0.9)
    scheduled_sampling: str = option(
        "", "How the share of right inputs in training falls (Bengio et al., 2015); empty: all are right.",
        choices=("", "linear", "exponential", "inverse_sigmoid"),
    )  # fmt: skip
    sampling_epochs: float = option(
        10.0, "Epochs until none are right (linear) or half of them (the others).", minimum=0.01
    )
    sampling_least: float = option(0.5, "The least share of right inputs.", minimum=0, maximum=1)
    valid_beam: int = option(1, "Width of the beam on valid between the epochs.", minimum=1)


@dataclasses.dataclass(frozen=True)
class Decoding(Options):
    """Decoding."""

    beam: int = option(5, "Hypotheses that are searched side by side; 1: the likeliest token each step.", minimum=1)
    length_penalty: float = option(1.0, "alpha of Wu et al. (2016): above 0 longer translations are favoured.")
    coverage_penalty: float = option(0.0, "beta of Wu et al.: above 0 the whole source wants attention.", minimum=0)
    block_ngrams: int = option(0, "n: no n tokens in a row come twice in a translation; 0: off.", minimum=0)
    longest_ratio: float = option(
        2.0, "A translation has at most so many times the source's tokens, and ten more.", minimum=0
    )
    replace_unknown: bool = option(True, "For an unknown word write the word of the source that has its attention.")
    ensemble: str = option("", "More runs of the same vocabularies, with commas, to average with.")


@dataclasses.dataclass(frozen=True)
class Predicting(Decoding):
    """Translations."""

    n_best: int = option(1, "Translations of each text, best first, no two alike.", minimum=1)
    attention: bool = option(False, "Answer with the attention of each token, too.")
    html: str = option("", "Write the translations with their attention as a page for a browser to this file, too.")
    png: str = option("", "Draw the attention of the first translation into this file.")


@dataclasses.dataclass(frozen=True)
class Config(options.Data, Pairs, Model, options.Batching, options.Recurrent, options.Training):
    """Translation."""

    dataset: str = default(options.Data, dataset="dates")
    batch_size: int = default(options.Batching, batch_size=64)
    rnn: str = default(options.Recurrent, rnn="lstm")
    units: int = default(options.Recurrent, units=128)
    layers: int = default(options.Recurrent, layers=1)
    dropout: float = default(options.Recurrent, dropout=0.1)
    epochs: int = default(options.Training, epochs=8)
    learning_rate: float = default(options.Training, learning_rate=3e-3)
    average: float = default(options.Training, average=0.995)


@TASKS.register("translation")
class Translation(Task):
    """Translation: BLEU."""

    Config = Config
    requests = {"evaluate": Decoding, "predict": Predicting}
    objective = "bleu"
    modes = ("train", "evaluate", "predict", "score")
    advice = {
        "dates": "The sentences were dates as people write them, to ISO 8601. For your own:\n"
        "  python -m seqzoo.run --task=translation --workdir=FOLDER --dataset=parallel --data_dir=FOLDER "
        "--columns=source=en,target=de --tokenizer=bpe --joint\n"
        "And to try this run:\n"
        '  python -m seqzoo.run --mode=predict --workdir=FOLDER --text="Monday, May 3rd, 2021"'
    }

    def load(self, config, vocabularies=None, unseen=False):
        splits = DATASETS[config.dataset](**options.source(config))
        for examples in splits.values():
            if not {"source", "target"} <= examples.features.keys():
                found = ", ".join(examples.features)
                raise ValueError(f"{examples.source} gives {found}, where pairs are needed: --dataset=parallel.")
        if config.bpe_dropout and config.tokenizer != "bpe":
            raise ValueError(f"--bpe_dropout is for --tokenizer=bpe. Received: --tokenizer={config.tokenizer}")
        data = Data({}, dict(vocabularies or {}))
        if unseen and "test" not in splits:
            splits = {"test": joined(splits)}
        if "train" in splits and "valid" not in splits:
            splits["train"], splits["valid"] = every_nth(splits["train"], HELD_OUT)
            data.facts["held out"] = f"every {HELD_OUT}th pair of train as valid"
        if not vocabularies:
            if "train" not in splits:
                raise ValueError(f"No train split to learn from. Found: {', '.join(splits) or 'nothing'}.")
            data.vocabularies = learned(config, splits["train"])
        else:
            splits.pop("train", None)
        codecs = self.codecs(config, data.vocabularies)
        data.facts["vocabulary"] = " and ".join(f"{len(codec.tokens):,} tokens" for codec in dict.fromkeys(codecs))
        for split, examples in splits.items():
            training = split == "train"
            pairs = Encoded(examples, codecs, config.lowercase, config.longest if training else None)
            if next(iter(pairs), None) is None:
                why = pairs.said() or f" of {data.facts.get('held out', 'what was read')}"
                raise ValueError(f"{examples.source}: no pair is left for {split}{why}.")
            batches = data.splits[split] = Batches(
                pairs,
                lambda pair: encoded(*pair["ids"], codecs),
                config.batch_size,
                config.batch_tokens,
                config.seed,
                config.static_shapes,
                config.cache_tokens,
                aligned="none",
                vary=resampled(codecs, config) if training and config.bpe_dropout else None,
            )
            data.facts[split] = f"{batches.size:,} pairs, {batches.padding:.1%} padding" + pairs.said()
        if "test" not in splits:
            data.facts["test"] = "no test split: scores are on valid"
        return data

    def codecs(self, config, vocabularies):
        """The Codecs of the source and of the target; of a joint vocabulary the same one."""
        names = ("joint", "joint") if config.joint else ("source", "target")
        made = {name: Codec(config.tokenizer, vocabularies[name]) for name in dict.fromkeys(names)}
        return tuple(made[name] for name in names)

    def build(self, config, data):
        from seqzoo.models import scheduled, seq2seq

        source, target = self.codecs(config, data.vocabularies)
        model = seq2seq(
            len(source.tokens),
            len(target.tokens),
            dim=config.dim,
            encoder=config.encoder,
            rnn=config.rnn,
            units=config.units,
            encoder_units=config.encoder_units,
            layers=config.layers,
            encoder_layers=config.encoder_layers,
            attention=config.attention,
            attention_units=config.attention_units,
            local=config.local,
            window=config.attention_window,
            longest=config.longest,
            coverage=config.coverage,
            input_feeding=config.input_feeding,
            context=config.context,
            tied="joint" if config.tied and config.joint else config.tied,
            dropout=config.dropout,
            input_dropout=config.input_dropout,
            variational=config.variational,
            weight_drop=config.weight_drop,
            recurrent_dropout=config.recurrent_dropout,
            residual=config.residual,
            layer_norm=config.layer_norm,
            activation=config.activation,
        )
        if not config.scheduled_sampling:
            return model
        steps = config.sampling_epochs * data.splits["train"].steps
        return scheduled(model, config.scheduled_sampling, steps, config.sampling_least, config.seed)

    def loss(self, config):
        from seqzoo.layers.losses import SmoothedCrossentropy

        return SmoothedCrossentropy(config.label_smoothing)

    def predictor(self, config, model):
        from seqzoo.models import Seq2SeqDecoder

        return Seq2SeqDecoder(model)

    def evaluate(self, config, predictor, batches, vocabularies, options=None):
        """BLEU, chrF and exact matches, in percent, and the perplexity of the references by tokens."""
        asked = options or Decoding(beam=config.valid_beam)
        codecs = self.codecs(config, vocabularies)
        search = self.search(config, predictor, vocabularies, asked)
        copies = self.copies(config, predictor, asked)
        nats, tokens = 0.0, 0

        def run(inputs, labels, weights):
            scores = predictor.score(inputs, labels)
            return {**search(inputs["source"]), "nats": -scores.sum(axis=-1), "tokens": weights.sum(axis=-1)}

        said, references = [], []
        for pair, row in batches.outputs(run):
            said.append(self.answer(pair, row, 0, codecs, copies)["text"])
            references.append(pair["target"])
            nats, tokens = nats + float(row["nats"]), tokens + float(row["tokens"])
        scores = translation_scores(said, references, self.bleu_tokens(config), config.lowercase)
        if options is None:
            scores = {name: value for name, value in scores.items() if not isinstance(value, str)}
        return {**scores, "perplexity": math.exp(min(700.0, nats / tokens))}

    def bleu_tokens(self, config):
        """How sacreBLEU takes texts apart: as it does by default, or into characters if those are what is written."""
        return "char" if config.tokenizer == "characters" else "13a"

    def copies(self, config, decoder, asked):
        """Whether unknown tokens are written, since the attention says what they stand for."""
        return asked.replace_unknown and decoder.attends and config.tokenizer in ("words", "whitespace")

    def search(self, config, decoder, vocabularies, asked, n_best=1, attention=False):
        """A function source ids [B, S] -> {"ids": [B, K, N], ...} as of `beam.Answers`, a row a source.

        It is made once for a decoder and the options: to trace its loop takes longer than to translate a sentence.
        """
        searches = vars(decoder).setdefault("searches", {})
        key = (asked, n_best, attention)
        if key not in searches:
            searches[key] = self._search(config, decoder, vocabularies, asked, n_best, attention)
        return searches[key]

    def _search(self, config, decoder, vocabularies, asked, n_best, attention):
        from seqzoo.decoding.beam import Beam, Ensemble
        from seqzoo.training.loop import load

        if asked.coverage_penalty and not decoder.attends:
            raise ValueError("--coverage_penalty needs a run with attention.")
        decoders = [decoder]
        for folder in filter(None, map(str.strip, asked.ensemble.split(","))):
            other = load(folder)
            same = other.task.__class__ is self.__class__ and {n: v.tokens for n, v in other.vocabularies.items()} == {
                n: v.tokens for n, v in vocabularies.items()
            }
            if not same:
                raise ValueError(f"--ensemble: {folder} is no translation run of the same vocabularies.")
            decoders.append(other.predictor)
        end, copies = self.codecs(config, vocabularies)[1].end, self.copies(config, decoder, asked)
        beam = Beam(
            decoder if len(decoders) == 1 else Ensemble(decoders),
            end,
            max(asked.beam, n_best),
            asked.length_penalty,
            asked.coverage_penalty,
            asked.block_ngrams,
            banned=(0,) if copies else (0, 1),
            # Other subwords may be the same text: twice as many answers leave enough that differ.
            n_best=n_best if n_best == 1 else 2 * n_best,
            attention=attention or copies,
        )

        def run(source):
            real = source > 0
            limits = np.floor(asked.longest_ratio * real.sum(axis=-1) + 10).astype("int32")
            answers = beam({"source": source}, limits, mask=real)
            return {name: value for name, value in answers._asdict().items() if value is not None}

        return run

    def predict(self, run, lines, options=None):
        asked = options or Predicting()
        source, target = self.codecs(run.config, run.vocabularies)
        shown = bool(asked.attention or asked.html or asked.png)
        if shown and not run.predictor.attends and (asked.attention or asked.png):
            raise ValueError("--attention and --png need a run with attention.")
        copies = self.copies(run.config, run.predictor, asked)
        search = self.search(run.config, run.predictor, run.vocabularies, asked, asked.n_best, shown)
        number, drawn = 0, False
        for chunk in chunks(lines, CHUNK):
            pairs = Encoded([{"source": line, "target": ""} for line in chunk], (source, target), run.config.lowercase)
            found = iter(())
            if any(pair["source"].strip() for pair in pairs.examples):
                batches = Batches(
                    pairs, lambda pair: encoded(*pair["ids"], (source, target)), 64, 4096, aligned="none"
                )  # fmt: skip
                found = batches.outputs(lambda inputs, labels, weights: search(inputs["source"]))
            for line in chunk:
                number += 1
                answer = {"line": number, "text": line, "translation": "", "n_best": []}
                if line.strip():
                    pair, row = next(found)
                    ids = pair["ids"][0]
                    answer["source_tokens"] = [*source.token_texts(ids), "<end>"]
                    found_texts = {}
                    for place in np.flatnonzero(np.isfinite(row["scores"])):
                        one = self.answer(pair, row, place, (source, target), copies, shown)
                        found_texts.setdefault(one["text"], one)
                    answer["n_best"] = [*found_texts.values()][: asked.n_best]
                    best = answer["n_best"][0]
                    answer["translation"] = best["text"]
                    if asked.png and not drawn:
                        drawn = self.draw(answer["source_tokens"], best, asked.png)
                yield answer

    def draw(self, source, best, path):
        """Draws the attention of a translation; gives True."""
        from seqzoo.display.plots import attention_plot
        from seqzoo.training.loop import replace

        replace(
            pathlib.Path(path),
            lambda temporary: attention_plot(source, best["tokens"], best["attention"], temporary, best["text"]),
        )
        return True

    def answer(self, pair, row, place, codecs, copies, shown=False):
        """One of the translations of a pair, from a row of `search`; `shown`: with its attention."""
        source, target = codecs
        length = int(row["lengths"][place])
        ids = row["ids"][place, :length].tolist()
        text, steps = target.decode(ids).strip(), len(pair["ids"][0]) + 1
        answer = {
            "text": text,
            "score": round(float(row["scores"][place]), 4),
            "log_probability": round(float(row["log_probabilities"][place]), 4),
            "tokens": target.token_texts(ids),
        }
        if "attention" in row:
            weights = row["attention"][place, :length, :steps]
            if shown:
                answer["attention"] = weights.astype("float64").round(3).tolist()  # as float32 0.817 is 0.81699997
            if copies and 1 in ids:
                words = [pair["source"][start:end] for start, end in source.offsets(pair["source"])]
                if source.units == "words":  # each with the blank before it, which the first word does not have
                    words[0] = " " + words[0]
                for step in (step for step, i in enumerate(ids) if i == 1):
                    word = words[int(weights[step, : len(words)].argmax())]
                    answer["tokens"][step] = word if step else word.strip()
                answer["text"] = ("" if source.units == "words" else " ").join(answer["tokens"])
        return answer

    def score(self, run, lines, options):
        """Forced scoring: lines are a source and its translation, with a tab between them."""
        source, target = codecs = self.codecs(run.config, run.vocabularies)
        number = 0
        for chunk in chunks(lines, CHUNK):
            rows = []
            for line in chunk:
                number += 1
                both = line.split("\t")
                if len(both) != 2 or not both[0].strip():
                    raise ValueError(
                        f"Line {number}: a text and its translation, with a tab between. Received: {line!r}"
                    )
                rows.append({"source": both[0], "target": both[1], "line": number})
            pairs = Encoded(rows, codecs, run.config.lowercase)

            def scored(inputs, labels, weights):
                return {"scores": run.predictor.score(inputs, labels)}

            batches = Batches(pairs, lambda pair: encoded(*pair["ids"], codecs), 64, 4096, aligned="none")
            for pair, row in batches.outputs(scored):
                text, ids = pair["target"], [*pair["ids"][1], target.end]
                places = [*target.offsets(text), (len(text), len(text))]
                tokens = [
                    {
                        "text": text[start:stop] if start < stop else target.tokens[i],
                        "start": start,
                        "end": stop,
                        "log_probability": round(float(score), 4),
                        "known": i != 1,
                    }
                    for (start, stop), i, score in zip(places, ids, row["scores"], strict=False)
                ]
                total = sum(token["log_probability"] for token in tokens)
                perplexity = math.exp(min(700.0, -total / len(tokens)))
                answer = {
                    "line": pair["line"],
                    "source": pair["source"],
                    "text": text,
                    "log_probability": round(total, 4),
                }
                yield {**answer, "perplexity": perplexity, "tokens": tokens}

    def show(self, answer, console):
        (print_translated if "n_best" in answer else print_scored)(answer, console)

    def page(self, answers, title):
        """Yields a page for a browser: translations and their attention."""
        return attention_page(answers, title)

    def report(self, config, predictor, data, folder):
        """Scores by a beam of 5, with their signatures, and translations of valid to look at."""
        from seqzoo.training.loop import write_json

        scores = {}
        for split in ("valid", "test"):
            if split in data.splits:
                made = self.evaluate(config, predictor, data.splits[split], data.vocabularies, Decoding())
                scores |= {f"{split}_beam_{metric}": value for metric, value in made.items() if metric != "perplexity"}
        shown = itertools.islice(data.splits["valid"].examples, SHOWN)
        shown = {pair["source"]: pair["target"] for pair in shown}
        run = _Trained(self, config, data.vocabularies, predictor)
        write_json(
            folder / "translations.json",
            [
                {"source": answer["text"], "translation": answer["translation"], "reference": shown[answer["text"]]}
                for answer in self.predict(run, shown)
            ],
        )
        return scores


@dataclasses.dataclass
class _Trained:
    """What `predict` reads of a run, before it is one."""

    task: object
    config: object
    vocabularies: dict
    predictor: object


class Encoded:
    """Pairs of sentences with their ids; iterated as often as needed, read anew each time.

    Each is {"source", "target", "ids": (source ids, target ids), ...}. Pairs with nothing on a side of a training set,
    and with more than `longest` tokens on one, are left out.

    Attributes:
        empty, long: pairs left out in the last pass.
    """

    def __init__(self, examples, codecs, lowercase, longest=None):
        self.examples, self.codecs, self.lowercase, self.longest = examples, codecs, lowercase, longest
        self.empty = self.long = 0

    def __iter__(self):
        self.empty = self.long = 0
        for example in self.examples:
            texts = [example["source"].strip(), example["target"].strip()]
            if self.lowercase:
                texts = [text.lower() for text in texts]
            ids = tuple(codec.encode(text)[0] for codec, text in zip(self.codecs, texts, strict=True))
            if not ids[0] or (self.longest and not ids[1]):
                self.empty += 1
            elif self.longest and max(map(len, ids)) > self.longest:
                self.long += 1
            else:
                yield {**example, "source": texts[0], "target": texts[1], "ids": ids}

    def said(self):
        """What people should know of the last pass."""
        parts = [(self.empty, "with nothing on a side"), (self.long, f"of more than {self.longest} tokens")]
        return "".join(f", {count:,} {what} left out" for count, what in parts if count)


def encoded(source, target, codecs):
    """(inputs, labels, weights) of ids: the source and an end mark; the end mark, which begins, and the target."""
    end = codecs[1].end
    inputs = {
        "source": np.array([*source, codecs[0].end], "int32"),
        "target": np.array([end, *target], "int32"),
    }
    return inputs, np.array([*target, end], "int32"), np.ones(len(target) + 1, "float32")


def resampled(codecs, config):
    """`vary` of Batches: other subwords of the same texts."""

    def vary(pair, _, rng):
        ids = (
            codec.vocabulary.sample(pair[side], config.bpe_dropout, rng)
            for codec, side in zip(codecs, ("source", "target"), strict=True)
        )
        return encoded(*ids, codecs)

    return vary


def learned(config, examples):
    """{name: Vocabulary} of the training pairs."""

    def texts(*sides):
        return lambda: (
            example[side].strip().lower() if config.lowercase else example[side].strip()
            for example in examples
            for side in sides
        )

    wanted = {"joint": texts("source", "target")} if config.joint else {
        "source": texts("source"), "target": texts("target"),
    }  # fmt: skip
    return {
        name: Codec.learn(config.tokenizer, read(), config.vocabulary, config.min_count).vocabulary
        for name, read in wanted.items()
    }
