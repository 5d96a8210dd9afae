"""Consistency regularisation of classifiers: answers should stay the same under dropout and perturbed features."""

import keras
from keras import ops

from seqzoo.backend.gradients import gradient
from seqzoo.models.classifier import cut


class Regularized(keras.Model):
    """A classifier with further terms in its training loss. Made by `regularized`; it is saved as the plain model.

    With L the loss, x the features of a sequence, p(x) the probabilities, r a perturbation of x of norm e |x|:

        rdrop          (L' - L) / 2 + a (KL(p || p') + KL(p' || p)) / 4      p' under another dropout
        adversarial    a L(x + r)                r along dL/dx
        virtual        a KL(p(x) || p(x + r))    r along the gradient of KL(p(x) || p(x + d)) at a small random d

    Sources: Liang et al., 2021, R-Drop, equations 2 and 4 (halved, which keeps the scale of the loss); Miyato et al.,
    2017, Adversarial Training Methods for Semi-Supervised Text Classification, equations 3 to 8. They normalise the
    embeddings so that the network can't outgrow the perturbation; here its norm is a share of the features' norm.

    On TensorFlow, `adversarial` and `virtual` do not compile under XLA with the fused loop of an RNN, whose gradient
    would itself be recorded. Without ``jit_compile`` all terms work with all layers.
    """

    def regularize(
        self,
        rdrop: float = 0.0,
        adversarial: float = 0.0,
        virtual: float = 0.0,
        perturbation: float = 0.1,
        multi_label: bool = False,
        seed: int | None = None,
    ) -> "Regularized":
        embed, read = cut(self)
        noise = keras.random.SeedGenerator(seed)
        self.noise = noise  # part of the model's state, so that checkpoints hold it

        def divergence(target, logits, weights):
            """Returns the weighted mean over the batch of KL(target || logits), both scores [B, C], in float32."""
            target, logits, weights = (ops.cast(z, "float32") for z in (target, logits, weights))
            if multi_label:  # each label is a binary decision of its own
                target, logits = (ops.stack([z, ops.zeros_like(z)], axis=-1) for z in (target, logits))
            log_p, log_q = ops.log_softmax(target), ops.log_softmax(logits)
            kl = ops.sum(ops.exp(log_p) * (log_p - log_q), axis=-1)
            kl = ops.sum(kl, axis=-1) if multi_label else kl  # [B]
            return ops.sum(kl * weights) / ops.maximum(ops.sum(weights), 1e-7)

        def along(g, x, mask):
            """Returns the perturbation r of x [B, T, D] in the direction of g."""
            dtype = x.dtype
            x, g = ops.cast(x, "float32"), ops.cast(g, "float32")
            g = ops.where(ops.isfinite(g), g, 0.0)  # not finite if the loss scale, which is then lowered, is too high
            real = ops.cast(mask, "float32")[..., None]  # [B, T, 1]; padding counts in no norm and is not perturbed
            norm_x, norm_g = (ops.sqrt(ops.sum(ops.square(v * real), axis=(1, 2), keepdims=True)) for v in (x, g))
            return ops.cast(ops.stop_gradient(perturbation * norm_x * g * real / ops.maximum(norm_g, 1e-12)), dtype)

        def scaled(loss):
            # Only the direction of these gradients counts; in float16 they underflow without the loss scale.
            return self.optimizer.scale_loss(loss)

        def terms(x, y, y_pred, weights, loss_of):
            total = 0.0
            if weights is None:
                weights = ops.ones_like(y_pred[:, 0])
            if rdrop:
                other = self(x, training=True)
                both = divergence(y_pred, other, weights) + divergence(other, y_pred, weights)
                total += (loss_of(other) - loss_of(y_pred)) / 2 + rdrop * both / 4
            if adversarial or virtual:
                features, mask = embed(x, training=True)

                def logits(features):
                    return read([features, mask], training=True)["logits"]

                if adversarial:
                    g = gradient(lambda f: scaled(loss_of(logits(f))), ops.stop_gradient(features))
                    total += adversarial * loss_of(logits(features + along(g, features, mask)))
                if virtual:
                    target = ops.stop_gradient(y_pred)
                    d = along(keras.random.normal(ops.shape(features), seed=noise), features, mask)
                    g = gradient(
                        lambda f: scaled(divergence(target, logits(f), weights)), ops.stop_gradient(features + d)
                    )
                    total += virtual * divergence(target, logits(features + along(g, features, mask)), weights)
            return total

        self.terms = terms
        return self

    def compute_loss(
        self,
        x: dict[str, keras.KerasTensor] | None = None,
        y: keras.KerasTensor | None = None,
        y_pred: keras.KerasTensor | None = None,
        sample_weight: keras.KerasTensor | None = None,
        training: bool = True,
    ) -> keras.KerasTensor:
        def loss_of(logits):
            return super(Regularized, self).compute_loss(x, y, logits, sample_weight, training)

        loss = loss_of(y_pred)
        return loss + self.terms(x, y, y_pred, sample_weight, loss_of) if training else loss


def regularized(
    model: keras.Model,
    rdrop: float = 0.0,
    adversarial: float = 0.0,
    virtual: float = 0.0,
    perturbation: float = 0.1,
    multi_label: bool = False,
    seed: int | None = None,
) -> Regularized:
    """Adds terms to the training loss of `model`, a classifier; see `Regularized`.

    Args:
        rdrop, adversarial, virtual: weights a of the terms.
        perturbation: e, the norm of the perturbation as a share of the features' norm.
        multi_label: whether an example may have several labels.
        seed: seed of the random directions.
    """
    made = Regularized(model.input, model.output, name=model.name)
    return made.regularize(rdrop, adversarial, virtual, perturbation, multi_label, seed)
