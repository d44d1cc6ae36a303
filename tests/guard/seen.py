"""A page on the screen, and beside it what its model computes, worked out here."""

import copy
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from minigpt.checkpoint import Checkpoint
from minigpt.interpret.corpora import held_out
from viz.tokens import display_piece


@dataclass
class Seen:
    """One page, opened at one place of one model."""

    lesson: str
    app: Any
    data: Path
    path: Path
    """The checkpoint's directory."""
    checkpoint: Checkpoint
    tokens: list[int]
    layer: int
    head: int
    token: int

    @property
    def model(self) -> Any:
        return self.checkpoint.model

    @property
    def config(self) -> Any:
        return self.model.config

    @property
    def last(self) -> int:
        return len(self.tokens) - 1

    @cached_property
    def cache(self) -> dict[str, np.ndarray]:
        """Every hook, without the batch, in double precision; `logits` too."""
        return cache_of(self.model, self.tokens)

    def hook(self, name: str, layer: int | None = None) -> np.ndarray:
        """Return a hook of the chosen block, or of another."""
        layer = self.layer if layer is None else layer
        return self.cache[f"blocks.{layer}.{name}"]

    def attn(self, name: str, layer: int | None = None) -> np.ndarray:
        return self.hook(f"attn.hook_{name}", layer)

    @property
    def shared(self) -> int:
        """Which key/value head the chosen query head reads with."""
        return self.head // (self.config.num_heads // self.config.kv_heads)

    @property
    def is_turned(self) -> bool:
        return self.config.positional_encoding == "rope"

    def asked_at(self, words: str) -> "Seen":
        """Return the same page at the place that a question names in its words."""
        head, token, block = (
            re.search(pattern, words)
            for pattern in (
                r"\bL(\d+)H(\d+)\b",
                r"\(position (\d+)\)",
                r"\bblock (\d+)\b",
            )
        )
        layer = int(head[1]) if head else int(block[1]) if block else self.layer
        return replace(
            self,
            layer=layer,
            head=int(head[2]) if head else self.head,
            token=int(token[1]) if token else self.token,
        )

    def piece(self, token: int) -> str:
        """Return a token's text as it is drawn."""
        return display_piece(self.checkpoint.tokenizer.pieces([token])[0])

    def placed(self, position: int) -> str:
        return f"{position} {self.piece(self.tokens[position])}"

    @cached_property
    def windows(self) -> np.ndarray:
        """The held-out text of the pages."""
        _, tokenizer, metadata = self.checkpoint
        length = min(64, self.config.max_seq_len)
        return held_out(metadata, tokenizer, length, 16).windows


def cache_of(model: Any, tokens: Sequence[int]) -> dict[str, np.ndarray]:
    with torch.inference_mode():
        logits, cache = model.run_with_cache(
            torch.tensor([list(tokens)]), names_filter=lambda _: True
        )
    found = {name: value[0].detach().double().numpy() for name, value in cache.items()}
    return {**found, "logits": logits[0].detach().double().numpy()}


def gradients_of(model: Any, tokens: Sequence[int]) -> dict[str, np.ndarray]:
    """Return the gradient of a text's mean loss at every hook, without the batch."""
    own = copy.deepcopy(model).requires_grad_(True)
    kept: dict[str, Any] = {}

    def keep(value, hook):
        if value.requires_grad:  # waves of positions come from no weight
            value.retain_grad()
            kept[hook.name] = value

    read = torch.tensor([list(tokens)])
    logits = own.run_with_hooks(read, [(list(own.hook_points), keep)])
    logits.retain_grad()
    F.cross_entropy(logits[0, :-1], read[0, 1:]).backward()
    found = {**kept, "logits": logits}
    return {
        f"{name}_grad": value.grad[0].double().numpy() for name, value in found.items()
    }


def logits_of(model: Any, tokens: Sequence[int], hooks: Sequence[Any] = ()):
    """Return the logits after every token, under hooks."""
    with torch.inference_mode():
        read = torch.tensor([list(tokens)])
        return model.run_with_hooks(read, list(hooks))[0].double().numpy()


def without_head(layer: int, head: int) -> tuple[str, Any]:
    """Return a hook that sets one head's z to zero."""

    def cut(z, hook):
        z = z.clone()
        z[:, :, head] = 0
        return z

    return f"blocks.{layer}.attn.hook_z", cut


def losses_over(model: Any, windows: np.ndarray, hooks: Sequence[Any] = ()) -> float:
    """Return the mean loss of some texts, in nats per token."""
    with torch.inference_mode():
        read = torch.as_tensor(windows)
        logits = model.run_with_hooks(read, list(hooks))[:, :-1].double()
        return float(F.cross_entropy(logits.flatten(0, 1), read[:, 1:].flatten()))


def softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits - logits.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


def divergence(before: np.ndarray, after: np.ndarray) -> float:
    """Return KL(before ‖ after) of two rows of logits, in nats."""
    p, q = softmax(before), softmax(after)
    return float((p * (np.log(p) - np.log(q))).sum())


def length(vector: np.ndarray) -> float:
    return math.sqrt(float((vector**2).sum()))
