"""JAX without TensorFlow: builders and layers import and run where it is not installed."""

import os
import subprocess
import sys

import pytest

PROGRAM = """
import importlib, pkgutil, sys

class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "tensorflow":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Hidden())
for room in ("models", "rnns", "layers", "inputs", "decoding", "backend", "metrics"):
    package = importlib.import_module(f"seqzoo.{room}")
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        importlib.import_module(module.name)

import numpy as np
from backends import weight_gradients
from seqzoo.inputs import words
from seqzoo.layers.crf import CRFLoss
from seqzoo.models import tagger

model = tagger(3, words(9, 4), crf=True, rnn="bilstm", units=4, layers=1)
tokens = np.array([[1, 2, 3], [4, 5, 0]], "int32")
loss, gradients = weight_gradients(
    lambda: CRFLoss()(tokens % 3, model({"tokens": tokens}), tokens > 0), model.trainable_variables
)
assert np.isfinite(loss) and all(np.isfinite(g).all() and np.any(g) for g in gradients)
assert "tensorflow" not in sys.modules
"""


@pytest.mark.slow
def test_a_tagger_learns_where_tensorflow_is_not_installed():
    pytest.importorskip("jax")
    path = os.pathsep.join([os.path.dirname(__file__), os.environ.get("PYTHONPATH", "")])
    settings = {"KERAS_BACKEND": "jax", "XLA_FLAGS": "--xla_backend_optimization_level=0", "PYTHONPATH": path}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env={**os.environ, **settings}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
