"""Is a question of a kind that a model was fine-tuned on? Measured inside the model.

A question is read alone, in the chat template. What it is to the model is the mean,
over its tokens, of the residual stream after the first block. A question of a kind that
was learned lies near one that was learned, by cosine; one of another kind lies far from
all:

    distance(q) = min over learned questions l of 1 − cos(mean(q), mean(l))

How far is too far is measured on held-out questions of the learned kinds, and how often
that is wrong both on others of them and on questions of no learned kind.

Source: Sun et al. 2022, "Out-of-Distribution Detection with Deep Nearest Neighbors",
arXiv:2204.06507.
"""

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from minigpt.checkpoint import Checkpoint
from minigpt.datasets.tales.instructions import instructions
from minigpt.datasets.tales.other_questions import OTHER_QUESTIONS
from minigpt.datasets.tales.words import GIRLS, PLACES, THINGS, Split
from minigpt.errors import DataError
from minigpt.finetuning.measuring import Score
from minigpt.hooks import HookPoint
from minigpt.model import TransformerLM
from minigpt.tokenizers.chat import Message, encode_prompt_for_answer

LEARNED, HELD_OUT = 400, 300
"""Examples whose questions are compared with, and measured on."""
WITHIN = 0.98
"""Share of held-out questions that the limit should let pass."""
STAND_INS = (GIRLS[0], THINGS[0], PLACES[0])
"""Words that training knows: they take the place of one that it does not."""

_HOOK = "blocks.0.hook_resid_post"


@dataclass(frozen=True)
class LearnedKinds:
    """The questions a model was tuned on, and how well others are told from them."""

    questions: tuple[str, ...]
    vectors: Float[np.ndarray, "question d_model"]
    """Of each, the mean residual stream, at length 1."""
    words: frozenset[str]
    """Every word of them, in small letters."""
    limit: float
    """The largest distance of a learned kind."""
    taken_for_others: Score
    """Held-out questions of the learned kinds that the limit refuses."""
    taken_for_learned: Score
    """Questions of other kinds that it lets pass."""


class Judged(NamedTuple):
    """One question beside those that were learned."""

    is_known: bool
    """Whether it is of a kind that was learned."""
    nearest: str
    """The learned question that lies nearest."""
    distance: float
    """From it: 0 for the same, 2 at most."""
    new_words: tuple[str, ...]
    """Words of the story that no learned question has: they are as new to the model."""


def learned_kinds(who: Checkpoint) -> LearnedKinds:
    """Measure what a model tuned on tales takes for a question that it knows.

    Raises:
        DataError: If the model has no residual stream.
    """
    learned = _questions("train", LEARNED)
    vectors = _vectors(who, learned)
    others = _distances(vectors, _vectors(who, OTHER_QUESTIONS))
    held_out = _distances(vectors, _vectors(who, _questions("held_out", HELD_OUT)))
    # One half sets the limit, the other measures it.
    limit = float(np.quantile(held_out[::2], WITHIN))
    rest = held_out[1::2]
    return LearnedKinds(
        questions=learned,
        vectors=vectors,
        words=frozenset(each.lower() for one in learned for each in _words(one)),
        limit=limit,
        taken_for_others=Score(int((rest > limit).sum()), len(rest)),
        taken_for_learned=Score(int((others <= limit).sum()), len(others)),
    )


def judge(who: Checkpoint, kinds: LearnedKinds, question: str, story: str) -> Judged:
    """Compare a question with those that a model was tuned on.

    A word of the story that training never had makes any question look new. So it is
    replaced by one that training had: if the question is then of a learned kind, only
    the word is new.

    Args:
        who: The model that `kinds` was measured on.
        kinds: What `learned_kinds` returned.
        question: What is asked; not empty.
        story: What it is about.
    """
    told = {each.lower() for each in _words(story)}
    new = tuple(
        each
        for each in dict.fromkeys(_words(question))
        if each.lower() in told and each.lower() not in kinds.words
    )
    candidates = [question]
    if new:
        pattern = rf"\b({'|'.join(map(re.escape, new))})\b"
        candidates += [re.sub(pattern, word, question) for word in STAND_INS]
    similar = _vectors(who, candidates) @ kinds.vectors.T
    candidate, nearest = np.unravel_index(int(similar.argmax()), similar.shape)
    distance = 1 - float(similar[candidate, nearest])
    return Judged(distance <= kinds.limit, kinds.questions[nearest], distance, new)


def _questions(split: Split, number: int) -> tuple[str, ...]:
    """Return the different questions and tasks of some examples of tales."""
    some = islice(instructions(0, split), number)
    asked = (example.prompt[-1].content.splitlines()[-1] for example in some)
    return tuple(dict.fromkeys(asked))


def _distances(
    learned: Float[np.ndarray, "question d_model"],
    vectors: Float[np.ndarray, "other d_model"],
) -> Float[np.ndarray, " other"]:
    distances: Float[np.ndarray, " other"] = 1 - (vectors @ learned.T).max(axis=1)
    return distances


def _vectors(
    who: Checkpoint, questions: Iterable[str]
) -> Float[np.ndarray, "question d_model"]:
    """Return each question's mean residual stream after the first block, at length 1.

    Raises:
        DataError: If the model has no residual stream.
    """
    if not isinstance(who.model, TransformerLM):
        raise DataError("An mlp has no residual stream to compare questions in.")
    rows = [
        encode_prompt_for_answer([Message("user", each)], who.tokenizer)
        for each in questions
    ]
    means = np.zeros((len(rows), who.model.config.d_model), dtype=np.float32)
    places: dict[int, list[int]] = defaultdict(list)
    for place, row in enumerate(rows):
        places[len(row)].append(place)
    for same_length in places.values():  # a batch needs no padding then
        batch = torch.tensor([rows[place] for place in same_length])
        means[same_length] = _mean_streams(who.model, batch)
    unit: Float[np.ndarray, "question d_model"] = means / np.linalg.norm(
        means, axis=1, keepdims=True
    )
    return unit


@torch.inference_mode()
def _mean_streams(
    model: TransformerLM, batch: Int[Tensor, "question pos"]
) -> Float[np.ndarray, "question d_model"]:
    found: list[Tensor] = []

    def keep(stream: Tensor, hook: HookPoint) -> None:  # noqa: ARG001
        # Without the marks of the template, which every question has.
        found.append(stream[:, 1:-1].float().mean(1).cpu())

    model.run_with_hooks(batch.to(model.device), fwd_hooks=[(_HOOK, keep)])
    means: Float[np.ndarray, "question d_model"] = found[0].numpy()
    return means


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text)
