"""GPT-Neo's shape (TinyStories): GPT-2's, with scores that nothing divides.

Its scores are q · k, ours q · k / √d_head: the factor √d_head is put into what makes
the queries, and the logits are the same. Queries, keys and values have no biases.

Every second layer reads only the last `window_size` tokens. No layer here does that, so
the model is opened for texts that are not longer, where it changes nothing.

Source: Black et al. 2021, "GPT-Neo", doi:10.5281/zenodo.5297715; the names are those of
`GPTNeoForCausalLM` in `transformers`.
"""

import math

from minigpt.config import ModelConfig
from minigpt.pretrained.fields import Fields
from minigpt.pretrained.gpt2 import ACTIVATIONS, GPT2, complete
from minigpt.pretrained.shape import Shape, WeightPlace, layers


def read_settings(fields: Fields) -> ModelConfig:
    """Translate a GPT-Neo's settings; what is not supported is among the obstacles."""
    d_model = fields.take("hidden_size", int)
    return ModelConfig(
        vocab_size=fields.take("vocab_size", int),
        d_model=d_model,
        num_layers=fields.take("num_layers", int),
        num_heads=fields.take("num_heads", int),
        d_ff=fields.take("intermediate_size", int, 4 * d_model),
        max_seq_len=_read_length(fields),
        dropout=fields.take("resid_dropout", float, 0.0),
        norm_eps=fields.take("layer_norm_epsilon", float, 1e-5),
        activation=fields.choose("activation_function", ACTIVATIONS, "gelu_new"),
        qkv_bias=False,
        tie_embeddings=fields.take("tie_word_embeddings", bool, True),
    )


def _read_length(fields: Fields) -> int:
    """Return how many tokens all layers can read, local ones included."""
    longest = fields.take("max_position_embeddings", int)
    window = fields.take("window_size", int, 256)
    grouped = fields.take("attention_types", list, [[["global", "local"], 1]])
    kinds = set(map(str, fields.take("attention_layers", list, [])))
    for group in grouped:
        if not (isinstance(group, list) and group and isinstance(group[0], list)):
            fields.obstacles.append(
                f"attention_types has {group!r:.80}, no list of kinds"
            )
            continue
        kinds |= set(map(str, group[0]))
    others = kinds - {"global", "local"}
    if others:
        fields.obstacles.append(
            f"attention_layers has {', '.join(sorted(others))!r:.80}, and this "
            "project has global and local"
        )
    if "local" not in kinds or longest <= window:
        return longest
    fields.notes.append(
        f"Its local layers read the last {window} tokens only, so it is opened for "
        f"texts of {window} tokens, not {longest}: up to there it computes the same."
    )
    return window


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
        "position_embedding.weight": WeightPlace(
            ("transformer.wpe.weight",),
            order=tuple(range(config.max_seq_len)),
            more_rows=True,
        ),
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
    write=None,  # as a GPT-2, with biases of 0
    places=places,
    fits=GPT2.fits,
    shares_keys=False,
    complete=complete,
)
