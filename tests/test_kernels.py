"""Kernels of recurrent layers: what is reported, and what Keras really runs."""

import contextlib
import importlib
import re

import keras
import numpy as np
import pytest
from marks import FORWARD
from rich.console import Console

from seqzoo import run
from seqzoo.display import kernels
from seqzoo.display.kernels import CUDNN, FUSED, LOOP, PLAIN, SCAN, UNROLLED
from seqzoo.inputs import words
from seqzoo.models import classifier, generator, language_model, seq2seq, tagger
from seqzoo.rnns import RNNS, cells, ntm
from seqzoo.rnns.scan import ScanRNN
from seqzoo.training.loop import explain

# The package has a function of the module's name.
keras_rnn = importlib.import_module("keras.src.backend.tensorflow.rnn")
# (here, on a GPU) of each registered layer that has a kernel of its own, or runs in neither a fused loop nor a scan.
EXPECTED = {"lstm": (FUSED, CUDNN), "gru": (FUSED, CUDNN), "none": (PLAIN, PLAIN), "ntm": (LOOP, LOOP)}
OFTEN = ("lstm", "gru", "min_gru", "none")  # with all options
OPTIONS = (
    {"activation": "relu"}, {"activation": "crelu"}, {"recurrent_activation": "relu"}, {"unroll": True},
    {"use_bias": False}, {"recurrent_dropout": 0.1}, {"dropout": 0.1}, {"use_cudnn": False}, {"reset_after": False},
)  # fmt: skip


@pytest.fixture
def no_gpu(monkeypatch):
    monkeypatch.setattr(kernels, "has_gpu", lambda: False)


