"""Letters of DNA, RNA and proteins, each encoded as a distribution over the bases or amino acids it can stand for."""

import numpy as np

BASES = "ACGT"  # reversing the order maps each base to its complement
AMINO_ACIDS = "ACDEFGHIKLMNPQRSTVWY"
ALPHABETS = {  # {name: (letters, {code: the letters it stands for, equally likely})}
    # Source: Cornish-Bowden, 1985, Nomenclature for incompletely specified bases in nucleic acid sequences (IUPAC).
    "dna": (
        BASES,
        {"R": "AG", "Y": "CT", "S": "CG", "W": "AT", "K": "GT", "M": "AC", "B": "CGT", "D": "AGT", "H": "ACT",
         "V": "ACG", "N": "ACGT", "U": "T"},
    ),
    # Selenocysteine U and pyrrolysine O are read as the amino acids from which they are derived.
    "protein": (AMINO_ACIDS, {"B": "DN", "Z": "EQ", "J": "IL", "X": AMINO_ACIDS, "U": "C", "O": "K"}),
}  # fmt: skip


class Letters:
    """Turns sequences of letters into frames.

    Args:
        alphabet: name in ALPHABETS.

    Attributes:
        letters: the letters of the columns, in order.
    """

    def __init__(self, alphabet: str):
        self.alphabet = alphabet
        self.letters, codes = ALPHABETS[alphabet]
        self._rows = np.full(256, -1)
        self._table = np.zeros((len(self.letters) + len(codes), len(self.letters)), "float32")
        for row, (letter, meant) in enumerate([*zip(self.letters, self.letters, strict=True), *codes.items()]):
            self._table[row, [self.letters.index(one) for one in meant]] = 1 / len(meant)
            self._rows[[ord(letter), ord(letter.lower())]] = row

    def frames(self, text: str) -> np.ndarray:
        """Returns the distributions [T, D] of a sequence in upper or lower case, float32; ``N`` is 1/4 for each base.

        Raises:
            ValueError: a character is not in the alphabet; the message names it and its position.
        """
        rows = self._rows[np.frombuffer(text.encode("latin-1", "replace"), "uint8")]
        if (wrong := np.flatnonzero(rows < 0)).size:
            position, known = int(wrong[0]), "".join([self.letters, *ALPHABETS[self.alphabet][1]])
            what = f"letter {position + 1} of the sequence, {text[position]!r}, is not in"
            what += f" --alphabet={self.alphabet}, {known}"
            if text[position] in "-.":
                what += "; remove the gaps of an alignment first"
            raise ValueError(f"{what}.")
        return self._table[rows]


def reverse_complement(frames: np.ndarray) -> np.ndarray:
    """Returns the distributions [T, 4] of the other strand of DNA, read in its own direction."""
    return frames[::-1, ::-1]
