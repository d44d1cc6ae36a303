"""An adapter that peft itself made and saved, added to its base."""

import json

import peft
import pytest
import torch
from peft import LoraConfig
from pretrained.test_codebases import TOKENS, assert_equal_logits, gpt2, llama
from pretrained.test_codebases import with_tokens as with_tokens

import minigpt
from minigpt.cli import main
from minigpt.errors import CheckpointError

TARGETS = {
    "gpt2": (gpt2, ["c_attn", "c_proj", "c_fc"]),
    "llama": (llama, ["q_proj", "v_proj", "down_proj"]),
}


@pytest.fixture
def adapted(with_tokens):
    """Return a function that saves a base and its adapter, and returns the model."""

    def make(family, **settings):
        build, targets = TARGETS[family]
        theirs = build()
        theirs.save_pretrained(with_tokens)
        wide = family == "gpt2"
        config = LoraConfig(
            r=3, lora_alpha=5, target_modules=targets, fan_in_fan_out=wide, **settings
        )
        both = peft.get_peft_model(theirs, config)
        torch.manual_seed(4)
        with torch.no_grad():
            for name, weight in both.named_parameters():
                if "lora_" in name:
                    weight.copy_(0.3 * torch.randn_like(weight))
        both.save_pretrained(with_tokens / "adapter")
        return both.eval()

    return make


@pytest.mark.parametrize("family", TARGETS)
@pytest.mark.parametrize("rslora", [False, True])
def test_an_adapter_of_peft_is_added_to_its_base(family, rslora, adapted, with_tokens):
    theirs = adapted(family, use_rslora=rslora)
    opened = minigpt.from_pretrained(with_tokens / "adapter", base=with_tokens)
    assert_equal_logits(opened.model, theirs)
    assert "An adapter's change" in opened.metadata.provenance["notes"]
    alone = minigpt.from_pretrained(with_tokens).model
    assert (alone(TOKENS) - opened.model(TOKENS)).abs().max() > 0.1


def test_the_command_line_takes_a_base(adapted, with_tokens, tmp_path, monkeypatch):
    theirs = adapted("gpt2")
    monkeypatch.setenv("MINIGPT_DATA", str(tmp_path / "data"))
    words = ["import", str(with_tokens / "adapter"), "mine", "--base", str(with_tokens)]
    assert main(words) == 0
    assert_equal_logits(minigpt.load(tmp_path / "data/models/mine").model, theirs)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"use_dora": True}, "use_dora is True"),
        ({"bias": "all"}, "bias is 'all'"),
        ({"r": 0}, "r is 0"),
        ({"lora_alpha": "5"}, "lora_alpha is '5'"),
        ({"init_lora_weights": "pissa"}, "init_lora_weights is 'pissa'"),
        ({"fan_in_fan_out": False}, "does not fit the base's"),
    ],
)
def test_what_is_more_than_a_lora_is_refused(settings, words, adapted, with_tokens):
    adapted("gpt2")
    path = with_tokens / "adapter" / "adapter_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | settings))
    with pytest.raises(CheckpointError, match=words) as error:
        minigpt.from_pretrained(with_tokens / "adapter", base=with_tokens)
    assert "\n" not in str(error.value)


def test_another_base_and_a_base_for_no_adapter_are_refused(adapted, with_tokens):
    adapted("llama")
    gpt2().save_pretrained(with_tokens)
    with pytest.raises(CheckpointError, match="name the base that it was learned on"):
        minigpt.from_pretrained(with_tokens / "adapter", base=with_tokens)
    with pytest.raises(CheckpointError, match="is no PEFT adapter"):
        minigpt.from_pretrained(with_tokens, base=with_tokens)
