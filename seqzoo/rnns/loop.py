"""One fused loop for all layers whose gates read the state, with a gradient of its own."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import keras
from keras import ops

from seqzoo.backend.gradients import scan


class Terms(NamedTuple):
    """The tensors that the steps of a cell are computed from, besides its states.

    Attributes:
        U: the parts of the recurrent weights. A step multiplies one vector by each: the first state by the first part,
            vectors computed from the states by the others. A part is a matrix [H, K], the n blocks [n, H / n, K / n] of
            a block-diagonal one, or a diagonal [H].
        added: for each part, a term added to its product, such as x W + b [..., K]; None: nothing.
        inputs: further terms of x that a step reads, [..., K] each.
        weights: tensors that are the same at all steps, such as the weights of peepholes, in any shape.
    """

    U: Sequence[keras.KerasTensor]
    added: Sequence[keras.KerasTensor | None]
    inputs: Sequence[keras.KerasTensor] = ()
    weights: Sequence[keras.KerasTensor] = ()

    def split(self, column: int) -> "Terms":
        """Splits the only part of U, and the term added to its product, into two parts at a column."""
        (U,), (added,) = self.U, self.added
        parts = ops.split(ops.convert_to_tensor(U), [column], axis=-1)
        return self._replace(U=parts, added=ops.split(added, [column], axis=-1))

    def affine(self, drop: Callable) -> Callable:
        """Returns the function (v, part=0) -> v U + added of a part, with dropout of v; see `fused_loop`."""

        def affine(v, part=0):
            product, added = times(drop(v, part), self.U[part]), self.added[part]
            return product if added is None else product + added

        return affine


def at_least_float32(dtype: str) -> str:
    """Returns float32 for a dtype of 16 bits, and float64 as it is: the dtype of states."""
    return keras.backend.result_type(dtype, "float32")


def in_float32(x: keras.KerasTensor) -> keras.KerasTensor:
    """Casts 16-bit values to float32: over many steps, rounding to 8 or 11 binary digits loses slow changes."""
    return ops.cast(x, at_least_float32(x.dtype))


def times(v: keras.KerasTensor, U: keras.KerasTensor) -> keras.KerasTensor:
    """Returns v U [..., K] for v [..., H] and a part of recurrent weights, or any matrix, computed in U's dtype.

    The result is at least float32.
    """
    U = ops.convert_to_tensor(U)
    v, rank = ops.cast(v, U.dtype), len(U.shape)
    if rank == 1:
        return in_float32(v * U)
    shape = ops.shape(v)[:-1]
    v = ops.reshape(v, (-1, v.shape[-1])) if len(shape) > 1 else v  # a matrix broadcast over time has a slow gradient
    product = ops.matmul(v, U) if rank == 2 else _joined(ops.matmul(_blocks(v, U.shape[0]), U))
    return in_float32(ops.reshape(product, (*shape, product.shape[-1])) if len(shape) > 1 else product)


def _blocks(v, n):
    """v [N, H] -> [n, N, H / n]."""
    return ops.transpose(ops.reshape(v, (-1, n, v.shape[-1] // n)), (1, 0, 2))


def _joined(v):
    """v [n, N, K / n] -> [N, K]."""
    return ops.reshape(ops.transpose(v, (1, 0, 2)), (-1, v.shape[0] * v.shape[2]))


def _size(U):
    """Returns (H, K) of a part of recurrent weights."""
    n = U.shape[0] if len(U.shape) == 3 else 1
    return (n * U.shape[-2], n * U.shape[-1]) if len(U.shape) > 1 else (U.shape[0], U.shape[0])


def _weight_gradient(v, dz, U):
    """Returns the gradient of a part U, the sum of v' dz over all steps, for v [T, B, H] and dz [T, B, K]."""
    if len(U.shape) == 1:
        return ops.cast(ops.sum(v * dz, axis=(0, 1)), U.dtype)
    v, dz = (ops.reshape(ops.cast(x, U.dtype), (-1, x.shape[-1])) for x in (v, dz))
    if len(U.shape) == 3:
        v, dz = _blocks(v, U.shape[0]), _blocks(dz, U.shape[0])
    return ops.matmul(ops.swapaxes(v, -1, -2), dz)


