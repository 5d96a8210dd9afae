"""Signatures of exported runs: functions of tensors, for each kind of task."""

import copy
import dataclasses
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import keras
import numpy as np
import tensorflow as tf

from seqzoo.data import Skip
from seqzoo.export import graph
from seqzoo.text.casing import CASES

if TYPE_CHECKING:
    from seqzoo.models.siamese import Tower
    from seqzoo.training.folder import Run


@dataclasses.dataclass
class Signature:
    """One way to call an exported run.

    Attributes:
        summary: one sentence for the model card.
        specs: {name: tf.TensorSpec} of the inputs.
        function: {name: tensor} of the inputs -> {name: tensor} of the outputs.
        case: example -> ({input: array}, {output: array}): its inputs for an example, and the answer of the run
            itself; None: the example can't be answered alone.
        outputs: {name: description}, for the card.
        tables: tf.Modules and tables that the function reads.
        exact: whether the answers should equal the run's. Otherwise the graph splits the text itself, perhaps
            differently, so that answers may differ; such signatures have outputs whose names end in tokens.
        padded: whether the inputs are padded to fixed shapes, so that the outputs are longer than the run's.
    """

    summary: str
    specs: dict
    function: Callable
    case: Callable
    outputs: dict
    tables: tuple = ()
    exact: bool = True
    padded: bool = False


_ARRAYS = "Arrays that the caller makes, with 0 as padding on the right, as the run itself computes them."
_WORD_ARRAYS = f""" They need vocabularies/words.json:

- `tokens`: the position of each word in `words` + 2, or 1 if it is not there; in lower case if `lowercase`.
- `characters`: the same of each character in `characters`; of a word longer than `max_word_length` half from each end.
- `casing`: {", ".join(f"{number} {case}" for number, case in enumerate(CASES))} (`seqzoo.text.casing` defines them).

Tags and labels are given by their positions in the other vocabulary."""
_FRAME_ARRAYS = """

- `frames`: the numbers of each frame as they are; the model standardises them itself.
- `frames_length`: how many frames are real.

Labels are given by their positions in vocabularies/labels.json."""


def arrays(run: "Run") -> Signature:
    """Returns the signature from the arrays of the run's encoder to the decoded outputs of its model."""
    task, inputs = _unpadded(run.task), dict(run.model.input)
    decoded, encode = keras.Model(inputs, task.decoded(run.model)), task.encoder()

    def case(example):
        try:
            given = encode(example)[0]
        except Skip:  # such as a text without words, or a recording that is read in pieces
            return None
        row = row_of(run, example)
        return row and (
            {name: given[name][None] for name in inputs},
            {name: value[None] for name, value in row.items()},
        )

    return Signature(
        summary=_ARRAYS + _asset_arrays(task, inputs),
        specs={name: tf.TensorSpec(tensor.shape, tensor.dtype, name) for name, tensor in inputs.items()},
        function=lambda given: dict(decoded(given, training=False)),
        case=case,
        outputs={name: shape_text(tensor.shape) for name, tensor in decoded.output.items()},
    )


def _asset_arrays(task, inputs):
    """Describes how to make the arrays, for the model card."""
    if "words" in task.assets and any(name.endswith("tokens") for name in inputs):
        return _WORD_ARRAYS
    return _FRAME_ARRAYS if "frames" in inputs and "labels" in task.assets else ""


def shape_text(shape: Iterable[int | None]) -> str:
    """Formats a shape for people, such as [?, ?, 20]."""
    return f"[{', '.join('?' if size is None else str(size) for size in shape)}]"


