"""The lines that rebuild the figures of "Embeddings and positions" in a notebook."""

from collections.abc import Sequence
from pathlib import Path

from minigpt.config import ModelConfig

TABLES = {
    "embedding": "model.token_embedding.weight",
    "unembedding": "model.head.weight",
}


def neighbours_recipe(which: str, token: int, size: int, count: int) -> str:
    """Return lines that end with `nearest`: the largest cosines with a token."""
    return (
        f"table = {TABLES[which]}.detach()[:{size}]\n"
        f"cosines = torch.cosine_similarity(table, table[{token}][None], dim=-1)\n"
        f"cosines[{token}] = -1  # itself\n"
        f"nearest = cosines.topk({count}).values"
    )


def components_recipe(which: str, tokens: Sequence[int], size: int, drawn: str) -> str:
    """Return lines that end with `picture`: places in the plane, and what it holds.

    Args:
        which: The table.
        tokens: Ids of the points.
        size: Of the vocabulary.
        drawn: Lines that make `chosen`, where the ids are too many to list.
    """
    if len(tokens) == size:
        chosen = f"chosen = torch.arange({size})\n"
    else:
        chosen = drawn or f"chosen = {list(tokens)}\n"
    return (
        f"{chosen}"
        f"vectors = {TABLES[which]}.detach()[chosen]\n"
        "centred = vectors - vectors.mean(0)\n"
        "_, sizes, directions = torch.linalg.svd(centred, full_matrices=False)\n"
        "largest = directions.abs().argmax(1, keepdim=True)\n"
        "directions = directions * directions.gather(1, largest).sign()\n"
        "picture = {\n"
        '    "explained": (sizes**2 / (sizes**2).sum())[:2],\n'
        '    "points": centred @ directions[:2].T,\n'
        "}"
    )


def drift_recipe(which: str, steps: Sequence[Path], tokens: Sequence[int]) -> str:
    """Return lines that end with `cosines` [step token], with the first token."""
    return (
        f"cosines = []\n"
        f"for path in {[str(path) for path in steps]}:\n"
        "    model = minigpt.load(path).model\n"
        f"    vectors = {TABLES[which]}.detach()[{list(tokens)}]\n"
        "    cosines.append(torch.cosine_similarity(vectors, vectors[:1]))\n"
        "cosines = torch.stack(cosines)"
    )


def vectors_recipe(config: ModelConfig, scheme: str, length: int) -> str:
    """Return lines that end with `vectors` [pos d_model]."""
    if scheme == "learned":
        return f"vectors = model.position_embedding.weight.detach()[:{length}]"
    d_model = config.d_model
    return (
        f"positions = torch.arange({length})[:, None]\n"
        f"frequencies = 10_000.0 ** (-torch.arange(0, {d_model}, 2) / {d_model})\n"
        f"vectors = torch.zeros({length}, {d_model})\n"
        "vectors[:, 0::2] = torch.sin(positions * frequencies)\n"
        f"vectors[:, 1::2] = torch.cos(positions * frequencies[: {d_model // 2}])"
    )


def distance_recipe(config: ModelConfig, scheme: str, layer: int, length: int) -> str:
    """Return lines that end with `values` [series distance]."""
    if scheme in ("learned", "sinusoidal"):
        return (
            f"{vectors_recipe(config, scheme, length)}\n"
            "unit = torch.nn.functional.normalize(vectors, dim=-1)\n"
            "cosines = unit @ unit.T\n"
            f"values = [[cosines.diagonal(-far).mean().item() for far in "
            "range(len(vectors))]]"
        )
    far = f"far = torch.arange({length})\n"
    if scheme == "rope":
        d_head = config.d_head - config.d_head % 2
        return (
            f"{far}speeds = {config.rope_base} ** "
            f"(-torch.arange(0, {d_head}, 2) / {d_head})\n"
            "values = torch.cos(far[:, None] * speeds).mean(1)[None]"
        )
    if scheme == "alibi":
        heads = config.num_heads
        return (
            f"{far}slopes = 2.0 ** (-8.0 * torch.arange(1, {heads + 1}) / {heads})\n"
            "values = -slopes[:, None] * far"
        )
    return (
        f"{far}bias = model.blocks[{layer}].attn.position_bias\n"
        "table = (bias.gain * bias.bias_table).detach()\n"
        "values = table[:, far.clamp(max=table.shape[1] - 1)]"
    )


def bias_recipe(
    config: ModelConfig, scheme: str, place: Sequence[int], side: int
) -> str:
    """Return lines that end with `added` [q_pos k_pos]: what a head adds to scores."""
    layer, head = place
    return (
        f"{distance_recipe(config, scheme, layer, side)}\n"
        f"distance = torch.arange({side})[:, None] - torch.arange({side})\n"
        f"added = values[{head}][distance.clamp(min=0)]\n"
        'added = added.masked_fill(distance < 0, float("nan"))'
    )


def turning_recipe(config: ModelConfig, place: Sequence[int], key: int) -> str:
    """Return lines that end with `scores`: as they stand, both moved on, one moved."""
    layer, head, query = place
    shared = head // (config.num_heads // config.kv_heads)
    return (
        "logits, cache = model.run_with_cache(tokens)\n"
        f'q = cache["q", {layer}][0, {query}, {head}]\n'
        f'k = cache["k", {layer}][0, {key}, {shared}]\n'
        f"speeds = {config.rope_base} ** (-torch.arange(0, {config.d_head}, 2) "
        f"/ {config.d_head})\n\n"
        "def turn(x, position):\n"
        "    first, second = x.chunk(2)\n"
        "    cos, sin = (position * speeds).cos(), (position * speeds).sin()\n"
        "    return torch.cat((first * cos - second * sin, "
        "second * cos + first * sin))\n\n"
        f"places = [({query}, {key}), ({query + 10}, {key + 10}), "
        f"({query + 10}, {key})]\n"
        f"scores = [(turn(q, m) @ turn(k, n)).item() / {config.d_head} ** 0.5 "
        "for m, n in places]"
    )


def losses_recipe(length: int, count: int) -> str:
    """Return lines that end with `losses` [pos]: the same weights, read on."""
    return (
        "from minigpt.interpret.corpora import held_out\n\n"
        f'settings = {{**model.config.to_dict(), "max_seq_len": {length}}}\n'
        "longer = minigpt.TransformerLM(**settings).eval()\n"
        "longer.load_state_dict(model.state_dict())\n"
        f"windows = held_out(metadata, tokenizer, {length}, {count}).windows\n"
        "windows = torch.tensor(windows)\n"
        "losses = torch.nn.functional.cross_entropy(\n"
        '    longer(windows)[:, :-1].mT, windows[:, 1:], reduction="none"\n'
        ").mean(0)"
    )


def shuffle_recipe(order: Sequence[int], layers: Sequence[int]) -> str:
    """Return lines that end with `changes`: of the model, and of its first layers."""
    return (
        f"other = tokens[:, {list(order)}]\n"
        "models = [model]\n"
        f"for layers in {list(layers)}:\n"
        "    settings = model.config.to_dict()\n"
        '    settings |= {"positional_encoding": "none", "num_layers": layers}\n'
        "    bare = minigpt.TransformerLM(**settings).eval()\n"
        "    bare.load_state_dict(model.state_dict(), strict=False)\n"
        "    models.append(bare)\n"
        "changes = []\n"
        "for each in models:\n"
        "    before = each(tokens)[0, -1].softmax(-1)\n"
        "    after = each(other)[0, -1].softmax(-1)\n"
        "    changes.append((after - before).abs().max().item())"
    )
