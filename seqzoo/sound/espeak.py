"""Speech from the synthesizer eSpeak NG: its program, or its library in the package espeakng-loader.

eSpeak NG is free software under the GPL, version 3, so it is not part of this project and nothing here depends on it.
"""

import ctypes
import functools
import io
import shutil
import subprocess
from collections.abc import Callable

import numpy as np

PROGRAMS = ("espeak-ng", "espeak")
SYNCHRONOUS, UTF8, END_PAUSE = 2, 1, 0x1000  # of speak_lib.h
RATE, PITCH = 1, 3  # its parameters: words a minute; 0 to 100


@functools.lru_cache(1)
def speaker() -> Callable:
    """The function (text, voice, speed, pitch) -> (samples [N] in int16, sample rate) of the program or the package.

    Raises:
        ValueError: neither is installed.
    """
    if program := next(filter(None, map(shutil.which, PROGRAMS)), None):
        return functools.partial(_by_program, program)
    try:
        import espeakng_loader
    except ModuleNotFoundError:
        raise ValueError(
            "--dataset=espeak needs the synthesizer eSpeak NG: install it (on Debian: apt install espeak-ng) or its "
            "package: pip install espeakng-loader."
        ) from None
    return _library(espeakng_loader.get_library_path(), espeakng_loader.get_data_path())


def _by_program(program, text, voice, speed, pitch):
    import soundfile

    command = [program, "--stdout", "-v", voice, "-s", str(speed), "-p", str(pitch), "--", text]
    done = subprocess.run(command, capture_output=True, check=False)
    if not done.stdout:
        raise ValueError(f"{program} can't speak as {voice!r}: {done.stderr.decode(errors='replace').strip()}")
    return soundfile.read(io.BytesIO(done.stdout), dtype="int16")


def _library(path, data):
    library = ctypes.CDLL(path)
    rate = library.espeak_Initialize(SYNCHRONOUS, 0, str(data).encode(), 0)
    if rate <= 0:
        raise ValueError(f"{path}: eSpeak NG finds no data in {data}.")
    pieces = []

    @ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)
    def keep(samples, count, events):
        if samples and count:
            pieces.append(np.ctypeslib.as_array(samples, (count,)).copy())
        return 0

    library.espeak_SetSynthCallback(keep)

    def speak(text, voice, speed, pitch):
        if library.espeak_SetVoiceByName(voice.encode()):
            raise ValueError(f"eSpeak NG has no voice {voice!r}.")
        library.espeak_SetParameter(RATE, speed, 0)
        library.espeak_SetParameter(PITCH, pitch, 0)
        content = text.encode() + b"\0"
        pieces.clear()
        library.espeak_Synth(content, ctypes.c_size_t(len(content)), 0, 1, 0, UTF8 | END_PAUSE, None, None)
        return np.concatenate(pieces or [np.zeros(0, "int16")]), rate

    speak.keep = keep  # the library holds no reference to it
    return speak
