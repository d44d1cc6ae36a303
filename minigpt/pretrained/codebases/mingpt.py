"""minGPT's `model.pt`: nanoGPT's elder, with the tanh GELU and a head of its own.

It saves the weights alone; their shapes tell every size but the number of heads, which
its `config.json` or the name of the model in there says.

Source: Karpathy 2020, github.com/karpathy/minGPT, `mingpt/model.py`.
"""

from dataclasses import replace

from minigpt.config import ModelConfig
from minigpt.pretrained.codebases.nanogpt import NANOGPT, read_sizes
from minigpt.pretrained.codebases.saved import Saved
from minigpt.pretrained.fields import Fields

_NAMED = {
    "openai-gpt": 12,
    "gpt2": 12,
    "gpt2-medium": 16,
    "gpt2-large": 20,
    "gpt2-xl": 25,
    "gopher-44m": 16,
    "gpt-mini": 6,
    "gpt-micro": 4,
    "gpt-nano": 3,
}
"""Heads by the name that its settings have for a model."""
_USUAL = {48: 3, 128: 4, 192: 6, 512: 16, 768: 12, 1024: 16, 1280: 20, 1600: 25}
"""Heads of the same models, by width."""


def settings_of(saved: Saved) -> dict[str, int]:
    """Read the sizes off the weights."""
    vocab_size = saved.size("transformer.wte.weight")
    d_model = saved.size("transformer.wte.weight", 1)
    named = _NAMED.get(str(saved.settings.get("model_type")))
    return {
        "vocab_size": vocab_size,
        "n_embd": d_model,
        "n_layer": saved.count("transformer.h."),
        "n_head": named or saved.num_heads(d_model, _USUAL),
        "block_size": saved.size("transformer.wpe.weight"),
    }


def read_settings(fields: Fields) -> ModelConfig:
    """Translate what `settings_of` found."""
    return ModelConfig(**read_sizes(fields), tie_embeddings=False)


MINGPT = replace(NANOGPT, title="minGPT", read=read_settings)
