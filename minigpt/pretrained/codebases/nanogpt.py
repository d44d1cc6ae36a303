"""nanoGPT's `ckpt.pt`: a GPT-2 with or without biases, its matrices [out, in].

Source: Karpathy 2022, github.com/karpathy/nanoGPT, `model.py` and `train.py`.
"""

from dataclasses import replace
from typing import Any

from minigpt.config import ModelConfig
from minigpt.pretrained import gpt2
from minigpt.pretrained.fields import Fields
from minigpt.pretrained.shape import WeightPlace

ASSUMED = (
    "nanoGPT's file does not say which GELU: assumed is the exact one, which it has "
    "used since June 2023."
)


_SIZES = {
    "vocab_size": "vocab_size",
    "d_model": "n_embd",
    "num_layers": "n_layer",
    "num_heads": "n_head",
    "max_seq_len": "block_size",
}
"""What minGPT and nanoGPT call the sizes of a model."""


def read_sizes(fields: Fields) -> dict[str, Any]:
    """Translate the sizes of a model."""
    return {ours: fields.take(theirs, int) for ours, theirs in _SIZES.items()}


def read_settings(fields: Fields) -> ModelConfig:
    """Translate a checkpoint's `model_args`."""
    return ModelConfig(
        **read_sizes(fields),
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
