"""Edited networks, printed and run, kept."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from alexnet_viz.network.notation import read_spec
from alexnet_viz.network.zoo import preprocess_for
from alexnet_viz.pictures import images
from pages.ui.session import Picture
from pages.ui.store.rules import computed

if TYPE_CHECKING:
    from torch import Tensor

    from alexnet_viz.network.build import Network
    from alexnet_viz.network.weights import Model


@computed(64)
def printed(written: str) -> str:
    """What `print(model)` shows for a network written as a link writes it."""
    from alexnet_viz.network.build import meta_network

    return str(meta_network(read_spec(written))).replace("Network(", "AlexNet(", 1)


@dataclass(frozen=True)
class EditedRun:
    """An edited network, run on a picture: its weights, which of them are random, and every layer's output."""

    network: "Network"
    trained: bool  # whether the model it came from has weights
    random: tuple[str, ...]  # layers whose weights are random because their shapes changed
    array: NDArray[np.float32]  # (C, H, W), what the network saw
    outputs: "dict[str, Tensor]"  # by layer name, (1, C, H, W) or (1, N); never changed


@computed(4, shared=True)
def edited_run(base: "Model", written: str, picture: Picture) -> EditedRun:
    """Run an edited network, as a link writes it, on a picture, with its preset's weights wherever they still fit."""
    import torch

    from alexnet_viz.inspection.activations import activations
    from alexnet_viz.network.weights import carried_over

    spec = read_spec(written)
    preprocess = preprocess_for(base.entry, spec)
    assert preprocess is not None  # the page asks only for photographs
    array = preprocess.to_array(images.decode(picture.data).image)
    network, random = carried_over(base, spec)
    outputs = activations(network, torch.from_numpy(array)[None])
    return EditedRun(network, base.trained, random if base.trained else (), array, outputs)