def padded(signature: Signature, length: int, widths: dict[str, int]) -> Signature:
    """Returns the signature with inputs of fixed shapes: one example of at most `length` steps.

    Args:
        signature: a signature of arrays.
        length: T.
        widths: {input: size of its axes after T}.
    """
    specs = {}
    for name, spec in signature.specs.items():
        shape = [size or (widths.get(name) if axis else length) for axis, size in enumerate(spec.shape[1:])]
        specs[name] = tf.TensorSpec([1, *shape], spec.dtype, name)

    def case(example):
        if (pair := signature.case(example)) is None:
            return None
        inputs, outputs = pair
        missing = {k: [(0, n - m) for n, m in zip(specs[k].shape, v.shape, strict=True)] for k, v in inputs.items()}
        if any(after < 0 for axes in missing.values() for _, after in axes):  # too long
            return None
        return {name: np.pad(value, missing[name]) for name, value in inputs.items()}, outputs

    return dataclasses.replace(signature, specs=specs, case=case, padded=True)


def renamed(signature: Signature) -> Signature:
    """Returns the signature with the names of `onnx.to_onnx`: `next_` before an output with the name of an input."""

    def names(values):
        return {f"next_{name}" if name in signature.specs else name: value for name, value in values.items()}

    def case(example):
        pair = signature.case(example)
        return pair and (pair[0], names(pair[1]))

    return dataclasses.replace(signature, case=case, outputs=names(signature.outputs))


def row_of(run: "Run", example: dict) -> dict | None:
    """Returns {name: array} that the run computes for an example; None if it leaves out the example."""
    ((_, row),) = _unpadded(run.task).feed([example]).outputs(run.predictor)
    return row


def _unpadded(task):
    """Returns the task without static shapes, so that a single example has no padding."""
    if not hasattr(task.config, "static_shapes"):
        return task
    task = copy.copy(task)
    task.config = dataclasses.replace(task.config, static_shapes=False)
    return task


TOKENS = tf.TensorSpec([None, None], tf.string, "tokens")
TEXTS = tf.TensorSpec([None], tf.string, "text")
_SPLIT = {
    "tokens": "[B, T], the tokens of the text",
    "starts": "[B, T], where each token begins in the text, in characters",
    "ends": "[B, T], where it ends",
}


def tagging(
    run: "Run", names: Callable, single: Iterable[str] = (), classes: dict[str, list[str]] | None = None
) -> dict[str, Signature]:
    """Returns the signatures of a tagger of words.

    Args:
        run: a run whose task has the asset "words" and answers with "tokens".
        names: the function from ids to tags in a graph.
        single: see `graph.splitter`.
        classes: {array of further probabilities [B, C]: the names of its classes}; answers of the run have the class
            under the same name.
    """
    given, tables, classes = arrays(run), graph.WordArrays(run.task.assets["words"]), classes or {}

    def tagged(tokens):
        real = tokens != ""
        decoded = given.function(_needed(given, tables(_never_empty(tokens))))
        confidences = tf.where(_like(real, decoded["tags"]), decoded["confidence"], 0.0)
        tags = tf.where(_like(real, decoded["tags"]), names(decoded["tags"]), "")
        width = tf.shape(tokens)[1]  # the model's width is one more if all texts are empty
        likeliest = {
            name: tf.where(
                tf.reduce_any(real, axis=1), tf.gather(tf.constant(labels), tf.argmax(decoded[name], -1)), ""
            )
            for name, labels in classes.items()
        }
        return {"tags": tags[:, :width], "confidences": confidences[:, :width], **likeliest}

    def answer(example):
        row = row_of(run, example)
        if row is None:
            return None
        found = run.task.answer(example, row)
        tags = [token["tag"] for token in found["tokens"]]
        likeliest = {name: np.array([found[name]]) for name in classes}
        return {"tags": np.array([tags]), "confidences": row["confidence"][None, : len(tags)], **likeliest}

    def token_case(example):
        outputs = answer(example)
        return outputs and ({"tokens": np.array([example["tokens"]])}, outputs)

    def text_case(example):
        if "offsets" not in example:  # an example of a corpus
            example, *others = run.task.examples(" ".join(example["tokens"]))
            if others:  # several sentences
                return None
        outputs = answer(example)
        if outputs is None:
            return None
        start, end = example["offsets"][0][1], example["offsets"][-1][2]
        offsets = zip(example["tokens"], example["offsets"], strict=True)
        spans = [(token, first - start, last - start) for token, (_, first, last) in offsets]
        return {"text": np.array([example["text"][start:end]])}, {**_split_arrays(spans), **outputs}

    return {"arrays": given} | _of_words(
        "sentence",
        tagged,
        graph.splitter("words", tuple(single)),
        (token_case, text_case),
        {
            "tags": '[B, T], "" at padding',
            "confidences": "[B, T], the probability of each tag",
            **{name: '[B], "" for an empty sentence' for name in classes},
        },
        tables,
    )


