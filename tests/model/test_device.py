"""The name of a device: resolved where there is one, refused where there is not."""

import pytest
import torch

from minigpt.errors import ConfigError
from minigpt.model.device import resolve_device


@pytest.mark.parametrize("gpus", [0, 1, 2])
@pytest.mark.parametrize("name", ["cuda:1", "cuda:2", "cuda:99"])
def test_a_gpu_of_a_number_is_that_one_or_an_error(monkeypatch, name, gpus):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)
    if int(name[5:]) < gpus:
        assert resolve_device(name) == torch.device(name)
        return
    there = {0: "no GPU", 1: "cuda:0 to cuda:0", 2: "cuda:0 to cuda:1"}[gpus]
    with pytest.raises(ConfigError, match=f"'{name}', and this machine has {there}"):
        resolve_device(name)


@pytest.mark.parametrize("name", ["cuda", "cuda:0"])
def test_the_code_of_a_tutorial_for_a_gpu_runs_without_one(monkeypatch, name):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    with pytest.warns(UserWarning, match="using the CPU"):
        assert resolve_device(name) == torch.device("cpu")


@pytest.mark.parametrize("name", ["tpu", "cuda:-1", "cuda:one", "meta", "", "cuda 0"])
def test_what_is_no_device_is_refused(name):
    with pytest.raises(ConfigError, match="choose auto, cpu"):
        resolve_device(name)
