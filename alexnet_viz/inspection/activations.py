"""Every layer's output for a batch, by running the layers one by one.

    outputs = activations(model.network, batch)              # {"input": ..., "conv1": ..., "relu1": ...}
    for name, values in onwards(model.network, outputs["conv3"], "conv3", {"conv3": [7, 42]}):
        ...                                                  # from conv3 on, with two of its channels switched off

No hooks: a shared model can be read by any number of visitors at once. A channel that is off has the output zero, as if
its filter had neither weights nor bias; after the layers that follow it need not be zero any more: their biases stay.
"""

from collections.abc import Collection, Iterator, Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from alexnet_viz.network.build import Network
from alexnet_viz.network.fields import check_channel, check_layer
from alexnet_viz.network.spec import layer_names

Floats = NDArray[np.float32]
Off = Mapping[str, Collection[int]]  # layer name -> its channels (a fully connected layer's units) that are off

INPUT = "input"  # the name of what goes in, beside the layers' names


def activations(network: Network, batch: Tensor) -> dict[str, Tensor]:
    """Every layer's output, (B, C, H, W) or (B, N), by name, in order, with the batch itself as "input".

    The last one is `network(batch)` to the bit. Nothing is copied: Flatten and dropout may share the memory of the
    layer before them. The network has to be in evaluation mode.
    """
    if any(module.training for module in network.modules()):
        raise ValueError("the network is in training mode: dropout and batch norm would not repeat; call eval() first")
    with torch.no_grad():
        return dict(onwards(network, batch))


def onwards(
    network: Network, values: Tensor, layer: str = INPUT, off: Off | None = None
) -> Iterator[tuple[str, Tensor]]:
    """Names and outputs from a layer on, given that layer's own output (or the batch, for "input").

    Gradients flow back to `values` if it asks for them. Channels in `off` are zero, those of `layer` itself too.
    Raises `UserError`, at the first step, for a layer or channel that does not exist.
    """
    names = [INPUT, *layer_names(network.spec.layers)]
    off = off or {}
    check_layer(layer, names)
    for name in off:
        check_layer(name, names[1:])
    start = names.index(layer)
    values = _switched_off(layer, values, off)
    yield layer, values
    for name, module in zip(names[start + 1 :], network.layers()[start:], strict=True):
        values = _switched_off(name, module(values), off)
        yield name, values


def output_of(network: Network, batch: Tensor, layer: str, off: Off | None = None) -> Tensor:
    """One layer's output; what follows it is not run."""
    check_layer(layer, layer_names(network.spec.layers))
    return next(values for name, values in onwards(network, batch, off=off) if name == layer)


def _switched_off(name: str, values: Tensor, off: Off) -> Tensor:
    channels = off.get(name, ())
    for channel in channels:
        check_channel(name, tuple(values.shape[1:]), channel)
    # A copy with zeros, not a product with a mask: what is off is 0 even where it was infinite.
    return values.index_fill(1, torch.tensor(list(channels), dtype=torch.int64), 0.0) if channels else values
