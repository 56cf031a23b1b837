"""Where the weights of a model are, and how they come here. None is opened: no torch, so the menu can ask.

for progress in download(entry):              # only when somebody asks
    print(progress.done, progress.total)      # bytes
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from alexnet_viz.files.download import DownloadProgress, fetch
from alexnet_viz.files.paths import hub_dir, weights_dir
from alexnet_viz.network.zoo import BEST_MODEL, DEFAULT_MODEL, MODELS, ModelEntry

Origin = Literal["shipped", "home", "hub", "file", "random"]

# How a person saves the weights alone.
SAVE = 'torch.save(model.state_dict(), "weights.pth")'
SAVE_FROM_CHECKPOINT = 'torch.save(torch.load("{file}", map_location="cpu")["state_dict"], "weights.pth")'

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


def download(entry: ModelEntry, *, url: str | None = None, folder: Path | None = None) -> Iterator[DownloadProgress]:
    """Fetch a model's published weights into `ALEXNET_VIZ_HOME/weights`; yields progress.

    They are checked by the sha256 prefix that torchvision writes into file names (`alexnet-owt-7be5be79.pth`). Stopping
    the iteration keeps what has arrived. Raises `UserError` as `alexnet_viz.files.download.fetch` does.
    """
    target = (folder or weights_dir()) / entry.hub
    yield from fetch(url or entry.url, target, sha256=target.stem.rsplit("-", 1)[-1])


def default_model() -> str:
    """The network that the pages look at until another one is chosen: the one that knows most, where it is here."""
    return BEST_MODEL if find_weights(MODELS[BEST_MODEL]).trained else DEFAULT_MODEL
