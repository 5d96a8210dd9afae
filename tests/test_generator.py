"""The generator: its conditions decide its output, whether or not it is music."""

import itertools

import keras
import numpy as np
import pytest
from marks import slow, variants

from seqzoo.decoding.sampling import Sampler
from seqzoo.layers.notes import Relations, heights
from seqzoo.models import GeneratorDecoder, generator
from seqzoo.music.encodings import END, FIRST, REST, Encoding

V = 13


def counted(step, first, length=8):
    """A sequence that is no music: it begins with a number and counts by steps, round the clock of ten."""
    return [(first + step * t) % 10 + 2 for t in range(length)]


def shifted(tokens):
    return np.pad(tokens[:, :-1], [(0, 0), (1, 0), (0, 0)])


def test_without_recurrence_a_step_depends_only_on_what_is_known_of_it():
    model = generator(V, 1, ahead=True, dim=4, units=5, rnn="none")
    inputs = {"tokens": np.full((1, 6, 1), 3), "before": np.full((1, 6, 1), 4)}
    inputs |= {"position": np.ones((1, 6), "int32"), "ahead": np.full((1, 6), 5)}
    logits = np.array(model(inputs))
    for name in ("before", "ahead"):
        changed = inputs[name].copy()
        changed[:, 2] = 7
        differs = np.abs(np.array(model({**inputs, name: changed})) - logits).max(axis=(0, 2, 3)) > 1e-6
        np.testing.assert_array_equal(differs, np.arange(6) == 2)


@pytest.mark.parametrize("join", [*slow("both"), *variants("state", "step")])
def test_two_conditions_decide_what_is_generated(join):
    steps, firsts = np.divmod(np.arange(30), 10)  # steps 0, 1, 2 stand for 1, 2, 3
    tokens = np.array([counted(s + 1, f) for s, f in zip(steps, firsts, strict=True)], "int32")[..., None]
    known = {"position": np.ones(tokens.shape[:2], "int32"), "step": steps, "first": firsts}
    keras.utils.set_random_seed(0)
    model = generator(V, 1, {"step": 3, "first": 10}, dim=32, join=join, rnn="gru", units=64, note_units=32)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(0.01), loss)
    model.fit({"tokens": tokens, "before": shifted(tokens), **known}, tokens, batch_size=10, epochs=60, verbose=0)
    sample = Sampler(GeneratorDecoder(model), temperature=0)
    np.testing.assert_array_equal(sample(known, np.zeros((8, 30))), tokens[..., 0])


ENCODING = Encoding("frames", 3, 1)
SETS = {
    "positions": 5, "ages": True, "ahead": True, "pitches": ENCODING.pitch.tolist(), "sets": True, "note_units": 7,
    "conditions": {"style": 4}, "tonic": True,
}  # fmt: skip
INPUTS = ("tokens", "before", "age", "position", "ahead")


def musical(lengths=(7, 4, 5), seed=1):
    """A model of sets of notes with random weights, and a batch of rows for it."""
    model = generator(len(ENCODING.vocabulary), 3, dim=6, units=5, layers=2, **SETS)
    rng = np.random.default_rng(seed)
    for weight in model.trainable_variables:
        weight.assign(rng.normal(0, 0.4, weight.shape))
    batch = {name: np.zeros((3, 7, 3) if name in INPUTS[:3] else (3, 7), "int32") for name in INPUTS}
    batch |= {"style": np.array([0, 3, 1], "int32"), "tonic": np.array([0, 58, 61], "int32")}
    for row, length in enumerate(lengths):
        sets = [sorted(rng.choice(128, 3, replace=False).tolist(), reverse=True) for _ in range(length)]
        tokens = np.array(sets, "int32") + FIRST
        tokens[1, 2] = REST
        batch["tokens"][row, :length] = tokens
        batch["before"][row, :length], batch["age"][row, :length] = ENCODING.inputs(tokens)
        batch["position"][row, :length] = np.arange(length) % 4 + 1
        batch["ahead"][row, :length] = tokens[:, 0]
    return model, batch


