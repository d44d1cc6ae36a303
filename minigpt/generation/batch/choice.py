"""Choosing the next token of many texts: filters once for all who share their settings.

A draft's token depends on its own logits, settings and dice alone. Drafts of equal
settings go through the filters as one batch, which is only quicker.
"""

from collections.abc import Hashable, Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor

from minigpt.generation.batch.draft import Choice, Draft
from minigpt.generation.filters import apply_filters, is_greedy, reads_text


def choose(
    logits: Float[Tensor, "text vocab"], drafts: Sequence[Draft]
) -> list[Choice]:
    """Choose a token for every draft.

    Args:
        logits: What the model says of each.
        drafts: In the same order.
    """
    logits = logits.cpu()
    tokens = torch.empty(len(drafts), dtype=torch.int64)
    groups: dict[Hashable, list[int]] = {}
    for row, draft in enumerate(drafts):
        groups.setdefault(_settings(draft), []).append(row)
    for rows in groups.values():
        tokens[rows] = _draw(logits[rows], [drafts[row] for row in rows])
    log_probs = logits.log_softmax(dim=-1)
    chosen = log_probs.gather(1, tokens[:, None])[:, 0].tolist()
    top = _likeliest(log_probs, drafts)
    return list(map(Choice, tokens.tolist(), chosen, top))


def _likeliest(
    log_probs: Float[Tensor, "text vocab"], drafts: Sequence[Draft]
) -> list[list[tuple[int, float]]]:
    """Return the likeliest tokens with their ln p, as many as each draft asks for."""
    asked = [draft.num_likeliest for draft in drafts]
    top = log_probs.topk(min(max(asked), log_probs.shape[1]))
    rows = zip(top.indices.tolist(), top.values.tolist(), asked, strict=True)
    return [list(zip(ids, values, strict=True))[:count] for ids, values, count in rows]


def _settings(draft: Draft) -> tuple[Hashable, ...]:
    """Return what the filters depend on; only a text of its own if it is read, too."""
    config = draft.config
    own = id(draft) if reads_text(config) else None
    kind = "greedy" if is_greedy(config) else "sampling"
    settings = (config.temperature, config.top_k, config.top_p, config.min_p)
    return (kind, settings if kind == "sampling" else None, own)


def _draw(
    logits: Float[Tensor, "text vocab"], drafts: Sequence[Draft]
) -> Int[Tensor, " text"]:
    """Choose for drafts of equal settings, as `sample.next_token` does for one."""
    config = drafts[0].config
    read = drafts[0].tokens if reads_text(config) else []
    previous = torch.tensor([read] * len(drafts), dtype=torch.int64)
    filtered = apply_filters(logits, previous, config)
    if is_greedy(config):
        return filtered.argmax(dim=-1)
    probabilities = filtered.softmax(dim=-1)
    waits = torch.empty_like(probabilities)
    for row, draft in zip(waits, drafts, strict=True):
        row.exponential_(generator=draft.dice)
    return (probabilities / waits).argmax(dim=-1)
