"""A front for float vectors (frames of sound, skeletons, sensors, one-hot bases), and their standardisation."""

from collections.abc import Callable, Iterable, Sequence
from types import ModuleType
from typing import Any

import numpy as np

from seqzoo.assets import Asset
from seqzoo.config import Config
from seqzoo.signatures import takes_options


@takes_options()
def frames(
    width: int,
    mean: np.ndarray | Sequence[float] | float | None = None,
    std: np.ndarray | Sequence[float] | float | None = None,
    dropout: float = 0.0,
    velocities: bool = False,
    centre: int = 0,
    per_clip: bool = False,
    name: str = "frames",
) -> tuple:
    """A front for sequences of float vectors, with their true lengths, since a frame of zeros may be real.

    With `mean` and `std`, usually those of the training frames, x = (frame - mean) / std. Padded frames become 0,
    whatever they held.

    Args:
        width: D, the width of a frame.
        mean, std: arrays of the width of x, or numbers; None: 0 and 1. A std of 0 counts as 1.
        dropout: dropout rate of the frames' values, one mask for all steps of a sequence.
        velocities: join each frame with its change since the one before, which doubles the width of x.
        centre: number, from 1, of the joint whose position is subtracted from all joints, 3 numbers each; 0: none.
        per_clip: subtract from each number its mean over the clip, and divide all by the root of their mean square,
            the size of the movement. Only the shape of the movement remains.
        name: name of the input, and prefix of its lengths and layers.

    Returns:
        (inputs, x, mask): {name: [B, T, D] floats, name + "_length": [B] integers}; x [B, T, D], or [B, T, 2 D] with
        `velocities`; mask [B, T], True at real steps.
    """
    import keras
    from keras import ops

    from seqzoo.layers import masks
    from seqzoo.layers.stack import drop

    inputs = {
        name: keras.Input((None, width), dtype="float32", name=name),
        f"{name}_length": keras.Input((), dtype="int32", name=f"{name}_length"),
    }
    # The reshape makes the width static, which it is not in a batch of tf.data. In float32 under any policy, because
    # raw values may exceed the range of 16 bits.
    x = keras.layers.Reshape((-1, width), dtype="float32")(inputs[name])
    mask = masks.from_lengths(inputs[f"{name}_length"], x[..., 0])  # [B, T]
    x = derived(x, velocities, centre, per_clip, ops, mask)
    if mean is not None or std is not None:
        mean, std = (
            np.broadcast_to(default if value is None else value, (x.shape[-1],)).astype("float32")
            for value, default in ((mean, 0.0), (std, 1.0))
        )
        variance = np.where(std == 0, 1.0, std) ** 2
        scale = keras.layers.Normalization(mean=mean, variance=variance, dtype="float32", name=f"{name}_normalization")
        x = scale(x)
    x = ops.where(mask[..., None], x, 0.0)  # [B, T, D]
    return inputs, drop(x, dropout), mask


