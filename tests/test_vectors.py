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
@pytest.mark.parametrize("end", ["\n", " \n", "\r\n"])
def test_every_format_gives_the_same_vectors(tmp_path, name, header, end):
    read = list(read_vectors(write(tmp_path, (header + GLOVE).replace("\n", end), name)))
    assert [word for word, _ in read] == ["the", ". . .", "London", "london", "\u0085\u2028", "the", "42"]
    assert all(vector.dtype == np.float32 and vector.shape == (3,) for _, vector in read)
    np.testing.assert_array_equal(read[0][1], np.array([0.5, -1, 0.2], "float32"))


@pytest.mark.parametrize(
    "line",
    ["bad 1 2", "bad 1 2 3 4", "bad 1 2 x", "bad 1 nan 3", "", " 1 2 3", "bad"],
    ids=lambda line: line or "empty",
)
def test_a_malformed_line_is_named(tmp_path, line):
    path = write(tmp_path, f"fine 1 2 3\n{line}\nfine 1 2 3\n")
    with pytest.raises(ValueError, match="vectors.txt:2: expected a word and 3 numbers. Received: "):
        list(read_vectors(path))


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
    assert coverage == {"exact": 2, "lower": 2, "missing": 1, "missing_types": 0.2, "missing_tokens": 0.2}
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
