"""Where the weights of a model are, without opening them: no torch, so the home page and the menu can ask."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from alexnet_viz.files.paths import hub_dir, weights_dir
from alexnet_viz.network.zoo import BEST_MODEL, DEFAULT_MODEL, MODELS, ModelEntry

Origin = Literal["shipped", "home", "hub", "file", "random"]

SHIPPED_DIR = Path(__file__).resolve().parent.parent.parent / "assets" / "weights"


@dataclass(frozen=True)
class WeightsSource:
    """A place for weights. `path` is None for seeded random ones."""

    origin: Origin
    path: Path | None = None

    @property
    def trained(self) -> bool:
        return self.origin != "random"


RANDOM = WeightsSource("random")


def search_path(entry: ModelEntry) -> list[WeightsSource]:
    """Where a model's weights are looked for, best first, whether or not a file is there."""
    in_home = [f"{entry.id}.safetensors", f"{entry.id}.pth", entry.hub, entry.also]
    return [
        *([WeightsSource("shipped", SHIPPED_DIR / entry.shipped)] if entry.shipped else []),
        *(WeightsSource("home", weights_dir() / name) for name in in_home if name),
        *([WeightsSource("hub", hub_dir() / entry.hub)] if entry.hub else []),
    ]


def find_weights(entry: ModelEntry) -> WeightsSource:
    """The first place that holds a file; seeded random weights where none does."""
    return next((place for place in search_path(entry) if place.path and place.path.is_file()), RANDOM)


def default_model() -> str:
    """The network that the pages look at until another one is chosen: the one that knows most, where it is here."""
    return BEST_MODEL if find_weights(MODELS[BEST_MODEL]).trained else DEFAULT_MODEL
