"""What a position does by itself: the MLP's neurons, the logits, the fixed window."""

import math

import numpy as np

from minigpt.interpret.provenance import norms, stream
from minigpt.interpret.provenance.activations import ACTIVATIONS, GATED
from minigpt.interpret.provenance.site import Site, doubles, weight_and_bias
from minigpt.interpret.provenance.working import (
    Vector,
    Working,
    bare,
    bent,
    multiply_and_add,
    number,
    parts,
)


def neuron_in(site: Site) -> Working:
    """What one neuron hears: the normed stream times its row of weights."""
    _, position, neuron = site.index
    gated = site.hook.endswith("hook_pre_linear")
    layer = site.block.mlp.gate if gated else site.block.mlp.input
    x = norms.output(site, f"blocks.{site.layer}.ln2", position)
    return _linear(
        "ln2(x) · " + ("W_gate" if gated else "W_in"),
        ("d_model", "ln2(x)", x),
        *weight_and_bias(layer, neuron),
    )


def neuron_out(site: Site) -> Working:
    """How strongly one neuron fires."""
    name = site.model.config.activation
    symbols, activation = ACTIVATIONS[name]
    called = GATED.get(name, name)
    x = float(site.here("mlp.hook_pre", *site.index[1:]))
    operands, formula = {"x": x}, f"{called}(x) = {symbols}"
    arithmetic, result = f"{called}({bare(x)})", activation(x)
    if name in GATED:
        gate = float(site.here("mlp.hook_pre_linear", *site.index[1:]))
        operands["gate"] = gate
        formula = f"{called}(x) × gate,  {called}(x) = {symbols}"
        arithmetic += f" × {number(gate)}"
        result *= gate
    return Working(formula, parts(**operands), arithmetic, result)


def mlp_out(site: Site) -> Working:
    """What all neurons together write to one dimension of the stream."""
    _, position, dimension = site.index
    if site.block.ln2_post is not None:
        return norms.scaled_and_shifted(site, f"blocks.{site.layer}.ln2_post")
    post = site.here("mlp.hook_post", position)
    return _linear(
        "neurons · W_out",
        ("neuron", "fires", post),
        *weight_and_bias(site.block.mlp.output, dimension),
    )


def written(site: Site) -> Vector:
    """All that the neurons write at one position, before a norm of it."""
    layer = site.block.mlp.output
    made = doubles(layer.weight) @ site.here("mlp.hook_post", site.position)
    return made if layer.bias is None else made + doubles(layer.bias)


def logit(site: Site) -> Working:
    """One token's score: the final vector, compared with that token's."""
    final = norms.output(site, "ln_final", site.position)
    bias = site.model.head_bias
    made = multiply_and_add(
        "ln_final(x) · the token's vector" + ("" if bias is None else " + bias"),
        "d_model",
        ("ln_final(x)", final),
        ("token's vector", stream.weights_of_token(site)),
        None if bias is None else float(doubles(bias[site.index[-1]])),
    )
    return bent(made, site.model.config.logit_softcap)


def window(site: Site) -> Working:
    """One number of the window of an MLP model: an earlier token's embedding."""
    _, position, slot, dimension = site.index
    source = position - (site.model.config.context_size - 1) + slot
    if source < 0:
        return Working(
            "before the first token there is nothing, and nothing is 0",
            parts(position=position, slot=slot),
            "nothing stands here",
            0.0,
        )
    value = float(site.value("hook_embed", source, dimension))
    return Working(
        "the embedding of the token at this place of the window",
        parts(**{"position of that token": source, "hook_embed": value}),
        f"hook_embed[0, {source}, {dimension}]",
        value,
    )


def hidden_in(site: Site) -> Working:
    """What one unit of an MLP model's hidden layer hears."""
    _, position, unit = site.index
    if site.layer:
        axis, x = "d_ff", site.value(f"blocks.{site.layer - 1}.hook_post", position)
    else:
        axis, x = "window", site.value("hook_window", position).ravel()
    return _linear("x · W", (axis, "x", x), *weight_and_bias(site.block.linear, unit))


def hidden_out(site: Site) -> Working:
    """How strongly one unit of an MLP model's hidden layer fires."""
    x = float(site.here("hook_pre", *site.index[1:]))
    return Working("tanh(x)", parts(x=x), f"tanh({bare(x)})", math.tanh(x))


def hidden_logit(site: Site) -> Working:
    """One token's score in an MLP model."""
    x = site.here("hook_post", site.position)
    return _linear(
        "x · the token's weights",
        ("d_ff", "x", x),
        *weight_and_bias(site.model.head, site.index[-1]),
    )


def _linear(
    formula: str,
    x: tuple[str, str, np.ndarray],
    weight: np.ndarray,
    bias: float | None,
) -> Working:
    """Work out one output of a linear layer.

    Args:
        formula: In symbols, without the bias.
        x: What is summed over, the input's title, and the input.
        weight: A row.
        bias: If the layer has one.
    """
    axis, title, values = x
    if bias is not None:
        formula += " + bias"
    return multiply_and_add(formula, axis, (title, values), ("weight", weight), bias)
