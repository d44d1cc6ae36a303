"""OPT's shape: GPT-2's, with ReLU and a position table that begins two rows late.

The models of 350 million parameters and the first Galactica put their norms after each
sublayer or project their embeddings: they are refused.

Source: Zhang et al. 2022, arXiv:2205.01068; the names are those of `OPTForCausalLM` in
`transformers`.
"""

from minigpt.config import ModelConfig
from minigpt.pretrained.fields import Fields
from minigpt.pretrained.gpt2 import ACTIVATIONS, GPT2, complete
from minigpt.pretrained.shape import Shape, WeightPlace, layers

OFFSET = 2
"""Row of position 0: the rows before it were meant for padding."""


def read_settings(fields: Fields) -> ModelConfig:
    """Translate an OPT's settings; what is not supported is among the obstacles."""
    d_model = fields.take("hidden_size", int)
    fields.require("word_embed_proj_dim", (d_model,))
    fields.require("do_layer_norm_before", (True,))
    fields.require("_remove_final_layer_norm", (False,))
    fields.require("enable_bias", (True,))
    fields.require("layer_norm_elementwise_affine", (True,))
    fields.take("layerdrop", float, 0.0)  # of training
    return ModelConfig(
        vocab_size=fields.take("vocab_size", int),
        d_model=d_model,
        num_layers=fields.take("num_hidden_layers", int),
        num_heads=fields.take("num_attention_heads", int),
        d_ff=fields.take("ffn_dim", int),
        max_seq_len=fields.take("max_position_embeddings", int),
        dropout=fields.take("dropout", float, 0.1),
        activation=fields.choose("activation_function", ACTIVATIONS, "relu"),
        tie_embeddings=fields.take("tie_word_embeddings", bool, True),
    )


def places(config: ModelConfig) -> dict[str, WeightPlace]:
    """Map each weight to its tensors. Matrices are stored [out, in]."""
    block = {}
    for kind in ("weight", "bias"):
        block[f"attn.qkv.{kind}"] = WeightPlace(
            tuple(f"self_attn.{part}_proj.{kind}" for part in "qkv"),
            rows=(config.d_model,) * 3,
        )
        for ours, theirs in [
            ("ln1", "self_attn_layer_norm"),
            ("ln2", "final_layer_norm"),
            ("attn.output", "self_attn.out_proj"),
            ("mlp.input", "fc1"),
            ("mlp.output", "fc2"),
        ]:
            block[f"{ours}.{kind}"] = WeightPlace((f"{theirs}.{kind}",))
    decoder = "model.decoder."
    rows = range(OFFSET, OFFSET + config.max_seq_len)
    found = {
        "token_embedding.weight": WeightPlace((f"{decoder}embed_tokens.weight",)),
        "position_embedding.weight": WeightPlace(
            (f"{decoder}embed_positions.weight",), orders=(tuple(rows),)
        ),
        **layers(config, block, decoder + "layers.{}."),
        "ln_final.weight": WeightPlace((f"{decoder}final_layer_norm.weight",)),
        "ln_final.bias": WeightPlace((f"{decoder}final_layer_norm.bias",)),
    }
    if not config.tie_embeddings:
        found["head.weight"] = WeightPlace(("lm_head.weight",))
    return found


OPT = Shape(
    title="OPT",
    model_types=("opt",),
    architecture="OPTForCausalLM",
    prefix="model.",
    no_weights=r"(?!)",  # none
    read=read_settings,
    write=None,  # as a GPT-2
    places=places,
    fits=GPT2.fits,
    shares_keys=False,
    complete=complete,
)
