"""The switchboard: switch channels off and watch the answer move.

    outputs = activations(model.network, batch)
    changed = without(model.network, outputs, {"conv3": [7, 42]})   # every layer's output again
    changed["fc8"]                                                  # the logits

    for step in rank_channels(model.network, outputs, "conv3", class_index=3):
        ...                                                         # Progress, Progress, ..., Ranking

"Off" means that a channel's output is zero, as if its filter had neither weights nor bias. After the layers that follow
it need not be zero any more: their biases stay. No hooks: the layers run one by one, as in `by_hand`.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from alexnet_viz.inspection.by_hand import INPUT
from alexnet_viz.inspection.classify import softmax
from alexnet_viz.inspection.progress import Progress
from alexnet_viz.network.build import Network
from alexnet_viz.network.fields import check_channel, check_layer
from alexnet_viz.network.spec import layer_names

Off = Mapping[str, Collection[int]]  # layer name -> its channels (a fully connected layer's units) that are off

MAX_BYTES = 64 * 2**20  # of the largest layer output of one batch in `rank_channels`; a single picture may exceed it


@dataclass(frozen=True)
class Ranking:
    """What each channel of a layer does for one class. A drop is untouched minus switched off.

    A positive drop: the channel speaks for the class, which does worse without it. Drops do not add up: the channels
    of a layer stand in for each other.
    """

    layer: str
    class_index: int
    logit_drop: NDArray[np.float64]  # (N,), one a channel
    probability_drop: NDArray[np.float64]  # (N,), of the softmax, -1..1
    order: NDArray[np.int64]  # (N,), channels by logit_drop, largest first, equal ones by number


def without(network: Network, outputs: Mapping[str, Tensor], off: Off) -> dict[str, Tensor]:
    """Every layer's output again with some channels off, in the order and format of `activations`.

    `outputs` come from `activations` of the same network. Those of layers before the first one affected are passed on
    as they are, not copied; the others are new. Raises `UserError` for a layer or channel that does not exist.
    """
    names = layer_names(network.spec.layers)
    for name in off:
        check_layer(name, names)
    first = next((name for name in names if off.get(name)), None)
    if first is None:
        return dict(outputs)
    with torch.no_grad():
        return {**outputs, **dict(_onwards(network, outputs[first], first, off))}


def forward_from(network: Network, values: Tensor, layer: str, off: Off) -> Tensor:
    """The logits, (B, classes), that follow from a layer's output; gradients flow back to `values` if it asks for them.

    `layer` may be "input", `values` is then the batch. Its own channels are switched off here too; what `off` says of
    layers before it has to be in `values` already. Raises `UserError` for a layer or channel that does not exist.

    Example:
        values = without(network, outputs, off)["conv5"].detach().requires_grad_()  # `outputs` stay as they are
        logits = forward_from(network, values, "conv5", off)
        (gradient,) = torch.autograd.grad(logits[0, 3], values)
    """
    names = layer_names(network.spec.layers)
    check_layer(layer, [INPUT, *names])
    for name in off:
        check_layer(name, names)
    logits = values
    for _, output in _onwards(network, values, layer, off):
        logits = output  # one at a time: a batch of every layer's outputs would be large
    return logits


def rank_channels(
    network: Network, outputs: Mapping[str, Tensor], layer: str, class_index: int, *, batch: int = 32
) -> Iterator[Progress | Ranking]:
    """Which channels of a layer matter most for a class: each one is really switched off, by itself.

    For the first picture of `outputs`, which come from `activations` of the same network. A `Progress` after each
    batch, in channels, then the `Ranking`. Channels that are zero for this picture as it is are not run: their drop is
    exactly 0. `batch` channels are tried at once, fewer where a layer's output would exceed MAX_BYTES. Raises
    `UserError`, at the first step, for a layer or class that does not exist.
    """
    names = layer_names(network.spec.layers)
    check_layer(layer, names)
    logits = outputs[names[-1]][:1]
    check_channel(names[-1], tuple(logits.shape[1:]), class_index)
    values = outputs[layer][:1]
    largest = max(outputs[name][0].nbytes for name in names[names.index(layer) :])
    batch = max(1, min(batch, MAX_BYTES // largest))

    alive = values[0].reshape(values.shape[1], -1).ne(0).any(dim=1).nonzero().flatten()
    untouched = _scores(logits, class_index)
    scores = untouched.repeat(values.shape[1], axis=0)  # (N, 2)
    for start in range(0, len(alive), batch):
        channels = alive[start : start + batch]
        scores[channels.numpy()] = _scores(_logits_without_each(network, values, layer, channels), class_index)
        yield Progress(start + len(channels), len(alive))
    logit_drop, probability_drop = (untouched - scores).T.copy()
    yield Ranking(layer, class_index, logit_drop, probability_drop, np.argsort(-logit_drop, kind="stable"))


def _onwards(network: Network, values: Tensor, layer: str, off: Off) -> Iterator[tuple[str, Tensor]]:
    """Names and outputs from a layer on, given that layer's own output (or the batch, for "input")."""
    names = [INPUT, *layer_names(network.spec.layers)]
    start = names.index(layer)
    values = _switched_off(layer, values, off)
    yield layer, values
    for name, module in zip(names[start + 1 :], network.layers()[start:], strict=True):
        values = _switched_off(name, module(values), off)
        yield name, values


def _switched_off(name: str, values: Tensor, off: Off) -> Tensor:
    channels = off.get(name, ())
    for channel in channels:
        check_channel(name, tuple(values.shape[1:]), channel)
    # A copy with zeros, not a product with a mask: what is off is 0 even where it was infinite.
    return values.index_fill(1, torch.tensor(list(channels), dtype=torch.int64), 0.0) if channels else values


def _logits_without_each(network: Network, values: Tensor, layer: str, channels: Tensor) -> Tensor:
    """One picture's logits, (n, classes): in row i, channel i of the n given is off."""
    rows = values.repeat(len(channels), *[1] * (values.dim() - 1))
    rows[torch.arange(len(channels)), channels] = 0.0
    with torch.no_grad():
        return forward_from(network, rows, layer, {})


def _scores(logits: Tensor, class_index: int) -> NDArray[np.float64]:
    """(B, 2): logit and probability of the class."""
    rows: NDArray[np.float32] = logits.numpy()
    return np.array([[row[class_index], softmax(row)[class_index]] for row in rows], np.float64)
