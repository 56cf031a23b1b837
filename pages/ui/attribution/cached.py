"""What the attribution page tries on a picture, kept."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from alexnet_viz.network.fields import Box
from alexnet_viz.pictures import images
from pages.ui.session import Picture
from pages.ui.store import networks
from pages.ui.store.rules import computed

if TYPE_CHECKING:
    from alexnet_viz.inspection.attribution.attribute import Completeness
    from alexnet_viz.network.weights import Model


@computed(256)
def covered(
    model: "Model", picture: Picture, box: tuple[int, int, int, int], how: str
) -> tuple[bytes, NDArray[np.float32]]:
    """What the network saw with a box covered, as PNG, and the logits it gives."""
    import torch

    from alexnet_viz.inspection.attribution.covering import covered

    preprocess = model.entry.preprocess
    seen = covered(networks.seen(model, picture), Box(*box), how, preprocess)
    gray = len(preprocess.mean) == 1
    array = preprocess.normalised(seen.convert("L") if gray else seen)  # it is resized and cropped already
    with torch.inference_mode():
        logits = model.network(torch.from_numpy(array)[None])[0]
    return images.encode(seen), logits.numpy().copy()


@computed(128)
def completeness(model: "Model", picture: Picture, heat: NDArray[np.float32], target: int) -> "Completeness":
    """How far a map's sum is from the logit's difference to a black picture."""
    from alexnet_viz.inspection.attribution.trust import completeness

    return completeness(model, networks.input_array(model, picture), heat, target)
