"""Each kind of number once more, from the operands that a page shows beside it."""

import math
import re
from collections.abc import Callable

import numpy as np
import pandas as pd
from guard.screen import Traced
from guard.seen import Seen

Formula = Callable[[Traced, Seen], float]


def _column(shown: Traced, name: str) -> np.ndarray:
    return shown.operands[name].to_numpy(dtype=float)


def _part(shown: Traced, name: str) -> float:
    values: pd.Series = shown.operands["value"]
    return float(values[name])


def _looked_up(shown: Traced, seen: Seen) -> float:
    return _part(shown, "weight")


def _added(shown: Traced, seen: Seen) -> float:
    return float(_column(shown, "value").sum())


def _products(shown: Traced, seen: Seen) -> float:
    """Multiply the two columns anew; a bias has no factors, only its own number."""
    left, right, product = (shown.operands[name] for name in shown.operands.columns)
    factors = (left * right).fillna(product)
    np.testing.assert_allclose(product, factors, rtol=1e-6, atol=1e-9)
    return float(factors.sum())


def _written(shown: Traced, seen: Seen) -> float:
    return float(_column(shown, "writes").sum())


def _score(shown: Traced, seen: Seen) -> float:
    """q · k / √d, and the bias as the line of arithmetic states it."""
    q, k, product = (_column(shown, name) for name in ("q", "k", "q × k"))
    np.testing.assert_allclose(product, q * k, rtol=1e-6, atol=1e-9)
    return float((q * k).sum()) / math.sqrt(len(q)) + _bias(shown, seen)


def _bias(shown: Traced, seen: Seen) -> float:
    scheme = seen.config.positional_encoding
    _, head, query, key = shown.index
    distance, block = query - key, seen.model.blocks[int(shown.hook.split(".")[1])]
    if scheme == "alibi":
        assert re.search(rf" − 0\.\d+ × {distance}$", shown.arithmetic), shown
        return -distance * 2.0 ** (-8 * (head + 1) / seen.config.num_heads)
    if scheme == "relative":
        bias = block.attn.position_bias
        table = bias.bias_table.detach().double().numpy()[head]
        return float(bias.gain[head, 0]) * table[min(distance, len(table) - 1)]
    return 0.0


def _softmax(shown: Traced, seen: Seen) -> float:
    scores, weights = _column(shown, "score"), _column(shown, "weight")
    powers = np.exp(scores - scores.max())
    np.testing.assert_allclose(weights, powers / powers.sum(), rtol=1e-6)
    chosen = [n for n, name in enumerate(shown.operands.index) if name.endswith(" ←")]
    assert chosen == [shown.index[-1]]
    return float(powers[chosen[0]] / powers.sum())


def _activation(shown: Traced, seen: Seen) -> float:
    x = _part(shown, "x")
    if seen.config.activation == "swiglu":
        return x / (1 + math.exp(-x)) * _part(shown, "gate")
    if seen.config.activation == "gelu_exact":
        return 0.5 * x * (1 + math.erf(x / math.sqrt(2)))
    inner = math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)
    return 0.5 * x * (1 + math.tanh(inner))


def _normalized(shown: Traced, seen: Seen) -> float:
    x = _column(shown, "x")
    centred = x - x.mean() if seen.config.norm == "layernorm" else x
    scale = math.sqrt((centred**2).mean() + seen.model.ln_final.eps)
    return float(centred[shown.index[-1]] / scale)


def _too_likely(shown: Traced, seen: Seen) -> float:
    """(p − 1 if it came next, else p) / number of labels."""
    assert _part(shown, "labels") == seen.last
    return (_part(shown, "p") - _part(shown, "came next")) / seen.last


def _back_through_norm(shown: Traced, seen: Seen) -> float:
    """The final norm's derivative, from g and n."""
    g, n = _column(shown, "g"), _column(shown, "n")
    _, position, dimension = shown.index
    own = seen.cache["ln_final.hook_normalized"][position]
    np.testing.assert_allclose(n, own, rtol=1e-4, atol=1e-5)
    back = (g - n * (g * n).mean()) / seen.cache["ln_final.hook_scale"][position]
    if seen.config.norm == "layernorm":
        back -= back.mean()
    return float(back[dimension])


FORMULAS: dict[str, Formula] = {
    "hook_embed": _looked_up,
    "hook_pos_embed": _looked_up,
    "hook_resid_pre": _added,
    "hook_resid_mid": _added,
    "hook_resid_post": _added,
    "hook_attn_out": _written,
    "hook_mlp_out": _products,
    "attn.hook_k": _products,
    "attn.hook_v": _products,
    "attn.hook_z": _products,
    "attn.hook_result": _products,
    "attn.hook_rot_q": _products,
    "attn.hook_rot_k": _products,
    "attn.hook_attn_scores": _score,
    "attn.hook_pattern": _softmax,
    "mlp.hook_post": _activation,
    "ln1.hook_normalized": _normalized,
    "logits": _products,
    "logits_grad": _too_likely,
    "hook_embed_grad": _added,
    "attn.hook_z_grad": _products,
    "mlp.hook_post_grad": _products,
    "hook_resid_post_grad": _back_through_norm,
}
"""By hook, without the number of its block."""


def multiplied_out(shown: Traced, seen: Seen) -> float:
    """Work out a traced number from its operands."""
    return FORMULAS[re.sub(r"^blocks\.\d+\.", "", shown.hook)](shown, seen)
