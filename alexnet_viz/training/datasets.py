"""Pictures in class folders, wholly in memory as uint8: a dataset from a folder or a zip.

    dataset = load_dataset(Path("cifar10-jpeg.zip"))
    dataset.classes            # ("airplane", ..., "truck"): label 0 is "airplane"
    dataset.train.images       # uint8 (50000, 3, 32, 32), RGB
    dataset.test.labels        # int64 (10000,)

Two layouts are understood, with or without one folder around everything:

    train/CLASS/PICTURE, test/CLASS/PICTURE     split by whoever made it
    CLASS/PICTURE                               split here: a fifth of each class is kept for testing
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from alexnet_viz.errors import UserError
from alexnet_viz.pictures.images import Preprocess, decode
from alexnet_viz.training.archives import Files, Name, mebibytes, open_files, shown
from alexnet_viz.words.i18n import Message

DEFAULT_SIDE = 32  # pixels, as CIFAR-10 has them
TEST_SHARE = 0.2  # of each class, where the dataset is not split yet
SPLIT_SEED = 0  # the same pictures are kept for testing every time
MAX_PIXEL_BYTES = 2 * 2**30  # of all decoded pictures; while they are put together twice as much is in use

Pixels = NDArray[np.uint8]  # (3, side, side), RGB
ClassFolder = tuple[str, str]  # ("train" or "test", or "" where the dataset is not split; class)


@dataclass(frozen=True)
class Split:
    """Pictures and their classes, ordered by class, then by file name."""

    images: Tensor  # uint8 (N, 3, H, W), RGB
    labels: Tensor  # int64 (N,), indices into `Dataset.classes`

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class Dataset:
    """Pictures of one size, to learn from (`train`) and to be examined with (`test`)."""

    name: str  # of the folder or zip, without ".zip"
    classes: tuple[str, ...]  # sorted
    train: Split
    test: Split
    skipped: int  # files that are no readable picture or lie outside the class folders

    def __len__(self) -> int:
        """Pictures in both splits."""
        return len(self.train) + len(self.test)


def load_dataset(path: Path, *, side: int = DEFAULT_SIDE, leave_out: Collection[str] = ()) -> Dataset:
    """The dataset in a folder or zip; the same files give the same tensors in the same order.

    All pictures become squares of `side` pixels: the shorter side resized, the centre cut out. Every picture passes
    through `images.decode` and its limits: below 8 pixels it is skipped, above 2048 it arrives reduced. `leave_out`
    names files that are not to be read, as "train/CLASS/PICTURE".

    Files that are no picture are skipped and counted. A class folder with files but no picture is an error; one
    without files is no class. Whatever is wrong with the data raises UserError.
    """
    with open_files(path) as files:
        folders, classes = layout_of(files)
        if leave_out:
            folders = {
                key: [name for name in names if "/".join(name) not in leave_out] for key, names in folders.items()
            }
        pictures, places = _decoded(files, folders, side)
        train, test = _split(places, files.title)
        return Dataset(
            name=re.sub(r"\.zip$", "", files.title, flags=re.IGNORECASE),
            classes=classes,
            train=_tensors(pictures, train, classes),
            test=_tensors(pictures, test, classes),
            skipped=len(files.names) - len(pictures),
        )


def layout_of(files: Files) -> tuple[Mapping[ClassFolder, list[Name]], tuple[str, ...]]:
    """The files of each class folder, and the classes. No file is opened; a layout that is none raises UserError."""
    folders = _class_folders(files)
    return folders, _classes(folders, files.title)


def sample_pictures(path: Path, count: int) -> list[tuple[str, bytes]]:
    """Some pictures of a dataset without reading the rest: (class, encoded bytes), about equally many of each class.

    Test pictures where the dataset is split, spread evenly over each folder; the same ones every time.
    """
    with open_files(path) as files:
        folders = {key: names for key, names in _class_folders(files).items() if key[0] in ("", "test")}
        each = max(1, count // max(1, len(folders)))
        return [
            (label, files.read(names[i * len(names) // each]))
            for (_, label), names in folders.items()
            for i in range(min(each, len(names)))
        ]


# ---- Layout ---------------------------------------------------------------------------------------------------------


def _class_folders(files: Files) -> Mapping[ClassFolder, list[Name]]:
    """The files of each class folder; what lies outside of them is left out."""
    if not files.names:
        raise UserError("{source} holds no files. It needs a folder of pictures for each class.", source=files.title)
    tops = {name[0] for name in files.names if len(name) > 1}
    wrapped = len(tops) == 1 and any(len(name) > 2 for name in files.names)
    inside = [name[wrapped:] for name in files.names]
    tops = {name[0] for name in inside if len(name) > 1}
    is_split = {"train", "test"} <= {top.casefold() for top in tops}
    folders: dict[ClassFolder, list[Name]] = {}
    for name, below in zip(files.names, inside, strict=True):
        part, path = ("".join(below[:1]).casefold(), below[1:]) if is_split else ("", below)
        if len(path) == 2 and part in ("", "train", "test"):
            folders.setdefault((part, path[0]), []).append(name)
    if {part for part, _ in folders} not in ({""}, {"train", "test"}):
        raise UserError(
            "The pictures in {source} are not sorted into class folders. Arrange them as CLASS/PICTURE, or as "
            "train/CLASS/PICTURE and test/CLASS/PICTURE. Folders found at its top: {folders}.",
            source=files.title,
            folders=shown(", ".join(sorted(tops)[:5])) or Message("none"),
        )
    return dict(sorted(folders.items()))


def _classes(folders: Mapping[ClassFolder, list[Name]], title: str) -> tuple[str, ...]:
    classes = sorted({label for part, label in folders if part != "test"})
    strangers = sorted({label for _, label in folders} - set(classes))
    if strangers:
        raise UserError(
            "{source} has test pictures of {classes}, but none to learn from. "
            "Add train/{first} or remove test/{first}.",
            source=title,
            classes=shown(", ".join(strangers)),
            first=shown(strangers[0]),
        )
    if len(classes) < 2:
        raise UserError(
            "{source} has only 1 class, {label}; at least 2 are needed. Add a folder of pictures of something else.",
            source=title,
            label=shown(classes[0]),
        )
    for label in classes:
        if shown(label) != label:
            raise UserError(
                "The class folder {label} in {source} has characters that cannot be shown. Rename it.",
                source=title,
                label=shown(label),
            )
    return tuple(classes)


# ---- Pictures -------------------------------------------------------------------------------------------------------


def _square(image: Image.Image, side: int) -> Pixels:
    """Resized and cut out by the arithmetic that networks' inputs go through, so both see the same pixels."""
    pixels = Preprocess(size=side, crop=side, mean=(0.0,) * 3, std=(1.0,) * 3).to_array(image)
    return np.rint(pixels * 255).astype(np.uint8)


