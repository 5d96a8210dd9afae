"""Signatures of exported runs whose models produce one id after another, by search or by sampling."""

import dataclasses
import functools
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

from seqzoo import options
from seqzoo.decoding.sampling import COLDEST, Sampler
from seqzoo.decoding.steps import Categorical, StepDecoder
from seqzoo.export.graph import SPACE, CodecIds
from seqzoo.export.signatures import TEXTS, TOKENS, Signature
from seqzoo.export.steps import greedy
from seqzoo.text.subwords import KINDS
from seqzoo.text.vocabulary import UNKNOWN_ID

if TYPE_CHECKING:
    from seqzoo.decoding.search import BeamPredictor
    from seqzoo.models import GeneratorDecoder
    from seqzoo.text.codec import Codec
    from seqzoo.training.folder import Run


STEPS = 64  # minimum length of answers in ids


def text_to_text(run: "Run", request: options.Exporting) -> dict[str, Signature]:
    """Returns the signatures of an encoder-decoder from text to text: greedy decoding, and the requested search.

    Args:
        run: a run of a task of `families.text_to_text`.
        request: options of ``--mode=export``.
    """
    decoding = options.Decoding(**request.arguments(options.Decoding))
    greedy_decoding = dataclasses.replace(decoding, beam=1, length_penalty=1.0, coverage_penalty=0.0)
    of_arrays = request.format != "savedmodel" or run.task.config.copy
    _check_effect(request, decoding, of_arrays)
    if of_arrays:
        search = run.task.search(run.predictor, greedy_decoding, score_labels=False)
        ends = f"; {search.end} ends a source"
        if run.task.config.copy:
            ends += (
                ". `copied` has the id of each source token in the target's vocabulary or, where that lacks it, "
                f"{search.decoder.tokens} + the position of its first occurrence in the source; so has `tokens`"
            )
        return {"arrays": greedy_arrays(run, search, request.answer_length, ends)}
    settings = {"greedy": greedy_decoding, "text": decoding} if decoding.beam > 1 else {"text": decoding}
    searches = {name: run.task.search(run.predictor, each, score_labels=False) for name, each in settings.items()}
    return _of_strings(run, searches)


def _check_effect(request, decoding, of_arrays):
    """Raises a ValueError about an option that the signatures of arrays, or those of texts, do not have."""
    if not of_arrays and request.answer_length:
        raise ValueError("--answer_length is for models that write ids; for one of texts there is --longest_ratio.")
    usual = options.Decoding().to_dict() | {"ensemble": decoding.ensemble}
    given = [
        name for name, value in decoding.to_dict().items() if value != usual[name] and (name, value) != ("beam", 1)
    ]
    if of_arrays and given:
        raise ValueError(
            f"--{given[0]} has no effect: models that write ids (LiteRT, ONNX, and all of runs with --copy) decode "
            "greedily."
        )


def _of_strings(run, searches):
    """Returns signatures of strings, given searches by name; the last also takes tokens that the caller has split."""
    *_, (best, last) = searches.items()
    rewriter = _Rewriter(run)
    outputs = {run.task.written: "[B]", "score": "[B], by which the search ranks it"}
    units, tables = rewriter.source.units, (rewriter.reader, rewriter.writer)
    signatures = {
        "tokens": Signature(
            summary=f'Tokens of {units} that the caller has split, with "" as padding on the right; as `{best}`.',
            specs={"tokens": TOKENS},
            function=lambda inputs: rewriter.of_tokens(last, inputs["tokens"]),
            case=functools.partial(rewriter.token_case, last),
            outputs=outputs,
            tables=tables,
        )
    }
    for name, search in searches.items() if units not in KINDS else ():
        width = search.beam.width
        signatures[name] = Signature(
            summary=f"Raw texts, by {f'beam search of width {width}' if width > 1 else 'greedy decoding'}.",
            specs={"text": TEXTS},
            function=functools.partial(rewriter.of_texts, search),
            case=functools.partial(rewriter.text_case, search),
            outputs={"tokens": "[B, T], the tokens of the text", **outputs},
            tables=tables,
            exact=units != "words",
        )
    return signatures


