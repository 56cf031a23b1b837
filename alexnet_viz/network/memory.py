"""What a network keeps on a graphics card while it trains: whole, or split over two (the paper's section 3.2).

    whole = training_memory(walk(spec), batch=128)             # Memory: bytes, by what they hold
    half = training_memory(walk(spec), batch=128, cards=2)     # on each of two cards
    largest_batch(walk(spec), GTX_580_BYTES, cards=2)

Counted, in fp32: weights, their gradients and momentum, 4 bytes each a parameter; the output of every layer once (not
the pictures; Flatten makes no new values); the gradients of those outputs, if all were kept at once. What a framework
or the 2012 code needs beside that (buffers, the im2col of a convolution, the data waiting) is not.
"""

from dataclasses import dataclass, replace
from math import prod

from alexnet_viz.network.spec import BYTES_PER_VALUE, LRN, Conv, Linear, Row, Spec, Walk

GTX_580_BYTES = 3 * 2**30  # one of the two cards that the paper's network was trained on
_COPIES = 3  # of every parameter: itself, its gradient, its momentum


@dataclass(frozen=True)
class Memory:
    """Bytes on one card for one step of SGD with momentum."""

    parameters: int  # weights, gradients and momentum
    outputs: int  # of the layers computed here, kept for the backward pass
    received: int  # copies of the other card's outputs that layers here read; 0 on a card that is alone
    gradients: int  # of both, if all were kept at once

    @property
    def stored(self) -> int:
        return self.outputs + self.received

    @property
    def lowest(self) -> int:
        return self.parameters + self.stored

    @property
    def highest(self) -> int:
        return self.lowest + self.gradients


def training_memory(walked: Walk, batch: int, *, in_place: bool = False, cards: int = 1) -> Memory:
    """Memory on each card for a batch of pictures.

    `in_place` lets an activation overwrite what arrives, so that it stores nothing. With `cards` every layer's maps and
    units are shared out equally, the larger part where that does not divide; each card works on the whole batch.
    """
    nothing_new = {"flatten", "activation"} if in_place else {"flatten"}
    outputs = batch * sum(_own(row.memory, row, cards) for row in walked.rows if row.kind not in nothing_new)
    received = BYTES_PER_VALUE * batch * received_values(walked, cards)
    params = sum(_own(row.params, row, cards) for row in walked.rows)
    return Memory(_COPIES * BYTES_PER_VALUE * params, outputs, received, gradients=outputs + received)


def largest_batch(walked: Walk, budget: int, *, in_place: bool = False, cards: int = 1) -> int:
    """The most pictures whose step fits into so many bytes, gradients of the outputs included; 0 if none does."""
    one = training_memory(walked, 1, in_place=in_place, cards=cards)
    return max(0, budget - one.parameters) // (one.highest - one.parameters)


def received_values(walked: Walk, cards: int = 2) -> int:
    """Values that come to a card from the others for one picture, forward; as many gradients go back.

    A convolution with groups reads its own card's maps only. One without, and a fully connected layer, read all; LRN
    without groups reads a few maps over the border. The first layer with weights reads the picture, which all have.
    """
    first = next((i for i, row in enumerate(walked.rows) if isinstance(row.layer, Conv | Linear)), 0)
    return sum(_received(row, cards) for row in walked.rows[first + 1 :])


def _received(row: Row, cards: int) -> int:
    channels, *map_sides = row.input
    elsewhere = channels - _share(channels, cards)
    match row.layer:
        case Conv(groups=1) | Linear():
            return elsewhere * prod(map_sides)
        case LRN(size=size, groups=1):
            return min(elsewhere, size // 2) * prod(map_sides)
        case _:
            return 0


def _own(total: int, row: Row, cards: int) -> int:
    """A card's own part of what all channels or units of a layer have, equally much each."""
    channels = row.shape[0]
    return total // channels * _share(channels, cards)


def _share(channels: int, cards: int) -> int:
    return -(-channels // cards)


def half_as_wide(spec: Spec) -> Spec:
    """The one-GPU network that the paper holds beside its own: half the kernels in each convolution, no groups.

    The last convolution keeps all of its kernels (section 3.2, footnote 2): otherwise fc6, which reads them, would
    halve too, and with it most of the parameters.
    """
    last = max(i for i, layer in enumerate(spec.layers) if isinstance(layer, Conv))
    layers = []
    for i, layer in enumerate(spec.layers):
        if isinstance(layer, Conv):
            layer = replace(layer, groups=1, channels=layer.channels if i == last else layer.channels // 2)
        elif isinstance(layer, LRN):
            layer = replace(layer, groups=1)
        layers.append(layer)
    return replace(spec, layers=tuple(layers))
