"""The states of language models as features of words; and runs that have them, without the language models' folders."""

import dataclasses
import shutil
import types

import keras
import numpy as np
import pytest
from marks import variants
from test_contract import assert_same, check_killed, randomized, tiny

from seqzoo import options
from seqzoo.assets import save_assets
from seqzoo.export import signatures_of
from seqzoo.families.contextual import LanguageModels, WordStates, cache_folder
from seqzoo.task import TASKS
from seqzoo.training import load
from seqzoo.training.folder import prepare, save_model

pytestmark = pytest.mark.usefixtures("eagerly")
SENTENCES = [["to", "be", "or", "not"], ["that"], [], ["not", "thé", "question", "."]]


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def saved(name, folder, **changes):
    """The folder of a run with random weights."""
    keras.utils.set_random_seed(0)
    task, _ = tiny(name, **changes)
    prepare(folder, task)
    save_assets(folder, task.assets)
    save_model(folder, task, randomized(task.build()))
    return folder


@pytest.fixture(scope="module")
def language_models(tmp_path_factory):
    """{unit: folder of a run}."""
    units = {"characters": {}, "words": {"spell": True}, "whitespace": {}}
    return {
        unit: saved("language_model", tmp_path_factory.mktemp(unit), tokenizer=unit, **changes)
        for unit, changes in units.items()
    }


@pytest.mark.parametrize("unit", ["characters", "words", "whitespace"])
@pytest.mark.parametrize("reverse", [False, True])
def test_a_state_has_read_the_word_and_all_before_or_behind_it(unit, reverse, language_models):
    run = load(language_models[unit])
    run.task.config = types.SimpleNamespace(reverse=reverse)
    states, words = WordStates(run), ["not", "to", "be"]
    made = states.encode(words)
    assert made["ids"][0] == states.codec.newline
    for number, position in enumerate(made["positions"]):
        read = [*made["ids"][1 : position + 1]]
        expected = words[number:] if reverse else words[: number + 1]
        assert states.codec.decode(read[::-1] if reverse else read).strip() == " ".join(expected)


@pytest.mark.parametrize("unit", ["characters", "words"])
def test_states_are_those_of_the_layer_and_padding_changes_nothing(unit, language_models):
    states = WordStates(load(language_models[unit]))
    together = [*states.states(SENTENCES)]
    assert [x.shape for x in together] == [(len(words), 8) for words in SENTENCES]  # the units, not the embeddings
    for words, found in zip(SENTENCES, together, strict=True):
        for number in range(len(words)):  # a text that ends with the word: its last state
            made = states.encode(words[: number + 1])
            ids = keras.ops.convert_to_tensor(made["ids"][None])
            zeros = [keras.ops.zeros((1, x.shape[-1])) for x in states.reader.inputs[1:]]
            last = keras.ops.convert_to_numpy(states.reader([ids, *zeros]))[0, -1]
            np.testing.assert_allclose(found[number], last, atol=1e-3)  # 16 bits


@pytest.mark.parametrize("name", ["ner", *variants("sentiment", "dialogue_understanding")])
def test_a_run_answers_without_the_folders_of_its_language_models(name, language_models, tmp_path):
    folders = [shutil.copytree(language_models[unit], tmp_path / unit) for unit in ("characters", "words")]
    folder = saved(name, tmp_path / "run", contextual=",".join(map(str, folders)))
    for path in folders:
        shutil.rmtree(path)
    run, (_, _, lines) = load(folder), TASKS[name].tiny()
    assert run.model.input["contextual"].shape[-1] == 16
    answers = [*run.task.predict(run, lines)]
    alone = [answer for line in lines[:1] for answer in run.task.predict(run, [line])]
    assert_same(answers[: len(alone)], alone)
    states = run.task.encoder()(run.task.examples(lines[0])[0])[0]["contextual"]
    assert states.dtype == np.float16 and np.abs(states).max() > 0.01


@pytest.mark.slow
@pytest.mark.variant
def test_a_killed_run_ends_like_an_uninterrupted_one(language_models, tmp_path):
    check_killed("ner", tmp_path, contextual=str(language_models["words"]))


def test_states_of_a_data_set_are_computed_once_and_found_again(language_models, monkeypatch):
    folder = str(language_models["words"])
    learned, again, calls = LanguageModels.learn(folder), LanguageModels.learn(folder), []
    assert learned == again and learned != LanguageModels.learn(str(language_models["characters"]))
    learned.read(lambda: iter([*SENTENCES, *SENTENCES]), keep=True)
    (path,) = cache_folder().iterdir()
    assert np.load(path).shape == (9, 8)  # equal sentences once
    monkeypatch.setattr(LanguageModels, "states", lambda self, sentences: calls.append(sentences))
    again.read(lambda: iter(SENTENCES), keep=True)
    for words in SENTENCES:
        np.testing.assert_array_equal(again(words), learned(words))
    assert not calls and len([*cache_folder().iterdir()]) == 1
    path.write_bytes(b"")
    with pytest.raises(ValueError, match="npy cannot be used .*Delete it, and the states are computed again"):
        again.read(lambda: iter(SENTENCES), keep=True)


def test_what_does_not_fit_is_refused(language_models, tmp_path):
    folder = str(language_models["words"])
    with pytest.raises(ValueError, match="give one of the two"):
        tiny("ner", contextual=folder, auxiliary_lm=0.1)
    with pytest.raises(ValueError, match="needs --tokenizer=words or whitespace"):
        tiny("sentiment", contextual=folder, tokenizer="characters")
    with pytest.raises(ValueError, match="should name runs of --task=language_model. Received: ','"):
        LanguageModels.learn(",")
    with pytest.raises(ValueError, match="is a run of --task=pos"):
        LanguageModels.learn(str(saved("pos", tmp_path / "pos")))
    run = load(saved("ner", tmp_path / "ner", contextual=folder))
    with pytest.raises(ValueError, match="not exported as onnx"):
        signatures_of(run, options.Exporting(format="onnx"))
    assert [*signatures_of(run, dataclasses.replace(options.Exporting(), format="run"))] == ["arrays"]
