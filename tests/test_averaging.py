"""The average of several models. That of a run with itself is the run: see test_contract.py."""

import itertools

import numpy as np
import pytest

from seqzoo.inputs import frames
from seqzoo.layers.crf import viterbi
from seqzoo.models import averaged, class_decoder, classifier, decoder, tagger

LENGTHS = (4, 2)


def models(build, **options):
    """Two models with other random weights, and inputs for them."""
    found = []
    for seed in range(2):
        model, rng = build(front=frames(3), units=4, layers=1, **options), np.random.default_rng(seed)
        for weight in model.trainable_weights:
            weight.assign(rng.normal(0, 1, weight.shape))
        found.append(model)
    x = np.random.default_rng(2).normal(size=(2, 4, 3)).astype("float32")
    return found, {"frames": x, "frames_length": np.array(LENGTHS, "int32")}


def pooled(p, q):
    """The normalised geometric mean of two distributions."""
    mean = np.sqrt(np.asarray(p) * np.asarray(q))
    return mean / mean.sum(axis=-1, keepdims=True)


def distribution(potentials, steps):
    """The probabilities of all sequences of 3 tags, given potentials [T, 3, 3]."""
    scores = [
        sum(potentials[t, tags[t - 1] if t else 0, tags[t]] for t in range(steps))
        for tags in itertools.product(range(3), repeat=steps)
    ]
    p = np.exp(scores - np.max(scores))
    return p / p.sum()


def test_averaged_classifiers_give_the_geometric_mean_of_their_distributions():
    found, inputs = models(classifier, classes=3)
    p, q = (np.asarray(class_decoder(model)(inputs)["probabilities"]) for model in found)
    mean = np.asarray(class_decoder(averaged(found))(inputs)["probabilities"])
    assert np.abs(p - q).max() > 0.1
    np.testing.assert_allclose(mean, pooled(p, q), atol=1e-6)


def test_averaged_crfs_give_the_geometric_mean_over_whole_sequences_of_tags():
    found, inputs = models(tagger, tags=3)
    mean = averaged(found)
    p, q, both = (np.asarray(model(inputs)) for model in (*found, mean))
    tags = np.asarray(decoder(mean)(inputs)["tags"])
    for row, steps in enumerate(LENGTHS):
        expected = pooled(distribution(p[row], steps), distribution(q[row], steps))
        np.testing.assert_allclose(distribution(both[row], steps), expected, atol=1e-5)
        best = [*itertools.product(range(3), repeat=steps)][expected.argmax()]
        assert tuple(tags[row, :steps]) == best
    alone = [np.asarray(viterbi(each)[0]) for each in (p, q)]
    assert (alone[0] != alone[1]).any()


def test_models_that_differ_in_their_outputs_are_refused():
    (first, _), (other, _) = models(classifier, classes=3)[0], models(classifier, classes=2)[0]
    with pytest.raises(ValueError, match="same inputs and outputs"):
        averaged([first, other])
