"""The tuned lens: the logit lens with a translator, trained, before it.

The logit lens takes for granted that every layer speaks the output's language. The
tuned lens learns, for each point of the stream, an affine map into that language:

    tuned(point) = unembed(ln_final(h + A h + b)),   h the residual stream at the point

A and b begin at 0, where this is the logit lens, and learn to bring it close to what
the model says at last: they minimise KL(output ‖ tuned) on windows of text. The model
stays as it is. What it still cannot say early, no affine map could read there.

Before: `logit_lens`, the raw one.

Source: Belrose et al. 2023, "Eliciting Latent Predictions from Transformers with the
Tuned Lens", arXiv:2303.08112, sec. 3.
"""

import threading
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from minigpt.interpret.corpora import Windows
from minigpt.interpret.effects import divergence
from minigpt.interpret.stream.logit_lens import Column, lens_points
from minigpt.model import TransformerLM
from minigpt.training.fast_start import Adam

STEPS = 200
"""Optimizer steps: after these, little more is gained on a small model."""

BATCH = 4
"""Windows in a step."""

LEARNING_RATE = 2e-3
"""Of the first step; it falls to 0 in a straight line."""


@dataclass(frozen=True)
class Distances:
    """How far both lenses are from the model's output, on average over some text."""

    raw: Float[np.ndarray, " point"]
    """Mean KL(output ‖ logit lens), in nats."""
    tuned: Float[np.ndarray, " point"]
    """Mean KL(output ‖ tuned lens); at the last point both are the output: 0."""

    @property
    def closer(self) -> int:
        """At how many points before the last the tuned lens is the closer one."""
        return int((self.tuned[:-1] < self.raw[:-1]).sum())


class TunedLens:
    """A translator for each point of a model's stream but the last, in training.

    Args:
        model: In evaluation mode; it is read, and never changed.
        windows: Text to learn from, [window pos].
        steps: Optimizer steps of the whole training.
    """

    def __init__(
        self, model: TransformerLM, windows: Windows, steps: int = STEPS
    ) -> None:
        self.model, self.windows, self.steps = model, windows, steps
        self.step = 0
        points, width = len(lens_points(model)) - 1, model.config.d_model
        self.matrices = _zeros(model, points, width, width)
        self.shifts = _zeros(model, points, width)
        self._optimizer = Adam([self.matrices, self.shifts], LEARNING_RATE)
        self._random = np.random.default_rng(0)
        self._turn = threading.Lock()

    @property
    def is_trained(self) -> bool:
        """Whether all steps are done."""
        return self.step >= self.steps

    def advance(self) -> None:
        """Take one step, if any is left: all points on the same few windows."""
        with self._turn:  # several readers may look at one lens
            if not self.is_trained:
                self._take_step()

    def translated(
        self, point: int, stream: Float[Tensor, "*axes d_model"]
    ) -> Float[Tensor, "*axes d_model"]:
        """Translate the stream at a point into the output's language.

        h + A h + b;  at the last point h itself
        """
        if point == len(self.matrices):
            return stream
        moved = stream.float() @ self.matrices[point].T + self.shifts[point]
        return stream + moved.to(stream.dtype)

    @torch.no_grad()
    def column(self, tokens: list[int], position: int) -> Column:
        """Return all that the tuned lens shows after one token of a prompt."""
        streams, _ = _read(self.model, [tokens[: position + 1]])
        after = [self.translated(at, h[:, -1:]) for at, h in enumerate(streams)]
        return Column(_logits(self.model, torch.cat(after, 1))[0].cpu().numpy())

    @torch.no_grad()
    def distances(self, windows: Windows) -> Distances:
        """Compare both lenses with the model's output, over windows of text."""
        raw, tuned = [], []
        for at in range(0, len(windows), BATCH):
            streams, final = _read(self.model, windows[at : at + BATCH])
            raw.append([_gap(final, _lens(self.model, h)) for h in streams])
            tuned.append(
                [_gap(final, self._log_p(point, h)) for point, h in enumerate(streams)]
            )
        sums = np.array([raw, tuned]).sum(1) / windows.size
        return Distances(*sums)

    def _log_p(
        self, point: int, stream: Float[Tensor, "window pos d_model"]
    ) -> Float[Tensor, "window pos vocab"]:
        return _lens(self.model, self.translated(point, stream))

    def _take_step(self) -> None:
        count = min(BATCH, len(self.windows))
        chosen = self._random.choice(len(self.windows), count, replace=False)
        streams, final = _read(self.model, self.windows[chosen])
        learned = [self.matrices, self.shifts]
        slopes = [torch.zeros_like(each) for each in learned]
        with torch.enable_grad():
            for point in range(len(self.matrices)):  # one at a time, for the memory
                log_p = self._log_p(point, streams[point])
                loss = divergence(final, log_p).mean()
                # Of the translators alone: the model's weights get no gradient.
                found = torch.autograd.grad(loss, learned)
                slopes = [one + other for one, other in zip(slopes, found, strict=True)]
        for each, slope in zip(learned, slopes, strict=True):
            each.grad = slope
        for group in self._optimizer.param_groups:
            group["lr"] = LEARNING_RATE * (1 - self.step / self.steps)
        self._optimizer.step()
        self.step += 1


def tune_lens(
    model: TransformerLM, windows: Windows, steps: int = STEPS, until: int | None = None
) -> TunedLens:
    """Train a tuned lens.

    Args:
        model: In evaluation mode; it is not changed.
        windows: Text to learn from, [window pos].
        steps: Optimizer steps of the whole training.
        until: Stop after so many of them.

    Source: Belrose et al. 2023, arXiv:2303.08112.
    """
    lens = TunedLens(model, windows, steps)
    for _ in range(steps if until is None else until):
        lens.advance()
    return lens


@torch.no_grad()
def _read(
    model: TransformerLM, windows: Windows | list[list[int]]
) -> tuple[
    list[Float[Tensor, "window pos d_model"]], Float[Tensor, "window pos vocab"]
]:
    """Return the stream at every point, and the output's log-probabilities."""
    hooks = [point.hook for point in lens_points(model)]
    tokens = torch.as_tensor(np.asarray(windows), device=model.device)
    _, cache = model.run_with_cache(tokens, names_filter=hooks)
    streams = [cache[hook] for hook in hooks]
    return streams, _lens(model, streams[-1])


def _lens(
    model: TransformerLM, stream: Float[Tensor, "window pos d_model"]
) -> Float[Tensor, "window pos vocab"]:
    """Return the logit lens, as log-probabilities."""
    return _logits(model, stream).log_softmax(-1)


def _logits(
    model: TransformerLM, stream: Float[Tensor, "window pos d_model"]
) -> Float[Tensor, "window pos vocab"]:
    return model.unembed(model.ln_final(stream)).float()


def _gap(
    final: Float[Tensor, "window pos vocab"], log_p: Float[Tensor, "window pos vocab"]
) -> float:
    return float(divergence(final, log_p).sum())


def _zeros(model: TransformerLM, *shape: int) -> nn.Parameter:
    return nn.Parameter(torch.zeros(*shape, device=model.device))
