"""The gradient of a prompt's loss at each hook: the chain rule, one link at a time.

Each rule works a gradient out from the gradients of what the value goes into, so the
chain runs from the logits backwards. A name here is a hook's name + `_grad`.

Source: Rumelhart, Hinton & Williams 1986, "Learning representations by
back-propagating errors".
"""

import math

import numpy as np

from minigpt.interpret.provenance.activations import ACTIVATIONS, GATED, SLOPES
from minigpt.interpret.provenance.site import Site, doubles
from minigpt.interpret.provenance.working import (
    Operands,
    Vector,
    Working,
    bare,
    multiply_and_add,
    number,
    parts,
)
from minigpt.model.norm import LayerNorm


def logit(site: Site) -> Working:
    """How the loss depends on one logit: too much probability, or too little."""
    _, position, token = site.index
    labels = len(site.tokens) - 1
    if position == labels:
        return Working(
            "after the last token nothing is predicted, so nothing depends on it",
            parts(position=position, labels=labels),
            "0",
            0.0,
        )
    row = site.value("logits", position)
    powers = np.exp(row - row.max())
    p = float(powers[token] / powers.sum())
    is_next = float(site.tokens[position + 1] == token)
    return Working(
        "(p − 1 if this token came next, else p) / number of labels",
        parts(p=p, came_next=is_next, labels=labels),
        f"({bare(p)} − {is_next:g}) / {labels}",
        (p - is_next) / labels,
    )


def after_block(site: Site) -> Working:
    """The stream after a block: what the next block or the final norm makes of it."""
    if site.layer + 1 < len(site.model.blocks):
        return _passed_on(site, f"blocks.{site.layer + 1}.hook_resid_pre")
    table = site.model.token_embedding if site.model.ties_embeddings else None
    weight = (table or site.model.head).weight
    back = site.value("logits_grad", site.position)
    cap = site.model.config.logit_softcap
    if cap is not None:  # the slope of cap · tanh(x / cap)
        back = back * (1 - (site.value("logits", site.position) / cap) ** 2)
    back = back @ doubles(weight)
    return _through_norm(site, "ln_final", _scaled(site, "ln_final", back))


def mlp_written(site: Site) -> Working:
    """What the MLP wrote was added to the stream."""
    return _passed_on(site, f"blocks.{site.layer}.hook_resid_post")


def attention_written(site: Site) -> Working:
    """What the heads wrote was added to the stream."""
    after = "hook_resid_mid" if site.block.has_mlp else "hook_resid_post"
    return _passed_on(site, f"blocks.{site.layer}.{after}")


def neuron_out(site: Site) -> Working:
    """A neuron, through the vector that it writes."""
    neuron = site.index[-1]
    return multiply_and_add(
        "gradient of what the MLP writes · the neuron's column of W_out",
        "d_model",
        ("gradient", _of_what_is_written(site, "hook_mlp_out", "ln2_post")),
        ("weight", doubles(site.block.mlp.output.weight[:, neuron])),
    )


def neuron_in(site: Site) -> Working:
    """What a neuron hears, through its activation."""
    name = site.model.config.activation
    symbols, slope = SLOPES[name]
    x = float(site.here("mlp.hook_pre", *site.index[1:]))
    factors = {"gradient": float(site.here("mlp.hook_post_grad", *site.index[1:]))}
    factors["slope"] = slope(x)
    if site.model.config.is_gated:
        factors["gate"] = float(site.here("mlp.hook_pre_linear", *site.index[1:]))
    return product(f"gradient of the neuron × slope,  slope = {symbols}", factors)


def gate(site: Site) -> Working:
    """What scales a neuron, through the neuron."""
    x = float(site.here("mlp.hook_pre", *site.index[1:]))
    back = float(site.here("mlp.hook_post_grad", *site.index[1:]))
    name = site.model.config.activation
    called, bend = GATED[name], ACTIVATIONS[name][1]
    factors = {"gradient": back, called: bend(x)}
    return product(f"gradient of the neuron × {called}(x)", factors)


def between(site: Site) -> Working:
    """The stream between the sublayers: passed on, and read by the MLP."""
    if site.block.parallel_mlp:  # which reads the stream before
        return _passed_on(site, f"blocks.{site.layer}.hook_resid_post")
    return _both(site, "hook_resid_post", {"the MLP": _through_mlp(site)})


def _through_mlp(site: Site) -> Working:
    """Go back through the MLP and its norm, to what the norm reads."""
    position = site.position
    mlp = site.block.mlp
    back = site.here("mlp.hook_pre_grad", position) @ doubles(mlp.input.weight)
    if site.model.config.is_gated:
        gates = site.here("mlp.hook_pre_linear_grad", position)
        back = back + gates @ doubles(mlp.gate.weight)
    path = f"blocks.{site.layer}.ln2"
    return _through_norm(site, path, _scaled(site, path, back))


def before_block(site: Site) -> Working:
    """The stream before a block: passed on, and read by the heads (and by the MLP)."""
    path = f"blocks.{site.layer}.ln1"
    back = site.value(f"{path}.hook_normalized_grad", site.position)
    through = {"the heads": _through_norm(site, path, back)}
    has_mlp = site.block.has_mlp
    if has_mlp and site.block.parallel_mlp:
        through["the MLP"] = _through_mlp(site)
    return _both(site, "hook_resid_mid" if has_mlp else "hook_resid_post", through)


