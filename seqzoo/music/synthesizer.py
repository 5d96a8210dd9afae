"""Renders MIDI files as audio with an installed synthesizer: FluidSynth with a soundfont, else TiMidity++."""

import os
import pathlib
import shutil
import subprocess
import tempfile

# Where distributions, Homebrew and users keep soundfonts, in search order.
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


def find() -> tuple[str, str | None] | None:
    """Returns the installed synthesizer and its soundfont.

    A soundfont is a .sf2 or .sf3 file: the one that the environment variable SOUNDFONT names, else the first by name
    in the first of `SOUNDFONT_FOLDERS` that has any.

    Returns:
        (path of fluidsynth, path of a soundfont), (path of timidity, None), or None.

    Raises:
        ValueError: SOUNDFONT does not name a file.
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
            raise ValueError(f"SOUNDFONT={named}: no such file. Expected a soundfont, .sf2 or .sf3.")
        return named
    for folder in SOUNDFONT_FOLDERS:
        for path in sorted(pathlib.Path(folder).expanduser().glob("*.sf[23]")):
            return str(path)
    return None


def render(midi_path: str | os.PathLike, wav_path: str | os.PathLike, timeout: float = 300) -> None:
    """Renders a MIDI file as a WAV file, which appears only when it is complete.

    Args:
        midi_path: the file to play.
        wav_path: the file to write, in an existing folder.
        timeout: seconds after which the synthesizer is stopped.

    Raises:
        ValueError: no synthesizer is installed, or it failed; quotes the end of its output.
        FileNotFoundError: no such MIDI file.
        TimeoutError: rendering took longer than `timeout`.
    """
    synthesizer = find()
    if synthesizer is None:
        raise ValueError(
            "No synthesizer with a soundfont is installed: apt install fluidsynth fluid-soundfont-gm, or "
            "brew install fluid-synth; the environment variable SOUNDFONT can name a .sf2 or .sf3 file of your own."
        )
    program, soundfont = synthesizer
    # Absolute paths: one that begins with "-" would be read as an option.
    midi, wav = pathlib.Path(midi_path).resolve(strict=True), pathlib.Path(wav_path).resolve()
    with tempfile.TemporaryDirectory(dir=wav.parent) as folder:
        rendered = pathlib.Path(folder, "rendered.wav")
        if soundfont:
            command = [program, "-n", "-i", "-T", "wav", "-F", rendered, os.path.abspath(soundfont), midi]
        else:
            command = [program, midi, "-Ow", "-o", rendered]
        try:
            result = subprocess.run(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=timeout,
                text=True, errors="replace", check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired as error:
            raise TimeoutError(f"{midi_path}: {program} did not finish in {timeout} seconds.") from error
        # FluidSynth may fail with exit status 0, and without libsndfile it writes raw samples.
        if result.returncode or not rendered.is_file() or not rendered.read_bytes().startswith(b"RIFF"):
            output = " ".join(result.stdout.split())[-300:] or "none"
            raise ValueError(f"{midi_path}: {program} wrote no WAV (exit status {result.returncode}). Output: {output}")
        os.replace(rendered, wav)
