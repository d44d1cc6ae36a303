"""Predict and Check of "Embeddings and positions": tokens as vectors.

What is asked about position schemes stands in `position_questions`, and about the same
words in another order in `order_questions`.
"""

from collections.abc import Iterator
from itertools import islice, product
from typing import Any, NamedTuple

from minigpt.checkpoint import Checkpoint
from minigpt.interpret.positions.embedding_space import Which
from minigpt.model import TransformerLM
from pages.embeddings import position_questions
from pages.embeddings.numbers import (
    chance_of,
    common_tokens,
    components_of,
    cosines_of,
    neighbours_of,
)
from pages.embeddings.tokens import PROMPT, drawn_tokens
from pages.frame import corpora
from pages.frame.questions import Question
from pages.frame.reading import place_in
from pages.frame.words import plain
from viz.tokens import display_piece

COMMON = 200
"""Tokens of held-out text that the options are taken from."""
CLEAR = 0.02
"""Cosines closer than this make no fair question."""


class Subject(NamedTuple):
    """A token that can be asked about."""

    token: int
    tokens: list[int]
    """The prompt that it stands in."""
    at: dict[str, Any]


def subjects(
    checkpoint: Checkpoint, tokens: list[int], first: int
) -> Iterator[Subject]:
    """Yield the token on the screen, then others of this prompt, then of other texts.

    Args:
        checkpoint: Whose tokens.
        tokens: The prompt on the screen.
        first: The token on the screen.
    """
    yield Subject(first, tokens, {})
    seen = {first, *checkpoint.tokenizer.special_tokens}
    prompts: list[tuple[str | None, list[int]]] = [(None, tokens)]
    for prompt, ids in [*prompts, *corpora.other_prompts(checkpoint)]:
        for place, token in enumerate(ids):
            if token not in seen:
                seen.add(token)
                at = place_in(prompt, token=place, embedding_word="")
                yield Subject(token, ids, at)


def nearest(
    checkpoint: Checkpoint, tokens: list[int], first: int, which: Which
) -> Iterator[Question]:
    """Ask which of four tokens lies nearest: one is, and three are farther and farther.

    Args:
        checkpoint: The model.
        tokens: The prompt on the screen.
        first: The token on the screen.
        which: The table on the screen.
    """
    for subject in subjects(checkpoint, tokens, first):
        cosines = cosines_of(checkpoint, which, subject.token)
        best = neighbours_of(checkpoint, which, subject.token).tokens[0]
        others = sorted(
            set(common_tokens(checkpoint, COMMON)) - {subject.token, best},
            key=lambda token: -cosines[token],
        )
        far = [others[len(others) * part // 8] for part in (2, 4, 6)]
        pieces = checkpoint.tokenizer.pieces([subject.token, best, *far])
        own, right, *rest = map(display_piece, pieces)
        options = sorted({right, *rest})
        if len(options) < 4 or cosines[best] - cosines[far[0]] < CLEAR:
            continue
        yield Question(
            "embeddings.nearest",
            f"Each token is a vector in the {which}. Which of these has a vector that "
            f"points most nearly in the same direction as that of **{plain(own)}**?",
            options,
            options.index(right),
            f"Their cosine is {plain(f'{cosines[best]:.3f}')}; the next of these four "
            f"has {plain(f'{cosines[far[0]]:.3f}')}.",
            subject.at,
        )


def token_checks(
    checkpoint: Checkpoint, tokens: list[int], first: int, which: Which
) -> list[Iterator[Question]]:
    """Ask what the bars, the picture and the table come to."""
    about = (checkpoint, tokens, first, which)
    return [_variance(*about), _above_chance(*about), _table_size(checkpoint)]


def _variance(
    checkpoint: Checkpoint, tokens: list[int], first: int, which: Which
) -> Iterator[Question]:
    for subject in subjects(checkpoint, tokens, first):
        found = neighbours_of(checkpoint, which, subject.token)
        kind = PROMPT if subject.at else None
        drawn, _ = drawn_tokens(checkpoint, subject.tokens, subject.token, found, kind)
        components, _ = components_of(checkpoint.model, which, drawn)
        share = 100 * float(components.explained[:2].sum())
        right = round(share)
        shown = sorted({right, *(n for n in (5, 35, 65, 95) if abs(n - right) > 12)})
        piece = checkpoint.tokenizer.pieces([subject.token])[0]
        also = ", and only the prompt's tokens beside it" if subject.at else ""
        yield Question(
            "embeddings.variance",
            f"With **{_word(piece)}** chosen{also}, the flat picture draws "
            f"{len(drawn)} vectors of {len(components.mean)} numbers each. How much of "
            "their variance does it show?",
            [f"about {option}%" for option in shown],
            shown.index(right),
            f"{plain(f'{share:.1f}')}%: the rest lies along directions that are not "
            "drawn.",
            {**subject.at, "embedding_points": PROMPT} if subject.at else {},
        )


def _above_chance(
    checkpoint: Checkpoint, tokens: list[int], first: int, which: Which
) -> Iterator[Question]:
    chance = chance_of(checkpoint, which).most
    for subject in subjects(checkpoint, tokens, first):
        found = neighbours_of(checkpoint, which, subject.token)
        right = int((found.cosines > chance).sum())
        count = len(found.tokens)
        shown = sorted({0, count // 2, count, right})
        piece = checkpoint.tokenizer.pieces([subject.token])[0]
        yield Question(
            "embeddings.above_chance",
            f"By chance alone, a cosine of {chance:.2f} would be nothing special in "
            f"the {which}. How many of the {count} tokens nearest to "
            f"**{_word(piece)}** have a higher one?",
            [str(option) for option in shown],
            shown.index(right),
            f"The {count} cosines run from {plain(f'{found.cosines[0]:.3f}')} to "
            f"{plain(f'{found.cosines[-1]:.3f}')}. Only a bar beyond the dashed line "
            "says that training brought two tokens together.",
            subject.at,
        )


def _table_size(checkpoint: Checkpoint) -> Iterator[Question]:
    own = (checkpoint.model.config.vocab_size, checkpoint.model.config.d_model)
    others = product((96, 257, 1000, 5000, 50257), (16, 64, 128, 256, 768))
    for size, width in dict.fromkeys([own, *others]):
        shown = sorted({size * width, size + width, size, 2 * size * width})
        whose = "This model has" if (size, width) == own else "A model has"
        yield Question(
            "embeddings.table",
            f"{whose} a vocabulary of {size} tokens and vectors of {width} numbers. "
            "How many parameters does its embedding have?",
            [str(option) for option in shown],
            shown.index(size * width),
            f"One row per token: {size} × {width} = {size * width}.",
        )


def recall(checkpoint: Checkpoint) -> list[Iterator[Question]]:
    """Ask what can be worked out without the figures."""
    config = checkpoint.model.config
    if not isinstance(checkpoint.model, TransformerLM):
        return [_table_size(checkpoint), position_questions.window_weights(config)]
    # The first are those of the lesson itself: begin with others.
    beyond = islice(position_questions.beyond(config), 1, None)
    return [_table_size(checkpoint), beyond, position_questions.alibi_cost(config)]


def _word(piece: str) -> str:
    return plain(display_piece(piece))
