"""Predict and Check of the logit lens: every answer is computed, none is stored."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from minigpt.checkpoint import Checkpoint
from minigpt.interpret.stream.logit_lens import Column, overtaking, settling
from pages.frame import corpora
from pages.frame.questions import Question
from pages.frame.reading import place_in, read_other, shuffled_places
from pages.frame.words import plain, told_apart
from pages.logit_lens.numbers import LensReading
from viz.tokens import display_piece


class Spot(NamedTuple):
    """A token after which the lens can be asked about."""

    source: LensReading
    position: int
    pair: tuple[int, int] | None = None
    """A and B; None: the two likeliest."""
    prompt: str | None = None
    """None: the one on the screen."""

    @property
    def column(self) -> Column:
        """All that the lens shows here."""
        return self.source.column(self.position)

    @property
    def rivals(self) -> tuple[int, int]:
        """A and B."""
        if self.pair is not None:
            return self.pair
        first, second = self.column.top(-1, 2)
        return int(first), int(second)

    @property
    def where(self) -> str:
        """How a question begins. Markdown."""
        within = "" if self.prompt is None else f"In “{plain(self.prompt)}”, "
        word = self.named(self.source.tokens[self.position])
        return f"{within}{'after' if within else 'After'} {word} ({self.position})"

    @property
    def at(self) -> dict[str, Any]:
        """The session state that shows it."""
        return place_in(self.prompt, token=self.position)

    def named(self, token: int) -> str:
        """Return a token's text, quoted. Markdown."""
        return f"“**{plain(display_piece(self.source.piece(token)))}**”"

    def points(self) -> list[str]:
        """Return the names of the lens's points."""
        return [point.name for point in self.source.lens().points]


def when_it_settles(source: LensReading, position: int) -> Iterator[Question]:
    """Ask, before the grid is read, where the model's answer appears for good.

    Args:
        source: The model and prompt.
        position: The token on the screen; others follow, then other prompts.
    """
    stretches = _stretches(source.checkpoint.model.config.num_layers)
    for spot in _spots(source, position):
        tops, names = spot.source.lens().top_tokens[:, spot.position, 0], spot.points()
        found = settling(tops)
        starts = [names.index(first) for first, _ in stretches]
        answer = spot.named(int(tops[-1]))
        yield Question(
            id="logit_lens.settles",
            text=f"{spot.where}, the model's likeliest next token is {answer}. From "
            "which point on does the lens already show this token?",
            options=[title for _, title in stretches],
            answer=max(i for i, start in enumerate(starts) if start <= found),
            why=f"The lens shows {answer} from the {plain(names[found])} on.",
            at=spot.at,
        )


def checks(
    source: LensReading, position: int, pair: tuple[int, int]
) -> list[Iterator[Question]]:
    """Return the kinds of questions at the end: this token first, then others.

    Args:
        source: The model and prompt.
        position: After which token.
        pair: A and B on the screen.
    """
    asked = (_first_word, _overtaking, _largest, _total)
    return [_each(ask, source, position, pair) for ask in asked]


def recall(checkpoint: Checkpoint) -> list[Iterator[Question]]:
    """Ask what can be worked out without the figures, about the model's own numbers."""
    prompts = corpora.other_prompts(checkpoint)
    if not prompts:
        return []
    named, _ = prompts[0]
    first = _elsewhere(checkpoint, named)
    return [
        _each(ask, first, len(first.tokens) - 1, None, named)
        for ask in (_total, _overtaking_told)
    ]


def _each(
    ask: Callable[[Spot], Question | None],
    source: LensReading,
    position: int,
    pair: tuple[int, int] | None,
    prompt: str | None = None,
) -> Iterator[Question]:
    for spot in _spots(source, position, pair, prompt):
        found = ask(spot)
        if found is not None:
            yield found


def _spots(
    source: LensReading,
    position: int,
    pair: tuple[int, int] | None = None,
    prompt: str | None = None,
) -> Iterator[Spot]:
    """Yield the token on the screen, the prompt's others, then those of other texts."""
    yield Spot(source, position, pair, prompt)
    for (other,) in shuffled_places(range(1, len(source.tokens))):
        if other != position:
            yield Spot(source, other, prompt=prompt)
    for text, _ in corpora.other_prompts(source.checkpoint):
        if text != prompt:
            read = _elsewhere(source.checkpoint, text)
            for (other,) in shuffled_places(range(1, len(read.tokens))):
                yield Spot(read, other, prompt=text)


