"""Inspection of language models: gates and states, features of a text, the command line."""

import re

import keras
import numpy as np
import pytest
from keras import ops
from marks import variants

from seqzoo import run
from seqzoo.display import inspection
from seqzoo.display.inspection import Unit
from seqzoo.display.pages import units_page
from seqzoo.display.plots import gate_plot
from seqzoo.models import LanguageModelDecoder, language_model
from seqzoo.rnns import RNNS
from seqzoo.text.codec import Codec

TEXT = 'NORA:\n"Go on," I said. (The hall [was] dark.)\n  x = 1  # one\n'
NAMES = {
    "lstm": ["i", "f", "o", "g", "c", "h"],
    "peephole_lstm": ["i", "f", "o", "g", "c", "h"],
    "gru": ["z", "r", "h"],
    "simple_gru": ["u", "h"],
    "min_gru": ["a", "h"],
    "min_lstm": ["a", "h"],
    "rnn": ["h"],
}


def drawn(layer, rng):
    """Draws all weights of a layer, so that none is zero."""
    for weight in layer.weights:
        weight.assign(rng.normal(scale=0.6, size=weight.shape))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("arguments", [{}, {"activation": "crelu", "use_bias": False}])
def test_states_from_the_weights_are_those_of_the_layer(name, arguments):
    rng = np.random.default_rng(0)
    layer = RNNS[name](6, return_sequences=True, **arguments)
    x = rng.normal(size=(1, 9, 4)).astype("float32")
    layer.build(x.shape)
    drawn(layer, rng)
    h = ops.convert_to_numpy(layer(x))[0]
    traced = inspection.trace(layer.cell, x[0], h)
    assert list(traced) == NAMES[name]
    np.testing.assert_allclose(traced["h"], h, atol=2e-6)


def test_a_gru_that_resets_before_the_product_is_traced_as_such():
    rng = np.random.default_rng(0)
    layer = RNNS["gru"](6, return_sequences=True, reset_after=False)
    x = rng.normal(size=(1, 9, 4)).astype("float32")
    layer.build(x.shape)
    drawn(layer, rng)
    h = ops.convert_to_numpy(layer(x))[0]
    np.testing.assert_allclose(inspection.trace(layer.cell, x[0], h)["h"], h, atol=2e-6)


def test_gates_agree_with_the_equations():
    layer = RNNS["lstm"](1, return_sequences=True)
    layer.build((1, 2, 1))
    W, U, b = np.array([[1.0, 2.0, 3.0, 4.0]]), np.array([[0.1, 0.2, 0.3, 0.4]]), np.array([0.0, 1.0, 0.0, 0.0])
    layer.set_weights([W, U, b])
    x = np.array([[[0.5], [-1.0]]], "float32")
    traced = inspection.trace(layer.cell, x[0], ops.convert_to_numpy(layer(x))[0])
    sigmoid = keras.activations.sigmoid
    h = c = 0.0
    for t in range(2):
        i, f, g, o = x[0, t] * W[0] + h * U[0] + b
        i, f, o = (float(sigmoid(z)) for z in (i, f, o))
        c = f * c + i * np.tanh(g)
        h = o * np.tanh(c)
        for name, value in {"i": i, "f": f, "o": o, "g": np.tanh(g), "c": c, "h": h}.items():
            assert traced[name][t, 0] == pytest.approx(value, abs=1e-6)


