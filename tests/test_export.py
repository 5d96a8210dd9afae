"""Exported runs: the artefact answers as the run does, in a process that has no seqzoo."""

import copy
import dataclasses
import itertools
import json
import os
import subprocess
import sys
import types
import zipfile

import guides
import keras
import numpy as np
import pytest
from marks import slow, variants

from seqzoo import options, run
from seqzoo.assets import save_assets
from seqzoo.datasets import Examples
from seqzoo.decoding.sampling import choose
from seqzoo.decoding.steps import Categorical
from seqzoo.inputs import Words
from seqzoo.task import TASKS
from seqzoo.text.casing import casing
from seqzoo.text.spans import to_bio
from seqzoo.text.tokenizer import splitter
from seqzoo.text.vocabulary import Vocabulary
from seqzoo.training.folder import Run, load, prepare

pytestmark = pytest.mark.tensorflow("runs are exported by TensorFlow")
tf = pytest.importorskip("tensorflow")

from seqzoo.export import _of_arrays, check_target, export, graph, sharing, signatures_of  # noqa: E402
from seqzoo.export.about import read_about  # noqa: E402
from seqzoo.export.check import cases_of  # noqa: E402
from seqzoo.export.generating import _Tempered  # noqa: E402

TEXTS = [
    "Don't go, it cannot stop! It's J. R. R. Smith's U.S.-based co. in the U.S. Army; see No. 5.",
    "It fell -5.3% to US$ 5.20, or .5 ... in the '90s. AT&T's rock 'n' roll ``hi'' a--b 3,000.50kg at 10:30. The end.",
    "See http://a.b/c(d)?e=1, or mail x.y@z.co.uk. Ph.D. Mr. Brown, I. Newton and A. I. Smith wrote it. X-Y. Abc.",
    "東京タワー is 👍🏽 👨‍👩‍👧 🇩🇪🇫🇷 für café, naïve İ ‘quoted’ Ως.",
    "",
    " \u00a0 ",
]


guides.register("seqzoo.tasks.parity")


def of_rows(*arrays):
    """Rows of Python values, without padding, of arrays whose first holds strings."""
    decoded = [
        [part.decode() if isinstance(part, bytes) else part for part in row] for row in arrays[0].numpy().tolist()
    ]
    rows = zip(decoded, *(array.numpy().tolist() for array in arrays[1:]), strict=True)
    return [[each for each in zip(*row, strict=True) if each[0]] for row in rows]


@pytest.mark.parametrize("kind", ["words", "whitespace", "characters"])
def test_the_graph_splits_texts_as_the_tokenizer_does(kind):
    texts = [*TEXTS, "A <b>bold</b> word<br/>here < 5"]
    split = graph.splitter(kind, markup=kind == "words")(tf.constant(texts))
    assert of_rows(*split) == [splitter(kind, form="none")(text) for text in texts]


def test_the_graph_splits_unspaced_scripts_into_characters():
    split = graph.splitter("words", ("unspaced",))(tf.constant(["東京 is big."]))
    assert [token for token, _, _ in of_rows(*split)[0]] == ["東", "京", "is", "big", "."]


def test_the_graph_makes_the_arrays_of_the_encoder():
    tokens = ["Ford", "IBM", "F16", "1996", "--", "iPhone", "a" * 25, "東京", "ǅ", "²", "École", "ª", "<pad>"]
    words = Words(Vocabulary(["ford", "école", "--"]), Vocabulary("FordaIBM1É東"), known=5, casing=True)
    expected, found = words.encoder()(tokens), graph.WordArrays(words)(tf.constant([tokens, ["IBM", *[""] * 12]]))
    for name, array in expected.items():
        np.testing.assert_array_equal(found[name][0], array)
        np.testing.assert_array_equal(found[name][1, 1:], np.zeros_like(array[1:]))
    codes = [chr(code) for code in range(1, 0x2500)]
    np.testing.assert_array_equal(graph.casing(tf.constant(codes)), [*map(casing, codes)])


