"""Predict and Check of beam search: every answer is computed, none is stored."""

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import pairwise
from typing import Any, NamedTuple

from minigpt.checkpoint import Checkpoint
from minigpt.generation.beam.exhaustive import about
from pages.beam_search import settings
from pages.beam_search.numbers import Searched, Source, opening_of, prompts_of, searched
from pages.frame.questions import Question
from pages.frame.reading import place_in
from pages.frame.words import plain, told_apart
from viz.beams import nats
from viz.tokens import display_piece

OFFERED = 4

GAINS = {
    "it is less likely": -0.005,
    "it is the same text": 0.005,
    "less than 2 times as likely": math.log(2),
    "2 to 10 times as likely": math.log(10),
    "more than 10 times as likely": math.inf,
}
"""Answers about how much likelier a text is, each up to so many nats."""

BEST = "it is the best text found"
BEATEN = "it is kept to the end, but another text is better"


class _Asked(NamedTuple):
    """A search that can be asked about."""

    source: Source
    prompt: str | None = None
    """None: the one on the screen."""

    @property
    def found(self) -> Searched:
        return searched(self.source)

    @property
    def where(self) -> str:
        return "" if self.prompt is None else f"After “{plain(self.prompt)}”: "

    @property
    def at(self) -> dict[str, Any]:
        return place_in(self.prompt)

    def piece(self, token: int) -> str:
        return display_piece(self.source.pieces([token])[0])


def _searches(source: Source) -> Iterator[_Asked]:
    """Yield the search on the screen, then the same after other prompts."""
    yield _Asked(source)
    for prompt in prompts_of(source.checkpoint):
        if prompt != source.prompt:
            tokens = source.checkpoint.tokenizer.encode(prompt)
            yield _Asked(replace(source, prompt=prompt, tokens=tokens), prompt)


def best_way_on(source: Source) -> Iterator[Question]:
    """Ask, before the tree grows, where the best text parts from greedy's, and how."""
    for asked in _searches(source):
        question = _way_on(asked)
        if question is not None:
            yield question


def _way_on(asked: _Asked) -> Question | None:
    found, source = asked.found, asked.source
    best, greedy = found.best.tokens, found.greedy.tokens
    shared = 0
    if best != greedy:
        shared = next(
            place
            for place, pair in enumerate(zip(best, greedy, strict=False))
            if pair[0] != pair[1]
        )
    parent = found.tree.paths[1][shared - 1] if shared else -1
    after = [node.token for node in found.nodes if node.parent == parent]
    tokens = [greedy[shared], best[shared], *after]
    names: dict[str, int] = {}
    for token in dict.fromkeys(tokens):
        names.setdefault(asked.piece(token), token)
    # In the order of their names, so that the order says nothing about the answer.
    options = sorted(list(names)[:OFFERED])
    answer = asked.piece(best[shared])
    if len(options) < 2 or names[answer] != best[shared]:
        return None
    likeliest = plain(asked.piece(greedy[shared]))
    before = plain(display_piece(source.written(greedy[:shared])))
    begins = f"After “**{before}**” greedy" if shared else "Greedy decoding"
    return Question(
        "beam_search.way_on",
        f"{asked.where}{begins} takes the likeliest token, “**{likeliest}**”. A beam "
        f"of width {source.config.num_beams} looks for the likeliest whole text. Which "
        "token does its best text have there?",
        options,
        options.index(answer),
        f"Its whole text has a sum of {plain(nats(found.best.cumulative))} nats, "
        f"greedy’s {plain(nats(found.greedy.cumulative))}.",
        asked.at,
    )


def gain(source: Source) -> Iterator[Question]:
    """Ask, once the tree is seen, how much likelier the beam's text is."""
    for asked in _searches(source):
        best, greedy = asked.found.best, asked.found.greedy
        nats_gained = best.cumulative - greedy.cumulative
        options = list(GAINS)
        right = next(name for name, most in GAINS.items() if nats_gained <= most)
        yield Question(
            "beam_search.gain",
            f"{asked.where}How likely is the beam’s best text as a whole, compared "
            "with greedy’s?",
            options,
            options.index(right),
            f"The sums are {plain(nats(best.cumulative))} and "
            f"{plain(nats(greedy.cumulative))} nats. e to the power of the difference "
            "says how many times as likely it is.",
            asked.at,
        )


