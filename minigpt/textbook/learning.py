"""Learning by hand: `interpret.learning` in a few lines, without an optimizer object.

Source: Kingma & Ba 2015, arXiv:1412.6980, and Loshchilov & Hutter 2019,
arXiv:1711.05101, for AdamW; Jordan et al. 2024 for Muon.
"""

from collections.abc import Sequence
from typing import cast

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional

from minigpt.config import TrainConfig
from minigpt.model import LanguageModel, MultiHeadAttention
from minigpt.training.optimizer import orthogonalize


def losses_of_next_tokens(
    model: LanguageModel, tokens: Int[Tensor, "1 pos"]
) -> Float[Tensor, " label"]:
    """Compute −ln p of every token but the first, given those before it.

    Args:
        model: Any model.
        tokens: Ids of the text.
    """
    with torch.inference_mode():
        log_probs = model(tokens)[0, :-1].log_softmax(-1)  # [label vocab]
    return -log_probs.gather(-1, tokens[0, 1:, None])[:, 0]


def gradient_norms(
    model: LanguageModel, tokens: Int[Tensor, "1 pos"], hooks: Sequence[str]
) -> Float[Tensor, "pos hook"]:
    """Measure the gradient of the text's loss at some hooks, position by position.

        ‖∂ loss / ∂ value[pos]‖

    Args:
        model: Any model.
        tokens: Ids of the text.
        hooks: Names of hooks, such as `blocks.0.hook_resid_post`.
    """

    def loss(logits: Tensor) -> Tensor:
        return functional.cross_entropy(logits[0, :-1], tokens[0, 1:])

    _, cache = model.run_with_cache(tokens, hooks, incl_bwd=True, loss=loss)
    gradients = [cache[f"{hook}_grad"][0].flatten(1) for hook in hooks]
    return torch.stack([each.norm(dim=-1) for each in gradients], dim=-1)


def first_step(
    model: LanguageModel,
    tokens: Int[Tensor, "1 pos"],
    parameter: str,
    optimizer: str,
    rate: float,
) -> Float[Tensor, "row column"]:
    """Work out one matrix after the first step of an optimizer.

        SGD     W − lr · g
        AdamW   W · (1 − lr · λ) − lr · g / (|g| + ε), as m̂ = g and v̂ = g² at first
        Muon    W · (1 − lr · λ) − lr · √max(1, rows/columns) · orthogonalize(g)

    Args:
        model: Any model; its weights are not changed.
        tokens: Ids of the text to learn.
        parameter: The matrix's name, `blocks.0.mlp.input.weight`.
        optimizer: `SGD`, `AdamW` or `Muon`.
        rate: The step size, lr.
    """
    frozen = {name: each.detach() for name, each in model.named_parameters()}
    weight = frozen[parameter].clone().requires_grad_()
    logits = torch.func.functional_call(model, {**frozen, parameter: weight}, tokens)
    loss = functional.cross_entropy(logits[0, :-1], tokens[0, 1:])
    (gradient,) = torch.autograd.grad(loss, weight)
    weight, decay = weight.detach(), rate * TrainConfig().weight_decay
    if optimizer == "SGD":
        return weight - rate * gradient
    if optimizer == "AdamW":
        return weight * (1 - decay) - rate * gradient / (gradient.abs() + 1e-8)
    heights = [len(weight)]
    if parameter.endswith("qkv.weight"):  # three matrices, stored as one
        attention = model.get_submodule(parameter.removesuffix(".qkv.weight"))
        heights = cast(MultiHeadAttention, attention).widths
    moved = [
        max(1.0, len(part) / part.shape[1]) ** 0.5 * orthogonalize(part[None])[0]
        for part in torch.split(gradient, heights)
    ]
    return weight * (1 - decay) - rate * torch.cat(moved)


def losses_of_steps(
    model: LanguageModel, tokens: Int[Tensor, "1 pos"], rate: float, steps: int
) -> list[float]:
    """Learn a text by plain gradient descent, and measure its loss before each step.

        θ ← θ − lr · ∂ loss / ∂ θ      for every weight θ of the model

    Args:
        model: Any model; its weights are not changed.
        tokens: Ids of the text to learn.
        rate: The step size, lr.
        steps: How many.

    Returns:
        Nats per token, before the first step and after each.
    """
    weights = {
        name: each.detach().clone().requires_grad_()
        for name, each in model.named_parameters()
    }
    losses = []
    for step in range(steps + 1):
        logits = torch.func.functional_call(model, weights, tokens)
        loss = functional.cross_entropy(logits[0, :-1], tokens[0, 1:])
        losses.append(loss.item())
        if step < steps:
            gradients = torch.autograd.grad(loss, list(weights.values()))
            with torch.no_grad():
                for weight, gradient in zip(weights.values(), gradients, strict=True):
                    weight -= rate * gradient
    return losses
