import numpy as np
import pytest

pytest.importorskip("sentencepiece")

from seqzoo.text.subwords import KINDS, Subwords  # noqa: E402

TEXTS = [
    "The film was très good, naïve and über-long.",
    "A bad ﬁlm, ½ of it; 日本語 text 👍🏽!",
    "ΑΒΓ straße e\u0301 ＡＢＣ",
] * 10
SAMPLES = [
    "The good film.",
    "  The   naïve  film\n\twas ½ good  ",
    "日本語 ﬁlm e\u0301x\u0301 👍🏽 ＡＢＣ…",
    "ΑΒΓ\u3000straße\u00a0\u200b x\ue000 ﷺ ▁",  # unseen characters, and some that are normalized to several
]


@pytest.fixture(scope="module", params=KINDS)
def subwords(request):
    return Subwords.learn(iter(TEXTS), 130, request.param)


def test_offsets_are_in_order_and_skip_nothing_but_space(subwords):
    for text in SAMPLES:
        position = 0
        for piece, start, end in subwords.split(text):
            assert position <= start <= end <= len(text) and piece
            assert not text[position:start].strip("▁ \n\t\u3000")
            position = end
        assert not text[position:].strip("▁ \n\t")
    for empty in "", " \n":
        assert subwords.split(empty) == []


def test_pieces_spell_the_text(subwords):
    text = "The très good film was naïve"
    pieces = subwords.split(text)
    assert "".join(piece for piece, _, _ in pieces) == "▁" + text.replace(" ", "▁")
    for piece, start, end in pieces:
        assert text[start:end].strip() == piece.replace("▁", "")
    assert len(pieces) < len(text)  # something was learned
    assert subwords.tokens[:2] == ["<pad>", "<unk>"]
    assert {piece for piece, _, _ in pieces} <= set(subwords.tokens) and len(set(subwords.tokens)) <= 130


def test_pieces_are_learned_from_no_more_characters_than_fit_in_memory(monkeypatch):
    monkeypatch.setattr("seqzoo.text.subwords.CHARACTERS", len(TEXTS[0]) + 1)
    some = Subwords.learn([TEXTS[0], "second", *["xyz" * 9] * 9], 60, "bpe")
    monkeypatch.undo()
    assert some.tokens == Subwords.learn([TEXTS[0], "second"], 60, "bpe").tokens


def test_saved_and_relearned_subwords_are_the_same(subwords, tmp_path, request):
    subwords.save(tmp_path / "subwords.model")
    again = Subwords.load(tmp_path / "subwords.model")
    kind = request.node.callspec.params["subwords"]
    for other in again, Subwords.learn(TEXTS, 130, kind), Subwords.learn(TEXTS + ["zzz"], 130, kind, most=len(TEXTS)):
        assert other.tokens == subwords.tokens
        assert [other.split(text) for text in SAMPLES] == [subwords.split(text) for text in SAMPLES]


@pytest.mark.parametrize("kind", KINDS)
def test_lowercase_folds_capitals(kind):
    kept, folded = (Subwords.learn(TEXTS, 130, kind, lowercase=lowercase) for lowercase in (False, True))
    text = "THE Film ΑΒΓ STRASSE"

    def pieces(subwords, text):
        return [piece for piece, _, _ in subwords.split(text)]

    assert pieces(folded, text) == pieces(folded, text.casefold())
    assert pieces(kept, text) != pieces(kept, text.casefold())
    assert not any(token != token.lower() for token in folded.tokens)
    assert all(text[start:end].strip() for _, start, end in folded.split("THE FILM"))  # offsets in the original text


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_to_learn_from_is_an_error(kind):
    for texts, size in ([], 50), (["", " \n "], 50), (TEXTS, 5):
        with pytest.raises(ValueError, match=f"No subwords could be learned, {kind} of size {size}"):
            Subwords.learn(texts, size, kind)


ODD = [
    "",
    " ",
    "  a  good\n\n film ",
    "\n",
    "▁The▁▁film ▁",
    "qz日本ß ЖЖ Ж",
    "👍🏽👍",
    "\ud800y",
    "<pad> <unk>",
    "\r\x85\tThe\x00",
]


@pytest.fixture(scope="module")
def merges():
    return Subwords.learn(TEXTS + ["low lower lowest wide wider widest\n" * 9], 160, "bpe", exact=True)


@pytest.mark.parametrize("text", [*TEXTS[:3], *SAMPLES, *ODD, "lower widest " * 20])
def test_bpe_dropout_of_0_gives_the_pieces_of_the_model_itself(merges, text):
    expected = merges.encode([piece for piece, _, _ in merges.split(text)])
    assert merges.sample(text, 0, np.random.default_rng(0)) == expected


def test_bpe_dropout_gives_other_pieces_of_the_same_text_reproducibly(merges):
    text = "The  lower, the wider, naïve\nand widest "
    sampled = [merges.sample(text, 0.3, np.random.default_rng(seed)) for seed in range(8)]
    for ids in sampled:
        assert "".join(merges.tokens[i] for i in ids).replace("▁", " ") == text
    assert len({(*ids,) for ids in sampled}) > 5
    assert sampled[3] == merges.sample(text, 0.3, np.random.default_rng(3))
    rng = np.random.default_rng(3)
    assert merges.sample(text, 0.3, rng) == sampled[3] != merges.sample(text, 0.3, rng)
    lengths = [len(merges.sample(text, share, np.random.default_rng(0))) for share in (0, 0.3, 0.8, 1)]
    assert lengths == sorted(lengths) and lengths[-1] == len(text)  # finally only characters