def fused_loop(
    step: Callable,
    terms: Terms,
    states: Sequence[keras.KerasTensor],
    mask: keras.KerasTensor | None = None,
    drop: Callable = lambda v, part: v,
    training: bool | None = True,
) -> tuple[keras.KerasTensor, list[keras.KerasTensor]]:
    """Runs all steps of a cell on TensorFlow, in loops that compute only what depends on the step before.

    The products of the inputs are computed before the loop, and the gradient of each part of U in one product after the
    backward loop. The backward loop differentiates a step by recomputing it, except for its products, which were kept.

    Args:
        step: function (affine, states, *inputs, *weights) -> new states, where ``affine(v, part=0)`` is v U + added,
            and all else is elementwise.
        terms: the terms of all steps, so that shapes [..., K] are [T, B, K].
        states: the states before the first step, [B, H] each.
        mask: [T, B, 1], False at padding, which keeps the states; None: all steps are real.
        drop: function (v, part) -> v with dropout, for v [B, H] and [T, B, H].
        training: whether a gradient will be needed; False: the loop keeps nothing for it, and a gradient takes longer.

    The parts of U may have 16 bits; all else has the dtype of the states, at least float32.

    Returns:
        The first state after each step, [T, B, H], and all states after the last real step.
    """
    import tensorflow as tf

    additive = [part for part, x in enumerate(terms.added) if x is not None]
    U, added = list(terms.U), [terms.added[part] for part in additive]
    structure = U, added, list(terms.inputs), list(terms.weights), list(states)
    masks = () if mask is None else (mask,)
    heights, widths = zip(*map(_size, U), strict=True)

    def rows(sizes):  # the arrays that the loops write in a step
        return [keras.KerasTensor((states[0].shape[0], size), states[0].dtype) for size in sizes]

    def where_real(mask, new, old):
        return [ops.where(*mask, n, o) for n, o in zip(new, old, strict=True)] if mask else new

    if not training:

        def forward_only(states, row):
            given, inputs, mask = row
            added = [given[additive.index(part)] if part in additive else None for part in range(len(U))]
            affine = terms._replace(added=added).affine(drop)
            states = where_real(mask, step(affine, states, *inputs, *terms.weights), states)
            return states, states[0]

        last, hs = scan(forward_only, list(states), (added, list(terms.inputs), masks), like=states[0])
        return hs, last

    @ops.custom_gradient
    def run(*tensors):
        U, added, inputs, weights, first = tf.nest.pack_sequence_as(structure, tensors)

        def forward(states, row):
            added, inputs, mask = row
            products, vs = [None] * len(U), [None] * len(U)

            def affine(v, part=0):
                vs[part] = drop(v, part)
                product = times(vs[part], U[part])
                products[part] = product + added[additive.index(part)] if part in additive else product
                return products[part]

            states = where_real(mask, step(affine, states, *inputs, *weights), states)
            return states, (states, products, vs[1:])

        like = first, rows(widths), rows(heights[1:])
        last, (after, products, vs) = scan(forward, first, (added, inputs, masks), like)

        def gradient(dhs, *dlast):
            before = [ops.concatenate([s[None], ss[:-1]], axis=0) for s, ss in zip(first, after, strict=True)]
            U_transposed = [ops.swapaxes(W, -1, -2) if len(W.shape) > 1 else W for W in U]

            def backward(carry, row):
                (dstates, dweights), (dh, before, products, inputs, mask) = carry, row
                dproducts = [None] * len(U)

                def affine(v, part=0):
                    @ops.custom_gradient
                    def kept(v):
                        def gradient(dproduct):
                            dproducts[part] = dproduct
                            return times(dproduct, U_transposed[part])

                        return products[part], gradient

                    return kept(drop(v, part))

                dstates = [dstates[0] + dh, *dstates[1:]]
                real = where_real(mask, dstates, [ops.zeros_like(d) for d in dstates])
                with tf.GradientTape(watch_accessed_variables=False) as tape:
                    tape.watch([before, inputs, weights])
                    new = step(affine, before, *inputs, *weights)
                dbefore, dinputs, dw = tape.gradient(new, [before, inputs, weights], real, "zero")
                if mask:  # a masked step passes its whole gradient to the step before
                    dbefore = [d + all - part for d, all, part in zip(dbefore, dstates, real, strict=True)]
                return (dbefore, [a + b for a, b in zip(dweights, dw, strict=True)]), (dproducts, dinputs)

            carry = list(dlast), [ops.zeros_like(weight) for weight in weights]
            like = rows(widths), rows(x.shape[-1] for x in inputs)
            kept = dhs, before, products, inputs, masks
            (dfirst, dweights), (dproducts, dinputs) = scan(backward, carry, kept, like, reverse=True, flip=False)
            factors = zip([drop(before[0], 0), *vs], dproducts, U, strict=True)
            dU = [_weight_gradient(*factor) for factor in factors]
            return *dU, *(dproducts[part] for part in additive), *dinputs, *dweights, *dfirst

        return (after[0], *last), gradient

    hs, *last = run(*tf.nest.flatten(structure))
    return hs, last
