"""A network's answers to pictures that differ from one picture in a band of rows: exact, and most rows not redone.

    partial = Partial(network, picture)      # one pass; every layer's output for the picture itself is kept
    partial.logits                           # (1, classes), of the picture itself
    partial.with_rows(bands, top=32)         # (B, classes), of B pictures with these rows from row 32 on

A changed row reaches only those output rows of a convolution or pooling whose windows read it; value by value, and
across channels, it reaches itself. Only they are worked out anew. From the first layer that mixes all rows on (Flatten,
adaptive pooling), everything is.
"""

from itertools import takewhile

import torch
import torch.nn.functional as F  # noqa: N812 (torch's own convention)
from torch import Tensor, nn

from alexnet_viz.inspection.activations import activations
from alexnet_viz.network.build import Network
from alexnet_viz.network.spec import LRN, Activation, BatchNorm, Conv, Dropout, Layer, Pool, Rounding


class Partial:
    """A network in evaluation mode, and what each of its layers makes of one picture (1, C, H, W)."""

    def __init__(self, network: Network, picture: Tensor) -> None:
        spec = network.spec
        self._modules = network.layers()
        self._clean = list(activations(network, picture).values())  # what arrives at each layer; the logits last
        self._local = list(takewhile(lambda layer: _keeps_rows(layer, spec.rounding), spec.layers))

    @property
    def logits(self) -> Tensor:
        return self._clean[-1]

    def with_rows(self, bands: Tensor, top: int) -> Tensor:
        """The logits (B, classes) with these rows (B, C, h, W) in the picture's place from row `top` on."""
        rows = bands
        with torch.no_grad():
            for number, layer in enumerate(self._local):
                if isinstance(layer, Conv | Pool):
                    rows, top = self._by_windows(number, layer, rows, top)
                else:
                    rows = self._modules[number](rows)
            values = self._clean[len(self._local)].repeat(len(bands), 1, 1, 1)
            values[:, :, top : top + rows.shape[2]] = rows
            for module in self._modules[len(self._local) :]:
                values = module(values)
        return values

    def _by_windows(self, number: int, layer: Conv | Pool, rows: Tensor, top: int) -> tuple[Tensor, int]:
        """The output rows whose windows read one of these rows, and the first one's place."""
        arriving, (height, width) = self._clean[number], self._clean[number + 1].shape[2:]
        # Window i reads `kernel` rows from i * stride - padding on. Where none reads them, one is redone for nothing.
        first = min(max(-((layer.kernel - 1 - top - layer.padding) // layer.stride), 0), height - 1)
        last = min(max((top + rows.shape[2] - 1 + layer.padding) // layer.stride, first), height - 1)
        start = first * layer.stride - layer.padding
        read = [(windows - 1) * layer.stride + layer.kernel for windows in (last - first + 1, width)]
        canvas = torch.empty(len(rows), arriving.shape[1], *read, memory_format=torch.channels_last)
        canvas.fill_(float("-inf") if isinstance(layer, Pool) and layer.mode == "max" else 0.0)
        _paste(canvas, arriving, -start, layer.padding)
        _paste(canvas, rows, top - start, layer.padding)
        return _windows(layer, self._modules[number], canvas), first


def _keeps_rows(layer: Layer, rounding: Rounding) -> bool:
    """Whether an output row depends on a few input rows only, and `Partial` knows on which."""
    if isinstance(layer, Pool) and rounding == "ceil":
        # A mean there counts real pixels only, and a window in padding alone is 0: left to the whole layer.
        return layer.mode == "max" and layer.padding < layer.kernel
    return isinstance(layer, Conv | Pool | LRN | BatchNorm | Activation | Dropout)


def _windows(layer: Conv | Pool, module: nn.Module, padded: Tensor) -> Tensor:
    """A convolution or pooling of maps that hold their padding already, and all that their windows read."""
    if isinstance(module, nn.Conv2d):
        return F.conv2d(padded, module.weight, module.bias, layer.stride, groups=module.groups)
    pool = F.max_pool2d if isinstance(layer, Pool) and layer.mode == "max" else F.avg_pool2d
    return pool(padded, layer.kernel, layer.stride)


def _paste(canvas: Tensor, maps: Tensor, top: int, left: int) -> None:
    """Maps into a canvas, their first row and column at these places; what lies outside of it is left out."""
    (down, rows), (across, columns) = (
        _overlap(at, length, room)
        for at, length, room in zip((top, left), maps.shape[2:], canvas.shape[2:], strict=True)
    )
    canvas[:, :, down, across] = maps[:, :, rows, columns]


def _overlap(at: int, length: int, room: int) -> tuple[slice, slice]:
    """Where a row of `length` values that begins at `at` lies inside of `room` places, and which of its values do."""
    start = max(at, 0)
    end = max(min(at + length, room), start)
    return slice(start, end), slice(start - at, end - at)
