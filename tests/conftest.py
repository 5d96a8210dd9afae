"""What all tests share: `@pytest.mark.tensorflow(reason)` on what TensorFlow alone has, skipped on another backend."""

import pytest


def pytest_configure(config):
    config.addinivalue_line("markers", "tensorflow(reason): needs TensorFlow as Keras's backend")


def pytest_runtest_setup(item):
    if mark := item.get_closest_marker("tensorflow"):
        import keras

        if keras.backend.backend() != "tensorflow":
            pytest.skip(mark.args[0])
