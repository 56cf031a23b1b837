"""Where this installation keeps what it makes and what it is given: runs, datasets, weights.

`ALEXNET_VIZ_HOME` names the folder; without it, the platform's folder for user data.
"""

import os
from pathlib import Path

import platformdirs


def home_dir() -> Path:
    """The folder, as an absolute path; it need not exist yet."""
    chosen = os.environ.get("ALEXNET_VIZ_HOME", "").strip()
    return Path(chosen).expanduser().absolute() if chosen else Path(platformdirs.user_data_dir("alexnet-viz"))


def weights_dir() -> Path:
    """Where a user puts weight files, and where downloads go."""
    return home_dir() / "weights"


def hub_dir() -> Path:
    """Torch hub's checkpoint cache, by torch's own rules (`torch.hub.get_dir`), found without importing torch."""
    cache = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser()
    return Path(os.environ.get("TORCH_HOME", cache / "torch")).expanduser() / "hub" / "checkpoints"
