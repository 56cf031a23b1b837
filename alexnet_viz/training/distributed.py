"""The processes of one run: one, or as many as torchrun started."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel


@dataclass(frozen=True)
class Group:
    """This process among those of its run."""

    rank: int
    world: int  # how many there are
    device: torch.device

    @property
    def leads(self) -> bool:
        """Whether this one measures, tells and writes for all."""
        return self.rank == 0

    def wrap(self, module: nn.Module) -> nn.Module:
        """The module, whose gradients are the mean over all processes."""
        if self.world == 1:
            return module
        return DistributedDataParallel(module, [self.device] if self.device.type == "cuda" else None)

    def summed(self, values: Tensor) -> Tensor:
        """The sum over all processes, in place."""
        if self.world > 1:
            dist.all_reduce(values)
        return values

    def broadcast(self, values: list[float]) -> list[float]:
        """The first process's values, in all processes."""
        if self.world == 1:
            return values
        said = torch.tensor(values, dtype=torch.float64, device=self.device)
        dist.broadcast(said, src=0)
        return said.tolist()


@contextmanager
def joined(device: torch.device) -> Iterator[Group]:
    """The group of this process: by torchrun's variables, or alone. Gloo on processors, NCCL on graphics cards."""
    world = int(os.environ.get("WORLD_SIZE", "1"))
    if world == 1:
        yield Group(0, 1, device)
        return
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield Group(dist.get_rank(), world, device)
    finally:
        dist.destroy_process_group()
