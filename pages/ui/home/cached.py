"""The thumbnails of the home page's cards, kept."""

from typing import TYPE_CHECKING

from alexnet_viz.pictures import render
from pages.ui.session import Picture
from pages.ui.store import networks
from pages.ui.store.rules import computed

if TYPE_CHECKING:
    from alexnet_viz.network.weights import Model


@computed(16)
def filter_sheet(model: "Model", layer: str, width: int) -> bytes:
    """All kernels of a layer as one PNG."""
    from alexnet_viz.inspection.filters import kernels

    return render.kernels(kernels(model.network, layer), width).png


@computed(64)
def gradcam(model: "Model", picture: Picture) -> bytes:
    """Grad-CAM of the model's own answer over what it saw, as PNG."""
    from alexnet_viz.inspection.attribution.attribute import attribute, rectified

    heat = rectified(attribute(model, networks.input_array(model, picture), "gradcam").heat)
    return render.overlaid(networks.seen(model, picture), heat, float(heat.max()) or 1.0)
