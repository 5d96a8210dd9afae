"""Beam search over batches, with the options of a task, and its answers as text."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from seqzoo.decoding.beam import Beam, Ensemble
from seqzoo.text.codec import Codec, perplexity
from seqzoo.text.vocabulary import UNKNOWN_ID

if TYPE_CHECKING:
    from seqzoo import options

VARIANTS = 8  # maximum number of cached predictors with other settings; each has its own graphs


class BeamPredictor:
    """Answers batches by beam search and scores their labels, for `task.Task.predictor`.

    Args:
        decoders: the decoder of the model, and of other models to average with; see `steps.StepDecoder`.
        end: id of the end mark, which ends sources, too.
        settings: options of the group `options.Decoding`.
        copies: whether source and target have words, so that an unknown word can be copied from the source.
        bounds: (low, high): maximum tokens of an answer for a short source, and for any source; 0: as in the settings.
        n_best: how many different answers each row should have.
        attention: whether answers come with their attention.
        score_labels: whether labels are scored, for `mean_loss`.

    Attributes:
        decoders: the decoders; decoder: the only one, or their `Ensemble`.
        attends: whether a decoder has attention.

    Raises:
        ValueError: a coverage penalty or attention is requested, but the decoder has no attention.
    """

    def __init__(
        self,
        decoders: list,
        end: int,
        settings,
        copies: bool = False,
        bounds: tuple[int, int] = (0, 0),
        n_best: int = 1,
        attention: bool = False,
        score_labels: bool = True,
    ):
        self.decoders = decoders
        self.decoder = decoders[0] if len(decoders) == 1 else Ensemble(decoders)
        self.end, self.settings, self.attention, self.score_labels = end, settings, attention, score_labels
        self.attends, self._variants, self._sums = self.decoder.attends, {}, np.zeros(2)
        self.bounds, self._words = bounds, copies
        for what, wanted in (("--coverage_penalty", settings.coverage_penalty), ("Showing attention", attention)):
            if wanted and not self.attends:
                raise ValueError(f"{what} needs a run with attention.")
        self.copies = copies and settings.replace_unknown and self.attends
        self.beam = Beam(
            self.decoder,
            end,
            max(settings.beam, n_best),
            settings.length_penalty,
            settings.coverage_penalty,
            settings.block_ngrams,
            banned=(0,) if self.copies else (0, UNKNOWN_ID),
            # Different subwords may spell the same text: twice as many answers leave enough distinct texts.
            n_best=n_best if n_best == 1 else 2 * n_best,
            attention=attention or self.copies,
        )

    def __call__(self, inputs: dict, labels, weights) -> dict:
        """Returns the arrays of `beam.Answers` for the decoders' inputs: {"source": ids [B, S]}, or those of a front.

        If unknown words are copied, the result also has "aligned" [B, K, N], the position of the source word with the
        most attention in each step. With attention and a single model that copies, it has "copied" [B, K, N], the share
        of each id's probability that comes from copying.
        """
        real = self.decoder.source_mask(inputs)  # [B, S]
        limits = np.floor(self.settings.longest_ratio * real.sum(axis=-1) + 10).astype("int32")
        least, most = self.bounds
        limits = np.maximum(limits, least)
        limits = np.minimum(limits, most) if most else limits
        answers = self.beam(inputs, limits, mask=real)._asdict()
        if self.copies:
            words = np.pad(real[:, 1:], ((0, 0), (0, 1)))[:, None, None]  # all but the end mark
            answers["aligned"] = np.where(words, answers["attention"], -1).argmax(axis=-1)
        if not self.attention:
            del answers["attention"]
        elif getattr(self.decoder, "pointer", None):
            each = [self.decoder.share_copied(inputs, answers["ids"][:, k]) for k in range(self.beam.n_best)]
            answers["copied"] = np.stack(each, axis=1)
        if self.score_labels:
            log_p = np.asarray(self.decoder.score(inputs, labels), "float64")  # [B, T]
            self._sums += -(log_p * weights).sum(), np.sum(weights)
        return answers

    def variant(self, settings: "options.Decoding", others: Callable = lambda: (), **wanted) -> "BeamPredictor":
        """Returns a predictor with the same decoders and other settings. It is cached, since tracing is slow.

        Args:
            settings: options of the group `options.Decoding`.
            others: function that returns the decoders to average with; called once.
            wanted: n_best, attention and score_labels, see the class.
        """
        key = settings, *wanted.items()
        if key not in self._variants:
            if len(self._variants) >= VARIANTS:
                del self._variants[next(iter(self._variants))]  # the oldest
            decoders = [*self.decoders, *others()]
            self._variants[key] = BeamPredictor(decoders, self.end, settings, self._words, self.bounds, **wanted)
        return self._variants[key]

    def mean_loss(self) -> dict:
        """Returns {"loss": nats a token of the labels since the last call, "perplexity"}; {} without labels."""
        (nats, tokens), self._sums = self._sums, np.zeros(2)
        return {"loss": float(nats / tokens), "perplexity": perplexity(nats / tokens)} if tokens else {}


def n_best(row: dict, source: Codec | None, target: Codec, text: str = "") -> list[dict]:
    """Returns the answers of a row of a `BeamPredictor` that differ as texts, best first.

    Args:
        row: the row.
        source, target: Codecs; `source` is None if the source is not a text.
        text: the text that the source codec encoded.

    An unknown word is replaced by the source word that it is aligned to, as in Luong et al., 2015, Addressing the Rare
    Word Problem in Neural Machine Translation; aligned by attention as in Jean et al., 2015, On Using Very Large Target
    Vocabulary for Neural Machine Translation.

    Returns:
        [{"text", "score", "log_probability", "tokens"}]; "attention", weights by token and source token, and "copied",
        a share a token, if the row has them. Without a source, attention is by token and step, padding included.
    """
    answers, words = {}, source.split(text) if source else []
    if source and source.units == "words" and words and not words[0].startswith(" "):
        words[0] = f" {words[0]}"  # like all other words
    for k in np.flatnonzero(np.isfinite(row["scores"])):
        length = int(row["lengths"][k])
        ids = row["ids"][k, :length].tolist()
        tokens = [target.tokens[i] if i < len(target.tokens) else words[i - len(target.tokens)] for i in ids]
        if "aligned" in row:
            aligned = (words[position] if words else "" for position in row["aligned"][k, :length])
            tokens = [word if i == UNKNOWN_ID else token for i, token, word in zip(ids, tokens, aligned, strict=True)]
        answer = {
            "text": target.join(tokens).strip(),
            "score": round(float(row["scores"][k]), 4),
            "log_probability": round(float(row["log_probabilities"][k]), 4),
            "tokens": target.readable(tokens),
        }
        if "attention" in row:
            weights = row["attention"][k, :length, : len(words) + 1 if source else None]
            answer["attention"] = weights.astype("float64").round(3).tolist()  # in float32 0.817 is 0.81699997
        if "copied" in row:
            answer["copied"] = row["copied"][k, :length].astype("float64").round(3).tolist()
        answers.setdefault(answer["text"], answer)
    return [*answers.values()]
