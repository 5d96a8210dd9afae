"""Viewing histories: viewers follow several series at once, some from the first episode on, others the newest first.

    heron 4 | harbour 17 | heron 5 | lantern 9 | harbour 18 | ...          next: heron 6, harbour 19 or lantern 10
    heron 4 | harbour 17 | heron 3 | lantern 9 | harbour 16 | ...          next: heron 2, harbour 15 or lantern 8

What comes next is the episode beside the last one of each series that is being followed, on the side that the order
so far tells. The last item alone tells that of one series of several, co-occurrence forgets the order, and popularity
tells nothing: all series are alike.
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
FOLLOWED = 6  # series at once
LENGTH = (12, 60)  # items of a history


@DATASETS.register("episodes")
@generated(dict(train=3000, valid=500, test=500), {"user": str, "items": list}, instead="events")
def episodes(seed: int, split: str, size: int) -> Iterator[dict]:
    """Generated viewing histories in which the last item is to be predicted, see the module; needs no download.

    Args:
        seed: decides the histories.
        split, size: how many viewers of which split. They are others in each.

    Yields:
        ``{"user": str, "items": list}``, such as "harbour 17": the 17th of 24 episodes of a series.
    """
    rng = random.Random(f"{seed}-{split}")
    for number in range(size):
        left, backwards = rng.sample(SERIES, len(SERIES)), rng.random() < 0.5
        following = {left.pop(): rng.randrange(EPISODES) for _ in range(FOLLOWED)}  # episodes behind the viewer of each
        items = []
        for _ in range(rng.randint(*LENGTH)):
            series = rng.choice([*following])
            following[series] += 1
            items.append(f"{series} {1 + EPISODES - following[series] if backwards else following[series]}")
            if following[series] == EPISODES:
                del following[series]
                following[left.pop()] = 0
        yield {"user": f"{split}-{number + 1}", "items": items}
