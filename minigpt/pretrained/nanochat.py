"""nanochat's shape, as it was published: plain norms everywhere, ReLU², bent logits.

No norm has weights, queries and keys are normalised too, embeddings are looked up and
normalised, and the head is a matrix of its own.

It turns pairs the other way round: (b, −a) for (−b, a). So the halves of each query and
key change their places here, which changes no score. It normalises them after turning,
and here that comes before: turning changes no length.

Source: Karpathy 2025, github.com/karpathy/nanochat, `gpt.py`; the names are those of
`NanoChatForCausalLM` in `transformers`.
"""

from typing import Any

from minigpt.config import ModelConfig
from minigpt.pretrained.fields import Fields
from minigpt.pretrained.rope import read_rope, write_rope
from minigpt.pretrained.shape import ANY, PLAIN, Shape, WeightPlace, layers


def read_settings(fields: Fields) -> ModelConfig:
    """Translate a nanochat's settings; what is not supported is among the obstacles."""
    fields.require("hidden_act", ("relu2",))
    fields.require("attention_bias", (False,))
    num_heads = fields.take("num_attention_heads", int)
    return ModelConfig(
        vocab_size=fields.take("vocab_size", int),
        d_model=fields.take("hidden_size", int),
        num_layers=fields.take("num_hidden_layers", int),
        num_heads=num_heads,
        num_kv_heads=fields.take("num_key_value_heads", int, num_heads),
        d_ff=fields.take("intermediate_size", int),
        max_seq_len=fields.take("max_position_embeddings", int),
        positional_encoding="rope",
        **read_rope(fields),
        norm="rmsnorm",
        norm_affine=False,
        norm_eps=fields.take("rms_norm_eps", float, 1e-6),
        activation="relu2",
        bias=False,
        qk_norm=True,
        embedding_norm=True,
        tie_embeddings=fields.take("tie_word_embeddings", bool, False),
        logit_softcap=fields.take_or_none("final_logit_softcapping", float, 15.0),
    )


def write_settings(config: ModelConfig) -> dict[str, Any]:
    """Translate our settings into nanochat's."""
    return {
        "vocab_size": config.vocab_size,
        "hidden_size": config.d_model,
        "num_hidden_layers": config.num_layers,
        "num_attention_heads": config.num_heads,
        "num_key_value_heads": config.kv_heads,
        "intermediate_size": config.mlp_width,
        "max_position_embeddings": config.max_seq_len,
        **write_rope(config),
        "rms_norm_eps": config.norm_eps,
        "hidden_act": "relu2",
        "attention_bias": False,
        "attention_dropout": config.dropout,
        "tie_word_embeddings": config.tie_embeddings,
        "final_logit_softcapping": config.logit_softcap,
    }


def places(config: ModelConfig) -> dict[str, WeightPlace]:
    """Map each weight to its tensors; of queries and keys, the halves change places."""
    width, half = config.d_head, config.d_head // 2
    rows = [n * width for n in (config.num_heads, config.kv_heads, config.kv_heads)]
    swapped = [
        tuple(row - row % width + (row % width + half) % width for row in range(count))
        for count in rows
    ]
    block = {
        "attn.qkv.weight": WeightPlace(
            tuple(f"self_attn.{part}_proj.weight" for part in "qkv"),
            rows=tuple(rows),
            orders=(swapped[0], swapped[1], tuple(range(rows[2]))),
        ),
        "attn.output.weight": WeightPlace(("self_attn.o_proj.weight",)),
        "mlp.input.weight": WeightPlace(("mlp.fc1.weight",)),
        "mlp.output.weight": WeightPlace(("mlp.fc2.weight",)),
    }
    found = {
        "token_embedding.weight": WeightPlace(("model.embed_tokens.weight",)),
        **layers(config, block, "model.layers.{}."),
    }
    if not config.tie_embeddings:
        found["head.weight"] = WeightPlace(("lm_head.weight",))
    return found


def complete(config: ModelConfig) -> ModelConfig:
    """Add what a nanochat always has: an MLP."""
    return config.replace(d_ff=max(config.mlp_width, 1))


NANOCHAT = Shape(
    title="nanochat",
    model_types=("nanochat",),
    architecture="NanoChatForCausalLM",
    prefix="model.",
    no_weights=r"(?!)",  # none
    read=read_settings,
    write=write_settings,
    places=places,
    fits={
        **PLAIN,
        "positional_encoding": ("rope",),
        "norm": ("rmsnorm",),
        "norm_affine": (False,),
        "activation": ("relu2",),
        "bias": (False,),
        "qkv_bias": (None, False),
        "qk_norm": (True,),
        "embedding_norm": (True,),
        "head_dim": (None,),
        "parallel_mlp": (False,),
        "rope_dim": (None,),
        "logit_softcap": (ANY,),
    },
    shares_keys=True,
    complete=complete,
    scales_queries=False,
)
