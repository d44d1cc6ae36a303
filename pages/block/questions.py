"""Predict and Check of "Multi-head and block", answered by the block on the screen."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from minigpt.checkpoint import Checkpoint
from minigpt.interpret.reading.prompt import Reading
from minigpt.interpret.stream.block_view import BlockView, length
from pages.block.numbers import block_of, opening_of
from pages.block.tour import PART
from pages.frame import corpora
from pages.frame.questions import Question
from pages.frame.reading import Place, place_in, read_other, shuffled_places
from pages.frame.words import plain, told_apart, within
from viz.tokens import display_piece

CLEAR = 1.05
"""Two lengths whose ratio is smaller are a tie: nobody should guess between them."""

SHOWN = 5
"""Of a long vector, so many numbers at its beginning are printed."""


class _Spot(NamedTuple):
    """One token in one block, that can be asked about."""

    reading: Reading
    layer: int
    token: int
    prompt: str | None = None
    """None: the one on the screen."""

    def view(self, checkpoint: Checkpoint) -> BlockView:
        return block_of(checkpoint.model, self.reading.tokens, self.layer, self.token)

    @property
    def name(self) -> str:
        word = plain(display_piece(self.reading.pieces[self.token]))
        return f"**{word}** (position {self.token})"

    @property
    def where(self) -> str:
        return within(self.prompt)

    @property
    def at(self) -> dict[str, Any]:
        return place_in(self.prompt, layer=self.layer, token=self.token)


Ask = Callable[[BlockView, _Spot], Question | None]
"""Asks about one spot; None where that is no question there."""


def predictions(
    checkpoint: Checkpoint, reading: Reading, place: Place
) -> Iterator[Question]:
    """Ask which part writes more; in a model without an MLP, which head.

    Args:
        checkpoint: The model that reads.
        reading: The prompt.
        place: The block and token on the screen; others follow.
    """
    ask = (_sublayers, _strongest_head, _grows)[_first_kind(checkpoint)]
    return _about(ask, checkpoint, reading, place)


def seen(checkpoint: Checkpoint, reading: Reading, place: Place) -> Iterator[Question]:
    """Ask what can be seen in the block: which head writes most, or what grew.

    Arguments as for `predictions`.
    """
    first, heads = _first_kind(checkpoint), checkpoint.model.config.num_heads
    if first == 0 and heads > 1:
        return _about(_strongest_head, checkpoint, reading, place)
    if first < 2:
        return _about(_grows, checkpoint, reading, place)
    return iter(())


def checks(
    checkpoint: Checkpoint, reading: Reading, place: Place
) -> list[Iterator[Question]]:
    """Ask what the numbers of a block come to. Arguments as for `predictions`."""
    asked: list[Ask] = [_added, _normalized]
    if _first_kind(checkpoint) == 0:
        asked.append(_fired)
    return [_about(ask, checkpoint, reading, place) for ask in asked]


def recall(checkpoint: Checkpoint) -> list[Iterator[Question]]:
    """Ask what can be worked out without the figures, about the model's own numbers."""
    found = opening_of(checkpoint)
    if found is None:
        return []
    place = Place(found.layer, found.head, found.token)
    reading = read_other(checkpoint, found.prompt)
    return checks(checkpoint, reading, place)[:2]


def _first_kind(checkpoint: Checkpoint) -> int:
    """Return which prediction a model allows: of MLP, heads or neither."""
    config = checkpoint.model.config
    if checkpoint.model.blocks[0].has_mlp:
        return 0
    return 1 if config.num_heads > 1 else 2


def _about(
    ask: Ask, checkpoint: Checkpoint, reading: Reading, place: Place
) -> Iterator[Question]:
    """Yield a kind's items: this spot, others of this prompt, then of other texts."""
    for spot in _spots(checkpoint, reading, place):
        question = ask(spot.view(checkpoint), spot)
        if question is not None:
            yield question


def _spots(checkpoint: Checkpoint, reading: Reading, place: Place) -> Iterator[_Spot]:
    first = _Spot(reading, place.layer, place.token)
    yield first
    for spot in _shuffled(reading):
        if spot != first:
            yield spot
    for prompt, _ in corpora.other_prompts(checkpoint):
        read = read_other(checkpoint, prompt)
        for spot in _shuffled(read):
            yield spot._replace(prompt=prompt)


def _shuffled(reading: Reading) -> list[_Spot]:
    layers, _, count, _ = reading.patterns.shape
    places = shuffled_places(range(layers), range(1, count))
    return [_Spot(reading, layer, token) for layer, token in places]


