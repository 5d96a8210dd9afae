"""Captioning: what a picture shows, in words. One to many, by an encoder-decoder that attends to the picture."""

import dataclasses
import functools
import math
import pathlib

import numpy as np

from seqzoo import options
from seqzoo.config import Config as Options
from seqzoo.config import default, option
from seqzoo.data import Skip
from seqzoo.display.captions import captioned_articles, captions_plot, missed, print_captioned
from seqzoo.families import transcription
from seqzoo.families.transcription import Speller, Transcriber, Transcription
from seqzoo.files import UnreadableError, replace
from seqzoo.inputs import Pictures
from seqzoo.metrics.translation import MEASURES, translation_scores
from seqzoo.pictures import Picture, Pixels, Stored
from seqzoo.pictures.baselines import nearest_captions
from seqzoo.pictures.picture import ENDINGS, data_address, image, shifted
from seqzoo.task import TASKS


@dataclasses.dataclass(frozen=True)
class Captions(Options):
    """Captions."""

    lowercase: bool = option(True, "Lower-case captions; scores ignore case, too.")


@dataclasses.dataclass(frozen=True)
class Predicting(transcription.Predicting):
    """Captions."""

    attention: bool = option(False, "Include the attention of each token over the picture, and the picture.")
    png: str = option("", "Draw the attention over the first picture to this file.", path=True)


@dataclasses.dataclass(frozen=True)
class Config(
    options.Data, options.Pictures, options.Units, Captions, Transcriber, options.Recurrent, Speller, options.Batching,
    options.Training,
):  # fmt: skip
    """Captioning."""

    dataset: str = default(options.Data, dataset="digit_scenes")
    tokenizer: str = default(options.Units, tokenizer="words")
    model: str = default(Transcriber, model="attention")
    layers: int = default(options.Recurrent, layers=0)
    dropout: float = default(options.Recurrent, dropout=0.1)
    batch_size: int = default(options.Batching, batch_size=16)
    cache_tokens: int = default(options.Batching, cache_tokens=500_000)  # kilobytes
    epochs: int = default(options.Training, epochs=10)
    learning_rate: float = default(options.Training, learning_rate=2e-3)
    average: float = default(options.Training, average=0.99)

    def __post_init__(self):
        super().__post_init__()
        if self.reader == "map" and (self.model == "ctc" or self.subsample > 1):
            what = "--model=ctc" if self.model == "ctc" else f"--subsample={self.subsample}"
            raise ValueError(f"{what} needs --reader=columns: the positions of a map do not follow one another.")