@pytest.mark.parametrize("name", ["lstm", "gru", *variants("simple_gru", "peephole_lstm")])
def test_traces_of_a_saved_model_with_dropout_norm_and_residuals_agree_with_its_states(name, tmp_path, monkeypatch):
    monkeypatch.setattr(inspection, "WINDOW", 4)
    arguments = {"residual": True, "layer_norm": True, "weight_drop": 0.3, "dropout": 0.5, "input_dropout": 0.5}
    language_model(tokens=11, dim=5, rnn=name, units=5, layers=3, **arguments).save(tmp_path / "model.keras")
    model = keras.models.load_model(tmp_path / "model.keras")
    ids = np.array([2, 3, 4, 5, 6, 7, 8, 9, 10, 3])
    scores, layers = inspection.read(LanguageModelDecoder(model), ids)
    assert len(layers) == 3 and all(values.shape == (9, 5) for layer in layers for values in layer.values())
    expected = ops.log_softmax(model({"tokens": ids[None]}), axis=-1)[0]
    np.testing.assert_allclose(scores, [expected[t, ids[t + 1]] for t in range(9)], atol=1e-5)
    # The last traced state is the state after the text.
    decoder = LanguageModelDecoder(model)
    _, state = decoder.read(ids[None], decoder.initial_state(1))
    traced = [layer[name] for layer in layers for name in ("h", "c") if name in layer]
    for values, after in zip(traced, state, strict=True):
        np.testing.assert_allclose(values[-1], after[0], atol=1e-5)
    # The recording leaves nothing behind.
    assert not any("call" in vars(getattr(layer, "layer", layer)) for layer in model.get_layer("reader").layers)


def test_traces_are_of_the_layers_and_not_of_residual_sums():
    model = language_model(tokens=11, dim=5, units=5, layers=2, residual=True)
    _, layers = inspection.read(LanguageModelDecoder(model), [2, 3, 4, 5])
    reader = model.get_layer("reader")
    first, second = (layer for layer in reader.layers if isinstance(layer, keras.layers.RNN))
    x = reader.get_layer("embedding")(np.array([[2, 3, 4, 5]]))
    h = first(x)[0]
    np.testing.assert_allclose(layers[0]["h"], h[0, 1:], atol=1e-6)
    np.testing.assert_allclose(layers[1]["h"], second(h + x)[0][0, 1:], atol=1e-6)


def test_features_are_what_a_reader_of_the_text_would_count():
    features = inspection.text_features(TEXT)
    assert {len(values) for values in features.values()} == {len(TEXT)}

    def spelled(name):  # a digit a character, by lines
        values = iter("".join(str(int(value)) for value in features[name]))
        return ["".join(next(values) for _ in line) for line in TEXT.splitlines(keepends=True)]

    assert spelled("inside double quotes")[1].startswith("1111111000")
    assert spelled("depth of brackets")[1] == "00000000000000000" + "1111111111" + "2222" + "1111111" + "00"
    assert spelled("line in capitals so far") == ["011110", "0" * 40, "0" * 15]
    assert spelled("indentation of the line")[2] == "122222222222220"
    assert spelled("after a # in the line")[2] == "000000000111110"
    assert spelled("letters of the word so far")[0] == "123400"
    assert features["position in the line"][:8].tolist() == [1, 2, 3, 4, 5, 0, 1, 2]
    assert features["characters since . ! ?"][TEXT.index(".") :][:4].tolist() == [0, 1, 2, 3]


def test_a_unit_that_follows_a_feature_is_found_with_the_level_of_chance():
    rng = np.random.default_rng(0)
    text = "".join("a" * n + "\n" for n in rng.integers(5, 40, 60))
    line = inspection.text_features(text)["position in the line"]
    values = rng.normal(size=(len(text), 40)).astype("float32")
    units, _ = inspection.states([{"h": values[:, :20], "c": values[:, 20:]}])
    values[:, 33] -= 0.2 * line
    values[:, 7] = 3  # a unit that never moves
    capital = (rng.random(len(text)) < 0.5).astype("float32")
    given = {"line": line, "random": capital, "constant": np.ones(len(text), "float32")}
    best, other = inspection.followed(units, values, given)
    assert best["feature"] == "line" and str(best["unit"]) == "1:c14"
    assert best["correlation"] == pytest.approx(np.corrcoef(values[:, 33], line)[0, 1], abs=1e-5)
    assert best["correlation"] < -0.8 and best["chance"] < 0.5
    correlations = [abs(np.corrcoef(values[:, n], capital)[0, 1]) for n in range(40) if n != 7]
    assert abs(other["correlation"]) == pytest.approx(max(correlations), abs=1e-5)
    assert other["chance"] > 0.04
    assert units[7] not in inspection.most_varied(units, values)


@pytest.mark.parametrize("kind, spell", [(kind, False) for kind in ("characters", "words", "whitespace", "bpe")]
                         + [("words", True), ("whitespace", True)])  # fmt: skip
