"""What stands for "nothing is there" in a picture: what attribution compares with, and what a covered part shows.

baseline("blur", batch, model.entry.preprocess)    # (B, C, H, W), like the batch
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812 (torch's own convention)
from torch import Tensor

from alexnet_viz.errors import UserError
from alexnet_viz.pictures.images import Preprocess
from alexnet_viz.words.i18n import N_

BLUR = 1 / 20  # standard deviation of the blur, as a share of the picture's shorter side: shapes go, colours stay


@dataclass(frozen=True)
class Baseline:
    """One way of showing nothing. `make` takes normalised pictures (B, C, H, W) and the preprocessing they had."""

    id: str
    title: str  # marked for translation
    make: Callable[[Tensor, Preprocess], Tensor]


def baseline(id: str, batch: Tensor, preprocess: Preprocess) -> Tensor:
    """The baseline of each picture of a normalised batch, of its shape. Raises `UserError` for an unknown one."""
    if id not in BASELINES:
        raise UserError("There is no baseline named {name}. Baselines: {known}.", name=id, known=", ".join(BASELINES))
    return BASELINES[id].make(batch, preprocess)


def blurred(batch: Tensor, sigma: float) -> Tensor:
    """A Gaussian blur of (B, C, H, W), edges repeated outwards. `sigma` in pixels; the kernel ends at 3 sigma."""
    reach = math.ceil(3 * sigma)
    offsets = torch.arange(-reach, reach + 1, dtype=batch.dtype)
    kernel = torch.exp(-0.5 * (offsets / sigma) ** 2)
    kernel /= kernel.sum()
    maps = batch.flatten(0, 1)[:, None]  # (B * C, 1, H, W)
    maps = F.conv2d(F.pad(maps, (0, 0, reach, reach), mode="replicate"), kernel.reshape(1, 1, -1, 1))
    maps = F.conv2d(F.pad(maps, (reach, reach, 0, 0), mode="replicate"), kernel.reshape(1, 1, 1, -1))
    return maps.reshape(batch.shape)


def _black(batch: Tensor, preprocess: Preprocess) -> Tensor:
    colour = [-mean / std for mean, std in zip(preprocess.mean, preprocess.std, strict=True)]
    return torch.tensor(colour, dtype=batch.dtype).reshape(1, -1, 1, 1).expand_as(batch).contiguous()


def _grey(batch: Tensor, preprocess: Preprocess) -> Tensor:
    """The preprocessing's mean colour, which is 0 once it is subtracted."""
    return torch.zeros_like(batch)


def _blur(batch: Tensor, preprocess: Preprocess) -> Tensor:
    return blurred(batch, BLUR * min(batch.shape[2:]))


_ENTRIES = (
    Baseline("black", N_("black"), _black),
    Baseline("grey", N_("grey, the mean colour of the training pictures"), _grey),
    Baseline("blur", N_("the picture itself, blurred"), _blur),
)

BASELINES: Mapping[str, Baseline] = {entry.id: entry for entry in _ENTRIES}
