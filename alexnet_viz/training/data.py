"""The images of a run: found, decoded once, kept for the next start, split, and put on the device."""

import json
import os
import shutil
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from alexnet_viz.errors import UserError
from alexnet_viz.files.paths import CIFAR10_VARIABLE, cifar10_path
from alexnet_viz.training.config import TrainConfig
from alexnet_viz.training.datasets import Dataset, Split, load_dataset
from alexnet_viz.training.left_out import of_record
from alexnet_viz.training.shapes import SIDE, shapes10
from alexnet_viz.training.uploads import decoded_folder

CIFAR10 = "cifar10"
SHAPES = "shapes"
DECODED_AS = 2  # counts the ways in which files have become images here: other layouts, other colours
PARTS = ("train", "validation", "test")


def open_data(data: str, side: int) -> Dataset:
    """What `TrainConfig.data` names, as squares of `side` pixels.

    A zip's images are kept decoded under `home_dir()/datasets`, so that a second start takes no time. Raises
    `UserError` for data that is not there.
    """
    if data == SHAPES:
        if side != SIDE:
            raise UserError(
                "The shapes are drawn with {drawn}x{drawn} pixels, but this network's input has {side}x{side}. "
                "Choose a network for {drawn}x{drawn} pixels.",
                drawn=SIDE,
                side=side,
            )
        return shapes10()
    path = cifar10_path() if data == CIFAR10 else Path(data).expanduser()
    if path is None:
        raise UserError(
            "CIFAR-10 is not here yet. Download it on the training page, or set {variable} to a zip with one folder "
            "of pictures for each class.",
            variable=CIFAR10_VARIABLE,
        )
    return _kept(path, side)


# ---- Kept for the next time -----------------------------------------------------------------------------------------


def _kept(path: Path, side: int) -> Dataset:
    """The decoded images of an earlier start if the zip has not changed since; otherwise decoded now, and kept."""
    if not path.is_file():  # a folder: whether its files have changed takes as long to find out as to decode them
        return load_dataset(path, side=side)
    folder = decoded_folder(path, side)
    stamp = [path.stat().st_size, path.stat().st_mtime_ns, DECODED_AS]
    try:
        return _read(folder, stamp)
    except (OSError, ValueError, KeyError, TypeError):
        dataset = load_dataset(path, side=side)
    with suppress(OSError):  # no room: the run does not need it
        _write(folder, stamp, dataset)
    return dataset


def _read(folder: Path, stamp: list[int]) -> Dataset:
    about = json.loads((folder / "dataset.json").read_text(encoding="utf-8"))
    if about.pop("stamp") != stamp:
        raise ValueError("of an earlier zip")
    splits = {
        part: Split(*(torch.from_numpy(np.load(folder / f"{part}_{what}.npy")) for what in ("images", "labels")))
        for part in PARTS
    }
    return Dataset(
        about["name"],
        tuple(about["classes"]),
        **splits,
        left_out=tuple(map(of_record, about["left_out"])),
        outside=tuple(about["outside"]),
    )


def _write(folder: Path, stamp: list[int], dataset: Dataset) -> None:
    """Written beside and renamed: nobody reads half of it."""
    fresh = folder.with_name(f"{folder.name}.{os.getpid()}")
    about = {"stamp": stamp, "name": dataset.name, "classes": dataset.classes, "outside": dataset.outside}
    about["left_out"] = [one.record() for one in dataset.left_out]
    try:
        fresh.mkdir(parents=True)
        for part, split in zip(PARTS, (dataset.train, dataset.validation, dataset.test), strict=True):
            np.save(fresh / f"{part}_images.npy", split.images.numpy())
            np.save(fresh / f"{part}_labels.npy", split.labels.numpy())
        (fresh / "dataset.json").write_text(json.dumps(about), encoding="utf-8")
        shutil.rmtree(folder, ignore_errors=True)
        fresh.rename(folder)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


# ---- For one run ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Data:
    """What a run learns from, is checked on, and is examined with at its end."""

    classes: tuple[str, ...]
    train: Split  # all three: uint8 (N, C, H, W), on the device
    validation: Split  # empty where the config keeps none
    test: Split  # empty where whoever split the dataset made none


def prepare(dataset: Dataset, config: TrainConfig, channels: int, device: torch.device) -> Data:
    """The dataset as the network wants it, on the device.

    The config's share of each class is kept for validation, unless the dataset brings its own validation images.
    """

    def ready(split: Split) -> Split:
        images = grey(split.images) if channels == 1 else split.images
        # With the channels last in memory, a pixel is one thing to move.
        images = images.to(device).contiguous(memory_format=torch.channels_last)
        return Split(images, split.labels.to(device))

    if len(dataset.validation):
        return Data(dataset.classes, ready(dataset.train), ready(dataset.validation), ready(dataset.test))
    kept = _kept_for_validation(dataset.train.labels, config.validation, config.seed)
    if len(kept) == len(dataset.train) or (config.validation and not len(kept)):
        raise UserError(
            "{count} training images are too few to keep {share} of them for validation. "
            "Add images, or change the validation share.",
            count=len(dataset.train),
            share=config.validation,
        )
    mask = torch.zeros(len(dataset.train), dtype=torch.bool)
    mask[kept] = True
    train, validation = (Split(dataset.train.images[chosen], dataset.train.labels[chosen]) for chosen in (~mask, mask))
    return Data(dataset.classes, ready(train), ready(validation), ready(dataset.test))


def _kept_for_validation(labels: Tensor, share: float, seed: int) -> Tensor:
    """Which images: the share of each class, rounded down, but of all of them at least one where there is a share."""
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(seed))
    of_each = [order[labels[order] == label] for label in labels.unique()]
    kept = torch.cat([members[: int(share * len(members) + 1e-9)] for members in of_each])
    return kept if len(kept) or not share else order[:1]


def grey(images: Tensor) -> Tensor:
    """RGB images as gray ones, to the bit as Pillow's mode L: uint8 (N, 3, H, W) -> (N, 1, H, W)."""
    weights = torch.tensor([19595, 38470, 7471], dtype=torch.int32).view(1, 3, 1, 1)
    parts = [((part.int() * weights).sum(1, keepdim=True) + 0x8000) >> 16 for part in images.split(1000)]
    return torch.cat(parts).to(torch.uint8)


def first(split: Split, count: int) -> Split:
    """Some images of every class in turn, the same ones every time: for predictions to be looked at."""
    places = [(split.labels == label).nonzero()[:, 0] for label in split.labels.unique()]
    each = -(-count // max(1, len(places)))
    order = [members[i] for i in range(each) for members in places if i < len(members)][:count]
    chosen = torch.stack(order) if order else torch.zeros(0, dtype=torch.int64, device=split.labels.device)
    return replace(split, images=split.images[chosen], labels=split.labels[chosen])
