"""The cells that seqzoo/rnns/README.md shows pass the contract tests of every recurrent layer."""

import guides
import keras
import pytest
import test_rnns as contract

from seqzoo.rnns import RNNS

SNIPPET = guides.snippets("seqzoo/rnns/README.md")[0]


@pytest.fixture(autouse=True)
def mine(monkeypatch):
    """Registers the cell for one test."""
    monkeypatch.setattr(RNNS, "_things", dict(RNNS._things))
    exec(compile(SNIPPET, "seqzoo/rnns/mine.py", "exec"), {"__name__": "seqzoo.rnns.mine"})
    assert "mine" in RNNS and "bimine" in RNNS


@pytest.mark.parametrize(
    "test",
    [
        contract.test_padding_changes_nothing,
        contract.test_the_last_state_is_the_output_at_the_last_real_step,
        contract.test_a_carried_state_continues_the_sequence,
        contract.test_recurrent_kernels_start_orthogonal_and_forget_gates_open,
        contract.test_the_parameters_listed_are_those_of_a_unit,
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


@pytest.mark.slow
def test_the_layer_of_another_package_keeps_the_contract(tmp_path):
    pytest.importorskip("ncps")
    guides.register("seqzoo.rnns.cfc")
    contract.test_padding_changes_nothing("cfc")
    contract.test_the_last_state_is_the_output_at_the_last_real_step("cfc")
    contract.test_a_carried_state_continues_the_sequence("cfc")
    contract.test_both_directions_are_one_forward_and_one_that_reads_the_reversed_sequence("bicfc")
    contract.test_dropout_acts_in_training_only("cfc", "recurrent_dropout")
    contract.test_the_parameters_listed_are_those_of_a_unit("cfc")
    inputs, x = keras.Input((None, 3)), contract.numbers(2, 5, 3)
    model = keras.Model(inputs, RNNS["cfc"](4)(inputs))
    model.save(tmp_path / "model.keras")
    contract.close(keras.models.load_model(tmp_path / "model.keras")(x), model(x))
