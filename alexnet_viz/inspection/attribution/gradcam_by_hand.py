"""Grad-CAM worked by hand with the real numbers (Selvaraju et al. 2017, section 3).

    worked = recipe(model, input_array(model, picture.image))
    worked.gradients[k].mean()              # equation 1: worked.weights[k], how much map k speaks for the class
    worked.weights @ worked.maps            # (as arrays) equation 2 before its ReLU: worked.weighted_sum
    worked.rectified                        # the ReLU; then worked.enlarged_rectified is what is drawn

    recipe(model, array, off={"conv3": [7, 42]})   # the same with channels off, as on the switchboard

Plain autograd over the layers run one by one, without hooks and without Captum: an independent check of `attribution`.
"""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 (torch's own convention)
from numpy.typing import NDArray
from torch import Tensor

from alexnet_viz.inspection.activations import Floats, Off, onwards, output_of
from alexnet_viz.inspection.attribution.attribute import Target, class_index, map_layer, rectified
from alexnet_viz.inspection.classify import softmax
from alexnet_viz.network.weights import Model


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Every step of Grad-CAM at one layer for one class."""

    layer: str
    target: int  # index of the class
    class_id: str
    logit: float  # with the channels in `off` switched off
    probability: float
    maps: Floats  # (K, h, w), the layer's output
    gradients: Floats  # (K, h, w), of the class's logit by each value of the maps
    weights: Floats  # (K,), mean of each map's gradients: equation 1
    weighted_sum: Floats  # (h, w), sum of weight x map, signed: equation 2 before its ReLU
    enlarged: Floats  # (H, W) of the network's input, signed, bilinear with align_corners=False
    top: NDArray[np.int64]  # (K,), channels by the magnitude of weight x mean of the map, largest first

    @property
    def rectified(self) -> Floats:
        """(h, w), equation 2 with its ReLU."""
        return rectified(self.weighted_sum)

    @property
    def enlarged_rectified(self) -> Floats:
        """(H, W), what is drawn: enlarged, then the ReLU, as in `attribution`; in the paper the ReLU comes first."""
        return rectified(self.enlarged)

    @property
    def all_negative(self) -> bool:
        """No map speaks for the class."""
        return bool((self.weights <= 0).all())

    @property
    def blank(self) -> bool:
        """The ReLU leaves nothing to draw."""
        return not self.weighted_sum.max() > 0


def recipe(model: Model, array: Floats, layer: str = "", target: Target = None, *, off: Off | None = None) -> Recipe:
    """Grad-CAM of the network's input (C, H, W), step by step; at the last convolution's ReLU, for the top class.

    `off` maps layers to the channels that are set to zero after them, the chosen layer included. Without a class, the
    top one with those channels off is taken. Raises `UserError` for a layer or class that does not exist.
    """
    name, index = map_layer(model.network.spec, layer), class_index(model, target)
    with torch.no_grad():
        maps = output_of(model.network, torch.from_numpy(array)[None], name, off)  # (1, K, h, w), some of them zero
    leaf = maps.detach().clone().requires_grad_(True)
    later = {key: channels for key, channels in (off or {}).items() if key != name}
    with torch.enable_grad():
        *_, (_, logits) = onwards(model.network, leaf, name, later)
        index = int(logits[0].argmax()) if index is None else index
        (gradients,) = torch.autograd.grad(logits[0, index], leaf)
    return _worked(model, name, index, logits[0].detach(), maps[0], gradients[0], array.shape[1:])


def _worked(
    model: Model,
    layer: str,
    target: int,
    logits: Tensor,
    maps: Tensor,  # (K, h, w)
    gradients: Tensor,  # (K, h, w)
    size: tuple[int, ...],
) -> Recipe:
    weights = gradients.mean((1, 2))
    weighted_sum = (weights[:, None, None] * maps).sum(0)
    large = F.interpolate(weighted_sum[None, None], size, mode="bilinear", align_corners=False)[0, 0]
    parts = (weights * maps.mean((1, 2))).abs()
    return Recipe(
        layer=layer,
        target=target,
        class_id=model.classes[target],
        logit=float(logits[target]),
        probability=float(softmax(logits.numpy())[target]),
        maps=maps.numpy(),
        gradients=gradients.numpy(),
        weights=weights.numpy(),
        weighted_sum=weighted_sum.numpy(),
        enlarged=large.numpy(),
        top=np.argsort(-parts.numpy(), kind="stable"),
    )
