"""How much memory this machine has, and how much of it is free.

A container or a batch system often allows a process less than the machine has: then
that limit counts. It stands in files of the process's control group, on Linux.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import psutil
import torch

GROUPS = Path("/sys/fs/cgroup")
OWN_GROUPS = Path("/proc/self/cgroup")


class Memory(NamedTuple):
    """What there is, in bytes."""

    total: int
    free: int
    """What could be used now: caches that the system would give back included."""


def memory_of(device: torch.device | str = "cpu") -> Memory:
    """Return the memory that this process may use on a device.

    Args:
        device: A GPU of Apple's shares the machine's memory; CUDA's has its own.
    """
    device = torch.device(device)
    if device.type == "cuda":
        free, total = torch.cuda.mem_get_info(device)
        # torch keeps what it freed, to use it again.
        kept = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return Memory(total, free + kept)
    machine = psutil.virtual_memory()
    limits = [Memory(machine.total, machine.available), *_limits_of_groups()]
    return Memory(min(m.total for m in limits), min(m.free for m in limits))


def _limits_of_groups() -> Iterator[Memory]:
    """Yield what each control group around this process allows, and leaves, it."""
    try:
        lines = OWN_GROUPS.read_text(encoding="utf-8").splitlines()
    except OSError:  # not Linux
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers == "":  # version 2: one tree for everything
            yield from _limits_upwards(
                GROUPS, path, "memory.max", "memory.current", "inactive_file"
            )
        elif "memory" in controllers.split(","):
            yield from _limits_upwards(
                GROUPS / "memory",
                path,
                "memory.limit_in_bytes",
                "memory.usage_in_bytes",
                "total_inactive_file",
            )


def _limits_upwards(
    root: Path, path: str, limit_file: str, usage_file: str, cached_name: str
) -> Iterator[Memory]:
    """Yield the limits of a group and of all around it; in a container, the root's."""
    own = root / path.lstrip("/")
    for group in (own, *own.parents):
        try:
            limit = int((group / limit_file).read_text(encoding="utf-8"))
            used = int((group / usage_file).read_text(encoding="utf-8"))
            cached = _statistic(group / "memory.stat", cached_name)
        except (OSError, ValueError):  # no such file here, or "max": no limit
            pass
        else:
            yield Memory(limit, max(0, limit - used + cached))
        if group == root:
            return


def _statistic(path: Path, name: str) -> int:
    """Return one number of a file of lines `name number`."""
    for line in path.read_text(encoding="utf-8").splitlines():
        key, _, number = line.partition(" ")
        if key == name:
            return int(number)
    return 0
