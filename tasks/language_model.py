"""Language modelling: what comes next, in characters, words, subwords, or words and characters."""

import dataclasses
import math
import pathlib
import time

import numpy as np

from seqzoo import options
from seqzoo.config import Config as Options
from seqzoo.config import default, option
from seqzoo.data.batches import Batches
from seqzoo.data.streams import Streams
from seqzoo.datasets import DATASETS, chunks, every_nth, joined
from seqzoo.display.terminal import print_scored
from seqzoo.metrics.text import pair_scores, text_scores
from seqzoo.task import TASKS, Data, Task
from seqzoo.text.codec import UNITS, Codec
from seqzoo.text.ngrams import AddK, KneserNey, best_k
from seqzoo.text.vocabulary import UNKNOWN

NGRAM_TOKENS = 5_000_000  # that the n-gram baselines learn from, at most
HELD_OUT = 20  # of so many documents one is valid where there is no such split
ONE_STREAM = 1_000_000  # tokens of a text that is scored in one stream, at most
BLOCK = 64  # tokens that are drawn between two looks at them
INSPECTED = 5000  # tokens of a text that is looked into, at most


@dataclasses.dataclass(frozen=True)
class Units(Options):
    """Units."""

    tokenizer: str = option(
        "characters",
        "What is predicted: characters; words and punctuation of raw text; words that have spaces between them, and "
        "line ends (Penn Treebank); subwords learned from the training text.",
        choices=UNITS,
    )
    vocabulary: int = option(0, "Tokens at most, the most frequent ones; 0: all (of subwords 8000).", minimum=0)
    min_count: int = option(1, "Tokens seen less often in training than this are unknown.", minimum=1)
    spell: bool = option(False, "Of words: read and write unknown ones in characters, in place of an unknown mark.")


@dataclasses.dataclass(frozen=True)
class Streaming(Options):
    """Streams."""

    batch_size: int = option(32, "Parts of the text that are read at once.", minimum=1, sweep=[16, 32, 64])
    window: int = option(
        100, "Steps that the gradient goes back; the state goes on from window to window.", minimum=2,
        sweep=[35, 70, 140],
    )  # fmt: skip
    vary_window: bool = option(
        True, "Draw the length of each window anew, about --window (Merity et al., 2018); on JAX it or half of it."
    )
    valid_rows: int = option(
        16,
        "Parts of valid that are read at once after an epoch, each after a run-up, more if it is long; final scores "
        "read up to a million tokens in one.",
        minimum=1,
    )
    cache_tokens: int = option(
        20_000_000, "Tokens of a split held in memory at most; more lie in a temporary file.", minimum=0
    )
    ngram: int = option(
        5, "Order of the n-gram baselines on valid, learned from 5 million tokens at most; 0: none.", minimum=0
    )


@dataclasses.dataclass(frozen=True)
class Model(Options):
    """Language model."""

    dim: int = option(128, "Width of the token embeddings.", minimum=1)
    context: int = option(
        0, "A feed-forward network over so many tokens (Bengio et al., 2003) in place of recurrent layers; 0: those.",
        minimum=0,
    )  # fmt: skip
    tied: bool = option(True, "One table for the embeddings and the output (Press & Wolf, 2017).")
    embedding_dropout: float = option(0.0, "Share of the tokens whose embedding is dropped.", minimum=0, maximum=0.95)
    input_dropout: float = option(0.1, "Dropout of the embeddings' values.", minimum=0, maximum=0.95)
    weight_drop: float = option(0.0, "Share of the recurrent kernels' weights dropped.", minimum=0, maximum=0.95)
    activation_penalty: float = option(0.0, "Weight of the mean square of the last layer's output.", minimum=0)
    slowness_penalty: float = option(0.0, "Weight of the mean square of its steps in time.", minimum=0)


@dataclasses.dataclass(frozen=True)
class Evaluating(Options):
    """Evaluation."""

    dynamic_rate: float = option(
        0.0, "Learning rate of dynamic evaluation, such as 1e-3: the weights follow the text that was read; 0: off.",
        minimum=0,
    )  # fmt: skip
    dynamic_decay: float = option(
        0.02, "How fast the weights of dynamic evaluation go back to where they were.", minimum=0, maximum=1
    )


