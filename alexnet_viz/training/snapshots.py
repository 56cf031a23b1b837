"""What a run keeps of each epoch for looking at: conv1's filters, a few predictions, the confusion matrix. No torch."""

import io
import zipfile
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alexnet_viz.errors import UserError

CHECKPOINTS = "checkpoints"  # the folder in a run's
TEST = "test.npz"  # the same at the end, on the test images


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """A network at work after an epoch, on images kept from training; at the end of a run, on the test images."""

    epoch: int  # whole epochs done
    filters: NDArray[np.float32]  # (filters, C, k, k), of the first convolution; (0,) without one
    images: NDArray[np.uint8]  # (n, C, H, W), as they go into the network; in test.npz those of its worst mistakes
    labels: NDArray[np.int64]  # (n,), what they show
    probabilities: NDArray[np.float32]  # (n, classes), what the network says
    confusion: NDArray[np.int64]  # (classes, classes), rows: what it is; columns: what was said

    @property
    def pictures(self) -> NDArray[np.uint8]:
        """The images as people look at them, (n, H, W, 3)."""
        count, _, height, width = self.images.shape
        return np.broadcast_to(self.images, (count, 3, height, width)).transpose(0, 2, 3, 1)


def snapshot_file(run_path: Path, epoch: int) -> Path:
    """Where an epoch's snapshot is kept."""
    return run_path / CHECKPOINTS / f"epoch-{epoch:04d}.npz"


def epoch_of(file: Path) -> int:
    """The epoch that a snapshot's name says."""
    return int(file.stem.removeprefix("epoch-"))


def snapshot_files(run_path: Path) -> list[Path]:
    """Those that there are, the first epoch first."""
    return sorted((run_path / CHECKPOINTS).glob("epoch-*.npz"))


def snapshot_bytes(snapshot: Snapshot) -> bytes:
    """As an .npz file."""
    file = io.BytesIO()
    arrays: dict[str, Any] = {item.name: np.asarray(getattr(snapshot, item.name)) for item in fields(Snapshot)}
    np.savez_compressed(file, **arrays)
    return file.getvalue()


def read_snapshot(file: Path) -> Snapshot:
    """The snapshot in a file. Raises `UserError` for a missing or damaged one."""
    try:
        with file.open("rb") as opened, np.load(opened, allow_pickle=False) as arrays:
            values = {item.name: arrays[item.name] for item in fields(Snapshot)}
    except (OSError, ValueError, TypeError, KeyError, EOFError, zipfile.BadZipFile) as problem:
        raise UserError(
            "The snapshot {file} cannot be read. Delete the file; the run's other epochs can still be seen.",
            file=file.name,
        ) from problem
    return Snapshot(**{**values, "epoch": int(values["epoch"])})
