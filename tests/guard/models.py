"""Small models in which no two numbers are alike, so that a wrong place shows.

Weights of size one half, biases and norm gains among them: an index that is off by one,
a swapped head or a hook of the neighbour gives another number at every place.
"""

import json
from pathlib import Path

import torch

from minigpt.checkpoint import save_checkpoint
from minigpt.config import TokenizerConfig
from minigpt.datasets.tales.story import generate_tales
from minigpt.model import LanguageModel, create_model
from minigpt.tokenizers.storage import build_tokenizer

SHAPES = {
    "relative": {"relative_distances": 5, "num_layers": 3, "num_heads": 2},
    "rope": {
        "norm": "rmsnorm",
        "activation": "swiglu",
        "num_heads": 4,
        "num_kv_heads": 2,
        "tie_embeddings": False,
        "num_layers": 2,
    },
    "alibi": {"num_heads": 4, "d_ff": 0, "num_layers": 2},
    "learned": {"num_heads": 2, "num_layers": 2},
}
"""By position scheme, which is also the model's name."""

SINGLE = {"d_model": 15, "num_heads": 1, "num_layers": 1, "d_ff": 0}
"""One head of an odd width in one layer: what is asked where little can be."""

TOKENS_PER_STEP = {"relative": 240_000, "rope": 1_000_000}
"""Of those whose record says what they read."""

STEPS = {"relative": (0, 10)}
"""Models that were saved several times."""


def shaken(model: LanguageModel, seed: int) -> LanguageModel:
    """Give every weight a size of its own."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in model.parameters():
            weight += 0.3 * torch.randn(weight.shape, generator=generator)
    return model.eval()


def make_models(data: Path) -> Path:
    """Fill `data/models` with one model of every shape, and an MLP."""
    text = generate_tales(60_000)
    kinds = {
        "char": build_tokenizer(TokenizerConfig(kind="char"), text),
        "bpe": build_tokenizer(TokenizerConfig(kind="bpe", vocab_size=300), text),
    }
    for number, (scheme, shape) in enumerate(SHAPES.items()):
        tokenizer = kinds["bpe" if scheme == "learned" else "char"]
        for step in STEPS.get(scheme, (9,)):
            torch.manual_seed(step)
            sizes = {"d_model": 16, "max_seq_len": 48, **shape}
            model = create_model(
                "transformer",
                vocab_size=tokenizer.vocab_size,
                positional_encoding=scheme,
                **sizes,
            )
            path = data / "models" / scheme
            if scheme in STEPS:
                path = path / "checkpoints" / f"checkpoint_step_{step}"
            shaken(model, 100 * number + step)
            read = TOKENS_PER_STEP.get(scheme)
            record = {"tokens_per_step": read} if read else {}
            save_checkpoint(path, model, tokenizer, step=step, provenance=record)
        about = {"title": scheme, "description": "Random numbers, all different."}
        (data / "models" / scheme / "about.json").write_text(
            json.dumps(about), encoding="utf-8"
        )
    char = kinds["char"]
    mlp = create_model(
        "mlp", vocab_size=char.vocab_size, d_model=8, d_ff=12, max_seq_len=48
    )
    save_checkpoint(data / "models" / "mlp", shaken(mlp, 7), char, step=5)
    single = create_model(
        "transformer", vocab_size=char.vocab_size, max_seq_len=48, **SINGLE
    )
    save_checkpoint(data / "models" / "single", shaken(single, 8), char, step=5)
    return data
