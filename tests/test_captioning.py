"""Captioning: pictures and their readers, the front, references, baselines, attention over pictures."""

import dataclasses
import io
import json
import zipfile

import keras
import numpy as np
import pytest
from PIL import Image

from seqzoo.data import Batches
from seqzoo.datasets import DATASETS
from seqzoo.display.captions import captioned_articles, captions_plot
from seqzoo.files import UnreadableError
from seqzoo.inputs import Pictures, pictures
from seqzoo.inputs.pictures import application
from seqzoo.metrics.translation import translation_scores
from seqzoo.pictures import Pixels, Stored
from seqzoo.pictures.baselines import nearest_captions
from seqzoo.pictures.picture import data_address, shifted
from seqzoo.task import TASKS

RED, BLUE = (255, 0, 0), (0, 0, 255)


def png(colour=RED, size=(4, 3), mode="RGB"):
    """The bytes of a PNG of one colour."""
    file = io.BytesIO()
    Image.new(mode, size, colour).save(file, "PNG")
    return file.getvalue()


def put(folder, files):
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())


def read(folder, **arguments):
    """{split: {name of a picture: captions}}."""
    splits = DATASETS["captions"](folder, **arguments)
    return {split: {e["picture"].name: e["captions"] for e in examples} for split, examples in splits.items()}


COCO = {
    "images": [{"id": 7, "file_name": "a.png"}, {"id": 8, "file_name": "b.png"}],
    "annotations": [
        {"image_id": 7, "caption": "A cat."},
        {"image_id": 8, "caption": "A dog."},
        {"image_id": 7, "caption": "Cats\n"},
    ],
}
KARPATHY = {
    "images": [
        {"filename": "a.png", "split": "restval", "sentences": [{"raw": "A cat."}, {"raw": "Cats"}]},
        {"filename": "b.png", "split": "val", "sentences": [{"raw": "A dog."}]},
        {"filename": "c.png", "split": "val", "sentences": []},
    ]
}
CATS, DOG = {"a.png": ["A cat.", "Cats"]}, {"b.png": ["A dog."]}


@pytest.mark.parametrize(
    "files, expected",
    [
        ({"train.tsv": "a.png\tA cat.\na.png\tCats\n", "dev.tsv": "b.png\tA dog.\n"}, {"train": CATS, "valid": DOG}),
        ({"all.csv": "image,caption\na.png,A cat.\nb.png,A dog.\na.png,Cats\n"}, {"train": {**CATS, **DOG}}),
        (
            {
                "Flickr8k.token.txt": "a.png#0\tA cat.\na.png#1\tCats\nb.png#0\tA dog.\n",
                "Flickr_8k.trainImages.txt": "a.png\n",
                "Flickr_8k.devImages.txt": "b.png\n",
            },
            {"train": CATS, "valid": DOG},
        ),
        ({"captions.txt": "image,caption\na.png,A cat.\na.png,Cats\n"}, {"train": CATS}),
        (
            {"annotations/captions_train2017.json": json.dumps(COCO), "annotations/instances_train2017.json": "{}"},
            {"train": {**CATS, **DOG}},
        ),
        ({"dataset_flickr8k.json": json.dumps(KARPATHY)}, {"train": CATS, "valid": DOG}),
    ],
)
def test_each_layout_gives_every_picture_all_its_captions(tmp_path, files, expected):
    put(tmp_path, files)
    assert read(tmp_path) == expected


def test_pictures_are_found_beside_the_table_below_it_and_in_archives_of_their_split(tmp_path):
    put(tmp_path, {"train.tsv": "./a.png\tx\nb.png\tx\n", "valid.tsv": "b.png\tx\n", "images/a.png": png(RED)})
    for split, colour in (("train", RED), ("valid", BLUE)):
        with zipfile.ZipFile(tmp_path / f"{split}_images.zip", "w") as archive:
            archive.writestr("inner/b.png", png(colour))
    splits = DATASETS["captions"](tmp_path)
    colours = [e["picture"].read(1, 1, 3)[0, 0].tolist() for split in splits.values() for e in split]
    assert colours == [[*RED], [*RED], [*BLUE]]
    put(tmp_path, {"cut.zip": "PK"})
    with pytest.raises(ValueError, match="cut.zip: not a zip archive"):
        list(DATASETS["captions"](tmp_path)["valid"])


