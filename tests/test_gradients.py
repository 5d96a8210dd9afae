import keras
import numpy as np
from keras import ops

from seqzoo.backend.gradients import compiled, gradient


def test_a_compiled_function_reads_its_weights_anew_and_is_a_part_of_others():
    weight = keras.Variable(np.array([2.0, 3.0], "float32"))
    times = compiled(lambda x, parts: {"y": weight * x + parts[0]})
    more = compiled(lambda x: times(x, [x, None])["y"] + 1)
    x = ops.convert_to_tensor([1.0, 10.0])
    for value in ([2.0, 3.0], [4.0, 5.0]):
        weight.assign(value)
        np.testing.assert_array_equal(times(x, [x, None])["y"], np.array(x) * value + np.array(x))
        np.testing.assert_array_equal(more(x), np.array(x) * value + np.array(x) + 1)
    np.testing.assert_array_equal(gradient(lambda x: more(x) ** 2, x), 2 * np.array(more(x)) * [5.0, 6.0])
