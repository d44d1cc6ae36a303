"""Beam search: several texts at once, and the best whole one in the end.

Unlike sampling, a bad beginning can be taken back: at each step every text kept is
continued by every token, and the `num_beams` best of all these candidates go on.

    cumulative    log p(text) = Σ ln p(token | tokens before)
    normalised    cumulative / length ** length_penalty

The rules are those of `transformers` (5.23, `GenerationMixin._beam_search`):

- `length` counts the tokens written, the end-of-text token included and the prompt
  not.
- Of all `num_beams × vocab` candidates the best `2 × num_beams` by cumulative score are
  considered, so that `num_beams` remain even if the others all end here.
- A candidate that ends (end-of-text, or `max_new_tokens`) is finished only if it ranks
  among the first `num_beams`; the best `num_beams` finished texts by normalised score
  are returned. The first `num_beams` that do not end go on.
- The search ends when no running text can become better than the worst finished one,
  estimated as cumulative / *present* length ** length_penalty; with `early_stopping`,
  as soon as `num_beams` texts have finished. A width of 1 is greedy, and stops at the
  first end.
- A repetition penalty acts on the log-probabilities, which are not renormalised.

Every candidate is recorded in arrays; `BeamResult` turns them into objects on demand.

Source: Lowerre 1976 (beam search); Wu et al. 2016, arXiv:1609.08144, eq. 14, whose
length penalty this simplifies.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from minigpt.config import GenerationConfig
from minigpt.generation.beam.tree import BeamResult, BeamTree, Status
from minigpt.generation.filters import ban_repeated_ngrams, penalize_repetition
from minigpt.generation.window import Window, require_numbers
from minigpt.model import LanguageModel


class Considered(NamedTuple):
    """The best candidates of one step, best first. All arrays [candidate]."""

    beams: np.ndarray
    """Which running text each continues."""
    tokens: np.ndarray
    log_probs: np.ndarray
    cumulative: np.ndarray


class Finished:
    """The best finished texts so far, at most `num_beams`, best first."""

    def __init__(self, num_beams: int) -> None:
        self.num_beams = num_beams
        self.scores = np.empty(0)
        self.candidates = np.empty(0, dtype=np.int64)

    @property
    def is_full(self) -> bool:
        """Whether there are as many as can be returned."""
        return len(self.scores) == self.num_beams

    def add(
        self, scores: np.ndarray, candidates: np.ndarray, status: np.ndarray
    ) -> None:
        """Add those candidates of a step that finish, and keep the best of all.

        Of texts with equal scores, the earlier one ranks first.
        """
        finishes = (status == Status.ENDED) | (status == Status.FULL_LENGTH)
        scores = np.concatenate([self.scores, scores[finishes]])
        candidates = np.concatenate([self.candidates, candidates[finishes]])
        best = np.argsort(-scores, kind="stable")[: self.num_beams]
        self.scores, self.candidates = scores[best], candidates[best]


@torch.inference_mode()
def beam_search(
    model: LanguageModel,
    prompt_tokens: Sequence[int],
    config: GenerationConfig,
    eos_id: int | None,
    *,
    watched: bool = False,
) -> BeamResult:
    """Search for the likeliest continuation.

    Args:
        model: The model that writes.
        prompt_tokens: What to continue, at most `max_seq_len` tokens.
        config: `num_beams`, `length_penalty`, `early_stopping`, `max_new_tokens`,
            `repetition_penalty`, `no_repeat_ngram`.
        eos_id: The token that ends a text (None: only the length does).
        watched: See `Window`.

    Returns:
        The finished texts, best first, and every candidate considered.

    Raises:
        CheckpointError: If the model's scores are not numbers.
    """
    tree = BeamTree(prompt_tokens)
    finished = Finished(config.num_beams)
    total_length = len(prompt_tokens) + config.max_new_tokens
    window = Window(model, 1, total_length, watched=watched)
    texts = torch.tensor([list(prompt_tokens)], device=model.device)
    # Of each running text: its score, and its candidate in the tree. At first there is
    # one, the prompt.
    scores, nodes = np.zeros(1, dtype=np.float32), np.array([-1])

    for length in range(1, config.max_new_tokens + 1):
        with window.threads():
            log_probs = next_log_probs(window, texts, config)
            found = _consider(log_probs, scores, config.num_beams)
            require_numbers(float(found.cumulative[0]))
            normalized = found.cumulative / np.float64(length) ** config.length_penalty
            status = _judge(found, config, eos_id, length)
            added = tree.add(nodes, found, normalized, status)
            finished.add(normalized, added, status)

            kept = np.flatnonzero(status == Status.KEPT)
            scores, nodes = found.cumulative[kept], added[kept]
            if _is_over(scores, finished, length, config):
                break
            texts = _extend(texts, found, kept, window)
    return tree.result(finished.candidates, window.forgot)


def _extend(
    texts: Int[Tensor, "beam pos"],
    found: Considered,
    kept: Int[np.ndarray, " kept"],
    window: Window,
) -> Int[Tensor, "kept longer"]:
    """Continue the running texts by the candidates that were kept."""
    rows = torch.from_numpy(found.beams[kept]).to(texts.device)
    tokens = torch.from_numpy(found.tokens[kept]).to(texts.device)
    # What all texts begin with is in every row of the cache already.
    written = texts.cpu().numpy()
    alike = np.logical_and.accumulate((written == written[:1]).all(axis=0)).sum()
    window.cache.reorder(rows, max(0, int(alike) - window.forgot))
    return torch.cat([texts.index_select(0, rows), tokens[:, None]], dim=1)


def next_log_probs(
    window: Window, texts: Int[Tensor, "beam pos"], config: GenerationConfig
) -> Float[Tensor, "beam vocab"]:
    """Score every next token of every text: ln p, after the penalty and the ban."""
    log_probs = window.next_logits(texts).log_softmax(dim=-1)
    if config.repetition_penalty != 1.0:
        log_probs = penalize_repetition(log_probs, texts, config.repetition_penalty)
    if config.no_repeat_ngram is not None:
        log_probs = ban_repeated_ngrams(log_probs, texts, config.no_repeat_ngram)
    return log_probs


def _consider(
    log_probs: Float[Tensor, "beam vocab"],
    scores: Float[np.ndarray, " beam"],
    num_beams: int,
) -> Considered:
    """Find the best continuations of all running texts together."""
    so_far = torch.from_numpy(scores).to(log_probs.device)
    totals = (log_probs + so_far[:, None]).flatten()
    cumulative, places = totals.topk(min(2 * num_beams, totals.numel()))
    beams, tokens = np.divmod(places.cpu().numpy(), log_probs.shape[1])
    chosen = log_probs.flatten()[places].cpu().numpy()
    return Considered(beams, tokens, chosen, cumulative.cpu().numpy())


def _judge(
    found: Considered, config: GenerationConfig, eos_id: int | None, length: int
) -> np.ndarray:
    """Decide what becomes of each candidate of a step."""
    ends = np.equal(found.tokens, -1 if eos_id is None else eos_id)
    is_among_first = np.arange(len(ends)) < config.num_beams
    if length == config.max_new_tokens:
        goes_on = np.where(is_among_first, Status.FULL_LENGTH, Status.PRUNED)
    else:
        is_kept = np.cumsum(~ends) <= config.num_beams
        goes_on = np.where(is_kept, Status.KEPT, Status.PRUNED)
    stops = np.where(is_among_first, Status.ENDED, Status.ENDED_TOO_LOW)
    return np.where(ends, stops, goes_on)


def _is_over(
    scores: np.ndarray, finished: Finished, length: int, config: GenerationConfig
) -> bool:
    """Whether nothing can go on, or nothing better than the finished is expected."""
    if len(scores) == 0:
        return True
    if not finished.is_full:
        return False
    if config.early_stopping or config.num_beams == 1:
        return True
    best_possible = scores[0] / np.float64(length) ** config.length_penalty
    return bool(best_possible <= finished.scores[-1])
