"""Bach's chorales in four parts, read from the files that the installed package music21 ships."""

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

FEATURES = {"name": str, "voices": list, "begins": list, "metre": str, "key": str, "pickup": int}
VOICES = 4
STEPS = 4  # in a quarter note: the grid is of sixteenths
STEPS_OF_NAMES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
BROKEN = (
    *(zipfile.BadZipFile, zlib.error, EOFError, OSError, KeyError),  # KeyError: a file that is not in the archive
    *(xml.etree.ElementTree.ParseError, ValueError, ArithmeticError),
)

Piece = collections.namedtuple("Piece", ["name", "voices", "begins", "metre", "key", "pickup", "rounded"])
Note = collections.namedtuple("Note", ["start", "stop", "pitch"])  # in sixteenths, as fractions; a MIDI number


@DATASETS.register("chorales")
def chorales(data_dir=None, name=None, columns=None):
    """The four-part chorales of J. S. Bach, from the installed package music21; needs no download.

    Read are all its files ``bwv*.mxl`` (MusicXML) in which exactly four parts have notes: 364 of 408 in music21 10.5;
    the others have instruments besides, or a fifth voice. Of pieces that are the same, transposed or not, the first is
    taken, so that none is in two splits: 361 are left.

    One row is a sixteenth. Tied notes are one note; of a chord in one part the top note is taken; a part that is
    written transposed is given as it sounds; repeats are played once; grace notes, and silence behind the last note,
    are dropped. A note finer than the grid is moved to the nearest sixteenth, and dropped if nothing is left of it: 10
    notes of 84,000, all in train; `source` says how many ("rounded").

    A hash of the name decides about the split (80% train, 10% valid, 10% test), so it is the same in all versions of
    music21 and on all machines. Bach set many melodies several times: those settings may be in different splits.

    All are read at once, in a few seconds, and kept in memory, packed (3 MB).

    Args:
        data_dir, name, columns: what other readers take; of no use here.

    Returns:
        {"train", "valid", "test"}: `Examples` of

        - ``name``: ``"bwv253"``;
        - ``voices``: a row [soprano, alto, tenor, bass] for each sixteenth: MIDI numbers, -1 a rest;
        - ``begins``: as many rows of bools: a note begins here (else it is held, or there is a rest);
        - ``metre``: the first one, ``"4/4"``, which it also is where there is none;
        - ``key``: the first signature, with the mode if the file has it: ``"2# major"``, ``"3b"``, ``"0 minor"``;
        - ``pickup``: how many sixteenths stand before the first whole bar, 0 if it starts with one.

    Raises:
        ValueError: music21 is not installed or has no such files; with the file: it cannot be read; a folder, name or
            columns were given.

    Source: https://github.com/cuthbertLab/music21, whose corpus has its own terms (``corpus/license.txt``): the files
    are read where they are installed.
    """
    given = {"data_dir": data_dir, "name": name, "columns": columns}
    if any(given.values()):
        raise ValueError(
            "--dataset=chorales reads the files of the installed music21 and nothing else. To read files of your own: "
            "--dataset=frames --data_dir=FILE.json. Received: "
            + ", ".join(f"{argument}={value!r}" for argument, value in given.items() if value)
        )
    return _examples(*_installed())


def _examples(pieces, left_out):
    """{split: Examples} of pieces."""
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
    """The split of a piece: by a hash, so that no other piece has a say in it."""
    draw = int.from_bytes(hashlib.sha256(name.encode()).digest()) % 10
    return {0: "valid", 1: "test"}.get(draw, "train")


@functools.lru_cache(maxsize=1)  # what is installed does not change while it is used
def _installed():
    """What `_read_folder` finds in the installed music21, which is not imported: that takes seconds."""
    spec = importlib.util.find_spec("music21")
    if spec is None:
        raise ValueError(
            "--dataset=chorales reads its files from the package music21, which is not installed: "
            'pip install "seqzoo[music]" (or: pip install music21)'
        )
    return _read_folder(pathlib.Path(list(spec.submodule_search_locations)[0], "corpus", "bach"))


def _read_folder(folder):
    """Reads all ``bwv*.mxl`` in a folder.

    Returns:
        List of `Piece` in the order of their names, and the number of files that are left out.
    """
    files = sorted(folder.glob("bwv*.mxl"))
    if not files:
        raise ValueError(
            f"{folder}: no bwv*.mxl: this music21 came without its corpus, or it is a folder that is only called so. "
            "Install it anew: pip install --force-reinstall music21"
        )
    pieces = {}
    for file in files:
        if piece := _read(file):
            pieces.setdefault(_intervals(piece), piece)
    if not pieces:
        raise ValueError(f"{folder}: in none of the {len(files)} files bwv*.mxl exactly {VOICES} parts have notes.")
    return list(pieces.values()), len(files) - len(pieces)


