"""Several processes that train one model: each has a copy, and they share gradients.

    torchrun --nproc_per_node 2 -m minigpt train …

Every process takes its rows of the same global batch. Gradients are averaged before the
step, so all copies stay equal, and equal to what one process would have learned.

Source: Li et al. 2020, "PyTorch Distributed", arXiv:2006.15704.
"""

import atexit
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel


@dataclass(frozen=True)
class Team:
    """The processes at work, seen from one of them."""

    rank: int
    """Which one this is, from 0."""
    size: int
    device: torch.device
    """Where this one computes."""

    @property
    def is_first(self) -> bool:
        """Whether this process is the one that writes and reports."""
        return self.rank == 0

    @property
    def waits_for_cores(self) -> bool:
        """Whether a step waits for nothing but the cores of this machine."""
        return self.size == 1 and self.device.type == "cpu"

    def wrap(self, model: nn.Module) -> nn.Module:
        """Return the model with gradients that are averaged over the team."""
        if self.size == 1:
            return model
        devices = [self.device] if self.device.type == "cuda" else None
        return DistributedDataParallel(model, device_ids=devices)

    def sum(self, values: Sequence[float | int]) -> list[float]:
        """Add up each number over the team; every process gets the sums."""
        if self.size == 1:
            return [float(value) for value in values]
        tensor = torch.tensor(values, dtype=torch.float64, device=self.device)
        dist.all_reduce(tensor)
        return [float(total) for total in tensor.tolist()]

    def wait(self) -> None:
        """Wait until every process has come here."""
        self.sum([0.0])


def join_team(device: torch.device) -> Team:
    """Join the processes that `torchrun` or Ray started; else be a team of one.

    Args:
        device: What to compute on; of several GPUs, each process takes its own.
    """
    if not dist.is_initialized() and not dist.is_torchelastic_launched():
        return Team(rank=0, size=1, device=device)
    if not dist.is_initialized():
        dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
        atexit.register(dist.destroy_process_group)
    if device.type == "cuda":
        device = torch.device("cuda", dist.get_node_local_rank())
        torch.cuda.set_device(device)
    return Team(rank=dist.get_rank(), size=dist.get_world_size(), device=device)


def without_sharing(model: nn.Module) -> AbstractContextManager[None]:
    """Do not average gradients yet: more parts of this step's batch follow."""
    if isinstance(model, DistributedDataParallel):
        return model.no_sync()
    if hasattr(model, "set_requires_gradient_sync"):  # its parts lie on all of them
        return _unshared(model)
    return nullcontext()


@contextmanager
def _unshared(model: Any) -> Iterator[None]:
    model.set_requires_gradient_sync(False)
    try:
        yield
    finally:
        model.set_requires_gradient_sync(True)


def has_lost_another(error: BaseException) -> bool:
    """Whether an error says that another process of the team has ended.

    What carries the messages between CPUs has no error of its own, but gives its name.
    """
    is_gloo = isinstance(error, RuntimeError) and "/gloo/" in str(error)
    return is_gloo or isinstance(error, dist.DistError)