def test_tokens_have_their_positions_in_the_text(kind, spell):
    codec = Codec.learn(kind, [TEXT, "the hall is dark"], 60, spell=spell)
    text = 'The hall  was "dark"; <unk> <end>\n\n é hal go\n'
    ids, unknown = codec.encode(text)
    tokens = inspection.tokens(codec, text, ids, np.zeros(len(ids)))
    assert len(tokens) == len(ids)
    assert "".join(token["before"] + token["text"] for token in tokens) == text
    assert all(text[: token["end"]].endswith(token["text"]) for token in tokens)
    if kind != "whitespace":
        assert not any(token["before"] for token in tokens)
    for token, i, piece in zip(tokens, ids, codec.token_texts(ids), strict=True):
        assert token["known"] == (i != 1) and (i == 1 or token["text"] == piece)


def test_saturation_is_of_the_gates():
    layer = {"f": np.array([[0.05, 0.95], [0.5, 0.99]]), "c": np.zeros((2, 2)), "h": np.zeros((2, 2))}
    (row,) = inspection.saturation([layer])
    assert row == {"layer": 1, "gate": "f", "left": 0.25, "right": 0.5, "mean": pytest.approx(0.6225)}


def test_the_units_that_vary_most_are_drawn_those_that_keep_their_state_first():
    h = np.array([[0, 0.1, -1, 0.5], [0, 0.2, 1, -0.5]])
    f = np.array([[1, 0.3, 0.2, 0.9], [1, 0.3, 0.2, 0.7]])
    assert inspection.drawn({"f": f, "h": h}, 2).tolist() == [3, 2]
    assert inspection.drawn({"u": f, "h": h}, 2).tolist() == [2, 3]  # u replaces
    assert inspection.drawn({"f": f, "h": h}).tolist() == [0, 3, 1, 2]  # all of a small layer
    assert inspection.drawn({"h": h}, 1).tolist() == [2]


def test_the_page_shows_each_token_with_its_colour_and_needs_nothing_else():
    tokens = [
        {"before": " ", "text": text, "log_probability": -1.5, "known": text != "é"} for text in ("<b>", "\n", "é")
    ]
    block = {"unit": Unit(2, 3, "c"), "about": "a & b", "values": [-2.0, 0.0, 1.0]}
    followed = [{"feature": "a < b", "unit": Unit(2, 3, "c"), "correlation": -0.5, "chance": 0.25}]
    page = "".join(units_page({"notes": ["5 > 4"], "followed": followed, "tokens": tokens, "units": [block]}, "T"))
    assert '<i class=n10 title="-2.00, log p -1.50">&lt;b&gt;</i>' in page
    assert '<i title="+0.00, log p -1.50">↵\n</i>' in page
    assert '<i class=p10 title="+1.00, log p -1.50, unknown">é</i>' in page  # strongest from the 98th percentile on
    assert '<a href="#u2:c3">' in page and 'id="u2:c3"' in page and "a &lt; b" in page and "5 &gt; 4" in page
    assert "color-scheme: light dark" in page and not re.search(r"<script|https?:|src=", page)


@pytest.mark.parametrize("names", [["h"], ["z", "r", "h"]])
def test_gates_are_drawn_whatever_the_tokens(names, tmp_path, recwarn):
    layer = {name: np.full((3, 4), 0.5) for name in names}
    gate_plot(layer, ["$a$ b\n", "東京", "\t"], np.arange(4), "$", tmp_path / "gates.png")
    assert (tmp_path / "gates.png").read_bytes().startswith(b"\x89PNG")
    assert not [warning for warning in recwarn if "lyph" in str(warning.message)]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    folder = tmp_path_factory.mktemp("corpus")
    for split in ("train", "valid"):
        (folder / f"{split}.txt").write_text(TEXT * 20, "utf-8")
    return folder


@pytest.fixture(scope="module")
def trained(corpus, tmp_path_factory):
    return train(corpus, tmp_path_factory.mktemp("runs") / "lstm", "--layers=2")


def train(corpus, folder, *more):
    flags = ["--task=language_model", "--dataset=text", f"--data_dir={corpus}", "--units=6", "--dim=4", "--epochs=1"]
    flags += ["--batch_size=4", "--window=20", "--ngram=0", f"--workdir={folder}"]
    assert run.main([*flags, *more]) == 0
    return folder