@dataclasses.dataclass(frozen=True)
class Generating(Options):
    """Samples."""

    prime: str = option("", "Text that the samples go on from, as of a new line; empty: the start of a document.")
    length: int = option(500, "Tokens of a sample at most.", minimum=1)
    samples: int = option(1, "How many are drawn, side by side.", minimum=1)
    temperature: float = option(1.0, "Below 1 the likely gets likelier; 0: always the likeliest.", minimum=0)
    top_k: int = option(0, "Draw from the so many likeliest tokens only; 0: all.", minimum=0)
    top_p: float = option(1.0, "Draw from the likeliest tokens that have this probability together.", minimum=0.0001,
                          maximum=1)  # fmt: skip
    stop: str = option(
        "", r"Text that ends a sample; \n is a line end, and \\ a backslash. The end of a document always does."
    )
    seed: int = option(0, "Seed of the draws.", minimum=0)


@dataclasses.dataclass(frozen=True)
class Scoring(Options):
    """Scores."""

    rank: bool = option(
        False, "The texts are alternatives, as lines or parted by ' / ' in --text: the likeliest first."
    )


@dataclasses.dataclass(frozen=True)
class Inspecting(Options):
    """Looking inside."""

    unit: str = option(
        "", "Units to colour the text by, LAYER:NUMBER from 1 on, such as 2:17, or 2:c17 for an LSTM's cell; several "
        "with commas. Empty: those that follow something best."
    )  # fmt: skip
    layer: int = option(0, "Layer whose gates are drawn, from 1 on; 0: the last.", minimum=0)
    start: int = option(1, "Token from which on they are drawn.", minimum=1)
    steps: int = option(80, "Tokens that they are drawn for.", minimum=1, maximum=400)
    html: str = option("", "Write the coloured text to this file. Empty: inspect.html in the run's folder.")
    png: str = option("", "Draw the gates into this file. Empty: gates.png in the run's folder.")


@dataclasses.dataclass(frozen=True)
class Config(options.Data, Units, Streaming, Model, options.Recurrent, options.Training):
    """Language modelling."""

    dataset: str = default(options.Data, dataset="python_source")
    rnn: str = default(options.Recurrent, rnn="lstm")
    units: int = default(options.Recurrent, units=256)
    dropout: float = default(options.Recurrent, dropout=0.2)
    layers: int = default(options.Recurrent, layers=1)
    epochs: int = default(options.Training, epochs=6)