@pytest.mark.parametrize(
    "name, content, error",
    [
        ("train.tsv", "a.png\tx\nb.png\t \n", r"train.tsv:2: the caption is empty"),
        ("train.tsv", "a.png\tx\nb.png\n", r"train.tsv:2: expected 2 fields .like the first line., found 1"),
        ("train.tsv", "first\tsecond\na.png\tx\n", "no column for the file .* --columns=file=NAME,caption=NAME"),
        ("train.json", '{"images": []}', "train.json: neither COCO's JSON .* nor Karpathy's"),
        ("train.json", json.dumps(COCO).replace('"a.png"', "null"), "train.json: neither COCO's JSON"),
        ("train.json", json.dumps(COCO).replace("A dog.", " "), "train.json: a caption of b.png is empty"),
        ("train.json", json.dumps(COCO).replace("A dog.", "\\ud83d"), "train.json:b.png: half of a character"),
        ("notes.md", "x", "no table of pictures and captions .* Found: notes.md"),
    ],
)
def test_malformed_tables_are_errors_with_file_and_line(tmp_path, name, content, error):
    put(tmp_path, {name: content})
    with pytest.raises(ValueError, match=error):
        read(tmp_path)


def test_a_picture_is_read_upright_in_the_size_and_colours_that_are_asked_for(tmp_path):
    pixels = np.zeros((2, 4, 3), "uint8")
    pixels[:, :2] = RED
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by a quarter to the right
    Image.fromarray(pixels).save(tmp_path / "turned.png", exif=exif)
    picture = Stored("turned.png", tmp_path / "turned.png")
    assert picture.read(4, 2, 3)[[0, -1], 0].tolist() == [[*RED], [0, 0, 0]] and picture.shape() == (4, 2, 3)
    assert Pixels("wide", pixels).read(4, 0, 1).shape == (4, 8, 1)
    Image.new("RGBA", (2, 2), (255, 0, 0, 0)).save(tmp_path / "clear.png")
    assert Stored("clear", tmp_path / "clear.png").read(1, 1, 3).tolist() == [[[255, 255, 255]]]
    Image.fromarray(np.full((2, 2), 256 * 100, "uint16")).save(tmp_path / "deep.png")
    assert Stored("deep", tmp_path / "deep.png").read(1, 1, 1).item() == 100
    assert Stored("deep", tmp_path / "deep.png").shape() == (2, 2, 1)
    Image.fromarray(np.ones((2, 2), "float32")).save(tmp_path / "float.tif")
    with pytest.raises(UnreadableError, match=r"float.tif: its pixels are floating-point numbers"):
        Stored("float.tif", tmp_path / "float.tif").read(1, 1, 1)


@pytest.mark.parametrize(
    "changes, shape",
    [
        ({}, (224, 50, 1)),
        ({"picture_size": 32, "colour": "colour"}, (32, 32, 3)),
        ({"reader": "columns"}, (224, 0, 1)),
        ({"encoder": "mobilenet_v2"}, (224, 50, 3)),
    ],
)
def test_the_first_readable_picture_decides_the_size_unless_options_do(tmp_path, changes, shape):
    pixels = np.full((448, 100, 1), 10, "uint8")
    pixels[:, 50:] = 30
    seen = [Stored("none", tmp_path / "none.png"), Pixels("x", pixels)]
    found = Pictures.learn(seen, dataclasses.replace(TASKS["captioning"].Config(), **changes))
    assert found.shape == shape and (found.mean, found.std) == pytest.approx((20, 10), abs=1)
    flat = Pictures.learn([Pixels("x", np.full((100, 150, 3), 55, "uint8"))], TASKS["captioning"].Config())
    assert (flat.mean, flat.std) == (55, 255)