@contextlib.contextmanager
def recorded(module, name, calls, monkeypatch):
    """Context in which the calls of a function of a module are recorded."""
    function = getattr(module, name)

    def recording(*args, **kwargs):
        calls.append(name)
        return function(*args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(module, name, recording)
        yield


@pytest.mark.parametrize("name", RNNS.names())
def test_each_registered_layer_has_the_kernels_of_its_kind(name, no_gpu):
    layer = RNNS[name](4)
    found = kernels.kernels(layer)
    assert len(found) == 1 + isinstance(layer, keras.layers.Bidirectional)
    for kernel in found:
        other = SCAN if RNNS.trait(name, "parallel", False) else FUSED
        assert (kernel.here, kernel.gpu) == EXPECTED.get(name.removeprefix("bi"), (other, other))
        assert bool(kernel.why) == (kernel.gpu != CUDNN)


@pytest.mark.parametrize(
    "name, option",
    [
        pytest.param(name, option, marks=[] if name in OFTEN or not option else [pytest.mark.slow, pytest.mark.variant])
        for option in ({}, {"unroll": True}, {"recurrent_dropout": 0.1}, {"activation": "relu"})
        for name in FORWARD
    ],
)
def test_the_kernel_reported_for_this_device_is_the_one_that_runs(name, option, no_gpu, monkeypatch):
    layer = RNNS[name](4, **option)
    here = kernels.kernels(layer)[0].here
    for training in (True, False):
        calls = []
        watched = [(cells, "fused_loop"), (keras.src.backend, "rnn")]
        watched += [(type(layer.cell), "scan")] if isinstance(layer, ScanRNN) else []
        watched += [(ntm, "scan")] if name == "ntm" else []
        with contextlib.ExitStack() as stack:
            for module, function in watched:
                stack.enter_context(recorded(module, function, calls, monkeypatch))
            layer(np.ones((1, 3, 2), "float32"), mask=np.ones((1, 3), bool), training=training)
        loop = {"scan" if name == "ntm" else "rnn"}
        expected = {FUSED: {"fused_loop"}, SCAN: {"scan"}, LOOP: loop, UNROLLED: {"rnn"}, PLAIN: {"scan"}}
        assert set(calls) == expected[here]
        assert layer.unroll == (here == UNROLLED)


@pytest.mark.parametrize(
    "name, option",
    [(name, option) for name in ("lstm", "gru") for option in OPTIONS if name == "gru" or "reset_after" not in option],
)
def test_cudnn_is_ruled_out_by_the_rules_of_keras(name, option, monkeypatch, no_gpu):
    """Pretends that there is a GPU, and checks whether Keras calls the cuDNN operation."""
    monkeypatch.setattr(keras_rnn, "_is_gpu_available", lambda: True)
    called = []

    def cudnn(*args, **kwargs):
        called.append(True)
        raise NotImplementedError  # Keras falls back to the loop

    monkeypatch.setattr(keras_rnn, f"_cudnn_{name}", cudnn)
    layer = RNNS[name](4, **option)
    layer(np.ones((1, 3, 2), "float32"), mask=np.ones((1, 3), bool), training=True)
    (kernel,) = kernels.kernels(layer)
    assert (kernel.gpu == CUDNN) == bool(called)
    if not called:
        ((word, value),) = option.items()
        assert word in kernel.why and (value in (True, 0.1) or str(value) in kernel.why)


@pytest.mark.parametrize("name", ["lstm", "gru"])
def test_on_a_gpu_recurrent_dropout_takes_the_fused_loop(name, monkeypatch):
    monkeypatch.setattr(keras_rnn, "_is_gpu_available", lambda: True)
    layer = RNNS[name](4, recurrent_dropout=0.1)
    for training in (True, False):
        calls = []
        with recorded(cells, "fused_loop", calls, monkeypatch):
            layer(np.ones((1, 3, 2), "float32"), training=training)
        assert calls
    assert kernels.kernels(layer)[0].gpu == FUSED


@pytest.mark.parametrize("masked", [True, False])
def test_on_jax_a_mask_rules_out_cudnn_by_the_rules_of_keras(masked, monkeypatch):
    """Pretends that there is a GPU, and checks whether Keras calls the only cuDNN operation that JAX has, an LSTM."""
    jax_cudnn = pytest.importorskip("jax.experimental.rnn")
    jax_rnn = importlib.import_module("keras.src.backend.jax.rnn")
    monkeypatch.setattr(jax_rnn, "_is_gpu_available", lambda: True)
    called = []

    def cudnn(*args, **kwargs):
        called.append(True)
        raise ValueError  # Keras falls back to the loop

    monkeypatch.setattr(jax_cudnn, "lstm", cudnn)
    layer = RNNS["lstm"](4)
    layer.build((1, 3, 2))
    weights = [np.array(getattr(layer.cell, name)) for name in ("kernel", "recurrent_kernel", "bias")]
    x, h, mask = np.ones((1, 3, 2), "float32"), np.zeros((1, 4), "float32"), np.ones((1, 3), bool) if masked else None
    with pytest.raises(NotImplementedError):
        jax_rnn.lstm(x, h, h, mask, *weights, layer.activation, layer.recurrent_activation)
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    why = kernels.why_not_cudnn(layer, masked)
    assert bool(called) == (why == "") and ("mask" in why) == masked
    assert "jax" in kernels.why_not_cudnn(RNNS["gru"](4), masked)


def test_nested_layers_are_found(no_gpu):
    def found(model):
        return [(kernel.kind, kernel.here, kernel.gpu) for kernel in kernels.kernels(model)]

    whole = ("LSTM", FUSED, CUDNN)
    front = words(9, characters="rnn", character_vocabulary=5)
    assert found(tagger(3, front, rnn="bilstm", units=4, layers=2)) == [whole] * 6
    assert found(classifier(3, words(9), units=4, layers=1, rnn="bigru")) == [("GRU", FUSED, CUDNN)] * 2
    assert found(classifier(3, words(9), ("mean",), layers=0)) == []
    assert found(language_model(9, units=4, weight_drop=0.1)) == [whole] * 2
    assert found(generator(9, 2, units=4)) == [whole, ("GRUCell", UNROLLED, UNROLLED)]
    feeding = seq2seq(9, 9, units=4, encoder_units=4, input_feeding=True)
    assert found(feeding) == [whole, whole, ("LSTMCell", LOOP, LOOP)]
    assert re.fullmatch(r"encoder/bidirectional\w*/forward_lstm\w*", kernels.kernels(feeding)[0].layer)
    line = kernels.line(kernels.kernels(feeding))
    assert line.startswith("2 LSTM: fused loop, on a GPU cuDNN; 1 LSTMCell: while loop (no cuDNN: ")


@pytest.mark.slow
def test_a_run_prints_its_kernels_in_a_line_or_in_a_table(tmp_path, capsys):
    for split in ("train", "valid"):
        (tmp_path / f"{split}.txt").write_text("ab X O\nba Y O\n\n" * 5)
    flags = ["--task=pos", "--dataset=conll", f"--data_dir={tmp_path}", "--units=4", "--word_dim=4", "--epochs=1"]
    flags += ["--rnn=min_gru", "--layers=1", "--characters=none", f"--workdir={tmp_path / 'run'}"]
    assert run.main(flags) == 0
    out = capsys.readouterr().out
    assert "recurrent layers: 1 MinGRU: parallel scan (no cuDNN: it has no MinGRU kernel)" in out
    assert "why not cuDNN" not in out
    assert run.main([*flags, "--explain_rnn"]) == 0
    assert "why not cuDNN" in capsys.readouterr().out
    predict = ["--mode=predict", f"--workdir={tmp_path / 'run'}", "--text=ab", "--explain_rnn"]
    assert run.main(predict) == 0
    out, error = capsys.readouterr()
    assert "parallel scan" in error and "parallel scan" not in out


def test_a_model_without_recurrent_layers_says_so(capsys):
    model = language_model(9, dim=4, units=4, layers=1, context=3)
    assert kernels.line(kernels.kernels(model)) == ""
    explain(model, Console(), as_table=True)
    assert capsys.readouterr().out.startswith("No recurrent layers")
