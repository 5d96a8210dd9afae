import pytest

pytest.importorskip("sentencepiece")

from seqzoo.subwords import KINDS, Subwords  # noqa: E402

TEXTS = [
    "The film was très good, naïve and über-long.",
    "A bad ﬁlm, ½ of it; 日本語 text 👍🏽!",
    "ΑΒΓ straße e\u0301 ＡＢＣ",
] * 10
PLACES = [
    "The good film.",
    "  The   naïve  film\n\twas ½ good  ",
    "日本語 ﬁlm e\u0301x\u0301 👍🏽 ＡＢＣ…",
    "ΑΒΓ\u3000straße\u00a0\u200b x\ue000 ﷺ ▁",  # characters it has never seen, and some that become several
]


@pytest.fixture(scope="module", params=KINDS)
def subwords(request):
    return Subwords.learn(iter(TEXTS), 130, request.param)


def test_places_are_in_order_and_leave_out_nothing_but_space(subwords):
    for text in PLACES:
        place = 0
        for piece, start, end in subwords.split(text):
            assert place <= start <= end <= len(text) and piece
            assert not text[place:start].strip("▁ \n\t\u3000")
            place = end
        assert not text[place:].strip("▁ \n\t")
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


def test_saved_and_learned_again_they_are_the_same(subwords, tmp_path, request):
    subwords.save(tmp_path / "subwords.model")
    again = Subwords.load(tmp_path / "subwords.model")
    kind = request.node.callspec.params["subwords"]
    for other in again, Subwords.learn(TEXTS, 130, kind), Subwords.learn(TEXTS + ["zzz"], 130, kind, most=len(TEXTS)):
        assert other.tokens == subwords.tokens
        assert [other.split(text) for text in PLACES] == [subwords.split(text) for text in PLACES]


@pytest.mark.parametrize("kind", KINDS)
def test_capitals_are_small_letters_where_one_says_so(kind):
    kept, folded = (Subwords.learn(TEXTS, 130, kind, lowercase=lowercase) for lowercase in (False, True))
    text = "THE Film ΑΒΓ STRASSE"

    def pieces(subwords, text):
        return [piece for piece, _, _ in subwords.split(text)]

    assert pieces(folded, text) == pieces(folded, text.casefold())
    assert pieces(kept, text) != pieces(kept, text.casefold())
    assert not any(token != token.lower() for token in folded.tokens)
    assert all(text[start:end].strip() for _, start, end in folded.split("THE FILM"))  # places are the text's own


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_to_learn_from_is_an_error(kind):
    for texts, size in ([], 50), (["", " \n "], 50), (TEXTS, 5):
        with pytest.raises(ValueError, match=f"No subwords could be learned, {kind} of size {size}"):
            Subwords.learn(texts, size, kind)
