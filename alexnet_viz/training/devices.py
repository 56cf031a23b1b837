"""What computes a run: a processor or a graphics card, in fp32 or with bf16 arithmetic."""

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import torch

from alexnet_viz.errors import UserError
from alexnet_viz.network.memory import training_memory
from alexnet_viz.network.spec import Spec, walk
from alexnet_viz.training.config import TrainConfig
from alexnet_viz.training.host_memory import host_memory_free


def device_of(config: TrainConfig) -> torch.device:
    """The device that a config asks for. Of several graphics cards, torchrun's LOCAL_RANK says which."""
    if config.device == "cpu" or (config.device == "auto" and not torch.cuda.is_available()):
        return torch.device("cpu")
    if not torch.cuda.is_available():
        raise UserError("There is no graphics card here that PyTorch can use. Choose the device auto or cpu.")
    device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
    torch.cuda.set_device(device)
    return device


def uses_bf16(config: TrainConfig, device: torch.device) -> bool:
    """Whether convolutions and products of matrices run in bf16: if asked for, or where there are units for it."""
    if config.precision != "auto":
        return config.precision == "bf16"
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return processor_has_bf16()


def processor_has_bf16() -> bool:
    """Whether the processor has units for bf16; without them it is slower than fp32."""
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())


def autocast_of(config: TrainConfig, device: torch.device) -> AbstractContextManager[object]:
    """Entered around a forward pass."""
    return torch.autocast(device.type, torch.bfloat16, enabled=uses_bf16(config, device))


def describe(config: TrainConfig, device: torch.device) -> str:
    """As a person would say it."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else f"CPU x {torch.get_num_threads()}"
    return f"{name}, {'bf16' if uses_bf16(config, device) else 'fp32'}"


def memory_in_use(device: torch.device) -> int:
    """Bytes: of the graphics card's memory, or of the process; 0 where the system does not say."""
    if device.type == "cuda":
        return torch.cuda.memory_reserved(device)
    pages = Path("/proc/self/statm")
    return int(pages.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") if pages.exists() else 0


def check_memory(config: TrainConfig, spec: Spec, device: torch.device) -> None:
    """Raise `UserError` for a network whose steps need more memory than the device has free, by the lowest estimate.

    Without this the system would end the process in the middle of a step, or another one in its place.
    """
    needed = training_memory(walk(spec), config.batch)
    lowest = needed.parameters + needed.stored // (2 if uses_bf16(config, device) else 1)
    free = memory_free(device)
    if free is not None and lowest > free:
        raise UserError(
            "To train this network {batch} pictures at a time takes {needed:.1f} GB of memory, and {free:.1f} GB are "
            "free. Choose a smaller batch or a smaller network.",
            batch=config.batch,
            needed=lowest / 1e9,
            free=free / 1e9,
        )


def memory_free(device: torch.device) -> int | None:
    """Bytes that a run may still take on a device; None where the system does not say."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    return host_memory_free()


@contextmanager
def seeded(seed: int, device: torch.device) -> Iterator[None]:
    """Torch's own random numbers, which dropout draws, from a seed; afterwards they go on as before."""
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        yield
