"""Bach's four-part chorales, read from the files of the installed package music21."""

import array
import collections
import fractions
import functools
import hashlib
import importlib.util
import pathlib
import xml.etree.ElementTree
import zipfile
import zlib

from seqzoo.datasets import DATASETS, Examples
from seqzoo.datasets.splits import refuse_arguments
from seqzoo.extras import check_installed
from seqzoo.music.keys import pitch_number
from seqzoo.music.score import parse_metre
from seqzoo.music.voices import NO_PITCH

FEATURES = {"name": str, "voices": list, "begins": list, "metre": str, "key": str, "pickup": int}
VOICES = 4
STEPS = 4  # per quarter note: the grid is of sixteenths
BROKEN = (  # what reading a malformed file may raise
    *(zipfile.BadZipFile, zlib.error, EOFError, OSError, KeyError),  # KeyError: a file is missing in the archive
    *(xml.etree.ElementTree.ParseError, ValueError, ArithmeticError),
)

Piece = collections.namedtuple("Piece", ["name", "voices", "begins", "metre", "key", "pickup", "rounded"])
Note = collections.namedtuple("Note", ["start", "stop", "pitch"])  # sixteenths, as fractions; MIDI number


@DATASETS.register("chorales")
def chorales(data_dir: str | None = None, name: str | None = None, columns: dict | None = None) -> dict[str, Examples]:
    """The four-part chorales of J. S. Bach, from the installed package music21; needs no download.

    Uses all files ``bwv*.mxl`` (MusicXML) in which exactly four parts have notes: 364 of 408 in music21 10.5; the
    others have additional instruments or a fifth voice. Of pieces that are equal up to transposition only the first is
    kept, so that none is in two splits, which leaves 361.

    One row is a sixteenth. Tied notes are one note; a chord in one part is reduced to its top note; transposing parts
    are given at sounding pitch; repeats are played once; grace notes, and silence after the last note, are dropped.
    Notes finer than the grid are moved to the nearest sixteenth, and dropped if nothing is left of them: 10 notes of
    84,000, all in train; `source` gives their number ("rounded").

    A hash of the name determines the split (80% train, 10% valid, 10% test), so it is the same in all versions of
    music21 and on all machines. Bach set many melodies several times: those settings may be in different splits.

    All pieces are read at once, in a few seconds, and kept in memory, packed (3 MB).

    Args:
        data_dir, name, columns: for other readers; must be empty.

    Returns:
        {"train", "valid", "test"}: `Examples` of

        - ``name``: ``"bwv253"``;
        - ``voices``: a row [soprano, alto, tenor, bass] for each sixteenth: MIDI numbers, -1 for a rest;
        - ``begins``: as many rows of bools: whether a note begins (else it is held, or the voice rests);
        - ``metre``: the first one, default ``"4/4"``;
        - ``key``: the first key signature, with the mode if given: ``"2# major"``, ``"3b"``, ``"0 minor"``;
        - ``pickup``: sixteenths before the first whole bar, else 0.

    Raises:
        ValueError: music21 is not installed or has no such files; a file cannot be read (names it); an argument was
            given.

    Source: https://github.com/cuthbertLab/music21, whose corpus has its own terms (``corpus/license.txt``): the files
    are read in place.
    """
    refuse_arguments(
        "--dataset=chorales reads only the files of the installed music21. To read your own files: "
        "--dataset=piano_roll --data_dir=FILE.json.",
        data_dir=data_dir,
        name=name,
        columns=columns,
    )
    return _examples(*_installed())


def _examples(pieces, left_out):
    """Returns {split: Examples} of pieces."""
    splits = {split: [] for split in ("train", "valid", "test")}
    for piece in pieces:
        splits[_split(piece.name)].append(piece)
    return {
        split: Examples(
            functools.partial(_unpacked, found),
            FEATURES,
            f"chorales of music21, {split}: {len(found)} of {len(pieces)} pieces in four parts, {left_out} files left "
            f"out, {sum(piece.rounded for piece in found)} notes rounded",
        )
        for split, found in splits.items()
    }


def _unpacked(pieces):
    for piece in pieces:
        yield {
            "name": piece.name,
            "voices": [list(row) for row in zip(*piece.voices, strict=True)],
            "begins": [[flag == 1 for flag in row] for row in zip(*piece.begins, strict=True)],
            "metre": piece.metre,
            "key": piece.key,
            "pickup": piece.pickup,
        }


