"""GPT-Neo's shape (TinyStories): GPT-2's, with scores that nothing divides.

Its scores are q · k, ours q · k / √d_head: the factor √d_head is put into what makes
the queries, and the logits are the same. Queries, keys and values have no biases.

Local layers, usually every second one, read only the last `window_size` tokens.

Source: Black et al. 2021, "GPT-Neo", doi:10.5281/zenodo.5297715; the names are those of
`GPTNeoForCausalLM` in `transformers`.
"""

import math
from typing import Any

from minigpt.config import ModelConfig
from minigpt.pretrained.fields import Fields
from minigpt.pretrained.gpt2 import ACTIVATIONS, GPT2, complete
from minigpt.pretrained.shape import Shape, WeightPlace, layers
from minigpt.pretrained.windows import Windows, as_setting


def read_settings(fields: Fields) -> ModelConfig:
    """Translate a GPT-Neo's settings; what is not supported is among the obstacles."""
    d_model = fields.take("hidden_size", int)
    num_layers = fields.take_layers("num_layers")
    max_seq_len = fields.take("max_position_embeddings", int)
    return ModelConfig(
        vocab_size=fields.take("vocab_size", int),
        d_model=d_model,
        num_layers=num_layers,
        num_heads=fields.take("num_heads", int),
        d_ff=fields.take("intermediate_size", int, 4 * d_model),
        max_seq_len=max_seq_len,
        attention_window=_read_windows(fields, num_layers, max_seq_len),
        dropout=fields.take("resid_dropout", float, 0.0),
        norm_eps=fields.take("layer_norm_epsilon", float, 1e-5),
        activation=fields.choose("activation_function", ACTIVATIONS, "gelu_new"),
        qkv_bias=False,
        tie_embeddings=fields.take("tie_word_embeddings", bool, True),
    )


def _read_windows(fields: Fields, num_layers: int, max_seq_len: int) -> Windows:
    """Translate the layers' kinds: one for each, or groups that are repeated."""
    window = fields.take("window_size", int, 256)
    grouped = fields.take("attention_types", list, [[["global", "local"], num_layers]])
    kinds: list[Any] = []
    for group in grouped:
        match group:
            case [list(names), int(times)] if 0 <= times <= num_layers:
                kinds += names * times
            case _:
                fields.obstacles.append(
                    f"attention_types has {group!r:.80}, no list of kinds and number"
                )
    kinds = fields.take("attention_layers", list, kinds[:num_layers])
    others = sorted(set(map(str, kinds)) - {"global", "local"})
    if others:
        fields.obstacles.append(
            f"attention_layers has {', '.join(others)!r:.80}, and this project has "
            "global and local"
        )
    elif len(kinds) != num_layers:
        fields.obstacles.append(
            f"attention_layers has {len(kinds)} kinds, and num_layers is {num_layers}"
        )
    return as_setting([window * (kind == "local") for kind in kinds], max_seq_len)


def write_settings(config: ModelConfig) -> dict[str, Any]:
    """Translate our settings into GPT-Neo's."""
    theirs = {ours: name for name, ours in reversed(ACTIVATIONS.items())}
    kinds = ["global" if window is None else "local" for window in config.windows]
    sizes = [window for window in config.windows if window is not None]
    return {
        "vocab_size": config.vocab_size,
        "hidden_size": config.d_model,
        "num_layers": config.num_layers,
        "num_heads": config.num_heads,
        "intermediate_size": config.mlp_width,
        "max_position_embeddings": config.max_seq_len,
        "window_size": sizes[0] if sizes else config.max_seq_len,
        "attention_types": [[[kind], 1] for kind in kinds],
        "attention_layers": kinds,
        "resid_dropout": config.dropout,
        "embed_dropout": config.dropout,
        "attention_dropout": config.dropout,
        "layer_norm_epsilon": config.norm_eps,
        "activation_function": theirs[config.activation],
        "tie_word_embeddings": config.tie_embeddings,
    }


def without_biases(config: ModelConfig) -> ModelConfig:
    """Add what a GPT-Neo always has, but for biases on queries, keys and values."""
    return complete(config).replace(qkv_bias=False)


def places(config: ModelConfig) -> dict[str, WeightPlace]:
    """Map each weight to its tensors. Matrices are stored [out, in]."""
    width = config.d_model
    block = {
        "attn.qkv.weight": WeightPlace(
            tuple(f"attn.attention.{part}_proj.weight" for part in "qkv"),
            rows=(width, width, width),
            factors=(math.sqrt(config.d_head), 1.0, 1.0),
        )
    }
    for kind in ("weight", "bias"):
        for ours, theirs in [
            ("ln1", "ln_1"),
            ("ln2", "ln_2"),
            ("attn.output", "attn.attention.out_proj"),
            ("mlp.input", "mlp.c_fc"),
            ("mlp.output", "mlp.c_proj"),
        ]:
            block[f"{ours}.{kind}"] = WeightPlace((f"{theirs}.{kind}",))
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


NEO = Shape(
    title="GPT-Neo",
    model_types=("gpt_neo",),
    architecture="GPTNeoForCausalLM",
    prefix="transformer.",
    no_weights=r"transformer\.h\.\d+\.attn\.attention\.(bias|masked_bias)",
    read=read_settings,
    write=write_settings,
    places=places,
    fits={**GPT2.fits, "qkv_bias": (False,)},
    shares_keys=False,
    complete=without_biases,
    windows="one or none",
)
