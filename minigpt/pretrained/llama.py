"""Llama's shape: RoPE, RMSNorm, a gated MLP, keys that groups of heads may share.

SmolLM has it too; Mistral's has windows besides, and no biases; Qwen's differs in
little (see `qwen`).

RoPE rotates pairs (i, i + d_head / 2), as here, so weights need no reordering.

Source: Touvron et al. 2023, arXiv:2302.13971, section 2.2; the names are those of
`LlamaForCausalLM` in `transformers`.
"""

from dataclasses import replace
from typing import Any

from minigpt.config import ModelConfig
from minigpt.pretrained.fields import Fields
from minigpt.pretrained.rope import read_rope, write_rope
from minigpt.pretrained.shape import (
    PLAIN,
    Shape,
    WeightPlace,
    layers,
    with_scales_and_mlp,
)
from minigpt.pretrained.windows import Windows, read_windows, write_windows


def read_settings(fields: Fields) -> ModelConfig:
    """Translate a Llama's settings; what is not supported is among the obstacles."""
    # The number of parts that a product is computed in.
    fields.take("pretraining_tp", int, 1)
    settings = read_common(fields)
    if settings["attention_window"]:
        fields.obstacles.append(
            "sliding_window is shorter than max_position_embeddings, and a Llama's "
            "layers have none: if this is a Mistral, its model_type should say so"
        )
        settings["attention_window"] = 0
    return ModelConfig(**settings, bias=_read_bias(fields))


def read_mistral(fields: Fields) -> ModelConfig:
    """Translate a Mistral's settings; what is not supported is among the obstacles."""
    window = fields.take("sliding_window", int, 0)
    fields.put("sliding_window", window or None)
    settings = read_common(fields)
    windows = settings["attention_window"]
    if windows != (window if window < settings["max_seq_len"] else 0):
        fields.obstacles.append(
            f"layer_types gives some layers no window, and sliding_window is {window}, "
            "which all of a Mistral's layers have"
        )
        settings["attention_window"] = 0
    return ModelConfig(**settings, bias=_read_bias(fields))


def read_common(fields: Fields, head_dim: int | None = None) -> dict[str, Any]:
    """Translate what Llama, Mistral and Qwen have in common: all but the biases.

    Args:
        fields: Of the `config.json`.
        head_dim: A head's width where the file does not say (none: d_model / heads).
    """
    d_model = fields.take("hidden_size", int)
    num_heads = fields.take("num_attention_heads", int)
    fields.require("hidden_act", ("silu", "swish"))
    num_layers = fields.take_layers("num_hidden_layers")
    max_seq_len = fields.take("max_position_embeddings", int)
    windows = _read_windows(fields, num_layers, max_seq_len)
    equal = d_model // max(num_heads, 1)
    width = fields.take("head_dim", int, head_dim or equal or 1)
    return {
        "vocab_size": fields.take("vocab_size", int),
        "d_model": d_model,
        "num_layers": num_layers,
        "num_heads": num_heads,
        "num_kv_heads": fields.take("num_key_value_heads", int, num_heads),
        "d_ff": fields.take("intermediate_size", int),
        "max_seq_len": max_seq_len,
        "positional_encoding": "rope",
        **read_rope(fields),
        "norm": "rmsnorm",
        "norm_eps": fields.take("rms_norm_eps", float, 1e-6),
        "activation": "swiglu",
        "tie_embeddings": fields.take("tie_word_embeddings", bool, False),
        "head_dim": None if width * num_heads == d_model else width,
        "attention_window": windows,
    }


def _read_windows(fields: Fields, num_layers: int, max_seq_len: int) -> Windows:
    """Translate the windows; Qwen's begin at a layer, if they are used at all."""
    used = fields.take("use_sliding_window", bool, True)
    window = fields.take("sliding_window", int, max_seq_len)
    first = fields.take("max_window_layers", int, 0)
    usual = [number >= first for number in range(num_layers)]
    return read_windows(fields, window if used else max_seq_len, usual, max_seq_len)


