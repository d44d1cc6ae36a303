"""Evaluation: the loss on text the model never learned from.

Every token counts equally, however the text is split into batches: losses are summed,
and divided by the number of tokens at the end.
"""

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from minigpt.errors import DataError
from minigpt.tokenizers.base import Tokenizer
from minigpt.training.batches import to_batch
from minigpt.training.distributed import Team
from minigpt.training.loss import IGNORED
from minigpt.training.objective import NextToken, Objective


@dataclass(frozen=True)
class Evaluation:
    """The loss of a model on a text."""

    total_nats: float
    """Over all tokens, or whatever else the objective counts."""
    num_tokens: int
    num_characters: int | None = None
    """Characters that these tokens stand for; None if unknown."""
    measures: dict[str, float] = field(default_factory=dict)
    """What else the objective measured: means over what it counts."""

    @property
    def loss(self) -> float:
        """Mean per token, in nats."""
        return self.total_nats / self.num_tokens

    @property
    def perplexity(self) -> float:
        """e^loss: among how many equally likely tokens the model hesitates."""
        return math.exp(min(self.loss, 700.0))

    @property
    def nats_per_character(self) -> float | None:
        """Comparable between models whose tokens differ in length."""
        if not self.num_characters:
            return None
        return self.total_nats / self.num_characters

    @property
    def bits_per_character(self) -> float | None:
        """How many bits a compressor built from this model needs per character."""
        nats = self.nats_per_character
        return None if nats is None else nats / math.log(2.0)


def evaluate_loss(
    model: nn.Module,
    batches: Iterable[Any],
    tokenizer: Tokenizer | None = None,
    team: Team | None = None,
    objective: Objective | None = None,
) -> Evaluation:
    """Measure the loss over batches, without learning from them.

    Args:
        model: The model; its mode (training or not) is restored.
        batches: Pairs (inputs, labels), or mappings with `input_ids` and `labels`.
        tokenizer: To count characters.
        team: The processes that read other batches of the same text.
        objective: What the loss is (none: the next token's).

    Returns:
        Sums over all batches, of the whole team.

    Raises:
        DataError: If there is not a single token to predict.
    """
    device = next(model.parameters()).device
    objective = objective or NextToken()
    if objective.unit != "token":
        tokenizer = None  # a pair's loss is not that of writing its text
    nats, tokens, characters, measures = 0.0, 0, 0.0, Counter[str]()
    was_training = model.training
    model.eval()
    try:
        with torch.no_grad():
            for raw in batches:
                inputs, labels = to_batch(raw, device)
                outcome = objective.outcome(model, inputs, labels)
                nats += outcome.total.item()
                measures.update(outcome.measures)
                tokens += int(objective.count(labels))
                kept = labels[labels != IGNORED].tolist()
                characters += count_characters(kept, tokenizer)
    finally:
        model.train(was_training)
    if team is not None:
        totals = team.sum([nats, tokens, characters, *measures.values()])
        nats, total, characters = totals[:3]
        tokens = int(total)
        measures = Counter(dict(zip(measures, totals[3:], strict=True)))
    if tokens == 0:
        raise DataError("The evaluation data holds no token to predict: it is empty.")
    known = math.isfinite(characters)
    means = {name: total / tokens for name, total in measures.items()}
    return Evaluation(nats, tokens, int(characters) if known else None, means)


def count_characters(tokens: list[int], tokenizer: Tokenizer | None) -> float:
    """Count the characters that some tokens stand for.

    A character token is one, or none if it is special. Byte pairs are decoded. Words
    lose their spacing when decoded, so they give NaN, as does no tokenizer at all.
    """
    if tokenizer is None or tokenizer.kind == "word":
        return math.nan
    return float(len(tokenizer.decode(tokens)))
