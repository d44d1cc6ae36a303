"""What a tuning moved: shares, products of low rank, and the heads answers need."""

import numpy as np
import pytest
import torch

from minigpt.checkpoint import Checkpoint, save_checkpoint
from minigpt.config import LoraConfig
from minigpt.datasets.tales.instructions import questions
from minigpt.errors import DataError
from minigpt.finetuning.adapters import adapted
from minigpt.finetuning.chat import ready_to_chat
from minigpt.finetuning.inspection.changed_weights import moved
from minigpt.finetuning.inspection.low_rank import adapter_product, nearest_product
from minigpt.finetuning.inspection.needed_heads import decisive, heads_needed
from minigpt.finetuning.supervised import fits, supervised_example
from minigpt.model import MLPLM
from minigpt.model.lora import lora_layers, without_adapter
from minigpt.tokenizers.chat import Message, encode_chat
from minigpt.training.loss import IGNORED


def tuned(base, targets=("qkv", "output"), rank=2):
    """Return an adapted model whose adapter is not zero."""
    config = LoraConfig(rank=rank, alpha=6.0, targets=targets)
    model = adapted(ready_to_chat(base).model, config)
    dice = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for layer in lora_layers(model).values():
            layer.lora_b.copy_(torch.randn(layer.lora_b.shape, generator=dice) * 0.2)
    return model.eval()


def test_an_adapter_moves_its_targets_and_exactly_nothing_else(new_base):
    base = ready_to_chat(new_base()).model
    found = moved(base, without_adapter(tuned(new_base(), ("output",))))
    assert found.matrices == ["q", "k", "v", "o", "mlp in", "mlp out"]
    assert found.relative.shape == (2, 6)
    assert (np.delete(found.relative, 3, axis=1) == 0).all()
    assert (found.relative[:, 3] > 0).all()
    assert set(found.others.values()) <= {0.0} | {
        v for v in found.others.values() if v != v
    }
    assert found.touched == 2 * 16 * 16
    assert found.total == sum(weight.numel() for weight in base.parameters())


def test_the_share_is_the_ratio_of_frobenius_norms(new_base):
    base = ready_to_chat(new_base(num_kv_heads=1)).model
    model = ready_to_chat(new_base(num_kv_heads=1)).model
    with torch.no_grad():
        model.blocks[1].attn.qkv.weight[16:24] *= 1.5  # the keys of the one kv head
        model.token_embedding.weight *= 1.25
    found = moved(base, model)
    expected = np.zeros((2, 6))
    expected[1, 1] = 0.5
    np.testing.assert_allclose(found.relative, expected, atol=1e-6)
    assert found.others["token_embedding.weight"] == pytest.approx(0.25, abs=1e-6)


def test_models_of_other_sizes_are_refused(new_base):
    base = new_base().model
    with pytest.raises(DataError, match="differ in their sizes"):
        moved(base, new_base(d_model=8).model)
    with pytest.raises(DataError, match="mlp"):
        moved(MLPLM(vocab_size=20), MLPLM(vocab_size=20))


@pytest.mark.parametrize("kv_heads", [2, 1])
def test_a_saved_adapters_product_is_what_merging_adds(new_base, tmp_path, kv_heads):
    sizes = {"num_kv_heads": kv_heads}
    targets = ("qkv", "output", "mlp")
    model = tuned(new_base(**sizes), targets)
    base = ready_to_chat(new_base(**sizes))
    path = save_checkpoint(tmp_path / "step", model, base.tokenizer)
    merged = dict(without_adapter(model).named_parameters())
    plain = dict(base.model.named_parameters())
    whole = merged["blocks.1.attn.qkv.weight"] - plain["blocks.1.attn.qkv.weight"]
    parts = [adapter_product(path, model.config, 1, name) for name in ("q", "k", "v")]
    assert all(part.is_adapter and part.held == 1 for part in parts)
    stacked = np.concatenate([part.b @ part.a for part in parts])
    np.testing.assert_allclose(stacked, whole.detach(), atol=1e-5)
    for name, place in (("o", "attn.output"), ("mlp in", "mlp.input")):
        change = merged[f"blocks.0.{place}.weight"] - plain[f"blocks.0.{place}.weight"]
        part = adapter_product(path, model.config, 0, name)
        np.testing.assert_allclose(part.b @ part.a, change.detach(), atol=1e-5)


