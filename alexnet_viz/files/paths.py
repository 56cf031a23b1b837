"""Where this installation keeps what it makes and what it is given: runs, datasets, weights.

`ALEXNET_VIZ_HOME` names the folder; without it, the platform's folder for user data.
"""

import os
from pathlib import Path

import platformdirs

CIFAR10_VARIABLE = "ALEXNET_VIZ_CIFAR10"  # names the zip of CIFAR-10


def home_dir() -> Path:
    """The folder, as an absolute path; it need not exist yet."""
    chosen = os.environ.get("ALEXNET_VIZ_HOME", "").strip()
    return Path(chosen).expanduser().absolute() if chosen else Path(platformdirs.user_data_dir("alexnet-viz"))


def weights_dir() -> Path:
    """Where a user puts weight files, and where downloads go."""
    return home_dir() / "weights"


def cifar10_path() -> Path | None:
    """CIFAR-10 as a zip of class folders, if it is here: named by the variable, or in the folder for datasets."""
    places = [os.environ.get(CIFAR10_VARIABLE, ""), str(home_dir() / "datasets" / "cifar10.zip")]
    return next((Path(place) for place in places if os.path.isfile(place)), None)


def published_paths(file: str) -> tuple[Path, ...]:
    """Where a weights file as it was published is looked for, in this order: the weights folder, torch hub's cache."""
    return weights_dir() / file, hub_dir() / file


def hub_dir() -> Path:
    """Torch hub's checkpoint cache, by torch's own rules (`torch.hub.get_dir`), found without importing torch."""
    cache = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser()
    return Path(os.environ.get("TORCH_HOME", cache / "torch")).expanduser() / "hub" / "checkpoints"
