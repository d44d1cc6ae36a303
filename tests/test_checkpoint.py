"""Checkpoints: what goes in comes out, nothing wrong comes in, nothing good is lost."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from minigpt.checkpoint import (
    TrainingState,
    forget_training_state,
    halve_weights,
    has_training_state,
    load_checkpoint,
    read_metadata,
    read_training_state,
    save_checkpoint,
)
from minigpt.checkpoint.adapter import ADAPTER_WEIGHTS
from minigpt.checkpoint.load import load_weights
from minigpt.config import LoraConfig
from minigpt.errors import CheckpointError
from minigpt.model import create_model
from minigpt.model.lora import add_lora
from minigpt.model.sizes import num_parameters
from minigpt.pretrained import export_pretrained, from_pretrained
from minigpt.tokenizers.characters import CharTokenizer

TEXT = "the quick brown fox jumps over the lazy dog"


@pytest.fixture
def tokenizer():
    tokenizer = CharTokenizer()
    tokenizer.build_vocab([TEXT])
    return tokenizer


def small_model(tokenizer, **changes):
    sizes = {"d_model": 16, "num_layers": 2, "num_heads": 2, "max_seq_len": 16}
    vocab_size = tokenizer.vocab_size
    return create_model("transformer", vocab_size=vocab_size, **sizes | changes).eval()


@pytest.fixture
def saved(tmp_path, tokenizer):
    directory = tmp_path / "model"
    save_checkpoint(directory, small_model(tokenizer), tokenizer, step=7)
    return directory


def edit_config(directory: Path, **changes):
    path = directory / "config.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    content["model"].update(changes.pop("model", {}))
    path.write_text(json.dumps(content | changes), encoding="utf-8")


def edit_weights(directory: Path, edit):
    tensors = load_file(directory / "model.safetensors")
    edit(tensors)
    save_file(tensors, directory / "model.safetensors")


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("positions", ["learned", "sinusoidal", "rope", "relative"])
def test_a_loaded_transformer_computes_what_the_saved_one_did(
    tmp_path, tokenizer, tied, positions
):
    model = small_model(tokenizer, tie_embeddings=tied, positional_encoding=positions)
    save_checkpoint(tmp_path / "m", model, tokenizer, step=3, provenance={"by": "me"})
    loaded, again, metadata = load_checkpoint(tmp_path / "m")
    tokens = torch.tensor([again.encode("the fox")])
    assert tokens.tolist() == [tokenizer.encode("the fox")]
    assert torch.equal(loaded(tokens), model(tokens))
    assert (metadata.step, metadata.provenance) == (3, {"by": "me"})
    assert not loaded.training


def test_a_loaded_mlp_computes_what_the_saved_one_did(tmp_path, tokenizer):
    model = create_model("mlp", vocab_size=tokenizer.vocab_size, d_model=8, d_ff=16)
    save_checkpoint(tmp_path / "m", model.eval(), tokenizer)
    loaded = load_checkpoint(tmp_path / "m").model
    tokens = torch.tensor([tokenizer.encode("lazy dog")])
    assert torch.equal(loaded(tokens), model(tokens))


def test_a_tied_head_is_stored_once(tmp_path, tokenizer):
    model = small_model(tokenizer, tie_embeddings=True)
    save_checkpoint(tmp_path / "m", model, tokenizer)
    tensors = load_file(tmp_path / "m" / "model.safetensors")
    stored = sum(tensor.numel() for tensor in tensors.values())
    assert stored == num_parameters(model.config)


def test_saving_again_replaces_and_leaves_nothing_else_behind(saved, tokenizer):
    save_checkpoint(saved, small_model(tokenizer), tokenizer, step=8)
    assert read_metadata(saved).step == 8
    assert [path.name for path in saved.parent.iterdir()] == ["model"]


def test_a_trailing_pt_means_the_directory_of_that_name(saved):
    assert load_checkpoint(f"{saved}.pt").metadata.step == 7


WRONG_CONFIGS = [
    ({"surprise": 1}, "unknown setting 'surprise'"),
    ({"model": {"d_modle": 16}}, "d_modle.*d_model"),
    ({"model": {"d_model": "16"}}, "d_model"),
    ({"model": {"num_heads": 3}}, "num_heads"),
    ({"model": {"vocab_size": -1}}, "vocab_size"),
    ({"step": -1}, "step"),
    ({"version": 2}, "version"),
    ({"format": "other"}, "format"),
    ({"model_type": "rnn"}, "model_type"),
    ({"model": {"d_model": 32_768, "num_layers": 40}}, "GB"),
    ({"model": {"d_model": 32}}, "shape"),
    ({"model": {"num_layers": 3}}, "blocks.2.*missing"),
    ({"model": {"num_layers": 1}}, "blocks.1.*does not belong"),
]


@pytest.mark.parametrize(("changes", "message"), WRONG_CONFIGS)
def test_a_wrong_config_is_refused_by_file_and_field(saved, changes, message):
    edit_config(saved, **changes)
    with pytest.raises(CheckpointError, match=message) as caught:
        load_checkpoint(saved)
    assert str(saved) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"a":' * 5000, "\x00", "null"])
def test_a_damaged_config_is_refused(saved, content):
    (saved / "config.json").write_text(content, encoding="utf-8")
    with pytest.raises(CheckpointError, match=r"config\.json"):
        load_checkpoint(saved)


def test_a_missing_tensor_is_refused_by_name(saved):
    edit_weights(saved, lambda tensors: tensors.pop("token_embedding.weight"))
    with pytest.raises(CheckpointError, match=r"token_embedding\.weight.*missing"):
        load_checkpoint(saved)


def test_an_extra_tensor_is_refused_by_name(saved):
    edit_weights(saved, lambda tensors: tensors.update(more=torch.zeros(2)))
    with pytest.raises(CheckpointError, match=r"model\.safetensors.*'more'"):
        load_checkpoint(saved)


def test_a_tensor_of_another_type_is_refused_by_name(saved):
    def widen(tensors):
        tensors["token_embedding.weight"] = tensors["token_embedding.weight"].double()

    edit_weights(saved, widen)
    with pytest.raises(CheckpointError, match=r"token_embedding\.weight.*F64"):
        load_checkpoint(saved)


def test_half_the_size_is_read_back_as_32_bits_of_three_digits(saved, tokenizer):
    model = small_model(tokenizer)
    whole = (saved / "model.safetensors").stat().st_size
    save_checkpoint(saved, model, tokenizer)
    halve_weights(saved)
    assert (saved / "model.safetensors").stat().st_size < 0.7 * whole
    read = load_checkpoint(saved).model.state_dict()
    for name, weight in model.state_dict().items():
        assert read[name].dtype == torch.float32
        assert torch.allclose(read[name], weight, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.999])
def test_truncated_weights_are_refused(saved, share):
    path = saved / "model.safetensors"
    os.truncate(path, int(path.stat().st_size * share))
    with pytest.raises(CheckpointError, match=r"model\.safetensors is damaged"):
        load_checkpoint(saved)


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "model.safetensors"])
def test_a_missing_file_is_named(saved, name):
    (saved / name).unlink()
    with pytest.raises(CheckpointError, match=f"{name} is missing"):
        load_checkpoint(saved)


def test_an_unknown_checkpoint_suggests_near_names(saved):
    with pytest.raises(CheckpointError, match="Did you mean 'model'"):
        load_checkpoint(saved.parent / "modle")


def test_a_tokenizer_that_knows_more_than_the_model_is_refused(saved):
    bigger = CharTokenizer()
    bigger.build_vocab([TEXT + "ABCDEFGH"])
    bigger.save(saved / "tokenizer.json")
    with pytest.raises(CheckpointError, match="do not belong together"):
        load_checkpoint(saved)


def test_a_directory_of_other_things_is_never_replaced(tmp_path, tokenizer):
    (tmp_path / "thesis.txt").write_text("years of work", encoding="utf-8")
    with pytest.raises(CheckpointError, match="other things"):
        save_checkpoint(tmp_path, small_model(tokenizer), tokenizer)
    assert (tmp_path / "thesis.txt").is_file()


def test_a_training_state_comes_back_exactly(tmp_path, tokenizer):
    optimizer = {
        "state": {0: {"step": torch.tensor(3.0), "exp_avg": torch.randn(2, 3)}},
        "param_groups": [{"lr": 0.1 + 0.2, "betas": (0.9, 0.99), "params": [0]}],
    }
    state = TrainingState({"step": 5}, optimizer, {"last_epoch": 5, "x": [None, True]})
    model = small_model(tokenizer)
    path = save_checkpoint(tmp_path / "m", model, tokenizer, training_state=state)
    again = read_training_state(path)
    assert again.progress == {"step": 5}
    assert again.scheduler == {"last_epoch": 5, "x": [None, True]}
    memory = optimizer["state"][0]
    assert torch.equal(again.optimizer["state"][0]["exp_avg"], memory["exp_avg"])
    assert again.optimizer["param_groups"][0]["lr"] == 0.1 + 0.2
    forget_training_state(path)
    assert not has_training_state(path)
    with pytest.raises(CheckpointError, match="without the optimizer's state"):
        read_training_state(path)
    load_checkpoint(path)


SAVE_WITH_LITTLE_ROOM = """
import resource, sys
from minigpt.checkpoint import load_checkpoint, save_checkpoint
from minigpt.errors import CheckpointError
directory = sys.argv[1]
model, tokenizer, _ = load_checkpoint(directory)
limit = int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
try:
    save_checkpoint(directory, model, tokenizer, step=99)
