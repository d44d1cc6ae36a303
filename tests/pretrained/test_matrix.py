"""Family by tokenizer, by precision and sharding: equal ids and logits, or one line.

Every model and every tokenizer is made once, by `transformers` and `tokenizers`, and
each pair of them is opened as one directory.
"""

import copy
import json
from itertools import product

import pytest
import tokenizers
import torch
import transformers
from pretrained.tokenizer_forms import ADAPTED, OURS
from safetensors.torch import load_file, save_file

import minigpt
from minigpt.config import GenerationConfig
from minigpt.errors import CheckpointError
from minigpt.generation.sample import Sampler

STRINGS = [
    *("It was the best", " the  worst\n\n", "naïve 你好 🙂", "I'M 12345", "a <tool> b"),
    *("x=y;\n\n  z", "naïve’s nai\u0308ve", "\u2028 z", "  \n\t a", "</s><unk>", ""),
]
VOCAB = 448
"""Padded: no tokenizer here has so many ids."""
LIKE_LLAMA = {
    "hidden_size": 24,
    "intermediate_size": 20,
    "num_hidden_layers": 2,
    "num_attention_heads": 3,
    "max_position_embeddings": 40,
}
FAMILIES = {
    "gpt2": (
        transformers.GPT2Config,
        {"n_embd": 24, "n_layer": 2, "n_head": 3, "n_positions": 40},
    ),
    "llama": (
        transformers.LlamaConfig,
        LIKE_LLAMA | {"num_key_value_heads": 1, "tie_word_embeddings": True},
    ),
    "mistral": (
        transformers.MistralConfig,
        LIKE_LLAMA | {"num_key_value_heads": 3, "sliding_window": 7},
    ),
}
QWEN = LIKE_LLAMA | {"num_key_value_heads": 1}
LONGER = {"rope_type": "llama3", "rope_theta": 500.0, "factor": 8.0}
LONGER |= {"low_freq_factor": 0.5, "high_freq_factor": 2.0}
YARN = {"rope_type": "yarn", "rope_theta": 500.0, "factor": 4.0}
YARN |= {"original_max_position_embeddings": 16}
LATER = {
    "qwen2": (transformers.Qwen2Config, QWEN | {"tie_word_embeddings": True}),
    "qwen3": (transformers.Qwen3Config, QWEN | {"head_dim": 10}),
    "llama 3": (
        transformers.LlamaConfig,
        LIKE_LLAMA
        | {"num_key_value_heads": 3, "head_dim": 6, "tie_word_embeddings": True}
        | {"rope_parameters": LONGER | {"original_max_position_embeddings": 16}},
    ),
    "neox": (
        transformers.GPTNeoXConfig,
        LIKE_LLAMA | {"rope_parameters": {"partial_rotary_factor": 0.5}},
    ),
    "neox, one after the other": (
        transformers.GPTNeoXConfig,
        LIKE_LLAMA
        | {"use_parallel_residual": False, "hidden_act": "gelu_new"}
        | {"tie_word_embeddings": True, "rope_parameters": {"rope_theta": 500.0}}
        | {"rotary_pct": 1.0},
    ),
    "neo": (
        transformers.GPTNeoConfig,
        {
            "hidden_size": 24,
            "num_layers": 2,
            "num_heads": 3,
            "intermediate_size": 20,
            "max_position_embeddings": 60,
            "attention_types": [[["global", "local"], 1]],
            "window_size": 9,
        },
    ),
    "neo, in groups": (
        transformers.GPTNeoConfig,
        {
            "hidden_size": 24,
            "num_layers": 3,
            "num_heads": 3,
            "max_position_embeddings": 40,
            "attention_types": [[["local"], 2], [["global"], 1]],
            "window_size": 4,
        },
    ),
    "mistral, window unused": (
        transformers.MistralConfig,
        LIKE_LLAMA | {"num_key_value_heads": 3, "sliding_window": 40},
    ),
    "gemma": (
        transformers.GemmaConfig,
        LIKE_LLAMA | {"num_key_value_heads": 1, "head_dim": 10},
    ),
    "gemma 2": (
        transformers.Gemma2Config,
        LIKE_LLAMA
        | {"num_hidden_layers": 3, "num_key_value_heads": 3, "head_dim": 6}
        | {"query_pre_attn_scalar": 9, "sliding_window": 7}
        | {"attn_logit_softcapping": 2.0, "final_logit_softcapping": 5.0},
    ),
    "gemma 2, not bent": (
        transformers.Gemma2Config,
        LIKE_LLAMA
        | {"num_key_value_heads": 1, "head_dim": 8, "sliding_window": 64}
        | {"attn_logit_softcapping": None, "final_logit_softcapping": None},
    ),
    "gemma 3": (
        transformers.Gemma3TextConfig,
        LIKE_LLAMA
        | {"num_hidden_layers": 3, "num_key_value_heads": 1, "head_dim": 6}
        | {"query_pre_attn_scalar": 9, "sliding_window": 7}
        | {"layer_types": ["sliding_attention"] * 2 + ["full_attention"]}
        | {
            "rope_parameters": {
                "sliding_attention": {"rope_type": "default", "rope_theta": 50.0},
                "full_attention": {
                    "rope_type": "linear",
                    "rope_theta": 900.0,
                    "factor": 8.0,
                },
            }
        },
    ),
    "nanochat": (
        transformers.NanoChatConfig,
        LIKE_LLAMA | {"num_key_value_heads": 1, "final_logit_softcapping": 5.0},
    ),
    "llama, yarn": (
        transformers.LlamaConfig,
        LIKE_LLAMA
        | {"num_key_value_heads": 3, "head_dim": 12, "rope_parameters": YARN},
    ),
    "qwen3, yarn of its own factor": (
        transformers.Qwen3Config,
        QWEN
        | {"head_dim": 12}
        | {"rope_parameters": YARN | {"attention_factor": 1.7, "beta_fast": 6.0}},
    ),
    "mistral, yarn with scales": (
        transformers.MistralConfig,
        LIKE_LLAMA
        | {"num_key_value_heads": 1, "sliding_window": 9}
        | {"rope_parameters": YARN | {"mscale": 0.7, "mscale_all_dim": 0.2}},
    ),
    "llama, dynamic": (
        transformers.LlamaConfig,
        LIKE_LLAMA
        | {
            "num_key_value_heads": 1,
            "rope_parameters": YARN | {"rope_type": "dynamic"},
        },
    ),
    "qwen2, windows": (
        transformers.Qwen2Config,
        QWEN
        | {"num_hidden_layers": 3, "use_sliding_window": True}
        | {"sliding_window": 6, "max_window_layers": 1},
    ),
    "qwen3, windows": (
        transformers.Qwen3Config,
        QWEN
        | {"use_sliding_window": True, "sliding_window": 8, "head_dim": 10}
        | {"layer_types": ["sliding_attention", "full_attention"]},
    ),
    "opt": (
        transformers.OPTConfig,
        {
            "hidden_size": 24,
            "num_hidden_layers": 2,
            "num_attention_heads": 3,
            "ffn_dim": 20,
            "max_position_embeddings": 40,
            "word_embed_proj_dim": 24,
        },
    ),
    "llama, linear": (
        transformers.LlamaConfig,
        LIKE_LLAMA
        | {
            "rope_parameters": {
                "rope_type": "linear",
                "rope_theta": 1e4,
                "factor": 4.0,
            }
        },
    ),
}
"""Families that are opened with two tokenizers: the others are the same for all."""
SETTINGS = FAMILIES | LATER
TYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
SHARDS = {"one file": "1GB", "several": "20kB"}
TOKENS = torch.randint(0, VOCAB, (2, 33), generator=torch.Generator().manual_seed(3))


