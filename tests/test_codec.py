import math

import pytest

from seqzoo.text.codec import CHANGES, UNITS, Codec, perplexity

CODE = "def area(width, height):\n    return width * height\n\n\nclass Box:\n    pass  # a  box\n" * 3
TEXT = 'The hall was dark and the cat said "go", so they go.\n'


@pytest.mark.parametrize("spell", [False, True])
@pytest.mark.parametrize("units", UNITS)
def test_ids_decode_to_the_text(units, spell):
    codec = Codec.learn(units, [CODE], 300, spell=spell)
    for text in (CODE, CODE[:40], "def width(area):\n\n", "", "\n"):
        ids, unknown = codec.encode(text)
        expected = text
        if units == "whitespace":  # it does not keep the number of spaces
            expected = "\n".join(" ".join(line.split()) for line in text.split("\n"))
        assert not unknown or units in ("words", "whitespace") and not spell
        if not unknown:
            assert codec.decode(ids) == expected
        assert len(codec.token_texts(ids)) == len(ids) and 0 not in ids and codec.end not in ids


@pytest.mark.parametrize(("units", "spell"), [(u, s) for u in UNITS for s in (False, True)])
def test_offsets_are_those_of_the_ids_in_the_text(units, spell):
    codec = Codec.learn(units, [TEXT, "the hall is dark"], 60, spell=spell)
    text = 'The hall  was "dark"; <unk> <end>\n\n é hal go\n'
    ids, unknown = codec.encode(text)
    offsets = codec.offsets(text)
    assert len(offsets) == len(ids) and all(a[1] <= b[0] for a, b in zip(offsets, offsets[1:], strict=False))
    for (start, end), i, shown in zip(offsets, ids, codec.token_texts(ids), strict=True):
        assert i == 1 or text[start:end] == shown
    of_unknown = [text[start:end] for (start, end), i in zip(offsets, ids, strict=True) if i == 1]
    assert [piece for piece in of_unknown if piece.strip() != "<unk>"] == [p for p in unknown if p.strip() != "<unk>"]


def test_unknown_words_are_marked_or_spelled():
    plain, spelled = (Codec.learn("whitespace", ["a cat sat\na cat\n"], 3, spell=s) for s in (False, True))
    ids, unknown = plain.encode("a cat sat tas\n")
    assert ids[2:4] == [1, 1] and unknown == ["sat", "tas"]
    assert plain.decode(ids) == "a cat <unk> <unk>\n"
    ids, unknown = spelled.encode("a cat tas tas\n")
    assert spelled.decode(ids) == "a cat tas tas\n" and not unknown and len(ids) == 2 + 6 + 1
    assert spelled.encode("a zoo")[1] == ["z", "o", "o"]  # characters unseen in training


def test_a_sentence_gets_the_capitals_and_the_final_stop_of_the_vocabulary():
    ptb, spaced, raw = "the men run\nmary ran N miles\n", "The men run .\nMary ran .\n", "The men run.\nMary ran."
    for units, text, sentence, expected in [
        ("whitespace", ptb, "The men run.", ("the men run", 1, 1, 0)),
        ("whitespace", ptb, "Mary ran N miles !", ("mary ran N miles", 1, 1, 0)),
        ("whitespace", ptb, "the Zulu ran", ("the Zulu ran", 0, 0, 0)),  # unknown either way
        ("whitespace", spaced, "Mary run.", ("Mary run .", 0, 0, 1)),
        ("whitespace", spaced, "Mary run .", ("Mary run .", 0, 0, 0)),
        ("words", spaced, "The Men run.", ("The men run .", 1, 0, 1)),
        ("words", raw, "The Men run .", ("The men run.", 1, 0, 1)),
        ("words", raw, "The men run?", ("The men run", 0, 1, 0)),
        ("characters", ptb, "The Men ran.", ("the men ran", 2, 1, 0)),
        ("characters", raw, "The men ran.", ("The men ran.", 0, 0, 0)),
        ("characters", raw, ".", (".", 0, 0, 0)),
        ("characters", ptb, "?", ("", 0, 1, 0)),
    ]:
        matched, changes = Codec.learn(units, [text], 0).matched(sentence)
        assert (matched, *(changes[what] for what in CHANGES)) == expected, (units, sentence)
    assert Codec.learn("whitespace", [ptb], 0).matched("The men.", ends=False)[0] == "the men."


def test_the_perplexity_of_a_very_long_unknown_word_is_a_number():
    codec = Codec.learn("words", ["a cat sat"], 0)
    row = codec.scored("a " + "x" * 10_000, [5, 1, codec.newline], [-1.0, -2.0, -3.0], spell=True)
    assert row["log_probability"] == pytest.approx(-6 - 10_002 * math.log(257), abs=1e-3)
    assert row["perplexity"] == math.exp(700) == perplexity(math.inf) and perplexity(2.0) == math.exp(2)


def test_marks_in_a_text_are_unknown_words():
    codec = Codec.learn("whitespace", ["<unk> <end> <pad> a"], 0)
    ids, unknown = codec.encode("<unk> <end> <pad> a")
    assert ids[:3] == [1, 1, 1] and ids[3] > 2
    assert unknown == ["<end>", "<pad>"]  # <unk> stands for itself, as in corpora without rare words


@pytest.mark.parametrize("units", ["bpe", "unigram"])
def test_subwords_keep_every_character(units):
    codec = Codec.learn(units, ["a <unk> b\x0c\x85 c\r <pad> <end>\n" * 20], 60)
    text = "b <unk>\r\n\x0c<pad>\x85 <end>"
    ids, unknown = codec.encode(text)
    assert not unknown and codec.decode(ids) == text and codec.end not in ids
