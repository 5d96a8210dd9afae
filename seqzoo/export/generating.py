"""What an exported run can be called with whose model makes one id after the other, by search or by sampling."""

import numpy as np
import tensorflow as tf

from seqzoo.decoding.sampling import COLDEST, Sampler
from seqzoo.decoding.search import UNKNOWN_ID, BeamPredictor
from seqzoo.decoding.steps import Categorical
from seqzoo.export.graph import SPACE, CodecIds
from seqzoo.export.signatures import TEXTS, TOKENS, Signature
from seqzoo.export.steps import greedy


def translation(run, searches: dict[str, BeamPredictor], lowercase: bool) -> dict[str, Signature]:
    """The signatures of an encoder-decoder from text to text.

    Args:
        run: a run whose task has `codecs`.
        searches: {signature: search}; the last one also answers tokens that the caller made.
        lowercase: whether texts are read in lower case.
    """
    task, (source, target) = run.task, run.task.codecs
    reader, writer = CodecIds(source), CodecIds(target)

    def translated(search, tokens):
        count = tf.reduce_sum(tf.cast(tokens != "", tf.int32), 1)  # [B]
        ids = tf.pad(reader.encode(tokens), [[0, 0], [0, 1]])
        ids += reader.end * tf.one_hot(count, tf.shape(ids)[1], dtype=tf.int32)  # [B, S]
        real = ids > 0
        fixed, state = search.decoder.start({"source": ids})
        ratio = search.settings.longest_ratio
        limits = tf.cast(tf.floor(ratio * tf.reduce_sum(tf.cast(real, tf.float32), 1) + 10), tf.int32)
        blank = tf.zeros([tf.reduce_max(tf.concat([limits, [1]], 0)), 2], tf.int32)
        begin = tf.fill(tf.shape(limits), search.decoder.begin)
        closed, attention = search.beam.search(begin, limits, blank, real, fixed, state)
        best = closed.trail[:, 0, :, 0]  # [B, N]
        pieces = writer.texts(best)
        if search.copies:
            copied = _aligned(attention[:, 0], real, tokens, source.units)
            pieces = tf.where(best == UNKNOWN_ID, copied, pieces)
        text = tf.strings.regex_replace(writer.join(pieces), f"^[{SPACE}]+|[{SPACE}]+$", "")
        return {"translation": tf.where(count > 0, text, ""), "score": tf.where(count > 0, closed.scores[:, 0], 0.0)}

    def from_text(search):
        def function(inputs):
            text = tf.strings.regex_replace(inputs["text"], f"^[{SPACE}]+|[{SPACE}]+$", "")
            text = tf.strings.lower(text, encoding="utf-8") if lowercase else text
            tokens = reader.split(text)
            return {"tokens": tokens, **translated(search, tokens)}

        return function

    def answer(search, example):
        ((_, row),) = task.feed([example]).outputs(search)
        if row is None:
            return None
        text = task.text(example["source"])
        tokens = [text[start:end] for start, end in source.offsets(text)]
        if reader.units not in ("characters", "words", "whitespace"):
            tokens = [piece for piece, _, _ in source.vocabulary.split(text)]
        translation, score = task.answer(example, row)["translation"], row["scores"][:1]
        return np.array([tokens]), {"translation": np.array([translation]), "score": score}

    def text_case(search):
        def case(example):
            found = answer(search, example)
            return found and ({"text": np.array([example["source"]])}, {"tokens": found[0], **found[1]})

        return case

    def token_case(example):
        found = answer(last, example)
        return found and ({"tokens": found[0]}, found[1])

    *_, (name, last) = searches.items()
    outputs = {"translation": "[B]", "score": "[B], by which the search ranks it"}
    signatures = {
        "tokens": Signature(
            summary=f'Tokens of {source.units} that the caller made, with "" as padding on the right; as `{name}`.',
            specs={"tokens": TOKENS},
            function=lambda inputs: translated(last, inputs["tokens"]),
            case=token_case,
            outputs=outputs,
            tables=(reader, writer),
        )
    }
    if reader.units not in ("characters", "words", "whitespace"):
        return signatures
    return signatures | {
        name: Signature(
            summary=f"Raw texts, by {'greedy decoding' if search.beam.width == 1 else 'beam search of width '}"
            f"{'' if search.beam.width == 1 else search.beam.width}.",
            specs={"text": TEXTS},
            function=from_text(search),
            case=text_case(search),
            outputs={"tokens": "[B, T], what the text was split into", **outputs},
            tables=(reader, writer),
            exact=reader.units != "words",
        )
        for name, search in searches.items()
    }


