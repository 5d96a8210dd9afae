"""Unicode forms: a text gets one spelling, and offsets stay those of the text as it came."""

import random
import unicodedata

import pytest

from seqzoo.task import TASKS
from seqzoo.text.codec import UNITS, Codec
from seqzoo.text.normalization import align, normalize
from seqzoo.text.tokenizer import TOKENIZERS, splitter, tokenize

NFC = "Zoë Ångström, Málaga! Việt Nam 한국 हिन्दी"
NFD = unicodedata.normalize("NFD", NFC)


def test_characters_point_to_where_they_came_from():
    assert align("Cafe\u0301!") == ("Café!", [0, 1, 2, 3, 5, 6])
    assert align("e\u0301q\u0301x") == ("éq\u0301x", [0, 2, 3, 4, 5])  # there is no composed q
    assert align("\u0958a") == ("\u0915\u093ca", [0, 0, 1, 2])  # NFC makes two of one
    assert align("e\u0301", "none") == ("e\u0301", range(3))


def test_texts_are_those_of_the_standard_library_whatever_they_hold():
    rng = random.Random(0)
    characters = "aeqA 가각\u1100\u1161\u11a8\u0301\u0323\u0302\u0958\u09c7\u09be\u212b\u2126\u0f43"
    for _ in range(3000):
        text = "".join(rng.choices(characters, k=rng.randint(0, 8)))
        normal, offsets = align(text)
        assert normal == normalize(text) == unicodedata.normalize("NFC", text)
        assert [*offsets] == sorted(offsets) and len(offsets) == len(normal) + 1 and offsets[-1] == len(text)


def test_texts_in_examples_are_normalized_and_nothing_else():
    example = {"tokens": ["e\u0301"], "label": "e\u0301", "frames": (1, 2), "end": True}
    assert normalize(example) == {"tokens": ["é"], "label": "é", "frames": (1, 2), "end": True}
    assert normalize(example, "none") is example


@pytest.mark.parametrize("kind", [kind for kind in TOKENIZERS if kind not in ("bpe", "unigram")])
def test_tokens_are_equal_and_offsets_are_in_the_text_as_it_came(kind):
    composed, apart = (splitter(kind)(text) for text in (NFC, NFD))
    assert [token for token, _, _ in composed] == [token for token, _, _ in apart]
    assert [normalize(NFD[start:end]) for _, start, end in apart] == [token for token, _, _ in apart]
    assert splitter(kind, form="none")(NFD) != apart


@pytest.mark.parametrize("units", UNITS)
def test_a_codec_gives_equal_ids_and_offsets_in_the_text_as_it_came(units):
    codec = Codec.learn(units, [NFD] * 3, 0 if units in ("characters", "words", "whitespace") else 60)
    assert codec.encode(NFC) == codec.encode(NFD) and 1 not in codec.encode(NFD)[0]
    assert [normalize(NFD[s:e]) for s, e in codec.offsets(NFD)] == [NFC[s:e] for s, e in codec.offsets(NFC)]
    old = {key: value for key, value in codec.to_dict().items() if key != "unicode"}  # of a run of before
    assert Codec.from_dict(old) == codec == Codec.from_dict(codec.to_dict())


@pytest.mark.parametrize("text", ["हिन्दी में किताबें", "q\u0323x n\u0304a", "می\u200cخواهم کِتاب", "மொழி তন্ত্র"])
def test_marks_that_no_letter_is_composed_with_do_not_split_a_word(text):
    assert [token for token, _, _ in tokenize(text)] == text.split()


def test_a_run_reads_labels_texts_and_vectors_in_one_form(tmp_path):
    for label in ("gu\u0308t", "schlecht"):  # as macOS names folders
        for split in ("train", "valid"):
            folder = tmp_path / split / label
            folder.mkdir(parents=True)
            (folder / "1.txt").write_text("scho\u0308n", "utf-8")
    (tmp_path / "vectors.txt").write_text("scho\u0308n 1 2\n", "utf-8")
    kind = TASKS["sentiment"]
    settings = {"dataset": "folders", "data_dir": str(tmp_path), "vectors": str(tmp_path / "vectors.txt")}
    task = kind(kind.Config(**settings))
    valid = task.load().splits["valid"]
    assert task.assets["labels"].tokens == ["güt", "schlecht"]
    assert {example["label"] for example in valid.examples} == {"güt", "schlecht"}
    words = task.assets["words"]
    assert words.words.tokens[2:] == ["schön"] and words.vectors[2].tolist() == [1, 2]
    assert task.encoder()(task.example("scho\u0308n"))[0]["tokens"].tolist() == [2]
    plain = kind(kind.Config(unicode="none", **settings))
    plain.load()
    assert plain.assets["words"].words.tokens[2:] == ["scho\u0308n"]


def test_a_tagger_answers_in_the_letters_of_the_text():
    config, splits, _ = TASKS["pos"].tiny()
    task = TASKS["pos"](config)
    task.assets = task.learn(splits["train"])
    (example,) = task.examples("Zoe\u0308 ran")
    assert example["tokens"] == ["Zoë", "ran"]
    assert example["offsets"] == [("Zoe\u0308", 0, 4), ("ran", 5, 8)]
