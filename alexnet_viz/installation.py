"""What this installation has: processor, libraries, weights, folder. Found without importing torch."""

import importlib.metadata
import os
import platform
import shutil
from contextlib import suppress
from dataclasses import dataclass

from alexnet_viz.files.paths import cifar10_path, home_dir, published_paths
from alexnet_viz.network.references import RESNET18_FILE
from alexnet_viz.network.sources import find_weights
from alexnet_viz.network.zoo import BEST_MODEL, LISTED
from alexnet_viz.training.cifar10 import ARCHIVE_MIB
from alexnet_viz.words.i18n import N_, Message


@dataclass(frozen=True)
class Fact:
    """One thing the home page tells about the installation."""

    label: str  # marked for translation
    value: Message
    hint: Message | None = None


def installation() -> list[Fact]:
    """The facts, in the order in which a visitor would ask."""
    trained = [entry.id for entry in LISTED.values() if find_weights(entry).trained]
    gpu = shutil.which("nvidia-smi") is not None
    return [
        Fact(
            N_("Trained networks"),
            Message("{count} of {total}", count=len(trained), total=len(LISTED)),
            Message("Trained: {models}. The others answer with random weights and say so.", models=", ".join(trained)),
        ),
        Fact(
            N_("Computes on"),
            Message("graphics card") if gpu else Message("processor, {cores} cores", cores=os.cpu_count()),
            Message("The pages compute on the processor; training uses a graphics card where there is one."),
        ),
        Fact(
            N_("PyTorch"),
            Message("{version}", version=importlib.metadata.version("torch").split("+")[0]),
            Message("Python {version}", version=platform.python_version()),
        ),
        Fact(
            N_("Own files"),
            Message("{size} MB", size=_folder_megabytes()),
            Message(
                "Runs, datasets and weights are kept in {folder}. Set ALEXNET_VIZ_HOME for another place.",
                folder=str(home_dir()),
            ),
        ),
    ]


@dataclass(frozen=True)
class Extra:
    """Something that is not shipped and may be downloaded: what it is good for, and the page that offers it."""

    title: str  # marked for translation
    use: str  # marked for translation
    mebibytes: int
    page: str
    is_here: bool


def extras() -> list[Extra]:
    """What may be downloaded, and whether it is here already. Nothing is downloaded by itself."""
    return [
        Extra(
            N_("ImageNet weights of torchvision's AlexNet"),
            N_("answers among 1000 classes instead of 200"),
            233,
            "classify",
            find_weights(LISTED[BEST_MODEL]).trained,
        ),
        Extra(
            N_("CIFAR-10"),
            N_("50,000 small pictures to train networks with, and 10,000 to test them"),
            ARCHIVE_MIB,
            "train",
            cifar10_path() is not None,
        ),
        Extra(
            N_("ResNet-18"),
            N_("a network of 2015 that looks at the same photo"),
            45,
            "compare",
            any(place.is_file() for place in published_paths(RESNET18_FILE)),
        ),
    ]


def _folder_megabytes() -> int:
    size = 0
    for folder, _, files in os.walk(home_dir()):  # it passes over folders that go away meanwhile
        for name in files:
            with suppress(OSError):  # a run replaces its files every second
                size += os.stat(os.path.join(folder, name)).st_size
    return round(size / 1e6)
