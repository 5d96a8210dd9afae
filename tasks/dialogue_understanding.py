"""Dialogue understanding: finds slots of words and the intent of a request. Aligned many to many, and many to one."""

import dataclasses
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from seqzoo import options
from seqzoo.config import default, option
from seqzoo.display.labels import class_style
from seqzoo.display.pages import escape, tagged_articles
from seqzoo.display.plain import plain_text
from seqzoo.metrics.counts import percent
from seqzoo.metrics.labels import class_scores
from seqzoo.metrics.measure import Measure
from seqzoo.metrics.tags import confusion, span_scores
from seqzoo.task import TASKS
from seqzoo.tasks.ner import NER
from seqzoo.tasks.ner import Config as NERConfig
from seqzoo.text.baselines import naive_bayes_baseline
from seqzoo.text.vocabulary import Vocabulary

if TYPE_CHECKING:
    import pathlib

    import keras
    from rich.console import Console

    from seqzoo.datasets import Examples
    from seqzoo.decoding.predictor import Predictor
    from seqzoo.export.signatures import Signature
    from seqzoo.tasks.pos import Predicting
    from seqzoo.training.folder import Run


@dataclasses.dataclass(frozen=True)
class Config(NERConfig):
    """Slots and intent."""

    gate: bool = option(
        True, "Scale the states that predict slots by the intent (Goo et al., 2018).", sweep=[True, False]
    )
    dataset: str = default(options.Data, dataset="commands")
    units: int = default(options.Recurrent, units=100)
    layers: int = default(options.Recurrent, layers=1)
    epochs: int = default(options.Training, epochs=6)


