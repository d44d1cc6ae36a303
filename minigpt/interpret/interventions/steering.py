"""Steering: add one direction to the residual stream, and see where the text goes.

A direction is found in the model itself: the mean of the stream over one text minus
that over another, or a token's embedding. It is added at one hook, after every token:

    x ← x + v,   v = strength · mean‖x‖ · direction / ‖direction‖

Strength 1 adds a vector as long as the stream is there on average, so that one scale
fits every hook of every model. Nothing else is changed, and no weight is trained.

Before: `interventions`, which take something away. Beside: `patching`, which carries
over what stood at one place.

Source: Turner et al. 2023, arXiv:2308.10248, for adding the difference of two prompts;
Rimsky et al. 2023, arXiv:2312.06681, for means, and for adding it after every token.
"""

from collections import abc
from collections.abc import Iterator, Sequence
from contextvars import copy_context

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from minigpt.config import GenerationConfig
from minigpt.errors import DataError
from minigpt.generation.generator import Generator
from minigpt.generation.step import TokenStep
from minigpt.hooks import HookPoint
from minigpt.interpret.effects import Effect, compare_logits
from minigpt.interpret.interventions.interventions import Hooks
from minigpt.model import TransformerLM

Direction = Float[np.ndarray, " d_model"]
TokenSteps = abc.Generator[TokenStep, None, None]

SHORTEST = 1e-6
"""Length of a direction, as a share of the stream's, below which there is none."""


def stream_hooks(model: TransformerLM) -> list[str]:
    """Return every hook of the residual stream that differs from the one before it.

    What one layer leaves (`hook_resid_post`) the next one finds (`hook_resid_pre`), so
    only the last layer's end is named by the former.
    """
    last = f"blocks.{model.config.num_layers - 1}.hook_resid_post"
    names = [name for name in model.hook_points if ".hook_resid_" in name]
    return [each for each in names if each == last or not each.endswith("_post")]


def mean_difference(
    model: TransformerLM, toward: Sequence[int], away: Sequence[int], hook: str
) -> Direction:
    """Return the direction from one text to another: the difference of their means.

        direction = mean over positions of x(toward) − mean over positions of x(away)

    Args:
        model: The model that reads them.
        toward: The text whose content is to be added; need not be as long.
        away: The text whose content is to be taken away.
        hook: Where the stream x is read, one of `stream_hooks`.

    Raises:
        DataError: If a text is empty or too long, or the means are the same.
    """
    one, other = (_stream(model, text, hook) for text in (toward, away))
    found = one.mean(0) - other.mean(0)
    if found.norm() <= SHORTEST * one.norm(dim=-1).mean():
        raise DataError(
            "The stream has the same mean over both prompts, so there is no direction "
            "between them: change one of them."
        )
    return found.cpu().numpy()


def token_direction(model: TransformerLM, token: int) -> Direction:
    """Return a token's embedding, as the model adds it to the stream."""
    return _stream(model, [token], model.embedding_hook)[0].cpu().numpy()


def steering_vector(
    model: TransformerLM,
    tokens: Sequence[int],
    hook: str,
    direction: Direction,
    strength: float,
) -> Direction:
    """Return what is added to the stream, measured by how long the stream is.

        v = strength · mean‖x‖ · direction / ‖direction‖

    Args:
        model: The model to steer.
        tokens: The prompt, over whose positions the mean is taken.
        hook: Where v will be added.
        direction: Any but zero.
        strength: In lengths of the stream; negative: the other way.
    """
    length = float(_stream(model, tokens, hook).norm(dim=-1).mean())
    unit = direction / np.linalg.norm(direction)
    vector: Direction = (strength * length * unit).astype(np.float32)
    return vector


def steering_hooks(hook: str, vector: Direction) -> Hooks:
    """Return the hook that adds a vector after every token, read or written."""

    def add(stream: Tensor, hook: HookPoint) -> Tensor:  # noqa: ARG001
        return stream + torch.as_tensor(vector).to(stream)

    return [(hook, add)]


@torch.inference_mode()
def steer(
    model: TransformerLM, tokens: Sequence[int], hook: str, vector: Direction
) -> Effect:
    """Return what a vector in the stream does to the prediction of the next token.

    Args:
        model: The model to steer; it is left as it was.
        tokens: The text it reads.
        hook: Where the vector is added.
        vector: See `steering_vector`.
    """
    ids = torch.tensor([list(tokens)], device=model.device)
    after = model.run_with_hooks(ids, steering_hooks(hook, vector))
    return compare_logits(model(ids)[0, -1], after[0, -1])


def write_steered(
    generator: Generator, prompt: str, config: GenerationConfig, hooks: Hooks
) -> Iterator[TokenStep]:
    """Continue a prompt token by token while hooks change the model.

    With the same seed, the steered text meets the same random numbers as the unsteered
    one: it differs only where the distributions do.

    Args:
        generator: The model that writes, and its tokenizer.
        prompt: The text to continue.
        config: How tokens are drawn.
        hooks: What `steering_hooks` returned; none: the model as it is.

    Raises:
        DataError: If the prompt is longer than the model's window.
    """

    def steps() -> TokenSteps:
        with generator.model.hooks(hooks):
            yield from generator.stream(prompt, config, num_alternatives=1)

    # Between two tokens the consumer may run the model too: the hooks are not for it.
    context, under_way = copy_context(), steps()
    try:
        while (step := context.run(next, under_way, None)) is not None:
            yield step
    finally:
        context.run(under_way.close)


def _stream(
    model: TransformerLM, tokens: Sequence[int], hook: str
) -> Float[Tensor, "pos d_model"]:
    """Return one hook's vectors in a text."""
    if not tokens:
        raise DataError("A prompt is empty: type at least one character in each.")
    ids = torch.tensor([list(tokens)], device=model.device)
    with torch.inference_mode():
        _, cache = model.run_with_cache(ids, hook)
    return cache[hook][0].float()