def _intervals(piece):
    """What is the same for two pieces if and only if one is the other, transposed or not."""
    lowest = min(pitch for voice in piece.voices for pitch in voice if pitch >= 0)
    return tuple(bytes(pitch - lowest if pitch >= 0 else 255 for pitch in voice) for voice in piece.voices)


def _read(path):
    """The `Piece` in a zipped MusicXML file; None if not just four parts have notes."""
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
        # A bar is as long as its longest part: the others are filled up with rests, so that all begin the next one
        # together. What the metre says does not count: an upbeat is shorter, and so is a bar that a repeat divides.
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
    """What one part has been found to play, bar by bar."""

    def __init__(self):
        self.notes = []
        self.metre = self.key = None  # the first ones
        self.divisions = None  # of a quarter, in which the file counts
        self.transpose = 0  # semitones from what is written to what sounds
        self.ends = {}  # (pitch, where it ends): the place in `notes`, for ties

    def read(self, bar, start):
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
                if item.find("chord") is None:  # else it sounds together with the note before, and takes no time
                    onset, now = now, now + length
                if item.tag == "note":
                    self.add(item, onset, onset + length)
                end = max(end, now)
        return end

    def set(self, attributes):
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

    def length(self, item, bar):
        duration = item.findtext("duration")
        if duration is None or self.divisions is None:
            what = "duration" if duration is None else "divisions"
            raise ValueError(f"measure {bar.get('number')}: a {item.tag} without {what}")
        return _length(duration.strip(), self.divisions.strip())

    def add(self, item, start, stop):
        pitch = item.find("pitch")
        if pitch is None or item.find("cue") is not None or start == stop:
            return  # a rest; a drum; a small note that is for reading only
        pitch = _midi(pitch.findtext("step"), pitch.findtext("alter"), pitch.findtext("octave")) + self.transpose
        if not 0 <= pitch <= 127:
            raise ValueError(f"a note is beyond MIDI's 0 to 127: {pitch}")
        place = len(self.notes)
        ties = (*item.findall("tie"), *item.findall("notations/tied"))  # what sounds; what is drawn: some have but one
        if any(tie.get("type") == "stop" for tie in ties) and (pitch, start) in self.ends:
            place = self.ends.pop((pitch, start))
            self.notes[place] = self.notes[place]._replace(stop=stop)
        else:
            self.notes.append(Note(start, stop, pitch))
        self.ends[pitch, stop] = place


@functools.lru_cache(maxsize=1024)
def _length(duration, divisions):
    """A duration in sixteenths."""
    duration, divisions = fractions.Fraction(duration), fractions.Fraction(divisions)
    if duration < 0 or divisions <= 0:
        raise ValueError(f"a duration of {duration} in divisions of {divisions}")
    return STEPS * duration / divisions


@functools.lru_cache(maxsize=1024)
def _midi(step, alter, octave):
    """The MIDI number of a pitch as it is written."""
    if step not in STEPS_OF_NAMES or octave is None:
        raise ValueError(f"a pitch of step {step!r} and octave {octave!r}")
    return 12 * (int(octave) + 1) + STEPS_OF_NAMES[step] + round(float(alter or 0))


def _on_grid(notes, size):
    """Two arrays of `size` sixteenths: the pitch, -1 a rest; and 1 where a note begins. The top one of several wins."""
    pitches, begins = array.array("b", [-1]) * size, array.array("b", [0]) * size
    for note in sorted(notes, key=lambda note: (note.pitch, note.start)):
        start, stop = _nearest(note.start), _nearest(note.stop)
        for place in range(start, stop):
            pitches[place], begins[place] = note.pitch, place == start
    for place, pitch in enumerate(pitches):
        # What is left of a lower note behind a higher one is a note of its own.
        if pitch >= 0 and (place == 0 or pitches[place - 1] != pitch):
            begins[place] = 1
    return pitches, begins


def _nearest(position):
    return int(position + fractions.Fraction(1, 2))  # never negative


def _pickup(first, metre):
    """The sixteenths of a first bar that is shorter than the metre, else 0."""
    beats, kind = metre.split("/")
    whole = fractions.Fraction(4 * STEPS * sum(map(int, beats.split("+"))), int(kind))
    return _nearest(first) if first < whole else 0