def _split(name):
    """Returns the split of a piece: by a hash of its name, whatever other pieces there are."""
    bucket = int.from_bytes(hashlib.sha256(name.encode()).digest()) % 10
    return {0: "valid", 1: "test"}.get(bucket, "train")


@functools.lru_cache(maxsize=1)  # the installed package does not change while it is used
def _installed():
    """Reads the corpus of the installed music21, without importing it, which takes seconds."""
    check_installed("music21", "--dataset=chorales")
    spec = importlib.util.find_spec("music21")
    return _read_folder(pathlib.Path(list(spec.submodule_search_locations)[0], "corpus", "bach"))


def _read_folder(folder):
    """Reads all ``bwv*.mxl`` in a folder.

    Returns:
        List of `Piece` in the order of their names, and the number of files left out.
    """
    files = sorted(folder.glob("bwv*.mxl"))
    if not files:
        raise ValueError(
            f"{folder}: no bwv*.mxl: this music21 came without its corpus, or another folder has its name. "
            "Reinstall it: pip install --force-reinstall music21"
        )
    pieces = {}
    for file in files:
        if piece := _read(file):
            pieces.setdefault(_intervals(piece), piece)
    if not pieces:
        raise ValueError(f"{folder}: none of the {len(files)} files bwv*.mxl has notes in exactly {VOICES} parts.")
    return list(pieces.values()), len(files) - len(pieces)


def _intervals(piece):
    """Returns a key that is equal for two pieces if and only if they are equal up to transposition."""
    lowest = min(pitch for voice in piece.voices for pitch in voice if pitch >= 0)
    return tuple(bytes(pitch - lowest if pitch >= 0 else 255 for pitch in voice) for voice in piece.voices)


def _read(path):
    """Returns the `Piece` in a zipped MusicXML file; None unless exactly four parts have notes."""
    try:
        with zipfile.ZipFile(path) as file:
            container = xml.etree.ElementTree.fromstring(file.read("META-INF/container.xml"))
            if (rootfile := container.find(".//{*}rootfile")) is None:
                raise ValueError("META-INF/container.xml names no file")
            score = xml.etree.ElementTree.fromstring(file.read(rootfile.get("full-path", "")))
        if score.tag != "score-partwise":
            raise ValueError(f"expected a score-partwise, found a {score.tag}")
        return _piece(path.name.removesuffix(".mxl"), score)
    except BROKEN as error:
        raise ValueError(f"{path}: cannot be read as zipped MusicXML: {error}") from error


def _piece(name, score):
    parts = [_Part() for _ in score.findall("part")]
    bars = [part.findall("measure") for part in score.findall("part")]
    start, first = fractions.Fraction(0), None
    for number in range(max(map(len, bars), default=0)):
        # A bar is as long as its longest part; the others are filled with rests, so that all begin the next bar
        # together. The metre does not count: an upbeat is shorter, and so is a bar that a repeat divides.
        ends = [part.read(own[number], start) for part, own in zip(parts, bars, strict=True) if number < len(own)]
        first = max(ends) if first is None else first
        start = max(ends)
    parts = [part for part in parts if part.notes]
    if len(parts) != VOICES:
        return None
    size = _nearest(max(note.stop for part in parts for note in part.notes))
    voices, begins = zip(*(_on_grid(part.notes, size) for part in parts), strict=True)
    metre = next((part.metre for part in parts if part.metre), "4/4")
    key = next((part.key for part in parts if part.key), "0")
    rounded = sum(note.start.denominator > 1 or note.stop.denominator > 1 for part in parts for note in part.notes)
    return Piece(name, voices, begins, metre, key, _pickup(first, metre), rounded)


