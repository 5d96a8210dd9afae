"""Scores of forecasts, and simple forecasts to compare them with."""

import numpy as np

MILLISECONDS = (
    80,
    160,
    320,
    400,
)  # of Martinez et al., 2017, On Human Motion Prediction Using Recurrent Neural Networks


def frames_after(fps: float) -> dict[int, int]:
    """Returns {milliseconds: number of the nearest frame, from 1} at the given frames a second."""
    return {ms: max(1, round(ms * fps / 1000)) for ms in MILLISECONDS}


def rounded(fps: float) -> str:
    """Which of `MILLISECONDS` fall on no frame, for people; "" if all do."""
    found = [
        f"{ms} ms is frame {frame}, {1000 * frame / fps:.0f} ms"
        for ms, frame in frames_after(fps).items()
        if abs(1000 * frame / fps - ms) > 0.5
    ]
    return f"at {fps:g} frames a second {', '.join(found)}" if found else ""


def joint_error(predicted: np.ndarray, true: np.ndarray, dims: int) -> np.ndarray:
    """Returns the mean distance of joints: [N, H, D] frames of D / dims joints -> [H]."""
    difference = (predicted - true).reshape(*true.shape[:2], -1, dims)
    return np.sqrt((difference**2).sum(-1)).mean((0, 2))


def repeat_last(context: np.ndarray, steps: int) -> np.ndarray:
    """Returns the last frame of a context [P, D], repeated: [steps, D]."""
    return np.repeat(context[-1:], steps, axis=0)


def seasonal_naive(context: np.ndarray, steps: int, season: int) -> np.ndarray:
    """Returns the last season of a context [P, D], repeated: [steps, D]; the last frame if the context is shorter."""
    if len(context) < season:
        return repeat_last(context, steps)
    return context[len(context) - season + np.arange(steps) % season]


def naive_error(series: np.ndarray, season: int) -> np.ndarray:
    """Returns the mean absolute change [D] from season to season of a series [T, D], the unit of `mase`.

    It is 0 for a column that repeats its first season up to rounding, such as a constant.

    Raises:
        ValueError: the series is not longer than a season.
    """
    if len(series) <= season:
        raise ValueError(f"--season={season} needs more than {season} steps of train. Received: {len(series)}")
    error = np.abs(series[season:] - series[:-season]).mean(0, dtype="float64")
    return np.where(error > 1e-6 * np.abs(series).mean(0, dtype="float64"), error, 0.0)


def mase(predicted: np.ndarray, true: np.ndarray, scale: np.ndarray) -> float:
    """Mean absolute scaled error of forecasts [N, H, D], the mean over D; scale: `naive_error` of train [D].

    It is undefined for columns with a naive error of 0, which are left out; at least one should have another.
    Source: Hyndman & Koehler, 2006, Another Look at Measures of Forecast Accuracy.
    """
    defined = scale > 0
    return float((np.abs(predicted - true).mean((0, 1))[defined] / scale[defined]).mean())


def coverage(samples: np.ndarray, true: np.ndarray, percent: float) -> float:
    """Returns the percentage of true values [N, H, D] that lie within the intervals of samples [N, S, H, D]."""
    low, high = interval(samples, percent, axis=1)
    return float(100 * ((low <= true) & (true <= high)).mean())


def interval(samples: np.ndarray, percent: float, axis: int = 0) -> np.ndarray:
    """Returns the quantiles (low, high) [2, ...] that enclose the middle `percent` of samples along an axis."""
    outside = (1 - percent / 100) / 2
    return np.quantile(samples, [outside, 1 - outside], axis=axis)