def test_without_an_adapter_beside_it_a_matrix_has_no_such_product(new_base, tmp_path):
    base = ready_to_chat(new_base())
    path = save_checkpoint(tmp_path / "plain", base.model, base.tokenizer)
    assert adapter_product(path, base.model.config, 0, "q") is None
    model = tuned(new_base(), ("output",))
    path = save_checkpoint(tmp_path / "thin", model, base.tokenizer)
    assert adapter_product(path, model.config, 0, "q") is None
    assert adapter_product(path, model.config, 0, "mlp in") is None


def test_the_nearest_product_is_the_adapters_where_there_is_one(new_base):
    base = ready_to_chat(new_base()).model
    model = without_adapter(tuned(new_base()))
    found = nearest_product(base, model, 0, "o", rank=2)
    change = model.blocks[0].attn.output.weight - base.blocks[0].attn.output.weight
    np.testing.assert_allclose(found.b @ found.a, change.detach(), atol=1e-5)
    assert found.held == pytest.approx(1.0, abs=1e-5)
    half = nearest_product(base, model, 0, "o", rank=1)
    rest = change.detach().numpy() - half.b @ half.a
    assert 1 - half.held == pytest.approx(
        (rest**2).sum() / (change.detach().numpy() ** 2).sum(), abs=1e-4
    )
    with pytest.raises(DataError, match="mlp in of layer 0 did not change"):
        nearest_product(base, model, 0, "mlp in", rank=2)


@pytest.mark.parametrize("kind", ["bpe", "char"])
def test_only_the_words_that_need_the_story_are_decisive(new_base, kind):
    tokenizer = ready_to_chat(new_base(kind)).tokenizer
    asked = next(questions(0, "train", fits(tokenizer, 2000)))
    example = decisive(asked, tokenizer, 2000)
    labels = example["labels"]
    learned = labels[labels != IGNORED]
    known = tokenizer.decode(tokenizer.encode(f" {asked.question.answer}"))
    assert tokenizer.decode(learned) == known
    before = example["input_ids"][: int((labels != IGNORED).nonzero()[0]) + 1]
    lead = tokenizer.decode(tokenizer.encode(f" {asked.question.lead}"))
    assert tokenizer.decode(before).endswith(lead.strip())


def test_cutting_is_measured_on_the_labels_head_by_head(chat_base):
    model, tokenizer = chat_base.model, chat_base.tokenizer
    said = [("Who had the kite?", "Mia."), ("What color was the drum?", "blue")]
    rows = [
        encode_chat([Message("user", q), Message("assistant", a)], tokenizer)
        for q, a in said
    ]
    found = heads_needed(chat_base, [supervised_example(row) for row in rows])
    assert found.rises.shape == found.left.shape == (2, 2)
    assert found.number == 2
    total = labels = 0.0

    def silent(z, hook):
        z = z.clone()
        z[:, :, 1] = 0
        return z

    model.requires_grad_(False)
    for row in rows:
        example = supervised_example(row)
        logits = model.run_with_hooks(
            example["input_ids"][None], [("blocks.1.attn.hook_z", silent)]
        )[0]
        losses = torch.nn.functional.cross_entropy(
            logits, example["labels"], reduction="sum", ignore_index=IGNORED
        )
        total += float(losses)
        labels += float((example["labels"] != IGNORED).sum())
    assert found.loss + found.rises[1, 1] == pytest.approx(total / labels, abs=1e-4)


def test_there_must_be_heads_and_a_question(chat_base):
    mlp = Checkpoint(MLPLM(vocab_size=9), chat_base.tokenizer, chat_base.metadata)
    with pytest.raises(DataError, match="no heads"):
        heads_needed(mlp, [])
    with pytest.raises(DataError, match="no question"):
        heads_needed(chat_base, [])
