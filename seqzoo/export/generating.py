"""What an exported run can be called with whose model makes one id after the other, by search or by sampling."""

import numpy as np
import tensorflow as tf

from seqzoo.decoding.search import UNKNOWN_ID, BeamPredictor
from seqzoo.export.graph import SPACE, CodecIds
from seqzoo.export.signatures import TEXTS, TOKENS, Signature


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


def _aligned(attention, real, tokens, units):
    """The source token [B, N] that has the most attention [B, N, S] in each step, the end mark apart."""
    words = tf.pad(real[:, 1:], [[0, 0], [0, 1]])[:, None]  # [B, 1, S]
    position = tf.argmax(tf.where(words, attention, -1.0), axis=-1, output_type=tf.int32)  # [B, N]
    if units == "words":  # their tokens have the space before them, which the first word lacks
        tokens = tf.concat([tf.strings.join([" ", tokens[:, :1]]), tokens[:, 1:]], 1)
    return tf.gather(tf.pad(tokens, [[0, 0], [0, 1]]), position, batch_dims=1)
