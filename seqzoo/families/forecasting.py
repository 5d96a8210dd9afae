"""Forecasting: the common parts of tasks that predict the frames that follow an example."""

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from seqzoo.config import Config as Options
from seqzoo.config import option
from seqzoo.data.batches import chunks
from seqzoo.datasets.frames.clips import ENDINGS, read_clip
from seqzoo.datasets.frames.series import read_series
from seqzoo.datasets.tables import csv_rows
from seqzoo.display.motion import curves_plot, forecast_articles, print_motion, strip_plot
from seqzoo.families.clips import Clips
from seqzoo.files import write_json
from seqzoo.metrics import forecasts
from seqzoo.metrics.measure import Measure, flat
from seqzoo.registry import did_you_mean
from seqzoo.task import CHUNK, TaskData

if TYPE_CHECKING:
    import pathlib

    from rich.console import Console

    from seqzoo.data import Feed
    from seqzoo.decoding.continuation import Continuation
    from seqzoo.models import VectorDecoder
    from seqzoo.training.folder import Run


STEPS = 12  # steps of a series to forecast, unless --horizon is given
ORIGINS = 200  # steps of a series at which forecasts begin
SHOWN = 3  # examples of valid whose continuations are drawn
REPORTED = 10  # forecasts that the report shows


@dataclasses.dataclass(frozen=True)
class Horizons(Options):
    """Forecasts that are scored."""

    shapes = False

    fps: float = option(25.0, "Frames a second of clips.", minimum=0.01, maximum=1e5)
    horizon: int = option(0, "Frames of a forecast; 0: 400 ms, or 12 steps of a series.", minimum=0)
    prime_frames: int = option(10, "Frames of a clip that are known before its first forecast.", minimum=1)
    season: int = option(
        1, "Steps of a season of a series, such as 12 of monthly data, for the seasonal naive forecast and MASE.",
        minimum=1,
    )  # fmt: skip
    joint_dims: int = option(
        0, "Numbers of a joint, 2 or 3; 0: 3 if that divides the width of a frame, else 2, else 1.", minimum=0,
        maximum=3,
    )  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Forecasts(Options):
    """Forecasts."""

    horizon: int = option(0, "Frames of a forecast; 0: as many as the run was scored with.", minimum=0, maximum=100_000)
    continuation: str = option(
        "mean", "Predict the mean of a frame's distribution, the mean of its likeliest Gaussian, or a sample.",
        choices=("mean", "mode", "sample"),
    )  # fmt: skip
    interval: float = option(80.0, "Percent of a series' samples within its intervals.", minimum=1, maximum=99.9)
    draws: int = option(100, "Samples from which the intervals of a series are computed.", minimum=2)
    seed: int = option(0, "Seed of the samples.", minimum=0)


@dataclasses.dataclass(frozen=True)
class Predicting(Forecasts):
    """Forecasts."""

    label: str = option("", "Label of the clips; empty: unknown.")


