"""Keep some nodes and replace all others by their means: what is left of the answer?

Before: `nodes`. Next: `search`, which looks for few nodes that keep most of it.

Source: Wang et al. 2022, arXiv:2211.00593, section 3, for mean ablation of all that is
not in a circuit.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from minigpt.errors import DataError
from minigpt.hooks import HookFunction, HookPoint
from minigpt.interpret.circuits.nodes import Means, parts_of, sites_of
from minigpt.interpret.interventions.ablation import MOST_LOGITS
from minigpt.model import TransformerLM

Kept = Bool[Tensor, "batch part pos"]

SMALLEST = 0.05
"""Logits between answer and rival; a smaller difference is nothing to explain."""


class Asked(NamedTuple):
    """A prompt, and what is asked of it: why this token, rather than that one?"""

    tokens: tuple[int, ...]
    answer: int
    rival: int


@torch.inference_mode()
def kept_differences(
    model: TransformerLM, asked: Asked, means: Means, kept: Kept
) -> Float[Tensor, " batch"]:
    """Return logit(answer) − logit(rival) after the prompt, for sets of kept nodes.

    Args:
        model: The model; it is left as it was.
        asked: Prompt, answer and rival.
        means: What stands in for every node that is not kept.
        kept: Several sets of nodes.
    """
    last = _last_logits(model, asked.tokens, means, kept)
    return last[:, asked.answer] - last[:, asked.rival]


@torch.inference_mode()
def ask(model: TransformerLM, tokens: Sequence[int], means: Means) -> Asked:
    """Ask why a model expects its likeliest token, and not what it would say blindly.

    The rival is the likeliest token with every node replaced by its mean, so that the
    prompt says nothing; where that is the answer, too, it is the second likeliest.

    Args:
        model: Any transformer.
        tokens: The prompt.
        means: See `nodes.mean_values`.
    """
    text = tuple(map(int, tokens))
    first, second = model(torch.tensor([text], device=model.device))[0, -1].topk(2)[1]
    nothing = torch.zeros(1, len(parts_of(model)), len(text), dtype=torch.bool)
    blind = _last_logits(model, text, means, nothing)[0].argmax()
    return Asked(text, int(first), int(second if blind == first else blind))


def whole_difference(model: TransformerLM, asked: Asked) -> float:
    """Return logit(answer) − logit(rival) of the model as it is.

    Raises:
        DataError: If the model does not prefer the answer.
    """
    with torch.inference_mode():
        last = model(torch.tensor([asked.tokens], device=model.device))[0, -1]
    difference = float(last[asked.answer] - last[asked.rival])
    if difference < SMALLEST:
        raise DataError(
            "A circuit explains why the model prefers an answer to its rival. Here the "
            f"difference is {difference:.2f} logits: choose another rival or another "
            "prompt."
        )
    return difference


def _last_logits(
    model: TransformerLM, tokens: Sequence[int], means: Means, kept: Kept
) -> Float[Tensor, "batch vocab"]:
    """Run the model once for each set of kept nodes, many at a time."""
    text = torch.tensor([list(tokens)], device=model.device)
    together = max(1, MOST_LOGITS // (text.numel() * model.config.vocab_size))
    found = []
    for some in torch.split(kept.to(model.device), together):
        hooks = [
            (site.hook, _replace(some[:, site.rows], means.values[site.hook]))
            for site in sites_of(model)
        ]
        logits = model.run_with_hooks(text.expand(len(some), -1), hooks)
        found.append(logits[:, -1])
    return torch.cat(found)


def _replace(kept: Kept, mean: Tensor) -> HookFunction:
    """Return the hook function that puts the mean where a node is not kept."""

    def edit(value: Tensor, hook: HookPoint) -> Tensor:  # noqa: ARG001
        # z has an axis for the heads; what else is kept stands at a token alone.
        here = kept.transpose(1, 2) if value.ndim == 4 else kept[:, 0]
        return torch.where(here[..., None], value, mean)

    return edit
