"""GPT-2's shape: learned positions, LayerNorm, an ungated MLP, biases.

Source: Radford et al. 2019, "Language Models are Unsupervised Multitask Learners"; the
names are those of `GPT2LMHeadModel` in `transformers`.
"""

from typing import Any

from minigpt.config import ModelConfig
from minigpt.config.own_model import Activation
from minigpt.pretrained.fields import Fields
from minigpt.pretrained.shape import (
    PLAIN,
    Shape,
    WeightPlace,
    layers,
    with_scales_and_mlp,
)

# Several names of one formula; the first is written.
ACTIVATIONS: dict[str, Activation] = {
    "gelu_new": "gelu",
    "gelu_pytorch_tanh": "gelu",
    "gelu_python_tanh": "gelu",
    "gelu": "gelu_exact",
    "gelu_python": "gelu_exact",
    "relu": "relu",
    "relu2": "relu2",
}


def read_settings(fields: Fields) -> ModelConfig:
    """Translate a GPT-2's settings; what is not supported is among the obstacles."""
    d_model = fields.take("n_embd", int)
    fields.require("scale_attn_weights", (True,))
    fields.require("scale_attn_by_inverse_layer_idx", (False,))
    # Affects only rounding, and only in 16 bits.
    fields.require("reorder_and_upcast_attn", (False, True))
    return ModelConfig(
        vocab_size=fields.take("vocab_size", int),
        d_model=d_model,
        num_layers=fields.take("n_layer", int),
        num_heads=fields.take("n_head", int),
        d_ff=fields.take("n_inner", int, 4 * d_model),
        max_seq_len=fields.take("n_positions", int),
        dropout=fields.take("resid_pdrop", float, 0.1),
        norm_eps=fields.take("layer_norm_epsilon", float, 1e-5),
        activation=fields.choose("activation_function", ACTIVATIONS, "gelu_new"),
        tie_embeddings=fields.take("tie_word_embeddings", bool, True),
    )


def write_settings(config: ModelConfig) -> dict[str, Any]:
    """Translate our settings into GPT-2's."""
    theirs = {ours: name for name, ours in reversed(ACTIVATIONS.items())}
    return {
        "vocab_size": config.vocab_size,
        "n_embd": config.d_model,
        "n_layer": config.num_layers,
        "n_head": config.num_heads,
        "n_inner": config.mlp_width,
        "n_positions": config.max_seq_len,
        "resid_pdrop": config.dropout,
        "embd_pdrop": config.dropout,
        "attn_pdrop": config.dropout,
        "layer_norm_epsilon": config.norm_eps,
        "activation_function": theirs[config.activation],
        "tie_word_embeddings": config.tie_embeddings,
    }


def places(config: ModelConfig) -> dict[str, WeightPlace]:
    """Map each weight to its tensors. Matrices are stored [in, out], as in `Conv1D`.

    `c_attn` holds queries, keys and values in one, in the order of our `qkv`.
    """
    block = {}
    for ours, theirs in [
        ("attn.qkv", "attn.c_attn"),
        ("attn.output", "attn.c_proj"),
        ("mlp.input", "mlp.c_fc"),
        ("mlp.output", "mlp.c_proj"),
    ]:
        block[f"{ours}.weight"] = WeightPlace((f"{theirs}.weight",), turned=True)
        block[f"{ours}.bias"] = WeightPlace((f"{theirs}.bias",))
    for ours, theirs in [("ln1", "ln_1"), ("ln2", "ln_2")]:
        block[f"{ours}.weight"] = WeightPlace((f"{theirs}.weight",))
        block[f"{ours}.bias"] = WeightPlace((f"{theirs}.bias",))
    found = {
        "token_embedding.weight": WeightPlace(("transformer.wte.weight",)),
        "position_embedding.weight": WeightPlace(("transformer.wpe.weight",)),
        **layers(config, block, "transformer.h.{}."),
        "ln_final.weight": WeightPlace(("transformer.ln_f.weight",)),
        "ln_final.bias": WeightPlace(("transformer.ln_f.bias",)),
    }
    if not config.tie_embeddings:
        found["head.weight"] = WeightPlace(("lm_head.weight",))
    return found


def complete(config: ModelConfig) -> ModelConfig:
    """Add what a GPT-2 always has: learned positions, biases, scales, an MLP."""
    return with_scales_and_mlp(config).replace(
        positional_encoding="learned", bias=True, qkv_bias=None
    )


GPT2 = Shape(
    title="GPT-2",
    model_types=("gpt2",),
    architecture="GPT2LMHeadModel",
    prefix="transformer.",
    no_weights=r"transformer\.h\.\d+\.attn\.(bias|masked_bias)",
    read=read_settings,
    write=write_settings,
    places=places,
    fits={
        "positional_encoding": ("learned", "sinusoidal", "none"),
        "norm": ("layernorm",),
        "activation": ("gelu", "gelu_exact", "relu", "relu2"),
        "qk_norm": (False,),
        **PLAIN,
        "head_dim": (None,),
        "parallel_mlp": (False,),
    },
    shares_keys=False,
    complete=complete,
)