except CheckpointError as error:
    print(error)
"""


@pytest.mark.parametrize("limit", [10, 20_000])
def test_a_full_disk_is_said_and_loses_nothing(saved, limit):
    assert (saved / "model.safetensors").stat().st_size > 20_000
    said = run_python(SAVE_WITH_LITTLE_ROOM, saved, limit)
    assert "could not be saved" in said
    assert load_checkpoint(saved).metadata.step == 7
    assert [path.name for path in saved.parent.iterdir()] == ["model"]


SAVE_UNTIL_KILLED = """
import os, random, signal, sys, time
from itertools import count
from minigpt.checkpoint import load_checkpoint, save_checkpoint
directory = sys.argv[1]
model, tokenizer, metadata = load_checkpoint(directory)
moments = random.Random(0)
last = metadata.step
began = time.perf_counter()
for _ in range(3):
    save_checkpoint(directory, model, tokenizer, step=last)
one_save = (time.perf_counter() - began) / 3
for _ in range(30):
    child = os.fork()
    if child == 0:
        # Nobody handles the alarm, so it kills at once, wherever the child may be.
        signal.setitimer(signal.ITIMER_REAL, moments.uniform(0.1, 6) * one_save)
        for step in count(last + 1):
            save_checkpoint(directory, model, tokenizer, step=step)
    moments.random()
    _, status = os.waitpid(child, 0)
    assert os.WTERMSIG(status) == signal.SIGALRM
    step = load_checkpoint(directory).metadata.step
    assert step >= last, (step, last)
    last = step
