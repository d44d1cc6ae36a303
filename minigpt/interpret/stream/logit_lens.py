"""The logit lens: what the model would say if it stopped after each step.

The residual stream has one shape from the first block to the last, so the final norm
and the unembedding, made for its end, can be applied anywhere:

    lens(point) = unembed(ln_final(residual stream at that point))

At the last point this is the model's own output. Before, it is what the stream says
*in the output's language*; a model need not speak it so early.

Before: a prompt that was read. Next: `attribution`, which parts wrote the answer.

Source: nostalgebraist, "interpreting GPT: the logit lens" (2020).
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from minigpt.errors import DataError
from minigpt.interpret.effects import divergence
from minigpt.interpret.stream.logit_direction import unembedding
from minigpt.model import TransformerLM
from minigpt.tokenizers.base import Tokenizer


@dataclass(frozen=True)
class Point:
    """A place on the residual stream where the lens is held."""

    name: str
    """What was added last: `embedding`, `L0 attention`, `L0 MLP`."""
    hook: str
    """Which hook holds the stream there, [batch pos d_model]."""


@dataclass(frozen=True)
class Lens:
    """What the model would say at every point of the stream, after every token."""

    points: list[Point]
    top_tokens: Int[np.ndarray, "point pos k"]
    """Ids, likeliest first."""
    top_probabilities: Float[np.ndarray, "point pos k"]
    entropy: Float[np.ndarray, "point pos"]
    """In nats: 0 for one certain token, ln(vocab) for all alike."""
    kl: Float[np.ndarray, "point pos"]
    """KL(output ‖ lens) in nats: how far this is from what the model says at last."""


@dataclass(frozen=True)
class TokenPath:
    """One token along the stream, after every token of the prompt; [point pos]."""

    logit: Float[np.ndarray, "point pos"]
    probability: Float[np.ndarray, "point pos"]
    rank: Int[np.ndarray, "point pos"]
    """1 for the likeliest token: one more than the number of tokens above this one."""


@dataclass(frozen=True)
class Column:
    """All that the lens shows after one token of the prompt."""

    logits: Float[np.ndarray, "point vocab"]

    @property
    def probabilities(self) -> Float[np.ndarray, "point vocab"]:
        """The softmax of each point's logits."""
        weights = np.exp(self.logits - self.logits.max(-1, keepdims=True))
        return weights / weights.sum(-1, keepdims=True)

    def top(self, point: int, k: int = 10) -> Int[np.ndarray, " k"]:
        """Return the ids of the likeliest tokens at a point, likeliest first."""
        return np.argsort(-self.logits[point], kind="stable")[:k]

    def change(self, point: int) -> Float[np.ndarray, " vocab"]:
        """Return by how much a point changed each probability of the point before.

        The changes add up to 0: what is promoted is taken from something else.
        """
        after, before = self.probabilities[point], self.probabilities[point - 1]
        return after - before if point else np.zeros_like(after)

    def moved(
        self, point: int, k: int = 4, least: float = 1e-3
    ) -> Int[np.ndarray, " moved"]:
        """Return what a point promoted most, then what it suppressed most.

        Args:
            point: A place along the stream.
            k: At most so many ids of each.
            least: Leave out smaller changes of probability.
        """
        change = self.change(point)
        order = np.argsort(-change, kind="stable")
        up, down = order[:k], order[k:][-k:]
        return np.r_[up[change[up] >= least], down[change[down] <= -least]]


def lens_points(model: TransformerLM) -> list[Point]:
    """Name the points of a model's residual stream, from the embedding to the end."""
    points = [Point("embedding", "blocks.0.hook_resid_pre")]
    for layer in range(model.config.num_layers):
        mid, post = (f"blocks.{layer}.hook_resid_{part}" for part in ("mid", "post"))
        if mid in model.hook_points:
            points += [Point(f"L{layer} attention", mid), Point(f"L{layer} MLP", post)]
        else:  # without an MLP, attention's sum is the block's end
            points.append(Point(f"L{layer} attention", post))
    return points


def logit_lens(model: TransformerLM, tokens: list[int], k: int = 10) -> Lens:
    """Read the residual stream at every point as if it were the last.

        lens(point) = unembed(ln_final(residual stream at that point))

    Args:
        model: In evaluation mode.
        tokens: Ids of the prompt.
        k: How many of the likeliest tokens to keep.
    """
    streams = _streams(model, tokens)
    final = _read_out(model, streams[-1]).log_softmax(-1)
    ids, probabilities, entropies, divergences = [], [], [], []
    for stream in streams:  # one at a time: all at once they could fill the memory
        log_p = _read_out(model, stream).log_softmax(-1)  # [pos vocab]
        top = log_p.topk(min(k, log_p.shape[-1]), dim=-1)
        ids.append(top.indices)
        probabilities.append(top.values.exp())
        entropies.append(-(log_p.exp() * log_p).sum(-1))
        divergences.append(divergence(final, log_p))
    return Lens(
        points=lens_points(model),
        top_tokens=_stacked(ids),
        top_probabilities=_stacked(probabilities),
        entropy=_stacked(entropies),
        kl=_stacked(divergences),
    )