@TASKS.register("language_model")
class LanguageModel(Task):
    """Language modelling: bits a character, and perplexity."""

    Config = Config
    requests = {"evaluate": Evaluating, "generate": Generating, "score": Scoring, "inspect": Inspecting}
    objective = "bits_per_character"
    direction = "min"
    modes = ("train", "evaluate", "generate", "score", "inspect")
    advice = {
        "python_source": "The text was the source code of this Python's standard library. For your own:\n"
        "  python -m seqzoo.run --task=language_model --workdir=FOLDER --dataset=text --data_dir=FILE_FOLDER_OR_GLOB\n"
        "And to see what this one writes:\n"
        "  python -m seqzoo.run --mode=generate --workdir=FOLDER --prime='def '"
    }

    def load(self, config, vocabularies=None, unseen=False):
        splits = DATASETS[config.dataset](**options.source(config))
        data = Data({}, dict(vocabularies or {}))
        if pairs := {split: examples for split, examples in splits.items() if "good" in examples.features}:
            if not vocabularies:
                raise ValueError(f"--dataset={config.dataset} is for --mode=evaluate: there is no text to learn from.")
            data.splits = pairs
            return data
        for examples in splits.values():
            if "text" not in examples.features:
                raise ValueError(
                    f"{examples.source} gives {', '.join(examples.features)}, where a text is needed: --dataset=text."
                )
        if unseen and "test" not in splits:  # not what the run learned from: all of it is scored
            splits = {"test": joined(splits)}
        if not vocabularies:
            if "train" not in splits:
                raise ValueError(f"No train split to learn from. Found: {', '.join(splits) or 'nothing'}.")
            if "valid" not in splits:
                splits["train"], splits["valid"] = every_nth(splits["train"], HELD_OUT, lambda piece: piece["end"])
                if next(iter(splits["valid"]), None) is None:
                    raise ValueError(
                        f"No valid split, and fewer than {HELD_OUT} documents to hold one out of: give a valid file, "
                        "or --data_dir=FILE, whose last 10% is valid."
                    )
                data.facts["held out"] = f"every {HELD_OUT}th document of train as valid"
            texts = (example["text"] for example in splits["train"])
            codec = Codec.learn(config.tokenizer, texts, config.vocabulary, config.min_count, config.spell)
            data.vocabularies["tokens"] = codec.vocabulary
            data.facts["vocabulary"] = f"{len(codec.tokens):,} tokens"
        else:
            splits.pop("train", None)
            codec = self.codec(config, vocabularies)
        for split, examples in splits.items():
            rows = config.batch_size if split == "train" else 1
            streams = data.splits[split] = Streams(
                examples, codec, rows, config.window, config.vary_window, config.seed, config.cache_tokens
            )
            unknown = f", {streams.unknown / streams.tokens:.2%} unknown" if streams.unknown else ""
            data.facts[split] = (
                f"{streams.characters:,} characters, {streams.words:,} words, {streams.tokens:,} tokens{unknown}"
            )
        if "test" not in splits:
            data.facts["test"] = "no test split: scores are on valid"
        if config.ngram and "valid" in splits and data.splits["valid"].tokens >= NGRAM_TOKENS:
            data.facts["n-grams"] = f"no baselines: valid has more than {NGRAM_TOKENS:,} tokens"
        return data

    def codec(self, config, vocabularies):
        """The Codec of a run."""
        return Codec(config.tokenizer, vocabularies["tokens"])

    def build(self, config, data):
        from seqzoo.models import language_model, streamed

        model = language_model(
            len(data.vocabularies["tokens"].tokens),
            dim=config.dim,
            rnn=config.rnn,
            units=config.units,
            layers=config.layers,
            context=config.context,
            tied=config.tied,
            dropout=config.dropout,
            input_dropout=config.input_dropout,
            embedding_dropout=config.embedding_dropout,
            activation_penalty=config.activation_penalty,
            slowness_penalty=config.slowness_penalty,
            variational=config.variational,
            weight_drop=config.weight_drop,
            recurrent_dropout=config.recurrent_dropout,
            residual=config.residual,
            layer_norm=config.layer_norm,
            activation=config.activation,
        )
        return streamed(model, config.batch_size)

    def loss(self, config):
        import keras

        return keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction="mean_with_sample_weight")

    def predictor(self, config, model):
        from seqzoo.models import Stepper

        return Stepper(model)

    def evaluate(self, config, predictor, batches, vocabularies, options=None):
        from seqzoo.decoding.dynamic import check_backend, dynamic_nats

        if not isinstance(batches, Streams):
            return self.evaluate_pairs(config, predictor, batches, vocabularies)
        if options and options.dynamic_rate:
            check_backend()
        rows = 1 if options and batches.tokens <= ONE_STREAM else config.valid_rows
        scores = text_scores(self.nats(predictor, batches, rows), batches)
        if options and options.dynamic_rate:
            nats = dynamic_nats(predictor, batches, config.window, options.dynamic_rate, options.dynamic_decay)
            scores |= {f"dynamic_{metric}": value for metric, value in text_scores(nats, batches).items()}
        return scores

    def nats(self, stepper, streams, rows=1):
        """-log p of all tokens of a text, summed; read in so many parts, one is exact. A long text has more of them."""
        if rows > 1:
            rows = max(rows, min(256, streams.tokens // 50_000))
        length = max(16, min(4096, 4_000_000 // stepper.tokens) // rows)  # scores of all tokens at each step: 16 MB
        nats, state = 0.0, None
        for ids, next_ids, counts in streams.windows(rows, length=length):
            state = state or stepper.start(len(ids))
            scores, state = stepper.score(ids, next_ids, state)
            nats -= float(scores[counts].sum(dtype="float64"))
        return nats

    def evaluate_pairs(self, config, stepper, pairs, vocabularies):
        """How often the good sentence of a pair is likelier than the bad one, of those whose words are known.

        Where a verb is at stake (`place`) and tokens are words between blanks, both are read up to it (Linzen et al.,
        2016); else both sentences are whole.
        """
        codec = self.codec(config, vocabularies)
        rows, skipped = [], 0
        for chunk in chunks(pairs, 512):
            texts, groups = [], []
            for pair in chunk:
                both = [pair["good"], pair["bad"]]
                whole = "position" not in pair or config.tokenizer != "whitespace"
                if not whole:
                    both = [" ".join(text.split(" ")[: pair["position"] + 1]) for text in both]
                good, bad = (codec.encode(text)[0] for text in both)
                if good == bad or good.count(1) != bad.count(1):
                    skipped += 1  # an unknown word where the two differ
                    continue
                texts += [{"text": text, "closed": whole} for text in both]
                groups.append(pair["group"])
            totals = [row["log_probability"] for row in self.scored(config, stepper, texts, codec)]
            rows += [(group, a > b) for group, a, b in zip(groups, totals[::2], totals[1::2], strict=True)]
        if not rows:
            raise ValueError(f"No pair can be scored: in all {skipped} the words that differ are unknown to the run.")
        return {**pair_scores(rows), "unknown_support": skipped}

    def scored(self, config, stepper, texts, codec):
        """Yields {"text", "log_probability", "tokens"} for each of a list of {"text", "closed"}, in their order.

        A text is a line of a document: a line end is before it and, if it is closed, scored behind it. An unknown token
        costs its spelling too, see `metrics.text_scores`.
        """

        def encode(example):
            ids = codec.encode(example["text"])[0]
            whole = np.array([codec.newline, *ids, *([codec.newline] if example["closed"] else [])], "int32")
            return {"tokens": whole[:-1]}, whole[1:], np.ones(len(whole) - 1, "float32")

        if not texts:
            return

        window = max(64, 8_000_000 // stepper.tokens)  # steps whose scores of all tokens are held at once: 32 MB

        def run(inputs, labels, weights):
            if len(labels) > 1:
                scores, _ = stepper.score(inputs["tokens"], labels, stepper.start(len(labels)))
                return {"scores": scores, "ids": labels}
            state, parts = stepper.start(1), []
            for t in range(0, labels.shape[1], window):  # a long text goes alone
                part, state = stepper.score(inputs["tokens"][:, t : t + window], labels[:, t : t + window], state)
                parts.append(part)
            return {"scores": np.concatenate(parts, axis=1), "ids": labels}

        for example, row in Batches(texts, encode, 64, window).outputs(run):
            text, tokens = example["text"], []
            end = [(len(text), len(text))] * example["closed"]
            for (start, stop), i, score in zip([*codec.offsets(text), *end], row["ids"], row["scores"], strict=False):
                token = {"text": text[start:stop] if start < stop else codec.tokens[i], "start": start, "end": stop}
                if i == 1 and token["text"] != UNKNOWN:
                    score -= (len(token["text"].encode("utf-8", "replace")) + 1) * math.log(257)
                tokens.append({**token, "log_probability": round(float(score), 4), "known": bool(i != 1)})
            total = sum(token["log_probability"] for token in tokens)
            yield {**example, "log_probability": round(total, 4), "tokens": tokens}

    def score(self, run, lines, options):
        codec = self.codec(run.config, run.vocabularies)
        if options.rank:
            lines = [part for line in lines for part in line.split(" / ") if part.strip()]
            if len(lines) < 2:
                raise ValueError(f"--rank needs two texts at least, as lines or parted by ' / '. Received: {lines}")
        count = 0
        for chunk in chunks(lines, 256 if not options.rank else len(lines)):
            texts = [{"text": text, "closed": True} for text in chunk]
            rows = []
            for row in self.scored(run.config, run.predictor, texts, codec):
                count += 1
                row = {"line": count, **row, "perplexity": math.exp(-row["log_probability"] / len(row["tokens"]))}
                row.pop("closed")
                rows.append(row)
            if options.rank:
                rows.sort(key=lambda row: -row["log_probability"])
                best = rows[0]["log_probability"]
                total = sum(math.exp(row["log_probability"] - best) for row in rows)
                rows = [{**row, "share": math.exp(row["log_probability"] - best) / total} for row in rows]
            yield from rows

    def generate(self, run, options, write):
        from keras import ops

        from seqzoo.decoding.sampling import Sampler

        codec, stepper, stop = self.codec(run.config, run.vocabularies), run.predictor, _unescaped(options.stop)
        ids, unknown = codec.encode(options.prime)
        ids = [codec.newline, *ids] if ids else [codec.end]
        rows = options.samples
        state = stepper.start(1)
        for place in range(0, len(ids) - 1, 256):
            window = np.array([ids[:-1][place : place + 256]], "int32")
            _, state = stepper.score(window, window, state)
        state = [ops.repeat(part, rows, axis=0) for part in state]
        sampler = Sampler(stepper, (0, 1), (codec.end,), options.temperature, options.top_k, options.top_p)
        rng = np.random.default_rng(options.seed)
        before = [ids[-1:] if options.prime else [] for _ in range(rows)]  # the token that the next one is joined to
        texts, written = [""] * rows, 0
        last, done = np.full(rows, ids[-1], "int32"), np.zeros(rows, bool)
        finished = [None] * rows
        write(options.prime)
        for place in range(0, options.length, BLOCK):
            block, last, state, done = sampler(last, state, rng.random((BLOCK, rows)), done)  # one size, traced once
            block, done = block[:, : options.length - place], np.array(done)
            for row in range(rows):
                if finished[row]:
                    continue
                new = [i for i in block[row] if i]
                text = texts[row] + codec.decode(before[row] + new)[len(codec.decode(before[row])) :]
                before[row] = (before[row] + new)[-1:]
                if codec.end in new:
                    finished[row] = "end"
                place_of_stop = text.find(stop, max(0, len(texts[row]) - len(stop))) if stop else -1
                if place_of_stop >= 0:
                    text, finished[row], done[row] = text[:place_of_stop], "stop", True
                texts[row] = text
                if not row:  # what may be the beginning of a stop is held back
                    shown = text if finished[0] else text[: max(written, len(text) - max(len(stop) - 1, 0))]
                    write(shown[written:])
                    written = len(shown)
            if all(finished):
                break
        write(texts[0][written:])
        for row in range(rows):
            yield {
                "sample": row + 1,
                "prime": options.prime,
                "text": texts[row],
                "ended_by": finished[row] or "length",
                "unknown_in_prime": unknown,
            }

    def show(self, answer, console):
        """Prints a scored text, or a sample; the first sample was printed while it was drawn."""
        if "sample" not in answer:
            print_scored(answer, console)
        elif answer["sample"] > 1:
            console.print(f"[dim]--- sample {answer['sample']}[/]")
            console.print(answer["prime"] + answer["text"], markup=False, soft_wrap=True)
        else:
            console.print()
            if unknown := ", ".join(map(repr, dict.fromkeys(answer["unknown_in_prime"]))):
                console.print(f"the prime has what training never saw: {unknown}", style="dim", markup=False)

    def inspect(self, run, lines, options, console):
        from seqzoo.display import inspection
        from seqzoo.display.pages import CORRELATIONS, units_page
        from seqzoo.display.plots import gate_plot
        from seqzoo.display.tables import plain_table
        from seqzoo.training.loop import replace

        codec, notes = self.codec(run.config, run.vocabularies), []
        text = inspection.joined(lines, 20 * INSPECTED)  # few tokens are longer
        ids = codec.encode(text)[0]
        if not ids:
            raise ValueError("The text is empty: there is nothing to look into.")
        if len(ids) > INSPECTED or len(text) == 20 * INSPECTED:
            ids = ids[:INSPECTED]
            notes.append(f"The text is longer: these are its first {len(ids):,} tokens.")
        if unknown := ids.count(1):
            notes.append(f"{unknown:,} of {len(ids):,} tokens are unknown to the run.")
        if options.start > len(ids):
            raise ValueError(f"--start={options.start}: the text has {len(ids):,} tokens.")
        scores, layers = inspection.read(run.predictor, [codec.newline, *ids])
        number = options.layer or len(layers)
        if number > len(layers):
            raise ValueError(f"--layer={number}: the last recurrent layer is {len(layers)}.")
        tokens = inspection.tokens(codec, text, ids, scores)
        units, values = inspection.states(layers)
        followed = inspection.followed(units, values, inspection.token_features(text, tokens))
        if options.unit:
            chosen = inspection.parsed(options.unit, units)
        else:
            telling = (row["unit"] for row in followed if abs(row["correlation"]) > row["chance"])
            chosen = [*telling, *inspection.most_varied(units, values)]
        shown = inspection.shown(chosen, units, values, followed)

        html, png = (
            pathlib.Path(path) if path else run.folder / name
            for path, name in ((options.html, "inspect.html"), (options.png, "gates.png"))
        )
        page = {"notes": notes, "followed": followed, "tokens": tokens, "units": shown}
        pieces = units_page(page, f"{run.folder.name}: what units follow")
        replace(html, lambda path: pathlib.Path(path).write_text("".join(pieces), "utf-8"))
        first, last = options.start - 1, min(options.start - 1 + options.steps, len(ids))
        order, layer = inspection.order(layers[number - 1]), layers[number - 1]
        part = {name: values[first:last] for name, values in layer.items()}
        title = f"{run.config.rnn}, layer {number}, tokens {first + 1} to {last}"
        texts = [token["text"] for token in tokens[first:last]]
        replace(png, lambda path: gate_plot(part, texts, order, title, path))

        for note in notes:
            console.print(f"[dim]{note}[/]")
        if followed:
            rows = [
                [row["feature"], str(row["unit"]), f"{row['correlation']:+.2f}", f"{row['chance']:.2f}"]
                for row in followed
            ]
            columns = ["what is followed", "by unit", "correlation", "by chance"]
            console.print(plain_table("Units that follow the text", columns, rows, CORRELATIONS))
        saturated = inspection.saturation(layers)
        if saturated:
            rows = [
                [str(row["layer"]), row["gate"], f"{row['left']:.1%}", f"{row['right']:.1%}", f"{row['mean']:.2f}"]
                for row in saturated
            ]
            columns = ["layer", "gate", "below .1", "above .9", "mean"]
            console.print(plain_table("Saturation of the gates", columns, rows))
        else:
            console.print(f"--rnn={run.config.rnn} has no gates that are known here: its h alone is drawn.")
        console.print(f"[dim]saved as {html} and {png}[/]", soft_wrap=True)

    def report(self, config, predictor, data, folder):
        """Scores valid and test exactly, read as one stream, and the n-gram baselines."""
        scores = {}
        for split in ("valid", "test"):
            if split in data.splits and data.splits[split].tokens <= ONE_STREAM:
                exact = text_scores(self.nats(predictor, data.splits[split]), data.splits[split])
                scores |= {f"{split}_{metric}": value for metric, value in exact.items()}
        train = data.splits["train"].read(0, NGRAM_TOKENS)
        valid, size = data.splits["valid"], predictor.tokens
        ids = valid.read(0, NGRAM_TOKENS)
        order = config.ngram
        if order and valid.tokens < NGRAM_TOKENS:
            for name, learn in (
                ("kneser_ney", lambda: KneserNey(train, order, size)),
                ("add_k", lambda: AddK(train, order, size, best_k(train, order, size))),
            ):
                start = time.perf_counter()
                nats = -float(learn().log_probabilities(ids)[1:].sum())
                made = {**text_scores(nats, valid), "seconds": time.perf_counter() - start}
                scores |= {f"valid_{order}-gram_{name}_{metric}": value for metric, value in made.items()}
        return scores


def _unescaped(text):
    """A text in which \\n is a line end."""
    try:
        return text.encode("latin-1", "backslashreplace").decode("unicode_escape")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"--stop: a backslash begins an escape such as \\n; a real one is \\\\. Received: {text!r}"
        ) from error
