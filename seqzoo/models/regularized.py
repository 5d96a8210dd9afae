"""Classifiers that are trained to answer alike: under other dropout, and under small changes of their features."""

import keras
from keras import ops

from seqzoo.backend.gradients import gradient
from seqzoo.models.classifier import cut


class Regularized(keras.Model):
    """A classifier whose training loss has further terms. Made by `regularized`; saved, it is the plain model.

    With L the loss, x the features of a text's tokens, p(x) the probabilities, r a change of x of the norm e |x|:

        rdrop          (L' - L) / 2 + a (KL(p || p') + KL(p' || p)) / 4      p' under another dropout
        adversarial    a L(x + r)                r along dL/dx
        virtual        a KL(p(x) || p(x + r))    r along the gradient of KL(p(x) || p(x + d)) at a small random d

    Sources: Liang et al., 2021, R-Drop, equations 2 and 4 (halved, so that the loss keeps its scale); Miyato et al.,
    2017, Adversarial Training Methods for Semi-Supervised Text Classification, equations 3 to 8. They normalise the
    embeddings so that a network can not outgrow the change; here its norm is a share of the text's own.

    On TensorFlow `adversarial` and `virtual` do not compile under XLA with the fused loop of an LSTM: its gradient is
    recorded once more. Without ``jit_compile`` all terms run with all layers.
    """

    def regularize(self, rdrop=0.0, adversarial=0.0, virtual=0.0, perturbation=0.1, multi_label=False, seed=None):
        embed, read = cut(self)
        noise = keras.random.SeedGenerator(seed)
        self.noise = noise  # a part of the model's state, which a checkpoint keeps

        def divergence(target, logits, weights):
            """Weighted mean of KL(target || logits) over the batch, of scores [B, C], in float32."""
            target, logits, weights = (ops.cast(z, "float32") for z in (target, logits, weights))
            if multi_label:  # each label is a yes or no of its own
                target, logits = (ops.stack([z, ops.zeros_like(z)], axis=-1) for z in (target, logits))
            log_p, log_q = ops.log_softmax(target), ops.log_softmax(logits)
            kl = ops.sum(ops.exp(log_p) * (log_p - log_q), axis=-1)
            kl = ops.sum(kl, axis=-1) if multi_label else kl  # [B]
            return ops.sum(kl * weights) / ops.maximum(ops.sum(weights), 1e-7)

        def along(g, x, mask):
            """The change r of x [B, T, D] in the direction of g."""
            dtype = x.dtype
            x, g = ops.cast(x, "float32"), ops.cast(g, "float32")
            g = ops.where(ops.isfinite(g), g, 0.0)  # of a loss scale that is too high, which falls then
            real = ops.cast(mask, "float32")[..., None]  # [B, T, 1]; padding has neither norm nor change
            norm_x, norm_g = (ops.sqrt(ops.sum(ops.square(v * real), axis=(1, 2), keepdims=True)) for v in (x, g))
            return ops.cast(ops.stop_gradient(perturbation * norm_x * g * real / ops.maximum(norm_g, 1e-12)), dtype)

        def scaled(loss):
            # Of these gradients only the direction counts; in float16 they are 0 without the optimizer's loss scale.
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

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        def loss_of(logits):
            return super(Regularized, self).compute_loss(x, y, logits, sample_weight, training)

        loss = loss_of(y_pred)
        return loss + self.terms(x, y, y_pred, sample_weight, loss_of) if training else loss


def regularized(model, **terms):
    """`model`, a classifier, with terms of `Regularized`: weights rdrop, adversarial, virtual; perturbation ..."""
    return Regularized(model.input, model.output, name=model.name).regularize(**terms)
