"""What the README shows of Python runs as it stands."""

import pathlib
import re

import keras
import numpy as np

from seqzoo.rnns import RNNS

README = (pathlib.Path(__file__).parents[1] / "README.md").read_text("utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


def test_the_builders_examples_run_one_after_the_other():
    names = {}
    tagged, classified, modelled, generated, translated = [block for block in BLOCKS if "model.fit" in block]
    exec(tagged, names)
    assert names["out"]["tags"].shape == (32, 12)
    exec(classified, names)
    assert names["out"]["probabilities"].shape == (32, 2) and names["out"]["attention"].shape == (32, 12)
    exec(modelled, names)
    assert names["ids"].shape == (2, 20) and names["ids"].min() > 1  # neither padding nor unknown
    exec(generated, names)
    assert names["each"].shape[:2] == (2, 20) and names["state"][0].shape == (2, 32)
    exec(translated, names)
    assert names["answers"].ids.shape[:2] == (2, 1) and names["answers"].attention.shape[-1] == 12


def test_the_example_of_a_new_cell_is_a_layer():
    (example,) = [block for block in BLOCKS if "RNNS.register" in block]
    exec(example, {"__name__": "readme"})
    try:
        x = np.random.default_rng(0).normal(size=(2, 5, 3)).astype("float32")
        layer = keras.layers.Bidirectional(RNNS["mine"](4, return_sequences=True, recurrent_dropout=0.1))
        assert layer(x, mask=np.ones((2, 5), bool)).shape == (2, 5, 8)
    finally:
        del RNNS._things["mine"]
