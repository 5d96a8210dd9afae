"""Pictures: the common parts of tasks that transcribe or describe a picture, with the attention over it."""

import dataclasses
import functools
import math
import pathlib
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, BinaryIO

from seqzoo.config import option
from seqzoo.data import Skip
from seqzoo.display.captions import captions_plot
from seqzoo.families import transcription
from seqzoo.families.transcription import Transcription
from seqzoo.files import UnreadableError, replace
from seqzoo.inputs import Pictures
from seqzoo.pictures import Stored
from seqzoo.pictures.picture import ENDINGS, data_address, image, shifted

if TYPE_CHECKING:
    import keras

    from seqzoo.datasets import Examples
    from seqzoo.decoding.ctc import CTCPredictor
    from seqzoo.decoding.search import BeamPredictor
    from seqzoo.training.folder import Run


@dataclasses.dataclass(frozen=True)
class Predicting(transcription.Predicting):
    """Captions."""

    attention: bool = option(False, "Include the attention of each token over the picture, and the picture.")
    png: str = option("", "Draw the attention over the first picture to this file.", path=True)


class PictureTranscription(Transcription):
    """A task that transcribes pictures. Its Config also has the group `options.Pictures`; examples have a "picture"."""

    requests = {**Transcription.requests, "predict": Predicting}
    shows_attention = True
    files = ENDINGS

    @property
    def axes(self) -> dict[str, str | tuple]:
        """The axes; the width of pictures is one of them if their columns are read."""
        return {**Transcription.axes, **({"image": (None, "width")} if self.config.reader == "columns" else {})}

    def content(self, example: dict) -> str:
        return ""  # equal captions are different pictures

    def learn(self, train: "Examples") -> dict:
        seen = (example["picture"] for example in train)
        return {"pictures": Pictures.learn(seen, self.config), **self.learn_labels(train)}

    def arrays(self, example: dict, training: bool) -> dict:
        try:
            return self.assets["pictures"].arrays(example["picture"], self.config.reader)
        except UnreadableError as error:
            if self.transcript not in example:
                raise
            raise Skip("unreadable", str(error)) from error

    def steps(self, inputs: dict) -> int:
        return math.ceil(inputs["image_width"] / math.prod(self.config.width_pooling))

    def augmenter(self) -> Callable | None:
        def augment(example, encoded, rng):
            return {**encoded[0], "image": shifted(encoded[0]["image"], rng, self.config.shift)}, *encoded[1:]

        return augment if self.config.shift else None

    def front(self) -> tuple:
        return self.assets["pictures"].front(self.config)

    def read_file(self, file: BinaryIO, name: str) -> dict:
        picture = Stored(name, pathlib.Path(file.name))
        picture.shape()  # raises an error if it is not a picture
        return {"picture": picture}

    def asked(self, example: dict) -> dict:
        return {"file": example["picture"].name}

    def predictor(self, model: "keras.Model") -> "BeamPredictor | CTCPredictor":
        *shape, _ = model.get_layer("image_steps").input.shape  # [B, rows, columns, X], or [B, columns, rows, X]
        self.map = shape[1:] if self.config.reader == "map" else [1, None]
        return super().predictor(model)

    def answer(self, example: dict, row: dict | None) -> dict:
        answer = super().answer(example, row)
        if row and "attention" in row:
            pixels = example["picture"].read(*self.assets["pictures"].shape)
            rows, columns = self.map
            columns = columns or math.ceil(self.steps({"image_width": pixels.shape[1]}) / self.config.subsample)
            for entry in answer["n_best"]:
                entry["attention"] = [weights[: rows * columns] for weights in entry["attention"]]
            answer |= {"picture": data_address(pixels), "size": [*pixels.shape[:2]], "map": [rows, columns]}
        return answer

    def wanted(self, request: Predicting) -> dict:
        shown = request.attention or request.png or (request.html and self.config.model == "attention")
        if shown and self.config.model == "ctc":
            raise ValueError("Showing attention needs a run of --model=attention.")
        return {"attention": True} if shown else {}

    def predict(self, run: "Run", lines: Iterable[str], request: Predicting | None = None) -> Iterator[dict]:
        request = request or Predicting()
        png = request.png
        for answer in super().predict(run, lines, request):
            if png:
                replace(pathlib.Path(png), functools.partial(captions_plot, [answer]))
                png = ""
            yield answer

    def export_notes(self) -> list[str]:
        height, width, channels = self.assets["pictures"].shape
        values = "whole numbers from 0 to 255" if self.config.reader == "map" else "from 0 to 1"
        wide = f"{width} columns" if width else "any width, of which `image_width` columns are real"
        return [f"`image` holds pictures of {height} rows, {wide} and {channels} channels: {values}."]

    def plot(
        self, predictor: "BeamPredictor | CTCPredictor", examples: list[dict], answers: list[dict], folder: pathlib.Path
    ) -> None:
        """Saves a picture of valid as picture.png and, with CTC, its spikes."""
        super().plot(predictor, examples, answers, folder)
        image(examples[0]["picture"].read(*self.assets["pictures"].shape)).save(folder / "picture.png")
