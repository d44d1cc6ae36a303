"""The journey of a token: its residual stream, and what each part adds on the way.

    embedding ─(+)─ attention 0 ─(+)─ MLP 0 ─(+)─ attention 1 ─ … ─ prediction

Each position has a stream of its own, a vector that starts as the token's embedding and
is only ever added to. Norms say how much: of the stream after every part, and of what
the part added. After the last block, each stream is compared with every token; the last
position's answer is what comes next.

Before: `minigpt.hooks`. Beside: `attribution`, for what each part meant, not how long
it was.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from minigpt.errors import DataError
from minigpt.hooks import HookFunction, HookPoint, NamesFilter
from minigpt.model import LanguageModel, TransformerLM


@dataclass(frozen=True)
class JourneyStage:
    """One stop of the journey: a part that writes to every stream."""

    kind: Literal["embedding", "attention", "MLP", "blocks"]
    layers: tuple[int, int]
    """First and last block; (0, 0) for the embedding."""
    added_name: str
    """The hook of what is added, or a difference of two hooks."""
    stream_name: str
    """The hook of the stream afterwards."""
    added: Float[np.ndarray, "pos"]
    """Euclidean norm of what is added at each position."""
    stream: Float[np.ndarray, "pos"]
    """Norm of the stream afterwards."""
    attention: Float[np.ndarray, "q_pos k_pos"] | None
    """Mean weight over the heads (and blocks) of this stage; None without any."""


@dataclass(frozen=True)
class Journey:
    """A prompt on its way through a model."""

    stages: list[JourneyStage]
    d_model: int
    expected: Int[np.ndarray, "pos rank"]
    """Ids of the likeliest next tokens after each position, likeliest first."""
    probabilities: Float[np.ndarray, "pos rank"]


def journey(
    model: LanguageModel, tokens: list[int], *, most: int = 6, count: int = 5
) -> Journey:
    """Follow every token of a prompt from its embedding to a prediction.

    Args:
        model: A transformer: an MLP model has no residual stream.
        tokens: Ids; at least one, at most `max_seq_len`.
        most: The largest number of stages shown for blocks: in a deeper model,
            neighbouring blocks are joined into one.
        count: How many of the likeliest next tokens to keep.

    Raises:
        DataError: If there is no token, or too many, or the model is an MLP.
    """
    if not isinstance(model, TransformerLM):
        raise DataError(
            "This model is an MLP: it mixes the last few tokens with fixed weights and "
            "has no residual stream to follow."
        )
    if not tokens:
        raise DataError("The prompt is empty: type at least one character.")
    plans = list(_plans(model, most))
    recorded = _Recorded()
    ids = torch.tensor([tokens], device=model.device)
    with torch.inference_mode():
        logits = model.run_with_hooks(ids, recorded.hooks(plans))
        best = logits[0].float().softmax(-1).topk(min(count, logits.shape[-1]))
        stages = [plan.stage(recorded) for plan in plans]
    return Journey(
        stages,
        model.config.d_model,
        expected=best.indices.cpu().numpy(),
        probabilities=best.values.cpu().numpy(),
    )


@dataclass(frozen=True)
class _Plan:
    """Which hooks a stage is made of."""

    kind: Literal["embedding", "attention", "MLP", "blocks"]
    layers: tuple[int, int]
    added: str
    stream: str
    difference: tuple[str, ...] = ()
    """With it, what is added is the second of these hooks minus the first."""
    patterns: tuple[str, ...] = ()

    def stage(self, recorded: "_Recorded") -> JourneyStage:
        """Fill the plan with what was measured."""
        added, name = recorded.norms[self.added], self.added
        if self.difference:
            first, last = (recorded.vectors[end] for end in self.difference)
            added, name = (last - first).norm(dim=-1), " − ".join(self.difference[::-1])
        attention = None
        if self.patterns:
            each = [recorded.patterns[pattern] for pattern in self.patterns]
            attention = torch.stack(each).mean(0).cpu().numpy()
        return JourneyStage(
            self.kind,
            self.layers,
            name,
            self.stream,
            added.cpu().numpy(),
            recorded.norms[self.stream].cpu().numpy(),
            attention,
        )


class _Recorded:
    """What is kept of a run: norms and means, not activations.

    Every pattern of a deep model on a long prompt would take gigabytes.
    """

    def __init__(self) -> None:
        self.norms: dict[str, Tensor] = {}
        self.vectors: dict[str, Tensor] = {}
        self.patterns: dict[str, Tensor] = {}

    def hooks(self, plans: Sequence[_Plan]) -> list[tuple[NamesFilter, HookFunction]]:
        """Return the hooks that record what the plans need."""
        lengths = [name for plan in plans for name in (plan.added, plan.stream)]
        ends = [name for plan in plans for name in plan.difference]
        patterns = [name for plan in plans for name in plan.patterns]
        wanted = [
            (lengths, self._keep_norms),
            (ends, self._keep_vectors),
            (patterns, self._keep_means),
        ]
        return [(list(dict.fromkeys(names)), keep) for names, keep in wanted if names]

    def _keep_norms(self, value: Tensor, hook: HookPoint) -> None:
        self.norms[hook.name] = value[0].float().norm(dim=-1)

    def _keep_vectors(self, value: Tensor, hook: HookPoint) -> None:
        self.vectors[hook.name] = value[0].float()

    def _keep_means(self, value: Tensor, hook: HookPoint) -> None:
        self.patterns[hook.name] = value[0].float().mean(0)


def _plans(model: TransformerLM, most: int) -> Iterator[_Plan]:
    layers = model.config.num_layers
    embedded = model.embedding_hook
    yield _Plan("embedding", (0, 0), embedded, "blocks.0.hook_resid_pre")
    if layers > most:
        size = -(-layers // most)
        for first in range(0, layers, size):
            yield _grouped(range(first, min(first + size, layers)))
        return
    for layer in range(layers):
        here, both = f"blocks.{layer}", (layer, layer)
        has_mlp = bool(model.config.mlp_width)
        after = f"{here}.hook_resid_{'mid' if has_mlp else 'post'}"
        pattern = (f"{here}.attn.hook_pattern",)
        yield _Plan("attention", both, f"{here}.hook_attn_out", after, patterns=pattern)
        if has_mlp:
            yield _Plan("MLP", both, f"{here}.hook_mlp_out", f"{here}.hook_resid_post")


def _grouped(layers: Sequence[int]) -> _Plan:
    first = f"blocks.{layers[0]}.hook_resid_pre"
    last = f"blocks.{layers[-1]}.hook_resid_post"
    return _Plan(
        "blocks",
        (layers[0], layers[-1]),
        added=last,
        stream=last,
        difference=(first, last),
        patterns=tuple(f"blocks.{layer}.attn.hook_pattern" for layer in layers),
    )
