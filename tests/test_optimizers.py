import keras
import numpy as np
import pytest
from backends import weight_gradients
from keras import ops

from seqzoo.options import OPTIMIZERS, SCHEDULES, Training
from seqzoo.training.optimizers import LazyAdam, averaged, optimizer, schedule


def config(**kwargs):
    """Options with every remedy off but those given."""
    off = {"learning_rate": 0.1, "schedule": "constant", "clip_norm": 0.0, "average": 0.0}
    return Training(**{**off, **kwargs})


def variables(*values):
    return [keras.Variable(np.array(value, "float32")) for value in values]


def rows(indices, values, size):
    """The gradient of a lookup of `indices` in a table of `size` rows: on TensorFlow those rows."""
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        values = tf.constant(values, "float32")
        return tf.IndexedSlices(values, tf.constant(indices), tf.constant([size, values.shape[1]]))
    dense = np.zeros((size, len(values[0])), "float32")
    np.add.at(dense, indices, values)
    return ops.convert_to_tensor(dense)


def apply(made, grads, weights):
    """One step, on TensorFlow in a graph as in training."""
    made.build(weights)  # the first time; later it must do nothing
    in_graph(lambda: made.apply(grads, weights))()


def in_graph(function):
    if keras.backend.backend() != "tensorflow":
        return function
    import tensorflow as tf

    return tf.function(function)


def test_a_dense_gradient_is_adams_to_rounding():
    values = np.random.default_rng(0).normal(size=(3, 4, 5))
    ours, theirs = variables(values[0]), variables(values[0])
    lazy, adam = LazyAdam(0.1), keras.optimizers.Adam(0.1)
    for gradient in values[1:].astype("float32"):
        for made, weights in ((lazy, ours), (adam, theirs)):
            made.apply([ops.convert_to_tensor(gradient)], weights)
    np.testing.assert_allclose(ours[0], theirs[0], atol=1e-5)
    assert np.abs(ours[0] - values[0]).min() > 0.01


@pytest.mark.tensorflow("gradients in rows are TensorFlow's")
@pytest.mark.parametrize("make", [lambda: LazyAdam(0.1), lambda: optimizer(config(), 1)], ids=["alone", "by_name"])
def test_rows_that_were_touched_move_as_by_adam_and_no_others(make):
    table = np.random.default_rng(0).normal(size=(5, 2))
    ours, theirs = variables(table), variables(table)
    lazy, adam = make(), keras.optimizers.Adam(0.1)
    # Row 3 comes twice: Adam sees its summed gradient.
    apply(lazy, [rows([3, 1, 3], [[1, 2], [3, 4], [-3, 1]], 5)], ours)
    dense = np.zeros((5, 2), "float32")
    dense[1], dense[3] = [3, 4], [-2, 3]
    adam.apply([ops.convert_to_tensor(dense)], theirs)
    np.testing.assert_allclose(ours[0], theirs[0], rtol=1e-6)

    # Adam's momentum would go on moving rows 1 and 3; here they wait for their next batch.
    before = np.array(ours[0])
    apply(lazy, [rows([0], [[1, 1]], 5)], ours)
    np.testing.assert_array_equal(np.abs(ours[0] - before).max(axis=1) > 0, [True, False, False, False, False])

    # Their moments are still there then: Kingma & Ba's recursion, with the step t of the whole.
    apply(lazy, [rows([1], [[1, -1]], 5)], ours)
    m, v = 0.1 * np.array([3, 4]), 0.001 * np.array([9, 16])
    m, v = 0.9 * m + 0.1 * np.array([1, -1]), 0.999 * v + 0.001
    step = 0.1 * (m / (1 - 0.9**3)) / np.sqrt(v / (1 - 0.999**3))
    np.testing.assert_allclose(ours[0][1], before[1] - step, rtol=1e-4)


def test_gradients_are_clipped_by_their_global_norm():
    def step(clip_norm):
        weights = variables([0.0], [[0.0], [0.0], [0.0]])
        made = optimizer(config(optimizer="sgd", learning_rate=1, clip_norm=clip_norm), 1)
        # 3 and, in one row named twice, 2 + 2: the norm is 5.
        apply(made, [ops.convert_to_tensor([3.0]), rows([1, 1], [[2], [2]], 3)], weights)
        return [-float(weights[0][0]), *(-np.array(weights[1])[:, 0])]

    np.testing.assert_allclose(step(1.0), [0.6, 0, 0.8, 0], rtol=1e-6)
    np.testing.assert_allclose(step(5.5), [3, 0, 4, 0], rtol=1e-6)  # below the limit nothing is scaled
    np.testing.assert_allclose(step(0.0), [3, 0, 4, 0], rtol=1e-6)


def test_gradients_are_clipped_by_value_first():
    weights = variables([0.0, 0.0], [[0.0], [0.0]])
    made = optimizer(config(optimizer="sgd", learning_rate=1, clip_value=3.0, clip_norm=2.5), 1)
    apply(made, [ops.convert_to_tensor([-4.0, 0.0]), rows([1, 1], [[-1], [9]], 2)], weights)
    expected = 2.5 / np.sqrt(18) * 3
    np.testing.assert_allclose(weights[0], [expected, 0], rtol=1e-6)
    np.testing.assert_allclose(weights[1], [[0], [-expected]], rtol=1e-6)