class _Rewriter:
    """Maps texts to texts in a graph, and computes the answers of the run itself.

    Args:
        run: see `text_to_text`.
    """

    def __init__(self, run):
        self.task, (self.source, target) = run.task, run.task.codecs
        self.reader, self.writer = CodecIds(self.source), CodecIds(target)

    def of_texts(self, search, inputs):
        """Returns {"tokens", the answer, "score"} of {"text": [B]}."""
        text = _stripped(inputs["text"])
        text = tf.strings.lower(text, encoding="utf-8") if self.task.config.lowercase else text
        tokens = self.cut(self.reader.split(text))
        return {"tokens": tokens, **self.of_tokens(search, tokens)}

    def cut(self, tokens):
        """Returns the tokens [B, T] that the run reads."""
        return tokens[:, : self.task.max_source] if self.task.max_source else tokens

    def of_tokens(self, search, tokens):
        """Returns {the answer, "score"} of tokens [B, T]."""
        tokens = self.cut(tokens)
        count = tf.reduce_sum(tf.cast(tokens != "", tf.int32), 1)  # [B]
        ids = tf.pad(self.reader.encode(tokens), [[0, 0], [0, 1]])
        ids += self.reader.end * tf.one_hot(count, tf.shape(ids)[1], dtype=tf.int32)  # [B, S]
        real = ids > 0
        fixed, state = search.decoder.start({"source": ids})
        ratio = search.settings.longest_ratio
        limits = tf.cast(tf.floor(ratio * tf.reduce_sum(tf.cast(real, tf.float32), 1) + 10), tf.int32)
        least, most = search.bounds
        limits = tf.maximum(limits, least)
        limits = tf.minimum(limits, most) if most else limits
        blank = tf.zeros([tf.reduce_max(tf.concat([limits, [1]], 0)), 2], tf.int32)
        begin = tf.fill(tf.shape(limits), search.decoder.begin)
        closed, attention = search.beam.search(begin, limits, blank, real, fixed, state)
        best = closed.trail[:, 0, :, 0]  # [B, N]
        pieces = self.writer.texts(best)
        if search.copies:
            copied = _aligned(attention[:, 0], real, tokens, self.source.units)
            pieces = tf.where(best == UNKNOWN_ID, copied, pieces)
        text = _stripped(self.writer.join(pieces))
        return {
            self.task.written: tf.where(count > 0, text, ""),
            "score": tf.where(count > 0, closed.scores[:, 0], 0.0),
        }

    def text_case(self, search, example):
        """See `Signature.case`, of texts."""
        found = self._answer(search, example)
        return found and ({"text": np.array([example[self.task.source]])}, {"tokens": found[0], **found[1]})

    def token_case(self, search, example):
        """See `Signature.case`, of tokens."""
        found = self._answer(search, example)
        return found and ({"tokens": found[0]}, found[1])

    def _answer(self, search, example):
        ((_, row),) = self.task.feed([example]).outputs(search)
        if row is None:
            return None
        tokens, name = self.source.split(self.task.read_side(example, self.task.source)), self.task.written
        answer = self.task.answer(example, row)[name]
        return np.array([tokens]), {name: np.array([answer]), "score": row["scores"][:1]}


def _stripped(texts):
    """Strips blanks at both ends of texts."""
    return tf.strings.regex_replace(texts, f"^[{SPACE}]+|[{SPACE}]+$", "")


def greedy_arrays(run: "Run", search: "BeamPredictor", length: int, note: str = "") -> Signature:
    """Returns the signature of greedy decoding from the arrays of a source, such as ids, to at most `length` ids.

    Args:
        run: a run of an encoder-decoder.
        search: its `decoding.search.BeamPredictor` of width 1.
        length: maximum number of ids of an answer; 0: that of the longest one of training, if known, and at least 64.
        note: a further remark on the ids.
    """
    steps = length or max(STEPS, search.bounds[0])
    function, specs = greedy(search.decoder, search.end, steps, search.beam.banned)
    encode = run.task.encoder()

    def case(example):
        ((_, row),) = run.task.feed([example]).outputs(search)
        if row is None or row["ids"].shape[-1] > steps:
            return None
        given = encode(example)[0]
        return {name: given[name][None] for name in specs}, {"tokens": row["ids"][:1]}  # [1, N]

    return Signature(
        summary="Greedy decoding. Ids are the positions of tokens in the vocabularies, after padding 0 and unknown 1"
        f"{note}.",
        specs={name: tf.TensorSpec(tensor.shape, tensor.dtype, name) for name, tensor in specs.items()},
        function=function,
        case=case,
        outputs={"tokens": f"[B, {steps}], 0 after the end"},
        padded=True,  # to the maximum number of steps
    )


