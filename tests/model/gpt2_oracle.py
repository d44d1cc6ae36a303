"""Random GPT-2s of `transformers`, and their weights in our model."""

from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from transformers import GPT2Config, GPT2LMHeadModel

from minigpt.model import TransformerLM
from minigpt.pretrained.load import read_model


def random_gpt2(seed: int = 0, **changes) -> GPT2LMHeadModel:
    """Make a small GPT-2 with weights large enough that every part matters."""
    settings = {
        "vocab_size": 61,
        "n_positions": 48,
        "n_embd": 32,
        "n_layer": 3,
        "n_head": 4,
        "bos_token_id": 0,
        "eos_token_id": 0,
    }
    torch.manual_seed(seed)
    reference = GPT2LMHeadModel(GPT2Config(**{**settings, **changes})).eval()
    with torch.no_grad():
        for parameter in reference.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return reference


def copy_gpt2(reference: GPT2LMHeadModel) -> TransformerLM:
    """Read what `transformers` saves of a model."""
    with TemporaryDirectory() as directory:
        reference.save_pretrained(directory)
        return read_model(Path(directory))
