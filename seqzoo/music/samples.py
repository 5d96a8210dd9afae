"""Samples: requests to a generator of music, the scores that it writes, and their files."""

import math
import pathlib
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from rich.console import Console

from seqzoo.display.plain import plain_text
from seqzoo.files import replace
from seqzoo.music import synthesizer
from seqzoo.music.conditions import Conditions
from seqzoo.music.encodings import END, REST, Encoding
from seqzoo.music.keys import find_key, key_name, parse_key, parse_pitch
from seqzoo.music.midi import read_midi, write_midi
from seqzoo.music.plots import piano_roll_plot
from seqzoo.music.score import Score, cut, parse_metre
from seqzoo.music.statistics import statistics_table

if TYPE_CHECKING:
    from seqzoo.config import Config


EVENTS_PER_QUARTER = 16  # maximum number sampled


def sample_scores(
    decoder: Callable[[np.ndarray], object], encoding: Encoding, conditions: Conditions, ahead: bool, request: "Config"
) -> list[Score]:
    """Samples scores. Each depends only on the seed and its number, not on how many are sampled.

    Args:
        decoder: function barred [S, V] -> GeneratorDecoder.
        encoding, conditions: of the model.
        ahead: whether the model has the input "ahead": it can harmonise a melody.
        request: the options of the music task's ``--mode=generate``: key, metre, pickup, style; chord, primer,
            primer_quarters, melody, length; samples, temperature, top_k, top_p, seed, tempo.

    Raises:
        ValueError: the request is malformed, or the model cannot fulfil it.
    """
    from seqzoo.decoding.sampling import kept_sampler

    if request.melody and not (ahead and encoding.name in ("voices", "frames")):
        raise ValueError("--melody needs a run of --encoding=voices or frames with --melody_ahead above 0.")
    given, steps, source = opening(encoding, request)
    for name in ("key", "style"):
        if getattr(request, name) and name not in conditions.names:
            names = ",".join(conditions.names) or "none"
            raise ValueError(f"--{name}: the run was trained without this condition (--conditions={names}).")
    metre = parse_metre(request.metre) if request.metre else source.metre if source else None
    key = parse_key(request.key) if request.key else find_key(source) if source else None
    rows, about = request.samples, conditions.inputs(key, metre, request.style)
    metre = metre or (4, 4)
    inputs = {name: np.full(rows, value) for name, value in about.items()}
    inputs["position"] = np.tile(encoding.positions(steps, metre, request.pickup), (rows, 1))
    barred = encoding.barred()
    if ahead:
        inputs["ahead"] = np.zeros((rows, steps), "int32")
    if request.melody:
        inputs["ahead"][:] = given[:, 0]
        # The melody determines the end; in its rests the first note of a set is open.
        barred[:, END] = True
    forced = np.zeros((steps, encoding.slots, rows), "int32")
    forced[: len(given)] = given[..., None]
    noise = [np.random.default_rng([request.seed, row]).random((steps, encoding.slots)) for row in range(rows)]
    sampler = kept_sampler(decoder(barred), (), (END,), request.temperature, request.top_k, request.top_p)
    ids = sampler(inputs, np.stack(noise, axis=-1).reshape(-1, rows), forced.reshape(-1, rows))
    ids = ids.reshape(rows, steps, encoding.slots)
    scores = [
        encoding.decode(row, tempo=request.tempo, metre=metre, name=f"sample {number}")
        for number, row in enumerate(ids, 1)
    ]
    if encoding.name == "events":  # the number of events does not bound the time
        longest = max(request.length, encoding.decode(given).length)  # a primer is not cut
        scores = [cut(score, longest) for score in scores]
    return scores


def opening(encoding: Encoding, request: "Config") -> tuple[np.ndarray, int, Score | None]:
    """Returns the beginning of samples.

    Args:
        encoding: of the model.
        request: see `sample_scores`.

    Returns:
        (rows of ids [T, S], 0 where open; number of steps to sample, including these; the score that they come from).

    Raises:
        ValueError: more than one of chord, primer and melody; or a malformed one.
    """
    if sum(map(bool, (request.chord, request.primer, request.melody))) > 1:
        raise ValueError("--chord, --primer and --melody all set how a sample begins: give one of them.")
    per_quarter = EVENTS_PER_QUARTER if encoding.name == "events" else encoding.steps_per_quarter
    steps, score = math.ceil(request.length * per_quarter), None
    rows = np.zeros((0, encoding.slots), "int32")
    if request.melody:
        score = read_midi(request.melody, drums=encoding.drums)
        melody = encoding.melody(score)
        rows = np.zeros((len(melody), encoding.slots), "int32")
        rows[:, 0] = melody
        steps = len(rows)
    elif request.primer:
        score = read_midi(request.primer, drums=encoding.drums)
        quarters = min(request.primer_quarters, float(score.length))
        rows = encoding.encode({"score": cut(score, quarters)})[:-1]
        if encoding.name != "events":  # rests at the end of the primer belong to it
            rests = round(quarters * encoding.steps_per_quarter) - len(rows)
            rows = np.pad(rows, [(0, max(0, rests)), (0, 0)], constant_values=REST)
    elif request.chord:
        rows = encoding.chord([parse_pitch(name) for name in request.chord.split()])
    return rows, max(steps, len(rows)), score


def write_sample(score: Score, path: pathlib.Path) -> dict:
    """Writes a score as PATH.mid, PATH.png (a piano roll) and, if there is a synthesizer, PATH.wav.

    Returns:
        ``{"quarters", "notes", "key"}`` and the files, ``{"midi", "roll", "audio"}``; "no_audio", the reason, if the
        synthesizer failed. A score without notes has only MIDI.
    """
    with_audio, midi, roll, audio = synthesizer.find(), *map(path.with_suffix, (".mid", ".png", ".wav"))
    replace(midi, lambda temporary: write_midi(score, temporary))
    answer = {"quarters": float(score.length), "notes": len(score.notes), "key": "no notes", "midi": str(midi)}
    if not score.notes:
        return answer
    replace(roll, lambda temporary: piano_roll_plot(score, temporary, score.name))
    answer |= {"key": "drums" if score.drums else key_name(find_key(score)), "roll": str(roll)}
    if with_audio:
        try:
            synthesizer.render(midi, audio)
            answer["audio"] = str(audio)
        except (ValueError, OSError) as error:  # the other files are useful without it
            answer["no_audio"] = str(error)
    return answer


def print_piece(answer: dict, console: Console) -> None:
    """Prints the files of a sample, or the statistics of all samples beside those of the corpus.

    Args:
        answer: ``{"sample": number, ...}`` with the result of `write_sample`; or ``{"samples", "corpus"}``, see
            `statistics.corpus_statistics`.
        console: where to print.
    """
    if "samples" in answer:
        console.print(statistics_table(answer["samples"], answer["corpus"]))
        return
    files = ", ".join(answer[kind] for kind in ("midi", "roll", "audio") if kind in answer)
    about = f"{answer['quarters']:g} quarters, {answer['notes']} notes, {answer['key']}"
    console.print(plain_text(f"{answer['sample']}: {about}: {files}"), soft_wrap=True)
    if "no_audio" in answer:
        console.print(plain_text(f"no audio: {answer['no_audio']}", "dim"), soft_wrap=True)
