"""How often is it right? Exact match on held-out questions, and preferences won.

A number alone says little, so two others always stand beside it: what the *base* gets,
asked in its own way, and what picking a word of the right kind gets *without reading*
which one was asked for (`datasets.tales_questions`).
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import NamedTuple

import torch
from torch.utils.data import DataLoader

from minigpt.checkpoint import Checkpoint
from minigpt.config import GenerationConfig
from minigpt.datasets.batches.examples import PackedDataset
from minigpt.datasets.conversations import Conversation, Preference
from minigpt.datasets.tales.instructions import Asked, preferences, questions
from minigpt.datasets.tales.questions import baseline_scores
from minigpt.datasets.tales.story import generate_tales
from minigpt.finetuning.answering import Answer, reply
from minigpt.finetuning.chat import ready_to_chat
from minigpt.finetuning.conversation_tokens import CLOSED, read_as_a_story
from minigpt.finetuning.preferences import (
    PreferenceDataset,
    answer_log_probs,
    collate_pairs,
)
from minigpt.finetuning.supervised import fits
from minigpt.tokenizers.chat import has_chat_tokens
from minigpt.training.batches import to_batch
from minigpt.training.evaluate import evaluate_loss

_SHORT = GenerationConfig(strategy="greedy", max_new_tokens=32)
_BATCH = 16
_PLAIN_BYTES = 60_000
SEED = 1
"""Of what is measured on; training draws with seeds of its own, in other worlds."""


class Score(NamedTuple):
    """How many of some questions were answered right, word for word."""

    right: int
    number: int

    @property
    def share(self) -> float:
        """From 0 to 1."""
        return self.right / self.number if self.number else 0.0


class ExactMatch(NamedTuple):
    """One kind of question: the model, its base, and not reading at all."""

    kind: str
    tuned: Score
    base: Score | None
    without_reading: float
    """The share that the best of the strategies without reading gets right."""


class Margin(NamedTuple):
    """How one kind of preference is decided."""

    kind: str
    wins: Score
    """Pairs whose better answer gained more than the worse, against the base."""
    margin: float
    """Mean of how much more it gained, in nats."""


class TalesScores(NamedTuple):
    """Everything that is measured after a fine-tuning on tales."""

    exact_match: list[ExactMatch]
    new_words: list[ExactMatch]
    """On people, things and places that its training never named."""
    margins: list[Margin]
    plain_loss: float
    """On stories without questions, in nats per token: what was forgotten?"""
    plain_loss_before: float | None


def measure(
    tuned: Checkpoint, base: Checkpoint | None, number: int = 200
) -> TalesScores:
    """Measure a fine-tuned model on held-out tales, and on words it never saw.

    Args:
        tuned: A model with chat tokens.
        base: What it was fine-tuned from, for comparison.
        number: Questions of each of the two, and pairs of answers.
    """
    window = min(m.model.config.max_seq_len for m in (tuned, base) if m is not None)
    is_short = fits(tuned.tokenizer, window - _SHORT.max_new_tokens // 2)
    known, new = (
        list(islice(questions(SEED, split, is_short), number))
        for split in ("held_out", "new")
    )
    pairs = list(islice(preferences(SEED, "held_out", is_short), number))
    return TalesScores(
        exact_match(tuned, base, known),
        exact_match(tuned, base, new),
        [] if base is None else reward_margins(tuned, base, pairs),
        plain_story_loss(tuned),
        None if base is None else plain_story_loss(base),
    )


def exact_match(
    tuned: Checkpoint, base: Checkpoint | None, asked: Sequence[Asked]
) -> list[ExactMatch]:
    """Ask questions greedily; count answers that are right word for word.

    Args:
        tuned: The fine-tuned model.
        base: Asked the same, if given.
        asked: Stories, with a question about each.
    """
    own = _scores(tuned, asked)
    others = None if base is None else _scores(base, asked)
    found = []
    for kind in sorted(own):
        of_kind = [one for one in asked if one.question.full_kind == kind]
        guesses = baseline_scores((one.story, one.question) for one in of_kind)
        best = max(max(shares.values()) for shares in guesses.values())
        other = None if others is None else others[kind]
        found.append(ExactMatch(kind, own[kind], other, best))
    return found


def _scores(who: Checkpoint, asked: Sequence[Asked]) -> dict[str, Score]:
    right: Counter[str] = Counter()
    number: Counter[str] = Counter()
    for one in asked:
        number[one.question.full_kind] += 1
        right[one.question.full_kind] += one.is_answered_by(answer(who, one))
    return {kind: Score(right[kind], number[kind]) for kind in number}


def answer(who: Checkpoint, asked: Asked) -> str:
    """Ask a question; a model without chat tokens is asked as in a story."""
    model, tokenizer = who.model, who.tokenizer
    if has_chat_tokens(tokenizer):
        return reply(model, tokenizer, asked.prompt, _SHORT)
    read = read_as_a_story(asked.story, asked.question.text, tokenizer)
    return Answer(model, tokenizer, read, _SHORT, CLOSED).text_in_full()


@torch.inference_mode()
def reward_margins(
    tuned: Checkpoint, base: Checkpoint, pairs: Sequence[Preference]
) -> list[Margin]:
    """Compare how the better and the worse answer's log-probabilities changed.

    Args:
        tuned: The fine-tuned model.
        base: What it was before; it gains chat tokens if it lacks them.
        pairs: Their `where` names their kind.
    """
    base = ready_to_chat(base)
    gained: dict[str, list[float]] = defaultdict(list)
    for start in range(0, len(pairs), _BATCH):
        part = pairs[start : start + _BATCH]
        ratios = zip(_log_ratios(tuned, part), _log_ratios(base, part), strict=True)
        for pair, (after, before) in zip(part, ratios, strict=True):
            gained[pair.where or "all"].append(after - before)
    return [
        Margin(
            kind,
            Score(sum(value > 0 for value in values), len(values)),
            sum(values) / len(values),
        )
        for kind, values in sorted(gained.items())
    ]


def _log_ratios(who: Checkpoint, pairs: Sequence[Preference]) -> list[float]:
    """Return ln π(chosen) − ln π(rejected) of each pair, in nats."""
    model, tokenizer = who.model, who.tokenizer
    examples = PreferenceDataset(pairs, tokenizer, model.config.max_seq_len)
    batch = collate_pairs([examples[number] for number in range(len(examples))])
    inputs, labels = to_batch(batch, model.device)
    halves = zip(inputs.chunk(2, dim=1), labels.chunk(2, dim=1), strict=True)
    chosen, rejected = (answer_log_probs(model, *half) for half in halves)
    ratios: list[float] = (chosen - rejected).tolist()
    return ratios


def plain_story_loss(who: Checkpoint) -> float:
    """Return the loss on stories of held-out worlds, in nats per token."""
    text = generate_tales(_PLAIN_BYTES, SEED, "held_out", conversation_share=0.0)
    windows = PackedDataset(who.tokenizer.encode(text), who.model.config.max_seq_len)
    batches = DataLoader(windows, _BATCH)
    return evaluate_loss(who.model, batches).loss


def exact_replies(who: Checkpoint, held_out: Iterable[Conversation]) -> Score:
    """Count conversations whose last answer the model gives word for word."""
    number = right = 0
    for conversation in held_out:
        said = reply(who.model, who.tokenizer, conversation.prompt)
        number += 1
        right += said.strip() == conversation.answer.strip()
    return Score(right, number)
