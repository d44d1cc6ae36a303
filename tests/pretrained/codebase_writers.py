"""What other programs write for one and the same model of `transformers`.

Each function takes a GPT-2 (or a Llama) and gives its weights the names, the axes and
the company that the program's own code gives them before `torch.save`.
"""

import math

import torch


def _blocks(theirs):
    weights = theirs.state_dict()
    for number in range(theirs.config.n_layer):
        start = f"transformer.h.{number}."
        yield (
            number,
            {
                name.removeprefix(start): weight
                for name, weight in weights.items()
                if name.startswith(start)
            },
        )


def _mask(theirs):
    size = theirs.config.n_positions
    return torch.ones(size, size).tril().view(1, 1, size, size)


def mingpt(theirs):
    """`torch.save(model.state_dict(), …)` of minGPT: Linear layers, a mask, a head."""
    turned = ("c_attn.weight", "c_proj.weight", "c_fc.weight")
    found = {
        name: weight.T.contiguous() if name.endswith(turned) else weight
        for name, weight in theirs.state_dict().items()
    }
    for number, _ in _blocks(theirs):
        found[f"transformer.h.{number}.attn.bias"] = _mask(theirs)
    return found


def llms_from_scratch(theirs, *, qkv_bias=True):
    """`GPTModel.state_dict()` of the book's chapter 4."""
    weights = theirs.state_dict()
    found = {
        "tok_emb.weight": weights["transformer.wte.weight"],
        "pos_emb.weight": weights["transformer.wpe.weight"],
        "final_norm.scale": weights["transformer.ln_f.weight"],
        "final_norm.shift": weights["transformer.ln_f.bias"],
        "out_head.weight": weights["lm_head.weight"],
    }
    for number, block in _blocks(theirs):
        to = f"trf_blocks.{number}."
        names = ("query", "key", "value")
        for name, part in zip(
            names, block["attn.c_attn.weight"].chunk(3, dim=-1), strict=True
        ):
            found[f"{to}att.W_{name}.weight"] = part.T.contiguous()
        if qkv_bias:
            for name, part in zip(
                names, block["attn.c_attn.bias"].chunk(3), strict=True
            ):
                found[f"{to}att.W_{name}.bias"] = part
        for ours, name in [
            ("attn.c_proj", "att.out_proj"),
            ("mlp.c_fc", "ff.layers.0"),
            ("mlp.c_proj", "ff.layers.2"),
        ]:
            found[f"{to}{name}.weight"] = block[f"{ours}.weight"].T.contiguous()
            found[f"{to}{name}.bias"] = block[f"{ours}.bias"]
        for norm in (1, 2):
            found[f"{to}norm{norm}.scale"] = block[f"ln_{norm}.weight"]
            found[f"{to}norm{norm}.shift"] = block[f"ln_{norm}.bias"]
        found[f"{to}att.mask"] = _mask(theirs)[0, 0]
    return found


def transformer_lens(theirs, *, folded=False):
    """`HookedTransformer.state_dict()`; folded, as `from_pretrained` makes it."""
    weights, config = theirs.state_dict(), theirs.config
    heads = config.n_head
    final_w = weights["transformer.ln_f.weight"]
    final_b = weights["transformer.ln_f.bias"]
    unembedding = weights["lm_head.weight"].T.contiguous()
    found = {
        "embed.W_E": weights["transformer.wte.weight"],
        "pos_embed.W_pos": weights["transformer.wpe.weight"],
        "ln_final.w": final_w,
        "ln_final.b": final_b,
        "unembed.W_U": unembedding,
        "unembed.b_U": torch.zeros(config.vocab_size),
    }
    for number, block in _blocks(theirs):
        to = f"blocks.{number}."
        parts = block["attn.c_attn.weight"].chunk(3, dim=-1)
        for name, part in zip("QKV", parts, strict=True):
            split = part.reshape(len(part), heads, -1).transpose(0, 1)
            found[f"{to}attn.W_{name}"] = split.contiguous()
        for name, part in zip("QKV", block["attn.c_attn.bias"].chunk(3), strict=True):
            found[f"{to}attn.b_{name}"] = part.reshape(heads, -1)
        out = block["attn.c_proj.weight"]
        found[f"{to}attn.W_O"] = out.reshape(heads, -1, out.shape[1])
        found[f"{to}attn.b_O"] = block["attn.c_proj.bias"]
        for name, part in [("in", "c_fc"), ("out", "c_proj")]:
            found[f"{to}mlp.W_{name}"] = block[f"mlp.{part}.weight"]
            found[f"{to}mlp.b_{name}"] = block[f"mlp.{part}.bias"]
        for norm in (1, 2):
            found[f"{to}ln{norm}.w"] = block[f"ln_{norm}.weight"]
            found[f"{to}ln{norm}.b"] = block[f"ln_{norm}.bias"]
        found[f"{to}attn.mask"] = _mask(theirs)[0, 0].bool()
        found[f"{to}attn.IGNORE"] = torch.tensor(-math.inf)
    return _fold(found, config.n_layer) if folded else found


def _fold(found, num_layers):
    """Put each norm's scale and shift into what reads it, as `fold_layer_norm` does."""
    for number in range(num_layers):
        at = f"blocks.{number}."
        w, b = found.pop(f"{at}ln1.w"), found.pop(f"{at}ln1.b")
        for part in "QKV":
            matrix = found[f"{at}attn.W_{part}"]
            found[f"{at}attn.b_{part}"] = found[f"{at}attn.b_{part}"] + b @ matrix
            found[f"{at}attn.W_{part}"] = w[:, None] * matrix
        w, b = found.pop(f"{at}ln2.w"), found.pop(f"{at}ln2.b")
        matrix = found[f"{at}mlp.W_in"]
        found[f"{at}mlp.b_in"] = found[f"{at}mlp.b_in"] + b @ matrix
        found[f"{at}mlp.W_in"] = w[:, None] * matrix
    w, b = found.pop("ln_final.w"), found.pop("ln_final.b")
    found["unembed.b_U"] = found["unembed.b_U"] + b @ found["unembed.W_U"]
    found["unembed.W_U"] = w[:, None] * found["unembed.W_U"]
    return found


def nanochat(theirs):
    """`model.state_dict()` of nanochat's `GPT`, as it was published."""
    parts = {
        "self_attn.q_proj": "attn.c_q",
        "self_attn.k_proj": "attn.c_k",
        "self_attn.v_proj": "attn.c_v",
        "self_attn.o_proj": "attn.c_proj",
        "mlp.fc1": "mlp.c_fc",
        "mlp.fc2": "mlp.c_proj",
    }
    weights = theirs.state_dict()
    found = {
        "transformer.wte.weight": weights["model.embed_tokens.weight"],
        "lm_head.weight": weights["lm_head.weight"],
    }
    for number in range(theirs.config.num_hidden_layers):
        for name, own in parts.items():
            weight = weights[f"model.layers.{number}.{name}.weight"]
            found[f"transformer.h.{number}.{own}.weight"] = weight
    return found