def test_a_weight_that_the_loss_does_not_reach_stays():
    weights = variables([1.0], [2.0])
    made = optimizer(config(clip_norm=1.0, clip_value=1.0, average=0.9), 1)
    with pytest.warns(UserWarning, match="Gradients do not exist"):
        apply(made, [ops.convert_to_tensor([1.0]), None], weights)
    assert float(weights[0][0]) < 1 and float(weights[1][0]) == 2


def test_averages_follow_their_recursion():
    weights = variables([1.0])
    made = optimizer(config(optimizer="sgd", learning_rate=1, average=0.3), 1)
    weight = average = 1.0
    for t, decay in ((1, 2 / 11), (2, 3 / 12), (3, 0.3), (4, 0.3)):
        apply(made, [ops.convert_to_tensor([0.5 * t])], weights)
        weight -= 0.5 * t
        average = decay * average + (1 - decay) * weight
        np.testing.assert_allclose(made.averages[0].average, [average], rtol=1e-5)
        np.testing.assert_allclose(weights[0], [weight], rtol=1e-6)


@pytest.mark.tensorflow("gradients in rows are TensorFlow's")
def test_averages_of_rows_that_wait_are_those_of_all_steps(monkeypatch):
    monkeypatch.setattr("seqzoo.training.optimizers.ROWS", 2)
    (table,) = weights = variables(np.random.default_rng(0).normal(size=(5, 2)))
    made = optimizer(config(average=0.7), 1)
    average = np.array(table)
    for t, read in enumerate(([1, 3], [3], [0, 3, 3], [1], [3]), 1):
        apply(made, [rows(read, [[1.0, t]] * len(read), 5)], weights)
        decay = min(0.7, (1 + t) / (10 + t))
        average = decay * average + (1 - decay) * np.array(table)
    assert np.abs(average - np.array(table)).max() > 0.01
    made.averages[0].take()
    np.testing.assert_allclose(table, average, rtol=1e-5)


class Scaled(keras.layers.Layer):
    def build(self, shape):
        self.scale = self.add_weight((), "ones")

    def call(self, x):
        return self.scale * x


def test_averaged_weights_are_swapped_in_and_out():
    keras.utils.set_random_seed(0)
    inputs = keras.Input((3,))
    model = keras.Model(inputs, Scaled()(keras.layers.Dense(2)(inputs)))
    model.compile(optimizer(config(average=0.9), 1), "mse")
    rng = np.random.default_rng(0)
    model.fit(rng.normal(size=(8, 3)), rng.normal(size=(8, 2)), batch_size=2, epochs=2, verbose=0)
    own, averages = model.get_weights(), [np.array(one.average) for one in model.optimizer.averages]
    assert all(np.abs(a - b).max() > 1e-4 for a, b in zip(own, averages, strict=True))

    with pytest.raises(RuntimeError), averaged(model):
        for weight, average in zip(model.get_weights(), averages, strict=True):
            np.testing.assert_array_equal(weight, average)
        raise RuntimeError
    for before, after in zip(own, model.get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)


def test_without_averaging_the_weights_are_their_own():
    inputs = keras.Input((3,))
    model = keras.Model(inputs, keras.layers.Dense(2)(inputs))
    model.compile(optimizer(config(), 1), "mse")
    model.optimizer.build(model.trainable_variables)
    own = model.get_weights()
    with averaged(model):
        np.testing.assert_array_equal(model.get_weights()[0], own[0])
    np.testing.assert_array_equal(model.get_weights()[0], own[0])


# 4 epochs of 5 steps; a decay of 0.5 each 2 epochs.
RATES = {
    "constant": {0: 0.8, 7: 0.8, 19: 0.8},
    "exponential": {0: 0.8, 9: 0.8, 10: 0.4, 19: 0.4, 20: 0.2},
    "inverse_time": {0: 0.8, 5: 0.8 / 1.25, 10: 0.8 / 1.5, 20: 0.4},
    "cosine": {0: 0.8, 5: 0.4 * (1 + np.sqrt(0.5)), 10: 0.4, 15: 0.4 * (1 - np.sqrt(0.5)), 20: 0},
}


@pytest.mark.parametrize("name", SCHEDULES)
def test_each_schedule_falls_as_its_name_says(name):
    options = {"schedule": name, "learning_rate": 0.8, "epochs": 4}
    if name in ("exponential", "inverse_time"):
        options |= {"decay_epochs": 2.0, "decay_rate": 0.5}
    falling = schedule(Training(**options), 5)
    warming = schedule(Training(**options, warmup=1.5), 5)  # 8 steps
    for step, rate in RATES[name].items():
        np.testing.assert_allclose(falling(step), rate, rtol=1e-5, atol=1e-7)
        np.testing.assert_allclose(warming(step), rate * min(1, (step + 1) / 8), rtol=1e-5, atol=1e-7)


