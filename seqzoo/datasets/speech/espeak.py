"""Sentences of a text file, spoken by eSpeak NG, where that is installed."""

import dataclasses
import functools
import itertools
import os
import random
from typing import TYPE_CHECKING

from seqzoo.datasets import DATASETS, Examples
from seqzoo.datasets.files import read_lines, split_files
from seqzoo.datasets.splits import refuse_arguments
from seqzoo.extras import check_installed
from seqzoo.sound import Recording
from seqzoo.sound.espeak import speaker
from seqzoo.sound.recording import resampled

if TYPE_CHECKING:
    import numpy as np


NUMBERS = (
    "zero one two three four five six seven eight nine ten eleven twelve twenty thirty forty fifty hundred".split()
)
VARIANTS = ("", "+m1", "+m3", "+m5", "+m7", "+f1", "+f2", "+f4", "+croak", "+whisper")  # voices of a language
SIZES = {"train": 2000, "valid": 200, "test": 200}


@dataclasses.dataclass(frozen=True)
class Spoken(Recording):
    """A text in a voice of eSpeak NG, synthesized when it is read.

    Attributes:
        text: what is said.
        voice: such as "en+f2".
        speed: words a minute.
        pitch: from 0 to 100.
    """

    text: str
    voice: str
    speed: int
    pitch: int

    def read(self, rate: int, start: int = 0, stop: int | None = None) -> "np.ndarray":
        samples, own = speaker()(self.text, self.voice, self.speed, self.pitch)
        return resampled((samples / 32768.0).astype("float32"), own, rate)[start:stop]

    def native_rate(self) -> int:
        return speaker()("a", self.voice, self.speed, self.pitch)[1]


@DATASETS.register("espeak")
def espeak(
    data_dir: str | os.PathLike | None = None,
    name: str | None = None,
    columns: dict | None = None,
    encoding: str = "utf-8",
) -> dict[str, Examples]:
    """Sentences spoken by the synthesizer eSpeak NG in random voices, where it is installed (GPL; not part of seqzoo).

    Args:
        data_dir: folder with train, valid and test ``.txt`` files, or one of them, a sentence per line. Default:
            strings of three to six English number words.
        name: language of the voices, such as "de". Default: "en".
        columns: argument of other readers, not used.
        encoding: of the files.

    Returns:
        {split: Examples} of ``{"audio": Recording, "text": str}``, synthesized when they are read.

    Raises:
        ValueError: eSpeak NG or soundfile is not installed; no such files; columns were given.
    """
    refuse_arguments("--dataset=espeak has no columns.", columns=columns)
    check_installed("soundfile", "--dataset=espeak")
    speaker()
    files = split_files(data_dir, ".txt", reader="espeak") if data_dir else {}

    def texts(split):
        if files:
            yield from (line.strip() for _, line in read_lines(files[split], encoding) if line.strip())
            return
        rng = random.Random(split)
        for _ in range(SIZES[split]):
            yield " ".join(rng.choices(NUMBERS, k=rng.randint(3, 6)))

    def read(split):
        rng = random.Random(f"{split}-voices")
        for number, text in zip(itertools.count(1), texts(split), strict=False):
            voice = f"{name or 'en'}{rng.choice(VARIANTS)}"
            audio = Spoken(f"{split}-{number}", text, voice, rng.randint(120, 220), rng.randint(20, 80))
            yield {"audio": audio, "text": text}

    features = {"audio": Recording, "text": str}
    return {split: Examples(functools.partial(read, split), features, f"espeak/{split}") for split in files or SIZES}
