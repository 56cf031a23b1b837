"""What a run keeps on disk, each file replaced whole: a kill at any moment leaves the old one or the new one.

last.pt               everything a resumed run needs, in one file so that its parts belong together
last.safetensors      the weights alone, for every other page of the app, fp32
best.safetensors      those of the epoch with the highest validation accuracy
epoch-0005.safetensors    those of an epoch, fp16, to go back to
epoch-0005.npz        what is shown of an epoch, see snapshots.py
"""

import io
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor

from alexnet_viz.errors import UserError
from alexnet_viz.training.runs import replace_file, writing
from alexnet_viz.training.snapshots import CHECKPOINTS

LAST = "last.pt"
LAST_WEIGHTS = "last.safetensors"
BEST = "best.safetensors"

State = dict[str, Tensor]


@dataclass(kw_only=True)
class Position:
    """How far a run is. Its numbers go into checkpoints, so a resumed run's are those of one never interrupted.

    There is no random state among them: what a step draws follows from the config's seed and the step's number.
    """

    step: int = 0  # done
    loss: float = 0.0  # summed over the images of the epoch so far
    hits: int = 0  # of them
    images: int = 0
    epoch_seconds: float = 0.0  # of training steps in it
    seconds: float = 0.0  # of the run, all its processes together
    rate_factor: float = 1.0  # learning rates changed by hand, as a factor on the schedule's
    rate_changes: int = 0  # how many changes were obeyed
    best_accuracy: float = -1.0  # on the validation images; -1 before there is one


@dataclass(frozen=True)
class Checkpoint:
    position: Position
    weights: State
    optimizer: dict[str, Any]


def weights_file(epoch: int) -> str:
    """The name of an epoch's weights."""
    return f"epoch-{epoch:04d}.safetensors"


def save_checkpoint(run_dir: Path, checkpoint: Checkpoint, metadata: Mapping[str, str]) -> None:
    """Write last.safetensors, then last.pt. After a kill between the two, the run goes on from the one before, and
    comes by here again.
    """
    at, weights, optimizer = asdict(checkpoint.position), checkpoint.weights, checkpoint.optimizer
    save_weights(run_dir, LAST_WEIGHTS, weights, metadata)
    packed = io.BytesIO()
    torch.save({"progress": at, "weights": weights, "optimizer": optimizer}, packed)
    write_whole(run_dir / CHECKPOINTS / LAST, packed.getbuffer())


def save_weights(
    run_dir: Path, name: str, weights: State, metadata: Mapping[str, str], dtype: torch.dtype = torch.float32
) -> None:
    """Write weights as safetensors. Their metadata says which network they are of and what its classes are."""
    plain = {
        key: (tensor.to(dtype) if tensor.is_floating_point() else tensor).cpu().contiguous()
        for key, tensor in weights.items()
    }
    write_whole(run_dir / CHECKPOINTS / name, safetensors.torch.save(plain, dict(metadata)))


def read_checkpoint(run_dir: Path, device: torch.device) -> Checkpoint | None:
    """What last.pt holds; None where there is none yet."""
    file = run_dir / CHECKPOINTS / LAST
    if not file.exists():
        return None
    try:
        record = torch.load(file, map_location=device, weights_only=True)
        known = {item.name for item in fields(Position)}
        position = Position(**{name: value for name, value in record["progress"].items() if name in known})
        return Checkpoint(position, record["weights"], record["optimizer"])
    except Exception as problem:  # damaged bytes make the reader raise a dozen types; each means the same here
        raise UserError(
            "The checkpoint {file} cannot be read, so the run cannot go on from it. "
            "Start a new run from another checkpoint of this one.",
            file=str(file),
        ) from problem


def write_whole(file: Path, data: bytes | memoryview) -> None:
    """Replace a file by these bytes, or leave it as it is and raise `UserError`."""
    with writing(file.parent.parent):
        file.parent.mkdir(parents=True, exist_ok=True)
        replace_file(file, data, sync=True)


def metadata_of(model: str, classes: tuple[str, ...], **more: str) -> dict[str, str]:
    """What a weights file says about itself; `weights.open_model` reads the classes."""
    return {"model": model, "classes": json.dumps(classes), **more}
