"""Gradients: which weights a text would move, and which of its tokens mattered.

The gradient of the loss says, for each weight, how much the loss rises per unit that
the weight grows; one step of training moves the weights against it. The gradient of one
logit says the same of the input: gradient × activation is what the logit would lose, to
first order, if a token's embedding faded to nothing.

Before: `minigpt.hooks`, which gives gradients at hooks. Beside: `attribution`, which
splits a logit exactly, along the residual stream.

Source: Simonyan et al. 2013, arXiv:1312.6034, for saliency; Shrikumar et al. 2017,
arXiv:1704.02685, for gradient × input.
"""

import copy
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from minigpt.errors import DataError
from minigpt.interpret.differences.head_weights import head_norms
from minigpt.model import LanguageModel, TransformerLM
from minigpt.training.loss import language_model_loss


@dataclass(frozen=True)
class BatchGradients:
    """How strongly one batch pulls at each part of a model."""

    loss: float
    """Of the batch, in nats per token."""
    names: list[str]
    """Parameters, in the order of the model."""
    norms: Float[np.ndarray, "tensor"]
    """Frobenius norm of each gradient, in nats per unit of weight."""
    heads: Float[np.ndarray, "layer head"] | None
    """The same for each head's q, k, v and o together; None for an MLP."""


@dataclass(frozen=True)
class Saliency:
    """What each token of a prompt did for one logit, to first order."""

    scores: Float[np.ndarray, "pos"]
    """Gradient × activation at the embedding, in logits."""
    value: float
    """The logit, or the target's minus the rival's."""


def batch_gradients(
    model: LanguageModel, tokens: np.ndarray | Sequence[Sequence[int]]
) -> BatchGradients:
    """Compute the gradient of the loss on a batch, and its norm in every part.

    The model may be shared and frozen: it is not changed.

    Args:
        model: The model whose weights are examined.
        tokens: Ids, [batch pos], two positions at least.

    Raises:
        DataError: If there is nothing to predict.
    """
    batch = np.asarray(tokens)
    if batch.ndim != 2 or batch.shape[1] < 2 or not batch.shape[0]:
        raise DataError(
            "Gradients need texts of at least two tokens, as a table [batch pos]; "
            f"these have shape {list(batch.shape)}."
        )
    twin = trainable_twin(model)
    with torch.inference_mode(mode=False), torch.enable_grad():
        ids = torch.as_tensor(batch, dtype=torch.long, device=model.device)
        loss = language_model_loss(twin(ids[:, :-1]), ids[:, 1:])
        names, weights = zip(*twin.named_parameters(), strict=True)
        gradients = dict(zip(names, torch.autograd.grad(loss, weights), strict=True))
    norms = np.array([float(gradient.norm()) for gradient in gradients.values()])
    heads = None
    if isinstance(model, TransformerLM):
        heads = head_norms(gradients, model.config)
    return BatchGradients(loss.item(), list(names), norms, heads)


def saliency(
    model: LanguageModel,
    tokens: list[int],
    target: int,
    rival: int | None = None,
    position: int = -1,
) -> Saliency:
    """Compute how much each token raised a logit: gradient × activation.

        score[p] = Σ_d  ∂logit / ∂embed[p, d] · embed[p, d]

    Args:
        model: The model that predicts.
        tokens: The prompt's ids.
        target: Id of the token whose logit is explained.
        rival: With it, the target's logit minus this token's.
        position: The token after which the prediction is made; −1 is the last.

    Raises:
        DataError: If the prompt is empty.
    """
    if not tokens:
        raise DataError("The prompt is empty: type at least one character.")

    def wanted(logits: Tensor) -> Tensor:
        row = logits[0, position]
        return row[target] if rival is None else row[target] - row[rival]

    # Not before a norm: it undoes any fading, and every score would be 0.
    hook = model.embedding_hook
    with torch.inference_mode(mode=False):
        logits, cache = model.run_with_cache(
            torch.tensor([tokens], device=model.device),
            names_filter=hook,
            incl_bwd=True,
            loss=wanted,
        )
    scores = (cache[f"{hook}_grad"] * cache[hook]).sum(-1)[0]
    return Saliency(scores.float().cpu().numpy(), float(wanted(logits)))


def trainable_twin(model: LanguageModel) -> LanguageModel:
    """Return a copy whose parameters ask for gradients, on the same memory.

    `requires_grad_` on the model itself would reach every other session that uses it.
    """
    with torch.inference_mode(mode=False):
        shared = {
            id(weight): nn.Parameter(weight.detach()) for weight in model.parameters()
        }
        return copy.deepcopy(model, shared)
