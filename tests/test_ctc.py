"""CTC against the sum over all paths, and padding that changes nothing."""

import itertools

import keras
import numpy as np
import pytest
from backends import weight_gradients
from keras import ops

from seqzoo.decoding.ctc import CTCDecode
from seqzoo.inputs import frames, ids
from seqzoo.layers.ctc import CTCLoss, force_blank, frames_given, frames_needed
from seqzoo.models import transcriber, transcription_decoder
from seqzoo.models.transcriber import cut

B, T, V = 4, 5, 3
LENGTHS = np.array([5, 3, 4, 2])
LABELS = np.array([[1, 1, 2], [2, 0, 0], [1, 2, 1], [0, 0, 0]])
MASK = np.arange(T) < LENGTHS[:, None]


def logits(steps=T, seed=0):
    """Random logits, with large ones at the padded frames."""
    real = np.random.default_rng(seed).normal(size=(B, T, V))
    garbage = 50 * np.random.default_rng(9).normal(size=(B, steps, V))
    garbage[:, :T] = np.where(MASK[..., None], real, garbage[:, :T])
    return garbage.astype("float32"), np.arange(steps) < LENGTHS[:, None]


def collapsed(path):
    return [label for label, _ in itertools.groupby(path) if label]


def log_probability(z, labels):
    """log of the sum over all paths of logits z [T, V] that stand for the labels."""
    p = np.exp(z) / np.exp(z).sum(-1, keepdims=True)
    paths = itertools.product(range(V), repeat=len(z))
    with np.errstate(divide="ignore"):
        return np.log(sum(p[range(len(z)), path].prod() for path in paths if collapsed(path) == labels))


def losses(z, mask, labels=LABELS):
    return np.array(CTCLoss(reduction=None)(labels, force_blank(z, ops.convert_to_tensor(mask))))


def test_the_loss_is_the_sum_over_all_paths():
    z, mask = logits()
    expected = [-log_probability(row[:n], [y for y in ys if y]) for row, n, ys in zip(z, LENGTHS, LABELS, strict=True)]
    np.testing.assert_allclose(losses(z, mask), expected, rtol=1e-5)


def test_padded_frames_labels_and_rows_change_neither_loss_nor_gradient():
    def results(steps, rows=slice(None), more=0):
        z, mask = logits(steps)
        z = keras.Variable(z[rows])
        labels, weights = np.pad(LABELS[rows], [(0, 0), (0, more)]), np.array([1.0, 2.0, 0.5, 0.0])[rows]

        def loss():
            return CTCLoss()(labels, force_blank(z, ops.convert_to_tensor(mask[rows])), sample_weight=weights)

        value, (gradient,) = weight_gradients(loss, [z])
        return float(value), ops.convert_to_numpy(gradient)

    value, gradient = results(T)
    assert not gradient[~MASK].any() and np.isfinite(gradient).all() and np.abs(gradient).max() > 0.01
    for other in (results(T + 17, more=2), results(T, slice(0, 3))):
        np.testing.assert_allclose(other[0], value, rtol=1e-6)
        np.testing.assert_allclose(other[1][:, :T], gradient[: len(other[1])], atol=1e-6)
        assert not other[1][:, T:].any()
    alone = losses(logits()[0][1:2, :3], MASK[1:2, :3], LABELS[1:2, :1])
    np.testing.assert_allclose(losses(logits(T + 17)[0], logits(T + 17)[1])[1:2], alone, rtol=1e-6)


def test_labels_without_enough_frames_have_an_infinite_loss_and_no_gradient():
    assert [frames_needed(labels) for labels in ([], [3], [1, 2], [1, 1, 2], [2, 2, 2])] == [0, 1, 2, 4, 5]
    for labels in LABELS:
        labels = labels[labels > 0]
        z = np.zeros((frames_needed(labels), V))
        assert np.isfinite(log_probability(z, [*labels]))
        assert not len(labels) or np.isinf(log_probability(z[1:], [*labels]))
    z, mask = logits()
    long = np.array([[1, 1, 1, 1], [1, 1, 2, 0], [1, 2, 1, 2], [2, 2, 0, 0]])
    np.testing.assert_array_equal(np.isinf(losses(z, mask, long)), [True, True, False, True])
    z = keras.Variable(z)
    _, (gradient,) = weight_gradients(lambda: CTCLoss()(long, force_blank(z, ops.convert_to_tensor(mask))), [z])
    moved = np.abs(ops.convert_to_numpy(gradient)).max(axis=(1, 2)) > 0
    np.testing.assert_array_equal(moved, [False, False, True, False])


