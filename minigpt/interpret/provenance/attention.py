"""Attention: projections, scores, weights, the weighted average, what heads write."""

import math

import numpy as np

from minigpt.config import ModelConfig
from minigpt.interpret.provenance import norms
from minigpt.interpret.provenance.site import Site, doubles, weight_and_bias
from minigpt.interpret.provenance.working import (
    Operands,
    Vector,
    Working,
    add_up,
    along,
    bare,
    bent,
    multiply_and_add,
    number,
    parts,
    plus,
    spell_products,
    spell_sum,
)
from minigpt.model.positions import AlibiBias, RelativeBias, yarn_pairs

PARTS = ("q", "k", "v")
"""In the order in which `qkv` holds their rows."""

LARGE_SCORE = 20.0
"""Beyond it, exp(score) is shown relative to the row's largest."""


def projection(site: Site) -> Working:
    """One number of a query, key or value: the normed stream times a weight row."""
    part = site.hook[-1]
    if part != "v" and site.block.attn.q_norm is not None:
        return norms.scaled_and_shifted(site, _norm_path(site, part))
    _, position, head, dimension = site.index
    weight, bias = weight_and_bias(
        site.block.attn.qkv, _row(site, part, head) + dimension
    )
    x = norms.output(site, f"blocks.{site.layer}.ln1", position)
    formula = f"ln1(x) · W_{part.upper()}" + (" + bias" if bias is not None else "")
    working = multiply_and_add(
        formula, "d_model", ("ln1(x)", x), ("weight", weight), bias
    )
    if part == "v" and site.block.attn.value_embedding is not None:
        own = float(site.here("attn.hook_value_embed", position, head, dimension))
        return plus(working, "value embedding", own)
    return working


def own_value(site: Site) -> Working:
    """What a token adds to its values itself: its row of a table, cut into heads."""
    _, position, head, dimension = site.index
    token, column = site.tokens[position], head * site.block.attn.d_head + dimension
    table = site.block.attn.value_embedding.weight
    value = float(doubles(table[token, column]))
    return Working(
        "the token's row of value_embedding.weight, cut into heads",
        parts(token_id=token, column=column, weight=value),
        f"value_embedding.weight[{token}, {column}]",
        value,
    )


def projected(site: Site) -> Vector:
    """A head's whole query or key before its norm: what `q_norm` or `k_norm` reads."""
    part = site.hook.rpartition("_norm.")[0][-1]
    _, position, head, _ = site.index
    first, width = _row(site, part, head), site.block.attn.d_head
    layer = site.block.attn.qkv
    x = norms.output(site, f"blocks.{site.layer}.ln1", position)
    vector = doubles(layer.weight[first : first + width]) @ x
    if layer.bias is not None:
        vector = vector + doubles(layer.bias[first : first + width])
    return vector


def turned(site: Site) -> Working:
    """RoPE: one number of a pair after the pair has been turned by an angle."""
    _, position, head, dimension = site.index
    config = site.model.config.as_in(site.layer)
    vector = site.here(f"attn.hook_{site.hook[-1]}", position, head)
    half = (config.rope_dim or config.d_head) // 2
    if dimension >= 2 * half:
        return Working(
            f"unchanged: RoPE turns only the first {2 * half} numbers of a head",
            parts(x=float(vector[dimension])),
            number(vector[dimension]),
            float(vector[dimension]),
        )
    pair, is_second = dimension % half, dimension >= half
    speed, symbols = _rope_speed(config, pair, half)
    angle = position * speed
    own, other = vector[dimension], vector[(dimension + half) % (2 * half)]
    sine = math.sin(angle) if is_second else -math.sin(angle)
    numbers = np.array([own, other])
    factors = np.array([math.cos(angle), sine])
    sign = "+" if is_second else "−"
    return Working(
        f"x cos(angle) {sign} partner sin(angle),  angle = pos · {symbols}",
        Operands(
            "part",
            ("x", f"partner {(dimension + half) % (2 * half)}"),
            {
                "before turning": numbers,
                "factor": factors,
                "product": numbers * factors,
            },
        ),
        spell_products(numbers, factors) + f"  (angle {bare(angle)})",
        float(numbers @ factors),
    )


def _rope_speed(config: ModelConfig, pair: int, half: int) -> tuple[float, str]:
    """How far a pair turns from one position to the next, and how that is written."""
    speed = config.rope_base ** (-pair / half)
    symbols = f"base^(−2i / {'d_head' if config.rope_dim is None else 2 * half})"
    factor = config.rope_factor
    if factor == 1.0:
        return speed, symbols
    share = 0.0
    if config.rope_trained_length is not None:
        turns = config.rope_trained_length * speed / math.tau
        slow, fast = config.rope_slow_turns, config.rope_fast_turns
        share = (turns - slow) / (fast - slow)
        if config.rope_ramp == "pairs":
            first, last = yarn_pairs(config)
            share = (last - pair) / (last - first)
        share = min(max(share, 0.0), 1.0)
    if share == 0.0:
        return speed / factor, f"{symbols} / {bare(factor)}"
    slowed = speed * (share + (1 - share) / factor)
    if share == 1.0:
        return slowed, f"{symbols}, which turns too fast to be slowed"
    return slowed, f"{symbols} · ({bare(share)} + {bare(1 - share)} / {bare(factor)})"