def _aligned(attention, real, tokens, units):
    """Returns the source token [B, N] with the most attention [B, N, S] in each step, except for the end mark."""
    words = tf.pad(real[:, 1:], [[0, 0], [0, 1]])[:, None]  # [B, 1, S]
    position = tf.argmax(tf.where(words, attention, -1.0), axis=-1, output_type=tf.int32)  # [B, N]
    if units == "words":  # their tokens have the space before them, which the first word lacks
        tokens = tf.concat([tf.strings.join([" ", tokens[:, :1]]), tokens[:, 1:]], 1)
    return tf.gather(tf.pad(tokens, [[0, 0], [0, 1]]), position, batch_dims=1)


class _Tempered:
    """A decoder whose distribution is changed by inputs of the graph.

    Args:
        decoder: has the step protocol.
        chosen: the tensors of `SAMPLING`, see `decoding.sampling.Sampler`. Temperature 0 counts as `COLDEST`.
        banned: ids that are never drawn.
    """

    begin = 0  # `sample` is told what to begin with

    def __init__(self, decoder, chosen, banned):
        self.decoder, self.chosen, self.banned = decoder, chosen, banned

    def step(self, values, fixed, state, **which):
        """One step, see `decoding.steps`."""
        distribution, state = self.decoder.step(values, fixed, state, **which)
        top_k, top_p = self.chosen["top_k"], self.chosen["top_p"]
        barred = np.isin(np.arange(distribution.logits.shape[-1]), self.banned)
        logits = tf.where(barred, -np.inf, tf.cast(distribution.logits, tf.float32))
        logits /= tf.maximum(self.chosen["temperature"], COLDEST)
        logits = tf.cond(top_k > 0, lambda: _highest(logits, top_k), lambda: logits)
        return Categorical(tf.cond(top_p < 1, lambda: _nucleus(logits, top_p), lambda: logits)), state


def _highest(logits, k):
    """Sets all but the k highest logits [B, V] of a row to -inf."""
    least = tf.math.top_k(logits, tf.minimum(k, logits.shape[-1])).values[:, -1:]
    return tf.where(logits < least, -np.inf, logits)


def _nucleus(logits, top_p):
    """Sets all logits [B, V] to -inf but the highest of a row that together have the probability top_p."""
    ranked = tf.sort(logits, direction="DESCENDING")
    likelier = tf.cumsum(tf.nn.softmax(ranked), axis=-1, exclusive=True)  # the total probability of likelier ids
    kept = tf.concat([tf.ones_like(likelier[:, :1], tf.bool), likelier[:, 1:] < top_p], axis=-1)
    least = tf.reduce_min(tf.where(kept, ranked, np.inf), axis=-1, keepdims=True)
    return tf.where(logits < least, -np.inf, logits)


LENGTH = {"length": tf.TensorSpec([], tf.int32, "length")}
SAMPLING = {
    "temperature": tf.TensorSpec([], tf.float32, "temperature"),
    "top_k": tf.TensorSpec([], tf.int32, "top_k"),
    "top_p": tf.TensorSpec([], tf.float32, "top_p"),
    "seed": tf.TensorSpec([], tf.int32, "seed"),
}
_CHOICES = "`top_k` 0 and `top_p` 1: all ids. The same seed draws the same."
_SAMPLED = f"continued by samples of at most `length` tokens. {_CHOICES}"
CHECKED = 20  # tokens of a prime, and of its continuation, on which answers are compared
LIKELIEST = {  # always the likeliest id
    "temperature": np.float32(1),
    "top_k": np.int32(1),
    "top_p": np.float32(1),
    "seed": np.int32(0),
}


def sample(
    decoder: StepDecoder,
    inputs: tuple[list, list],
    begin: tf.Tensor,
    forced: tf.Tensor,
    chosen: dict[str, tf.Tensor],
    banned: tuple[int, ...] = (),
    stop: tuple[int, ...] = (),
    unrolled: int = 1,
) -> tf.Tensor:
    """Samples ids [B, N] in a graph, with 0 after the end of a row.

    Args:
        decoder: has the step protocol.
        inputs: the initial (fixed, state).
        begin: [B] ids to read first.
        forced: [N, B] ids to use instead of sampling where they are above 0.
        chosen: the tensors of `SAMPLING`.
        banned, stop, unrolled: see `decoding.sampling.Sampler` and its `loop`.
    """
    tempered = _Tempered(decoder, chosen, banned)
    noise = tf.random.stateless_uniform(tf.shape(forced), [chosen["seed"], 0])
    done = tf.zeros_like(begin, tf.bool)
    ids, *_ = Sampler(tempered, (), stop).loop(unrolled, begin, done, noise, forced, *inputs)
    return tf.transpose(ids)


