"""Gemma's shapes: a Llama with GELU for silu, and embeddings times √d_model.

Gemma 2 has norms behind attention and MLP too, windows in every second layer, and bends
scores and logits. Gemma 3 normalises queries and keys instead of bending scores, and
its layers with a window have a RoPE base of their own.

Its norms store how much their scale differs from 1: here it is the scale itself. Scores
are divided by √query_pre_attn_scalar; where that is not √d_head, the rest is put into
what makes the queries, and the logits are the same.

Source: Gemma Team 2024, arXiv:2403.08295 and arXiv:2408.00118; 2025, arXiv:2503.19786;
the names are those of `Gemma…ForCausalLM` in `transformers`.
"""

import math
from dataclasses import replace
from typing import Any

from minigpt.config import ModelConfig
from minigpt.pretrained import llama
from minigpt.pretrained.fields import Fields
from minigpt.pretrained.rope import read_rope, read_rope_by_kind, write_rope
from minigpt.pretrained.shape import ANY, WeightPlace, with_scales_and_mlp
from minigpt.pretrained.windows import read_windows, write_windows

GELU = "gelu_pytorch_tanh"


def read_gemma(fields: Fields) -> ModelConfig:
    """Translate a Gemma's settings; what is not supported is among the obstacles."""
    # "gelu" is what the first files say of a model with the tanh form.
    fields.require("hidden_act", ("gelu", GELU))
    fields.require("hidden_activation", (GELU,))
    return ModelConfig(**_read_common(fields), **read_rope(fields))


def read_gemma2(fields: Fields) -> ModelConfig:
    """Translate a Gemma 2's settings; obstacles as above."""
    settings = _read_second(fields, every=2)
    caps = _read_caps(fields, 50.0, 30.0)
    return ModelConfig(**settings, **caps, **read_rope(fields))


def read_gemma3(fields: Fields) -> ModelConfig:
    """Translate the settings of a Gemma 3 that reads text alone; obstacles as above."""
    every = fields.take("sliding_window_pattern", int, 6)
    every = fields.take("_sliding_window_pattern", int, every)
    settings = _read_second(fields, every)
    caps = _read_caps(fields, None, None)
    return ModelConfig(**settings, **caps, **read_rope_by_kind(fields), qk_norm=True)


def _read_common(fields: Fields) -> dict[str, Any]:
    fields.require("attention_bias", (False,))
    fields.require("use_bidirectional_attention", (False,))
    d_model = fields.take("hidden_size", int)
    num_heads = fields.take("num_attention_heads", int)
    width = fields.take("head_dim", int, 256)
    return {
        "vocab_size": fields.take("vocab_size", int),
        "d_model": d_model,
        "num_layers": fields.take_layers("num_hidden_layers"),
        "num_heads": num_heads,
        "num_kv_heads": fields.take("num_key_value_heads", int),
        "head_dim": None if width * num_heads == d_model else width,
        "d_ff": fields.take("intermediate_size", int),
        "max_seq_len": fields.take("max_position_embeddings", int),
        "positional_encoding": "rope",
        "norm": "rmsnorm",
        "norm_eps": fields.take("rms_norm_eps", float, 1e-6),
        "activation": "geglu",
        "bias": False,
        "tie_embeddings": fields.take("tie_word_embeddings", bool, True),
        "embedding_scale": math.sqrt(max(d_model, 1)),
    }


def _read_second(fields: Fields, every: int) -> dict[str, Any]:
    """Read the same, and what came with Gemma 2: norms behind, windows, a divisor.

    Args:
        fields: Of the `config.json`.
        every: Of so many layers, the last one has no window.
    """
    fields.require("hidden_act", (GELU,))
    fields.require("hidden_activation", (GELU,))
    found = _read_common(fields)
    divisor = fields.take("query_pre_attn_scalar", float, 256.0)
    width = found["head_dim"] or found["d_model"] // max(found["num_heads"], 1)
    if divisor > 0:  # a width that is not is refused as head_dim
        fields.query_factor = math.sqrt(max(width, 0) / divisor)
    else:
        fields.obstacles.append(f"query_pre_attn_scalar is {divisor:g}, not above 0")
    window = fields.take("sliding_window", int, 4096)
    usual = [(number + 1) % max(every, 1) > 0 for number in range(found["num_layers"])]
    windows = read_windows(fields, window, usual, found["max_seq_len"])
    return found | {"post_norms": True, "attention_window": windows}