@TASKS.register("captioning")
class Captioning(Transcription):
    """Captioning of pictures: BLEU."""

    Config = Config
    requests = {**Transcription.requests, "predict": Predicting}
    needs = {"picture": Picture, "captions": list}
    transcript, written = "captions", "caption"
    measures = MEASURES
    objective, shows_attention = "bleu", True
    files, packages = ENDINGS, ("sacrebleu",)
    demo = {"": "--text={folder}/picture.png"}
    advice = {
        "digit_scenes": "These scenes were generated. To train on your own pictures: --dataset=captions "
        "--data_dir=FOLDER, with a file, a tab and a caption on each line of train.tsv (and valid.tsv)."
    }

    @property
    def axes(self):
        """The width of pictures is an axis where their columns are read."""
        return {**Transcription.axes, **({"image": (None, "width")} if self.config.reader == "columns" else {})}

    def texts(self, example):
        texts = (" ".join(text.split()) for text in example["captions"])
        return [text.lower() if self.config.lowercase else text for text in texts if text] or [""]

    def text(self, example):
        return self.texts(example)[0]

    def content(self, example):
        return ""  # equal captions are different pictures

    def learn(self, train):
        seen = (example["picture"] for example in train)
        return {"pictures": Pictures.learn(seen, self.config), **self.learn_labels(train)}

    def arrays(self, example, training):
        try:
            return self.assets["pictures"].arrays(example["picture"], self.config.reader)
        except UnreadableError as error:
            if self.transcript not in example:
                raise
            raise Skip("unreadable", str(error)) from error

    def steps(self, inputs):
        return math.ceil(inputs["image_width"] / math.prod(self.config.width_pooling))

    def augmenter(self):
        def augment(example, encoded, rng):
            return {**encoded[0], "image": shifted(encoded[0]["image"], rng, self.config.shift)}, *encoded[1:]

        return augment if self.config.shift else None

    def front(self):
        return self.assets["pictures"].front(self.config)

    def read_file(self, file, name):
        picture = Stored(name, pathlib.Path(file.name))
        picture.shape()  # raises an error if it is no picture
        return {"picture": picture}

    def asked(self, example):
        return {"file": example["picture"].name}

    def predictor(self, model):
        *shape, _ = model.get_layer("image_steps").input.shape  # [B, rows, columns, X], or [B, columns, rows, X]
        self.map = shape[1:] if self.config.reader == "map" else [1, None]
        return super().predictor(model)

    def answer(self, example, row):
        answer = super().answer(example, row)
        if self.transcript in example:
            del answer["reference"]
            answer["references"] = self.texts(example)
        if row and "attention" in row:
            pixels = example["picture"].read(*self.assets["pictures"].shape)
            rows, columns = self.map
            columns = columns or math.ceil(self.steps({"image_width": pixels.shape[1]}) / self.config.subsample)
            for entry in answer["n_best"]:
                entry["attention"] = [weights[: rows * columns] for weights in entry["attention"]]
            answer |= {"picture": data_address(pixels), "size": [*pixels.shape[:2]], "map": [rows, columns]}
        return answer

    def scores(self, examples, answers):
        tokenize = "char" if self.config.tokenizer == "characters" else "13a"
        captions = [answer["caption"] for answer in answers]
        return translation_scores(captions, [*map(self.texts, examples)], tokenize, self.config.lowercase)

    def baselines(self, train):
        known = ((example["picture"], self.text(example)) for example in train)
        found = nearest_captions(known, self.assets["pictures"].shape[-1])
        return {name: lambda e, caption=caption: {"caption": caption(e["picture"])} for name, caption in found.items()}

    def wanted(self, request):
        shown = request.attention or request.png or (request.html and self.config.model == "attention")
        if shown and self.config.model == "ctc":
            raise ValueError("Showing attention needs a run of --model=attention.")
        return {"attention": True} if shown else {}

    def predict(self, run, lines, request=None):
        request = request or Predicting()
        png = request.png
        for answer in super().predict(run, lines, request):
            if png:
                replace(pathlib.Path(png), functools.partial(captions_plot, [answer]))
                png = ""
            yield answer

    def export_notes(self):
        height, width, channels = self.assets["pictures"].shape
        values = "whole numbers from 0 to 255" if self.config.reader == "map" else "from 0 to 1"
        wide = f"{width} columns" if width else "any width, of which `image_width` columns are real"
        return [f"`image` holds pictures of {height} rows, {wide} and {channels} channels: {values}."]

    def plot(self, predictor, examples, answers, folder):
        """Saves a picture of valid as picture.png; of CTC also its spikes."""
        super().plot(predictor, examples, answers, folder)
        image(examples[0]["picture"].read(*self.assets["pictures"].shape)).save(folder / "picture.png")

    def show(self, answer, console):
        print_captioned(answer, console)

    def articles(self, answers):
        return captioned_articles(answers)

    def differs(self, answer):
        return bool(missed(answer))

    @classmethod
    def tiny(cls):
        rng = np.random.default_rng(0)
        colours = {"red": (250, 20, 20), "blue": (20, 20, 250)}
        captions = {"red": ["a red one"], "blue": ["a blue one"], "white": ["no colour"]}
        examples = []
        for name, texts in captions.items():
            pixels = np.full((6, 5, 3), colours.get(name, 255), "uint8")
            pixels[:, :2] = rng.integers(0, 256, (6, 2, 3))
            examples.append({"picture": Pixels(name, pixels), "captions": texts})
        config = cls.Config(picture_filters="4+8", label_dim=8, decoder_units=8, epochs=2, learning_rate=0.02, shift=0)
        return config, {"train": examples, "valid": examples}, []
