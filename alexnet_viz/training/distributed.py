"""The processes of one run: one, or as many as torchrun started."""

import gc
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

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
    _wrapped: list[nn.Module] = field(default_factory=list)  # held here alone, so that nothing outlives the group

    @property
    def leads(self) -> bool:
        """Whether this one measures, tells and writes for all."""
        return self.rank == 0

    def wrap(self, module: nn.Module) -> Callable[[Tensor], Tensor]:
        """The module's forward pass; gradients of what it returns are the mean over all processes."""
        if self.world == 1:
            return module
        cards = [self.device] if self.device.type == "cuda" else None
        self._wrapped.append(DistributedDataParallel(module, cards))
        return lambda images: self._wrapped[-1](images)

    def release(self) -> None:
        """Let go of the wrapped module, which holds the process group."""
        self._wrapped.clear()
        gc.collect()  # a DistributedDataParallel refers to itself

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
    """The group of this process: by torchrun's variables, or alone. Gloo on processors, NCCL on graphics cards.

    Afterwards the group's threads have ended. `destroy_process_group` alone only forgets the group, and its threads go
    on while anything holds it. Where one of them lets go of a tensor while Python is ending, it waits for the
    interpreter's lock, Python ends the thread, and C++ answers "terminate called without an active exception": exit
    status -6 after all work was done (PyTorch's issue 190489).
    """
    world = int(os.environ.get("WORLD_SIZE", "1"))
    if world == 1:
        yield Group(0, 1, device)
        return
    # Its functions have "the group of this moment" as a default value and would hold it for good.
    # DistributedDataParallel imports it, so it has to be there before there is a group.
    import torch.distributed.nn.functional  # noqa: F401

    dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    group = Group(dist.get_rank(), world, device)
    try:
        yield group
    finally:
        dist.destroy_process_group()
        group.release()
