"""GPT-NeoX's shape (Pythia): RoPE on part of each head, an MLP beside attention.

`query_key_value` holds, head by head, its queries, keys and values; our `qkv` holds all
queries first. Matrices are stored [out, in].

Source: Black et al. 2022, arXiv:2204.06745; Biderman et al. 2023, arXiv:2304.01373; the
names are those of `GPTNeoXForCausalLM` in `transformers`.
"""

from typing import Any

from minigpt.config import ModelConfig
from minigpt.pretrained.fields import Fields
from minigpt.pretrained.gpt2 import ACTIVATIONS
from minigpt.pretrained.rope import read_rope, read_share, write_rope
from minigpt.pretrained.shape import (
    PLAIN,
    Shape,
    WeightPlace,
    layers,
    with_scales_and_mlp,
)


def read_settings(fields: Fields) -> ModelConfig:
    """Translate a NeoX's settings; what is not supported is among the obstacles."""
    d_model = fields.take("hidden_size", int)
    num_heads = fields.take("num_attention_heads", int)
    fields.require("attention_bias", (True,))
    width = d_model // max(num_heads, 1)
    turned = int(width * read_share(fields, default=0.25))
    return ModelConfig(
        vocab_size=fields.take("vocab_size", int),
        d_model=d_model,
        num_layers=fields.take("num_hidden_layers", int),
        num_heads=num_heads,
        d_ff=fields.take("intermediate_size", int),
        max_seq_len=fields.take("max_position_embeddings", int),
        dropout=fields.take("hidden_dropout", float, 0.0),
        positional_encoding="rope",
        rope_dim=None if turned == width else turned,
        **read_rope(fields),
        norm_eps=fields.take("layer_norm_eps", float, 1e-5),
        activation=fields.choose("hidden_act", ACTIVATIONS, "gelu"),
        parallel_mlp=fields.take("use_parallel_residual", bool, True),
        tie_embeddings=fields.take("tie_word_embeddings", bool, False),
    )


def write_settings(config: ModelConfig) -> dict[str, Any]:
    """Translate our settings into NeoX's."""
    theirs = {ours: name for name, ours in reversed(ACTIVATIONS.items())}
    rope = write_rope(config)
    share = (config.rope_dim or config.d_head) / config.d_head
    rope["rope_parameters"]["partial_rotary_factor"] = share
    return {
        "vocab_size": config.vocab_size,
        "hidden_size": config.d_model,
        "num_hidden_layers": config.num_layers,
        "num_attention_heads": config.num_heads,
        "intermediate_size": config.mlp_width,
        "max_position_embeddings": config.max_seq_len,
        "hidden_dropout": config.dropout,
        "attention_dropout": config.dropout,
        "rotary_emb_base": rope.pop("rope_theta"),
        "rotary_pct": share,
        **rope,
        "layer_norm_eps": config.norm_eps,
        "hidden_act": theirs[config.activation],
        "use_parallel_residual": config.parallel_mlp,
        "attention_bias": True,
        "tie_word_embeddings": config.tie_embeddings,
    }


def places(config: ModelConfig) -> dict[str, WeightPlace]:
    """Map each weight to its tensor."""
    heads, width = config.num_heads, config.d_head
    order = tuple(
        (head * 3 + part) * width + number
        for part in range(3)
        for head in range(heads)
        for number in range(width)
    )
    block = {}
    for kind in ("weight", "bias"):
        block[f"attn.qkv.{kind}"] = WeightPlace(
            (f"attention.query_key_value.{kind}",), orders=(order,)
        )
        for ours, theirs in [
            ("ln1", "input_layernorm"),
            ("ln2", "post_attention_layernorm"),
            ("attn.output", "attention.dense"),
            ("mlp.input", "mlp.dense_h_to_4h"),
            ("mlp.output", "mlp.dense_4h_to_h"),
        ]:
            block[f"{ours}.{kind}"] = WeightPlace((f"{theirs}.{kind}",))
    found = {
        "token_embedding.weight": WeightPlace(("gpt_neox.embed_in.weight",)),
        **layers(config, block, "gpt_neox.layers.{}."),
        "ln_final.weight": WeightPlace(("gpt_neox.final_layer_norm.weight",)),
        "ln_final.bias": WeightPlace(("gpt_neox.final_layer_norm.bias",)),
    }
    if not config.tie_embeddings:
        found["head.weight"] = WeightPlace((NEOX.head,))
    return found


def complete(config: ModelConfig) -> ModelConfig:
    """Add what a NeoX always has: biases, scales, an MLP."""
    return with_scales_and_mlp(config).replace(bias=True, qkv_bias=None)


NEOX = Shape(
    title="GPT-NeoX",
    model_types=("gpt_neox",),
    architecture="GPTNeoXForCausalLM",
    prefix="gpt_neox.",
    no_weights=r"gpt_neox\.layers\.\d+\.attention\.(bias|masked_bias|rotary_emb\.inv_freq)",
    read=read_settings,
    write=write_settings,
    places=places,
    fits={
        "positional_encoding": ("rope",),
        "norm": ("layernorm",),
        "activation": ("gelu", "gelu_exact", "relu", "relu2"),
        "qk_norm": (False,),
        **PLAIN,
        "head_dim": (None,),
    },
    shares_keys=False,
    complete=complete,
    scales_queries=False,
    head="embed_out.weight",
)
