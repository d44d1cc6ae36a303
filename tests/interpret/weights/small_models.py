"""One small model of every kind of attention, with weights that all differ."""

from itertools import pairwise

import torch

from minigpt.model import TransformerLM

VOCAB = 23

SHAPES = {
    "gpt2": {"positional_encoding": "learned"},
    "llama": {
        "positional_encoding": "rope",
        "norm": "rmsnorm",
        "num_kv_heads": 2,
        "tie_embeddings": False,
        "bias": False,
    },
    "alibi, attention only": {"positional_encoding": "alibi", "d_ff": 0},
    "relative, plain norm": {"positional_encoding": "relative", "norm_affine": False},
    "embedding norm": {"positional_encoding": "none", "embedding_norm": True},
    "queries and keys normalised": {"positional_encoding": "rope", "qk_norm": True},
    "wide heads, turned in part, parallel MLP": {
        "positional_encoding": "rope",
        "head_dim": 6,
        "rope_dim": 4,
        "rope_factor": 2.0,
        "num_kv_heads": 2,
        "qkv_bias": True,
        "bias": False,
        "parallel_mlp": True,
    },
    "norms behind, scaled": {
        "positional_encoding": "alibi",
        "post_norms": True,
        "embedding_scale": 3.0,
        "norm": "rmsnorm",
    },
    "norms behind, centred": {"positional_encoding": "rope", "post_norms": True},
    "head with a bias": {
        "positional_encoding": "rope",
        "tie_embeddings": False,
        "head_bias": True,
    },
    "windows": {"positional_encoding": "rope", "attention_window": (0, 5, 4)},
    "value embeddings": {
        "positional_encoding": "relative",
        "norm": "rmsnorm",
        "value_embeddings": True,
        "num_kv_heads": 1,
    },
}


def small_model(name: str, seed: int = 0) -> TransformerLM:
    """Make a model in which every number differs, biases and norms among them."""
    settings = {
        "vocab_size": VOCAB,
        "d_model": 16,
        "num_layers": 3,
        "num_heads": 4,
        "max_seq_len": 12,
        **SHAPES[name],
    }
    torch.manual_seed(seed)
    model = TransformerLM(**settings).eval().requires_grad_(False)
    generator = torch.Generator().manual_seed(seed + 1)
    for weight in model.parameters():
        weight += 0.3 * torch.randn(weight.shape, generator=generator)
    return model


def dense_heads(model: TransformerLM, layer: int):
    """Yield each head's W_Q, W_K, W_V [d_head d_model] and W_O [d_model d_head].

    In double precision, with ln1 and the centring multiplied in as matrices.
    """
    config, block = model.config, model.blocks[layer]
    centre = torch.eye(config.d_model, dtype=torch.float64)
    if config.norm == "layernorm":
        centre -= 1 / config.d_model
    fold = centre
    if block.ln1.weight is not None:
        fold = block.ln1.weight.double().diag() @ centre
    qkv, output = block.attn.qkv.weight.double(), block.attn.output.weight.double()
    size, heads, kv_heads = config.d_head, config.num_heads, config.kv_heads
    ends = [0, heads * size, (heads + kv_heads) * size, (heads + 2 * kv_heads) * size]
    q, k, v = (qkv[begin:end] @ fold for begin, end in pairwise(ends))
    for head in range(heads):
        own = slice(head * size, (head + 1) * size)
        shared = head // (heads // kv_heads)
        kv = slice(shared * size, (shared + 1) * size)
        w_q, w_k = q[own], k[kv]
        if config.qk_norm:
            inner = torch.eye(size, dtype=torch.float64) - 1 / size
            w_q = block.attn.q_norm.weight.double().diag() @ inner @ w_q
            w_k = block.attn.k_norm.weight.double().diag() @ inner @ w_k
        written = output[:, own]
        if config.post_norms:
            written = block.ln1_post.weight.double().diag() @ centre @ written
        yield w_q, w_k, v[kv], centre @ written