def greedy_translation(run, search: BeamPredictor, steps: int) -> Signature:
    """Greedy decoding from ids to ids, without strings: for files that hold arrays alone.

    Args:
        run: a run of an encoder-decoder.
        search: greedy decoding.
        steps: ids of an answer.
    """
    function, specs = greedy(search.decoder, search.end, steps, search.beam.banned)
    encode = run.task.encoder()

    def case(example):
        ((_, row),) = run.task.feed([example]).outputs(search)
        if row is None or row["ids"].shape[-1] > steps:
            return None
        return {"source": encode(example)[0]["source"][None]}, {"tokens": row["ids"][:1]}  # [1, N]

    return Signature(
        summary="Greedy decoding. Ids are the positions of tokens in the vocabularies, after padding 0 and unknown 1; "
        f"{search.end} ends a source.",
        specs={name: tf.TensorSpec(tensor.shape, tensor.dtype, name) for name, tensor in specs.items()},
        function=function,
        case=case,
        outputs={"tokens": f"[B, {steps}], 0 behind the end"},
        padded=True,  # to the most steps
    )


def _aligned(attention, real, tokens, units):
    """The source token [B, N] that has the most attention [B, N, S] in each step, the end mark apart."""
    words = tf.pad(real[:, 1:], [[0, 0], [0, 1]])[:, None]  # [B, 1, S]
    position = tf.argmax(tf.where(words, attention, -1.0), axis=-1, output_type=tf.int32)  # [B, N]
    if units == "words":  # their tokens have the space before them, which the first word lacks
        tokens = tf.concat([tf.strings.join([" ", tokens[:, :1]]), tokens[:, 1:]], 1)
    return tf.gather(tf.pad(tokens, [[0, 0], [0, 1]]), position, batch_dims=1)


class _Tempered:
    """A decoder whose logits are divided by a temperature, and all but the k highest of which are barred.

    Args:
        decoder: has the step protocol.
        temperature, top_k: scalar tensors, which a caller of the graph chooses; top_k 0: all.
        banned: ids that are never drawn.
    """

    def __init__(self, decoder, temperature, top_k, banned):
        self.decoder, self.temperature, self.top_k, self.banned = decoder, temperature, top_k, banned

    def step(self, values, fixed, state, **which):
        """One step, see `decoding.steps`."""
        distribution, state = self.decoder.step(values, fixed, state, **which)
        barred = np.isin(np.arange(distribution.logits.shape[-1]), self.banned)
        logits = tf.where(barred, -np.inf, tf.cast(distribution.logits, tf.float32))
        logits /= tf.maximum(self.temperature, COLDEST)

        def highest():
            least = tf.math.top_k(logits, tf.minimum(self.top_k, logits.shape[-1])).values[:, -1:]
            return tf.where(logits < least, -np.inf, logits)

        return Categorical(tf.cond(self.top_k > 0, highest, lambda: logits)), state


LENGTH = {"length": tf.TensorSpec([], tf.int32, "length")}
SAMPLING = {
    "temperature": tf.TensorSpec([], tf.float32, "temperature"),
    "top_k": tf.TensorSpec([], tf.int32, "top_k"),
    "seed": tf.TensorSpec([], tf.int32, "seed"),
}
CHECKED = 20  # tokens of a prime, and of its continuation, that answers are compared on
LIKELIEST = {"temperature": np.float32(1), "top_k": np.int32(1), "seed": np.int32(0)}  # always the likeliest


def sample(decoder, inputs, begin, forced, chosen, banned=(), stop=(), unrolled=1):
    """Ids [B, N] sampled in a graph, 0 after one that ends a row.

    Args:
        decoder: has the step protocol.
        inputs: (fixed, state) that it starts from.
        begin: [B] ids that are read first.
        forced: [N, B] ids that are taken instead of sampled where they are above 0.
        chosen: the tensors of `SAMPLING`.
        banned, stop, unrolled: see `decoding.sampling.Sampler` and its `loop`.
    """
    tempered = _Tempered(decoder, chosen["temperature"], chosen["top_k"], banned)
    noise = tf.random.stateless_uniform(tf.shape(forced), [chosen["seed"], 0])
    done = tf.zeros_like(begin, tf.bool)
    ids, *_ = Sampler(tempered, (), stop).loop(unrolled, begin, done, noise, forced, *inputs)
    return tf.transpose(ids)


