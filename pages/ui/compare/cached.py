"""ResNet-18, loaded once, and its answers, kept."""

import gc
from pathlib import Path
from typing import TYPE_CHECKING

from alexnet_viz.pictures import images
from alexnet_viz.serving.imports import ensure_ml
from pages.ui.session import Picture
from pages.ui.store.rules import computed, keep_shared

if TYPE_CHECKING:
    from torch import nn

    from alexnet_viz.inspection.classify import Answer


@keep_shared(max_entries=1)
def _resnet(path: Path, _picture: Picture) -> "nn.Module":
    """The network in a file, whatever the picture. The first call imports torchvision."""
    ensure_ml()
    from alexnet_viz.inspection.resnet import load

    network = load(path)
    gc.freeze()  # torchvision's objects too are left out of the collection after every rerun, see `ensure_ml`
    return network


@computed(64, given=_resnet)
def resnet_answer(network: "nn.Module", path: Path, picture: Picture) -> "Answer":
    """What ResNet-18 with the weights of a file says about a picture."""
    from alexnet_viz.inspection.resnet import classify

    return classify(network, images.decode(picture.data).image)