class Forecasting(Clips):
    """A task whose model predicts the next frame: its predictor is a `models.VectorDecoder`.

    Its config has the groups `Horizons` and `options.Augmentation`, and `max_frames`, the longest context. Its assets
    are ``frames``, an `inputs.Frames`; ``labels``, which a forecast can be conditioned on; and, for a time series,
    ``names``, the names of its columns, and ``naive``, see `metrics.forecasts.naive_error`.
    """

    modes = ("train", "evaluate", "predict", "generate", "score")
    needs = {"frames": np.ndarray}
    measures = {
        "nats_per_frame": Measure("nats a frame", "min", "nats"),
        **{f"error_{ms}ms": Measure(f"error at {ms} ms", "min") for ms in forecasts.MILLISECONDS},
        "error": Measure("mean absolute error", "min"),
        "mase": Measure("MASE", "min"),
        "coverage": Measure("within the interval", "", "%"),
        "forecasts": Measure("forecasts"),
    }
    objective = "nats_per_frame"
    axes = {"frames": "time", "labels": "time"}
    files = ENDINGS[:-1]  # no GIF
    demo = {"": "--text={folder}/clip.npy"}

    @property
    def dims(self) -> int:
        """Numbers of a joint."""
        width, dims = self.assets["frames"].width, self.config.joint_dims
        return dims or next(n for n in (3, 2, 1) if width % n == 0)

    @property
    def horizon(self) -> int:
        return self.config.horizon or (STEPS if self.assets["names"] else max(self.milliseconds.values()))

    @property
    def milliseconds(self) -> dict[int, int]:
        return forecasts.frames_after(self.config.fps)

    def known_label(self, label: str) -> dict[str, np.int32]:
        """Returns {"label": its id}, 0 if it is unknown; {} if the run has no labels."""
        labels = self.assets["labels"]
        return {"label": np.int32(labels.index(label) + 1 if label in labels else 0)} if labels else {}

    def asked_label(self, label: str) -> str:
        """Returns the label if the run knows it; raises a ValueError otherwise."""
        labels = self.assets["labels"]
        if label and label not in labels:
            hint = did_you_mean(label, labels) if labels else " The run was trained without labels."
            raise ValueError(f"--label: unknown {label!r}.{hint} Known: {', '.join(labels) or 'none'}.")
        return label

    def read_file(self, file: BinaryIO, name: str) -> dict:
        if self.assets["names"] and name.lower().endswith(".csv"):
            columns = {"frames": "+".join(self.assets["names"])}
            return {"frames": read_series(csv_rows(name, file=file), name, columns)[0], "file": name}
        return {"frames": read_clip(file, name), "file": name}

    def evaluate(self, predictor: "VectorDecoder", feed: "Feed", request: Forecasts | None = None) -> dict:
        """Computes nats a frame, in the units of the data, and with a request also the error of forecasts."""

        def totals(inputs, labels, weights):
            return {"nats": -predictor.score(inputs, labels) * weights, "frames": weights}

        rows = [row for _, row in feed.outputs(totals) if row is not None]
        nats, frames = (sum(float(row[name].sum(dtype="float64")) for row in rows) for name in ("nats", "frames"))
        scores = {"nats_per_frame": nats / frames}
        if request:
            contexts, futures = self.cut(feed.examples, request.horizon)
            scores["forecasts"] = len(contexts)
            if contexts:
                found = [*self.continued(predictor, contexts, request)]
                samples = np.stack([each.samples for each in found]) if self.assets["names"] else None
                paths = np.stack([each.frames for each in found])
                scores |= self.errors(paths, np.stack(futures), samples, request.interval)
        return scores

    def cut(self, examples: Iterable[dict], horizon: int = 0) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """Cuts examples into (contexts [P, D], futures [H, D]): each forecast begins where the last one ended.

        In a series, a forecast begins at each step or, if it is long, at about `ORIGINS` steps.
        """
        contexts, futures, steps, config = [], [], horizon or self.horizon, self.config
        for example in examples:
            x, first = example["frames"], example.get("given") or config.prime_frames
            apart = max(1, (len(x) - first) // ORIGINS) if self.assets["names"] else steps
            for origin in range(first, len(x) - steps + 1, apart):
                contexts.append(x[:origin])
                futures.append(x[origin : origin + steps])
        return contexts, futures

    def continued(
        self, predictor: "VectorDecoder", contexts: Sequence[np.ndarray], request: Forecasts, label: str = ""
    ) -> "Iterator[Continuation]":
        """Returns the `decoding.continuation.Continuation` of each context, with samples if it is a series."""
        from seqzoo.decoding.continuation import continued

        samples = request.draws if self.assets["names"] else 0
        contexts = [context[-self.config.max_frames :] for context in contexts]
        known, steps = [self.known_label(label)] * len(contexts), request.horizon or self.horizon
        return continued(predictor, contexts, known, steps, request.continuation, samples, request.seed)

    def errors(
        self, paths: np.ndarray, futures: np.ndarray, samples: np.ndarray | None = None, percent: float = 80.0
    ) -> dict:
        """Scores forecasts [N, H, D] against what came, [N, H, D], and intervals of samples, if they were drawn."""
        counted = {"forecasts": len(paths)}
        if self.assets["names"]:
            scores = {"error": float(np.abs(paths - futures).mean())}
            naive = np.array(self.assets["naive"])
            if naive.any():
                scores["mase"] = forecasts.mase(paths, futures, naive)
            covered = {} if samples is None else {"coverage": forecasts.coverage(samples, futures, percent)}
            return {**scores, **covered, **counted}
        errors = forecasts.joint_error(paths, futures, self.dims)
        after = {ms: n for ms, n in forecasts.frames_after(self.config.fps).items() if n <= len(errors)}
        return {**{f"error_{ms}ms": float(errors[n - 1]) for ms, n in after.items()}, **counted}

    def report(
        self, predictor: "VectorDecoder", data: TaskData, folder: "pathlib.Path"
    ) -> tuple[dict, list[dict], list[dict]]:
        """Scores the run and, as baselines, forecasts that repeat the last frame or the last season."""
        metrics, request = {}, Forecasts()
        for split in data.scored:
            metrics |= flat(split, self.evaluate(predictor, data.splits[split], request))
        examples = [*data.splits["valid"].examples]
        contexts, futures = self.cut(examples)
        simple = {"repeat the last": forecasts.repeat_last}
        if self.assets["names"] and self.config.season > 1:
            simple["seasonal naive"] = lambda context, steps: forecasts.seasonal_naive(
                context, steps, self.config.season
            )
        if contexts:
            metrics["valid_baselines"] = {
                name: self.errors(np.stack([method(x, self.horizon) for x in contexts]), np.stack(futures))
                for name, method in simple.items()
            }
        kept = contexts[:: max(1, len(contexts) // REPORTED)][:REPORTED]
        found = self.continued(predictor, kept, request)
        answers = [self.answer({"frames": x}, each) for x, each in zip(kept, found, strict=True)]
        write_json(folder / "predictions.json", answers)
        return metrics, examples, answers

    def plot(
        self, predictor: "VectorDecoder", examples: list[dict], answers: list[dict], folder: "pathlib.Path"
    ) -> None:
        """Draws how some examples of valid continue and how the run continues them; saves one context as clip.npy."""
        config, names = self.config, self.assets["names"]
        contexts, futures = self.cut(examples[: 10 * SHOWN])
        apart = max(1, len(contexts) // SHOWN)
        contexts, futures = contexts[::apart][:SHOWN], futures[::apart][:SHOWN]
        np.save(folder / "clip.npy", (contexts[0] if contexts else examples[0]["frames"])[-config.max_frames :])
        if not contexts:
            return
        path, found = folder / "continuations.png", [*self.continued(predictor, contexts, Forecasts())]
        if names:
            past, each = contexts[0][-4 * self.horizon :], found[0]
            bounds = forecasts.interval(each.samples, Forecasts().interval)
            curves_plot(names, past, each.frames, path, bounds, futures[0])
            return
        rows, known = {}, []
        for number, (context, future, each) in enumerate(zip(contexts, futures, found, strict=True), 1):
            past = context[-self.horizon :]
            for title, frames in (("what came", future), ("the continuation", each.frames)):
                rows[f"{number}: {title}"] = np.concatenate([past, frames])
                known.append(len(past))
        strip_plot(rows, self.dims, path, config.fps, known, config.vertical)

    def predict(self, run: "Run", lines: Iterable[str], request: Predicting | None = None) -> Iterator[dict]:
        """Continues the frames in files."""
        request, number = request or Predicting(), 0
        label, check = self.asked_label(request.label), self.assets["frames"].encoder()
        for chunk in chunks(lines, CHUNK):
            examples = [self.example(line) for line in chunk]
            contexts = [check(example)["frames"] for example in examples]
            for example, each in zip(examples, self.continued(run.predictor, contexts, request, label), strict=True):
                number += 1
                yield {"line": number, **self.answer(example, each, request.interval)}

    def answer(self, example: dict, row: "Continuation", percent: float = 80.0) -> dict:
        """Returns the next frames of an example from its `Continuation`, and the intervals of a series."""
        answer = {"file": example["file"]} if "file" in example else {}
        answer |= {"known": len(example["frames"]), "frames": plain(row.frames)}
        if names := self.assets["names"]:
            low, high = forecasts.interval(row.samples, percent)
            answer |= {"columns": names, "low": plain(low), "high": plain(high)}
        return answer

    def score(self, run: "Run", lines: Iterable[str], request: Options | None = None) -> Iterator[dict]:
        """Computes the log density of the frames in files, without a label."""
        for number, line in enumerate(lines, 1):
            example = self.example(line)
            (_, row), *more = self.feed([example]).outputs(
                lambda inputs, labels, weights: {"nats": run.predictor.score(inputs, labels) * weights}
            )
            total = float(sum(each["nats"].sum(dtype="float64") for each in (row, *(part for _, part in more))))
            frames = len(example["frames"])
            answer = {"line": number, "file": line, "frames": frames, "log_density": total}
            yield {**answer, "nats_per_frame": -total / frames}

    def show(self, answer: dict, console: "Console") -> None:
        print_motion(answer, console)

    def articles(self, answers: Iterable[dict]) -> Iterator[str]:
        return forecast_articles(answers)


def plain(frames: np.ndarray) -> list[list[float]]:
    """Converts frames [H, D] to lists, ready for JSON."""
    return [[float(f"{number:.7g}") for number in frame] for frame in np.asarray(frames).tolist()]
