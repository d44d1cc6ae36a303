"""nanochat's own checkpoints: the published model opens, what came later is named."""

import json

import pytest
import torch
import transformers
from pretrained import codebase_writers as writers
from pretrained.test_codebases import VOCAB, assert_equal_logits, shaken
from pretrained.test_codebases import with_tokens as with_tokens

import minigpt
from minigpt.errors import CheckpointError

META = {"n_layer": 2, "n_head": 4, "n_kv_head": 2, "n_embd": 32}
META |= {"sequence_length": 40, "vocab_size": VOCAB}


def nanochat(width=32, heads=4, **settings):
    config = transformers.NanoChatConfig(
        vocab_size=VOCAB,
        hidden_size=width,
        intermediate_size=4 * width,
        num_hidden_layers=2,
        num_attention_heads=heads,
        max_position_embeddings=40,
        rms_norm_eps=torch.finfo(torch.float32).eps,
        **settings,
    )
    return shaken(transformers.NanoChatForCausalLM(config))


def written(folder, content, meta=META):
    torch.save(content, folder / "model_000650.pt")
    settings = {"step": 650, "val_bpb": 0.8, "model_config": meta}
    (folder / "meta_000650.json").write_text(json.dumps(settings), encoding="utf-8")
    return folder / "model_000650.pt"


@pytest.mark.parametrize("prefix", ["", "_orig_mod."])
def test_the_published_model_opens_and_says_what_is_assumed(prefix, with_tokens):
    theirs = nanochat(num_key_value_heads=2)
    content = {prefix + name: w for name, w in writers.nanochat(theirs).items()}
    found = minigpt.from_pretrained(written(with_tokens, content))
    assert_equal_logits(found.model, theirs)
    assert found.model.config.max_seq_len == 40
    assert "logits within ±15" in found.metadata.provenance["notes"]
    assert "how many heads" not in found.metadata.provenance["notes"]


def test_without_its_settings_heads_are_as_wide_as_its_own(with_tokens):
    theirs = nanochat(width=256, heads=2)
    torch.save(writers.nanochat(theirs), with_tokens / "model.pt")
    found = minigpt.from_pretrained(with_tokens / "model.pt")
    assert_equal_logits(found.model, theirs)
    assert "assumed are 2" in found.metadata.provenance["notes"]


@pytest.mark.parametrize(
    ("tensors", "meta", "named"),
    [
        (["resid_lambdas", "x0_lambdas"], {}, "resid_lambdas, x0_lambdas"),
        (
            ["value_embeds.1.weight", "transformer.h.1.attn.ve_gate.weight"],
            {},
            "ve_gate",
        ),
        (["smear_gate.weight"], {}, "smear_gate"),
        ([], {"window_pattern": "SSSL"}, "window_pattern 'SSSL'"),
    ],
)
def test_what_came_later_is_refused_by_name(tensors, meta, named, with_tokens):
    content = writers.nanochat(nanochat(num_key_value_heads=2))
    content |= {name: torch.ones(2) for name in tensors}
    with pytest.raises(
        CheckpointError, match=rf"has .*{named}.*first version"
    ) as error:
        minigpt.from_pretrained(written(with_tokens, content, META | meta))
    assert "\n" not in str(error.value)