def made(family, **changes):
    kind, settings = SETTINGS[family]
    torch.manual_seed(len(family))
    config = kind(**(settings | {"vocab_size": VOCAB} | changes))
    model = transformers.AutoModelForCausalLM.from_config(config)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
    return model.eval()


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Each family in each precision and sharding: its directory and its logits."""
    found = {}
    for family, kind in product(SETTINGS, TYPES):
        theirs = made(family)
        stored = copy.deepcopy(theirs).to(TYPES[kind])
        theirs.load_state_dict(stored.state_dict())  # rounded, and RoPE's angles not
        with torch.inference_mode():
            logits = theirs(TOKENS).logits
        for shard, size in SHARDS.items():
            place = tmp_path_factory.mktemp("model")
            stored.save_pretrained(place, max_shard_size=size)
            assert len(list(place.glob("*.safetensors"))) == 1 or shard == "several"
            found[family, kind, shard] = place, logits
    return found


@pytest.fixture(scope="module")
def forms():
    """Each tokenizer: its file, and its ids."""
    found = {}
    for make in [*OURS, *ADAPTED]:
        theirs = make()
        text = theirs.to_str()
        theirs.encode_special_tokens = True
        encoded = theirs.encode_batch(STRINGS, add_special_tokens=False)
        found[make.__name__] = text, [each.ids for each in encoded]
    return found


def together(directory, model, tokenizer):
    """Put a model's files and a tokenizer's into one directory."""
    for file in model.iterdir():
        (directory / file.name).symlink_to(file)
    (directory / "tokenizer.json").write_text(tokenizer, encoding="utf-8")
    return directory


FORMS = [make.__name__ for make in [*OURS, *ADAPTED]]
TOGETHER = [*product(FAMILIES, FORMS), *product(LATER, ["gpt2", "sentencepiece"])]
CASES = [(family, "fp32", "one file", form) for family, form in TOGETHER]
CASES += [(*stored, "gpt2") for stored in product(SETTINGS, TYPES, SHARDS)]
"""Each family with each tokenizer, and each in each precision and sharding: how weights
are stored says nothing of ids."""


@pytest.mark.parametrize(("family", "kind", "shard", "form"), dict.fromkeys(CASES))
def test_it_opens_with_equal_ids_and_logits(
    family, kind, shard, form, models, forms, tmp_path
):
    place, logits = models[family, kind, shard]
    file, ids = forms[form]
    model, tokenizer, _ = minigpt.from_pretrained(together(tmp_path, place, file))
    assert [tokenizer.encode(text) for text in STRINGS] == ids
    assert tokenizer.kind == (
        "bpe" if form in [m.__name__ for m in OURS] else "adapted"
    )
    assert tokenizer.vocab_size == model.config.vocab_size == VOCAB
    with torch.inference_mode():
        found = model(TOKENS)
        torch.testing.assert_close(found, logits, atol=1e-4, rtol=0)
    assert torch.equal(found.argmax(-1), logits.argmax(-1))


@pytest.mark.parametrize("form", ["gpt2", "sentencepiece"])
def test_ids_that_no_text_has_are_shown_as_unused(form, models, forms, tmp_path):
    place, _ = models["gpt2", "fp32", "one file"]
    file, _ = forms[form]
    own = tokenizers.Tokenizer.from_str(file).get_vocab_size()
    model, tokenizer, _ = minigpt.from_pretrained(together(tmp_path, place, file))
    spare = list(range(own, VOCAB))
    assert tokenizer.pieces(spare) == [f"<unused {token}>" for token in spare]
    assert tokenizer.decode(spare) == ""
    # Whatever a model of random weights draws has a name.
    prompt = tokenizer.encode("It was")
    sampler = Sampler(model, prompt, GenerationConfig(max_new_tokens=30, seed=1))
    drawn = [sampler.draw().token for _ in range(30)]
    assert set(drawn) & set(spare)
    assert len(tokenizer.pieces(drawn)) == 30
    minigpt.save_checkpoint(tmp_path / "kept", model, tokenizer)
    assert minigpt.load(tmp_path / "kept").tokenizer.to_dict() == tokenizer.to_dict()


def test_a_tokenizer_larger_than_the_model_is_refused(forms, tmp_path):
    made("gpt2", vocab_size=280).save_pretrained(tmp_path)
    (tmp_path / "tokenizer.json").write_text(forms["gpt2"][0], encoding="utf-8")
    with pytest.raises(CheckpointError, match="292 tokens, and the model only 280"):
        minigpt.from_pretrained(tmp_path)


HARMLESS = {
    "is_llama_config": True,
    "unsloth_version": "2025.1",
    "unsloth_fixed": True,
    "_commit_hash": "abc",
    "auto_map": {"AutoConfig": "configuration.Config"},
    "loss_type": "ForCausalLM",
    "transformers.js_config": {"kv_cache_dtype": {"q4f16": "float16"}},
    "head_scale": None,
    "some_novel_note": {"by": ["me"]},
    "quantization_config": None,
    "pad_token_id": 0,
}


@pytest.mark.parametrize("family", FAMILIES)
def test_fields_that_change_nothing_are_passed_over(family, models, forms, tmp_path):
    place, logits = models[family, "fp32", "one file"]
    together(tmp_path, place, forms["gpt2"][0])
    change_config(tmp_path, **HARMLESS)
    if family != "gpt2":
        kind = "sliding" if family == "mistral" else "full"
        same = {"layer_types": [f"{kind}_attention"] * 2, "rope_scaling": None}
        change_config(tmp_path, **same)
    model = minigpt.from_pretrained(tmp_path).model
    with torch.inference_mode():
        torch.testing.assert_close(model(TOKENS), logits, atol=1e-4, rtol=0)


def change_config(directory, **changes):
    path = directory / "config.json"
    fields = json.loads(path.read_text(encoding="utf-8")) | changes
    path.unlink()
    path.write_text(json.dumps(fields), encoding="utf-8")


REFUSED = {
    "gpt2": [
        {"activation_function": "gelu_fast"},
        {"activation_function": "silu", "scale_attn_weights": False},
        {"add_cross_attention": True, "n_head": "3", "logit_scale": 2.0},
        {"quantization_config": {"bits": 4}},
    ],
    "llama": [
        {"rope_scaling": {"rope_type": "longrope"}, "hidden_act": "gelu"},
        {"rope_scaling": {"rope_type": "yarn", "factor": 2.0, "truncate": False}},
        {"head_dim": "16", "mlp_bias": True},
        {"residual_multiplier": 0.5, "num_experts": 4},
        {"layer_types": ["full_attention", "chunked_attention"]},
    ],
    "mistral": [
        {"layer_types": ["sliding_attention", "full_attention"]},
        {"layer_types": ["full_attention", "full_attention"]},
        {"sliding_window": 8.5},
        {"model_type": "gptj"},
    ],
    "opt": [
        {"do_layer_norm_before": False, "word_embed_proj_dim": 12},
        {"_remove_final_layer_norm": True, "enable_bias": False},
    ],
    "neo": [
        {"attention_layers": ["global", "strided"]},
        {"attention_types": [["local", 2]]},
        {"attention_layers": ["global"]},
    ],
    "neox": [{"attention_bias": False}, {"use_parallel_residual": "no"}],
    "qwen2": [{"layer_types": ["full_attention", "chunked_attention"]}],
    "qwen3": [{"attention_bias": True, "num_experts": 8}],
    "gemma": [{"hidden_act": "silu", "use_bidirectional_attention": True}],
    "gemma 2": [{"query_pre_attn_scalar": -1, "attn_logit_softcapping": "5"}],
    "gemma 3": [{"layer_types": ["chunked_attention"] * 3, "moe_layers": 2}],
    "nanochat": [{"hidden_act": "gelu", "attention_bias": True}],
}
CASES = [(family, changes) for family, all_ in REFUSED.items() for changes in all_]


@pytest.mark.parametrize(("family", "changes"), CASES, ids=str)
def test_all_that_is_in_the_way_is_named_at_once(
    family, changes, models, forms, tmp_path
):
    place, _ = models[family, "fp32", "one file"]
    together(tmp_path, place, forms["gpt2"][0])
    change_config(tmp_path, **changes)
    with pytest.raises(CheckpointError) as error:
        minigpt.from_pretrained(tmp_path)
    message = str(error.value)
    assert all(name.removeprefix("rope_scaling") in message for name in changes)
    assert "Did you mean" not in message
    assert "\n" not in message


@pytest.mark.parametrize("wrapping", ["_orig_mod.", "module.", "module._orig_mod."])
@pytest.mark.parametrize("family", FAMILIES)
def test_what_wraps_a_model_in_training_is_understood(
    family, wrapping, models, forms, tmp_path
):
    place, logits = models[family, "fp32", "one file"]
    together(tmp_path, place, forms["gpt2"][0])
    path = tmp_path / "model.safetensors"
    weights = load_file(path)
    path.unlink()
    renamed = {wrapping + name: weight for name, weight in weights.items()}
    save_file(renamed, path, {"format": "pt"})
    model = minigpt.from_pretrained(tmp_path).model
    with torch.inference_mode():
        torch.testing.assert_close(model(TOKENS), logits, atol=1e-4, rtol=0)


def test_a_suggested_name_is_one_that_the_file_has(models, forms, tmp_path):
    place, _ = models["llama", "fp32", "one file"]
    together(tmp_path, place, forms["gpt2"][0])
    path = tmp_path / "model.safetensors"
    weights = load_file(path)
    path.unlink()
    weights["layers.0.mlp.upproj.weight"] = weights.pop(
        "model.layers.0.mlp.up_proj.weight"
    )
    save_file(weights, path, {"format": "pt"})
    with pytest.raises(CheckpointError) as error:
        minigpt.from_pretrained(tmp_path)
    _, _, suggested = str(error.value).partition("Did you mean ")
    assert suggested == "'layers.0.mlp.upproj.weight'?"


def test_an_adapter_of_peft_asks_for_its_base(tmp_path):
    fields = {"peft_type": "LORA", "base_model_name_or_path": "someone/base"}
    (tmp_path / "adapter_config.json").write_text(json.dumps(fields))
    save_file({"a": torch.zeros(1)}, tmp_path / "adapter_model.safetensors")
    with pytest.raises(CheckpointError, match=r"someone/base.*import --base") as error:
        minigpt.from_pretrained(tmp_path)
    assert "\n" not in str(error.value)
