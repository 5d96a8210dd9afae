"""Motion and forecasting: how sequences of numbers go on, such as the joints of a body or a time series."""

import dataclasses
import pathlib

import numpy as np

from seqzoo import options
from seqzoo.config import Config as Options
from seqzoo.config import default, option
from seqzoo.data.augmentation import augmented
from seqzoo.data.batches import chunks
from seqzoo.data.windows import before, windows
from seqzoo.datasets.frames.clips import ENDINGS, read_clip
from seqzoo.datasets.frames.series import read_series
from seqzoo.datasets.text.delimited import csv_records
from seqzoo.display.motion import curves_plot, forecast_articles, print_motion, strip_plot, write_gif
from seqzoo.display.report import update_report
from seqzoo.families.clips import Clips
from seqzoo.files import write_json
from seqzoo.inputs import Frames
from seqzoo.metrics import forecasts
from seqzoo.metrics.measure import Measure, flat
from seqzoo.registry import did_you_mean
from seqzoo.task import CHUNK, TASKS

STEPS = 12  # of a series that are forecast, unless --horizon says another number
SHOWN = 3  # examples of valid whose continuations are drawn
REPORTED = 10  # forecasts that the report shows


@dataclasses.dataclass(frozen=True)
class Motion(Options):
    """Motion."""

    fps: float = option(25.0, "Frames a second of clips.", minimum=0.01, maximum=1e5, shapes=False)
    horizon: int = option(
        0, "Frames that a forecast has; 0: those of 400 ms, or 12 steps of a series.", minimum=0, shapes=False
    )
    prime_frames: int = option(
        10, "Frames of a clip that are known before its first forecast.", minimum=1, shapes=False
    )
    season: int = option(
        1, "Steps of a season of a series, such as 12 of monthly data, for the seasonal naive forecast and MASE.",
        minimum=1,
    )  # fmt: skip
    joint_dims: int = option(
        0, "Numbers of a joint, 2 or 3; 0: 3 if that divides the width of a frame, else 2, else 1.", minimum=0,
        maximum=3, shapes=False,
    )  # fmt: skip
    condition: str = option(
        "label", "Let samples be asked for by label, if the data has labels.", choices=("label", "none")
    )
    hide_label: float = option(
        0.3, "Share of the training clips whose label is hidden; scores are without it.", minimum=0, maximum=1,
        needs="condition", shapes=False,
    )  # fmt: skip
    max_frames: int = option(
        400, "Frames that are read at once; longer sequences are cut into windows that overlap by half.", minimum=4,
        shapes=False,
    )  # fmt: skip
    relative: bool = option(
        True, "Read changes, too, and predict them: frames follow each other smoothly. --norelative: each by itself."
    )  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Model(Options):
    """Generator."""

    components: int = option(5, "Gaussians of the mixture that predicts the next frame.", minimum=1, sweep=[1, 5, 20])
    join: str = option(
        "both", "Where the label enters: the initial state, each step, or both.", choices=("state", "step", "both"),
        needs="condition",
    )  # fmt: skip
    condition_dim: int = option(16, "Width of the embedding of the label.", minimum=1)
    input_dropout: float = option(0.0, "Dropout of the numbers of a frame.", minimum=0, maximum=0.95)


@dataclasses.dataclass(frozen=True)
class Forecasting(Options):
    """Forecasts."""

    horizon: int = option(0, "Frames of a forecast; 0: as the run was scored with.", minimum=0, maximum=100_000)
    continuation: str = option(
        "mean", "Each next frame is the mean of its distribution, the mean of the likeliest Gaussian, or a sample.",
        choices=("mean", "mode", "sample"),
    )  # fmt: skip
    interval: float = option(80.0, "Percent of the samples of a series in its intervals.", minimum=1, maximum=99.9)
    samples: int = option(100, "Samples that the intervals of a series are made of.", minimum=2)
    seed: int = option(0, "Seed of the samples.", minimum=0)


@dataclasses.dataclass(frozen=True)
class Predicting(Forecasting):
    """Forecasts."""

    label: str = option("", "Label of the clips; empty: not known.")


@dataclasses.dataclass(frozen=True)
class Generating(options.Sampling):
    """Samples."""

    label: str = option("", "Label of the samples; empty: any.")
    prime: str = option("", "File whose first frames are continued.", path=True)
    prime_frames: int = option(10, "Frames of --prime that are used; 0: all.", minimum=0)
    length: int = option(75, "Frames of a sample, without those of --prime.", minimum=1, maximum=100_000)
    out: str = option("", "Folder for arrays, tables and pictures. Empty: samples in the run's folder.", path=True)


