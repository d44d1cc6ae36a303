"""Qwen's shapes: a Llama with biases on q, k, v alone (2), or with their norms (3).

In Qwen3 a head's width need not be d_model / num_heads.

Source: Yang et al. 2024, arXiv:2407.10671; Yang et al. 2025, arXiv:2505.09388; the
names are those of `Qwen2ForCausalLM` and `Qwen3ForCausalLM` in `transformers`.
"""

from dataclasses import replace
from typing import Any

from minigpt.config import ModelConfig
from minigpt.pretrained import llama
from minigpt.pretrained.fields import Fields
from minigpt.pretrained.shape import with_scales_and_mlp
from minigpt.pretrained.windows import write_windows


def read_qwen2(fields: Fields) -> ModelConfig:
    """Translate a Qwen2's settings; what is not supported is among the obstacles."""
    return ModelConfig(**llama.read_common(fields), bias=False, qkv_bias=True)


def read_qwen3(fields: Fields) -> ModelConfig:
    """Translate a Qwen3's settings; what is not supported is among the obstacles."""
    fields.require("attention_bias", (False,))
    settings = llama.read_common(fields, head_dim=128)
    return ModelConfig(**settings, bias=False, qk_norm=True)


def write_settings(config: ModelConfig) -> dict[str, Any]:
    """Translate our settings into Qwen's: Llama's, without its switches of biases."""
    fields = llama.write_settings(config)
    del fields["attention_bias"], fields["mlp_bias"]
    windows = write_windows(config)
    used = windows["sliding_window"] is not None
    return fields | windows | {"use_sliding_window": used}


QWEN2 = replace(
    llama.LLAMA,
    title="Qwen2",
    model_types=("qwen2",),
    architecture="Qwen2ForCausalLM",
    read=read_qwen2,
    write=write_settings,
    fits=llama.FITS | {"bias": (False,), "qkv_bias": (True,)},
    complete=with_scales_and_mlp,
    windows="one or none",
)
QWEN3 = replace(
    llama.LLAMA,
    title="Qwen3",
    model_types=("qwen3",),
    architecture="Qwen3ForCausalLM",
    read=read_qwen3,
    write=write_settings,
    fits=llama.FITS | {"qk_norm": (True,), "bias": (False,), "qkv_bias": (None, False)},
    complete=with_scales_and_mlp,
    windows="one or none",
)