def language_model(run: "Run", codec: "Codec", length: int) -> dict[str, Signature]:
    """Returns the signatures of a language model.

    Args:
        run: a run whose predictor is a `models.LanguageModelDecoder`.
        codec: its Codec.
        length: number of ids that a file with fixed shapes reads in one call.
    """
    continuing = _Continuing(run, codec)
    signatures = {
        "start": Signature(
            summary="The state before the first token, for a number of texts.",
            specs={"rows": tf.TensorSpec([], tf.int32, "rows")},
            function=continuing.start,
            case=continuing.start_case,
            outputs=continuing.states,
        ),
        "step": Signature(
            summary="Reads ids, with 0 as padding on the right, from a state, which is 0 before the first token. "
            "Returns how likely each next token is, and the state after the ids.",
            specs={"ids": tf.TensorSpec([None, None], tf.int32, "ids"), **continuing.specs},
            function=continuing.step,
            case=functools.partial(continuing.step_case, min(length, CHECKED)),
            outputs={
                "log_probabilities": f"[B, T, {run.predictor.tokens}], natural, of the token after each",
                **continuing.states,
            },
        ),
        "sample": Signature(
            summary=f"Primes in ids, {_SAMPLED}",
            specs={"prime": tf.TensorSpec([None, None], tf.int32, "prime"), **LENGTH, **SAMPLING},
            function=lambda inputs: {"ids": continuing.ids(inputs["prime"], inputs)},
            case=continuing.sample_case,
            outputs={"ids": "[B, length], 0 after the end of a text"},
        ),
    }
    if codec.units in ("characters", "words") and not codec.spell:
        signatures["text"] = Signature(
            summary=f"Primes in text, {_SAMPLED}",
            specs={"prime": tf.TensorSpec([None], tf.string, "prime"), **LENGTH, **SAMPLING},
            function=continuing.text,
            case=continuing.text_case,
            outputs={"text": "[B], without the prime"},
            tables=(continuing.texts,),
        )
    return signatures


