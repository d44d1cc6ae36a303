import os

import pytest

from minigpt import machine_memory
from minigpt.machine_memory import memory_of

GIB = 2**30


@pytest.mark.skipif(not hasattr(os, "sysconf"), reason="Windows has no sysconf")
def test_it_is_at_most_what_the_system_says():
    memory = memory_of()
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    assert 0 < memory.free <= memory.total <= pages


@pytest.fixture
def groups(tmp_path, monkeypatch):
    """Let the process live in control groups that a test writes."""
    monkeypatch.setattr(machine_memory, "GROUPS", tmp_path / "cgroup")
    monkeypatch.setattr(machine_memory, "OWN_GROUPS", tmp_path / "self")

    def write(lines: str, **files: str) -> None:
        (tmp_path / "self").write_text(lines, encoding="utf-8")
        for name, text in files.items():
            path = tmp_path / "cgroup" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")

    return write


def second(group: str, limit: int | str, used: int, cached: int = 0) -> dict[str, str]:
    prefix = f"{group}/" if group else ""
    return {
        f"{prefix}memory.max": f"{limit}\n",
        f"{prefix}memory.current": f"{used}\n",
        f"{prefix}memory.stat": f"anon 5\ninactive_file {cached}\nslab 9\n",
    }


def test_a_containers_limit_counts(groups):
    groups("0::/\n", **second("", GIB, 3 * GIB // 4, GIB // 4))
    assert memory_of() == (GIB, GIB // 2)


def test_the_smallest_of_nested_limits_counts(groups):
    inner, outer = second("jobs/one", "max", 0), second("jobs", GIB, GIB // 4)
    groups("0::/jobs/one\n", **inner, **outer)
    assert memory_of() == (GIB, 3 * GIB // 4)


def test_a_container_that_does_not_see_its_own_group_has_the_roots_limit(groups):
    groups("0::/docker/0123abcd\n", **second("", GIB, 0))
    assert memory_of().total == GIB


def test_the_first_version_of_control_groups_is_read_too(groups):
    groups(
        "5:cpu,cpuacct:/x\n4:memory:/x\n0::/\n",
        **{
            "memory/x/memory.limit_in_bytes": f"{GIB}\n",
            "memory/x/memory.usage_in_bytes": f"{GIB // 2}\n",
            "memory/x/memory.stat": f"cache 1\ntotal_inactive_file {GIB // 4}\n",
        },
    )
    assert memory_of() == (GIB, 3 * GIB // 4)


def test_without_control_groups_the_machine_counts(groups, tmp_path):
    unlimited = memory_of()  # the files are not there: macOS, Windows
    groups("0::/\n", **second("", "max", 0))
    assert memory_of().total == unlimited.total
