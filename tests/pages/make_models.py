"""Small random models for the tests of the app: instant to make, wrong in all it says.

A transformer at three steps, and an MLP, as the shipped models of a data directory.
"""

import json
from pathlib import Path

import torch

from minigpt.checkpoint import save_checkpoint
from minigpt.config import TokenizerConfig
from minigpt.datasets.tales.story import generate_tales
from minigpt.model import create_model
from minigpt.tokenizers.storage import build_tokenizer


def make_models(data: Path) -> Path:
    """Fill `data/models` and return `data`."""
    tokenizer = build_tokenizer(TokenizerConfig(kind="char"), generate_tales(20_000))
    vocab_size = tokenizer.vocab_size
    for step in (0, 10, 100):
        torch.manual_seed(step)
        model = create_model(
            "transformer",
            vocab_size=vocab_size,
            d_model=16,
            num_layers=2,
            num_heads=2,
            max_seq_len=64,
        )
        path = data / "models" / "glass" / "checkpoints" / f"checkpoint_step_{step}"
        save_checkpoint(path, model, tokenizer, step=step)
    about = {"title": "glass", "description": "Two layers of two heads."}
    (data / "models" / "glass" / "about.json").write_text(
        json.dumps(about), encoding="utf-8"
    )
    mlp = create_model("mlp", vocab_size=vocab_size, d_model=8, d_ff=16, max_seq_len=64)
    save_checkpoint(data / "models" / "mlp", mlp, tokenizer, step=5)
    return data