def captioning(**changes):
    """The tiny task, with its data loaded."""
    kind = TASKS["captioning"]
    config, splits, _ = kind.tiny()
    task = kind(dataclasses.replace(config, **changes))
    task.assets = task.learn(splits["train"])
    return task, splits["train"]


def test_bad_pictures_are_left_out_of_training_by_name_and_are_errors_to_predict(tmp_path):
    put(tmp_path, {"broken.png": png(size=(300, 200))[:-60], "text.png": b"no picture"})
    task, examples = captioning()
    bad = [Stored(name, tmp_path / name) for name in ("broken.png", "text.png", "missing.png")]
    given = [*examples, *({"picture": picture, "captions": ["x"]} for picture in bad)]
    summary = Batches(given, task.encoder(training=True), task.axes).summary
    assert "3 left out (unreadable; the first: broken.png: a damaged picture" in summary
    for picture, reason in zip(bad, ("damaged", "not a readable picture", "No such file"), strict=True):
        with pytest.raises(UnreadableError, match=f"{picture.name}: .*{reason}"):
            task.arrays({"picture": picture}, training=False)
    with pytest.raises(ValueError, match="missing.png: No such file"):
        task.example(str(tmp_path / "missing.png"))
    with pytest.raises(ValueError, match="text.png: not a readable picture"):
        task.example(str(tmp_path / "text.png"))


def test_training_learns_each_reference_and_scores_count_any():
    task, (first, *_) = captioning()
    rows = task.encoder(training=True)({**first, "captions": ["A red  one", "", "no colour"]})
    assert [task.assets["labels"].decode(labels[:-1].tolist()) for _, labels, _ in rows] == ["a red one", "no colour"]
    assert rows[0][0]["image"] is rows[1][0]["image"]
    scores = translation_scores(["a b c d", "x y z w"], [["q", "a b c d"], ["x y z w"]])
    assert scores["bleu"] == pytest.approx(100) and scores["exact"] == 100 and "nrefs:var" in scores["bleu_signature"]


def test_the_steps_of_a_map_are_its_positions_row_by_row():
    inputs, x, mask = pictures(16, 8, 1, filters=(3, 5), blocks=1, kernel_size=1)
    model = keras.Model(inputs, [x, mask])
    rng = np.random.default_rng(0)
    for weight in model.trainable_weights:
        weight.assign(rng.normal(0, 0.3, weight.shape))
    image = rng.integers(0, 256, (1, 16, 8, 1)).astype("uint8")
    other = image.copy()
    other[0, 12:, 4:] ^= 255
    (before, real), (after, _) = model({"image": image}), model({"image": other})
    assert before.shape == (1, 4 * 2, 5 + 1 + 2) and np.all(real)
    assert np.asarray(before)[0, 0, 5] == pytest.approx(image[0, :4, :4].mean() / 255, abs=1e-6)  # the mean colour
    assert np.asarray(before)[0, [0, 1, 6], 6:].tolist() == [[-1, -1], [-1, 1], [1, -1]]
    changed = np.abs(np.asarray(before) - np.asarray(after)).sum(-1)[0].reshape(4, 2)
    assert changed.argmax() == 3 * 2 + 1  # the norm changes all positions a little


@pytest.mark.slow
def test_the_weights_of_an_application_come_from_a_file_and_are_frozen(tmp_path):
    shape = (32, 32, 3)
    keras.utils.set_random_seed(1)
    source = application("mobilenet_v2", shape)
    source.save_weights(tmp_path / "own.weights.h5")
    keras.utils.set_random_seed(2)
    inputs, x, _ = pictures(*shape, encoder="mobilenet_v2", weights=str(tmp_path / "own.weights.h5"), trainable=False)
    model = keras.Model(inputs, x)
    assert not model.trainable_weights
    image = np.random.default_rng(0).integers(0, 256, (1, *shape)).astype("uint8")
    expected = source(keras.applications.mobilenet_v2.preprocess_input(image.astype("float32")))
    np.testing.assert_allclose(model({"image": image})[0, 0], [*np.asarray(expected)[0, 0, 0], 0, 0], atol=1e-5)
    put(tmp_path, {"bad.weights.h5": b"x"})
    with pytest.raises(ValueError, match=r"bad.weights.h5: not the weights of keras.applications.MobileNetV2"):
        application("mobilenet_v2", shape, str(tmp_path / "bad.weights.h5"))