def test_the_schedule_is_the_optimizers():
    weights = variables([0.0])
    made = optimizer(config(optimizer="sgd", learning_rate=0.8, schedule="cosine", epochs=2), 1)
    for moved in (0.8, 1.2, 1.2):  # 0.8, 0.4, 0
        apply(made, [ops.convert_to_tensor([-1.0])], weights)
        np.testing.assert_allclose(weights[0], [moved], rtol=1e-6)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_each_name_is_an_optimizer_of_keras_that_learns(name):
    made = optimizer(config(optimizer=name, clip_norm=1.0, average=0.9), 1)
    assert type(made).__mro__[2].__name__.lower() == ("lazyadam" if name == "adam" else name)
    assert type(made).__mro__[2].__module__.startswith("seqzoo" if name == "adam" else "keras.")
    table, bias = weights = variables(np.ones((4, 2)), [1.0, 1.0])
    made.build(weights)

    def loss():
        return ops.sum((ops.take(table, [1, 3, 3], axis=0) + bias - np.array([0.5, 3.0], "float32")) ** 2)

    def step():
        value, gradients = weight_gradients(loss, weights)
        made.apply(gradients, weights)
        return value

    step = in_graph(step)
    losses = [float(step()) for _ in range(6)]
    assert losses[-1] < losses[0]
    assert np.isfinite(made.averages[0].average).all()


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_weights_decay_as_the_config_says(name):
    for decay in (0.0, 0.5):
        weights = variables([[2.0]])
        apply(optimizer(config(optimizer=name, weight_decay=decay), 1), [ops.convert_to_tensor([[0.0]])], weights)
        np.testing.assert_allclose(weights[0], [[2 * (1 - 0.1 * decay)]], rtol=1e-5)


BATCHES = np.random.default_rng(3).integers(0, 6, (7, 8))  # of ids; a row of 8 is a batch


@pytest.mark.tensorflow("--accumulate needs it")
@pytest.mark.parametrize(
    "remedies", [{}, {"average": 0.9, "clip_norm": 0.5, "weight_decay": 0.1, "schedule": "cosine"}]
)
def test_an_accumulated_step_is_that_of_one_large_batch(remedies):
    import tensorflow as tf

    def trained(batches, accumulate):
        """Weights, averages and moments after some batches, two of which are left over."""
        table, bias = weights = variables(np.random.default_rng(0).normal(size=(6, 2)), [1.0, 1.0])
        made = optimizer(config(learning_rate=0.1, epochs=2, accumulate=accumulate, **remedies), len(batches))
        made.build(weights)

        @tf.function
        def step(ids):
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean((tf.gather(table.value, ids) * bias - [0.5, 3.0]) ** 2)
            made.apply(tape.gradient(loss, [table.value, bias.value]), weights)

        for ids in batches:
            step(tf.constant(ids))
        assert int(made.iterations) == len(batches) // accumulate
        kept = [*made._momentums, *made._velocities, *(one.average for one in made.averages)]
        return [np.array(value) for value in (*weights, *kept, made.learning_rate)]

    whole = trained(BATCHES[:6].reshape(2, 24), 1)
    for ours, theirs in zip(trained(BATCHES, 3), whole, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6)


@pytest.mark.tensorflow("--accumulate needs it")
def test_only_read_rows_of_an_accumulated_table_move():
    (table,) = weights = variables(np.ones((5, 2)))
    made = optimizer(config(accumulate=2), 4)
    for read, moved in (([1], []), ([3, 3], [1, 3]), ([0], [1, 3]), ([0], [0, 1, 3])):
        apply(made, [rows(read, [[1.0, 2.0]] * len(read), 5)], weights)
        assert sorted(np.flatnonzero((np.array(table) != 1).any(axis=1))) == moved


@pytest.mark.tensorflow("--accumulate needs it")
def test_more_batches_to_a_step_than_there_are_is_refused():
    with pytest.raises(ValueError, match="at most 3, the batches of an epoch.* 4"):
        optimizer(config(epochs=2, accumulate=4), 3)
    optimizer(config(epochs=2, accumulate=3), 3)


@pytest.mark.tensorflow("--accumulate needs it")
def test_a_loss_scale_that_overflows_skips_the_batch_and_falls():
    made = optimizer(config(optimizer="sgd", average=0.5, accumulate=2, precision="mixed_float16"), 4)
    weights = variables([1.0])
    made.build(weights)
    for gradient, weight, scale in ((np.inf, 1, 2**14), (2**14, 1, 2**14), (np.nan, 1, 2**13), (2**13, 0.9, 2**13)):
        made.apply([ops.convert_to_tensor([float(gradient)])], weights)
        np.testing.assert_allclose(weights[0], [weight])
        assert float(made.dynamic_scale) == scale
    assert int(made.iterations) == 1
    np.testing.assert_allclose(made.inner_optimizer.averages[0].average, [0.9 + 0.1 * 2 / 11], rtol=1e-6)


def test_an_unknown_optimizer_is_refused_by_the_config():
    with pytest.raises(ValueError, match="--optimizer should be one of adam, .*'adm'. Did you mean 'adam'"):
        Training(optimizer="adm")
