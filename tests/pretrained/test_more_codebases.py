"""Weights that minGPT, LLMs-from-scratch, TransformerLens and Meta save alone."""

import json

import pytest
import torch
import transformers
from pretrained import codebase_writers as writers
from pretrained.test_codebases import (
    TOKENS,
    VOCAB,
    as_nanogpt,
    assert_equal_logits,
    gpt2,
    llama,
    metas,
    shaken,
)
from pretrained.test_codebases import with_tokens as with_tokens
from pretrained.tokenizer_forms import ranks_of, write_ranks

import minigpt
from minigpt.errors import CheckpointError
from minigpt.pretrained.codebases.programs import CODEBASES
from minigpt.tokenizers.byte_pair.rank_file import _KNOWN


def newer_gpt2(width=48, heads=3, **settings):
    """A GPT-2 with the tanh GELU and a head of its own."""
    config = transformers.GPT2Config(
        vocab_size=VOCAB,
        n_embd=width,
        n_layer=2,
        n_head=heads,
        n_positions=40,
        tie_word_embeddings=False,
        **settings,
    )
    return shaken(transformers.GPT2LMHeadModel(config))


def opened(content, folder, name="model.pt", settings=None):
    torch.save(content, folder / name)
    if settings is not None:
        (folder / "config.json").write_text(json.dumps(settings))
    return minigpt.from_pretrained(folder / name)


@pytest.mark.parametrize("how", ["width", "name", "number", "compiled"])
def test_mingpts_weights_open(how, with_tokens):
    theirs = newer_gpt2()
    content = writers.mingpt(theirs)
    model = {
        "name": {"model_type": "gpt-nano", "n_head": None, "n_embd": None},
        "number": {"model_type": None, "n_head": 3, "n_embd": 48},
    }
    settings = {"model": model[how], "trainer": {}} if how in model else None
    if how == "compiled":
        content = {f"_orig_mod.{name}": weight for name, weight in content.items()}
    found = opened(content, with_tokens, settings=settings)
    assert_equal_logits(found.model, theirs)
    assumed = "assumed are 3" in found.metadata.provenance["notes"]
    assert assumed is (how not in model)


@pytest.mark.parametrize("form", ["alone", "beside the optimizer's", "without biases"])
def test_the_books_weights_open(form, with_tokens):
    theirs = newer_gpt2()
    biased = form != "without biases"
    if not biased:
        for block in theirs.transformer.h:
            block.attn.c_attn.bias.data.zero_()
    content = writers.llms_from_scratch(theirs, qkv_bias=biased)
    if form == "beside the optimizer's":
        content = {"model_state_dict": content, "optimizer_state_dict": {"state": {}}}
    found = opened(content, with_tokens, "model.pth", {"emb_dim": 48, "n_heads": 3})
    assert_equal_logits(found.model, theirs)
    assert found.model.config.has_qkv_bias is biased
    again = minigpt.from_pretrained(with_tokens / "model.pth")
    assert again.metadata.model == found.metadata.model


def test_the_books_own_widths_tell_the_heads_and_others_ask(with_tokens):
    theirs = newer_gpt2(768, 12, n_inner=16)
    found = opened(writers.llms_from_scratch(theirs), with_tokens, "model.pth")
    assert_equal_logits(found.model, theirs)
    assert "assumed are 12" in found.metadata.provenance["notes"]
    content = writers.llms_from_scratch(newer_gpt2(36, 4))
    with pytest.raises(CheckpointError, match=r"write .*n_heads.*into model\.json"):
        opened(content, with_tokens, "model.pth")
    (with_tokens / "model.json").write_text('{"n_heads": 4}')
    assert opened(content, with_tokens, "model.pth").model.config.num_heads == 4


def test_tiktokens_ranks_are_found_beside_it(tmp_path, monkeypatch):
    monkeypatch.setitem(_KNOWN, 290, _KNOWN[50256])
    write_ranks(tmp_path / "gpt2.tiktoken", ranks_of(290))
    found = opened(writers.llms_from_scratch(newer_gpt2(768, 12, n_inner=8)), tmp_path)
    text = "the tenth"
    assert found.tokenizer.decode(found.tokenizer.encode(text)) == text
    assert found.tokenizer.eos_id == 290
    write_ranks(tmp_path / "another.tiktoken", ranks_of(290))
    with pytest.raises(CheckpointError, match="or one file of tiktoken's ranks"):
        minigpt.from_pretrained(tmp_path / "model.pt")


@pytest.mark.parametrize("folded", [False, True])
def test_a_state_of_transformer_lens_opens(folded, with_tokens):
    theirs = newer_gpt2(36, 4)
    found = opened(writers.transformer_lens(theirs, folded=folded), with_tokens)
    assert_equal_logits(found.model, theirs)
    assert "gelu_new" in found.metadata.provenance["notes"]


