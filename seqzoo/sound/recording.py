"""Recordings: sounds that are read when their samples are needed, as one channel at the requested rate."""

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

ENDINGS = (".wav", ".flac", ".ogg", ".mp3")  # of sound files
STREAMED = 0x7FFFF000  # a longer length in a WAV means that its writer did not know it, as when writing to a pipe
LONG = 60  # seconds: a longer recording is read in pieces
LONGEST = 600  # maximum seconds of a recording that can't be
MP3_FRAMES = 2 * 1152  # samples by which the length of a whole MP3 may differ from what its header says
FILTER = 10  # resample_poly's filter reaches over this many samples of the lower rate on each side


@dataclasses.dataclass(frozen=True)
class Recording:
    """A sound. Subclasses define its origin; examples of a dataset carry it in place of its samples.

    Attributes:
        name: its name in messages and answers, such as its path.
    """

    name: str

    def read(self, rate: int, start: int = 0, stop: int | None = None) -> np.ndarray:
        """Samples [N] from `start` to before `stop` at a sample rate, in float32, where full scale is 1.

        Parts of a recording, joined, equal the whole, up to rounding.

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
        samples: [N] or [N, channels]; floats with full scale 1, or integers with the full scale of their type.
        rate: samples a second.
    """

    samples: np.ndarray
    rate: int

    def read(self, rate: int, start: int = 0, stop: int | None = None) -> np.ndarray:
        return resampled(mono(self.samples), self.rate, rate)[start:stop]

    def length(self, rate: int) -> int:
        return _length(len(self.samples), self.rate, rate)

    def native_rate(self) -> int:
        return self.rate


class Stored(Recording):
    """A sound file: WAV of any sample format, FLAC, Ogg or MP3. Several channels are averaged."""

    def file(self) -> BinaryIO | pathlib.Path | str:
        """Returns the file, or its path."""
        raise NotImplementedError

    def read(self, rate: int, start: int = 0, stop: int | None = None) -> np.ndarray:
        return _read(self.file(), self.name, rate, start, stop)

    def length(self, rate: int) -> int:
        with _opened(self.file(), self.name) as file:
            return _length(file.frames, file.samplerate, rate)

    def native_rate(self) -> int:
        with _opened(self.file(), self.name) as file:
            return file.samplerate


@dataclasses.dataclass(frozen=True)
class Clip(Stored):
    """A sound file at a path."""

    path: pathlib.Path | str

    def file(self) -> pathlib.Path | str:
        return self.path


@dataclasses.dataclass(frozen=True)
class Member(Stored):
    """A sound file in a zip archive."""

    archive: pathlib.Path
    member: str

    def file(self) -> BinaryIO:
        return io.BytesIO(archive(self.archive).read(self.member))


@dataclasses.dataclass(frozen=True)
class Upload(Stored):
    """The bytes of a sound file, such as one that came with a request."""

    content: bytes

    def file(self) -> BinaryIO:
        return io.BytesIO(self.content)


@dataclasses.dataclass(frozen=True)
class Joined(Recording):
    """Joins recordings, each followed by silence, whose length is in samples at `rate`."""

    parts: tuple[Recording, ...]
    silences: tuple[int, ...]
    rate: int

    def read(self, rate: int, start: int = 0, stop: int | None = None) -> np.ndarray:
        pieces = []
        for part, silence in zip(self.parts, self.silences, strict=True):
            pieces += [part.read(rate), np.zeros(round(silence * rate / self.rate), "float32")]
        return np.concatenate(pieces)[start:stop]

    def native_rate(self) -> int:
        return self.rate


def first_rate(recordings: Iterable[Recording]) -> int:
    """Returns the sample rate of the first recording that can be read.

    Raises:
        UnreadableError: none of them can.
    """
    error = UnreadableError("There are no recordings.")
    for recording in recordings:
        try:
            return recording.native_rate()
        except UnreadableError as unreadable:
            error = unreadable
    raise error


def is_long(recording: Recording, rate: int, obstacle: str = "") -> bool:
    """Returns whether a recording is so long that it is read in pieces, see `sound.pieces`.

    Args:
        recording: the recording.
        rate: sample rate in Hz.
        obstacle: the option that keeps a run from reading pieces.

    Raises:
        ValueError: it should be read in pieces, but there is an obstacle.
    """
    seconds = recording.length(rate) / rate
    if obstacle and seconds > LONGEST:
        raise ValueError(
            f"{recording.name}: {seconds / 60:.0f} minutes. A run with {obstacle} reads a recording as a whole, up to "
            f"{LONGEST // 60} minutes: cut it. A run with --model=ctc --rnn=lstm reads any length."
        )
    return seconds > LONG and not obstacle


def mono(samples: np.ndarray) -> np.ndarray:
    """[N] or [N, channels], integers or floats -> the mean of the channels, [N], in float32 with full scale 1."""
    if np.issubdtype(samples.dtype, np.integer):
        least, most = (float(limit) for limit in (np.iinfo(samples.dtype).min, np.iinfo(samples.dtype).max))
        middle, full = (least + most + 1) / 2, (most + 1 - least) / 2  # unsigned samples have their zero in the middle
        samples = ((samples - middle) / full).astype("float32")
    return (samples.mean(-1) if samples.ndim > 1 else samples).astype("float32")


def resampled(samples: np.ndarray, rate: int, wanted: int) -> np.ndarray:
    """Resamples samples [N] from one rate to another, [ceil(N * wanted / rate)], without aliasing."""
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
    """Opens a file as a soundfile.SoundFile, and checks that it is complete."""
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
    """Returns the samples of a file from `start` to `stop` at a rate; only the part that they need is read."""
    import soundfile

    with _opened(file, name) as opened:
        up, down = _ratio(opened.samplerate, rate)
        first, last, skipped = 0, opened.frames, start
        if start or stop is not None:
            # Whole periods of the filter's phases, so that its taps fall on the same samples as for the whole file.
            margin = -(-(FILTER * max(up, down) // up + 1) // down) if up != down else 0
            period = max(0, start // up - margin)
            first, skipped = period * down, start - period * up
            if stop is not None:
                last = min(last, (-(-stop // up) + margin) * down)
        try:
            if first:  # not all formats can seek
                opened.seek(min(first, opened.frames))
            samples = opened.read(max(0, last - first), dtype="float32", always_2d=True)
        except soundfile.LibsndfileError as error:
            raise UnreadableError(f"{name}: damaged: {error.error_string.rstrip('.')}.") from error
    if len(samples) < last - first - MP3_FRAMES:
        raise UnreadableError(f"{name}: cut off: it holds {first + len(samples):,} of {opened.frames:,} samples.")
    if not np.isfinite(samples).all():
        raise UnreadableError(f"{name}: a sample is not a finite number.")
    wanted = None if stop is None else skipped + stop - start
    return resampled(mono(samples), opened.samplerate, rate)[skipped:wanted]