def language_model(run, codec) -> dict[str, Signature]:
    """The signatures of a language model.

    Args:
        run: a run whose predictor is a `models.LanguageModelDecoder`.
        codec: its Codec.
    """
    decoder, texts = run.predictor, CodecIds(codec)
    states = {f"state{number}": part.shape[-1] for number, part in enumerate(decoder.signature[1])}
    specs = {name: tf.TensorSpec([None, size], tf.float32, name) for name, size in states.items()}
    ids_spec = tf.TensorSpec([None, None], tf.int32, "ids")
    outputs = {name: f"[B, {size}]" for name, size in states.items()}

    def start(inputs):
        return dict(zip(states, decoder.initial_state(inputs["rows"]), strict=True))

    def step(inputs):
        logits, state = decoder.read(inputs["ids"], [inputs[name] for name in states])
        return {"log_probabilities": tf.nn.log_softmax(logits), **dict(zip(states, state, strict=True))}

    def continued(ids, chosen):
        # Read step by step, as primes of different lengths end at different steps.
        count = tf.reduce_sum(tf.cast(ids > 0, tf.int32), 1)  # [B]
        first = tf.where(count > 0, codec.newline, codec.end)  # what stands before a text
        forced = tf.transpose(tf.pad(ids, [[0, 0], [0, chosen["length"]]]))  # [P + N, B]
        state = decoder.initial_state(tf.shape(ids)[0])
        drawn = sample(decoder, ([], state), first, forced, chosen, (0, 1), (codec.end,))
        return tf.gather(drawn, count[:, None] + tf.range(chosen["length"])[None], batch_dims=1)

    def text(inputs):
        ids = continued(texts.encode(texts.split(inputs["prime"])), inputs)
        return {"text": texts.join(texts.texts(ids))}

    def encoded(example, most):
        return np.array([codec.encode(example["text"])[0][:most]], "int32")

    def start_case(example):
        return {"rows": np.int32(1)}, {name: np.zeros((1, size), "float32") for name, size in states.items()}

    def step_case(example):
        ids = encoded(example, CHECKED)
        if not ids.size:
            return None
        logits = np.asarray(run.model({"tokens": ids}, training=False), "float64")
        logits -= logits.max(axis=-1, keepdims=True)
        log_p = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
        return {"ids": ids, **start_case(example)[1]}, {"log_probabilities": log_p.astype("float32")}

    def drawn(ids):
        sampler = Sampler(decoder, stop=(codec.end,), temperature=0)
        given = np.array([[codec.newline, *ids[0]] if ids.size else [codec.end]])
        begun = sampler.start({"tokens": given[:, :-1]}, given[:, -1])
        return sampler.draw(begun, np.zeros((CHECKED, 1)))[0]

    def sample_case(example):
        ids = encoded(example, CHECKED)
        return {"prime": ids, "length": np.int32(CHECKED), **LIKELIEST}, {"ids": drawn(ids)}

    def text_case(example):
        ids = encoded(example, CHECKED)
        prime = codec.decode(ids[0])
        if 1 in ids or encoded({"text": prime}, None).tolist() != ids.tolist():
            return None
        given = {"prime": np.array([prime]), "length": np.int32(CHECKED), **LIKELIEST}
        return given, {"text": np.array([codec.decode(drawn(ids)[0])])}

    sampled = "continued by samples of at most `length` tokens; `top_k` 0: all. The same seed draws the same."
    signatures = {
        "start": Signature(
            summary="The state before the first token, of so many texts.",
            specs={"rows": tf.TensorSpec([], tf.int32, "rows")},
            function=start,
            case=start_case,
            outputs=outputs,
        ),
        "step": Signature(
            summary="Reads ids, 0 as padding on the right, from a state: how likely each next token is, and the state.",
            specs={"ids": ids_spec, **specs},
            function=step,
            case=step_case,
            outputs={"log_probabilities": f"[B, T, {decoder.tokens}], natural, of the token after each", **outputs},
        ),
        "sample": Signature(
            summary=f"Primes in ids, {sampled}",
            specs={"prime": tf.TensorSpec([None, None], tf.int32, "prime"), **LENGTH, **SAMPLING},
            function=lambda inputs: {"ids": continued(inputs["prime"], inputs)},
            case=sample_case,
            outputs={"ids": "[B, length], 0 after the end of a text"},
        ),
    }
    if codec.units in ("characters", "words") and not codec.spell:
        signatures["text"] = Signature(
            summary=f"Primes in text, {sampled}",
            specs={"prime": tf.TensorSpec([None], tf.string, "prime"), **LENGTH, **SAMPLING},
            function=text,
            case=text_case,
            outputs={"text": "[B], without the prime"},
            tables=(texts,),
        )
    return signatures


def music(run, decoder, end: int) -> dict[str, Signature]:
    """The signature of a generator of music.

    Args:
        run: a run of the task music.
        decoder: a models.GeneratorDecoder with what its encoding bars and lets stand.
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
            summary="Samples steps of music under conditions; `forced` ids above 0 are taken, such as a beginning or a "
            "melody. `top_k` 0: all ids. The same seed draws the same.",
            specs={**specs, "forced": tf.TensorSpec([None, None, slots], tf.int32, "forced"), **SAMPLING},
            function=function,
            case=case,
            outputs={"ids": f"[B, T, {slots}], 0 after the end of a piece"},
        )
    }
