"""Random GPT-2s of `transformers`, and their weights in our model."""

import torch
from transformers import GPT2Config, GPT2LMHeadModel

from minigpt.model import TransformerLM


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
    """Build our model with the same sizes and the same weights."""
    config = reference.config
    model = TransformerLM(
        vocab_size=config.vocab_size,
        d_model=config.n_embd,
        num_layers=config.n_layer,
        num_heads=config.n_head,
        max_seq_len=config.n_positions,
    )
    weights = {
        "token_embedding.weight": reference.transformer.wte.weight,
        "position_embedding.weight": reference.transformer.wpe.weight,
        "ln_final.weight": reference.transformer.ln_f.weight,
        "ln_final.bias": reference.transformer.ln_f.bias,
    }
    for number, theirs in enumerate(reference.transformer.h):
        ours = f"blocks.{number}."
        for name, layer in [
            ("attn.qkv", theirs.attn.c_attn),
            ("attn.output", theirs.attn.c_proj),
            ("mlp.input", theirs.mlp.c_fc),
            ("mlp.output", theirs.mlp.c_proj),
        ]:
            # GPT-2 stores matrices as [in, out], torch's Linear as [out, in].
            weights[f"{ours}{name}.weight"] = layer.weight.T
            weights[f"{ours}{name}.bias"] = layer.bias
        for name, norm in [("ln1", theirs.ln_1), ("ln2", theirs.ln_2)]:
            weights[f"{ours}{name}.weight"] = norm.weight
            weights[f"{ours}{name}.bias"] = norm.bias
    model.load_state_dict(weights)
    return model.eval()