def score(site: Site) -> Working:
    """One score: how well a query fits a key, and what their distance adds."""
    _, head, q_pos, k_pos = site.index
    if k_pos > q_pos:
        return Working(
            "−∞, because the key stands after the query: no token reads the future",
            parts(query_position=q_pos, key_position=k_pos),
            f"key {k_pos} comes after query {q_pos}",
            -math.inf,
        )
    attn = site.block.attn
    if attn.window is not None and q_pos - k_pos >= attn.window:
        return Working(
            f"−∞, because this layer reads the last {attn.window} tokens only",
            parts(query_position=q_pos, key_position=k_pos),
            f"key {k_pos} is {q_pos - k_pos} before query {q_pos}",
            -math.inf,
        )
    turn = "rot_" if attn.rotary is not None else ""
    q = site.here(f"attn.hook_{turn}q", q_pos, head)
    k = site.here(f"attn.hook_{turn}k", k_pos, _kv_head(site, head))
    bias, written = _position_bias(attn.position_bias, head, q_pos - k_pos)
    made = Working(
        "q · k / √d_head",
        along("d_head", {"q": q, "k": k, "q × k": q * k}),
        f"({spell_products(q, k)}) / √{attn.d_head}",
        float(q @ k) / math.sqrt(attn.d_head),
    )
    made = bent(made, attn.softcap)
    return Working(
        made.formula + (" + bias(distance)" if written else ""),
        made.operands,
        made.arithmetic + written,
        made.result + bias,
    )


def weight(site: Site) -> Working:
    """One attention weight: softmax over the scores of the query's row."""
    _, head, q_pos, k_pos = site.index
    first, window = 0, site.block.attn.window
    if window is not None:
        first = max(0, q_pos + 1 - window)
    scores = site.here("attn.hook_attn_scores", head, q_pos)[first : q_pos + 1]
    # The same number is taken from every score, which changes no weight.
    top = float(scores.max()) if np.abs(scores).max() > LARGE_SCORE else 0.0
    powers = np.exp(scores - top)
    less = f" − {number(top)}" if top else ""
    weights = powers / powers.sum()
    columns = {"score": scores, f"exp(score{less})": powers, "weight": weights}
    readable = first <= k_pos <= q_pos
    below = spell_sum((f"exp({bare(each)}{less})" for each in scores), powers)
    place = k_pos - first
    own = f"exp({bare(scores[place])}{less})" if readable else "exp(−∞)"
    return Working(
        "softmax over the row: exp(score) / Σ exp(scores)",
        along("k_pos", columns, place if readable else None, first),
        f"{own} / ({below})",
        float(weights[place]) if readable else 0.0,
    )


def weighted_average(site: Site) -> Working:
    """One number of z: the values of the tokens read, by their weights."""
    _, q_pos, head, dimension = site.index
    weights = site.here("attn.hook_pattern", head, q_pos)[: q_pos + 1]
    values = site.here("attn.hook_v")[: q_pos + 1, _kv_head(site, head), dimension]
    return multiply_and_add(
        "Σ weight · value", "k_pos", ("weight", weights), ("value", values)
    )


def head_result(site: Site) -> Working:
    """What one head writes to one dimension of the stream."""
    _, position, head, dimension = site.index
    z = site.here("attn.hook_z", position, head)
    return multiply_and_add(
        "z · W_O", "d_head", ("z", z), ("weight", _written(site, dimension)[head])
    )


def all_heads(site: Site) -> Working:
    """What attention adds to one dimension of the stream: all heads, and the bias."""
    _, position, dimension = site.index
    if site.block.ln1_post is not None:
        return norms.scaled_and_shifted(site, f"blocks.{site.layer}.ln1_post")
    z = site.here("attn.hook_z", position)
    results = (z * _written(site, dimension)).sum(-1)
    labels = tuple(f"L{site.layer}H{head}" for head in range(len(results)))
    bias = site.block.attn.output.bias
    formula = "Σ over heads of z · W_O"
    if bias is not None:
        formula += " + bias"
        labels += ("bias",)
        results = np.append(results, float(doubles(bias[dimension])))
    return add_up(formula, Operands("head", labels, {"writes": results}), results)


def written(site: Site) -> Vector:
    """All that the heads write at one position, before a norm of it."""
    layer = site.block.attn.output
    made = doubles(layer.weight) @ site.here("attn.hook_z", site.position).ravel()
    return made if layer.bias is None else made + doubles(layer.bias)


def _written(site: Site, dimension: int) -> np.ndarray:
    """The output weights of one dimension of the stream, [head d_head]."""
    attn = site.block.attn
    return doubles(attn.output.weight[dimension]).reshape(attn.num_heads, attn.d_head)


def _row(site: Site, part: str, head: int) -> int:
    """Where a head's queries, keys or values begin among the rows of `qkv`."""
    attn = site.block.attn
    return sum(attn.widths[: PARTS.index(part)]) + head * attn.d_head


def _kv_head(site: Site, head: int) -> int:
    """Which key/value head a query head reads with."""
    attn = site.block.attn
    return head // (attn.num_heads // attn.kv_heads)


def _norm_path(site: Site, part: str) -> str:
    return f"blocks.{site.layer}.attn.{part}_norm"


def _position_bias(
    bias: AlibiBias | RelativeBias | None, head: int, distance: int
) -> tuple[float, str]:
    """What a distance adds to a head's score, and how that is written."""
    if isinstance(bias, AlibiBias):
        slope = 2.0 ** (-8.0 * (head + 1) / bias.num_heads)
        return -slope * distance, f" − {number(slope)} × {distance}"
    if isinstance(bias, RelativeBias):
        told_apart = min(distance, bias.bias_table.shape[1] - 1)
        learned = float(doubles(bias.bias_table[head, told_apart]))
        gain = float(doubles(bias.gain[head, 0]))
        return gain * learned, f" + {number(gain)} × {number(learned)}"
    return 0.0, ""