@TASKS.register("dialogue_understanding", "slots")
class DialogueUnderstanding(NER):
    """Dialogue understanding: F1 of slots, accuracy of intents, share of requests with both right."""

    Config = Config
    needs = {"tokens": list, "slots": list, "intent": str}
    measures = {
        "exact": Measure("both right", "max", "%"),
        "slot_f1": Measure("slot F1", "max", "%"),
        "intent_accuracy": Measure("intents", "max", "%"),
        "precision": Measure("precision", "max", "%"),
        "recall": Measure("recall", "max", "%"),
        "f1": Measure("F1", "max", "%"),
        "support": Measure("support"),
        "loss": Measure("loss", "min"),
    }
    objective = "exact"
    feature = "slots"
    axes = {"tokens": "time", "characters": "time", "casing": "time", "contextual": "time", "slots": "time"}
    demo = {"": '--text="how do i get from Marlow to Ashby"'}
    advice = {
        "commands": "The commands were generated, so these scores say little about real ones. To train on your own: "
        "--dataset=rasa --data_dir=FOLDER, with train.yml in Rasa's format, or --dataset=slot_files."
    }

    def learn_labels(self, train: "Examples") -> dict[str, Vocabulary]:
        intents = {example["intent"] for example in train}
        return {**super().learn_labels(train), "intents": Vocabulary(sorted(intents), unknown=False)}

    def encoder(self, training: bool = False) -> Callable:
        encode_tags, intents = super().encoder(training), self.assets["intents"]

        def encode(example):
            inputs, slots, weights = encode_tags(example)
            known = example.get("intent") in intents
            intent = intents.encode([example["intent"]])[0] if known else 0
            labels = {"slots": slots, "intent": np.array(intent, "int32")}
            return inputs, labels, {"slots": weights, "intent": np.array(known, "float32")}

        return encode

    def build(self) -> "keras.Model":
        from seqzoo.models import understander

        tags, config = self.assets["tags"].tokens, self.config
        heads = {"crf": config.crf, "allowed": self.allowed(tags), "gate": config.gate}
        recurrent = config.arguments(options.Recurrent)
        return understander(len(tags), len(self.assets["intents"]), self.front(), **heads, **recurrent)

    def loss(self) -> "dict[str, keras.losses.Loss]":
        import keras

        intent = keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction="mean_with_sample_weight")
        return {"slots": super().loss(), "intent": intent}

    def decoded(self, model: "keras.Model") -> "dict[str, keras.KerasTensor]":
        import keras

        from seqzoo.models.tagger import Decode

        intent = keras.layers.Activation("softmax", dtype="float32")(model.output["intent"])
        return {**Decode()(model.output["slots"]), "intent": intent}

    def examples(self, line: str, request: "Predicting | None" = None) -> list[dict]:
        tokens = [token for part in super().examples(line, request) for token in part["offsets"]]
        return [{"text": line, "offsets": tokens, "tokens": [token for token, _, _ in tokens]}]  # one request

    def unknown_labels(self, example: dict) -> list[str]:
        intent = example["intent"]
        return super().unknown_labels(example) + ([] if intent in self.assets["intents"] else [intent])

    def answer(self, example: dict, row: dict | None) -> dict:
        answer, intents = super().answer(example, row), self.assets["intents"].tokens
        p = row["intent"] if row else np.zeros(len(intents))
        intent = {"intent": intents[p.argmax()] if row else None, "confidence": round(float(p.max()), 4)}
        return {**intent, **({"gold": example["intent"]} if "intent" in example else {}), **answer}

    def scores(self, examples: list[dict], answers: list[dict]) -> dict:
        gold, predicted = self.gold_and_predicted(examples, answers)
        intents = [[row["intent"] for row in rows] for rows in (examples, answers)]
        slots = span_scores(gold, predicted)
        pairs = zip(zip(gold, intents[0], strict=True), zip(predicted, intents[1], strict=True), strict=True)
        return {
            "exact": percent(sum(a == b for a, b in pairs), len(examples)),
            "slot_f1": slots["f1"],
            "intent_accuracy": class_scores(*intents)["accuracy"],
            "classes": slots["classes"],
        }

    def baselines(self, train: "Examples") -> dict[str, Callable]:
        words = super().baselines(train)["look-up"]
        classify = naive_bayes_baseline((example["tokens"], example["intent"]) for example in train)
        return {"look-up, naive Bayes": lambda e: {**words(e), "intent": classify(e["tokens"]), "confidence": None}}

    def plot(self, predictor: "Predictor", examples: list[dict], answers: list[dict], folder: "pathlib.Path") -> None:
        from seqzoo.display.plots import confusion_plot

        super().plot(predictor, examples, answers, folder)
        intents = ([[row["intent"]] for row in rows] for rows in (examples, answers))
        confusion_plot(*confusion(*intents), folder / "intents.png")

    def show(self, answer: dict, console: "Console") -> None:
        intent, gold = answer["intent"] or "no intent", self.missed_intent(answer)
        console.print(plain_text(f" {intent} ", class_style(intent)), plain_text(gold and f" gold: {gold}"), end="  ")
        super().show(answer, console)

    def articles(self, answers: Iterable[dict]) -> Iterator[str]:
        for answer in answers:
            intent, gold = answer["intent"] or "no intent", self.missed_intent(answer)
            yield f"<h3>{escape(intent)}{gold and f', gold: {escape(gold)}'}</h3>\n"
            yield from tagged_articles([answer])

    @staticmethod
    def missed_intent(answer: dict) -> str:
        """Returns the gold intent if the answer has another one, else ""."""
        gold = answer.get("gold", answer["intent"])
        return "" if gold == answer["intent"] else gold

    def differs(self, answer: dict) -> bool:
        return super().differs(answer) or bool(self.missed_intent(answer))

    def signatures(self, run: "Run", request: options.Exporting) -> "dict[str, Signature]":
        from seqzoo.export.signatures import tagging

        if self.only_arrays(request):
            return {}
        single, names = self.assets["tokenization"].single, self.exported_tags(self.assets["tags"].tokens)
        return tagging(run, names, single, {"intent": self.assets["intents"].tokens})

    @classmethod
    def tiny(cls) -> tuple:
        requests = {
            "play Ann now": ("O B-artist O", "play_music"),
            "call Ann Lee": ("O B-person I-person", "call"),
            "stop": ("O", "stop"),
            "Bob Lee , play it": ("B-artist I-artist O O O", "play_music"),
        }
        rows = [(text.split(), tags.split(), intent) for text, (tags, intent) in requests.items()]
        examples = [dict(zip(cls.needs, row, strict=True)) for row in rows]
        config = cls.Config(units=8, word_dim=8, char_units=4, layers=1, epochs=2, learning_rate=0.02, dropout=0.1)
        return config, {"train": examples, "valid": examples}, ["play Ann now", "", "call"]
