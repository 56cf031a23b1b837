"""What was measured of a layer's filters, kept."""

from typing import TYPE_CHECKING

from pages.ui.store.rules import computed

if TYPE_CHECKING:
    from alexnet_viz.inspection.filters import Statistics
    from alexnet_viz.network.weights import Model


@computed(64)
def statistics(model: "Model", layer: str) -> "Statistics":
    """Norm, orientation, colour and the like of a layer's filters."""
    from alexnet_viz.inspection.filters import kernels, sees_rgb, statistics, streams

    spec = model.network.spec
    return statistics(kernels(model.network, layer), streams(spec, layer), rgb=sees_rgb(spec, layer))