def _too_large(count: int, side: int) -> UserError:
    return UserError(
        "{count:,} pictures of {width} x {height} pixels take {needed} of memory; at most {limit} are used. "
        "Use fewer pictures, or ask for a smaller side.",
        count=count,
        width=side,
        height=side,
        needed=mebibytes(count * 3 * side**2),
        limit=mebibytes(MAX_PIXEL_BYTES),
    )


def _decoded(
    files: Files, folders: Mapping[ClassFolder, list[Name]], side: int
) -> tuple[list[Pixels], dict[ClassFolder, list[int]]]:
    """Every picture, and where those of each class folder are."""
    files.check(name for names in folders.values() for name in names)
    pictures: list[Pixels] = []
    places: dict[ClassFolder, list[int]] = {}
    for folder, names in folders.items():
        first = len(pictures)
        reason: Message | None = None
        for name in names:
            data = files.read(name)
            try:
                picture = decode(data, shown(*name))
            except UserError as problem:
                reason = reason or problem.message
                continue
            if (len(pictures) + 1) * 3 * side**2 > MAX_PIXEL_BYTES:
                raise _too_large(len(pictures) + 1, side)
            pictures.append(_square(picture.image, side))
        if len(pictures) == first:
            raise UserError(
                "None of the files in the class folder {folder} is a picture that can be used ({count:,} tried). "
                "Add pictures or remove the folder. The first one: {reason}",
                folder=shown(*filter(None, folder)),
                count=len(names),
                reason=reason,
            )
        places[folder] = list(range(first, len(pictures)))
    return pictures, places


# ---- Splits ---------------------------------------------------------------------------------------------------------

Labelled = list[tuple[int, str]]  # (place among the pictures, class)


def _split(places: Mapping[ClassFolder, list[int]], title: str) -> tuple[Labelled, Labelled]:
    """Which pictures to learn from and which to be examined with."""
    split: dict[str, Labelled] = {"train": [], "test": []}
    for (part, label), indices in places.items():
        kept = _kept_for_testing(len(indices))
        for position, index in enumerate(indices):
            split[part or ("test" if position in kept else "train")].append((index, label))
    if not split["test"]:
        raise UserError(
            "No class in {source} has 2 pictures, so none can be kept for testing. Add pictures.", source=title
        )
    return split["train"], split["test"]


def _kept_for_testing(count: int) -> set[int]:
    """Which of a class's `count` pictures; the choice depends on nothing else, so classes may come and go."""
    share = max(1, round(count * TEST_SHARE)) if count > 1 else 0
    order = torch.randperm(count, generator=torch.Generator().manual_seed(SPLIT_SEED))
    return set(order[:share].tolist())


def _tensors(pictures: list[Pixels], chosen: Labelled, classes: tuple[str, ...]) -> Split:
    images = torch.from_numpy(np.stack([pictures[index] for index, _ in chosen]))
    return Split(images, torch.tensor([classes.index(label) for _, label in chosen]))