def _elsewhere(checkpoint: Checkpoint, prompt: str) -> LensReading:
    read = read_other(checkpoint, prompt)
    return LensReading(checkpoint, read.tokens, read.pieces)


def _stretches(layers: int) -> list[tuple[str, str]]:
    """Divide the stream into at most four stretches: first point's name, a title."""
    firsts = sorted({0, layers // 2, layers - 1})
    lasts = [*(first - 1 for first in firsts[1:]), layers - 1]
    return [
        ("embedding", "embedding"),
        *(
            (f"L{first} attention", f"L{first}" + f"–L{last}" * (last > first))
            for first, last in zip(firsts, lasts, strict=True)
        ),
    ]


def _first_word(spot: Spot) -> Question | None:
    """Ask what the lens shows before any block."""
    first, second = (int(token) for token in spot.column.top(0, 2))
    own, output = spot.source.tokens[spot.position], int(spot.column.top(-1, 1)[0])
    texts = {
        display_piece(spot.source.piece(token))
        for token in (first, second, own, output)
    }
    options = sorted(texts)
    if len(options) < 2:
        return None
    why = f"It shows {spot.named(first)}."
    if spot.source.checkpoint.model.config.tie_embeddings and first == own:
        why += (
            " Embedding and unembedding are the same matrix here, so it repeats "
            "its input."
        )
    return Question(
        id="logit_lens.first",
        text=f"{spot.where}, which token does the lens show at the embedding, before "
        "the first block?",
        options=options,
        answer=options.index(display_piece(spot.source.piece(first))),
        why=why,
        at=spot.at,
    )


def _overtaking(spot: Spot, *, told: bool = False) -> Question | None:
    """Ask where A takes the lead over B for good.

    Args:
        spot: After which token.
        told: Whether the question gives A − B at every point.
    """
    a, b = spot.rivals
    gaps = spot.column.logits[:, a] - spot.column.logits[:, b]
    found = overtaking(gaps, 0 * gaps)
    if found is None or a == b:
        return None
    names = spot.points()
    others = [i for i in range(len(names)) if i != found]
    places = sorted({found, *others[:: max(1, len(others) // 3)][:3]})
    given = ", ".join(
        f"{name} {gap:+.2f}" for name, gap in zip(names, gaps, strict=True)
    )
    said = f" A − B in logits: {plain(given)}." * told
    return Question(
        id="logit_lens.overtakes",
        text=f"{spot.where}, A is {spot.named(a)} and B is {spot.named(b)}.{said} From "
        "which point on does A stay ahead of B?",
        options=[names[place] for place in places],
        answer=places.index(found),
        why="A − B stays above zero from there.",
        at=spot.at,
    )


def _overtaking_told(spot: Spot) -> Question | None:
    return _overtaking(spot, told=True)


def _largest(spot: Spot) -> Question | None:
    """Ask which part speaks most for A against B."""
    a, b = spot.rivals
    split = spot.source.attribution(spot.position, a, b)
    order = split.order
    if len(order) < 4 or split.shares[order[0]] - split.shares[order[1]] < 1e-3:
        return None
    places = sorted((order[0], order[1], order[-2], order[-1]))
    winner = split.parts[order[0]].name
    return Question(
        id="logit_lens.largest",
        text=f"{spot.where}, which of these parts contributes most to {spot.named(a)} "
        f"over {spot.named(b)}?",
        options=[split.parts[place].name for place in places],
        answer=places.index(order[0]),
        why=f"{plain(winner)} adds {plain(f'{split.shares[order[0]]:+.3f}')} logits.",
        at=spot.at,
    )


def _total(spot: Spot) -> Question | None:
    """Ask what all shares add up to."""
    a, b = spot.rivals
    one, other = (float(spot.column.logits[-1, token]) for token in (a, b))
    right, probability = one - other, float(spot.column.probabilities[-1, a])
    values = sorted({right, one, probability, 1.0})
    texts = told_apart(values, 3)
    if len(set(texts)) < 4:
        return None
    return Question(
        id="logit_lens.total",
        text=f"{spot.where}, A, {spot.named(a)}, has a logit of "
        f"{plain(f'{one:.3f}')} and B, {spot.named(b)}, one of "
        f"{plain(f'{other:.3f}')}. Every part of the model has a share of A − B. What "
        "do all the shares add up to?",
        options=texts,
        answer=values.index(right),
        why="They add up to logit(A) − logit(B): the stream is a sum, the unembedding "
        "is linear, and the final norm's scale is held fixed.",
        at=spot.at,
    )
