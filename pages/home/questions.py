"""The Check of Home, answered by the journey on the screen."""

from collections.abc import Iterator
from itertools import product
from typing import Any, NamedTuple

from minigpt.checkpoint import Checkpoint
from minigpt.interpret.stream.block_view import block_view
from minigpt.interpret.stream.journey import Journey, JourneyStage
from minigpt.model import TransformerLM
from pages.frame import corpora
from pages.frame.questions import Question
from pages.frame.reading import place_in
from pages.frame.words import plain, told_apart, within
from pages.home.numbers import follow, opening_of
from viz.tokens import placed_pieces

NAMES = {"embedding": "the embedding", "attention": "attention", "MLP": "the MLP"}
CLEAR = 0.97
"""A second part that adds more than this share of the first makes no fair question."""


class _Row(NamedTuple):
    """A token on its way, in the prompt on the screen or in another."""

    found: Journey
    names: list[str]
    token: int
    prompt: str | None

    @property
    def name(self) -> str:
        return plain(self.names[self.token])

    @property
    def where(self) -> str:
        return within(self.prompt)

    @property
    def at(self) -> dict[str, Any]:
        return place_in(self.prompt, token=self.token)


def checks(checkpoint: Checkpoint, tokens: list[int]) -> list[Iterator[Question]]:
    """Ask what a row is, what its guess is for, and what is added to it.

    Args:
        checkpoint: The model.
        tokens: The prompt on the screen.
    """
    about = (checkpoint, tokens)
    return [_sum(*about), _who_predicts(*about), most_added(*about)]


def _rows(checkpoint: Checkpoint, tokens: list[int]) -> Iterator[_Row]:
    """Yield the last row on the screen, then its others, then those of other texts."""
    prompts: list[tuple[str | None, list[int]]] = [(None, tokens)]
    for prompt, ids in [*prompts, *corpora.other_prompts(checkpoint, 8, 6)]:
        found = follow(checkpoint.model, ids)
        names = placed_pieces(checkpoint.tokenizer.pieces(ids))
        for token in reversed(range(len(ids))):
            yield _Row(found, names, token, prompt)


def most_added(checkpoint: Checkpoint, tokens: list[int]) -> Iterator[Question]:
    """Ask which part adds most to a row, or least; where two are alike, nothing.

    Args:
        checkpoint: The model.
        tokens: The prompt on the screen.
    """
    for row, wanted in product(_rows(checkpoint, tokens), ("longest", "shortest")):
        sign = -1 if wanted == "longest" else 1
        parts = row.found.stages[1:]
        order = sorted(parts, key=lambda stage: sign * stage.added[row.token])[:4]
        sizes = [float(stage.added[row.token]) for stage in order]
        if len(order) < 2 or min(sizes[:2]) > CLEAR * max(sizes[:2]):
            continue
        shown = [stage for stage in parts if any(stage is each for each in order)]
        yield Question(
            "home.most_added",
            f"{row.where}Which part adds the {wanted} vector to the row of "
            f"**{row.name}**?",
            [_name(stage) for stage in shown],
            next(n for n, stage in enumerate(shown) if stage is order[0]),
            f"{_name(order[0])} adds a vector of norm {sizes[0]:.3g}.",
            row.at,
        )


def _sum(checkpoint: Checkpoint, tokens: list[int]) -> Iterator[Question]:
    for row in _rows(checkpoint, tokens):
        for before, stage in zip(row.found.stages, row.found.stages[1:], strict=False):
            at = row.token
            old, added = float(before.stream[at]), float(stage.added[at])
            new = float(stage.stream[at])
            values = sorted({old, added, new, old + added})
            told = told_apart(values)
            if len(set(told)) < 4:
                continue
            yield Question(
                "home.sum",
                f"{row.where}The vector of **{row.name}** has length (norm) "
                f"{plain(told[values.index(old)])}. {_name(stage).capitalize()} adds a "
                f"vector of length {plain(told[values.index(added)])}. How long is the "
                "sum?",
                told,
                values.index(new),
                "Vectors add up number by number. Their lengths add up only when both "
                "point in the same direction.",
                row.at,
            )


def _who_predicts(checkpoint: Checkpoint, tokens: list[int]) -> Iterator[Question]:
    for row in _rows(checkpoint, tokens):
        last = len(row.names) - 1
        new = "a token that is not in the text yet"
        places = sorted({0, max(0, row.token - 1), row.token, min(last, row.token + 1)})
        options = [*(row.names[place] for place in places), new]
        right = new if row.token == last else row.names[row.token + 1]
        yield Question(
            "home.who_predicts",
            f"{row.where}The row of **{row.name}** ends in a guess. Which token does "
            "it guess?",
            options,
            options.index(right),
            "Each row guesses the token after its own. Only the last row guesses one "
            "that is not there yet. In training, every guess counts.",
            row.at,
        )


def recall(checkpoint: Checkpoint) -> list[Iterator[Question]]:
    """Ask what can be worked out without the figure."""
    found = opening_of(checkpoint)
    if found is None or not isinstance(checkpoint.model, TransformerLM):
        return []
    tokens = checkpoint.tokenizer.encode(found.prompt)
    return [_goes_on(checkpoint, tokens), _who_predicts(checkpoint, tokens)]


def _goes_on(checkpoint: Checkpoint, tokens: list[int]) -> Iterator[Question]:
    """Ask with which numbers a residual stream goes on after attention."""
    layers = checkpoint.model.config.num_layers
    for layer, token in product(range(layers), range(len(tokens))):
        view = block_view(checkpoint.model, tokens, layer, token)
        old, added = view.resid_pre[:2].tolist(), view.attn_out[:2].tolist()
        both = [old, added, view.resid_mid[:2].tolist(), [-n for n in added]]
        shown = [f"{one:.2f}, {other:.2f}" for one, other in both]
        if len(set(shown)) < 4:
            continue
        options = sorted(shown)
        yield Question(
            "home.goes_on",
            f"A residual stream begins with {plain(shown[0])}. Attention adds a vector "
            f"that begins with {plain(shown[1])}. What does the stream begin with now?",
            options,
            options.index(shown[2]),
            "The numbers are added, each to its own: nothing is replaced.",
        )


def _name(stage: JourneyStage) -> str:
    first, last = stage.layers
    if stage.kind == "blocks":
        return f"block {first}" if first == last else f"blocks {first}–{last}"
    return f"{NAMES[stage.kind]} of block {first}"
