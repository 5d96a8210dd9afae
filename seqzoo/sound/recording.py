"""Recordings: sounds that are read when their samples are needed, as one channel at the rate that is asked for."""

import dataclasses
import io
import math
import pathlib
import re
from collections.abc import Iterable
from typing import BinaryIO

import numpy as np

from seqzoo.extras import check_installed
from seqzoo.files import UnreadableError, archive

ENDINGS = (".wav", ".flac", ".ogg", ".mp3")  # of the files that are looked for
STREAMED = 0x7FFFF000  # a longer WAV says that its writer did not know the length, as one that comes through a pipe
LONG = 60  # seconds: a longer recording is read in pieces
LONGEST = 600  # seconds of one that can't be
FILTER = 10  # resample_poly's filter reaches over so many samples of the lower rate on each side


@dataclasses.dataclass(frozen=True)
class Recording:
    """A sound. Subclasses say where it comes from; examples of a dataset carry it in place of its samples.

    Attributes:
        name: what messages and answers call it, such as its path.
    """

    name: str

    def read(self, rate: int, start: int = 0, stop: int | None = None) -> np.ndarray:
        """Samples [N] in float32, where full scale is 1, at a sample rate: those from `start` to before `stop`.

        Any parts of a recording, joined, are what the whole of it gives, to rounding.

        Raises:
            UnreadableError: it can't be read; its name is in the message.
        """
        raise NotImplementedError

    def length(self, rate: int) -> int:
        """Number of samples N at a sample rate."""
        return len(self.read(rate))

    def native_rate(self) -> int:
        """Its own sample rate."""
        raise NotImplementedError


@dataclasses.dataclass(frozen=True)
class Samples(Recording):
    """Samples in memory.

    Attributes:
        samples: [N] or [N, channels]; floats with full scale 1, or integers with that of their type.
        rate: how many a second.
    """

    samples: np.ndarray
    rate: int

    def read(self, rate, start=0, stop=None):
        return resampled(mono(self.samples), self.rate, rate)[start:stop]

    def length(self, rate):
        return _length(len(self.samples), self.rate, rate)

    def native_rate(self):
        return self.rate


class Stored(Recording):
    """A sound file: WAV of any sample format, FLAC, Ogg or MP3. Several channels are averaged."""

    def file(self) -> BinaryIO | pathlib.Path:
        """The file, or its path."""
        raise NotImplementedError

    def read(self, rate, start=0, stop=None):
        return _read(self.file(), self.name, rate, start, stop)

    def length(self, rate):
        with _opened(self.file(), self.name) as file:
            return _length(file.frames, file.samplerate, rate)

    def native_rate(self):
        with _opened(self.file(), self.name) as file:
            return file.samplerate


@dataclasses.dataclass(frozen=True)
class Clip(Stored):
    """A sound file at a path."""

    path: pathlib.Path

    def file(self):
        return self.path


@dataclasses.dataclass(frozen=True)
class Member(Stored):
    """A sound file in a zip archive."""

    archive: pathlib.Path
    member: str

    def file(self):
        return io.BytesIO(archive(self.archive).read(self.member))


@dataclasses.dataclass(frozen=True)
class Upload(Stored):
    """The bytes of a sound file, such as one that came with a request."""

    content: bytes

    def file(self):
        return io.BytesIO(self.content)


@dataclasses.dataclass(frozen=True)
class Joined(Recording):
    """Recordings one after the other, each with silence after it: so many samples at `rate`."""

    parts: tuple[Recording, ...]
    silences: tuple[int, ...]
    rate: int

    def read(self, rate, start=0, stop=None):
        pieces = []
        for part, silence in zip(self.parts, self.silences, strict=True):
            pieces += [part.read(rate), np.zeros(round(silence * rate / self.rate), "float32")]
        return np.concatenate(pieces)[start:stop]

    def native_rate(self):
        return self.rate


def first_rate(recordings: Iterable[Recording]) -> int:
    """The sample rate of the first recording that can be read.

    Raises:
        UnreadableError: none can.
    """
    error = UnreadableError("There are no recordings.")
    for recording in recordings:
        try:
            return recording.native_rate()
        except UnreadableError as unreadable:
            error = unreadable
    raise error


