"""Figures of eleven joints that walk, run, wave, or follow a Lissajous curve one joint after the other."""

import math
import random
from collections.abc import Iterator

import numpy as np

from seqzoo.datasets import DATASETS
from seqzoo.datasets.splits import generated

FPS = 25  # frames a second
SHORTEST, LONGEST = 30, 90  # frames of a clip
NOISE = 0.004  # standard deviation of each coordinate; a figure is about 2 high
# Head, neck, hip; left elbow and hand, right elbow and hand; left knee and foot, right knee and foot.
DEPTHS = (0, 1, 2, 2, 3, 2, 3, 3, 4, 3, 4)  # how many joints stand between each one and the head
CURVES = {"circle": (1, 1, math.pi / 2), "eight": (1, 2, 0.0), "pretzel": (3, 2, 0.5)}
GAITS = {"walk": 0.9, "run": 1.6, "wave": 1.2}  # cycles a second


@DATASETS.register("figures")
@generated(dict(train=1200, valid=100, test=100), {"frames": np.ndarray, "label": str}, instead="clips")
def figures(seed: int, split: str, size: int) -> Iterator[dict]:
    """Moving figures of 11 joints, 25 frames a second, 30 to 90 frames; needs no download.

    Half of them are sticks that walk, run or wave; the joints of the others follow a Lissajous curve (circle, eight,
    pretzel). Size, phase, speed, direction, place and number of frames are random.

    Args:
        seed: decides the figures.
        split, size: the split and its number of examples.

    Yields:
        ``{"frames": array [T, 22], x and y of each joint, "label": str}``.
    """
    rng = random.Random(f"{seed}-{split}")
    for _ in range(size):
        label = rng.choice([*CURVES, *GAITS])
        place = _curve(rng, *CURVES[label]) if label in CURVES else _stick(rng, label)
        x, y = rng.uniform(-1, 1), rng.uniform(-0.3, 0.3)
        frames = [
            [(px + x + rng.gauss(0, NOISE), py + y + rng.gauss(0, NOISE)) for px, py in place(t / FPS)]
            for t in range(rng.randint(SHORTEST, LONGEST))
        ]
        rounded = np.array(frames).reshape(len(frames), -1).round(4)  # else the last bit of a sine would count
        yield {"frames": rounded.astype("float32"), "label": label}


def _curve(rng, p, q, shift):
    """Joints one after the other on x = a sin(p s), y = b sin(q s + shift), as a function of seconds."""
    a, b, phase, lag = rng.uniform(0.5, 1.2), rng.uniform(0.5, 1.2), rng.uniform(0, 2 * math.pi), rng.uniform(0.1, 0.25)
    speed = rng.choice((-1, 1)) * rng.uniform(2.5, 4.5)

    def place(seconds):
        angles = [phase + speed * seconds - math.copysign(lag * depth, speed) for depth in DEPTHS]
        return [(a * math.sin(p * angle), b * math.sin(q * angle + shift)) for angle in angles]

    return place


def _stick(rng, gait):
    """Returns a stick that walks, runs, or stands and waves, as a function of seconds."""
    size, phase, way = rng.uniform(0.7, 1.2), rng.uniform(0, 2 * math.pi), rng.choice((-1, 1))
    rate = 2 * math.pi * GAITS[gait] * rng.uniform(0.85, 1.15)
    swing, speed = {"walk": (0.5, 0.9), "run": (0.8, 1.8), "wave": (0.05, 0.0)}[gait]
    arm, shin = {"walk": (0.35, 0.35), "run": (0.5, 1.0), "wave": (0.1, 0.0)}[gait]  # how far joints are bent

    def limb(start, angle, bend):
        """Returns the two joints of a limb that hangs from a joint; angles from straight down."""
        middle = start[0] + 0.45 * math.sin(angle), start[1] - 0.45 * math.cos(angle)
        return middle, (middle[0] + 0.45 * math.sin(angle + bend), middle[1] - 0.45 * math.cos(angle + bend))

    def place(seconds):
        turn = phase + rate * seconds
        hip = (0.0, 0.9 + 0.05 * swing * math.cos(2 * turn))
        neck = (0.1 * speed / 2, hip[1] + 0.7)
        head = (neck[0] * 1.2, neck[1] + 0.25)
        legs = [limb(hip, swing * math.sin(t), -shin * (1 + math.cos(t + 0.6)) / 2) for t in (turn, turn + math.pi)]
        arms = [limb(neck, -swing * math.sin(t), arm + 0.2 * swing * math.sin(t)) for t in (turn, turn + math.pi)]
        if gait == "wave":
            arms[1] = limb(neck, 2.2, 0.7 + 0.7 * math.sin(turn))
        joints = [head, neck, hip, *arms[0], *arms[1], *legs[0], *legs[1]]
        return [(size * way * (x + speed * seconds * rate / 6.5), size * y - 0.8) for x, y in joints]

    return place