def derived(
    x: Any, velocities: bool = False, centre: int = 0, per_clip: bool = False, ops: ModuleType = np, mask: Any = None
) -> Any:
    """Returns frames [..., T, D] centred on a joint, scaled to their clip, and with velocities; see `frames`.

    Args:
        x: array or tensor.
        velocities, centre, per_clip: as in `frames`.
        ops: numpy or keras.ops.
        mask: [..., T], True at real frames; None: all are.
    """
    if centre:
        origin = x[..., 3 * (centre - 1) : 3 * centre]  # [..., T, 3]
        x = x - ops.concatenate([origin] * (x.shape[-1] // 3), axis=-1)
    if per_clip:
        real = ops.ones_like(x[..., :1]) if mask is None else ops.where(mask, 1.0, 0.0)[..., None]  # [..., T, 1]
        count = ops.maximum(ops.sum(real, axis=-2, keepdims=True), 1)  # [..., 1, 1]
        x = x if mask is None else ops.where(mask[..., None], x, 0.0)
        x = (x - ops.sum(x, axis=-2, keepdims=True) / count) * real
        square = ops.sum(ops.mean(x**2, axis=-1, keepdims=True), axis=-2, keepdims=True) / count
        x = x / ops.sqrt(square + 1e-12)  # a clip in which nothing moves stays 0
    if velocities:
        before = ops.concatenate([x[..., :1, :], x[..., :-1, :]], axis=-2)
        x = ops.concatenate([x, x - before], axis=-1)  # [..., T, 2 D]
    return x


class Moments:
    """Computes mean and standard deviation of the columns of a matrix that comes in parts (Chan et al., 1983)."""

    def __init__(self):
        self._count, self._mean, self._spread = 0, 0.0, 0.0

    def add(self, rows: np.ndarray) -> None:
        """Adds rows [N, D]."""
        mean, total = rows.mean(0, dtype="float64"), self._count + len(rows)
        distance = mean - self._mean
        self._spread = self._spread + ((rows - mean) ** 2).sum(0) + distance**2 * (self._count * len(rows) / total)
        self._mean = self._mean + distance * (len(rows) / total)
        self._count = total

    def result(self) -> tuple[list[float], list[float]]:
        """Returns (mean, standard deviation) of each column.

        Raises:
            ValueError: there were no rows.
        """
        if not self._count:
            raise ValueError("There are no frames to compute mean and deviation from.")
        std = np.sqrt(self._spread / self._count)
        std[std <= 1e-6 * np.abs(self._mean)] = 0  # constant, up to rounding
        return self._mean.tolist(), std.tolist()


class Frames(Asset):
    """The width of frames and how to standardise them, learned from the training clips.

    Args:
        width: D, the width of a frame.
        mean, std: mean and standard deviation of each number that the layers read, see `frames`.
        velocities, centre, per_clip: as in `frames`.

    Attributes:
        raw_std: the deviations of the numbers of a frame, without velocities.
        summary: {name: readable text}.
    """

    def __init__(
        self,
        width: int,
        mean: list[float],
        std: list[float],
        velocities: bool = False,
        centre: int = 0,
        per_clip: bool = False,
    ):
        self.width = width
        self.mean, self.std = np.array(mean, "float64"), np.array(std, "float64")
        self.velocities, self.centre, self.per_clip = velocities, centre, per_clip
        self.raw_std = self.std[:width]
        self.summary = {"frames": f"{width} numbers wide{', and their velocities' * velocities}"}

    @classmethod
    def learn(
        cls,
        examples: Iterable[dict],
        velocities: bool = False,
        centre: int = 0,
        per_clip: bool = False,
        one_scale: bool = False,
    ) -> "Frames":
        """Learns width, mean and standard deviation in one pass over the frames, without keeping them.

        Args:
            examples: dicts with the feature ``frames`` [T, D], and optionally ``file``, a name for messages.
            velocities, centre, per_clip: as in `frames`.
            one_scale: use one deviation for all numbers, the root of their mean variance, and one for velocities.

        Raises:
            ValueError: no example; frames of several widths; `centre` names no joint.
        """
        moments, width = Moments(), 0
        for example in examples:
            x = example["frames"]
            width = width or (x.shape[1] if x.ndim == 2 else 0)
            check_width(example, width)
            if centre and (width % 3 or 3 * centre > width):
                raise ValueError(
                    f"--centre={centre} needs frames of 3 numbers a joint, of {centre} joints or more. Received: "
                    f"{width} numbers."
                )
            moments.add(derived(x.astype("float64"), velocities, centre, per_clip))
        mean, std = moments.result()
        if one_scale:
            std = np.sqrt((np.reshape(std, (-1, width)) ** 2).mean(1)).repeat(width).tolist()
        return cls(width, mean, std, velocities, centre, per_clip)

    def encoder(self, name: str = "frames") -> Callable[[dict], dict[str, np.ndarray]]:
        """Returns the function from an example with `frames` [T, D] to {"frames": [T, D], "frames_length": []}.

        Args:
            name: name of the input, as in `frames`.

        The function raises a ValueError, with the example's ``file``, if its frames are not as wide as in training.
        """

        def encode(example):
            check_width(example, self.width)
            x = example["frames"].astype("float32", copy=False)
            return {name: x, f"{name}_length": np.array(len(x), "int32")}

        return encode

    def front(self, config: Config, name: str = "frames") -> tuple:
        """Returns the front `frames` with the learned values, and the option `input_dropout` of a config."""
        return frames(
            self.width, self.mean, self.std, config.input_dropout, self.velocities, self.centre, self.per_clip, name
        )

    def to_dict(self) -> dict:
        return {
            "width": self.width,
            "mean": self.mean.tolist(),
            "std": self.std.tolist(),
            "velocities": self.velocities,
            "centre": self.centre,
            "per_clip": self.per_clip,
        }


def check_width(example: dict, width: int) -> None:
    """Raises a ValueError, with the example's ``file``, unless its frames are [T, `width`]."""
    x = example["frames"]
    if x.ndim != 2 or x.shape[1] != width:
        raise ValueError(
            f"{example.get('file', 'A clip')}: frames should be {width or 'D'} numbers wide, like those of the first "
            f"training clip. Received: shape {list(x.shape)}."
        )
