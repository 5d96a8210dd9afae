"""The cell that seqzoo/rnns/README.md shows passes the contract tests of every recurrent layer."""

import pathlib
import re

import pytest
import test_rnns as contract

from seqzoo import rnns
from seqzoo.rnns import RNNS

SNIPPET = re.search(r"```python\n(.*?)```", pathlib.Path(rnns.__path__[0], "README.md").read_text("utf-8"), re.S)[1]


@pytest.fixture(autouse=True)
def mine(monkeypatch):
    """Registers the cell for one test."""
    monkeypatch.setattr(RNNS, "_things", dict(RNNS._things))
    exec(compile(SNIPPET, "seqzoo/rnns/mine.py", "exec"), {"__name__": "seqzoo.rnns.mine"})
    assert "mine" in RNNS


@pytest.mark.parametrize(
    "test",
    [
        contract.test_padding_changes_nothing,
        contract.test_the_last_state_is_the_output_at_the_last_real_step,
        contract.test_a_carried_state_continues_the_sequence,
        contract.test_recurrent_kernels_start_orthogonal_and_forget_gates_open,
    ],
)
def test_it_keeps_the_contract(test):
    test("mine")


@pytest.mark.parametrize("which", ["dropout", "recurrent_dropout"])
def test_its_dropout_acts_in_training_only(which):
    contract.test_dropout_acts_in_training_only("mine", which)


@pytest.mark.parametrize("activation", contract.CHOICES)
def test_it_follows_its_equation_with_each_activation(activation, monkeypatch):
    def step(x, state, act, W, U, b):
        return ((state[0] + act(x @ W + state[0] @ U + b)) / 2,)

    monkeypatch.setitem(contract.FAMILIES, "mine", ("mine", step, {}))
    contract.test_each_family_follows_its_equations_with_each_activation("mine", activation)


@pytest.mark.slow
def test_it_is_saved_and_loaded_in_a_fresh_process(tmp_path):
    contract.check_saved_layers(tmp_path, [("mine", "tanh"), ("mine", "crelu")], SNIPPET)


@pytest.mark.tensorflow("gradients by a tape")
@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_it_is_near_to_float32_in_16_bits(policy):
    from test_precision import test_each_recurrent_layer_is_near_to_float32_and_padding_changes_nothing as near

    near("mine", policy)
