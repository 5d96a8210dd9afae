"""Viewing histories: viewers follow three series at a time, each in the order of its episodes, and then others.

    heron 4 | harbour 17 | heron 5 | lantern 2 | heron 6 | harbour 18 | ...   next: heron 7, lantern 3 or harbour 19

The next item is the next episode of a series that is still followed. The last item alone tells it for one series of
three. Co-occurrence knows neither the order nor which series were abandoned, and popularity does not help, since all
series are alike.
"""

import random
from collections.abc import Iterator

from seqzoo.datasets import DATASETS
from seqzoo.datasets.splits import generated

SERIES = (
    "anchor", "beacon", "cinder", "delta", "ember", "falcon", "granite", "harbour", "island", "juniper", "kestrel",
    "lantern", "meadow", "northern", "orchard", "pepper", "quarry", "raven", "signal", "timber",
)  # fmt: skip
EPISODES = 24  # of a series
FOLLOWED = 3  # series at a time
RUN = (3, 6)  # episodes of a series that a viewer sees
LENGTH = (20, 50)  # items of a history


@DATASETS.register("episodes")
@generated(dict(train=3000, valid=500, test=500), {"user": str, "items": list}, instead="events")
def episodes(seed: int, split: str, size: int) -> Iterator[dict]:
    """Generated viewing histories in which the last item is to be predicted, see the module; needs no download.

    Args:
        seed: decides the histories.
        split, size: the split and its number of viewers, who differ between splits.

    Yields:
        ``{"user": str, "items": list}``, such as "harbour 17": the 17th of 24 episodes of a series. The last item
        continues a series, since the start of a new one cannot be predicted.
    """
    rng = random.Random(f"{seed}-{split}")
    for number in range(size):
        items, left, following = [], rng.sample(SERIES, len(SERIES)), {}
        length, begins = rng.randint(*LENGTH), False
        while len(items) < length or begins:
            begins = len(following) < FOLLOWED
            if begins:
                run = rng.randint(*RUN)
                first = rng.randint(1, EPISODES - run + 1)
                series = left.pop()
                following[series] = [*range(first, first + run)]
            else:
                series = rng.choice([*following])
            items.append(f"{series} {following[series].pop(0)}")
            if not following[series]:
                del following[series]
        yield {"user": f"{split}-{number + 1}", "items": items}
