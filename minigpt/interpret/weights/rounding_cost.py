"""What rounding the weights costs: loss, time, and which matrices suffer.

Rounding moves every weight, and what matters is how the predictions change. So each
matrix is rounded alone, and the loss is measured on text that the model did not learn
from. The model itself is never changed: a twin reads with other weights in their place.

Before: `rounding_pictures`, which shows what happens to the weights. After: the lesson
"What rounding costs".

Source: Dettmers et al. 2022, arXiv:2208.07339, for the loss by precision.
"""

import time
from collections.abc import Mapping, Sequence
from statistics import median
from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor
from torch.func import functional_call

from minigpt.config import GenerationConfig, QuantizationConfig
from minigpt.generation.sample import Sampler
from minigpt.interpret.corpora import Windows
from minigpt.interpret.differences.gradients import trainable_twin
from minigpt.interpret.interventions.ablation import MOST_LOGITS, token_losses
from minigpt.model import LanguageModel
from minigpt.quantization import rounded
from minigpt.quantization.models import matrices


def matrix_names(model: LanguageModel) -> list[str]:
    """Return the names of the matrices that are rounded, such as `head`."""
    return list(matrices(model))


def rounded_weights(
    model: LanguageModel, names: Sequence[str], config: QuantizationConfig
) -> dict[str, Float[Tensor, "row column"]]:
    """Round some matrices, and return them by their parameters' names."""
    layers = matrices(model)
    return {
        f"{name}.weight": rounded(cast(Tensor, layers[name].weight).detach(), config)
        for name in names
    }


@torch.inference_mode()
def loss_with(
    model: LanguageModel, windows: Windows, weights: Mapping[str, Tensor]
) -> float:
    """Return the mean loss over a corpus with other weights in the place of some.

    Args:
        model: The model; it is left as it was.
        windows: The corpus.
        weights: Parameters by name, such as `rounded_weights` returns; none: its own.

    Returns:
        Nats per token.
    """
    # `functional_call` changes the module while it runs: no other reader may see it.
    twin = trainable_twin(model)
    texts = torch.as_tensor(windows, device=model.device)
    rows = max(1, MOST_LOGITS // (texts.shape[1] * model.config.vocab_size))
    losses = [
        token_losses(functional_call(twin, dict(weights), (some,)), some)
        for some in torch.split(texts, rows)
    ]
    return float(torch.cat(losses).mean())


def rise_of_each(
    model: LanguageModel, windows: Windows, config: QuantizationConfig
) -> dict[str, float]:
    """Round each matrix alone, and return how much the mean loss rises.

    Args:
        model: The model; it is left as it was.
        windows: The corpus.
        config: The kind of grid.

    Returns:
        Nats per token by matrix, in the order of the model; below zero, it falls.
    """
    before = loss_with(model, windows, {})
    return {
        name: loss_with(model, windows, rounded_weights(model, [name], config)) - before
        for name in matrix_names(model)
    }


def time_of_a_token(
    model: LanguageModel, prompt: Sequence[int], new_tokens: int
) -> float:
    """Return how long a new token takes, as the median of several, in milliseconds.

    Args:
        model: Who writes; it may be quantized.
        prompt: What is continued.
        new_tokens: How many tokens are timed.
    """
    # Two that come first read the prompt and make the fast decoder: they do not count.
    config = GenerationConfig(strategy="greedy", max_new_tokens=new_tokens + 2)
    sampler = Sampler(model, list(prompt), config)
    times = []
    for _ in range(new_tokens + 2):
        start = time.perf_counter()
        sampler.draw()
        times.append(1000 * (time.perf_counter() - start))
    return median(times[2:])
