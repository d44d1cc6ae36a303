"""nanoGPT's `ckpt.pt`: a GPT-2 with or without biases, its matrices [out, in].

Source: Karpathy 2022, github.com/karpathy/nanoGPT, `model.py` and `train.py`.
"""

from dataclasses import replace

from minigpt.config import ModelConfig
from minigpt.pretrained import gpt2
from minigpt.pretrained.fields import Fields
from minigpt.pretrained.shape import WeightPlace

ASSUMED = (
    "nanoGPT's file does not say which GELU: assumed is the exact one, which it has "
    "used since June 2023."
)


def read_settings(fields: Fields) -> ModelConfig:
    """Translate a checkpoint's `model_args`."""
    return ModelConfig(
        vocab_size=fields.take("vocab_size", int),
        d_model=fields.take("n_embd", int),
        num_layers=fields.take("n_layer", int),
        num_heads=fields.take("n_head", int),
        max_seq_len=fields.take("block_size", int),
        dropout=fields.take("dropout", float, 0.0),
        bias=fields.take("bias", bool, True),
        activation="gelu_exact",
    )


def places(config: ModelConfig) -> dict[str, WeightPlace]:
    """Map each weight to its tensor: GPT-2's names, nothing turned."""
    return {
        ours: replace(place, turned=False)
        for ours, place in gpt2.places(config).items()
        if config.bias or not ours.endswith(".bias")
    }


NANOGPT = replace(
    gpt2.GPT2, title="nanoGPT", read=read_settings, write=None, places=places
)
