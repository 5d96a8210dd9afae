"""Audio of MIDI files, made by a synthesizer that is installed: FluidSynth with a soundfont, else TiMidity++."""

import os
import pathlib
import shutil
import subprocess
import tempfile

# Where distributions, Homebrew and people keep soundfonts, in the order of the search.
SOUNDFONT_FOLDERS = (
    "~/.local/share/soundfonts",
    "~/Library/Audio/Sounds/Banks",
    "/usr/share/sounds/sf2",
    "/usr/share/sounds/sf3",
    "/usr/share/soundfonts",
    "/usr/local/share/soundfonts",
    "/opt/homebrew/share/soundfonts",
    "/usr/local/share/fluid-synth/sf2",
    "/opt/homebrew/share/fluid-synth/sf2",
)


def find():
    """Returns what is installed to make audio.

    A soundfont is a file .sf2 or .sf3: the one that the environment variable SOUNDFONT names, else the first by name
    of the first of `SOUNDFONT_FOLDERS` that has any.

    Returns:
        (path of fluidsynth, path of a soundfont), (path of timidity, None), or None.

    Raises:
        ValueError: SOUNDFONT names no file.
    """
    if program := shutil.which("fluidsynth"):
        if soundfont := _soundfont():
            return program, soundfont
    if program := shutil.which("timidity"):
        return program, None
    return None


def _soundfont():
    if named := os.environ.get("SOUNDFONT"):
        if not pathlib.Path(named).is_file():
            raise ValueError(f"SOUNDFONT={named}: there is no such file. Expected a soundfont, .sf2 or .sf3.")
        return named
    for folder in SOUNDFONT_FOLDERS:
        for path in sorted(pathlib.Path(folder).expanduser().glob("*.sf[23]")):
            return str(path)
    return None


def render(midi_path, wav_path, timeout=300):
    """Makes a WAV file of a MIDI file. The file is there when all of it is made, and not before.

    Args:
        midi_path: of the file to play.
        wav_path: of the file to write, in a folder that exists.
        timeout: seconds after which the synthesizer is stopped.

    Raises:
        ValueError: no synthesizer is installed; or it failed: has the end of what it said.
        FileNotFoundError: there is no such MIDI file.
        TimeoutError: it took longer than `timeout`.
    """
    found = find()
    if found is None:
        raise ValueError(
            "no synthesizer is installed, or no soundfont for it: apt install fluidsynth fluid-soundfont-gm, or "
            "brew install fluid-synth; the environment variable SOUNDFONT can name a .sf2 or .sf3 of your own."
        )
    program, soundfont = found
    # Whole paths: one that begins with "-" would be read as an option.
    midi, wav = pathlib.Path(midi_path).resolve(strict=True), pathlib.Path(wav_path).resolve()
    with tempfile.TemporaryDirectory(dir=wav.parent) as folder:
        made = pathlib.Path(folder, "made.wav")
        if soundfont:
            command = [program, "-n", "-i", "-T", "wav", "-F", made, os.path.abspath(soundfont), midi]
        else:
            command = [program, midi, "-Ow", "-o", made]
        try:
            done = subprocess.run(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=timeout,
                text=True, errors="replace", check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired as error:
            raise TimeoutError(f"{midi_path}: {program} did not finish in {timeout} seconds.") from error
        # FluidSynth may fail with the exit status 0, and built without libsndfile it writes bare samples.
        if done.returncode or not made.is_file() or not made.read_bytes().startswith(b"RIFF"):
            said = " ".join(done.stdout.split())[-300:] or "nothing"
            raise ValueError(f"{midi_path}: {program} made no WAV (exit status {done.returncode}). It said: {said}")
        os.replace(made, wav)
