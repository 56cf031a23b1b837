"""ResNet-18, for the same photo: torchvision's network with its published weights, where their file is.

    path = find()                                 # the file, or None: places() says where it is looked for
    for progress in download(): ...               # puts it into the weights folder
    answer = classify(load(path), image)          # an Answer over ImageNet's 1000 classes

ResNet-18 branches, so it is no spec. torchvision is imported by `load` alone.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from PIL import Image

from alexnet_viz.errors import UserError
from alexnet_viz.files.download import DownloadProgress, fetch
from alexnet_viz.files.paths import published_paths, weights_dir
from alexnet_viz.inspection.classify import Answer, run_once
from alexnet_viz.network.references import RESNET18_FILE
from alexnet_viz.network.weights import read_state
from alexnet_viz.network.zoo import IMAGENET_MEAN, IMAGENET_STD
from alexnet_viz.pictures.images import Preprocess
from alexnet_viz.words.labels import class_ids

if TYPE_CHECKING:
    from torch import nn

FILE = RESNET18_FILE
SHA256 = FILE.removesuffix(".pth").rsplit("-", 1)[-1]  # its first digits
URL = f"https://download.pytorch.org/models/{FILE}"
PREPROCESS = Preprocess(size=256, crop=224, mean=IMAGENET_MEAN, std=IMAGENET_STD)


def places() -> tuple[Path, ...]:
    """Where the file is looked for, in this order: the weights folder, torch hub's cache."""
    return published_paths(FILE)


def find() -> Path | None:
    """The first place that has it."""
    return next((path for path in places() if path.is_file()), None)


def download() -> Iterator[DownloadProgress]:
    """Fetch the published file into the weights folder, checked by its sha256. Raises `UserError` as `fetch` does."""
    return fetch(URL, weights_dir() / FILE, SHA256)


def load(path: Path) -> "nn.Module":
    """The network in evaluation mode. The file is read as every weights file is: nothing in it is run.

    Raises `UserError` for a file that is something else, and without torchvision.
    """
    try:
        from torchvision.models import resnet18  # type: ignore[import-untyped]
    except ImportError as problem:
        raise UserError("ResNet-18 needs torchvision: run `python -m pip install -r requirements.txt`.") from problem

    state, _ = read_state(path)
    with torch.device("meta"):
        network: nn.Module = resnet18(weights=None)
    try:
        network.load_state_dict(state, strict=True, assign=True)
    except RuntimeError as problem:
        raise UserError(
            "{file} does not hold ResNet-18's weights. Remove it, then download {url} anew.", file=path.name, url=URL
        ) from problem
    return network.eval().requires_grad_(False)


def classify(network: "nn.Module", image: Image.Image) -> Answer:
    """Run it once on an RGB picture, preprocessed as torchvision's weights ask for."""
    return run_once(network, class_ids("imagenet"), PREPROCESS, image)