def test_greedy_decoding_merges_repeats_and_drops_blanks():
    paths = np.array([[1, 1, 0, 1, 2], [0, 2, 2, 1, 1], [2, 1, 2, 0, 0], [0, 0, 1, 1, 1]])
    z = 4.0 * np.eye(V)[paths] + np.random.default_rng(0).normal(size=(B, T, V))
    for more in (0, 3):
        mask = np.arange(T + more) < LENGTHS[:, None]
        answer = CTCDecode()(force_blank(np.pad(z, [(0, 0), (0, more), (0, 0)]), ops.convert_to_tensor(mask)))
        for row, length in enumerate(LENGTHS):
            expected = collapsed(paths[row, :length])
            assert [*answer["labels"][row]] == expected + [0] * (T + more - len(expected))
            log_p = z[row, :length] - np.log(np.exp(z[row, :length]).sum(-1, keepdims=True))
            np.testing.assert_allclose(answer["log_probability"][row], log_p.max(-1).sum(), rtol=1e-4)


def decoded(z, **options):
    """The answers of a decoder, as NumPy arrays, to logits with padding."""
    answers = CTCDecode(**options)(force_blank(*map(ops.convert_to_tensor, z)))
    return {name: np.asarray(x) for name, x in answers.items()}


def alignment(z, labels):
    """The best path of logits z [T, V] that stands for the labels, and its tokens: (begin, end, confidence)."""
    p = np.exp(z) / np.exp(z).sum(-1, keepdims=True)
    paths = [path for path in itertools.product(range(V), repeat=len(z)) if collapsed(path) == labels]
    path = max(paths, key=lambda path: p[range(len(z)), path].prod())
    runs = [[*run] for _, run in itertools.groupby(range(len(z)), key=lambda t: path[t])]
    runs = [run for run in runs if path[run[0]]]
    return [(run[0], run[-1] + 1, np.mean([p[t, path[t]] for t in run])) for run in runs]


@pytest.mark.parametrize("more", [0, 2])
def test_a_wide_prefix_search_finds_what_exhaustive_search_finds(more):
    z, mask = logits(T + more)
    texts = [list(text) for n in range(T + 1) for text in itertools.product(range(1, V), repeat=n)]
    found = decoded((z, mask), beam=100, n_best=8)
    for row, length in enumerate(LENGTHS):
        real = z[row, :length]
        expected = sorted(((log_probability(real, text), text) for text in texts), reverse=True)[:8]
        for k, (score, text) in enumerate(expected):
            if np.isinf(score):
                assert np.isinf(found["log_probability"][row, k]) and not found["labels"][row, k].any()
                continue
            np.testing.assert_allclose(found["log_probability"][row, k], score, rtol=1e-4)
            assert [*found["labels"][row, k]] == text + [0] * (T + more - len(text))
            for u, token in enumerate(alignment(real, text)):
                values = [found[name][row, k, u] for name in ("begin", "end", "confidence")]
                np.testing.assert_allclose(values, token, rtol=1e-4)
            assert not found["end"][row, k, len(text) :].any()


def prefix_search(z, width):
    """Prefix beam search in dictionaries: [(log probability, labels)], best first."""
    p = np.exp(z) / np.exp(z).sum(-1, keepdims=True)
    beams = {(): (1.0, 0.0)}
    for now in p:
        grown = {}
        for prefix, (blank, label) in beams.items():
            for c in range(V):
                if c == 0:
                    moves = [(prefix, (blank + label) * now[0], 0.0)]
                elif prefix and c == prefix[-1]:
                    moves = [(prefix, 0.0, label * now[c]), ((*prefix, c), 0.0, blank * now[c])]
                else:
                    moves = [((*prefix, c), 0.0, (blank + label) * now[c])]
                for text, *more in moves:
                    grown[text] = tuple(np.add(grown.get(text, (0.0, 0.0)), more))
        beams = dict(sorted(grown.items(), key=lambda item: -sum(item[1]))[:width])
    return [(np.log(sum(parts)), [*text]) for text, parts in beams.items() if sum(parts)]


@pytest.mark.parametrize("width", [1, 2, 5])
def test_a_narrow_prefix_search_is_that_of_dictionaries(width):
    rng = np.random.default_rng(3)
    z = rng.normal(0, 2, (3, 12, V)).astype("float32")
    found = decoded((z, np.ones((3, 12), bool)), beam=width, n_best=max(width, 2))
    for row in range(3):
        for k, (score, text) in enumerate(prefix_search(z[row], max(width, 2))):
            np.testing.assert_allclose(found["log_probability"][row, k], score, rtol=1e-4)
            assert [*found["labels"][row, k, : len(text)]] == text


def test_greedy_labels_have_the_times_and_confidences_of_their_path():
    z = np.log(np.array([[[0.1, 0.8, 0.1], [0.3, 0.6, 0.1], [0.8, 0.1, 0.1], [0.2, 0.7, 0.1], [0.2, 0.1, 0.7]]]))
    found = decoded((z.astype("float32"), np.ones((1, 5), bool)))
    np.testing.assert_array_equal(found["labels"], [[1, 1, 2, 0, 0]])
    np.testing.assert_array_equal(found["begin"], [[0, 3, 4, 0, 0]])
    np.testing.assert_array_equal(found["end"], [[2, 4, 5, 0, 0]])
    np.testing.assert_allclose(found["confidence"], [[0.7, 0.7, 0.7, 0, 0]], rtol=1e-5)


