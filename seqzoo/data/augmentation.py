"""Augmentation of clips: changes size, direction and speed of a movement. Clips are [T, D] or [T, I, W, C]."""

import numpy as np

KNOTS = 4  # points of a clip between which the duration of a frame is interpolated
AXES = ("x", "y", "z")


def scaled(frames: np.ndarray, most: float, rng: np.random.Generator) -> np.ndarray:
    """Returns a clip with all numbers multiplied by one factor, at most 1 + `most` or its inverse."""
    return (frames * np.exp(rng.uniform(-1, 1) * np.log1p(most))).astype(frames.dtype)


def stretched(frames: np.ndarray, most: float, rng: np.random.Generator) -> np.ndarray:
    """Returns a clip in which each number's distance from its mean is scaled by its own factor.

    Args:
        frames: [T, ...].
        most: the factors are at most 1 + `most`, or its inverse.
        rng: draws the factors.
    """
    mean = frames.mean(0)
    factors = np.exp(rng.uniform(-1, 1, mean.shape) * np.log1p(most))
    return (mean + (frames - mean) * factors).astype(frames.dtype)


def shifted(frames: np.ndarray, deviation: float | np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Returns a clip with a normally distributed constant added to each number, as if from another body."""
    return (frames + rng.normal(size=frames.shape[1:]) * deviation).astype(frames.dtype)


def rotated(frames: np.ndarray, degrees: float, rng: np.random.Generator, axis: str = "y") -> np.ndarray:
    """Returns joints rotated about a vertical axis through their middle.

    Args:
        frames: [T, D], 3 numbers a joint.
        degrees: the largest angle, to either side.
        rng: draws the angle.
        axis: which of the 3 numbers is the height: one of `AXES`.
    """
    angle = np.radians(rng.uniform(-degrees, degrees))
    a, b = (i for i in range(3) if i != AXES.index(axis))
    turn = np.eye(3)
    turn[[a, b], [a, b]], turn[a, b], turn[b, a] = np.cos(angle), -np.sin(angle), np.sin(angle)
    joints = frames.reshape(len(frames), -1, 3)
    middle = joints.mean((0, 1), keepdims=True)
    return ((joints - middle) @ turn.T + middle).reshape(frames.shape).astype(frames.dtype)


def warped(frames: np.ndarray, most: float, rng: np.random.Generator) -> np.ndarray:
    """Returns a clip whose speed changes over time: at each point at most 1 + `most` times as fast or as slow.

    Frames are interpolated; the clip gets longer where it is slower.
    """
    if len(frames) < 2:
        return frames
    knots = np.exp(rng.uniform(-1, 1, KNOTS) * np.log1p(most))  # duration of a frame at each point
    position = np.linspace(0, KNOTS - 1, len(frames))
    times = np.concatenate([[0], np.cumsum(np.interp(position, np.arange(KNOTS), knots)[1:])])
    wanted = np.interp(np.linspace(0, times[-1], max(2, round(times[-1]) + 1)), times, np.arange(len(frames)))
    before = np.minimum(wanted.astype(int), len(frames) - 2)
    share = (wanted - before).reshape(-1, *[1] * (frames.ndim - 1))
    return (frames[before] * (1 - share) + frames[before + 1] * share).astype(frames.dtype)


def thinned(frames: np.ndarray, rate: float, rng: np.random.Generator) -> np.ndarray:
    """Returns a clip in which each frame is dropped with a probability; at least one remains."""
    kept = rng.random(len(frames)) >= rate
    kept[rng.integers(len(frames))] = True
    return frames[kept]


def augmented(
    frames: np.ndarray,
    rng: np.random.Generator,
    std: float | np.ndarray = 1.0,
    scale: float = 0.0,
    stretch: float = 0.0,
    shift: float = 0.0,
    rotation: float = 0.0,
    vertical: str = "y",
    time_warp: float = 0.0,
    drop_frames: float = 0.0,
) -> np.ndarray:
    """Returns a clip after all changes above whose size is not 0; `shift` is a share of `std`."""
    if scale:
        frames = scaled(frames, scale, rng)
    if stretch:
        frames = stretched(frames, stretch, rng)
    if shift:
        frames = shifted(frames, shift * std, rng)
    if rotation:
        frames = rotated(frames, rotation, rng, vertical)
    if time_warp:
        frames = warped(frames, time_warp, rng)
    return thinned(frames, drop_frames, rng) if drop_frames else frames