def _read_caps(
    fields: Fields, scores: float | None, logits: float | None
) -> dict[str, Any]:
    """Read what bends scores and logits; the arguments are what is usual."""
    return {
        "attention_softcap": fields.take_or_none(
            "attn_logit_softcapping", float, scores
        ),
        "logit_softcap": fields.take_or_none("final_logit_softcapping", float, logits),
    }


def write_gemma(config: ModelConfig) -> dict[str, Any]:
    """Translate our settings into Gemma's: Llama's, without its switches of biases."""
    fields = llama.write_settings(config) | {"hidden_act": GELU}
    del fields["mlp_bias"]
    return fields


def write_gemma2(config: ModelConfig) -> dict[str, Any]:
    """Translate our settings into Gemma 2's."""
    fields = write_gemma(config) | write_windows(config)
    del fields["hidden_act"]
    return fields | {
        "hidden_activation": GELU,
        "query_pre_attn_scalar": config.d_head,
        "attn_logit_softcapping": config.attention_softcap,
        "final_logit_softcapping": config.logit_softcap,
    }


def write_gemma3(config: ModelConfig) -> dict[str, Any]:
    """Translate our settings into Gemma 3's: a group of RoPE for each kind of layer."""
    fields = write_gemma2(config)
    for place in ("rope_theta", "rope_scaling"):
        fields.pop(place, None)
    base = config.rope_local_base or config.rope_base
    return fields | {
        "rope_parameters": {
            "full_attention": write_rope(config)["rope_parameters"],
            "sliding_attention": {"rope_type": "default", "rope_theta": base},
        },
    }


def places(config: ModelConfig) -> dict[str, WeightPlace]:
    """Map each weight to its tensors: Llama's, and norms behind; scales less 1."""
    found = llama.places(config)
    for number in range(config.num_layers) if config.post_norms else ():
        ours, theirs = f"blocks.{number}.", f"model.layers.{number}."
        for name, place in [
            ("ln1_post", "post_attention_layernorm"),
            ("ln2", "pre_feedforward_layernorm"),
            ("ln2_post", "post_feedforward_layernorm"),
        ]:
            found[f"{ours}{name}.weight"] = WeightPlace((f"{theirs}{place}.weight",))
    return {
        name: replace(place, added=1.0) if name.endswith(NORMS) else place
        for name, place in found.items()
    }


NORMS = ("norm.weight", "ln1.weight", "ln2.weight", "_post.weight", "ln_final.weight")
"""How the names of norms' scales end."""

GEMMA = replace(
    llama.LLAMA,
    title="Gemma",
    model_types=("gemma",),
    architecture="GemmaForCausalLM",
    read=read_gemma,
    write=write_gemma,
    places=places,
    fits={
        **llama.FITS,
        "activation": ("geglu",),
        "bias": (False,),
        "qkv_bias": (None, False),
    },
    complete=with_scales_and_mlp,
    scales_embeddings=True,
)
GEMMA2 = replace(
    GEMMA,
    title="Gemma 2",
    model_types=("gemma2",),
    architecture="Gemma2ForCausalLM",
    read=read_gemma2,
    write=write_gemma2,
    fits={
        **GEMMA.fits,
        "post_norms": (True,),
        "attention_softcap": (ANY,),
        "logit_softcap": (ANY,),
    },
    windows="one or none",
)
GEMMA3 = replace(
    GEMMA2,
    title="Gemma 3",
    model_types=("gemma3_text",),
    architecture="Gemma3ForCausalLM",
    read=read_gemma3,
    write=write_gemma3,
    fits={**GEMMA2.fits, "qk_norm": (True,), "rope_local_base": (ANY,)},
)