def test_a_run_is_inspected(trained, tmp_path, capsys):
    (tmp_path / "text.txt").write_text(TEXT * 3 + "é", "utf-8")
    capsys.readouterr()
    assert run.main(["--mode=inspect", f"--workdir={trained}", f"--input={tmp_path / 'text.txt'}"]) == 0
    out = capsys.readouterr().out
    assert "1 of 184 tokens are not in the vocabulary" in out and "position in the line" in out and "below .1" in out
    assert (trained / "gates.png").read_bytes().startswith(b"\x89PNG")
    report = (trained / "report.html").read_text("utf-8")
    assert re.findall('<img alt="(.*?)"', report) == ["history", "gates"] and "log p" in report  # of valid
    page = (trained / "inspect.html").read_text("utf-8")
    assert page.count("<details") >= 3
    assert page.count("log p") == page.count("<details") * 184  # a token in each block


def test_units_layer_stretch_and_files_are_chosen(trained, tmp_path, capsys):
    flags = ["--unit=1:2,2:c6", "--layer=1", "--start=3", "--steps=4"]
    files = [f"--html={tmp_path / 'a.html'}", f"--png={tmp_path / 'a.svg'}"]
    assert run.main(["--mode=inspect", f"--workdir={trained}", f"--text={TEXT}", *flags, *files]) == 0
    page = (tmp_path / "a.html").read_text("utf-8")
    assert re.findall(r"<summary><b>(.*?)</b>", page) == ["1:2", "2:c6"]
    assert "layer 1, tokens 3 to 6" in (tmp_path / "a.svg").read_text("utf-8")


def test_a_text_that_is_too_long_is_cut_and_one_token_is_enough(trained, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("seqzoo.display.inspection.LONGEST", 30)
    files = [f"--html={tmp_path / 'a.html'}", f"--png={tmp_path / 'a.png'}"]
    (tmp_path / "text.txt").write_text(TEXT * 50, "utf-8")
    assert run.main(["--mode=inspect", f"--workdir={trained}", f"--input={tmp_path / 'text.txt'}", *files]) == 0
    assert "its first 30 tokens" in " ".join(capsys.readouterr().out.split())
    assert run.main(["--mode=inspect", f"--workdir={trained}", "--text=x", *files]) == 0
    assert "log p" in (tmp_path / "a.html").read_text("utf-8")


@pytest.mark.parametrize(
    "flags, words",
    [
        (["--input=EMPTY"], ["text is empty"]),
        (["--text=a", "--unit=17"], ["LAYER:NUMBER", "'17'"]),
        (["--text=a", "--unit=1:7"], ["no unit 1:7", "1:6, 1:c6, 2:6, 2:c6"]),
        (["--text=a", "--layer=3"], ["--layer=3", "is 2"]),
        (["--text=a", "--start=9"], ["--start=9", "1 tokens"]),
        (["--text=a", "--png=gates.what"], ["what"]),
    ],
)
def test_a_wrong_request_is_one_line(trained, tmp_path, capsys, flags, words):
    (tmp_path / "empty.txt").write_text("")
    flags = [flag.replace("EMPTY", str(tmp_path / "empty.txt")) for flag in flags]
    assert run.main(["--mode=inspect", f"--workdir={trained}", *flags]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and all(word in error for word in words), error


def test_a_feed_forward_run_has_nothing_to_inspect(corpus, tmp_path, capsys):
    folder = train(corpus, tmp_path / "run", "--context=3")
    assert run.main(["--mode=inspect", f"--workdir={folder}", "--text=a"]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and "no recurrent layer" in error and "--context" in error


@pytest.mark.slow
def test_a_layer_without_gates_shows_its_state(corpus, tmp_path, capsys):
    folder = train(corpus, tmp_path / "run", "--rnn=rnn", "--tokenizer=words", "--layer_norm", "--weight_drop=0.1")
    assert run.main(["--mode=inspect", f"--workdir={folder}", f"--text={TEXT}"]) == 0
    assert "only h is drawn" in capsys.readouterr().out
    assert (folder / "gates.png").is_file()
