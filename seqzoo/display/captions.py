"""Captions of pictures: on a terminal, on pages, and as a strip that shows the attention for each word."""

import base64
import io
import os
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from rich.console import Console

from seqzoo.data.batches import chunks
from seqzoo.display.pages import escape
from seqzoo.display.plain import plain, plain_text

COLOUR = (255, 70, 0)  # of attention over a picture
STRONGEST = 0.75  # opacity of the largest attention
SHOWN = 30  # words in a strip
ROW = 10  # pictures in a row of a strip


def print_captioned(answer: dict, console: Console) -> None:
    """Prints a caption after the name of the picture, or several with their scores.

    Args:
        answer: ``{"file", "caption", "n_best": [{"text", "score"}]}``; ``"references"`` are printed if none of them is
            the caption.
        console: where to print.
    """
    console.print(plain_text(f"{plain(answer['file'])}  {answer['caption']}"), soft_wrap=True)
    for best in answer["n_best"] if len(answer["n_best"]) > 1 else ():
        console.print(plain_text(f"{best['score']:10.3f}  {best['text']}"), soft_wrap=True)
    for reference in missed(answer):
        console.print(plain_text(f"  gold: {reference}", "bold"), soft_wrap=True)


def missed(answer: dict) -> list[str]:
    """Returns the references of an answer, if none of them is its caption."""
    references = answer.get("references", [])
    return [] if answer["caption"] in references else references


def captioned_articles(answers: Iterable[dict]) -> Iterator[str]:
    """Yields captions for a page, each with its picture and the attention for each word, if an answer has these.

    Args:
        answers: see `print_captioned`; optionally with ``"picture"``, its address, and ``"map"``, the rows and columns
            of the map that ``"attention"`` of the n best weights, a list for each token.

    Yields:
        HTML, in pieces, one an answer.
    """
    explained = False
    for number, answer in enumerate(answers):
        if not explained and any("attention" in best for best in answer["n_best"]):
            explained = True
            yield (
                "<p class=legend>For each word, the redder a field, the more the network attended to it; each picture "
                "is scaled to its largest attention.</p>\n"
            )
        yield f"<article dir=auto><p><small>{escape(answer['file'])}</small></p>\n"
        for best in answer["n_best"]:
            score = f"<small>{best['score']:.3f}</small>" if len(answer["n_best"]) > 1 else ""
            yield f"<p>{score}<b class=translation>{escape(best['text'])}</b></p>\n"
            if "attention" in best and "picture" in answer:
                yield from _strip(answer, best, f"picture{number}")
        for reference in missed(answer):
            yield f"<p><span class=second>reference:</span> {escape(reference)}</p>\n"
        yield "</article>\n"


def _strip(answer, best, identity) -> Iterator[str]:
    """Yields the picture, and once more for each token with its attention. Later copies refer to the first one."""
    rows, columns = answer["map"]
    height, width = answer["size"]
    size = f'viewBox="0 0 {columns} {rows}" style="width:6em;aspect-ratio:{width}/{height};image-rendering:pixelated" '
    whole = f'width="{columns}" height="{rows}" preserveAspectRatio=none'
    first = answer["n_best"][0] is best
    drawn = (
        f'<image id={identity} href="{escape(answer["picture"])}" {whole} />' if first else f"<use href=#{identity} />"
    )
    yield '<div style="display:flex;flex-wrap:wrap;gap:.6em"><figure style="margin:0">'
    yield f"<svg {size}preserveAspectRatio=none>{drawn}</svg><figcaption>&nbsp;</figcaption></figure>\n"
    for token, weights in zip(best["tokens"], best["attention"], strict=False):
        fields = "".join(
            f'<rect x="{i % columns}" y="{i // columns}" width="1" height="1" fill="rgb{COLOUR}" '
            f'opacity="{alpha:.2f}"><title>{weight:.3f}</title></rect>'
            for i, (weight, alpha) in enumerate(zip(weights, opacity(weights), strict=True))
        )
        yield (
            f'<figure style="margin:0"><svg {size}preserveAspectRatio=none><use href=#{identity} />{fields}</svg>'
            f"<figcaption>{escape(token['text'])}</figcaption></figure>\n"
        )
    yield "</div>\n"


def opacity(weights: Sequence[float]) -> np.ndarray:
    """Returns the opacity of attention: in proportion, with `STRONGEST` for the largest weight."""
    weights = np.asarray(weights, "float64")
    return STRONGEST * weights / max(weights.max(initial=0.0), 1e-6)


def captions_plot(answers: Sequence[dict], path: str | os.PathLike) -> None:
    """Draws pictures and, for each token of their captions, the attention over them.

    Args:
        answers: as in `captioned_articles`, with attention.
        path: the image to write; its suffix chooses the format.

    Source: Xu et al., 2015, Show, Attend and Tell, figure 3.
    """
    from matplotlib.figure import Figure
    from matplotlib.image import imread

    from seqzoo.display.plots import save_figure

    panels = []  # rows of (pixels, map, weights or None, title)
    for answer in answers:
        pixels, best = imread(io.BytesIO(base64.b64decode(answer["picture"].partition(",")[2]))), answer["n_best"][0]
        tokens = [*zip(best["tokens"], best["attention"], strict=False)][:SHOWN]
        drawn = [(None, ""), *((weights, token["text"]) for token, weights in tokens)]
        panels += [[(pixels, answer["map"], *panel) for panel in row] for row in chunks(drawn, ROW)]
    across, (height, width) = max(map(len, panels)), answers[0]["size"]
    size = 1.3 * across * max(1, width / height), 1.6 * len(panels) * max(1, height / width)
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots(len(panels), across, squeeze=False)
    for axis in axes.flat:
        axis.set_axis_off()
    for row, own in zip(axes, panels, strict=True):
        for axis, (pixels, shape, weights, title) in zip(row, own, strict=False):
            extent = (0, pixels.shape[1], pixels.shape[0], 0)
            axis.imshow(pixels, "gray", vmin=0, vmax=1, extent=extent)
            axis.set_title(plain(title.strip()) or " ", fontsize=9, parse_math=False)
            if weights is not None:
                layer = np.full((*shape, 4), (*(part / 255 for part in COLOUR), 0.0))
                layer[..., 3] = opacity(weights).reshape(shape)
                axis.imshow(layer, extent=extent, interpolation="bilinear")
    save_figure(figure, path)