def checks(source: Source) -> list[Iterator[Question]]:
    """Ask what becomes of greedy's text, and how sums and candidates are counted."""

    def about_each(ask: Callable[[_Asked], Iterator[Question]]) -> Iterator[Question]:
        for asked in _searches(source):
            yield from ask(asked)

    return [about_each(_drop_out), about_each(_sum), about_each(_candidates)]


def recall(checkpoint: Checkpoint) -> list[Iterator[Question]]:
    """Ask what can be worked out without the tree, about the model's own numbers."""
    found = opening_of(checkpoint)
    if found is None:
        return []
    tokens = checkpoint.tokenizer.encode(found.prompt)
    source = Source(checkpoint, found.prompt, tokens, settings.DEFAULT)
    _, total, candidates = checks(source)
    return [total, candidates]


def _drop_out(asked: _Asked) -> Iterator[Question]:
    """Ask what becomes of greedy's text."""
    found = asked.found
    left, steps = found.greedy_left, len(found.greedy.tokens)
    spread = {1, max(1, steps // 2), steps} | ({left} if left else set())
    dropped = {step: f"it is dropped at step {step}" for step in sorted(spread)}
    options = [BEST, BEATEN, *dropped.values()]
    if left is not None:
        node = found.nodes[found.tree.paths[0][left - 1]]
        place = f"ranks {node.rank + 1}" if node.rank >= 0 else "is not considered"
        right = dropped[left]
        why = f"With {plain(nats(node.cumulative))} nats it {place} there."
    else:
        right = BEST if found.best.tokens == found.greedy.tokens else BEATEN
        why = "It stays among the kept texts to the end."
    yield Question(
        "beam_search.drop_out",
        f"{asked.where}What becomes of greedy’s text in this beam?",
        options,
        options.index(right),
        why,
        asked.at,
    )


def _sum(asked: _Asked) -> Iterator[Question]:
    """Ask how a sum goes on, at each step of the best text where it says something."""
    path = [asked.found.nodes[each] for each in asked.found.tree.paths[1]]
    for before, node in sorted(pairwise(path), key=lambda pair: pair[1].log_prob):
        so_far, added, right = before.cumulative, node.log_prob, node.cumulative
        values = [right, so_far, added, (so_far + added) / 2, -so_far * added]
        if min(abs(one - other) for one, other in pairwise(sorted(values))) < 0.05:
            continue  # The answers would look alike.
        digits = _digits_that_add_up(so_far, added, right)
        options = sorted(values)
        piece = plain(asked.piece(node.token))
        yield Question(
            "beam_search.sum",
            f"{asked.where}At step {before.step} the best text’s sum is "
            f"{plain(nats(so_far, digits))}. Then comes “**{piece}**”, with ln p "
            f"{plain(nats(added, digits))}. What is the new sum?",
            [text.replace("-", "−") for text in told_apart(options)],
            options.index(right),
            "Probabilities multiply, so their logarithms add up.",
            asked.at,
        )


def _digits_that_add_up(one: float, other: float, total: float) -> int:
    """Return how many decimals two numbers need, for their sum to round to the total.

    >>> _digits_that_add_up(-0.694, -3.0735, -3.7675)  # −0.69 − 3.07 is not −3.77
    3
    """
    for digits in range(2, 6):
        if f"{round(one, digits) + round(other, digits):.2f}" == f"{total:.2f}":
            return digits
    return 6


def _candidates(asked: _Asked) -> Iterator[Question]:
    """Ask among how many continuations a step chooses."""
    search, config = asked.found.search, asked.source.config
    vocab_size = asked.source.checkpoint.model.config.vocab_size
    width = config.num_beams
    for step in range(1, min(3, int(search.steps[-1]) + 1)):
        before = [node for node in search.candidates if node.step == step - 1]
        texts = 1 if step == 1 else sum(node.status == "kept" for node in before)
        right = texts * vocab_size
        numbers = sorted({right, width, 2 * width, vocab_size, width * vocab_size})
        yield Question(
            "beam_search.candidates",
            f"{asked.where}The vocabulary has {vocab_size:,} tokens, the beam a width "
            f"of {width}. From how many candidates does step {step} choose?",
            [about(number) for number in numbers],
            numbers.index(right),
            f"{texts} unfinished text{'s' * (texts > 1)} × {vocab_size:,} tokens.",
            asked.at,
        )
