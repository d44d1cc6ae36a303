"""The backward pass of one prompt: how much the loss depends on every value.

The gradient at a hook says, for each of its numbers, how much the loss rises per unit
that the number grows. It is worked out from the end: from the logits through the last
block to the first, and to the embeddings.

Before: `minigpt.training.loss`. Next: `steps`, which moves the weights against their
gradient.

Source: Rumelhart, Hinton & Williams 1986, "Learning representations by
back-propagating errors".
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from minigpt.activation_cache import ActivationCache
from minigpt.hooks import NamesFilter
from minigpt.model import LanguageModel, TransformerLM
from minigpt.training.loss import next_token_loss


@dataclass(frozen=True)
class BackwardPass:
    """One prompt's loss, and its gradient along the way through the model."""

    tokens: list[int]
    probabilities: Float[np.ndarray, "label"]
    """Of each token but the first, given those before it."""
    losses: Float[np.ndarray, "label"]
    """−ln of the probabilities, in nats."""
    hooks: list[str]
    """In the order of the computation; `logits` come last."""
    norms: Float[np.ndarray, "pos hook"]
    """Length of the gradient at each position, in nats per unit of the value."""
    peaks: list[list[tuple[int, ...]]]
    """`[pos][hook]`: where the gradient's largest number lies, batch and position
    included."""

    @property
    def loss(self) -> float:
        """The mean over the tokens, in nats: what learning lowers."""
        return float(self.losses.mean())


def backward_pass(model: LanguageModel, tokens: list[int]) -> BackwardPass:
    """Compute the loss of a prompt, and its gradient at hooks from end to beginning.

        loss = −1/N Σ_p ln softmax(logits[p])[tokens[p + 1]]

    The model may be shared and frozen: it is not changed.

    Args:
        model: Any model.
        tokens: The prompt's ids, two at least.

    Raises:
        DataError: If there is nothing to predict.
    """
    hooks = hooks_on_the_way(model)
    logits, cache = record_gradients(model, tokens, hooks[:-1])
    labels = torch.tensor(tokens[1:])[:, None]
    log_probs = logits[0, :-1].float().log_softmax(-1).cpu().gather(-1, labels)
    losses = -log_probs[:, 0].double().numpy()
    gradients = [cache[f"{hook}_grad"][0].float().cpu() for hook in hooks]
    norms = torch.stack([each.flatten(1).norm(dim=-1) for each in gradients], dim=-1)
    return BackwardPass(
        tokens=list(tokens),
        probabilities=np.exp(-losses),
        losses=losses,
        hooks=hooks,
        norms=norms.double().numpy(),
        peaks=[
            [(0, position, *_peak(each[position])) for each in gradients]
            for position in range(len(tokens))
        ],
    )


def hooks_on_the_way(model: LanguageModel) -> list[str]:
    """Name the values that a reader follows through a model, in their order.

    Of a transformer's block: what its heads gathered, its neurons, and the stream
    after it. Of an MLP model's layer: its neurons.
    """
    if not isinstance(model, TransformerLM):
        inner = [f"blocks.{layer}.hook_post" for layer in range(len(model.blocks))]
        return ["hook_embed", *inner, "logits"]
    parts = ["attn.hook_z", "mlp.hook_post", "hook_resid_post"]
    if not model.config.mlp_width:
        parts.remove("mlp.hook_post")
    layers = range(model.config.num_layers)
    inner = [f"blocks.{layer}.{part}" for layer in layers for part in parts]
    return ["hook_embed", *inner, "logits"]


def record_gradients(
    model: LanguageModel, tokens: list[int], names: NamesFilter = None
) -> tuple[Tensor, ActivationCache]:
    """Run a model on a text; keep values, and the gradients of the text's loss.

    Args:
        model: Any model.
        tokens: Ids, two at least.
        names: Which hooks; see `run_with_cache`.

    Returns:
        Logits [1 pos vocab], and the hooks with their gradients, under name + `_grad`;
        `logits_grad` too.

    Raises:
        DataError: If there is nothing to predict.
    """
    loss = next_token_loss(tokens)
    with torch.inference_mode(mode=False):
        logits, cache = model.run_with_cache(
            torch.tensor([tokens], device=model.device),
            names,
            incl_bwd=True,
            loss=loss,
        )
        with torch.enable_grad():
            leaf = logits.clone().requires_grad_()
            (gradient,) = torch.autograd.grad(loss(leaf), leaf)
    return logits, ActivationCache({**cache, "logits_grad": gradient})


def _peak(gradient: Float[Tensor, "*axes"]) -> tuple[int, ...]:
    """Return the place of the largest number, whatever its sign."""
    flat = int(gradient.abs().argmax())
    return tuple(map(int, np.unravel_index(flat, gradient.shape)))
