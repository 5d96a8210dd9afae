"""A picture of a transcript: the spectrogram, the network's output at each frame, and the words."""

import pathlib

import numpy as np

COLOURS = 10  # of labels; if there are more, they share colours


def transcript_plot(
    features: np.ndarray,
    probabilities: np.ndarray,
    answer: dict,
    labels: list[str],
    seconds: float,
    path: pathlib.Path,
) -> None:
    """Draws the features of a recording above the probabilities that CTC gives to its labels, with the words.

    Args:
        features: [T, D], of the frames.
        probabilities: [S, V], of the blank, index 0, and the labels.
        answer: of the run: "transcript", "tokens" with their begin and end in seconds, and optionally "reference".
        labels: the V labels.
        seconds: length of the recording.
        path: the image to write.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(max(6.0, min(14.0, 2.5 * seconds)), 4.6), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    extent = (0, seconds, -0.5, features.shape[1] - 0.5)
    above.imshow(features.T, aspect="auto", origin="lower", extent=extent, cmap="magma", interpolation="nearest")
    above.set_ylabel("mel band")
    title = answer["transcript"] or "(nothing)"
    if answer.get("reference", title) != title:
        title += f"   (reference: {answer['reference']})"
    above.set_title(_cut(title, round(11 * figure.get_figwidth())), parse_math=False, fontsize=10)
    time = (np.arange(len(probabilities)) + 0.5) * seconds / len(probabilities)
    below.plot(time, probabilities[:, 0], color="0.7", linestyle="--", linewidth=1, label="blank")
    for index in sorted({*probabilities[:, 1:].max(0).argsort()[::-1][:30].tolist()}):
        if probabilities[:, index + 1].max() > 0.1:
            below.plot(time, probabilities[:, index + 1], color=f"C{index % COLOURS}", linewidth=1.2)
    colour = {label: f"C{(index - 1) % COLOURS}" for index, label in enumerate(labels)}
    for token in answer["tokens"]:
        centre = (token["begin"] + token["end"]) / 2
        text = "␣" if token["text"] == " " else token["text"]
        below.text(centre, 1.04, text, ha="center", va="bottom", fontsize=9, color=colour.get(token["text"], "k"),
                   parse_math=False)  # fmt: skip
    below.set(xlim=(0, seconds), ylim=(0, 1.25), yticks=(0, 0.5, 1), xlabel="seconds", ylabel="probability")
    below.legend(loc="center right", fontsize=8, frameon=False)
    for axes in (above, below):
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=120)


def _cut(text, most):
    return text if len(text) <= most else f"{text[: most - 1]}…"
