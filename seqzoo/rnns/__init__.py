"""Recurrent layers, one file a family: ``RNNS[name](units, **keras_kwargs)`` returns a Keras layer.

Every layer is called as ``layer(x, mask=mask, initial_state=None)`` with x [B, T, D] and mask [B, T].

A layer is registered with the traits that ``--list`` shows: gates and states, by the letters of its equations; the
number of parameters of one unit, as an expression in D and H; parallel=True if training computes all steps at once;
cudnn=True if cuDNN implements it. Builders read three more: recurrent_kernel=False if no matrix reads the state;
reads_output=False if no step reads the first state, which is the output; given_states=2 if an encoder sets only the
first two states of a decoder.
"""

import re
from collections.abc import Callable
from typing import Any

from seqzoo.registry import Registry


class DirectedRegistry(Registry):
    """Registry of layers that read forward; each also exists in both directions: ``"bilstm"``.

    A layer is registered with ``both=False`` if the direction makes no difference.
    """

    def one_way(self, name: str) -> str:
        """Returns the layer that `name` runs in both directions, ``"lstm"`` for ``"bilstm"``; "" for any other name."""
        layer = name.removeprefix("bi")
        two_ways = layer != name and super().__contains__(layer) and super().trait(layer, "both", True)
        return layer if two_ways else ""

    def names(self) -> list[str]:
        names = super().names()
        return sorted([*names, *(f"bi{name}" for name in names if self.one_way(f"bi{name}"))])

    def summary(self, name: str) -> str:
        layer = self.one_way(name)
        return f"{layer} in both directions" if layer else super().summary(name)

    def trait(self, name: str, key: str, default: Any) -> Any:
        layer = self.one_way(name)
        if layer and key == "bidirectional":
            return True
        return super().trait(layer or name, key, default)

    def parameters(self, name: str, D: int, H: int) -> int:
        """Returns the number of parameters of a layer of H units, in each direction, that reads vectors of width D."""
        product = re.sub(r"(?<=[\d)]) (?=[(DH])", " * ", self.trait(name, "parameters", ""))  # 4 (D + 1): 4 * (D + 1)
        return round(H * eval(product, {"D": D, "H": H}))

    def __contains__(self, name: str) -> bool:
        return super().__contains__(name) or bool(self.one_way(name))

    def __getitem__(self, name: str) -> Callable:
        layer = self.one_way(name)
        return _both_directions(self[layer]) if layer else super().__getitem__(name)


def _both_directions(layer):
    """Returns a function that returns `layer(units, ...)` in both directions."""

    def both(units: int, **kwargs):
        from seqzoo.rnns.cells import both_directions  # Keras is imported when a layer is made

        return both_directions(layer(units, **kwargs))

    return both


RNNS = DirectedRegistry("RNN", "seqzoo.rnns")
