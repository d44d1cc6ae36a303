"""Small models of every kind, each weight with a size of its own."""

import torch

from minigpt.model import create_model

TOKENS = [3, 1, 4, 1, 5, 9, 2]
SHAPES = {
    "relative": {"positional_encoding": "relative"},
    "attention only": {"d_ff": 0, "tie_embeddings": False},
    "rope": {"positional_encoding": "rope", "activation": "swiglu", "norm": "rmsnorm"},
}


def made(kind, **shape):
    torch.manual_seed(0)
    model = create_model(kind, vocab_size=11, d_model=16, **shape).eval()
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(0.3 * torch.randn_like(weight))
    return model.requires_grad_(False)


def models():
    sizes = {"num_layers": 2, "num_heads": 2, "max_seq_len": 8}
    found = {name: made("transformer", **sizes, **s) for name, s in SHAPES.items()}
    return {**found, "mlp": made("mlp", d_ff=12, context_size=3)}
