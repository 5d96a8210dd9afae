"""Settings and fixtures of all tests.

`@pytest.mark.tensorflow(reason)` is on what TensorFlow alone has, skipped on another backend. The fixture `eagerly`
runs compiled functions eagerly, except in tests marked `traced` or `slow`.
"""

import os

import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # importing JAX would set 1, which child processes inherit


def pytest_configure(config):
    config.addinivalue_line("markers", "tensorflow(reason): needs TensorFlow as Keras's backend")
    config.addinivalue_line("markers", "traced: traces compiled functions also in a file that runs them eagerly")


def pytest_runtest_setup(item):
    if mark := item.get_closest_marker("tensorflow"):
        import keras

        if keras.backend.backend() != "tensorflow":
            pytest.skip(mark.args[0])


@pytest.fixture
def eagerly(request):
    """Runs compiled functions eagerly: to trace them takes longer than a few steps of a tiny model."""
    import keras

    traced = any(request.node.get_closest_marker(name) for name in ("traced", "slow"))
    if traced or keras.backend.backend() != "tensorflow":
        yield
        return
    import tensorflow as tf

    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)