def classification(run: "Run", labels: list[str], split: Callable, kind: str, most: int, multi_label: bool) -> dict:
    """Returns the signatures of a classifier of texts in words.

    Args:
        run: a run whose task has the asset "words".
        labels: the labels, in the order of the probabilities.
        split: the run's own tokenizer, text -> [(token, start, end)].
        kind: name of the tokenizer.
        most: maximum number of tokens to read, see `graph.both_ends`.
        multi_label: whether a text has any number of labels, joined by |.
    """
    given, tables = arrays(run), graph.WordArrays(run.task.assets["words"])

    def classified(tokens):
        some = tf.reduce_any(tokens != "", axis=1)  # [B]
        tokens = graph.both_ends(_never_empty(tokens), most)
        p = given.function(_needed(given, tables(tokens)))["probabilities"]  # [B, C]
        if multi_label:
            every = tf.tile(tf.constant(labels)[None], [tf.shape(p)[0], 1])
            label = tf.strings.reduce_join(tf.ragged.boolean_mask(every, p >= 0.5), axis=-1, separator="|")
        else:
            label = tf.gather(tf.constant(labels), tf.argmax(p, axis=-1))
        return {
            "label": tf.where(some, label, ""),
            "probabilities": tf.where(some[:, None], p, 0.0),
            "labels": tf.constant(labels),
        }

    def text_case(example):
        row = row_of(run, example)
        if row is None:
            return None
        label = run.task.answer(example, row)["label"]
        label = "|".join(label) if multi_label else label
        outputs = {"label": np.array([label]), "probabilities": row["probabilities"][None], "labels": np.array(labels)}
        return {"text": np.array([example["text"]])}, {**_split_arrays(split(example["text"])), **outputs}

    def token_case(example):
        if (pair := text_case(example)) is None:
            return None
        outputs = {name: value for name, value in pair[1].items() if name not in _SPLIT}
        return {"tokens": pair[1]["tokens"]}, outputs

    outputs = {
        "label": '[B], the labels joined by |, "" for an empty text' if multi_label else '[B], "" for an empty text',
        "probabilities": "[B, C]",
        "labels": "[C], the names of the probabilities",
    }
    split_in_graph = graph.splitter(kind, markup=kind == "words")
    return {"arrays": given} | _of_words("text", classified, split_in_graph, (token_case, text_case), outputs, tables)


