"""Baselines for captions of a network: the caption of the nearest picture, whole or in part."""

import collections
import itertools
from collections.abc import Callable, Iterable

import numpy as np

from seqzoo.files import UnreadableError
from seqzoo.pictures.picture import Picture

SIDE = 32  # rows and columns of pictures when they are compared
EXAMPLES = 10_000  # maximum number to learn from
FEWEST = 10  # minimum examples of a qualifier that is classified
SHADES = 4  # of each colour in a histogram


def nearest_captions(examples: Iterable[tuple[Picture, str]], channels: int) -> dict[str, Callable[[Picture], str]]:
    """Captions without a network: {name: function picture -> caption}.

    "nearest" answers with the caption of the training picture with the nearest pixels. If captions have the form
    ``what: qualifiers``, such as "man running: dark skin tone", "nearest + qualifiers" takes only the part before the
    colon from it; a linear classifier of a picture's colours gives the rest.

    Args:
        examples: (picture, caption) to learn from; only the first ones are read.
        channels: 1, grey, or 3.
    """

    def pixels(picture):
        try:
            return picture.read(SIDE, SIDE, channels).reshape(-1).astype("float32")
        except UnreadableError:
            return np.zeros(SIDE * SIDE * channels, "float32")

    pictures, captions = zip(*itertools.islice(examples, EXAMPLES), strict=True)
    known = np.stack([*map(pixels, pictures)])
    squares = (known**2).sum(1)

    def nearest(picture):
        x = pixels(picture)
        return captions[int((squares - 2 * known @ x).argmin())]  # |known - x|^2, up to a common constant

    def histogram(rows):
        bins = np.minimum(rows.reshape(len(rows), -1, channels) // (256 / SHADES), SHADES - 1).astype("int64")
        index = (bins * SHADES ** np.arange(channels)).sum(-1)
        return np.sqrt(np.stack([np.bincount(row, minlength=SHADES**channels) for row in index]) / SIDE**2)

    parts = [caption.partition(":")[2].strip() for caption in captions]
    kinds = [kind for kind, count in collections.Counter(parts).most_common() if count >= FEWEST]
    if len([*filter(None, kinds)]) < 2:
        return {"nearest": nearest}
    rows = [i for i, part in enumerate(parts) if part in kinds]
    from sklearn.linear_model import LogisticRegression

    classifier = LogisticRegression(C=100, max_iter=200)
    classifier.fit(histogram(known[rows]), [kinds.index(parts[i]) for i in rows])

    def qualified(picture):
        what = nearest(picture).partition(":")[0].strip()
        part = kinds[int(classifier.predict(histogram(pixels(picture)[None]))[0])]
        return f"{what}: {part}" if part else what

    return {"nearest": nearest, "nearest + qualifiers": qualified}
