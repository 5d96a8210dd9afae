import collections

import pytest

from seqzoo.text.vocabulary import Vocabulary, by_frequency, seen_once


def test_padding_is_0_and_the_unknown_word_is_1():
    words = Vocabulary(["the", "cat"])
    assert words.encode(["cat", "dog", "the"]) == [3, 1, 2]
    assert words.decode([0, 1, 2, 3]) == ["<pad>", "<unk>", "the", "cat"]
    assert words.encode(["<pad>", "<unk>"]) == [1, 1]  # marks in the text itself are not masked
    assert len(words) == 4
    assert "cat" in words and "dog" not in words


def test_a_closed_vocabulary_starts_at_0_and_refuses_unknown_labels():
    tags = Vocabulary(["B", "O"], unknown=False)
    assert tags.encode(["O", "B"]) == [1, 0]
    assert tags.decode([0, 1]) == ["B", "O"]
    assert len(tags) == 2
    with pytest.raises(ValueError, match="Unknown label 'I'. Known: B, O"):
        tags.encode(["O", "I"])


@pytest.mark.parametrize("unknown", [True, False])
def test_a_loaded_vocabulary_equals_the_saved_one(tmp_path, unknown):
    tokens = ["é", "e\u0301", "日本", "🙂", " ", "", "\n", "\t\r", "\u2028", "\x00", '"', "\\", "\ufeff", "\u00a0"]
    saved = Vocabulary(tokens, unknown=unknown)
    saved.save(tmp_path / "words.json")
    loaded = Vocabulary.load(tmp_path / "words.json")
    assert loaded.tokens == saved.tokens
    assert loaded.encode(tokens) == saved.encode(tokens) == list(range(2 * unknown, len(tokens) + 2 * unknown))
    assert loaded.unknown is unknown
    assert loaded.decode(loaded.encode(tokens)) == tokens


@pytest.mark.parametrize("tokens", [["a", "b", "a"], ["<unk>"], ["<pad>", "b"]])
def test_a_duplicate_token_is_refused_by_name(tokens):
    with pytest.raises(ValueError, match=f"each token once. Received twice: '{tokens[0]}'"):
        Vocabulary(tokens)


def test_tokens_are_sorted_by_frequency_and_then_by_spelling():
    assert by_frequency(collections.Counter("bbaac")) == [("a", 2), ("b", 2), ("c", 1)]


def test_words_that_were_mostly_seen_once_get_an_advice():
    often = collections.Counter(["a", "a", "b", "b", "c"])
    assert seen_once(often) == "" == seen_once(collections.Counter())
    assert seen_once(collections.Counter(["a", "a", *"bcdefgh"])).startswith("7 of 8 words were seen once")