class _Part:
    """The notes of one part, read bar by bar."""

    def __init__(self):
        self.notes = []
        self.metre = self.key = None  # the first ones
        self.divisions = None  # of a quarter note, the unit of durations
        self.transpose = 0  # semitones from written to sounding pitch
        self.ends = {}  # (pitch, stop) -> index in `notes`, for ties

    def read(self, bar: xml.etree.ElementTree.Element, start: fractions.Fraction) -> fractions.Fraction:
        """Adds the notes of a bar that begins at `start`; returns where it ends."""
        now = end = onset = start
        for item in bar:
            if item.tag == "attributes":
                self.set(item)
            elif item.tag in ("note", "backup", "forward"):
                if item.find("grace") is not None:
                    continue  # without a duration
                length = self.length(item, bar)
                if item.tag == "backup":
                    now -= length
                    if now < start:
                        raise ValueError(f"measure {bar.get('number')}: a backup to before its start")
                    continue
                if item.find("chord") is None:  # a chord note sounds with the previous note and takes no time
                    onset, now = now, now + length
                if item.tag == "note":
                    self.add(item, onset, onset + length)
                end = max(end, now)
        return end

    def set(self, attributes: xml.etree.ElementTree.Element) -> None:
        if divisions := attributes.findtext("divisions"):
            self.divisions = divisions
        if (transpose := attributes.find("transpose")) is not None:
            octaves = int(transpose.findtext("octave-change", "0"))
            self.transpose = int(transpose.findtext("chromatic", "0")) + 12 * octaves
        if self.metre is None and attributes.findtext("time/beats"):
            self.metre = f"{attributes.findtext('time/beats')}/{attributes.findtext('time/beat-type')}"
        if self.key is None and (fifths := attributes.findtext("key/fifths")):
            mode = attributes.findtext("key/mode", "")
            fifths = int(fifths)
            self.key = f"{abs(fifths)}{'#' if fifths > 0 else 'b' if fifths < 0 else ''} {mode}".strip()

    def length(self, item: xml.etree.ElementTree.Element, bar: xml.etree.ElementTree.Element) -> fractions.Fraction:
        duration = item.findtext("duration")
        if duration is None or self.divisions is None:
            what = "duration" if duration is None else "divisions"
            raise ValueError(f"measure {bar.get('number')}: a {item.tag} without {what}")
        return _length(duration.strip(), self.divisions.strip())

    def add(self, item: xml.etree.ElementTree.Element, start: fractions.Fraction, stop: fractions.Fraction) -> None:
        pitch = item.find("pitch")
        if pitch is None or item.find("cue") is not None or start == stop:
            return  # a rest; a drum; a cue, which is not played
        pitch = _midi(pitch.findtext("step"), pitch.findtext("alter"), pitch.findtext("octave")) + self.transpose
        if not 0 <= pitch <= 127:
            raise ValueError(f"a note is outside of MIDI's range 0 to 127: {pitch}")
        index = len(self.notes)
        # Ties are marked for playback ("tie"), for engraving ("tied"), or both.
        ties = (*item.findall("tie"), *item.findall("notations/tied"))
        if any(tie.get("type") == "stop" for tie in ties) and (pitch, start) in self.ends:
            index = self.ends.pop((pitch, start))
            self.notes[index] = self.notes[index]._replace(stop=stop)
        else:
            self.notes.append(Note(start, stop, pitch))
        self.ends[pitch, stop] = index


@functools.lru_cache(maxsize=1024)
def _length(duration, divisions):
    """Returns a duration in sixteenths."""
    duration, divisions = fractions.Fraction(duration), fractions.Fraction(divisions)
    if duration < 0 or divisions <= 0:
        raise ValueError(f"a duration of {duration} in divisions of {divisions}")
    return STEPS * duration / divisions


@functools.lru_cache(maxsize=1024)
def _midi(step, alter, octave):
    """Returns the MIDI number of a written pitch."""
    if step not in tuple("CDEFGAB") or octave is None:
        raise ValueError(f"a pitch of step {step!r} and octave {octave!r}")
    return pitch_number(step, int(octave), round(float(alter or 0)))


def _on_grid(notes, size):
    """Two arrays of `size` sixteenths: the pitch, -1 for a rest; and 1 where a note begins. The top note wins."""
    pitches, begins = array.array("b", [NO_PITCH]) * size, array.array("b", [0]) * size
    for note in sorted(notes, key=lambda note: (note.pitch, note.start)):
        start, stop = _nearest(note.start), _nearest(note.stop)
        for time in range(start, stop):
            pitches[time], begins[time] = note.pitch, time == start
    for time, pitch in enumerate(pitches):
        # The rest of a lower note after a higher one is a note of its own.
        if pitch >= 0 and (time == 0 or pitches[time - 1] != pitch):
            begins[time] = 1
    return pitches, begins


def _nearest(position):
    return int(position + fractions.Fraction(1, 2))  # never negative


def _pickup(first, metre):
    """Returns the sixteenths of a first bar that is shorter than the metre, else 0."""
    beats, kind = parse_metre(metre)
    whole = fractions.Fraction(4 * STEPS * beats, kind)
    return _nearest(first) if first < whole else 0
