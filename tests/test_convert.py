"""Conversion to LiteRT and ONNX: the files answer as the models do."""

import importlib.util

import keras
import numpy as np
import pytest
import test_models
from keras import ops
from marks import FORWARD, slow, variants

from seqzoo.decoding import Beam
from seqzoo.export.litert import QUANTIZE, run_litert, to_litert
from seqzoo.export.onnx import run_onnx, to_onnx
from seqzoo.export.steps import greedy, start, step
from seqzoo.inputs import words
from seqzoo.layers import POOLINGS
from seqzoo.layers.copying import PointerGenerator
from seqzoo.models import LanguageModelDecoder, Seq2SeqDecoder, class_decoder, classifier, language_model, seq2seq
from seqzoo.models import decoder as tag_decoder
from seqzoo.rnns import RNNS

pytestmark = pytest.mark.tensorflow("the converters read graphs of TensorFlow")
B, T, W = test_models.B, 8, 5  # T and W are longer than the sentences and words: all are padded
END = 3


def lacking(*packages):
    missing = [name for name in packages if importlib.util.find_spec(name) is None]
    return pytest.mark.skipif(bool(missing), reason=f"needs {', '.join(missing)}")


LITERT = pytest.param("litert", marks=lacking("ai_edge_litert"))
ONNX = pytest.param("onnx", marks=lacking("tf2onnx", "onnxruntime"))
both = pytest.mark.parametrize("kind", [LITERT, ONNX])


def randomized(model):
    rng = np.random.default_rng(0)
    for weight in model.weights:  # fresh zeros would hide what padding does
        weight.assign(rng.normal(0, 0.5, weight.shape))
    return model


def converted(kind, function, specs, length=T):
    """A function that runs the converted `function`; by LiteRT all its calls are of one interpreter."""
    if kind == "litert":
        from ai_edge_litert.interpreter import Interpreter

        runner = Interpreter(model_content=to_litert(function, specs, length)).get_signature_runner()
        return lambda inputs: runner(**{name: inputs[name] for name in runner.get_input_details()})
    content = to_onnx(function, specs)
    return lambda inputs: run_onnx(content, inputs)


def answers_alike(kind, decoded):
    """Compares the answers to padded sentences with the model's answers to the same sentences without padding."""
    specs = {
        name: keras.KerasTensor((None, None, W), x.dtype) if name == "characters" else x
        for name, x in decoded.input.items()
    }
    run = converted(kind, decoded, specs)
    padded, _, _ = test_models.batch(T, W)
    for i, length in enumerate(test_models.LENGTHS):
        alone = {name: padded[name][i : i + 1] for name in specs}
        short = {
            name: array.astype(specs[name].dtype)[..., :length, :] if name == "image" else array[:, :length]
            for name, array in alone.items()
            if array.ndim > 1
        }
        expected = decoded({**alone, **short}, training=False)
        found = run({name: array.astype(specs[name].dtype) for name, array in alone.items()})
        assert found.keys() == expected.keys()
        for name, value in expected.items():
            value = np.asarray(value)
            np.testing.assert_allclose(found[name][:, : value.shape[1]], value, atol=1e-5, err_msg=name)


@both
@pytest.mark.parametrize("front", ["vectors", *variants(*(name for name in test_models.FRONTS if name != "vectors"))])
def test_a_converted_tagger_with_a_crf_answers_alike(kind, front):
    answers_alike(kind, tag_decoder(test_models.make(front, {"rnn": "lstm", "layers": 1})))


@both
@pytest.mark.parametrize(
    "rnn", [*slow("lstm", "gru"), *variants(*(n for n in RNNS.names() if n not in ("lstm", "gru")))]
)
def test_a_converted_tagger_of_each_recurrent_layer_answers_alike(kind, rnn):
    arguments = {"rnn": rnn, "layers": 2, "crf": False, "residual": True, "layer_norm": True}
    answers_alike(kind, tag_decoder(test_models.make("words_and_spelling", arguments)))


@both
@pytest.mark.parametrize("arguments", [*slow({"pooling": tuple(POOLINGS)}), *variants({"segment": 3}, {"layers": 0})])
def test_a_converted_classifier_answers_alike(kind, arguments):
    model = classifier(3, words(20), **{"rnn": "bilstm", "units": 8, "layers": 1, **arguments})
    answers_alike(kind, class_decoder(randomized(model)))


@both
@pytest.mark.parametrize("rnn", [*slow("lstm"), *variants(*(name for name in FORWARD if name != "lstm"))])
def test_a_converted_language_model_carries_its_state(kind, rnn):
    decoder = LanguageModelDecoder(randomized(language_model(11, dim=6, rnn=rnn, units=8, layers=2)))
    specs = {"tokens": keras.KerasTensor((None, 1), "int32")}
    specs |= {f"state{i}": part for i, part in enumerate(decoder.signature[1])}

    def function(inputs):
        logits, after = decoder.read(inputs["tokens"], [inputs[f"state{i}"] for i in range(len(specs) - 1)])
        return {"logits": logits, **{f"state{i}": part for i, part in enumerate(after)}}

    run = converted(kind, function, specs)
    ids = np.array([[4, 7, 5]], "int32")
    state = {name: np.zeros((1, *part.shape[1:]), "float32") for name, part in specs.items() if name != "tokens"}
    for t in range(3):
        found = run({"tokens": ids[:, t : t + 1], **state})
        state = {name: found[name if kind == "litert" else f"next_{name}"] for name in state}
    expected, _ = decoder.read(ids, decoder.initial_state(1))
    np.testing.assert_allclose(found["logits"][0, 0, 1:], expected[0, -1, 1:], atol=1e-5)  # padding's is -10,000