def test_transformer_lens_without_mlps_and_with_wide_heads_opens(with_tokens):
    theirs = newer_gpt2(36, 4)
    for block in theirs.transformer.h:
        block.mlp.c_proj.weight.data.zero_()
        block.mlp.c_proj.bias.data.zero_()
    content = {
        name: weight
        for name, weight in writers.transformer_lens(theirs).items()
        if ".mlp." not in name and ".ln2." not in name
    }
    assert_equal_logits(opened(content, with_tokens).model, theirs)
    for layer in range(2):  # two more numbers in each head, all 0
        for name in "QKV":
            at = f"blocks.{layer}.attn."
            wide = torch.nn.functional.pad
            scale = (11 / 9) ** 0.5 if name == "Q" else 1.0
            content[f"{at}W_{name}"] = wide(content[f"{at}W_{name}"], (0, 2)) * scale
            content[f"{at}b_{name}"] = wide(content[f"{at}b_{name}"], (0, 2)) * scale
        content[f"{at}W_O"] = wide(content[f"{at}W_O"], (0, 0, 0, 2))
    found = opened(content, with_tokens)
    assert found.model.config.d_head == 11
    assert_equal_logits(found.model, theirs)


@torch.inference_mode()
def test_a_bias_for_each_token_that_no_shift_can_be_stays_the_heads(with_tokens):
    theirs = newer_gpt2(36, 4)
    content = writers.transformer_lens(theirs)
    content["unembed.b_U"][7] = 0.5
    found = opened(content, with_tokens)
    added = found.model(TOKENS) - theirs(TOKENS).logits
    wanted = torch.zeros(VOCAB).index_fill(0, torch.tensor(7), 0.5).expand_as(added)
    torch.testing.assert_close(added, wanted, atol=1e-4, rtol=0)
    assert found.model.config.head_bias


@pytest.mark.parametrize("bias", [True, False])
def test_nanogpts_weights_alone_open(bias, with_tokens):
    theirs = gpt2()
    if not bias:
        for name, weight in theirs.named_parameters():
            if name.endswith("bias"):
                weight.data.zero_()
    content = as_nanogpt(theirs, bias=bias)["model"]
    found = opened(content, with_tokens, settings={"n_head": 3})
    assert_equal_logits(found.model, theirs)
    assert found.model.config.bias is bias


def test_the_state_of_a_gpt2_of_transformers_opens(with_tokens):
    config = transformers.GPT2Config(
        vocab_size=VOCAB, n_embd=48, n_layer=2, n_head=3, n_positions=40
    )
    theirs = shaken(transformers.GPT2LMHeadModel(config))
    found = opened(theirs.state_dict(), with_tokens)
    assert_equal_logits(found.model, theirs)


@pytest.mark.parametrize("changes", [{}, {"n_kv_heads": 2, "rope_theta": 500.0}])
def test_metas_weights_open_with_their_params(changes, with_tokens):
    theirs = llama(kv_heads=changes.get("n_kv_heads", 4), tied=False)
    if "rope_theta" in changes:
        config = theirs.config
        config.rope_parameters = {"rope_type": "default", "rope_theta": 500.0}
        weights = theirs.state_dict()
        theirs = transformers.LlamaForCausalLM(config).eval()
        theirs.load_state_dict(weights)
    params = {"dim": 32, "n_layers": 2, "n_heads": 4, "vocab_size": -1}
    params |= {"multiple_of": 4, "norm_eps": 1e-05} | changes
    (with_tokens / "params.json").write_text(json.dumps(params))
    content = metas(theirs) | {"rope.freqs": torch.zeros(4)}
    found = opened(content, with_tokens, "consolidated.00.pth")
    assert_equal_logits(found.model, theirs)
    assert "assumed are 2048 tokens" in found.metadata.provenance["notes"]
    (with_tokens / "consolidated.01.pth").write_bytes(b"")
    with pytest.raises(CheckpointError, match="one of several parts"):
        minigpt.from_pretrained(with_tokens / "consolidated.00.pth")
    (with_tokens / "params.json").unlink()
    with pytest.raises(CheckpointError, match=r"put its params\.json"):
        minigpt.from_pretrained(with_tokens / "consolidated.00.pth")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"loss": 3.0}, "holds no weights"),
        ({"encoder.weight": torch.zeros(2)}, "'encoder.weight', and is none of those"),
        ({"embed.W_E": torch.zeros(3, 4)}, "W_Q' is missing"),
        (
            {"embed.W_E": torch.zeros(3, 4), "blocks.0.attn.W_Q": torch.zeros(3, 4)},
            r"should be \[head",
        ),
        ({"tok_emb.weight": torch.zeros(3)}, "should be a matrix"),
        ({"transformer.wte.weight": torch.zeros(3, 48)}, r"wpe\.weight' is missing"),
    ],
)
def test_weights_of_nobody_are_refused_in_one_line(content, words, with_tokens):
    with pytest.raises(CheckpointError, match=words) as error:
        opened(content, with_tokens)
    assert "\n" not in str(error.value)


def test_the_page_of_what_opens_is_as_it_would_be_made_today():
    from pretrained import codebase_table  # which takes its models from this file

    made = codebase_table.page()
    assert codebase_table.PAGE.read_text(encoding="utf-8") == made
    assert all(f"| {each.title} |" in made for each in CODEBASES)
