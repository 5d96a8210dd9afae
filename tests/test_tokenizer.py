import collections
import random
import sys

import pytest

from seqzoo.text.normalization import normalize
from seqzoo.text.tokenizer import TOKENIZERS, Tokenization, split_sentences, splitter, tokenize


@pytest.mark.parametrize(
    "text, expected",
    [
        ("Mr. Smith's dog didn't eat.", "Mr. Smith 's dog did n't eat ."),
        ("We're sure they'd've won, cannot lose; don’t", "We 're sure they 'd 've won , can not lose ; do n’t"),
        ("It’s “great”—isn’t it?", "It ’s “ great ” — is n’t it ?"),
        ("$5 or US$3,000.5, -5 (+3.1%) by 1-0", "$ 5 or US$ 3,000.5 , -5 ( +3.1 % ) by 1-0"),
        ("On 1996-08-22 at 10:30 p.m. in the '90s.", "On 1996-08-22 at 10:30 p.m. in the '90s ."),
        ("A U.S.-based, well-known O'Neill & AT&T Inc.", "A U.S.-based , well-known O'Neill & AT&T Inc."),
        ("See No. 5, e.g. J. R. Smith and Plan B.", "See No. 5 , e.g. J. R. Smith and Plan B ."),
        ("He lives in the U.S.", "He lives in the U.S."),
        ("Mail a.b+c@example.co.uk.", "Mail a.b+c@example.co.uk ."),
        ("(see https://example.org/wiki/Foo_(bar)?a=b&c.)", "( see https://example.org/wiki/Foo_(bar)?a=b&c . )"),
        ("www.example.org, index.html end.Start", "www.example.org , index.html end . Start"),
        ("Wait... what--no… 'quoted' workers' [x] {y}", "Wait ... what -- no … ' quoted ' workers ' [ x ] { y }"),
        ("नमस्ते दुनिया। مرحبا بالعالم؟ 你好。", "नमस्ते दुनिया । مرحبا بالعالم ؟ 你好 。"),
        ("Zoe\u0308 👩‍❤️‍👨😀👍🏽🇩🇪🇫🇷 1️⃣", "Zoe\u0308 👩‍❤️‍👨 😀 👍🏽 🇩🇪 🇫🇷 1️⃣"),
        (" \n\t", ""),
    ],
)
def test_text_is_split_as_in_the_treebank(text, expected):
    assert [token for token, _, _ in tokenize(text)] == expected.split()


def test_no_character_is_lost_and_every_offset_is_right():
    rng = random.Random(0)
    everything = [chr(code) for code in range(sys.maxunicode + 1)]
    pieces = [
        "n't",
        "'s",
        "’",
        "...",
        "Mr.",
        "U.S.",
        "\n\n",
        " ",
        "@",
        "http://",
        "-",
        "1.5",
        "a",
        "B",
        "😀",
        "\u200d",
        "\ufe0f",
    ]
    texts = ["".join(everything[i : i + 4096]) for i in range(0, len(everything), 4096)]
    texts += [
        "".join(rng.choice(rng.choice([everything, pieces])) for _ in range(rng.randint(1, 30))) for _ in range(1000)
    ]
    for text in texts:
        tokens = tokenize(text)
        position = 0
        for token, start, end in tokens:
            assert text[start:end] == token and token and not any(map(str.isspace, token))
            assert not text[position:start].strip()
            position = end
        assert not text[position:].strip()
        sentences = split_sentences(tokens, text)
        assert [token for sentence in sentences for token in sentence] == tokens and all(sentences)


@pytest.mark.parametrize(
    "text, expected",
    [
        ("He came. She left! Why? Nobody knows", ["He came .", "She left !", "Why ?", "Nobody knows"]),
        ('"Go!" He went. (Really.) And so on.', ['" Go ! "', "He went .", "( Really . )", "And so on ."]),
        ('"Why?" he asked... and left... "Then" 5 came.', ['" Why ? " he asked ... and left ...', '" Then " 5 came .']),
        ("Mr. Smith of the U.S. Army met Dr. Who.", ["Mr. Smith of the U.S. Army met Dr. Who ."]),
        ("A title\n\nA text\nthat goes on.\r\n\r\nend", ["A title", "A text that goes on .", "end"]),
        ("It cost 3.5. 40 came. . . . well", ["It cost 3.5 .", "40 came . . . . well"]),
        ("你好。世界", ["你好 。", "世界"]),
        ("", []),
    ],
)
def test_sentences_end_where_they_should(text, expected):
    sentences = split_sentences(tokenize(text), text)
    assert [" ".join(token for token, _, _ in sentence) for sentence in sentences] == expected


@pytest.mark.parametrize("kind", TOKENIZERS)
def test_a_splitter_gives_offsets_in_the_text(kind):
    texts = ["", " \n", "It isn't  très bad:\n\tnaïve 日本語 e\u0301 👍🏽!", "plain text."]
    subwords = None
    if kind in ("bpe", "unigram"):
        pytest.importorskip("sentencepiece")
        from seqzoo.text.subwords import Subwords

        subwords = Subwords.learn(texts, 60, kind)
    split = splitter(kind, subwords)
    for text in texts:
        position = 0
        for token, start, end in split(text):
            assert token and position <= start <= end and not text[position:start].strip()
            if kind == "characters":
                assert token == (normalize(text[start:end]) if text[start:end].strip() else " ")
            elif not subwords:
                assert token == normalize(text[start:end])
            position = end
        assert not text[position:].strip()
    words = [token for token, _, _ in split(texts[2])]
    assert {"words": words[2] == "n't", "whitespace": words[1] == "isn't"}.get(kind, "".join(words)[-1] == "!")
    if kind == "characters":
        assert words[:11] == [*"It isn't tr"] and words.count(" ") == 7  # a run of spaces is one


def test_html_tags_are_removed_from_words_without_shifting_offsets():
    text = 'Bad.<br /><BR>Not<i class="x">so</i> good: 1 < 2, a<3 > b <3 <a\nhref=y>it</a>'
    tokens = splitter("words")(text)
    assert [token for token, _, _ in tokens] == "Bad . Not so good : 1 < 2 , a < 3 > b < 3 it".split()
    assert all(text[start:end] == token for token, start, end in tokens)
    assert splitter("words")("<br/><p></p>") == []
    assert splitter("whitespace")("a<br /> b") == [("a<br", 0, 4), ("/>", 5, 7), ("b", 8, 9)]


def test_raw_text_is_split_into_characters_where_the_training_data_were():
    text = "小明买iPhone 15，好。"

    def tokens(corpus):
        return [token for token, _, _ in Tokenization.learn(collections.Counter(corpus)).split(text)]

    assert tokens("小明在北京。") == ["小", "明", "买", "iPhone", "15", "，", "好", "。"]
    assert tokens([*"小明在北京", "iOS"]) == ["小", "明", "买", "iPhone", "15", "，", "好", "。"]
    assert tokens("小明在北京A1") == [*"小明买iPhone15，好。"]
    assert tokens(["小明", "在", "北京", "。"]) == ["小明买iPhone", "15", "，", "好", "。"]
    assert tokens([*"abc"]) == ["小明买iPhone", "15", "，", "好", "。"]  # one-letter words of other scripts
    learned = Tokenization.learn(collections.Counter("小明A"))
    assert all(text[start:end] == token for token, start, end in learned.split(text))
    assert Tokenization.from_dict(learned.to_dict()) == learned and learned.summary and not Tokenization().summary