FRONTS = {"frames": lambda: frames(2), "tokens": lambda: ids(9, 4)}


def random_transcriber(front="frames", **options):
    model = transcriber(V, FRONTS[front](), **{"units": 8, "layers": 1, "filters": 4, **options})
    rng = np.random.default_rng(0)
    for weight in model.weights:  # fresh zeros would hide what padding does
        weight.assign(rng.normal(0, 0.5, weight.shape))
    return model


@pytest.mark.parametrize("options", [{}, {"subsample": 2}, {"subsample": 4, "rnn": "gru"}, {"upsample": 3}], ids=str)
def test_padding_changes_nothing_whatever_the_factors(options):
    model = random_transcriber(**options)
    x = np.random.default_rng(1).normal(size=(B, T + 4, 2)).astype("float32")  # garbage behind the ends
    factors = {name: value for name, value in options.items() if name != "rnn"}
    for steps in (T, T + 3, T + 4):
        found = np.asarray(model({"frames": x[:, :steps], "frames_length": LENGTHS}))
        assert found.shape[1] == frames_given(steps, **factors)
        for row, length in enumerate(LENGTHS):
            alone = model({"frames": x[row : row + 1, :length], "frames_length": LENGTHS[row : row + 1]})[0]
            given = frames_given(length, **factors)
            assert len(alone) == given
            np.testing.assert_allclose(found[row, :given], alone, atol=1e-5)
            assert (found[row, given:] == [0] + [-1e4] * (V - 1)).all()


def test_each_letter_can_give_several_labels_where_steps_are_repeated():
    model = random_transcriber("tokens", upsample=3)
    assert model({"tokens": np.array([[3, 4]])}).shape == (1, 6, V)
    with pytest.raises(ValueError, match="power of two"):
        random_transcriber(subsample=3)
    with pytest.raises(ValueError, match="at least 1"):
        random_transcriber(upsample=0)


def test_a_transcriber_that_reads_forward_reads_a_long_sequence_in_pieces():
    model = random_transcriber(rnn="lstm", layers=2)
    embed, read = cut(model)
    x = np.random.default_rng(1).normal(size=(1, 7, 2)).astype("float32")
    whole = model({"frames": x, "frames_length": np.array([7])})
    state, pieces = [ops.zeros((1, part.shape[-1])) for part in read.inputs[2:]], []
    for piece in (x[:, :3], x[:, 3:4], x[:, 4:]):
        features, mask = embed({"frames": piece, "frames_length": np.array([piece.shape[1]])})
        logits, *state = read([features, mask, *state])
        pieces.append(logits)
    np.testing.assert_allclose(np.concatenate(pieces, axis=1), whole, atol=1e-5)


@pytest.mark.slow
@pytest.mark.variant
def test_a_model_learns_to_transcribe_and_is_saved(tmp_path):
    keras.utils.set_random_seed(0)
    x = np.random.default_rng(0).normal(size=(B, T, 2)).astype("float32")
    inputs = {"frames": x, "frames_length": LENGTHS}
    model = transcriber(V, frames(2), units=8, layers=1)
    model.compile(keras.optimizers.Adam(0.05), CTCLoss())
    history = model.fit(inputs, LABELS, epochs=150, batch_size=B, verbose=0).history["loss"]
    assert history[-1] < 0.1 * history[0]
    predictor = transcription_decoder(model)
    np.testing.assert_array_equal(predictor(inputs)["labels"][:, :3], LABELS)
    predictor.save(tmp_path / "model.keras")
    model.save(tmp_path / "trained.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(again(inputs)["labels"], predictor(inputs)["labels"])
    np.testing.assert_allclose(
        keras.models.load_model(tmp_path / "trained.keras").evaluate(inputs, LABELS, batch_size=B, verbose=0),
        model.evaluate(inputs, LABELS, batch_size=B, verbose=0), rtol=1e-5,
    )  # fmt: skip


@pytest.mark.slow
@pytest.mark.variant
@pytest.mark.tensorflow("compares graph and eager")
def test_the_loss_compiles_under_xla():
    z, mask = logits()
    model = transcriber(V, frames(2), units=8, layers=1)
    model.compile("adam", CTCLoss(), jit_compile=True)
    inputs = {"frames": z[..., :2], "frames_length": LENGTHS}
    expected = CTCLoss()(LABELS, model(inputs))
    np.testing.assert_allclose(model.train_on_batch(inputs, LABELS), expected, rtol=1e-4)
