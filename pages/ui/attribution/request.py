"""What the attribution page asks for: the map of one class, made by one method from one network and picture."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pages.ui.session import Picture

if TYPE_CHECKING:
    from alexnet_viz.network.weights import Model

Settings = tuple[tuple[str, int | str], ...]


@dataclass(frozen=True)
class MapRequest:
    """Two equal requests for the same picture have the same answer."""

    model: "Model"
    picture: Picture
    class_id: str  # the class asked for, the network's own answer by default
    method: str
    layer: str  # of the methods that look at a layer
    settings: Settings = ()  # as far as they differ from the defaults

    @property
    def needs_layer(self) -> bool:
        from alexnet_viz.inspection.attribution.methods import METHODS

        return METHODS[self.method].needs_layer

    @property
    def layer_used(self) -> str:
        return self.layer if self.needs_layer else ""