def similarity(run: "Run", kind: str, most: int, tower: "Tower | None" = None) -> dict[str, Signature]:
    """Returns the signatures of a siamese network of texts in words: arrays, the vector of a text, pairs of texts.

    Args:
        run: a run of a task of pairs with the asset "words".
        kind, most: as of `classification`.
        tower: the run's `models.siamese.Tower`; None: a single text has no vector.
    """
    given, tables = arrays(run), graph.WordArrays(run.task.assets["words"])
    split = graph.splitter(kind, markup=kind == "words")

    def tokens_of(texts):
        return graph.both_ends(_never_empty(split(texts)[0]), most)

    def own(texts):
        """Returns (inputs, outputs): texts and the tokens that the run splits them into."""
        tokens = {
            f"{name}_tokens".removeprefix("text_"): np.array([run.task.tokens(text)]) for name, text in texts.items()
        }
        return {name: np.array([text]) for name, text in texts.items()}, tokens

    def of_pair(inputs):
        tokens = {side: tokens_of(inputs[side]) for side in sides}
        read = {f"{side}_{name}": array for side in sides for name, array in tables(tokens[side]).items()}
        return {"similarity": given.function(_needed(given, read))["similarity"]} | {
            f"{side}_tokens": tokens[side] for side in sides
        }

    def pair_case(example):
        if (row := row_of(run, example)) is None:
            return None
        inputs, tokens = own({side: example[side] for side in sides})
        return inputs, {"similarity": np.array([row["similarity"]]), **tokens}

    def of_text(inputs):
        tokens = tokens_of(inputs["text"])
        return {"vector": tower.tensors(tables(tokens)), "tokens": tokens}

    def text_case(example):
        (vector,) = run.task.vectors(run, [example["first"]])
        inputs, tokens = own({"text": example["first"]})
        return None if vector is None else (inputs, {"vector": vector[None], **tokens})

    sides, what = ("first", "second"), "[B, T], the tokens of the text"
    pair = Signature(
        summary="Pairs of texts, each a string, which the graph splits into tokens.",
        specs={side: tf.TensorSpec([None], tf.string, side) for side in sides},
        function=of_pair,
        case=pair_case,
        outputs={
            "similarity": "[B], from 0 to 1, the ends of the scale; for retrieval the cosine",
            **{f"{side}_tokens": what for side in sides},
        },
        tables=(tables,),
        exact=False,
    )
    if tower is None:
        return {"arrays": given, "pair": pair}
    vector = Signature(
        summary="Texts, each a string, which the graph splits into tokens, and the vector of each.",
        specs={"text": TEXTS},
        function=of_text,
        case=text_case,
        outputs={"vector": f"[B, {tower.width}]", "tokens": what},
        tables=(tables,),
        exact=False,
    )
    return {"arrays": given, "vector": vector, "pair": pair}


def _of_words(what, answer, split, cases, outputs, tables):
    """Returns the signatures `tokens` and `text` of a model that reads words.

    Args:
        what: the word for a text, such as "sentence".
        answer: tokens [B, T] -> {name: tensor}.
        split: texts [B] -> tokens, starts, ends.
        cases: of both signatures.
        outputs, tables: see `Signature`.
    """

    def of_text(inputs):
        parts = dict(zip(_SPLIT, split(inputs["text"]), strict=True))
        return {**parts, **answer(parts["tokens"])}

    of_tokens, case = cases
    return {
        "tokens": Signature(
            summary=f'{what.capitalize()}s that the caller has split into tokens, with "" as padding on the right.',
            specs={"tokens": TOKENS},
            function=lambda inputs: answer(inputs["tokens"]),
            case=of_tokens,
            outputs=outputs,
            tables=(tables,),
        ),
        "text": Signature(
            summary=f"Raw {what}s, each a string, which the graph splits into tokens.",
            specs={"text": TEXTS},
            function=of_text,
            case=case,
            outputs={**_SPLIT, **outputs},
            tables=(tables,),
            exact=False,
        ),
    }


def _split_arrays(spans):
    """Returns the outputs `_SPLIT` of one text from [(token, start, end)]."""
    return {name: np.array([part]) for name, part in zip(_SPLIT, zip(*spans, strict=True), strict=True)}


def _needed(signature, given):
    """Returns the given arrays that a signature takes."""
    return {name: given[name] for name in signature.specs}


def _never_empty(tokens):
    """Puts one unknown token into each empty row of tokens [B, T], as a model reads at least one step."""
    tokens = tf.pad(tokens, [[0, 0], [0, tf.maximum(1 - tf.shape(tokens)[1], 0)]])
    empty = ~tf.reduce_any(tokens != "", axis=1, keepdims=True)
    first = tf.range(tf.shape(tokens)[1])[None] == 0
    return tf.where(empty & first, "<unk>", tokens)


def _like(real, tags):
    """Returns the mask [B, T] with the width of the tags."""
    return tf.pad(real, [[0, 0], [0, tf.shape(tags)[1] - tf.shape(real)[1]]])
