"""An adapter alone: small, checked, and only for its own base."""

import json

import pytest
import torch

from minigpt.checkpoint import load_checkpoint, save_checkpoint
from minigpt.config import LoraConfig
from minigpt.errors import CheckpointError, ConfigError
from minigpt.finetuning.adapters import adapted, load_adapter, save_adapter
from minigpt.finetuning.chat import ready_to_chat
from minigpt.model.lora import lora_layers

TOKENS = torch.arange(12)[None]


@pytest.fixture
def tuned(new_base):
    """Return an adapted model whose adapter is not zero."""
    model = adapted(ready_to_chat(new_base()).model, LoraConfig(rank=2, alpha=4.0))
    for layer in lora_layers(model).values():
        torch.nn.init.normal_(layer.lora_b)
    return model.eval()


def test_a_saved_adapter_gives_the_same_model_again(tuned, new_base, tmp_path):
    save_adapter(tmp_path / "adapter", tuned)
    files = {path.name for path in (tmp_path / "adapter").iterdir()}
    assert files == {"adapter.json", "adapter.safetensors"}
    again = load_adapter(tmp_path / "adapter", new_base())
    torch.testing.assert_close(again.model(TOKENS), tuned(TOKENS))
    assert again.tokenizer.vocab_size == tuned.config.vocab_size


def test_an_adapter_is_under_five_per_cent_of_its_base(new_base, tmp_path):
    base = ready_to_chat(new_base(d_model=128, num_layers=4, num_heads=4))
    save_checkpoint(tmp_path / "base", base.model, base.tokenizer)
    save_adapter(tmp_path / "adapter", adapted(base.model, LoraConfig(rank=8)))

    def size(name):
        return sum(path.stat().st_size for path in (tmp_path / name).iterdir())

    assert size("adapter") < 0.05 * size("base")


def test_a_checkpoint_of_an_adapted_model_is_merged_and_holds_the_adapter(
    tuned, new_base, tmp_path
):
    tokenizer = ready_to_chat(new_base()).tokenizer
    save_checkpoint(tmp_path / "step", tuned, tokenizer)
    merged = load_checkpoint(tmp_path / "step").model
    assert merged.adapter is None
    torch.testing.assert_close(merged(TOKENS), tuned(TOKENS), atol=1e-5, rtol=1e-5)
    again = load_adapter(tmp_path / "step", new_base()).model
    torch.testing.assert_close(again(TOKENS), tuned(TOKENS))


def test_an_adapter_for_another_base_is_refused(tuned, new_base, tmp_path):
    save_adapter(tmp_path / "adapter", tuned)
    with pytest.raises(CheckpointError, match="made for another base"):
        load_adapter(tmp_path / "adapter", new_base(seed=1))
    with pytest.raises(CheckpointError, match="made for another base"):
        load_adapter(tmp_path / "adapter", new_base("char"))


def test_a_damaged_adapter_is_refused(tuned, new_base, tmp_path):
    path = save_adapter(tmp_path / "adapter", tuned) / "adapter.json"
    fields = json.loads(path.read_text())
    for change, complaint in [
        ({"rank": 3}, "does not fit"),
        ({"rank": 0}, "rank is 0"),
        ({"size": 1}, "unknown setting 'size'"),
        ({"targets": ["qvk"]}, "targets"),
        ({"format": "zip"}, "format"),
    ]:
        path.write_text(json.dumps(fields | change))
        with pytest.raises(CheckpointError, match=complaint):
            load_adapter(tmp_path / "adapter", new_base())
    path.unlink()
    with pytest.raises(CheckpointError, match="is missing"):
        load_adapter(tmp_path / "adapter", new_base())


def test_saving_replaces_adapters_and_nothing_else(tuned, new_base, tmp_path):
    save_adapter(tmp_path / "adapter", tuned)
    save_adapter(tmp_path / "adapter", tuned)
    (tmp_path / "dear").mkdir()
    (tmp_path / "dear" / "letter.txt").write_text("Mia")
    with pytest.raises(CheckpointError, match="other things"):
        save_adapter(tmp_path / "dear", tuned)
    with pytest.raises(ConfigError, match="has no adapter"):
        save_adapter(tmp_path / "none", new_base().model)
