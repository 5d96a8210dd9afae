"""The words of a run: learned, saved, and turned into the inputs of their front."""

import dataclasses
import subprocess
import sys

import numpy as np
import pytest

from seqzoo import options
from seqzoo.assets import load_assets, save_assets
from seqzoo.config import default
from seqzoo.inputs import Words

TEXTS = [["The", "cat", "saw", "the", "dog"], ["A", "cat", "sat", "<pad>"]]


@dataclasses.dataclass(frozen=True)
class Config(options.Words, options.Characters):
    seed: int = default(options.Data, seed=0)


def test_words_are_known_rare_or_unknown():
    learned = Words.learn(Config(), iter(TEXTS))
    assert learned.words.tokens[2:] == ["cat", "the", "a", "dog", "sat", "saw"]
    assert (learned.known, learned.rare) == (8, 4)
    assert learned.summary == {"words": "6, 4 of them seen once"}
    assert [learned.knows(token) for token in ("CAT", "saw", "bird", "<pad>", "<unk>")] == [True, True] + [False] * 3


def test_arrays_have_the_names_and_widths_of_the_front():
    learned = Words.learn(Config(max_word_length=4), TEXTS)
    arrays = learned.encoder(name="left")(["The", "butterfly", "<pad>"])
    assert arrays["left_tokens"].tolist() == [3, 1, 1]
    spelled = ["".join(learned.characters.decode(row)) for row in arrays["left_characters"]]
    assert arrays["left_characters"].shape == (3, 4) and spelled[0] == "The<pad>" and spelled[2] == "<pd>"
    front = learned.front(Config(max_word_length=4), name="left")[0]
    assert set(front) == set(arrays) == {"left_tokens", "left_characters", "left_casing"}
    plain = Words.learn(Config(characters="none", casing=False, lowercase=False), TEXTS)
    assert set(plain.encoder()(["The"])) == set(plain.front(Config())[0]) == {"tokens"}
    assert plain.knows("The") and not plain.knows("THE")
    assert learned.encoder(static_shapes=True)(["a"])["characters"].shape == (1, 4)


def test_saved_is_loaded_without_the_vectors(tmp_path):
    (tmp_path / "vectors.txt").write_text("cat 1 2\nbird 3 4\n")
    config = Config(vectors=str(tmp_path / "vectors.txt"), min_count=2)
    learned = Words.learn(config, TEXTS)
    assert learned.words.tokens[2:] == ["cat", "the", "bird"] and learned.vectors.shape == (5, 2)
    assert "1 more words" in learned.summary["vectors"] and "50.0%" in learned.summary["vectors"]
    assert learned.knows("cat") and not learned.knows("bird")
    save_assets(tmp_path, {"words": learned})
    again = load_assets(tmp_path)["words"]
    assert again == learned and again.vectors is None
    for key, array in learned.encoder()(["cat", "bird", "x"]).items():
        np.testing.assert_array_equal(again.encoder()(["cat", "bird", "x"])[key], array)
    assert learned.front(config)[1].shape[-1] == 2 + 50 + 10
    with pytest.raises(ValueError, match="not saved"):
        again.front(config)


def test_importing_fronts_and_poolings_imports_no_keras():
    code = "import seqzoo.inputs.words, seqzoo.layers, sys; assert not {'keras', 'tensorflow'} & {*sys.modules}"
    subprocess.run([sys.executable, "-c", code], check=True)