SEQ2SEQ = (
    {}, {"input_feeding": True}, {"local": "monotonic", "attention": "general"}, {"attention": "none", "rnn": "gru"},
    {"coverage": True}, {"attention": "convolutional"}, {"attention": "location"}, {"local": "predictive"},
    {"attention": "none", "context": "step"}, {"rnn": "min_gru", "encoder": "none"},
)  # fmt: skip


@both
@pytest.mark.parametrize("arguments", [*slow(SEQ2SEQ[0]), *variants(*SEQ2SEQ[1:])], ids=str)
def test_a_converted_encoder_decoder_decodes_as_beam_search_of_width_1(kind, arguments):
    model = seq2seq(source_tokens=11, target_tokens=9, dim=6, units=8, encoder_units=4, **arguments)
    decoder = Seq2SeqDecoder(randomized(model), begin=END)  # as in translation: the end mark is not only at the end
    sources = np.array([[5, 2, 0, 0, 0, 0, 0, 0], [10, 9, 8, 7, 6, 5, 4, 2], [4, 6, 9, 2, 0, 0, 0, 0]], "int32")
    answers = Beam(decoder, END, width=1)({"source": sources}, limits=np.full(3, 10), mask=sources > 0)
    greedily = converted(kind, *greedy(decoder, END, 10))
    for row, best in enumerate(answers.ids[:, 0]):
        source = sources[row : row + 1]
        whole = greedily({"source": source})["tokens"][0]
        np.testing.assert_array_equal(whole[: len(best)], best)
    # Step by step, as callers with a search of their own do.
    begin, after = (converted(kind, *part(decoder)) for part in (start, step))
    state = begin({"source": source})
    ids = np.array([decoder.begin], "int32")
    for expected in whole[:4]:
        found = after({"tokens": ids, **state})
        state |= {name.removeprefix("next_"): part for name, part in found.items() if "state" in name}
        ids = found["logits"][:, 2:].argmax(axis=1).astype("int32") + 2
        if expected:
            assert ids[0] == expected


@lacking("ai_edge_litert")
def test_quantized_weights_are_smaller_and_answers_near():
    model = test_models.make("words", {"rnn": "none", "layers": 1, "units": 64, "crf": False})
    decoded = tag_decoder(model)
    inputs = {"tokens": test_models.batch(T, W)[0]["tokens"][:1]}
    expected, sizes = np.asarray(decoded(inputs)["confidence"]), []
    for quantize, near in zip(QUANTIZE, (1e-5, 1e-2, 0.2), strict=True):
        content = to_litert(decoded, decoded.input, T, quantize)
        sizes.append(len(content))
        np.testing.assert_allclose(run_litert(content, inputs)["confidence"], expected, atol=near)
    none, float16, int8 = sizes
    assert none > 4 * model.count_params() and float16 < 0.7 * none and int8 < 0.5 * none


@both
def test_a_model_with_an_operation_that_a_format_lacks_is_refused(kind):
    def function(inputs):
        return {"y": ops.argmax(inputs["x"], axis=-1)}

    with pytest.raises(ValueError, match="for this model: .*Bit(wiseAnd|cast)"):
        converted(kind, function, {"x": keras.KerasTensor((None, None))})


@both
def test_copies_from_two_positions_add_up(kind):
    shapes = {"logits": (None, 2, 3), "gate": (None, 2, 1), "attention": (None, 2, 4)}
    specs = {name: keras.KerasTensor(shape) for name, shape in shapes.items()}
    specs["copied"] = keras.KerasTensor((None, 4), "int32")

    def function(inputs):
        return {"log_p": PointerGenerator()(*(inputs[name] for name in specs))}

    rng = np.random.default_rng(0)
    inputs = {name: rng.random((1, *shape[1:]), "float32") for name, shape in shapes.items()}
    inputs["copied"] = np.array([[4, 1, 4, 1]], "int32")
    np.testing.assert_allclose(converted(kind, function, specs)(inputs)["log_p"], function(inputs)["log_p"], atol=1e-5)


@both
def test_16_bits_are_refused_and_the_same_weights_in_float32_convert(kind):
    def make(policy):
        dense = keras.layers.Dense(2, dtype=policy)
        dense.build((None, 3))
        return dense, lambda inputs: {"y": keras.ops.cast(dense(inputs["x"]), "float32")}

    specs, x = {"x": keras.KerasTensor((None, 3))}, np.ones((1, 3), "float32")
    half, function = make("mixed_bfloat16")
    with pytest.raises(ValueError, match="computes in bfloat16: build it anew"):
        converted(kind, function, specs)
    whole, function = make("float32")
    whole.set_weights(half.get_weights())
    np.testing.assert_allclose(converted(kind, function, specs)({"x": x})["y"], function({"x": x})["y"], atol=1e-6)


def test_shapes_that_can_not_be_fixed_are_refused():
    with pytest.raises(ValueError, match="'characters' has several unknown dimensions"):
        to_litert(lambda inputs: inputs, {"characters": keras.KerasTensor((None, None, None), "int32")}, T)


def test_a_missing_package_is_named_with_its_extra(monkeypatch):
    for name in ("ai_edge_litert", "ai_edge_litert.interpreter", "tf2onnx", "onnxruntime"):
        monkeypatch.setitem(importlib.import_module("sys").modules, name, None)
    with pytest.raises(ValueError, match=r"ai-edge-litert.*\[litert\]"):
        run_litert(b"", {})
    with pytest.raises(ValueError, match=r"tf2onnx.*\[onnx\]"):
        to_onnx(lambda inputs: inputs, {})
