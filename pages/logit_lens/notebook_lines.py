"""The lines of Python behind the figures of the logit lens."""

from minigpt.model import TransformerLM


def grid(metric: str, token: int, columns: range) -> str:
    """Return the lines behind the grid; they end with `shown` [point pos].

    Args:
        metric: A key of `METRICS`.
        token: The id that some metrics follow.
        columns: The positions that the grid shows.
    """
    part = f"shown = shown[:, {columns.start}:{columns.stop}]\n"
    return _STREAM + METRICS[metric].format(token=token) + part


def cell(position: int, point: int) -> str:
    """Return the lines behind one cell's bars, `top`: its ten highest probabilities."""
    return _STREAM + (
        f"probabilities = logits[{point}, {position}].softmax(-1)\n"
        "top, ids = probabilities.topk(min(10, len(probabilities)))\n"
        "pieces = tokenizer.pieces(ids.tolist())\n"
    )


def change(position: int, point: int, ids: list[int]) -> str:
    """Return the lines behind what a point promoted; they end with `change`."""
    return _STREAM + (
        f"after, before = logits[[{point}, {point - 1}], {position}].softmax(-1)\n"
        f"change = (after - before)[{ids}]\n"
    )


def race(position: int, a: int, b: int) -> str:
    """Return the lines behind the race; they end with `race` [point 2]."""
    return _STREAM + f"race = logits[:, {position}][:, [{a}, {b}]]\n"


def shares(model: TransformerLM, position: int, token: int, minus: int | None) -> str:
    """Return the lines behind the bars; they end with `shares`, part → share.

    Args:
        model: Only what it has stands in the lines.
        position: After which token the logit is read.
        token: A.
        minus: B, or None.
    """
    config = model.config
    weight = "token_embedding" if config.tie_embeddings else "head"
    rival = "" if minus is None else f" - W_U[{minus}]"
    is_layernorm = config.norm == "layernorm"
    scales = config.norm_affine
    bias = is_layernorm and config.bias and config.norm_affine
    lines = [
        f"p = {position}",
        f"W_U = model.{weight}.weight",
        "with torch.inference_mode():",
        "    _, cache = model.run_with_cache(tokens)",
        f"    unembedding = W_U[{token}]{rival}",
        "    direction = unembedding" + (" * model.ln_final.weight" * scales),
        "    direction = direction - direction.mean()" if is_layernorm else "",
        '    direction = direction / cache["ln_final.hook_scale"][0, p]  # frozen',
        '    shares = {"embedding": cache["hook_embed"][0, p] @ direction}',
        '    shares["token before"] = cache["hook_token_shift"][0, p] @ direction'
        if model.token_shift is not None
        else "",
        '    shares["position"] = cache["hook_pos_embed"][0, p] @ direction'
        if model.position_embedding is not None
        else "",
        "    for layer, block in enumerate(model.blocks):",
        '        z, W_O = cache["z", layer][0, p], block.attn.output.weight',
        "        for head, own in enumerate(W_O.split(z.shape[1], dim=1)):",
        '            shares[f"L{layer}H{head}"] = own @ z[head] @ direction',
        '        shares[f"L{layer} bias"] = block.attn.output.bias @ direction'
        if config.bias
        else "",
        '        shares[f"L{layer} MLP"] = cache["mlp_out", layer][0, p] @ direction'
        if config.mlp_width
        else "",
        '    shares["norm bias"] = model.ln_final.bias @ unembedding' if bias else "",
        "shares = {part: float(share) for part, share in shares.items()}",
    ]
    return "\n".join(line for line in lines if line) + "\n"


def neurons(
    model: TransformerLM, position: int, layer: int, token: int, minus: int | None
) -> str:
    """Return the lines behind an MLP's neurons; they end with `top` [k]."""
    return shares(model, position, token, minus) + (
        f'fired = cache["post", {layer}][0, p]\n'
        f"W_out = model.blocks[{layer}].mlp.output.weight\n"
        "with torch.inference_mode():\n"
        "    each = fired * (direction @ W_out)\n"
        "top = each[each.abs().topk(min(10, len(each))).indices]\n"
    )


def heads(model: TransformerLM, position: int, token: int, minus: int | None) -> str:
    """Return the lines behind the matrix; they end with `heads` [layer head]."""
    layers, count = model.config.num_layers, model.config.num_heads
    return shares(model, position, token, minus) + (
        "heads = [\n"
        f'    [shares[f"L{{layer}}H{{head}}"] for head in range({count})]\n'
        f"    for layer in range({layers})\n"
        "]\n"
    )


_STREAM = """
ends = ("hook_resid_mid", "hook_resid_post")
hooks = [name for name in model.hook_points if name.endswith(ends)]
hooks = ["blocks.0.hook_resid_pre", *hooks]
with torch.inference_mode():
    _, cache = model.run_with_cache(tokens, hooks)
    stream = torch.cat([cache[name] for name in hooks])
    logits = model.unembed(model.ln_final(stream))  # [point pos vocab]
""".lstrip()

METRICS = {
    "top token": "shown = logits.softmax(-1).max(-1).values\n",
    "p of A": "shown = logits.softmax(-1)[..., {token}]\n",
    "rank of A": "shown = (logits > logits[..., {token}, None]).sum(-1) + 1\n",
    "KL": "here = logits.log_softmax(-1)\n"
    "final = here[-1]\n"
    "shown = (final.exp() * (final - here)).sum(-1)\n",
}
"""What the grid can show → the line that computes it."""