def test_the_graph_converts_any_tags_to_bio():
    tags = ["O", "B-A", "I-A", "E-A", "S-A", "I-B", "E-B"]
    ids = np.array([*itertools.product(range(len(tags)), repeat=3)])
    expected = [to_bio([tags[i] for i in row]) for row in ids]
    assert graph.bio_names(tags)(tf.constant(ids)).numpy().astype(str).tolist() == expected


def test_the_graph_keeps_both_ends_of_long_texts():
    tokens = tf.constant([[*"abcdefg"], [*"abcde", "", ""], [*"abc", "", "", "", ""]])
    found = graph.both_ends(tokens, 5).numpy().astype(str)
    assert ["".join(row) for row in found] == ["abefg", "abcde", "abc"]


def test_the_graph_samples_from_the_same_ids_with_the_same_probabilities():
    logits = np.log([0.05, 0.3, 0.15, 0.02, 0.48]).astype("float32")
    decoder = types.SimpleNamespace(step=lambda values, fixed, state: (Categorical(logits[None]), state))
    noise = (np.arange(2000, dtype="float32") + 0.5) / 2000
    settings = (1.0, 0, 1.0), (0.5, 3, 1.0), (1.0, 0, 0.7), (2.0, 4, 0.8), (1.0, 0, 1e-6), (1.0, 1, 1.0)
    for temperature, top_k, top_p in settings:
        chosen = {"temperature": temperature, "top_k": top_k, "top_p": top_p}
        tempered = _Tempered(decoder, {name: tf.constant(value) for name, value in chosen.items()}, banned=(0,))
        found = tf.nn.softmax(tempered.step(None, [], [])[0].logits)[0]
        likely = np.tile(np.where(np.arange(5) == 0, -np.inf, logits), (2000, 1))
        drawn = choose(likely, noise, **chosen)
        np.testing.assert_allclose(found, np.bincount(drawn, minlength=5) / 2000, atol=1e-3, err_msg=f"{chosen}")


# --- Whole artefacts ------------------------------------------------------------------------------


def tiny_run(name, folder, **changes):
    """A run with random weights in a folder, and lines that it answers."""
    kind = TASKS[name]
    config, splits, lines = kind.tiny()
    task = kind(type(config)(**{**config.to_dict(), **changes}))
    features = {feature: type(value) for feature, value in splits["train"][0].items()}
    task.read = lambda: {
        split: Examples(lambda part=part: iter(part), features, "tiny") for split, part in splits.items()
    }
    keras.utils.set_random_seed(0)
    keras.config.set_dtype_policy(task.config.precision)
    try:
        task.load()
        prepare(folder, task)
        save_assets(folder, task.assets)
        model, rng = task.build(), np.random.default_rng(0)
    finally:
        keras.config.set_dtype_policy("float32")
    for weight in model.trainable_weights:
        weight.assign(rng.normal(0, 0.3, weight.shape))
    model.save(folder / "model.keras")
    return Run(task, model, task.predictor(model), folder)


def exported(name, folder, asked=(), **changes):
    """(run, folder of its export, what was measured)."""
    run = tiny_run(name, folder / "run", **changes)
    request = run.task.requests.get("export", options.Exporting)(**dict(asked))
    return run, folder / "out", export(run, folder / "out", request)


@pytest.fixture(scope="module")
def tagger(tmp_path_factory):
    return exported("ner", tmp_path_factory.mktemp("tagger"))


def test_an_exported_tagger_answers_as_its_run_in_a_process_without_seqzoo(tagger):
    _, folder, measured = tagger
    assert {*measured["signatures"]} == {"arrays", "tokens", "text"}
    for found in measured["signatures"].values():
        assert found["equal_answers"] == 1 and found["largest_difference"] < 1e-5
    assert measured["signatures"]["text"]["split_alike"] == 1
    assert measured == json.loads((folder / "check.json").read_text("utf-8"))
    assert "NFC" in (folder / "MODEL_CARD.md").read_text("utf-8") and (folder / "vocabularies/tags.json").exists()