@dataclasses.dataclass(frozen=True)
class Config(
    options.Data, Motion, Model, options.Augmentation, options.Batching, options.Recurrent, options.Training
):  # fmt: skip
    """Motion."""

    dataset: str = default(options.Data, dataset="figures")
    rnn: str = default(options.Recurrent, rnn="lstm", sweep=["lstm", "gru"])
    layers: int = default(options.Recurrent, layers=1)
    dropout: float = default(options.Recurrent, dropout=0.1)
    epochs: int = default(options.Training, epochs=20)
    average: float = default(options.Training, average=0.99)

    def __post_init__(self):
        super().__post_init__()
        self.check_forward()


@TASKS.register("motion", "forecasting")
class MotionTask(Clips):
    """Motion and forecasting: nats a frame, and the error of forecasts."""

    Config = Config
    requests = {"evaluate": Forecasting, "predict": Predicting, "generate": Generating}
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
    advice = {
        "figures": "These figures were generated. To train on your own: --dataset=clips --data_dir=FOLDER, or for a "
        "time series --dataset=series --data_dir=TABLE.csv"
    }

    # --- What is learned ------------------------------------------------------------------------------

    def learn(self, train):
        config, first = self.config, next(iter(train), {})
        frames, names = Frames.learn(train, velocities=True), first.get("names", [])
        labelled = "label" in train.features and config.condition == "label"
        if config.rotation and (frames.width % 3 or names):
            raise ValueError(f"--rotation needs frames of 3 numbers a joint. Received: {frames.width} numbers.")
        return {
            "frames": frames,
            "labels": sorted({example["label"] for example in train}) if labelled else [],
            "names": names,  # of the columns of a series
            "naive": forecasts.naive_error(first["frames"], config.season).tolist() if names else [],
        }

    def load(self, unseen=False):
        data = super().load(unseen)
        if not self.assets["names"] and (text := forecasts.rounded(self.config.fps)):
            data.summary["horizons"] = text
        return data

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

    def encoder(self, training=False):
        frames, longest = self.assets["frames"].encoder(), self.config.max_frames

        def encode(example):
            x, given = frames(example)["frames"], example.get("given", 0)
            known = self.known_label(example.get("label", "")) if training else {}
            return [self.arrays(x[i:j], known, counted - i) for i, j, counted in windows(len(x), given, longest)]

        return encode

    def arrays(self, x, known, given=0):
        """(inputs, labels, weights) of a window [T, D], of which `given` frames are only read."""
        begin = self.assets["frames"].mean[: x.shape[1]]
        inputs = {"frames": before(x, begin), "frames_length": np.array(len(x), "int32")}
        return {**inputs, **self.known_label(""), **known}, x, (np.arange(len(x)) >= given).astype("float32")

    def known_label(self, label):
        """{"label": its id}, 0 of an unknown one; {} of a run without labels."""
        labels = self.assets["labels"]
        return {"label": np.int32(labels.index(label) + 1 if label in labels else 0)} if labels else {}

    def augmenter(self):
        """Hides labels; and changes clips, but not the windows of a long one."""
        changes = self.config.arguments(options.Augmentation)

        def augment(example, encoded, rng):
            inputs, x, weights = encoded
            known = {name: inputs[name] for name in self.known_label("") if rng.random() >= self.config.hide_label}
            if weights.all():
                x = augmented(x, rng, self.assets["frames"].raw_std, **changes)
            return self.arrays(x, known, int((weights == 0).sum()))

        return augment

    def build(self):
        from seqzoo.models import generator

        frames, labels = self.assets["frames"], self.assets["labels"]
        return generator(
            width=frames.width,
            mean=frames.mean[: frames.width],
            std=frames.raw_std,
            change=frames.std[frames.width :] if self.config.relative else None,
            conditions={"label": len(labels) + 1} if labels else None,
            **self.config.arguments(Model, options.Recurrent),
        )

    def loss(self):
        from seqzoo.layers.mixture import MixtureLoss

        return MixtureLoss()

    def predictor(self, model):
        from seqzoo.models import VectorDecoder

        return VectorDecoder(model)

    # --- How it is scored -----------------------------------------------------------------------------

    def evaluate(self, predictor, feed, request=None):
        """Nats a frame, in the units of the data; with a request also the error of forecasts."""

        def totals(inputs, labels, weights):
            return {"nats": -predictor.score(inputs, labels) * weights, "frames": weights}

        rows = [row for _, row in feed.outputs(totals) if row is not None]
        nats, frames = (sum(float(row[name].sum(dtype="float64")) for row in rows) for name in ("nats", "frames"))
        scores = {"nats_per_frame": nats / frames}
        if request:
            contexts, futures = self.cut(feed.examples, request.horizon)
            if contexts:
                found = [*self.continued(predictor, contexts, request)]
                samples = np.stack([each.samples for each in found]) if self.assets["names"] else None
                paths = np.stack([each.frames for each in found])
                scores |= self.errors(paths, np.stack(futures), samples, request.interval)
        return scores

    def cut(self, examples, horizon=0):
        """(contexts [P, D], futures [H, D]) of examples: a forecast begins after each horizon, without overlap."""
        contexts, futures, steps, config = [], [], horizon or self.horizon, self.config
        for example in examples:
            x, given = example["frames"], example.get("given", 0)
            for origin in range(max(given, 1 if given else config.prime_frames), len(x) - steps + 1, steps):
                contexts.append(x[max(0, origin - config.max_frames) : origin])
                futures.append(x[origin : origin + steps])
        return contexts, futures

    def continued(self, predictor, contexts, request, label=""):
        """The `decoding.continuation.Continuation` of each context; with samples if it is a series."""
        from seqzoo.decoding.continuation import continued

        samples = request.samples if self.assets["names"] else 0
        known, steps = [self.known_label(label)] * len(contexts), request.horizon or self.horizon
        return continued(predictor, contexts, known, steps, request.continuation, samples, request.seed)

    def errors(self, paths, futures, samples=None, percent=80.0):
        """Scores of forecasts [N, H, D]."""
        counted = {"forecasts": len(paths)}
        if self.assets["names"]:
            scores = {
                "error": float(np.abs(paths - futures).mean()),
                "mase": forecasts.mase(paths, futures, np.array(self.assets["naive"])),
            }
            covered = {} if samples is None else {"coverage": forecasts.coverage(samples, futures, percent)}
            return {**scores, **covered, **counted}
        errors = forecasts.joint_error(paths, futures, self.dims)
        after = {ms: n for ms, n in forecasts.frames_after(self.config.fps).items() if n <= len(errors)}
        return {**{f"error_{ms}ms": float(errors[n - 1]) for ms, n in after.items()}, **counted}

    def report(self, predictor, data, folder):
        """Scores the run, and beside it forecasts that repeat the last frame, or the last season."""
        metrics, request = {}, Forecasting()
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

    def plot(self, predictor, examples, answers, folder):
        """Draws how some examples of valid go on, and how the run continues them; saves one context as clip.npy."""
        config, names = self.config, self.assets["names"]
        contexts, futures = self.cut(examples[: 10 * SHOWN])
        apart = max(1, len(contexts) // SHOWN)
        contexts, futures = contexts[::apart][:SHOWN], futures[::apart][:SHOWN]
        if not contexts:
            return
        np.save(folder / "clip.npy", contexts[0])
        path, found = folder / "continuations.png", [*self.continued(predictor, contexts, Forecasting())]
        if names:
            past, each = contexts[0][-4 * self.horizon :], found[0]
            bounds = forecasts.interval(each.samples, Forecasting().interval)
            curves_plot(names, past, each.frames, path, bounds, futures[0])
            return
        rows, known = {}, []
        for number, (context, future, each) in enumerate(zip(contexts, futures, found, strict=True), 1):
            past = context[-self.horizon :]
            for title, frames in (("what came", future), ("the continuation", each.frames)):
                rows[f"{number}: {title}"] = np.concatenate([past, frames])
                known.append(len(past))
        strip_plot(rows, self.dims, path, config.fps, known, config.vertical)

    # --- What is asked of it --------------------------------------------------------------------------

    def read_file(self, file, name):
        if self.assets["names"] and name.lower().endswith(".csv"):
            columns = {"frames": "+".join(self.assets["names"])}
            return {"frames": read_series(csv_records(name, file=file), name, columns)[0], "file": name}
        return {"frames": read_clip(file, name), "file": name}

    def asked_label(self, label):
        """The label, if the run knows it; a ValueError otherwise."""
        labels = self.assets["labels"]
        if label and label not in labels:
            hint = did_you_mean(label, labels) if labels else " The run was trained without labels."
            raise ValueError(f"--label: unknown {label!r}.{hint} Known: {', '.join(labels) or 'none'}.")
        return label

    def predict(self, run, lines, request=None):
        """Continues the frames in files."""
        request, number = request or Predicting(), 0
        label, check = self.asked_label(request.label), self.assets["frames"].encoder()
        for chunk in chunks(lines, CHUNK):
            examples = [self.example(line) for line in chunk]
            contexts = [check(example)["frames"][-self.config.max_frames :] for example in examples]
            for example, each in zip(examples, self.continued(run.predictor, contexts, request, label), strict=True):
                number += 1
                yield {"line": number, **self.answer(example, each, request.interval)}

    def answer(self, example, row, percent=80.0):
        """What a `Continuation` says of an example: its next frames, and the intervals of a series."""
        answer = {"file": example["file"]} if "file" in example else {}
        answer |= {"known": len(example["frames"]), "frames": plain(row.frames)}
        if names := self.assets["names"]:
            low, high = forecasts.interval(row.samples, percent)
            answer |= {"columns": names, "low": plain(low), "high": plain(high)}
        return answer

    def score(self, run, lines, request=None):
        """The log density of the frames in files, without a label."""
        for number, line in enumerate(lines, 1):
            example = self.example(line)
            (_, row), *more = self.feed([example]).outputs(
                lambda inputs, labels, weights: {"nats": run.predictor.score(inputs, labels) * weights}
            )
            total = float(sum(each["nats"].sum(dtype="float64") for each in (row, *(part for _, part in more))))
            frames = len(example["frames"])
            answer = {"line": number, "file": line, "frames": frames, "log_density": total}
            yield {**answer, "nats_per_frame": -total / frames}

    def generate(self, run, request, write):
        from seqzoo.decoding.continuation import continued

        label, prime = self.asked_label(request.label), np.zeros((0, self.assets["frames"].width), "float32")
        if request.prime:
            prime = self.assets["frames"].encoder()(self.example(request.prime))["frames"]
            prime = prime[: request.prime_frames or len(prime)]
        folder = pathlib.Path(request.out) if request.out else run.output() / "samples"
        folder.mkdir(parents=True, exist_ok=True)
        sampling = {"temperature": request.temperature, "top_k": request.top_k, "top_p": request.top_p}
        context, known = prime[-self.config.max_frames :], self.known_label(label)
        (found,) = continued(
            run.predictor, [context], [known], request.length, "sample", request.samples - 1, request.seed, **sampling
        )
        for number, drawn in enumerate([found.frames, *found.samples], 1):
            files = self.write_sample(prime, drawn, folder / f"{number}")
            yield {"sample": number, "label": label, "known": len(prime), "frames": len(drawn), **files}
        if not request.out:
            update_report(run.output(), self)

    def write_sample(self, prime, drawn, path):
        """Writes a sample behind its prime as .npz, .csv and pictures; returns {kind: file}."""
        config, names, frames = self.config, self.assets["names"], np.concatenate([prime, drawn])
        files = {
            kind: path.with_suffix(f".{end}") for kind, end in (("array", "npz"), ("table", "csv"), ("strip", "png"))
        }
        np.savez_compressed(files["array"], frames=frames, fps=config.fps)
        header = ",".join(names or (f"number{i}" for i in range(1, frames.shape[1] + 1)))
        np.savetxt(files["table"], frames, "%.7g", ",", header=header, comments="")
        if names:
            curves_plot(names, prime if len(prime) else drawn[:1], drawn, files["strip"])
        else:
            files["gif"] = path.with_suffix(".gif")
            title = {"": frames}
            strip_plot(title, self.dims, files["strip"], config.fps, [len(prime)], config.vertical)
            write_gif(frames, self.dims, files["gif"], config.fps, config.vertical)
        return {kind: str(file) for kind, file in files.items()}

    def signatures(self, run, request):
        from seqzoo.export.vectors import vectors

        return vectors(run, [*self.assets["labels"]])

    def export_notes(self):
        units = "Frames are read and predicted in the units of the data; the model standardises them itself."
        labels = ", ".join(f"{number} {label}" for number, label in enumerate(self.assets["labels"], 1))
        return [units, *([f"Labels: 0 is unknown, {labels}."] if labels else [])]

    def show(self, answer, console):
        print_motion(answer, console)

    def articles(self, answers):
        return forecast_articles(answers)

    @classmethod
    def tiny(cls):
        rng = np.random.default_rng(0)
        examples = [
            {"frames": np.cumsum(rng.normal(way, 0.5, (length, 4)), 0).astype("float32"), "label": f"{way:+}"}
            for way, length in ((1, 9), (-1, 6), (1, 7), (-1, 12))
        ]
        config = cls.Config(
            units=8, components=2, condition_dim=3, prime_frames=3, horizon=3, epochs=2, learning_rate=0.02, dropout=0.1
        )
        return config, {"train": examples, "valid": examples}, []


def plain(frames):
    """Frames [H, D] as lists, ready for JSON."""
    return [[float(f"{number:.7g}") for number in frame] for frame in np.asarray(frames).tolist()]