def _read_bias(fields: Fields) -> bool:
    in_attention = fields.take("attention_bias", bool, False)
    in_mlp = fields.take("mlp_bias", bool, False)
    if in_attention != in_mlp:
        fields.obstacles.append(
            f"attention_bias is {in_attention} and mlp_bias {in_mlp}, and here both "
            "have biases or neither has"
        )
    return in_mlp


def write_settings(config: ModelConfig) -> dict[str, Any]:
    """Translate our settings into Llama's."""
    return {
        "vocab_size": config.vocab_size,
        "hidden_size": config.d_model,
        "num_hidden_layers": config.num_layers,
        "num_attention_heads": config.num_heads,
        "num_key_value_heads": config.kv_heads,
        "head_dim": config.d_head,
        "intermediate_size": config.mlp_width,
        "max_position_embeddings": config.max_seq_len,
        **write_rope(config),
        "rms_norm_eps": config.norm_eps,
        "hidden_act": "silu",
        "attention_bias": config.bias,
        "mlp_bias": config.bias,
        "attention_dropout": config.dropout,
        "tie_word_embeddings": config.tie_embeddings,
    }


def places(config: ModelConfig) -> dict[str, WeightPlace]:
    """Map each weight to its tensors: queries, keys and values are separate."""
    width, kv_width = (n * config.d_head for n in (config.num_heads, config.kv_heads))
    block = {
        "ln1.weight": WeightPlace(("input_layernorm.weight",)),
        "ln2.weight": WeightPlace(("post_attention_layernorm.weight",)),
    }
    if config.qk_norm:
        for part in "qk":
            block[f"attn.{part}_norm.weight"] = WeightPlace(
                (f"self_attn.{part}_norm.weight",)
            )
    for kind in ["weight", "bias"] if config.has_qkv_bias else ["weight"]:
        block[f"attn.qkv.{kind}"] = WeightPlace(
            tuple(f"self_attn.{part}_proj.{kind}" for part in "qkv"),
            rows=(width, kv_width, kv_width),
        )
    for kind in ["weight", "bias"] if config.bias else ["weight"]:
        for ours, theirs in [
            ("attn.output", "self_attn.o_proj"),
            ("mlp.input", "mlp.gate_proj"),  # the gate's activation
            ("mlp.gate", "mlp.up_proj"),
            ("mlp.output", "mlp.down_proj"),
        ]:
            block[f"{ours}.{kind}"] = WeightPlace((f"{theirs}.{kind}",))
    found = {
        "token_embedding.weight": WeightPlace(("model.embed_tokens.weight",)),
        **layers(config, block, "model.layers.{}."),
        "ln_final.weight": WeightPlace(("model.norm.weight",)),
    }
    if not config.tie_embeddings:
        found["head.weight"] = WeightPlace(("lm_head.weight",))
    return found


def complete(config: ModelConfig) -> ModelConfig:
    """Add what a Llama always has: scales, an MLP, biases everywhere or nowhere."""
    has_biases = config.bias or config.has_qkv_bias
    return with_scales_and_mlp(config).replace(bias=has_biases, qkv_bias=None)


FITS: dict[str, tuple[Any, ...]] = {
    "positional_encoding": ("rope",),
    "norm": ("rmsnorm",),
    "activation": ("swiglu",),
    "qk_norm": (False,),
    **PLAIN,
    "parallel_mlp": (False,),
    "rope_dim": (None,),
}


LLAMA = Shape(
    title="Llama",
    model_types=("llama",),
    architecture="LlamaForCausalLM",
    prefix="model.",
    no_weights=r"model\.layers\.\d+\.self_attn\.rotary_emb\.inv_freq",
    read=read_settings,
    write=write_settings,
    places=places,
    fits=FITS,
    shares_keys=True,
    complete=complete,
)


def write_mistral(config: ModelConfig) -> dict[str, Any]:
    """Translate our settings into Mistral's: Llama's, with a window for all layers."""
    fields = write_settings(config) | write_windows(config)
    del fields["attention_bias"], fields["mlp_bias"], fields["layer_types"]
    return fields


MISTRAL = replace(
    LLAMA,
    title="Mistral",
    model_types=("mistral",),
    architecture="MistralForCausalLM",
    read=read_mistral,
    write=write_mistral,
    fits=FITS | {"bias": (False,), "qkv_bias": (None, False)},
    windows="one for all",
)