def follow_token(model: TransformerLM, tokens: list[int], token: int) -> TokenPath:
    """Follow one token's logit, probability and rank along the stream.

    Args:
        model: In evaluation mode.
        tokens: Ids of the prompt.
        token: The id to follow.
    """
    own, probabilities, ranks = [], [], []
    for stream in _streams(model, tokens):
        logits = _read_out(model, stream)
        own.append(logits[:, token])
        probabilities.append(logits.softmax(-1)[:, token])
        ranks.append((logits > logits[:, token, None]).sum(-1) + 1)
    return TokenPath(
        logit=_stacked(own), probability=_stacked(probabilities), rank=_stacked(ranks)
    )


def lens_column(model: TransformerLM, tokens: list[int], position: int) -> Column:
    """Keep every token's logit at every point, after one token of the prompt.

    Args:
        model: In evaluation mode.
        tokens: Ids of the prompt.
        position: After which of them.
    """
    # What comes after the position cannot change it.
    streams = _streams(model, tokens[: position + 1])
    after = torch.cat([stream[:, -1:] for stream in streams], dim=1)
    return Column(_read_out(model, after).cpu().numpy())


def leads(model: TransformerLM, tokens: list[int]) -> Float[np.ndarray, "point pos"]:
    """Return how far the answer leads its rival at every point, after every token.

        lead(point) = logit(A) − logit(B),   A and B the output's two likeliest tokens

    Args:
        model: In evaluation mode.
        tokens: Ids of the prompt.
    """
    streams = _streams(model, tokens)
    pair = _read_out(model, streams[-1]).topk(2).indices  # [pos 2]
    both = [_read_out(model, stream).gather(-1, pair) for stream in streams]
    return _stacked([logits[:, 0] - logits[:, 1] for logits in both])


def overtaking(
    winner: Float[np.ndarray, " point"], rival: Float[np.ndarray, " point"]
) -> int | None:
    """Return the point from which the winner stays ahead of its rival.

    >>> overtaking(np.array([1.0, 0.5, 3.0]), np.array([0.0, 2.0, 2.5]))
    2

    Returns:
        0 if it was never behind; None if it is not ahead at the end.
    """
    behind = np.flatnonzero(np.asarray(winner) <= np.asarray(rival))
    after_last = int(behind[-1]) + 1 if behind.size else 0
    return after_last if after_last < len(winner) else None


def settling(tokens: Int[np.ndarray, " point"]) -> int:
    """Return the point from which on the lens says what it says at the end.

    >>> settling(np.array([4, 7, 5, 7, 7]))
    3
    """
    others = np.flatnonzero(tokens != tokens[-1])
    return int(others[-1]) + 1 if others.size else 0


def single_token(tokenizer: Tokenizer, text: str) -> int:
    """Return the token that a reader means by a text; `·` stands for a space.

    Raises:
        DataError: If the text is not one token, with or without a space before it.
    """
    typed = text.replace("·", " ")
    for attempt in (typed, " " + typed):
        tokens = tokenizer.encode(attempt)
        if len(tokens) == 1 and tokens[0] != tokenizer.unk_id:
            return tokens[0]
    raise DataError(
        f"{text!r} is not one token of this model but {len(tokenizer.encode(typed))}, "
        "or unknown to it: type a single token, such as one from the list."
    )


def decisive_dimension(
    model: TransformerLM, tokens: list[int], point: Point, position: int, token: int
) -> int:
    """Return which number of the stream does most for a token, at one cell of the lens.

    A logit is a sum over the stream's numbers, normalised and weighted by W_U[token].
    """
    stream = _streams(model, tokens[: position + 1])[lens_points(model).index(point)]
    with torch.inference_mode():
        terms = model.ln_final(stream)[0, -1] * unembedding(model, token)
    return int(terms.argmax())


def _streams(
    model: TransformerLM, tokens: list[int]
) -> list[Float[Tensor, "1 pos d_model"]]:
    """Return the residual stream at every point."""
    hooks = [point.hook for point in lens_points(model)]
    with torch.inference_mode():
        ids = torch.tensor([tokens], device=model.device)
        _, cache = model.run_with_cache(ids, names_filter=hooks)
    return [cache[hook] for hook in hooks]


def _read_out(
    model: TransformerLM, stream: Float[Tensor, "1 pos d_model"]
) -> Float[Tensor, "pos vocab"]:
    """Say what the stream says in the output's language: the lens itself."""
    with torch.inference_mode():
        return model.unembed(model.ln_final(stream))[0].float()


def _stacked(rows: list[Tensor]) -> np.ndarray:
    return torch.stack(rows).cpu().numpy()