print(last)
"""


def test_a_kill_at_any_moment_of_saving_leaves_a_checkpoint_that_loads(saved):
    assert int(run_python(SAVE_UNTIL_KILLED, saved)) > 7


def test_a_kill_between_the_two_renames_leaves_the_one_before(saved, tokenizer):
    saved.rename(saved.parent / ".model.previous")
    assert load_checkpoint(saved).metadata.step == 7
    save_checkpoint(saved, small_model(tokenizer), tokenizer, step=8)
    assert load_checkpoint(saved).metadata.step == 8
    assert [path.name for path in saved.parent.iterdir()] == ["model"]


def run_python(source, *arguments) -> str:
    finished = subprocess.run(
        [sys.executable, "-c", source, *map(str, arguments)],
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        cwd=Path(__file__).parent.parent,
        timeout=120,
        check=True,
    )
    return finished.stdout


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("place", ["a checkpoint", "an adapter", "Hugging Face"])
def test_weights_that_are_no_numbers_are_refused(saved, tmp_path, value, place):
    name = "token_embedding.weight"
    if place == "Hugging Face":
        loaded, saved = load_checkpoint(saved), tmp_path / "exported"
        export_pretrained(loaded.model, loaded.tokenizer, saved)
        name = next(iter(load_file(saved / "model.safetensors")))
    file = saved / "model.safetensors"
    if place == "an adapter":
        model = load_checkpoint(saved).model
        model = add_lora(model, LoraConfig())
        save_checkpoint(tmp_path / "tuned", model, None)
        file = tmp_path / "tuned" / ADAPTER_WEIGHTS
        name = next(iter(load_file(file)))
    tensors = load_file(file)
    tensors[name].view(-1)[3] = value
    save_file(tensors, file)
    open_ = {
        "a checkpoint": lambda: load_checkpoint(saved),
        "an adapter": lambda: load_weights(tmp_path / "tuned", model),
        "Hugging Face": lambda: from_pretrained(saved),
    }[place]
    with pytest.raises(CheckpointError, match=r"1 of the .* NaN or inf") as refused:
        open_()
    assert "\n" not in str(refused.value)
