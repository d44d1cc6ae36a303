"""LLMs-from-scratch's `model.pth`: a GPT-2 by other names, its head not tied.

The book saves the weights alone, or beside its optimizer's. Queries, keys and values
are three matrices, with biases or without.

Source: Raschka 2024, "Build a Large Language Model (From Scratch)", chapters 4 and 5,
github.com/rasbt/LLMs-from-scratch.
"""

from dataclasses import replace
from typing import Any

from minigpt.config import ModelConfig
from minigpt.pretrained.codebases.nanogpt import NANOGPT
from minigpt.pretrained.codebases.saved import Saved
from minigpt.pretrained.fields import Fields
from minigpt.pretrained.shape import WeightPlace, layers

_USUAL = {768: 12, 1024: 16, 1280: 20, 1600: 25}


def settings_of(saved: Saved) -> dict[str, Any]:
    """Read the sizes off the weights."""
    d_model = saved.size("tok_emb.weight", 1)
    return {
        "vocab_size": saved.size("tok_emb.weight"),
        "emb_dim": d_model,
        "n_layers": saved.count("trf_blocks."),
        "n_heads": saved.num_heads(d_model, _USUAL),
        "context_length": saved.size("pos_emb.weight"),
        "d_ff": saved.size("trf_blocks.0.ff.layers.0.weight"),
        "qkv_bias": "trf_blocks.0.att.W_query.bias" in saved.tensors,
    }


def read_settings(fields: Fields) -> ModelConfig:
    """Translate what `settings_of` found."""
    return ModelConfig(
        vocab_size=fields.take("vocab_size", int),
        d_model=fields.take("emb_dim", int),
        num_layers=fields.take("n_layers", int),
        num_heads=fields.take("n_heads", int),
        max_seq_len=fields.take("context_length", int),
        d_ff=fields.take("d_ff", int),
        qkv_bias=fields.take("qkv_bias", bool),
        tie_embeddings=False,
    )


def places(config: ModelConfig) -> dict[str, WeightPlace]:
    """Map each weight to its tensors. Matrices are stored [out, in]."""
    width = config.d_model
    block = {}
    for kind in ["weight", "bias"] if config.has_qkv_bias else ["weight"]:
        block[f"attn.qkv.{kind}"] = WeightPlace(
            tuple(f"att.W_{part}.{kind}" for part in ("query", "key", "value")),
            rows=(width, width, width),
        )
    for kind in ("weight", "bias"):
        for ours, theirs in [
            ("attn.output", "att.out_proj"),
            ("mlp.input", "ff.layers.0"),
            ("mlp.output", "ff.layers.2"),
        ]:
            block[f"{ours}.{kind}"] = WeightPlace((f"{theirs}.{kind}",))
    for ours, theirs in [("weight", "scale"), ("bias", "shift")]:
        block[f"ln1.{ours}"] = WeightPlace((f"norm1.{theirs}",))
        block[f"ln2.{ours}"] = WeightPlace((f"norm2.{theirs}",))
    return {
        "token_embedding.weight": WeightPlace(("tok_emb.weight",)),
        "position_embedding.weight": WeightPlace(("pos_emb.weight",)),
        **layers(config, block, "trf_blocks.{}."),
        "ln_final.weight": WeightPlace(("final_norm.scale",)),
        "ln_final.bias": WeightPlace(("final_norm.shift",)),
        "head.weight": WeightPlace(("out_head.weight",)),
    }


FROM_SCRATCH = replace(
    NANOGPT,
    title="LLMs-from-scratch",
    prefix="",
    no_weights=r"trf_blocks\.\d+\.att\.mask",
    read=read_settings,
    places=places,
    head="out_head.weight",
)
