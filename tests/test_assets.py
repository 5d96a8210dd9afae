import json

import pytest

from seqzoo.assets import Asset, load_assets, save_assets
from seqzoo.text.codec import UNITS, Codec
from seqzoo.text.subwords import KINDS, Subwords
from seqzoo.text.vocabulary import Vocabulary

TEXTS = ["a cat sat on the mat\nthe cat ran\n"] * 9


class Scaler(Asset):
    def __init__(self, mean):
        self.mean = mean

    def to_dict(self):
        return {"mean": self.mean}


def test_loaded_assets_equal_the_saved_ones_in_their_order(tmp_path):
    assets = {
        "words": Vocabulary(["the", "\n", "日本"]),
        "width": 40,
        "tags": Vocabulary(["B", "O"], unknown=False),
        "word": "Vocabulary",  # a plain text, not a class
        "scaler": Scaler([0.1, 2.0]),
        "subwords": Subwords.learn(TEXTS, 40, "bpe"),
        "shape": {"value": [None, True, {"class": "Scaler"}]},
        **{units: Codec.learn(units, TEXTS, 40, spell=units == "words") for units in UNITS},
    }
    save_assets(tmp_path, assets)
    loaded = load_assets(tmp_path)
    assert loaded == assets and [*loaded] == [*assets]
    assert json.loads((tmp_path / "assets.json").read_text())["tags"] == "Vocabulary"
    for units in UNITS:
        assert loaded[units].encode("the cat quit") == assets[units].encode("the cat quit")
        assert isinstance(loaded[units].vocabulary, Subwords if units in KINDS else Vocabulary)


def test_assets_are_equal_by_content_and_class():
    assert Vocabulary(["a"]) == Vocabulary(["a"]) != Vocabulary(["b"])
    assert Vocabulary(["<pad>", "<unk>"], unknown=False) != Vocabulary([])
    assert Codec.learn("words", ["a b"], 0) != Codec.learn("whitespace", ["a b"], 0)
    assert Scaler("a") != {"mean": "a"}


def test_an_asset_that_fails_to_save_leaves_the_old_one(tmp_path, monkeypatch):
    save_assets(tmp_path, {"scaler": Scaler(1)})

    def fail(self, path):
        with open(path, "w") as file:
            file.write("half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Scaler, "save", fail)
    with pytest.raises(OSError, match="No space left on device: '.*scaler.json'"):
        save_assets(tmp_path, {"scaler": Scaler(2)})
    assert load_assets(tmp_path) == {"scaler": Scaler(1)}
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["assets", "assets.json", "scaler.json"]


@pytest.mark.parametrize("value", [(1, 2), {1: 2}, {1, 2}, float("nan"), object()])
def test_a_value_that_json_would_change_is_refused(tmp_path, value):
    with pytest.raises(ValueError, match="Asset 'width' should be an Asset or a plain JSON value"):
        save_assets(tmp_path, {"scaler": Scaler(1), "width": value})
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize(
    ("manifest", "message"),
    [
        (None, "has no assets.json"),
        ("{", "assets.json is malformed"),
        ("[]", "should hold a JSON object"),
        ('{"a": "os.system"}', "asset 'a' is of the unknown class 'os.system'. Known: .*Vocabulary.* Import"),
        ('{"a": ["Scaler"]}', "asset 'a' should be the name of a class"),
        ('{"../a": "Scaler"}', "should be an identifier, such as 'tags'. Received: '../a'"),
        ('{"missing": "Scaler"}', "missing.json is missing: asset 'missing'"),
        ('{"broken": "Scaler"}', "broken.json could not be loaded as Scaler: TypeError: .*median"),
    ],
)
def test_an_asset_that_cannot_be_loaded_is_named(tmp_path, manifest, message):
    (tmp_path / "assets").mkdir()
    (tmp_path / "assets" / "broken.json").write_text('{"median": 1}')
    if manifest is not None:
        (tmp_path / "assets.json").write_text(manifest)
    with pytest.raises(ValueError, match=message):
        load_assets(tmp_path)


def test_two_modules_cannot_define_the_same_asset_class():
    with pytest.raises(ValueError, match="Two classes of assets are called 'Vocabulary', in seqzoo.text.vocabulary"):
        type("Vocabulary", (Asset,), {"__module__": "elsewhere"})
