"""Datasets of class folders for tests and tools: two classes, ten pictures each, every picture of one gray."""

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from alexnet_viz.training.datasets import Dataset


def picture(colour: int = 0, size: tuple[int, int] = (8, 8), format: str = "PNG") -> bytes:
    """A picture of one gray."""
    buffer = io.BytesIO()
    Image.new("RGB", size, (colour, colour, colour)).save(buffer, format=format)
    return buffer.getvalue()


def png(pixels: np.ndarray) -> bytes:  # (H, W, 3)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="PNG")
    return buffer.getvalue()


PLAIN = {f"{label}/{i}.png": picture(10 * i + shade) for label, shade in (("cat", 1), ("dog", 2)) for i in range(10)}
SPLIT = {f"{part}/{name}": data for name, data in PLAIN.items() for part in ("train", "test")}

Tree = Mapping[str, bytes]


def make_folder(at: Path, tree: Tree) -> Path:
    root = at / "pets"
    root.mkdir()
    for name, data in tree.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)
    return root


def make_zip(at: Path, tree: Tree, method: int = zipfile.ZIP_DEFLATED) -> Path:
    (at / "pets.zip").write_bytes(zipped(tree, method))
    return at / "pets.zip"


def zipped(tree: Tree, method: int = zipfile.ZIP_STORED) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name, content in tree.items():
            archive.writestr(zipfile.ZipInfo(name), content, method)  # without the time: the same tree, the same bytes
    return data.getvalue()


def equal(one: Dataset, other: Dataset) -> bool:
    tensors = [(d.train.images, d.train.labels, d.test.images, d.test.labels) for d in (one, other)]
    return one.classes == other.classes and all(torch.equal(a, b) for a, b in zip(*tensors, strict=True))


UNUSABLE: dict[str, tuple[Tree, str]] = {
    "empty": ({}, "holds no files"),
    "only junk": ({".DS_Store": b"", "__MACOSX/a": b""}, "holds no files"),
    "no folders": ({"a.png": picture(), "b.png": picture()}, "not sorted into class folders"),
    "val and test, nothing to learn from": (
        {f"{part}/{name}": data for name, data in PLAIN.items() for part in ("test", "val")},
        "at its top: test, val",
    ),
    "train and test without classes": (
        {"train/cat.1.png": picture(), "train/dog.1.png": picture(), "test/1.png": picture()},
        "test/CLASS/PICTURE",
    ),
    "only train without classes": (
        {"train/cat.1.png": picture(), "train/dog.1.png": picture()},
        "not sorted into class folders",
    ),
    "another zip, and nothing else": ({"cat-and-dog.zip": zipped(PLAIN)}, "holds another zip, cat-and-dog.zip"),
    "another archive, and nothing else": (
        {"data/pets.7z": b"7z\xbc\xaf\x27\x1c" + bytes(99), "data/README": b"hello"},
        "another archive, data/pets.7z (7-Zip)",
    ),
    "validation class without training": (
        {name.replace("test/", "val/"): data for name, data in SPLIT.items()} | {"val/eel/1.png": picture()},
        "validation pictures of eel, but none to learn from. Add train/eel or remove val/eel.",
    ),
    "one class": ({"cat/1.png": picture(), "cat/2.png": picture()}, "only 1 class, cat"),
    "one class, wrapped": ({"pets/cat/1.png": picture()}, "only 1 class, cat"),
    "one class to learn": (
        {"train/cat/1.png": picture(), "test/cat/2.png": picture()},
        "only 1 class, cat",
    ),
    "test class without training": (SPLIT | {"test/eel/1.png": picture()}, "test pictures of eel"),
    "no pictures in a class": (PLAIN | {"eel/1.png": b"x", "eel/2.png": b"y"}, "class folder eel is a picture"),
    "no pictures in a test class": (
        {name: b"x" if name.startswith("test/dog") else data for name, data in SPLIT.items()},
        "class folder test/dog is a picture that can be used (10 tried)",
    ),
    "nothing to test with": ({"cat/1.png": picture(), "dog/1.png": picture()}, "2 pictures"),
    "control character": (PLAIN | {"e\x1bel/1.png": picture()}, "e\\x1bel"),
}
