"""Signatures of an exported recommender: histories as ids, and as the names of items."""

from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

from seqzoo.export import graph
from seqzoo.export.signatures import Signature, row_of
from seqzoo.models.next_items import BEGIN

if TYPE_CHECKING:
    from seqzoo.training.folder import Run


COUNT = 20  # items that an exported run recommends
ITEMS = tf.TensorSpec([None, None], tf.string, "items")
_OUTPUTS = {"probabilities": "[B, K], which sum to 1 over all candidates"}


def recommendation(run: "Run", repeats: bool) -> dict[str, Signature]:
    """Returns the signatures of a recommender.

    Args:
        run: a run whose predictor is a `models.next_items.NextItems` and whose task has the asset "items".
        repeats: whether items of a history are recommended, too.
    """
    vocabulary, predictor = run.task.assets["items"], run.predictor
    table, names = graph.open_table(vocabulary), tf.constant(["", "", *vocabulary.tokens[2:]])
    encode, count = run.task.encoder(), min(COUNT, len(vocabulary))

    def best(tokens):
        found = predictor.best(*predictor.scores(tokens, repeats))
        return {name: value[:, :count] for name, value in found.items()}

    def of_names(inputs):
        ids = table.lookup(inputs["items"])
        known = tf.ragged.boolean_mask(ids, ids > BEGIN)  # without unknown items and padding
        begun = tf.concat([tf.fill([tf.shape(ids)[0], 1], BEGIN), known], axis=1)
        found = best(begun.to_tensor(0))
        return {"next": tf.gather(names, found["items"]), "probabilities": found["probabilities"]}

    def array_case(example):
        row = row_of(run, example)
        if row is None:
            return None
        outputs = {name: row[name][None, :count] for name in ("items", "probabilities")}
        return {"tokens": encode(example)[0]["tokens"][None]}, outputs

    def name_case(example):
        pair = array_case(example)
        if pair is None:
            return None
        history = run.task.answer(example, None)["history"]
        found = np.array(["", "", *vocabulary.tokens[2:]])[pair[1]["items"]]
        return {"items": np.array([history], str)}, {"next": found, "probabilities": pair[1]["probabilities"]}

    return {
        "arrays": Signature(
            summary=f"Histories as ids: {BEGIN}, then the positions of the items in vocabularies/items.json + 2, with "
            "0 as padding on the right.",
            specs={"tokens": tf.TensorSpec([None, None], tf.int32, "tokens")},
            function=lambda inputs: best(inputs["tokens"]),
            case=array_case,
            outputs={"items": "[B, K] ids, the likeliest first", **_OUTPUTS},
        ),
        "items": Signature(
            summary='Histories as names of items, the oldest first, with "" as padding on the right. Items that '
            "training did not have are left out.",
            specs={"items": ITEMS},
            function=of_names,
            case=name_case,
            outputs={"next": "[B, K] names, the likeliest first", **_OUTPUTS},
            tables=(table,),
        ),
    }