def test_padding_and_other_rows_change_nothing_and_a_saved_generator_is_the_same(tmp_path):
    model, batch = musical()
    whole = np.array(model(batch))
    alone = {name: value[1:2, :4] if value.ndim > 1 else value[1:2] for name, value in batch.items()}
    np.testing.assert_allclose(whole[1, :4], np.array(model(alone))[0], atol=1e-4)
    garbage = {**batch, "tokens": np.where(batch["position"][..., None] > 0, batch["tokens"], 9)}
    garbage["before"] = np.where(batch["position"][..., None] > 0, batch["before"], 11)
    np.testing.assert_allclose(np.array(model(garbage))[1, :4], whole[1, :4], atol=1e-4)
    for name in ("style", "age", "ahead", "before", "tonic"):
        other = np.array(model({**batch, name: np.where(batch[name] > 0, batch[name] - 1, 1)}))
        assert np.abs(whole - other)[0, :, :, FIRST].max() > 1e-4, name
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras", compile=False)
    np.testing.assert_allclose(loaded(batch), whole, atol=1e-5)

    decoder = GeneratorDecoder(loaded, advance=ENCODING.advance)  # step by step, as it is sampled
    fixed, state = decoder.start(batch)
    values = np.zeros(3, "int32")
    for t, slot in itertools.product(range(4), range(3)):
        (logits, _), state = decoder.step(values, fixed, state)
        np.testing.assert_allclose(logits, whole[:, t, slot], atol=1e-4)
        values = batch["tokens"][:, t, slot]
    known = {name: batch[name] for name in ("position", "ahead", "style", "tonic")}
    expected = decoder.score(batch, batch["tokens"])
    given = decoder.score(known, batch["tokens"].reshape(3, -1))  # what stands before each step is computed
    real = batch["position"] > 0
    np.testing.assert_allclose(given.reshape(expected.shape)[real], expected[real], atol=1e-4)


def test_the_probabilities_of_all_sets_of_notes_sum_to_one():
    pitches = [-9, -9, -2, -1, 50, 53, 57, 61]
    model = generator(8, 2, pitches=pitches, sets=True, dim=4, units=5, note_units=6)
    for weight in model.trainable_variables:
        weight.assign(np.random.default_rng(len(weight.path)).normal(0, 0.5, weight.shape))
    notes = range(4, 8)
    sets = [(2, 3), (3, 3), *((note, 3) for note in notes), *itertools.combinations(sorted(notes, reverse=True), 2)]
    tokens = np.array(sets, "int32")[:, None]
    inputs = {"tokens": tokens, "before": np.full_like(tokens, 5), "position": np.ones((len(sets), 1), "int32")}
    p = np.exp(GeneratorDecoder(model).score(inputs, tokens).sum(axis=-1))
    np.testing.assert_allclose(p.sum(), 1, atol=1e-3)
    assert p.min() > 1e-15
    upside_down = {**inputs, "tokens": tokens[:, :, ::-1]}
    assert GeneratorDecoder(model).score(upside_down, tokens[:, :, ::-1]).sum(axis=-1)[-6:].max() < -1000


def test_what_is_related_to_other_notes_is_the_same_in_another_key():
    model, _ = musical()
    notes, pitches = model.get_layer("notes"), ENCODING.pitch
    both = np.random.default_rng(0).normal(size=(4, 12)).astype("float32")
    low = FIRST + np.array([[60, 55, 48], [62, 54, 40], [70, 0, 0], [64, 63, 62]], "int32")
    low[2, 1:] = REST
    here, there = (
        np.array(notes._summed(*notes._related(both, heights(ENCODING.transpose(low, shift), pitches))))
        for shift in (0, 5)
    )
    np.testing.assert_allclose(here[:, FIRST : FIRST + 123], there[:, FIRST + 5 : FIRST + 128], atol=1e-5)
    assert np.abs(here[2, FIRST + 46 : FIRST + 95]).min() > 0 and not here[2, FIRST + 95 : FIRST + 128].any()


