"""What `auto` chooses on a GPU, run on the CPU: the same path and settings."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from minigpt.config import RunConfig, TrainConfig
from minigpt.training.compilation import computed_with, is_compiled

CPU, CUDA = torch.device("cpu"), torch.device("cuda")
HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def compiled(tmp_path_factory) -> dict:
    """Return what `compiled_models.py` prints."""
    command = [
        sys.executable,
        HERE / "compiled_models.py",
        tmp_path_factory.mktemp("x"),
    ]
    answer = subprocess.check_output(command, text=True)
    return json.loads(answer.splitlines()[-1])


def test_auto_compiles_for_a_gpu_and_not_for_a_cpu(monkeypatch):
    monkeypatch.setattr("minigpt.training.compilation.find_spec", lambda name: True)
    assert is_compiled(TrainConfig(), CUDA)
    assert not is_compiled(TrainConfig(), CPU)
    monkeypatch.setattr("minigpt.training.compilation.find_spec", lambda name: None)
    assert not is_compiled(TrainConfig(), CUDA)  # torch without Triton: Windows


@pytest.mark.parametrize("device", [CPU, CUDA])
def test_who_says_on_or_off_is_obeyed_everywhere(device):
    assert is_compiled(TrainConfig(compile="on"), device)
    assert not is_compiled(TrainConfig(compile="off"), device)


def test_files_from_before_there_was_an_auto_keep_what_they_said():
    for before, now in {True: "on", False: "off"}.items():
        saved = RunConfig().to_dict()
        saved["train"] |= {"compile": before, "precision": "float32"}
        read = RunConfig(**saved).train
        assert (read.compile, read.precision) == (now, "float32")


def test_every_kind_of_model_is_one_graph_without_breaks(compiled):
    assert len(compiled["farthest"]) == 7
    assert max(compiled["farthest"].values()) < 1e-5


def test_compiled_under_autocast_a_model_learns_as_in_float32(compiled):
    plain = compiled["losses"]["off False"]
    assert compiled["losses"]["on False"] == pytest.approx(plain, rel=1e-5)
    assert compiled["losses"]["on True"] == pytest.approx(plain, rel=0.02)
    assert compiled["losses"]["on True"] != plain
    assert plain[-1] < plain[0]


def test_a_compiled_training_is_the_plain_one_and_its_model_keeps_its_hooks(compiled):
    fused, plain = compiled["training"]["on"], compiled["training"]["off"]
    assert fused["loss"] == pytest.approx(plain["loss"], rel=1e-4)
    for name, weights in plain["weights"].items():
        both = torch.tensor(fused["weights"][name]), torch.tensor(weights)
        assert torch.allclose(*both, atol=1e-4), name
    assert "blocks.1.attn.hook_pattern" in fused["recorded"]


@pytest.mark.parametrize(("way", "is_on"), [("on", True), ("off", False)])
def test_checkpoints_say_what_they_were_computed_with(compiled, way, is_on):
    found = compiled["training"][way]["computed_with"]
    assert found == {"device": "cpu", "precision": "float32", "compile": is_on}


def test_what_torch_compile_writes_gives_the_same_numbers(compiled):
    if compiled["written"] is None:
        pytest.skip("torch.compile writes C++, and no compiler is installed")
    assert isinstance(compiled["written"], float), compiled["written"]
    assert compiled["written"] < 1e-5


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA GPU here")
def test_on_a_gpu_auto_is_bfloat16_and_compiled():
    computed = computed_with(TrainConfig(precision="auto"), CUDA)
    assert computed["precision"] == "bfloat16"
    assert computed["compile"]
    assert computed["device"] == torch.cuda.get_device_name()
