"""Pictures in class folders, wholly in memory as uint8: a dataset from a folder or a zip.

    dataset = load_dataset(Path("cifar10-jpeg.zip"))
    dataset.classes            # ("airplane", ..., "truck"): label 0 is "airplane"
    dataset.train.images       # uint8 (50000, 3, 32, 32), RGB
    dataset.test.labels        # int64 (10000,)

The layouts that are understood are those of `layout.py`. What is not split yet is split here: a fifth of each class is
kept for testing. A dataset with training and validation pictures only has no test pictures.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from alexnet_viz.errors import UserError
from alexnet_viz.pictures.images import Preprocess, decode
from alexnet_viz.training.archives import FileError, Files, Reason, mebibytes, open_files, shown
from alexnet_viz.training.layout import ClassFolder, Layout, layout_of, refuse_empty
from alexnet_viz.training.left_out import LeftOut, counted, glance, reason_of

DEFAULT_SIDE = 32  # pixels, as CIFAR-10 has them
TEST_SHARE = 0.2  # of each class, where the dataset is not split yet
SPLIT_SEED = 0  # the same pictures are kept for testing every time
MAX_PIXEL_BYTES = 2 * 2**30  # of all decoded pictures; while they are put together twice as much is in use

Pixels = NDArray[np.uint8]  # (3, side, side), RGB


@dataclass(frozen=True)
class Split:
    """Pictures and their classes, ordered by class, then by file name."""

    images: Tensor  # uint8 (N, 3, H, W), RGB
    labels: Tensor  # int64 (N,), indices into `Dataset.classes`

    def __len__(self) -> int:
        return len(self.labels)


def _no_pictures() -> Split:
    return Split(torch.zeros(0, 3, 1, 1, dtype=torch.uint8), torch.zeros(0, dtype=torch.int64))


@dataclass(frozen=True)
class Dataset:
    """Pictures of one size, to learn from (`train`) and to be examined with (`test`)."""

    name: str  # of the folder or zip, without ".zip"
    classes: tuple[str, ...]  # sorted
    train: Split
    test: Split  # empty where whoever split the dataset made no test pictures
    validation: Split = field(default_factory=_no_pictures)  # empty unless whoever split the dataset made some
    left_out: tuple[LeftOut, ...] = ()  # files that are not among the pictures, and why
    outside: tuple[str, ...] = ()  # names of what lies outside the class folders

    def __len__(self) -> int:
        """Pictures in all splits."""
        return len(self.train) + len(self.test) + len(self.validation)

    @property
    def skipped(self) -> int:
        """Files that are left out."""
        return sum(one.count for one in self.left_out)

    @property
    def untested(self) -> tuple[str, ...]:
        """Classes without test pictures, where others have some."""
        tested = set(self.test.labels.tolist())
        return tuple(label for i, label in enumerate(self.classes) if tested and i not in tested)


def load_dataset(path: Path, *, side: int = DEFAULT_SIDE, leave_out: Collection[str] = ()) -> Dataset:
    """The dataset in a folder or zip; the same files give the same tensors in the same order.

    All pictures become squares of `side` pixels: the shorter side resized, the centre cut out. Every picture passes
    through `images.decode` and its limits: below 8 pixels it is left out, above 2048 it arrives reduced. `leave_out`
    names files that are not to be read, as "train/CLASS/PICTURE".

    Files that cannot be used are left out and counted. A class folder none of whose files can be used is an error; one
    without pictures is no class. Whatever is wrong with the data raises UserError.
    """
    with open_files(path) as files:
        layout = layout_of(files)
        decoded = _decoded(files, layout, side, leave_out)
        places = _split(decoded.places, files.title)
        return Dataset(
            name=re.sub(r"\.zip$", "", files.title, flags=re.IGNORECASE),
            classes=layout.classes,
            **{part: _tensors(decoded.pictures, chosen, layout.classes, side) for part, chosen in places.items()},
            left_out=tuple(sorted((*layout.left_out, *decoded.left_out))),
            outside=layout.outside,
        )


def sample_pictures(path: Path, count: int) -> list[tuple[str, bytes]]:
    """Some pictures of a dataset without reading the rest: (class, encoded bytes), about equally many of each class.

    Test pictures where the dataset has some, spread evenly over each folder; the same ones every time.
    """
    with open_files(path) as files:
        layout = layout_of(files)
        part = next(part for part in ("test", "validation", "") if any(key[0] == part for key in layout.folders))
        folders = {label: names for (of, label), names in layout.folders.items() if of == part}
        each = max(1, count // max(1, len(folders)))
        chosen = [
            (label, names[i * len(names) // each])
            for label, names in folders.items()
            for i in range(min(each, len(names)))
        ]
        return [(label, files.read(name)) for label, name in chosen if not glance(files, name)]


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


@dataclass(frozen=True)
class _Decoded:
    pictures: list[Pixels]
    places: Mapping[ClassFolder, list[int]]  # where those of each class folder are
    left_out: tuple[LeftOut, ...]


def _decoded(files: Files, layout: Layout, side: int, leave_out: Collection[str]) -> _Decoded:
    """Every picture that can be used."""
    files.check(name for names in layout.folders.values() for name in names)
    pictures: list[Pixels] = []
    places: dict[ClassFolder, list[int]] = {}
    left_out: list[tuple[str, Reason]] = []
    for folder, names in layout.folders.items():
        first = len(pictures)
        problems: list[UserError] = []
        wanted = [name for name in names if "/".join(name) not in leave_out]
        for name in wanted:
            try:
                data = files.read(name)
            except FileError as problem:
                problems.append(problem)
                continue
            try:
                picture = decode(data, shown(*name))
            except UserError as problem:
                problems.append(glance(files, name) or problem)
                continue
            if (len(pictures) + 1) * 3 * side**2 > MAX_PIXEL_BYTES:
                raise _too_large(len(pictures) + 1, side)
            pictures.append(_square(picture.image, side))
        refuse_empty(layout.paths[folder], len(wanted), problems)
        places[folder] = list(range(first, len(pictures)))
        left_out += [(folder[1], reason_of(problem)) for problem in problems]
    return _Decoded(pictures, places, counted(left_out))


# ---- Splits ---------------------------------------------------------------------------------------------------------

Labelled = list[tuple[int, str]]  # (place among the pictures, class)


def _split(places: Mapping[ClassFolder, list[int]], title: str) -> dict[str, Labelled]:
    """Which pictures to learn from, to validate with and to be examined with."""
    split: dict[str, Labelled] = {"train": [], "validation": [], "test": []}
    for (part, label), indices in places.items():
        kept = _kept_for_testing(len(indices))
        for position, index in enumerate(indices):
            split[part or ("test" if position in kept else "train")].append((index, label))
    if not split["test"] and not split["validation"]:
        raise UserError(
            "No class in {source} has 2 pictures, so none can be kept for testing. Add pictures.", source=title
        )
    return split


def _kept_for_testing(count: int) -> set[int]:
    """Which of a class's `count` pictures; the choice depends on nothing else, so classes may come and go."""
    share = max(1, round(count * TEST_SHARE)) if count > 1 else 0
    order = torch.randperm(count, generator=torch.Generator().manual_seed(SPLIT_SEED))
    return set(order[:share].tolist())


def _tensors(pictures: list[Pixels], chosen: Labelled, classes: tuple[str, ...], side: int) -> Split:
    pixels = np.stack([pictures[index] for index, _ in chosen]) if chosen else np.zeros((0, 3, side, side), np.uint8)
    labels = torch.tensor([classes.index(label) for _, label in chosen], dtype=torch.int64)
    return Split(torch.from_numpy(pixels), labels)
