"""Pictures of sequences of vectors: strips and GIFs of stick figures, curves with intervals."""

import csv
import os
import pathlib
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from rich.console import Console

from seqzoo.display.clips import bones
from seqzoo.display.pages import escape
from seqzoo.display.plain import plain_text
from seqzoo.display.plots import save_figure
from seqzoo.display.tables import plain_table

POSES = 10  # in a strip
DRAWN_COLUMNS = 6  # curves of a picture
PIXELS = 240  # sides of a GIF
SKELETONS = {  # {number of joints: the pairs that bones connect}; `clips.bones` guesses those of others
    11: ((0, 1), (1, 2), (1, 3), (3, 4), (1, 5), (5, 6), (2, 7), (7, 8), (2, 9), (9, 10)),  # --dataset=figures
    20: (  # Kinect, MSR Action3D
        (19, 2), (0, 2), (1, 2), (0, 7), (7, 9), (9, 11), (1, 8), (8, 10), (10, 12), (2, 3), (3, 6), (6, 4), (6, 5),
        (4, 13), (5, 14), (13, 15), (14, 16), (15, 17), (16, 18),
    ),
}  # fmt: skip


def strip_plot(
    rows: dict[str, np.ndarray],
    dims: int,
    path: str | os.PathLike,
    fps: float,
    known: Sequence[int] = (),
    vertical: str = "y",
) -> None:
    """Draws motions as rows of poses, from left to right in time.

    Args:
        rows: {title: frames [T, D]}.
        dims: numbers of a joint, 2 or 3; a single joint is drawn as its path so far.
        path: the image to write.
        fps: frames a second.
        known: for each row, the number of given frames at its beginning, which are grey.
        vertical: which number of a joint is its height, "x", "y" or "z".
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 1.5 * len(rows) + 0.2), layout="constrained")
    for panel, (title, frames), given in zip(
        np.atleast_1d(figure.subplots(len(rows), 1)), rows.items(), [*known] or [0] * len(rows), strict=True
    ):
        joints, tree = _plane(frames, dims, vertical)
        centres = joints.mean(1, keepdims=True) if joints.shape[1] > 1 else joints.mean((0, 1), keepdims=True)
        width = 1.1 * max(np.ptp(joints - centres, axis=(0, 1)).max(), 1e-6)
        chosen = np.unique(np.linspace(0, len(joints) - 1, min(POSES, len(joints))).round().astype(int))
        for column, t in enumerate(chosen):
            colour, shift = ("0.6" if t < given else "C0"), (column * width, 0)
            pose = (joints - centres)[: t + 1] + shift
            for line in [pose[:, 0]] if joints.shape[1] == 1 else [pose[-1, pair] for pair in tree]:
                panel.plot(*line.T, color=colour, linewidth=1.5, solid_capstyle="round")
            panel.plot(*pose[-1].T, ".", color=colour, markersize=3)
            panel.text(
                column * width, -0.62 * width, f"{t / fps:.1f} s", ha="center", va="top", fontsize=7, color="0.4"
            )
        panel.set(aspect="equal", xlim=(-0.7 * width, (POSES - 0.3) * width), ylim=(-0.8 * width, 0.6 * width))
        panel.set_title(title, fontsize=9, loc="left", parse_math=False)
        panel.axis("off")
    save_figure(figure, path)


def curves_plot(
    names: Sequence[str],
    context: np.ndarray,
    predicted: np.ndarray,
    path: str | os.PathLike,
    bounds: np.ndarray | None = None,
    true: np.ndarray | None = None,
) -> None:
    """Draws a series and its forecast, a panel for each of its first columns.

    Args:
        names: names of the columns.
        context: [P, D], the known frames. predicted: [H, D]. true: [H, D], the true frames, if known.
        path: the image to write.
        bounds: (low, high), [2, H, D], the interval.
    """
    from matplotlib.figure import Figure

    count = min(DRAWN_COLUMNS, len(names))
    figure = Figure(figsize=(9, 2.4 * count + 0.2), layout="constrained")
    past, ahead = np.arange(1 - len(context), 1), np.arange(1, 1 + len(predicted))
    for column, panel in enumerate(np.atleast_1d(figure.subplots(count, 1, sharex=True))):
        panel.plot(past, context[:, column], color="0.4", linewidth=1, label="known")
        if bounds is not None:
            panel.fill_between(ahead, *bounds[:, :, column], color="C0", alpha=0.2, linewidth=0, label="interval")
        panel.plot(ahead, predicted[:, column], color="C0", linewidth=1.5, label="forecast")
        if true is not None:
            panel.plot(ahead, true[:, column], color="0.1", linewidth=1, linestyle=":", label="what came")
        panel.set_title(names[column], fontsize=9, loc="left", parse_math=False)
        panel.spines[["top", "right"]].set_visible(False)
    panel.set_xlabel("step")
    figure.axes[0].legend(frameon=False, fontsize=8, loc="upper left")
    save_figure(figure, path)


def write_gif(frames: np.ndarray, dims: int, path: str | os.PathLike, fps: float, vertical: str = "y") -> None:
    """Writes a motion as a looping GIF; arguments as in `strip_plot`."""
    from PIL import Image, ImageDraw

    joints, tree = _plane(frames, dims, vertical)
    low, high = joints.min((0, 1)), joints.max((0, 1))
    scale = 0.9 * PIXELS / max((high - low).max(), 1e-6)
    joints = (joints - (low + high) / 2) * (scale, -scale) + PIXELS / 2  # y upwards
    pictures = []
    for t, pose in enumerate(joints):
        picture = Image.new("L", (PIXELS, PIXELS), 255)
        draw = ImageDraw.Draw(picture)
        if joints.shape[1] == 1:
            draw.line([*map(tuple, joints[: t + 1, 0])], fill=170, width=2)
        for pair in tree:
            draw.line([*map(tuple, pose[pair])], fill=40, width=3)
        for x, y in pose:
            draw.ellipse((x - 3, y - 3, x + 3, y + 3), fill=0)
        pictures.append(picture)
    # A GIF counts in hundredths of a second, and viewers slow down frames shorter than two.
    duration = max(20, round(100 / fps) * 10)
    pictures[0].save(path, "GIF", save_all=True, append_images=pictures[1:], duration=duration, loop=0)


def write_sample(
    prime: np.ndarray, drawn: np.ndarray, path: pathlib.Path, names: Sequence[str], fps: float, dims: int, vertical: str
) -> dict[str, str]:
    """Writes a sample after the frames that it continues, as .npz, .csv and pictures.

    Args:
        prime, drawn: the known and the generated frames [T, D].
        path: path of the files, without endings.
        names: names of the columns of a series, drawn as curves; [] for a motion, drawn as a strip and a GIF.
        fps, dims, vertical: frames a second, numbers of a joint and the vertical axis of a motion.

    Returns:
        {kind: file}.
    """
    frames = np.concatenate([prime, drawn])
    endings = {"array": ".npz", "table": ".csv", "strip": ".png"} | ({} if names else {"gif": ".gif"})
    files = {kind: path.with_suffix(ending) for kind, ending in endings.items()}
    np.savez_compressed(files["array"], frames=frames, fps=fps)
    with open(files["table"], "w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(names or (f"number{i}" for i in range(1, frames.shape[1] + 1)))
        table.writerows([f"{x:.7g}" for x in frame] for frame in frames)
    if names:
        curves_plot(names, prime if len(prime) else drawn[:1], drawn, files["strip"])
    else:
        strip_plot({"": frames}, dims, files["strip"], fps, [len(prime)], vertical)
        write_gif(frames, dims, files["gif"], fps, vertical)
    return {kind: str(file) for kind, file in files.items()}


def _plane(frames, dims, vertical):
    """Projects frames [T, D]; returns (horizontal position and height [T, J, 2] of joints, pairs joined by bones)."""
    joints = np.asarray(frames, "float64").reshape(len(frames), -1, dims)
    height = "xyz".index(vertical)
    across = next(i for i in range(dims) if i != height)
    return joints[..., [across, height]], [[*pair] for pair in SKELETONS.get(joints.shape[1]) or bones(joints)]


def print_motion(answer: dict, console: Console) -> None:
    """Prints the answer of a motion task: a forecast, a score, or the files of a sample."""
    if "sample" in answer:
        files = ", ".join(answer[kind] for kind in ("strip", "gif", "table", "array") if kind in answer)
        about = ", ".join(filter(None, (answer["label"], f"{answer['known']} + {answer['frames']} frames")))
        console.print(plain_text(f"{answer['sample']}: {about}: {files}"), soft_wrap=True)
    elif "log_density" in answer:
        text = f"{answer['nats_per_frame']:.3f} nats a frame, {answer['frames']} frames: {answer['file']}"
        console.print(plain_text(text), soft_wrap=True)
    elif "columns" in answer:
        console.print(plain_table(_title(answer), *_forecast_table(answer)))
    else:
        console.print(plain_text(f"{_title(answer)}; --json prints the numbers"), soft_wrap=True)


def forecast_articles(answers: Iterable[dict]) -> Iterator[str]:
    """Yields forecasts as parts of an HTML page: series as tables, others in a line."""
    for answer in answers:
        yield f"<article><p>{escape(_title(answer))}</p>\n"
        if "columns" in answer:
            columns, rows = _forecast_table(answer)
            yield f"<table>\n<tr>{''.join(f'<th>{escape(name)}' for name in columns)}</tr>\n"
            yield from (f"<tr>{''.join(f'<td>{escape(cell)}' for cell in row)}</tr>\n" for row in rows)
            yield "</table>\n"
        yield "</article>\n"


def _title(answer):
    return f"{answer.get('file', 'valid')}: {len(answer['frames'])} frames after {answer['known']}"


def _forecast_table(answer):
    """Returns (columns, rows) of the forecast of a series: a row for each step, an interval after each number."""
    steps = zip(answer["frames"], answer["low"], answer["high"], strict=True)
    rows = [
        [str(number), *(f"{x:.4g} ({low:.4g} to {high:.4g})" for x, low, high in zip(*step, strict=True))]
        for number, step in enumerate(steps, 1)
    ]
    return ["step", *answer["columns"]], rows
