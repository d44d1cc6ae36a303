"""Where a head looks like one thing on a prompt, and like another on random tokens."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from minigpt.checkpoint import Checkpoint
from minigpt.interpret.corpora import held_out_windows
from minigpt.interpret.heads.repeated_tokens import (
    familiar_tokens,
    repeated_tokens,
    scores_on,
)
from minigpt.interpret.heads.scores import (
    FEWEST_QUERIES,
    HABITS,
    HeadScores,
    habit_cells,
    head_scores,
)
from minigpt.interpret.openings.opening import (
    Opening,
    held_out_prompts,
    transformer_of,
)
from minigpt.interpret.reading.prompt import attention_patterns

LONGEST = 64
"""Tokens of the windows from which the random tokens are drawn."""


class _Habit(NamedTuple):
    """What a head does most on one prompt, and how much of it is left elsewhere."""

    prompt: str
    tokens: list[int]
    layer: int
    head: int
    name: str
    here: float
    there: float

    @property
    def change(self) -> float:
        return self.here - self.there


def head_explorer_opening(checkpoint: Checkpoint) -> Opening | None:
    """Search the head whose habit on a prompt is lost most on random tokens.

    Effects, all shares of the head's attention weight: `here`, what its strongest habit
    takes on the prompt; `there`, what the same habit takes on random tokens said twice;
    `change`, the first minus the second.

    Returns:
        The head, and the token that shows its habit best; None where no prompt has one.
    """
    best = max(_habits(checkpoint), key=lambda each: each.change, default=None)
    if best is None:
        return None
    effects = {"here": best.here, "there": best.there, "change": best.change}
    patterns = attention_patterns(transformer_of(checkpoint), best.tokens)
    token = _clearest_query(patterns[best.layer, best.head], best.tokens, best.name)
    return Opening(best.prompt, best.layer, best.head, token, effects)


def _habits(checkpoint: Checkpoint) -> Iterator[_Habit]:
    """Yield, of each prompt, the head whose strongest habit is lost most."""
    model, random_scores = transformer_of(checkpoint), _on_random_tokens(checkpoint)
    for prompt, tokens in held_out_prompts(checkpoint):
        scores = head_scores(attention_patterns(model, tokens), tokens)
        names = [name for name in HABITS if scores.queries[name] >= FEWEST_QUERIES]
        if not names:
            continue
        here, there = (
            np.stack([getattr(each, name) for name in names])
            for each in (scores, random_scores)
        )
        strongest = here.argmax(0)[None]
        own, left = (
            np.take_along_axis(values, strongest, 0)[0] for values in (here, there)
        )
        change = np.nan_to_num(own - left, nan=-np.inf)
        layer, head = np.unravel_index(int(change.argmax()), change.shape)
        name = names[strongest[0, layer, head]]
        numbers = float(own[layer, head]), float(left[layer, head])
        yield _Habit(prompt, tokens, int(layer), int(head), name, *numbers)


def _on_random_tokens(checkpoint: Checkpoint) -> HeadScores:
    model, tokenizer, metadata = checkpoint
    longest = model.config.max_seq_len
    windows = held_out_windows(metadata, tokenizer, min(LONGEST, longest))
    familiar = familiar_tokens(tokenizer, windows)
    return scores_on(transformer_of(checkpoint), repeated_tokens(familiar, longest))


def _clearest_query(
    pattern: Float[np.ndarray, "q_pos k_pos"], tokens: list[int], habit: str
) -> int:
    """Return the query, of the later ones, that follows a habit most."""
    weight = (pattern * habit_cells(np.asarray(tokens))[habit]).sum(-1)
    later = len(tokens) // 2
    return later + int(weight[later:].argmax())