def is_long(recording: Recording, rate: int, obstacle: str = "") -> bool:
    """Whether a recording is so long that it is read in pieces, see `sound.pieces`.

    Args:
        recording: it.
        rate: sample rate in Hz.
        obstacle: the option of a run that can't read pieces.

    Raises:
        ValueError: it should be, but there is an obstacle.
    """
    seconds = recording.length(rate) / rate
    if obstacle and seconds > LONGEST:
        raise ValueError(
            f"{recording.name}: {seconds / 60:.0f} minutes. A run of {obstacle} reads a recording as a whole, so of at "
            f"most {LONGEST // 60} minutes: cut it. One of --model=ctc --rnn=lstm reads any length."
        )
    return seconds > LONG and not obstacle


def mono(samples: np.ndarray) -> np.ndarray:
    """[N] or [N, channels], integers or floats -> the mean of the channels, [N], in float32 with full scale 1."""
    if np.issubdtype(samples.dtype, np.integer):
        samples = samples / np.float32(-float(np.iinfo(samples.dtype).min))
    return (samples.mean(-1) if samples.ndim > 1 else samples).astype("float32")


def resampled(samples: np.ndarray, rate: int, wanted: int) -> np.ndarray:
    """Samples [N] of one sample rate at another, [ceil(N * wanted / rate)], without aliasing."""
    if rate == wanted or not len(samples):
        return samples
    from scipy.signal import resample_poly

    up, down = _ratio(rate, wanted)
    return resample_poly(samples, up, down).astype("float32")


def _ratio(rate, wanted):
    divisor = math.gcd(rate, wanted)
    return wanted // divisor, rate // divisor


def _length(frames, rate, wanted):
    up, down = _ratio(rate, wanted)
    return -(-frames * up // down)


def _opened(file: BinaryIO | pathlib.Path, name: str):
    """The soundfile.SoundFile of a file, which is whole."""
    check_installed("soundfile", "Reading sound")
    import soundfile

    try:
        opened = soundfile.SoundFile(file)
    except (soundfile.LibsndfileError, TypeError) as error:  # TypeError: a name such as x.raw needs parameters
        if isinstance(file, pathlib.Path) and not file.is_file():
            raise UnreadableError(f"{name}: there is no such file.") from None
        reason = getattr(error, "error_string", "").rstrip(".") or "it has no header"
        raise UnreadableError(f"{name}: not a sound file (WAV, FLAC, Ogg or MP3): {reason}.") from error
    said = re.search(r"data : (\d+) \(should be (\d+)\)", opened.extra_info)
    if said and int(said[2]) < int(said[1]) < STREAMED:
        opened.close()
        raise UnreadableError(f"{name}: cut off: it holds {int(said[2]):,} of {int(said[1]):,} bytes of sound.")
    return opened


def _read(file, name, rate, start, stop):
    """The samples of a file from `start` to `stop` at a rate; no more of it is held than they need."""
    import soundfile

    with _opened(file, name) as opened:
        up, down = _ratio(opened.samplerate, rate)
        first, last, skipped = 0, opened.frames, start
        if start or stop is not None:
            # Whole periods of the filter's phases, so that its taps fall on the samples on which they fall in the
            # whole.
            margin = -(-(FILTER * max(up, down) // up + 1) // down) if up != down else 0
            period = max(0, start // up - margin)
            first, skipped = period * down, start - period * up
            if stop is not None:
                last = min(last, (-(-stop // up) + margin) * down)
        try:
            opened.seek(min(first, opened.frames))
            samples = opened.read(max(0, last - first), dtype="float32", always_2d=True)
        except soundfile.LibsndfileError as error:
            raise UnreadableError(f"{name}: damaged: {error.error_string.rstrip('.')}.") from error
    if not np.isfinite(samples).all():
        raise UnreadableError(f"{name}: a sample is not a finite number.")
    wanted = None if stop is None else skipped + stop - start
    return resampled(mono(samples), opened.samplerate, rate)[skipped:wanted]