def test_padding_and_empty_texts_change_no_answer_of_an_export(tagger):
    run, folder, _ = tagger
    served = tf.saved_model.load(str(folder / "model"))
    texts = ["Ann met Ford in Paris.", "", "May"]
    together = served.signatures["text"](text=tf.constant(texts))
    answers = [*run.task.predict(run, texts)]
    for row, answer in enumerate(answers):
        found = of_rows(
            *(together[name][row : row + 1] for name in ("tokens", "starts", "ends", "tags", "confidences"))
        )[0]
        keys = ("text", "start", "end", "tag", "confidence")
        assert [(*each[:3], each[3].decode()) for each in found] == [
            tuple(token[key] for key in keys[:4]) for token in answer["tokens"]
        ]
        assert [each[4] for each in found] == pytest.approx([t["confidence"] for t in answer["tokens"]], abs=1e-4)
    assert served.signatures["text"](text=tf.constant(["", ""]))["tags"].shape == (2, 0)


@pytest.mark.slow
def test_the_example_runs_with_tensorflow_alone(tagger, tmp_path):
    done = subprocess.run(
        [sys.executable, "-I", tagger[1] / "example.py"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "tags" in done.stdout and "Ford" in done.stdout


@pytest.mark.parametrize(
    "case",
    [
        *slow(
            ("sentiment", {"tokenizer": "bpe", "subwords": 30, "pooling": "attention"}),
            ("translation", {"tokenizer": "words", "min_count": 2, "input_feeding": True}),
            ("language_model", {}),
            ("similarity", {"head": "cosine", "max_tokens": 3}),
            ("speech", {}),
            ("pronunciation", {"model": "attention", "subsample": 2}),
            ("dialogue_understanding", {}),
            ("music", {}),
            ("motion", {}),
        ),
        *variants(
            ("sentiment", {}),
            ("sentiment", {"multi_label": True, "max_tokens": 3, "casing": True}),
            ("sentiment", {"tokenizer": "characters"}),
            ("pos", {"precision": "mixed_bfloat16", "characters": "rnn", "rnn": "bigru"}),
            ("translation", {}),
            ("translation", {"tokenizer": "whitespace", "lowercase": True, "attention": "general"}),
            ("translation", {"tokenizer": "bpe", "vocabulary": 30}),
            ("language_model", {"tokenizer": "words", "rnn": "gru", "tied": False}),
            ("language_model", {"tokenizer": "whitespace", "spell": True, "context": 2, "rnn": "none"}),
            ("language_model", {"tokenizer": "words", "softmax": "adaptive"}),
            ("language_model", {"softmax": "sampled", "negatives": 3}),
            ("parity", {}),
            ("activity", {"velocities": True, "centre": 1}),
            ("dna", {"reverse_complement": True}),
            ("dna_tagging", {}),
            ("pronunciation", {"subsample": 2, "upsample": 4}),
            ("similarity", {"aligned": True, "characters": "cnn", "casing": True}),
            ("similarity", {"goal": "retrieval", "pooling": "mean"}),
            ("music", {"encoding": "frames", "melody_ahead": 0.0, "conditions": "none"}),
            ("motion", {"condition": "none", "relative": False}),
        ),
    ],
)
def test_every_task_is_exported(case, tmp_path):
    name, changes = case
    _, _, measured = exported(name, tmp_path, **changes)
    for signature in measured["signatures"].values():
        assert signature["equal_answers"] == 1 and signature.get("split_alike", 1) == 1


def test_models_that_write_ids_have_a_length_of_their_own_and_refuse_options_of_a_search(tmp_path):
    run = tiny_run("translation", tmp_path, copy=True)
    request = run.task.requests["export"]
    run.predictor.bounds = (70, 0)  # a target of training has this length
    for asked, length in (({"beam": 1}, 70), ({"format": "onnx"}, 70), ({"answer_length": 7}, 7)):
        assert signatures_of(run, request(**asked))["arrays"].outputs["tokens"] == f"[B, {length}], 0 after the end"
    for option, value in (("block_ngrams", 2), ("beam", 3)):
        with pytest.raises(ValueError, match=f"--{option} has no effect: models that write ids"):
            signatures_of(run, request(**{option: value}))


def test_examples_that_the_run_leaves_out_or_numpy_cannot_hold_are_not_compared(tmp_path):
    run = tiny_run("pronunciation", tmp_path)
    *_, words = run.task.tiny()
    examples = [run.task.example(word) for word in (words[0], "", f"{words[0]}\0")]
    cases = cases_of(signatures_of(run, run.task.requests["export"]()), examples)
    assert [len(found) for found in cases.values()] == [1] * len(cases)


LITERT = {"format": "litert", "length": 20}


@pytest.mark.parametrize(
    "case",
    [
        *slow(
            ("ner", {**LITERT, "quantize": "int8"}, {"precision": "mixed_bfloat16"}),
            ("pos", {"format": "onnx"}, {"precision": "mixed_float16"}),
            ("translation", LITERT, {"input_feeding": True}),
            ("pronunciation", LITERT, {}),
            ("language_model", {"format": "onnx"}, {"tokenizer": "words"}),
            ("motion", {**LITERT, "length": 1}, {"join": "state"}),
        ),
        *variants(
            ("ner", LITERT, {}),
            ("sentiment", LITERT, {"multi_label": True}),
            ("similarity", LITERT, {"characters": "cnn"}),
            ("sentiment", {"format": "onnx"}, {"tokenizer": "bpe", "subwords": 30}),
            ("translation", {"format": "onnx", "answer_length": 30}, {}),
            ("pronunciation", LITERT, {"model": "attention"}),
            ("language_model", {**LITERT, "length": 1}, {"rnn": "gru"}),
            ("language_model", {"format": "onnx"}, {"softmax": "adaptive"}),
            ("language_model", {**LITERT, "length": 1}, {"softmax": "adaptive", "tokenizer": "words"}),
            ("activity", LITERT, {}),
            ("dna", LITERT, {"reverse_complement": True}),
        ),
    ],
)
def test_files_of_arrays_answer_as_the_run(case, tmp_path):
    name, asked, changes = case
    for package in {"litert": ["ai_edge_litert"], "onnx": ["tf2onnx", "onnxruntime"]}[asked["format"]]:
        pytest.importorskip(package)
    _, folder, measured = exported(name, tmp_path, asked, **changes)
    (found,) = measured["signatures"].values()
    assert found["equal_answers"] == 1
    done = subprocess.run([sys.executable, "-I", folder / "example.py"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    printed = {line.split()[0] for line in done.stdout.splitlines()}
    assert printed & {"tags", "probabilities", "tokens", "labels", "log_probabilities", "log_sigma"}


@pytest.mark.slow
def test_a_run_of_jax_is_exported(tagger, tmp_path):
    pytest.importorskip("jax")
    out, texts = tmp_path / "out", tmp_path / "texts"
    flags = ["--mode=export", f"--workdir={tagger[0].folder}", f"--out={out}", f"--input={texts}"]
    texts.write_text("Ann met Ford in Paris.\nMay\n", "utf-8")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "KERAS_BACKEND": "jax"}
    command = [sys.executable, "-m", "seqzoo.run", *flags]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "MODEL_CARD.md" in done.stdout and "texts, one by one" in (out / "MODEL_CARD.md").read_text("utf-8")


@pytest.mark.slow
@pytest.mark.variant
def test_a_shared_run_has_weights_of_16_bits_and_no_path_and_answers_as_the_run(tagger, tmp_path):
    own, about = tagger[0], tmp_path / "about.json"
    config = dataclasses.replace(own.task.config, data_dir="/home/me/my.conll", vectors="/home/me/glove.txt")
    own = dataclasses.replace(own, task=copy.copy(own.task))
    own.task.config = config
    about.write_text('{"licence": "mine alone", "limits": ["It was never trained."]}')
    request, texts = options.Exporting(format="run", about=str(about)), ["Ann met Ford in Paris.", "May"]
    measured = export(own, tmp_path / "out", request, texts)
    assert {found["equal_answers"] for found in measured["signatures"].values()} == {1}
    assert all(0 < found["largest_difference"] < 0.01 for found in measured["signatures"].values())
    shared = load(tmp_path / "out")
    assert shared.task.config == dataclasses.replace(config, data_dir="my.conll", vectors="glove.txt")
    for ours, weight in zip(shared.model.weights, own.model.weights, strict=True):
        assert ours.dtype == "float32"
        np.testing.assert_array_equal(ours, np.asarray(weight).astype("float16"))
    assert zipfile.ZipFile(tmp_path / "out/model.keras").comment == zipfile.ZipFile(own.folder / "model.keras").comment
    card = (tmp_path / "out/MODEL_CARD.md").read_text("utf-8")
    assert "**Licence of the data**: mine alone" in card and "- It was never trained." in card
    assert "--data_dir=FOLDER/my.conll" in card and "/home/me" not in card
    started = dataclasses.replace(config, data_dir="/x/my data.conll", init_from="/runs/one,zoo:ner-english,/runs/two")
    made = sharing.command(types.SimpleNamespace(name="ner", config=started))
    assert "'--data_dir=FOLDER/my data.conll'" in made and "=FOLDER/one,zoo:ner-english,FOLDER/two" in made
    own.model.weights[0].assign(own.model.weights[0] * 0 + 1e6)
    own.model.save(tmp_path / "model.keras")
    with pytest.raises(ValueError, match="reach 1e.06, beyond 65,504"):
        sharing._halve(tmp_path / "model.keras", tmp_path / "half.keras")
    about.write_text('{"license": "mine"}')
    with pytest.raises(ValueError, match="unknown key 'license'. Did you mean 'licence'?"):
        read_about(tmp_path)
    with pytest.raises(ValueError, match="--about: no file"):
        read_about(tmp_path, "nowhere.json")


def test_an_export_replaces_only_an_export(tagger, tmp_path):
    check_target(tmp_path / "new", False)
    check_target(tmp_path, False)
    with pytest.raises(ValueError, match="holds an export.*--overwrite"):
        check_target(tagger[1], False)
    check_target(tagger[1], True)
    for text in ("{}", "[", "3"):
        (tmp_path / "check.json").write_text(text)
        with pytest.raises(ValueError, match="holds no export"):
            check_target(tmp_path, True)
    with pytest.raises(ValueError, match="--out should be a folder"):
        check_target(tmp_path / "check.json" / "out", False)


def test_a_format_that_cannot_hold_what_a_run_is_called_with_is_refused():
    music = types.SimpleNamespace(task=types.SimpleNamespace(name="music"))
    with pytest.raises(ValueError, match="without random draws. Runs of task music have only sample: use"):
        _of_arrays(music, {"sample": None}, options.Exporting(format="onnx"))


@pytest.mark.parametrize(
    "flags, words",
    [
        (["--mode=export", "--text=a"], "--text is for --mode=predict. Received: --mode=export"),
        (["--mode=predict", "--overwrite"], "--overwrite is for --mode=train, export. Received: --mode=predict"),
        (["--mode=export", "--units=3"], "--units is fixed by the run"),
        (["--mode=export", "--format=onxn"], "--format should be one of"),
        (["--mode=predict", "--format=savedmodel"], "--format is for --mode=export"),
        (["--mode=train", "--out=a"], "--out is for --mode=export"),
    ],
)
def test_options_of_export_are_checked(flags, words, tagger, capsys):
    assert run.main([*flags, f"--workdir={tagger[0].folder}", *(["--task=ner"] if "train" in flags[0] else [])]) == 2
    assert words in capsys.readouterr().err.replace("\n", " ")