def test_shifting_repeats_the_border():
    pixels = np.arange(9, dtype="uint8").reshape(3, 3, 1)
    found = {shifted(pixels, np.random.default_rng(seed), 1)[..., 0].tobytes() for seed in range(60)}
    assert len(found) == 9 and pixels.tobytes() in found and bytes([0, 0, 1, 0, 0, 1, 3, 3, 4]) in found


def test_baselines_take_the_nearest_caption_and_classify_what_follows_a_colon():
    def picture(place, colour):
        pixels = np.full((8, 8, 3), 255, "uint8")
        pixels[:, place : place + 4] = colour
        return Pixels("x", pixels)

    known = [(picture(0, BLUE), "left: blue"), (picture(0, RED), "left: red"), (picture(4, RED), "right: red")] * 12
    found = nearest_captions(known, 3)
    asked = picture(4, (40, 0, 235))  # the nearest is red, since no blue one stands right
    assert found["nearest"](picture(4, RED)) == "right: red"
    assert found["nearest + qualifiers"](asked).endswith(": blue")
    assert [*nearest_captions([(picture(0, RED), "red")], 3)] == ["nearest"]


def test_pages_and_strips_show_where_attention_was(tmp_path):
    pixels = np.zeros((6, 4, 3), "uint8")
    weights = [[0.0, 0.1, 0.9, 0.0, 0.0, 0.0], [0.5, 0.5, 0.0, 0.0, 0.0, 0.0]]
    best = {"text": "<b> cat", "score": -1.0, "tokens": [{"text": "<b>"}, {"text": " cat"}], "attention": weights}
    answer = {
        "file": "a.png", "caption": "<b> cat", "references": ["a dog"], "n_best": [best], "size": [6, 4], "map": [3, 2],
        "picture": data_address(pixels),
    }  # fmt: skip
    page = "".join(captioned_articles([answer]))
    assert page.count("<svg") == 3 and page.count("data:image/png") == 1 and "<b> cat" not in page
    assert '<rect x="0" y="1" width="1" height="1" fill="rgb(255, 70, 0)" opacity="0.75">' in page
    assert "a dog" in page
    captions_plot([answer], tmp_path / "a.png")
    assert Image.open(tmp_path / "a.png").size[0] > 300


def test_generated_pairs_of_digits_are_held_out_and_every_digit_stands_in_both_places():
    from seqzoo.datasets.generated.digit_scenes import WORDS

    splits = {split: [e["captions"][0] for e in s] for split, s in DATASETS["digit_scenes"]().items()}
    pairs = {split: {(t.split()[1], t.split()[-1]) for t in texts} for split, texts in splits.items()}
    assert [len(pairs[split]) for split in ("train", "valid", "test")] == [80, 10, 10]
    assert not pairs["train"] & (pairs["valid"] | pairs["test"])
    assert {first for first, _ in pairs["train"]} == {second for _, second in pairs["train"]} == {*WORDS}
    texts = [e["captions"][0] for e in DATASETS["digit_rows"](sizes={"train": 50})["train"]]
    assert {*map(len, texts)} == {1, 2, 3, 4, 5, 6} and "".join(texts).isdecimal()


@pytest.mark.parametrize(
    "changes, error",
    [
        ({"model": "ctc"}, "--model=ctc needs --reader=columns"),
        ({"subsample": 2}, "--subsample=2 needs --reader=columns"),
        ({"picture_filters": "8+x"}, "numbers joined by +"),
        ({"encoder_weights": "x.h5"}, "encoder_weights"),
    ],
)
def test_settings_without_sense_are_refused(changes, error):
    with pytest.raises(ValueError, match=error.replace("+", r"\+")):
        TASKS["captioning"].Config(**changes)