def test_a_sampler_takes_what_is_given_and_ends_where_it_should():
    model, batch = musical()
    known = {name: batch[name] for name in ("position", "ahead", "style", "tonic")}
    known["position"] = np.tile(np.arange(7) % 4 + 1, (3, 1))
    noise = np.random.default_rng(0).random((7, 3, 3))
    given = np.zeros((7, 3, 3), "int32")
    given[:2, 0], given[1, 1] = FIRST + 90, FIRST + 40
    given[4, 0, 1] = END
    sampler = Sampler(GeneratorDecoder(model, ENCODING.barred(), ENCODING.advance), (), (END,))
    ids = sampler(known, noise.reshape(-1, 3), given.reshape(-1, 3)).reshape(3, 7, 3)
    assert (ids[:, :2, 0] == FIRST + 90).all() and (ids[:, 1, 1] == FIRST + 40).all()
    assert ids[1, 4].tolist() == [END, 0, 0] and not ids[1, 5:].any()
    pitches = ENCODING.pitch[ids]
    assert (np.diff(pitches[pitches[..., 0] >= 0], axis=-1) <= 0).all()
    alone = {name: value[1:2] for name, value in known.items()}
    again = sampler(alone, noise[..., 1].reshape(-1, 1), given[..., 1].reshape(-1, 1))
    np.testing.assert_array_equal(again[0], ids[1].ravel())
    samples, parts = sampler.start(alone), []  # in blocks that begin within a step
    for first, last in ((0, 4), (4, 11), (11, 21)):
        block = (numbers[..., 1].reshape(-1, 1)[first:last] for numbers in (noise, given))
        part, samples = sampler.draw(samples, *block)
        parts.append(part)
    np.testing.assert_array_equal(np.concatenate(parts, axis=1), again)


def test_parallel_motion_is_told_by_the_interval_it_keeps():
    model, _ = musical()
    notes, both = model.get_layer("notes"), np.ones((3, 12), "float32")
    notes.parallels.assign(np.tile(np.arange(24.0), (12, 1)))  # 12 numbers of ones: 12 times its place
    last = 1 + np.array([[67, 60, 50], [72, 60, 50], [67, 60, 50]], "float32")
    standing = 1 + np.array([[69], [71], [67]], "float32")  # up by 2, down by 1, held
    said, pitches = (np.array(part) for part in notes._parallel(both, standing, last))
    assert pitches.tolist() == [[62], [59], [-1000]]
    assert said[:2].tolist() == [[12 * 7], [12 * 0]]  # fifths, octaves


def test_relations_are_the_same_in_another_key_and_tell_chords_apart():
    chords = np.array([[[60, 55, 48, 62, 54, 48], [0, 0, 0, 62, 54, 48], [60, 55, 48, 62, 53, 48]]], "float32")
    layer = Relations(3, dim=3)
    here = np.array(layer(chords))
    np.testing.assert_array_equal(layer(np.where(chords > 0, chords + 7, 0)), here)
    assert here.shape == (1, 3, 15)
    assert (here[0, 0] != here[0, 1]).any() and (here[0, 0] != here[0, 2]).any()


@pytest.mark.parametrize(
    "arguments, words",
    [
        ({"join": "steps"}, "join should be state, step or both"),
        ({"output": "pitches"}, "output should be notes or independent"),
        ({"rnn": "bigru"}, "reads forward is needed"),
    ],
)
def test_impossible_models_are_refused(arguments, words):
    with pytest.raises(ValueError, match=words):
        generator(V, **arguments)


def test_a_misspelt_option_is_refused_and_an_independent_generator_does_not_generate():
    with pytest.raises(TypeError, match="'weight_dropp'. Did you mean 'weight_drop'"):
        generator(V, weight_dropp=0.1)
    model = generator(V, output="independent", dim=3, units=3)
    with pytest.raises(ValueError, match="'independent' only scores"):
        GeneratorDecoder(model).start({"position": np.ones((1, 2))})
    scores = GeneratorDecoder(model).score(
        {"position": np.ones((1, 2)), "before": np.ones((1, 2, 1))}, np.zeros((1, 2, 128))
    )
    assert scores.shape == (1, 2, 1) and (scores < 0).all()
