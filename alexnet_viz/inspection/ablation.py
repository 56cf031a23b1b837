"""The switchboard: switch channels off and watch the answer move.

outputs = activations(model.network, batch)
changed = ablate(model.network, outputs, {"conv3": [7, 42]})    # every layer's output again
changed["fc8"]                                                  # the logits

for step in rank_channels(model.network, outputs, "conv3", class_index=3):
    ...                                                         # Progress, Progress, ..., Ranking
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from alexnet_viz.inspection.activations import Off, onwards
from alexnet_viz.inspection.classify import softmax
from alexnet_viz.inspection.progress import Progress
from alexnet_viz.network.build import Network
from alexnet_viz.network.fields import check_channel, check_layer
from alexnet_viz.network.spec import layer_names

MAX_BYTES = 64 * 2**20  # of the largest layer output of one batch in `rank_channels`; a single picture may exceed it


@dataclass(frozen=True)
class Ranking:
    """What each channel of a layer does for one class. A drop is untouched minus switched off.

    A positive drop: the channel speaks for the class, which does worse without it. Drops do not add up: the channels
    of a layer stand in for each other.
    """

    layer: str
    logit_drop: NDArray[np.float64]  # (N,), one a channel
    probability_drop: NDArray[np.float64]  # (N,), of the softmax, -1..1
    order: NDArray[np.int64]  # (N,), channels by logit_drop, largest first, equal ones by number


def ablate(network: Network, outputs: Mapping[str, Tensor], off: Off) -> dict[str, Tensor]:
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
        return {**outputs, **dict(onwards(network, outputs[first], first, off))}


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
        rows = values.repeat(len(channels), *[1] * (values.dim() - 1))  # in row i, channel i of these is off
        rows[torch.arange(len(channels)), channels] = 0.0
        with torch.no_grad():
            for _, changed in onwards(network, rows, layer):
                logits = changed  # one layer at a time: every layer's output of a batch would be large
        scores[channels.numpy()] = _scores(logits, class_index)
        yield Progress(start + len(channels), len(alive))
    logit_drop, probability_drop = (untouched - scores).T.copy()
    yield Ranking(layer, logit_drop, probability_drop, np.argsort(-logit_drop, kind="stable"))


def _scores(logits: Tensor, class_index: int) -> NDArray[np.float64]:
    """(B, 2): logit and probability of the class."""
    rows = logits.numpy()
    return np.stack([rows[:, class_index], softmax(rows)[:, class_index]], 1).astype(np.float64)
