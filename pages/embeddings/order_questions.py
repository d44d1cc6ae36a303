"""What "Embeddings and positions" asks about the same words in another order."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from minigpt.checkpoint import Checkpoint
from minigpt.config import MLPConfig
from minigpt.interpret.positions.word_order import shuffled
from pages.embeddings import position_questions
from pages.embeddings.numbers import OrderChange, order_change_of
from pages.embeddings.shuffle import SEED, bare_depths
from pages.frame import corpora
from pages.frame.questions import Question
from pages.frame.reading import place_in
from pages.frame.words import plain, told_apart

CLEAR = 0.002
"""Changes of a probability closer than this make no fair question."""
SEEDS = 6
"""Shuffles of one prompt that are asked about."""


class _Order(NamedTuple):
    """A prompt and a shuffle of it."""

    tokens: list[int]
    seed: int
    prompt: str | None

    @property
    def at(self) -> dict[str, Any]:
        here = {SEED: self.seed, "embeddings_part": "Shuffle the words"}
        return place_in(self.prompt, **here)

    @property
    def where(self) -> str:
        begins = (
            "Shuffle the words"
            if self.prompt is None
            else (f"Shuffle “{plain(self.prompt)}”")
        )
        return f"{begins} but keep the last one. (Shuffle {self.seed}.) "

    def change(self, checkpoint: Checkpoint, layers: int | None) -> OrderChange:
        order = tuple(shuffled(self.tokens, self.seed))
        return order_change_of(checkpoint.model, self.tokens, order, layers)


def _orders(checkpoint: Checkpoint, tokens: list[int], seed: int) -> Iterator[_Order]:
    """Yield the shuffle on the screen, then others, then those of other prompts."""
    yield _Order(tokens, seed, None)
    if len(set(tokens[:-1])) > 1:
        yield from (_Order(tokens, n, None) for n in range(SEEDS) if n != seed)
    for prompt, ids in corpora.other_prompts(checkpoint):
        yield from (_Order(ids, n, prompt) for n in range(SEEDS))


def one_layer(
    checkpoint: Checkpoint, tokens: list[int], seed: int
) -> Iterator[Question]:
    """Ask what a shuffle changes: for a layer without positions, then for the model."""
    depths = [*reversed(bare_depths(checkpoint.model)), None]
    for order in _orders(checkpoint, tokens, seed):
        for layers in depths:
            change = order.change(checkpoint, layers)
            yield Question(
                "embeddings.one_layer",
                f"{order.where}{_reader(layers)} reads both orders. Does it predict "
                "the same next token, with the same probability?",
                ["something changes", "exactly the same"],
                int(not change.moved),
                "The largest change of a probability is "
                f"{plain(_printed(change.largest))}"
                + ("." if change.moved else ", a rounding error."),
                order.at,
            )


def _reader(layers: int | None) -> str:
    if layers is None:
        return "The **whole model**"
    return (
        "**One layer** of this model, without any positions,"
        if layers == 1
        else f"A model of the **first {layers} layers**, without any positions,"
    )


def order_checks(
    checkpoint: Checkpoint, tokens: list[int], seed: int
) -> list[Iterator[Question]]:
    """Ask what the tests of a shuffle come to."""
    if isinstance(checkpoint.model.config, MLPConfig):
        return position_questions.window_checks(checkpoint.model.config)
    if 2 not in bare_depths(checkpoint.model):
        return [position_questions.alibi_cost(checkpoint.model.config)]
    about = (checkpoint, tokens, seed)
    return [_two_layers(*about), _moved_most(*about)]


def _two_layers(
    checkpoint: Checkpoint, tokens: list[int], seed: int
) -> Iterator[Question]:
    options = ["not at all", "by less than 0.1", "by 0.1 to 0.5", "by more than 0.5"]
    for order in _orders(checkpoint, tokens, seed):
        change = order.change(checkpoint, 2)
        bin_of = 1 + int(change.largest >= 0.1) + int(change.largest > 0.5)
        yield Question(
            "embeddings.two_layers",
            f"{order.where}By how much does the shuffle change a probability in the "
            "first **two layers** without positions?",
            options,
            bin_of if change.moved else 0,
            f"By up to {plain(_printed(change.largest))}. In the second layer each "
            "token carries what it has already read, and that depends on what stood "
            "before it.",
            order.at,
        )


def _moved_most(
    checkpoint: Checkpoint, tokens: list[int], seed: int
) -> Iterator[Question]:
    names = {
        None: "the whole model",
        2: "its first two layers, without positions",
        1: "its first layer, without positions",
    }
    for order in _orders(checkpoint, tokens, seed):
        changes = {n: order.change(checkpoint, n).largest for n in names}
        first, second, _ = sorted(changes.values(), reverse=True)
        if first - second < CLEAR:
            continue
        best = max(changes, key=changes.__getitem__)
        values = told_apart([changes[n] for n in names], 3)
        yield Question(
            "embeddings.moved_most",
            f"{order.where}In which of the three does a probability change most?",
            list(names.values()),
            list(names).index(best),
            f"In order: {plain(', '.join(values))}.",
            order.at,
        )


def _printed(change: float) -> str:
    return f"{change:.3f}" if change >= 5e-4 else f"{change:.0e}"
