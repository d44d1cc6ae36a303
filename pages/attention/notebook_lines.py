"""The lines that rebuild one row of one head in a notebook."""

from minigpt.config import ModelConfig
from pages.frame.reading import Place


def recipe(config: ModelConfig, place: Place) -> str:
    """Return lines that end with `steps`: raw products, scores, weights and z.

    Args:
        config: Of the model that made the row.
        place: Its head, and the token that reads.
    """
    layer, head, query = place
    turn = "rot_" if config.positional_encoding == "rope" else ""
    shared = head // (config.num_heads // config.kv_heads)
    lines = [
        "logits, cache = model.run_with_cache(tokens)",
        f'q = cache["{turn}q", {layer}][0, {query}, {head}]',
        f'k = cache["{turn}k", {layer}][0, :, {shared}]',
        f'v = cache["v", {layer}][0, :, {shared}]',
        "raw = k @ q",
        "scores = raw / q.shape[-1] ** 0.5",
    ]
    if config.positional_encoding in ("alibi", "relative"):
        lines += [
            f"bias = model.blocks[{layer}].attn.position_bias",
            "count = tokens.shape[1]",
            f"scores += bias(count, count, model.device)[{head}, {query}]",
        ]
    lines += [
        f'scores[{query} + 1 :] = -float("inf")',
        "weights = scores.softmax(-1)",
        'steps = {"raw": raw, "weights": weights, "z": weights @ v}',
    ]
    return "\n".join(lines)
