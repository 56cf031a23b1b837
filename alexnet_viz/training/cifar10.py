"""CIFAR-10, downloaded from its makers when asked to, and packed as the zip that `home.cifar10_path` finds.

    for step in download_cifar10():
        print(step.done, step.total)          # DownloadProgress: bytes of the archive; then Packed: pictures

The makers offer the same pictures twice. torchvision takes cifar-10-python.tar.gz, whose files are pickles, and to
read a pickle is to run what it says; so that archive, and its folder cifar-10-batches-py, is not read here. This
takes cifar-10-binary.tar.gz: a byte for the class, then 3072 for red, green and blue, 32x32 each. Nothing of it is
unpacked to disk. An archive that somebody put into the folder for datasets is used without a network. No torch.
"""

import io
import os
import tarfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from alexnet_viz.errors import UserError
from alexnet_viz.files.download import DownloadProgress, alone, fetch, file_digest, writing
from alexnet_viz.files.paths import home_dir
from alexnet_viz.words.labels import class_ids

ARCHIVE = "cifar-10-binary.tar.gz"
URL = f"https://www.cs.toronto.edu/~kriz/{ARCHIVE}"
SHA256 = "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"
ARCHIVE_MIB = 163  # 170,052,171 bytes, rounded up
RECORDS = 10_000  # pictures in each file of the archive
SIDE = 32  # pixels
EVERY = 500  # pictures between two reports, about 0.1 s

_RECORD = 1 + 3 * SIDE * SIDE  # bytes
_INSIDE = "cifar-10-batches-bin"
_CLASSES = f"{_INSIDE}/batches.meta.txt"  # their names, in the order of the labels
_BATCHES = {  # file: (split, how many files of it come before)
    **{f"{_INSIDE}/data_batch_{number}.bin": ("train", number - 1) for number in range(1, 6)},
    f"{_INSIDE}/test_batch.bin": ("test", 0),
}


@dataclass(frozen=True)
class Packed:
    """How many pictures are in the zip so far."""

    done: int
    total: int

    @property
    def share(self) -> float:
        """From 0 to 1."""
        return self.done / self.total


def archive_path() -> Path:
    """Where the archive is downloaded to, or put by hand; it need not be there."""
    return home_dir() / "datasets" / ARCHIVE


def download_cifar10(
    *, url: str = URL, sha256: str = SHA256, records: int = RECORDS
) -> Iterator[DownloadProgress | Packed]:
    """Make `ALEXNET_VIZ_HOME/datasets/cifar10.zip`: train/CLASS/NNNNN.png and test/CLASS/NNNNN.png, numbered as the
    makers order them. The same archive gives the same pictures in the same order.

    The archive stays beside it and may be removed. Stopping the iteration keeps what was downloaded. Raises
    `UserError` as `alexnet_viz.files.download.fetch` does, and for an archive that is another one. `records` are the
    pictures in each file of the archive.
    """
    archive = archive_path()
    target = archive.with_name("cifar10.zip")
    with writing(target), alone(target):
        if target.is_file():
            return  # somebody else's download has just ended
        if archive.is_file():
            _check(archive, sha256)
        else:
            yield from fetch(url, archive, sha256)
        yield from _pack(archive, target, records)


def _check(archive: Path, sha256: str) -> None:
    """Refuse another file under the archive's name; it is not ours, so it stays where it is."""
    actual = file_digest(archive)
    if actual != sha256:
        raise UserError(
            "{file} in {folder} is not the archive of CIFAR-10, or only a part of it: its sha256 begins with {actual} "
            "instead of {expected}. Remove it, then try again.",
            file=archive.name,
            folder=str(archive.parent),
            actual=actual[:8],
            expected=sha256[:8],
        )


# ---- From one archive into the other --------------------------------------------------------------------------------


def _pack(archive: Path, target: Path, records: int) -> Iterator[Packed]:
    """Written beside and renamed: nobody reads half of it."""
    fresh = target.with_name(f"{target.name}.part")
    total = records * len(_BATCHES)
    try:
        with zipfile.ZipFile(fresh, "w", zipfile.ZIP_STORED) as packed:
            yield Packed(0, total)
            for done, (name, picture) in enumerate(_pictures(archive, records), start=1):
                packed.writestr(zipfile.ZipInfo(name), picture)  # an entry without a time: the same zip every time
                if done % EVERY == 0 or done == total:
                    yield Packed(done, total)
        os.replace(fresh, target)
    finally:
        fresh.unlink(missing_ok=True)


def _pictures(archive: Path, records: int) -> Iterator[tuple[str, bytes]]:
    """The path and the PNG file of every picture."""
    classes = class_ids("cifar10")
    for member, data in _members(archive, records):
        if member == _CLASSES:
            if tuple(data.decode().split()) != classes:
                raise _another_archive(archive, member)
            continue
        split, before = _BATCHES[member]
        batch = np.frombuffer(data, np.uint8).reshape(records, _RECORD)
        pixels = batch[:, 1:].reshape(records, 3, SIDE, SIDE).transpose(0, 2, 3, 1)  # (N, H, W, 3)
        for number, (label, picture) in enumerate(zip(batch[:, 0], pixels, strict=True), start=before * records):
            yield f"{split}/{classes[label]}/{number:05}.png", _png(picture)


def _members(archive: Path, records: int) -> Iterator[tuple[str, bytes]]:
    """The files that are wanted, by name, in the archive's order; all others are passed over."""
    size = records * _RECORD
    sizes = {_CLASSES: range(1000), **dict.fromkeys(_BATCHES, range(size, size + 1))}
    missing = set(sizes)
    with tarfile.open(archive, "r|gz") as tar:
        for member in tar:
            if member.name not in missing:
                continue
            content = tar.extractfile(member) if member.isreg() else None
            if content is None or member.size not in sizes[member.name]:
                raise _another_archive(archive, member.name)
            missing.remove(member.name)
            yield member.name, content.read()
    if missing:
        raise _another_archive(archive, min(missing))


def _png(pixels: NDArray[np.uint8]) -> bytes:  # (H, W, 3)
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(buffer, "PNG", compress_level=1)  # more takes time, saves 1 %
    return buffer.getvalue()


def _another_archive(archive: Path, member: str) -> UserError:
    return UserError(
        "{file} is not the archive of CIFAR-10: {member} in it is missing or of another size or content. "
        "Remove {file}, then try again.",
        file=archive.name,
        member=member,
    )