def _sublayers(view: BlockView, spot: _Spot) -> Question | None:
    if view.mlp_out is None:
        return None
    attention, mlp = length(view.attn_out), length(view.mlp_out)
    ratio, limits = mlp / max(attention, 1e-9), (0.5, 1.0, 2.0)
    if any(limit / CLEAR < ratio < limit * CLEAR for limit in limits):
        return None
    return Question(
        "block.sublayers",
        f"{spot.where}Attention and the MLP each add a vector to the stream of "
        f"{spot.name} in block {view.layer}. How long is the MLP's, compared with "
        "attention's?",
        [
            "less than half as long",
            "shorter, but more than half",
            "longer, but less than twice",
            "more than twice as long",
        ],
        sum(ratio > limit for limit in limits),
        f"Attention adds a vector of length {attention:.2f}, the MLP one of {mlp:.2f}.",
        spot.at,
    )


def _strongest_head(view: BlockView, spot: _Spot) -> Question | None:
    norms = view.head_norms
    order = sorted(range(len(norms)), key=lambda head: -norms[head])[:4]
    if len(order) < 2 or norms[order[0]] < CLEAR * norms[order[1]]:
        return None
    shown = sorted(order)
    return Question(
        "block.head",
        f"{spot.where}Which head writes the longest vector to the stream of "
        f"{spot.name} in block {view.layer}?",
        [f"L{view.layer}H{head}" for head in shown],
        shown.index(order[0]),
        f"What it writes has length {norms[order[0]]:.2f}.",
        spot.at,
    )


def _grows(view: BlockView, spot: _Spot) -> Question | None:
    before, after = length(view.resid_pre), length(view.resid_post)
    if max(before, after) < CLEAR * min(before, after):
        return None
    ratio = after / before
    return Question(
        "block.grows",
        f"{spot.where}How does the length of the stream of {spot.name} change in "
        f"block {view.layer}?",
        ["it shrinks", "it grows, but less than twofold", "it grows twofold or more"],
        int(ratio > 1) + int(ratio >= 2),
        f"It goes from {before:.2f} to {after:.2f}.",
        spot.at,
    )


def _added(view: BlockView, spot: _Spot) -> Question | None:
    before, added = length(view.resid_pre), length(view.attn_out)
    right = length(view.resid_mid)
    values = sorted({right, before + added, abs(before - added), added})
    return Question(
        "block.added",
        f"{spot.where}In block {view.layer}, the stream of {spot.name} has length "
        f"{plain(f'{before:.2f}')}, and attention adds a vector of length "
        f"{plain(f'{added:.2f}')}. How long is the sum?",
        told_apart(values),
        values.index(right),
        "Vectors are added number by number. Their lengths do not simply add up, "
        "because the two point in different directions.",
        {**spot.at, PART: "middle"},
    )


def _normalized(view: BlockView, spot: _Spot) -> Question | None:
    norm = view.ln1
    sizes = abs(norm.normalized[:SHOWN])
    at = int(sizes.argmax())
    centred = float(view.resid_pre[at]) - (norm.mean or 0.0)
    factor = 1.0 if norm.weight is None else float(norm.weight[at])
    shift = 0.0 if norm.shift is None else float(norm.shift[at])
    right = float(norm.out[at])
    others = (centred / norm.scale, centred * factor, centred, centred * norm.scale)
    values = sorted(_apart([right, *others])[:4])
    if len(values) < 3:
        return None
    less = "" if norm.mean is None else ", less the mean,"
    learned = "" if norm.weight is None else f", multiplies by {_signed(factor)}"
    if norm.shift is not None:
        learned += f" and adds {_signed(shift)}"
    return Question(
        "block.norm",
        f"{spot.where}In block {view.layer}, number {at} of the stream of "
        f"{spot.name}{less} is {_signed(centred)}. The norm divides by "
        f"{plain(f'{norm.scale:.3f}')}{learned}. What is number {at} of x, which the "
        "heads read?",
        told_apart(values, 3),
        values.index(right),
        "The norm brings the vector to a standard size; what it has learned is part "
        "of it.",
        {**spot.at, PART: "ln1"},
    )


def _apart(values: list[float]) -> list[float]:
    """Leave out what is printed as one before it, or almost: a weight may be 1."""
    kept: list[float] = []
    for value in values:
        if all(abs(value - each) > 0.002 for each in kept):
            kept.append(value)
    return kept


def _fired(view: BlockView, spot: _Spot) -> Question | None:
    if view.activations is None:
        return None
    neurons, fired = len(view.activations), view.fired
    options = sorted({fired, neurons - fired, neurons // 2, neurons})
    return Question(
        "block.fired",
        f"{spot.where}How many of the {neurons} neurons of block {view.layer} are "
        f"active at {spot.name}?",
        [str(option) for option in options],
        options.index(fired),
        f"{fired} have an activation above 0: {100 * fired / neurons:.0f}%.",
        {**spot.at, PART: "mlp"},
    )


def _signed(value: float) -> str:
    return plain(f"{value:.3f}".replace("-", "−"))