def head_gathered(site: Site) -> Working:
    """A head's z, through its columns of W_O."""
    *_, head, dimension = site.index
    column = head * site.model.config.d_head + dimension
    return multiply_and_add(
        "gradient of what attention writes · the column of W_O",
        "d_model",
        ("gradient", _of_what_is_written(site, "hook_attn_out", "ln1_post")),
        ("weight", doubles(site.block.attn.output.weight[:, column])),
    )


def embedding(site: Site) -> Working:
    """A token's row of the table: through the norm that reads it, if there is one."""
    if site.model.ln_embed is None:
        return into_stream(site)
    back = site.value("ln_embed.hook_normalized_grad", site.position)
    return _through_norm(site, "ln_embed", back)


def into_stream(site: Site) -> Working:
    """A token's embedding as it enters the stream, and the next token's."""
    _, position, dimension = site.index
    first = "blocks.0.hook_resid_pre_grad"
    found = {"the stream here": float(site.value(first, position, dimension))}
    arithmetic = number(found["the stream here"])
    if site.model.token_shift is not None and position + 1 < len(site.tokens):
        mix = float(doubles(site.model.token_shift.mix[dimension]))
        after = float(site.value(first, position + 1, dimension))
        found["mix × the stream at the next token"] = mix * after
        arithmetic += f" + {number(mix)} × {number(after)}"
    return Working(
        " + ".join(f"gradient of {name}" for name in found),
        parts(**found),
        arithmetic,
        sum(found.values()),
    )


def first_position(site: Site) -> Working:
    """A position's vector was added to the first stream."""
    return _passed_on(site, "blocks.0.hook_resid_pre")


def _passed_on(site: Site, hook: str) -> Working:
    """A value that is only added: its gradient is the sum's."""
    value = float(site.value(f"{hook}_grad", *site.index[1:]))
    return Working(
        "adding passes the gradient on unchanged",
        parts(**{f"{hook}_grad": value}),
        f"{hook}_grad[{', '.join(map(str, site.index))}]",
        value,
    )


def product(formula: str, factors: dict[str, float]) -> Working:
    """Work out a product of a few named numbers."""
    return Working(
        formula,
        parts(**factors),
        " × ".join(map(number, factors.values())),
        math.prod(factors.values()),
    )


def _scaled(site: Site, path: str, back: Vector) -> Vector:
    """Go back through a norm's learned scale."""
    weight = site.model.get_submodule(path).weight
    return back if weight is None else back * doubles(weight)


def _through_norm(site: Site, path: str, back: Vector) -> Working:
    """Go back through a norm: it takes out what would only change the length.

        ∂x = (g − n · mean(g · n)) / scale          and for a LayerNorm, minus its mean

    Args:
        site: Of a number that the norm reads.
        path: The norm's: `ln_final`.
        back: g, the gradient at the normalized vector.
    """
    position, dimension = site.index[1:]
    normalized = site.value(f"{path}.hook_normalized", position)
    scale = float(site.value(f"{path}.hook_scale", position, 0))
    along_it = float((back * normalized).mean())
    rows = _rows_through_norm(site, path, back)
    formula = "(g − n × mean(g × n)) / scale"
    arithmetic = (
        f"({number(back[dimension])} − {number(normalized[dimension])} × "
        f"{number(along_it)}) / {number(scale)}"
    )
    result = float(rows[dimension])
    if isinstance(site.model.get_submodule(path), LayerNorm):
        mean = float(rows.mean())
        formula += " − mean of these"
        arithmetic += f" − {number(mean)}"
        result -= mean
    columns = {"g": back, "n": normalized, "(g − n × mean) / scale": rows}
    labels = tuple(map(str, range(len(back))))
    return Working(
        formula, Operands("d_model", labels, columns, dimension), arithmetic, result
    )


def _rows_through_norm(site: Site, path: str, back: Vector) -> Vector:
    """Return (g − n · mean(g · n)) / scale. Arguments as for `_through_norm`."""
    normalized = site.value(f"{path}.hook_normalized", site.position)
    scale = float(site.value(f"{path}.hook_scale", site.position, 0))
    return (back - normalized * (back * normalized).mean()) / scale


def _of_what_is_written(site: Site, hook: str, norm: str) -> Vector:
    """Return the gradient at what a sublayer makes, before a norm of it, if any."""
    back = site.here(f"{hook}_grad", site.position)
    if getattr(site.block, norm) is None:
        return back
    path = f"blocks.{site.layer}.{norm}"
    rows = _rows_through_norm(site, path, _scaled(site, path, back))
    centres = isinstance(site.model.get_submodule(path), LayerNorm)
    return rows - rows.mean() if centres else rows


def _both(site: Site, after: str, through: dict[str, Working]) -> Working:
    """Add what passes a sublayer by to what comes back through it.

    Args:
        site: Of a number of the stream.
        after: The hook after the addition.
        through: Who reads the number, and what comes back from there.
    """
    hook = f"blocks.{site.layer}.{after}_grad"
    operands = {hook: float(site.value(hook, *site.index[1:]))}
    for reader, back in through.items():
        operands[f"back through {reader}"] = back.result
    return Working(
        "gradient after the addition + what comes back through "
        + " and ".join(through),
        parts(**operands),
        " + ".join(map(number, operands.values())),
        sum(operands.values()),
    )