class _Continuing:
    """Runs a language model in a graph, and computes the answers of the run itself.

    Args:
        run, codec: see `language_model`.

    Attributes:
        states: {name: readable shape} of its state; specs: the same as TensorSpecs.
        texts: its `CodecIds`.
    """

    def __init__(self, run, codec):
        self.model, self.decoder, self.codec, self.texts = run.model, run.predictor, codec, CodecIds(codec)
        sizes = {f"state{number}": part.shape[-1] for number, part in enumerate(self.decoder.signature[1])}
        self.states = {name: f"[B, {size}]" for name, size in sizes.items()}
        self.specs = {name: tf.TensorSpec([None, size], tf.float32, name) for name, size in sizes.items()}

    def start(self, inputs):
        """Returns the state of {"rows"}."""
        return self._named(self.decoder.initial_state(inputs["rows"]))

    def step(self, inputs):
        """Returns {"log_probabilities", "state0" ...} of {"ids": [B, T], "state0" ...}."""
        logits, state = self.decoder.read(inputs["ids"], [inputs[name] for name in self.states])
        return {"log_probabilities": tf.nn.log_softmax(logits), **self._named(state)}

    def ids(self, prime, chosen):
        """Continues primes [B, P] by ids [B, length], with the tensors of `LENGTH` and `SAMPLING`."""
        # Read step by step, as primes of different lengths end at different steps.
        count = tf.reduce_sum(tf.cast(prime > 0, tf.int32), 1)  # [B]
        first = tf.where(count > 0, self.codec.newline, self.codec.end)  # the id before a text
        forced = tf.transpose(tf.pad(prime, [[0, 0], [0, chosen["length"]]]))  # [P + N, B]
        state = self.decoder.initial_state(tf.shape(prime)[0])
        drawn = sample(self.decoder, ([], state), first, forced, chosen, (0, 1), (self.codec.end,))
        return tf.gather(drawn, count[:, None] + tf.range(chosen["length"])[None], batch_dims=1)

    def text(self, inputs):
        """Returns {"text"} of {"prime": [B]} and the inputs of `ids`."""
        ids = self.ids(self.texts.encode(self.texts.split(inputs["prime"])), inputs)
        return {"text": self.texts.join(self.texts.texts(ids))}

    def start_case(self, example):
        """See `Signature.case`."""
        return {"rows": np.int32(1)}, self._named(np.asarray(part) for part in self.decoder.initial_state(1))

    def step_case(self, most, example):
        """See `Signature.case`: the second half of a text, from the state after the first."""
        ids = self._encoded(example, 2 * most)
        first = ids.shape[1] // 2
        if not ids.size:
            return None
        logits = np.asarray(self.model({"tokens": ids}, training=False), "float64")[:, first:]
        logits -= logits.max(axis=-1, keepdims=True)
        log_p = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
        given = self.decoder.initial_state(1)
        if first:
            _, given = self.decoder.read(ids[:, :first], given)
        _, after = self.decoder.read(ids[:, first:], given)
        given, after = (self._named(np.asarray(part) for part in state) for state in (given, after))
        return {"ids": ids[:, first:], **given}, {"log_probabilities": log_p.astype("float32"), **after}

    def sample_case(self, example):
        """See `Signature.case`."""
        ids = self._encoded(example, CHECKED)
        return {"prime": ids, "length": np.int32(CHECKED), **LIKELIEST}, {"ids": self._drawn(ids)}

    def text_case(self, example):
        """See `Signature.case`."""
        ids = self._encoded(example, CHECKED)
        prime = self.codec.decode(ids[0])
        if 1 in ids or self._encoded({"text": prime}, None).tolist() != ids.tolist():
            return None
        given = {"prime": np.array([prime]), "length": np.int32(CHECKED), **LIKELIEST}
        return given, {"text": np.array([self.codec.decode(self._drawn(ids)[0])])}

    def _named(self, state):
        return dict(zip(self.states, state, strict=True))

    def _encoded(self, example, most):
        return np.array([self.codec.encode(example["text"])[0][:most]], "int32")

    def _drawn(self, ids):
        sampler = Sampler(self.decoder, stop=(self.codec.end,), temperature=0)
        given = np.array([[self.codec.newline, *ids[0]] if ids.size else [self.codec.end]])
        begun = sampler.start({"tokens": given[:, :-1]}, given[:, -1])
        return sampler.draw(begun, np.zeros((CHECKED, 1)))[0]


def music(run: "Run", decoder: "GeneratorDecoder", end: int) -> dict[str, Signature]:
    """Returns the signature of a generator of music.

    Args:
        run: a run of the task music.
        decoder: a models.GeneratorDecoder with the constraints of its encoding.
        end: the id that ends a piece.
    """
    known, slots = decoder.conditioner.input, decoder.slots
    encode = run.task.encoder()

    def function(inputs):
        forced = inputs["forced"]  # [B, T, S]
        rows, steps = tf.shape(forced)[0], tf.shape(forced)[1]
        begin = tf.fill([rows], decoder.begin)
        flat = tf.transpose(tf.reshape(forced, [rows, steps * slots]))
        started = decoder.start({name: inputs[name] for name in known})
        ids = sample(decoder, started, begin, flat, inputs, stop=(end,), unrolled=decoder.cycle)
        return {"ids": tf.reshape(ids, [rows, steps, slots])}

    def case(example):
        part, *_ = encode(example)[0]
        given = {name: np.asarray(part[name])[None] for name in known}
        given = {name: value[:, :CHECKED] if value.ndim > 1 else value for name, value in given.items()}
        steps = given["position"].shape[1]
        forced = np.zeros((1, steps, slots), "int32")
        forced[0, : steps // 2] = part["tokens"][: steps // 2]
        flat = forced.reshape(1, -1).T
        drawn = Sampler(decoder, (), (end,), temperature=0)(given, np.zeros(flat.shape), flat)
        return {**given, "forced": forced, **LIKELIEST}, {"ids": drawn.reshape(forced.shape)}

    specs = {name: tf.TensorSpec(tensor.shape, tensor.dtype, name) for name, tensor in known.items()}
    return {
        "sample": Signature(
            summary="Samples steps of music under conditions; `forced` ids above 0 are kept, such as a beginning or a "
            f"melody. {_CHOICES}",
            specs={**specs, "forced": tf.TensorSpec([None, None, slots], tf.int32, "forced"), **SAMPLING},
            function=function,
            case=case,
            outputs={"ids": f"[B, T, {slots}], 0 after the end of a piece"},
        )
    }
