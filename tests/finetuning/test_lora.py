"""LoRA against its formula, against peft, and against the model it adapts."""

from copy import deepcopy

import pytest
import torch
from torch.nn import functional as F

from minigpt.config import GenerationConfig, LoraConfig
from minigpt.errors import ConfigError
from minigpt.finetuning.answering import reply
from minigpt.generation import Generator
from minigpt.model import MLPLM
from minigpt.model.lora import (
    LoRALinear,
    adapter_off,
    add_lora,
    lora_layers,
    merge_adapter,
    unmerge_adapter,
    without_adapter,
)
from minigpt.tokenizers.chat import Message
from minigpt.training.loss import language_model_loss

CONFIG = LoraConfig(rank=3, alpha=6.0, targets=("qkv", "output", "mlp"))


def tokens(model, rows=2, length=12):
    dice = torch.Generator().manual_seed(1)
    return torch.randint(model.config.vocab_size, (rows, length), generator=dice)


def trained(model):
    """Give B what training would: anything but zero."""
    dice = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for layer in lora_layers(model).values():
            layer.lora_b.copy_(torch.randn(layer.lora_b.shape, generator=dice) * 0.3)
    return model


def test_a_new_adapter_changes_nothing_and_only_it_learns(new_base):
    model = new_base().model
    before = model(tokens(model)).detach()
    add_lora(model, CONFIG)
    torch.testing.assert_close(model(tokens(model)), before)
    learning = {name for name, p in model.named_parameters() if p.requires_grad}
    assert learning == {
        f"blocks.{layer}.{place}.lora_{matrix}"
        for layer in range(2)
        for place in ("attn.qkv", "attn.output", "mlp.input", "mlp.output")
        for matrix in "ab"
    }


def test_output_and_gradients_are_those_of_the_formula():
    torch.manual_seed(0)
    layer = LoRALinear(torch.nn.Linear(5, 4), rank=2, alpha=8.0)
    torch.nn.init.normal_(layer.lora_b)
    x, upstream = torch.randn(7, 5), torch.randn(7, 4)
    out = layer(x)
    a, b, scale = layer.lora_a, layer.lora_b, 8.0 / 2
    expected = F.linear(x, layer.base.weight + scale * b @ a, layer.base.bias)
    torch.testing.assert_close(out, expected)
    out.backward(upstream)
    torch.testing.assert_close(b.grad, scale * upstream.T @ (x @ a.T))
    torch.testing.assert_close(a.grad, scale * (upstream @ b).T @ x)
    assert layer.base.weight.grad is None


def test_loss_and_gradients_are_pefts(new_base):
    peft = pytest.importorskip("peft")
    own = trained(add_lora(new_base().model, CONFIG))
    theirs = peft.inject_adapter_in_model(
        peft.LoraConfig(
            r=3, lora_alpha=6, target_modules=["qkv", "output", "input"], bias="none"
        ),
        new_base().model,
    )
    pairs = {}
    for name, layer in lora_layers(own).items():
        other = theirs.get_submodule(name)
        other.lora_A["default"].weight.data.copy_(layer.lora_a)
        other.lora_B["default"].weight.data.copy_(layer.lora_b)
        pairs[layer.lora_a] = other.lora_A["default"].weight
        pairs[layer.lora_b] = other.lora_B["default"].weight
    row = tokens(own)
    losses = [
        language_model_loss(model(row[:, :-1]), row[:, 1:]) for model in (own, theirs)
    ]
    for loss in losses:
        loss.backward()
    assert losses[0].item() == pytest.approx(losses[1].item(), abs=1e-6)
    assert len(pairs) == 16
    for mine, other in pairs.items():
        torch.testing.assert_close(mine.grad, other.grad, atol=1e-5, rtol=1e-5)


def test_merging_changes_no_output_and_unmerging_restores_the_weights(new_base):
    model = trained(add_lora(new_base().model, CONFIG))
    adapted = model(tokens(model)).detach()
    weights = deepcopy(model.state_dict())
    merge_adapter(model)
    merge_adapter(model)
    torch.testing.assert_close(model(tokens(model)), adapted, atol=1e-5, rtol=1e-5)
    unmerge_adapter(model)
    for name, weight in model.state_dict().items():
        torch.testing.assert_close(weight, weights[name], atol=1e-6, rtol=0.0)


def test_a_copy_without_adapter_is_a_plain_model_that_computes_the_same(new_base):
    model = trained(add_lora(new_base().model, CONFIG))
    plain = without_adapter(model)
    assert plain.state_dict().keys() == new_base().model.state_dict().keys()
    assert plain.adapter is None
    assert model.adapter == CONFIG
    assert all(parameter.requires_grad for parameter in plain.parameters())
    row = tokens(model)
    torch.testing.assert_close(plain(row), model(row), atol=1e-5, rtol=1e-5)


def test_switched_off_the_model_is_its_base(new_base):
    base = new_base().model
    model = trained(add_lora(new_base().model, CONFIG))
    row = tokens(model)
    with adapter_off(model):
        torch.testing.assert_close(model(row), base(row))
    assert not torch.allclose(model(row), base(row), atol=1e-3)
    merge_adapter(model)
    with pytest.raises(ConfigError, match="unmerge"), adapter_off(model):
        pass


def test_hooks_see_the_adapted_values(new_base):
    base, model = new_base().model, trained(add_lora(new_base().model, CONFIG))
    row = tokens(model)
    _, before = base.run_with_cache(row)
    _, after = model.run_with_cache(row)
    assert before.keys() == after.keys()
    _, merged = without_adapter(model).run_with_cache(row)
    for name in after:
        torch.testing.assert_close(after[name], merged[name], atol=1e-4, rtol=1e-4)
    assert not torch.allclose(before["pattern", 1], after["pattern", 1])
    result = model.run_with_cache(row, "*hook_result")[1]["blocks.0.attn.hook_result"]
    torch.testing.assert_close(result.sum(2), after["blocks.0.hook_attn_out"])


def test_the_quick_decoder_writes_with_the_adapter_on(new_base):
    base = new_base("char")
    model = trained(add_lora(new_base("char").model, CONFIG))
    settings = GenerationConfig(strategy="greedy", max_new_tokens=40)

    def written(model):
        return Generator(model, base.tokenizer, "cpu").generate("Mia", settings)

    with_adapter, merged = written(model), written(without_adapter(model))
    assert with_adapter.tokens == merged.tokens
    assert with_adapter.log_probs == pytest.approx(merged.log_probs, abs=1e-4)
    assert with_adapter.log_probs != pytest.approx(
        written(base.model).log_probs, abs=1e-3
    )


def test_replies_are_equal_with_an_adapter_merged_or_not(chat_base):
    model = trained(add_lora(chat_base.model, CONFIG)).eval()
    question = [Message("user", "Who had the kite?")]
    texts = {
        reply(one, chat_base.tokenizer, question)
        for one in (model, without_adapter(model))
    }
    assert len(texts) == 1


def test_what_cannot_be_adapted_is_refused_in_words(new_base):
    model = new_base().model
    with pytest.raises(ConfigError, match="lora_rank is 17"):
        add_lora(model, LoraConfig(rank=17))
    bare = new_base(d_ff=0).model
    with pytest.raises(ConfigError, match="choose qkv or output"):
        add_lora(bare, LoraConfig(targets=("mlp",)))
    with pytest.raises(ConfigError, match="an mlp has none"):
        add_lora(MLPLM(vocab_size=20), LoraConfig())
    add_lora(model, CONFIG)
    with pytest.raises(ConfigError, match="merge it first"):
        add_lora(model, CONFIG)
