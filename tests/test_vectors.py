import collections
import gzip

import numpy as np
import pytest

from seqzoo.text.vectors import load_vectors, read_vectors

GLOVE = "the 0.5 -1 2e-1\n. . . 1 2 3\nLondon 4 5 6\nlondon 7 8 9\n\u0085\u2028 1 1 1\nthe 0 0 0\n42 0 1 0\n"


def write(folder, text, name="vectors.txt"):
    path = folder / name
    path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    return path


@pytest.mark.parametrize("name", ["vectors.txt", "vectors.vec.gz"])
@pytest.mark.parametrize("header", ["", "7 3\n"])
@pytest.mark.parametrize("end", ["\n", " \n", "\r\n", "\r", "\n\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("blank", [" ", "\t"])
def test_every_format_gives_the_same_vectors(tmp_path, name, header, end, mark, blank):
    text = mark + (header + GLOVE).replace(" ", blank).replace("\n", end)
    read = list(read_vectors(write(tmp_path, text, name)))
    assert [word for word, _ in read] == ["the", ". . .", "London", "london", "\u0085\u2028", "the", "42"]
    assert all(vector.dtype == np.float32 and vector.shape == (3,) for _, vector in read)
    np.testing.assert_array_equal(read[0][1], np.array([0.5, -1, 0.2], "float32"))


@pytest.mark.parametrize(
    "line",
    ["bad 1 2", "bad 1 2 x", "1 2 3", "bad x 2 3", "bad"],
)
def test_a_malformed_line_is_named(tmp_path, line):
    path = write(tmp_path, f"fine 1 2 3\n{line}\nfine 1 2 3\n")
    with pytest.raises(ValueError, match="vectors.txt:2: expected a word and 3 numbers. Received: "):
        list(read_vectors(path))


@pytest.mark.parametrize("header", ["", "9 2\n"])
def test_words_may_hold_spaces_and_numbers(tmp_path, header):
    text = header + "the 0.1 0.2\nat 5 0.1 0.2\n1 2 3 4\n. . . 5 6\n\u00a0 7 8\ne-mail a@b.c 9 1\n"
    found = dict(read_vectors(write(tmp_path, text)))
    assert list(found) == ["the", "at 5", "1 2", ". . .", "\u00a0", "e-mail a@b.c"]
    assert found["at 5"].tolist() == found["the"].tolist() and found["1 2"].tolist() == [3, 4]
    first = dict(read_vectors(write(tmp_path, ". . . 5 6\nthe 0.1 0.2\n")))
    assert list(first) == [". . .", "the"]


def test_lines_that_cannot_be_used_are_dropped_and_counted(tmp_path):
    text = b"9 2\na 1 2\nis nan 0.1 0.2\nto infinity 1 2\nto nan 1\n x\t3 4\nit inf 1\n"
    text += b"by 1 -1e99\n 0.5 0.6\nna\xefve 1 2\n\ncat 3 4\n"
    (tmp_path / "v.txt").write_bytes(text)
    dropped = collections.Counter()
    found = dict(read_vectors(tmp_path / "v.txt", dropped=dropped))
    assert list(found) == ["a", " x", "cat"]
    assert dropped == {
        "with a number that is not finite": 5,
        "without a word": 1,
        "with a word in another encoding": 1,
    }
    coverage = load_vectors(tmp_path / "v.txt", ["<pad>", "<unk>", "cat"]).coverage
    assert coverage["dropped"] == dict(dropped) and coverage["exact"] == 1
    assert "naïve" in dict(read_vectors(tmp_path / "v.txt", "latin-1"))
    dropped.clear()
    list(read_vectors(write(tmp_path, "1000 2\nthe 1 2\n"), dropped=dropped))
    assert dropped == {"that the first line promises and the file lacks": 999}
    with pytest.raises(ValueError, match="vectors.txt holds no vectors"):
        list(read_vectors(write(tmp_path, "the nan 1\n")))


def test_a_header_that_the_lines_contradict_is_named(tmp_path):
    with pytest.raises(ValueError, match="vectors.txt:2: the first line says 2 numbers a word, this line has 3: 'the"):
        list(read_vectors(write(tmp_path, "1 2\nthe 1 2 3\n")))
    with pytest.raises(ValueError, match="vectors.txt:2: expected a word and 1 numbers"):
        list(read_vectors(write(tmp_path, f"{'9' * 5000} 2\nthe 1 x\n")))  # too long a number for Python's int
    with pytest.raises(ValueError, match="vectors.txt:2: expected a word and 3 numbers"):
        list(read_vectors(write(tmp_path, "1 3\nthe 1 2\n")))


@pytest.mark.parametrize("header", ["", "9 2\n"])
def test_damaged_files_are_named_with_the_line(tmp_path, header):
    rng = np.random.default_rng(0)
    text = header + "".join(f"word{number} {rng.normal()} {rng.normal()}\n" for number in range(5000))
    path = write(tmp_path, text, "v.txt.gz")
    data = path.read_bytes()
    flipped = bytes([data[-8] ^ 1])
    for damaged in (
        data[:-20],
        data[: len(data) // 2],
        data[:-8] + flipped + data[-7:],
        b"\x1f\x8b" + b"x" * 99,
        b"the 1 2",
    ):
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match=r"v.txt.gz:\d+: damaged gzip data"):
            list(read_vectors(path))


def test_vectors_are_read_in_other_encodings_and_the_advice_names_them(tmp_path):
    text = "é 1 2\nthe 3 4\n"
    for encoding, advice in [
        ("utf-16", "is UTF-16: .*=utf-16,"),
        ("utf-16-le", "=utf-16-le"),
        ("utf-16-be", "=utf-16-be"),
    ]:
        (tmp_path / "v.txt").write_bytes(text.encode(encoding))
        assert list(dict(read_vectors(tmp_path / "v.txt", encoding))) == ["é", "the"]
        with pytest.raises(ValueError, match=f"v.txt:1: not UTF-8. .*{advice}"):
            list(read_vectors(tmp_path / "v.txt"))
    (tmp_path / "v.txt").write_bytes(text.encode("latin-1"))
    assert list(dict(read_vectors(tmp_path / "v.txt", "latin-1"))) == ["é", "the"]
    assert list(dict(read_vectors(tmp_path / "v.txt"))) == ["the"]


def test_a_file_without_vectors_is_refused(tmp_path):
    for text in ("", "0 3\n"):
        with pytest.raises(ValueError, match="vectors.txt holds no vectors"):
            list(read_vectors(write(tmp_path, text)))
    with pytest.raises(ValueError, match="vectors.txt:1: expected a word and 1 numbers"):
        list(read_vectors(write(tmp_path, "word\n")))
    with pytest.raises(FileNotFoundError, match="nowhere.txt"):
        list(read_vectors(tmp_path / "nowhere.txt"))


def test_words_take_the_exact_form_then_lower_case_then_random_numbers(tmp_path):
    path = write(tmp_path, GLOVE)
    words = ["<pad>", "<unk>", "The", "London", "LONDON", "the", "Ankara"]
    extra, matrix, coverage = load_vectors(path, words, counts={"The": 3, "the": 5, "Ankara": 2})
    assert extra == [". . .", "london", "\u0085\u2028", "42"]  # "the" is there twice, and a training word
    expected = [[0.5, -1, 0.2], [4, 5, 6], [7, 8, 9], [0.5, -1, 0.2]]
    np.testing.assert_allclose(matrix[2:6], expected)
    np.testing.assert_allclose(matrix[7:], [[1, 2, 3], [7, 8, 9], [1, 1, 1], [0, 1, 0]])
    assert matrix.dtype == np.float32 and matrix.shape == (11, 3)
    assert (np.abs(matrix[[0, 1, 6]]) <= 1).all() and matrix[[0, 1, 6]].std() > 0.1  # sqrt(3 / 3) is 1
    assert coverage == {
        "exact": 2,
        "lower": 2,
        "missing": 1,
        "missing_types": 0.2,
        "dropped": {},
        "missing_tokens": 0.2,
    }
    np.testing.assert_array_equal(load_vectors(path, words)[1], matrix)


def test_the_limit_applies_to_extra_words_only(tmp_path):
    path = write(tmp_path, GLOVE)
    for limit, expected in ((0, []), (1, [". . ."]), (99, [". . .", "London", "london", "\u0085\u2028"])):
        extra, matrix, _ = load_vectors(path, ["<pad>", "<unk>", "the", "42"], limit=limit)
        assert extra == expected
        np.testing.assert_array_equal(matrix[3], [0, 1, 0])
        assert len(matrix) == 4 + len(extra)


def test_special_words_of_the_file_are_not_extra_words(tmp_path):
    extra, matrix, coverage = load_vectors(write(tmp_path, "<unk> 1 2 3\n"), ["<pad>", "<unk>"])
    assert extra == [] and matrix[1].tolist() == [1, 2, 3]
    assert coverage["exact"] == coverage["missing"] == 0


def test_duplicate_words_are_refused(tmp_path):
    with pytest.raises(ValueError, match="twice"):
        load_vectors(write(tmp_path, GLOVE), ["<pad>", "<unk>", "the", "the"])
