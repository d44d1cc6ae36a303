"""Beam search's tour: one text at a time, then several, and which of them wins."""

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

from pages.beam_search.challenge import SAME
from pages.beam_search.numbers import Searched, Source, searched
from pages.beam_search.settings import DEFAULT, WIDEST
from pages.frame.controls.tour import Stop
from viz.beams import nats, times_likelier
from viz.tokens import display_piece

TREE, TEXTS, SETTINGS = "beam_tree", "beam_texts", "beam_settings"

STEP, LAST = "_beam_step", 99
"""In the session: how far the tree has grown; to the end, however far that is."""


class _Told(NamedTuple):
    """What the stops speak of: one prompt, searched in different ways."""

    source: Source
    greedy: Searched
    beam: Searched
    wide: Searched
    plain: Searched
    """The beam again, by plain sums, without regard to length."""

    @property
    def known(self) -> int:
        return self.source.checkpoint.model.config.vocab_size

    def text(self, found: Searched) -> str:
        written = self.source.written(found.best.tokens).strip(" ")
        return "“{}”".format(written.replace("\n", "⏎"))

    def name(self, token: int) -> str:
        return f"“{display_piece(self.source.pieces([token])[0])}”"


def stops(source: Source, longest: int) -> list[Stop]:
    """Write the tour of one prompt, searched with the page's own settings.

    Args:
        source: The model and its prompt.
        longest: Tokens that can be written after it.
    """
    config = DEFAULT.replace(max_new_tokens=min(DEFAULT.max_new_tokens, longest))

    def search(width: int, penalty: float) -> Searched:
        how = config.replace(num_beams=width, length_penalty=penalty)
        return searched(replace(source, config=how))

    told = _Told(
        source,
        search(1, DEFAULT.length_penalty),
        search(DEFAULT.num_beams, DEFAULT.length_penalty),
        search(WIDEST, DEFAULT.length_penalty),
        search(DEFAULT.num_beams, 0.0),
    )
    before = {
        "tokens": config.max_new_tokens,
        "length_penalty": DEFAULT.length_penalty,
        "repetition": DEFAULT.repetition_penalty,
        "early_stopping": DEFAULT.early_stopping,
    }
    return [
        *_alone(told, before),
        *_together(told),
        _greedy_leaves(told),
        _won(told),
        *_otherwise(told),
    ]


def _alone(told: _Told, before: Mapping[str, object]) -> list[Stop]:
    """Write one text, greedily."""
    best = told.greedy.best
    return [
        _grown(
            1,
            1,
            "The plainest way to write: take the likeliest token, "
            f"{told.name(best.tokens[0])}, forget all others, and go on from there. "
            "Each column of this tree is one token further on. Writing like this never "
            "looks ahead, so it is called greedy decoding. (A dot stands for a space.)",
            before,
        ),
        _grown(
            1,
            LAST,
            f"Greedy decoding wrote {told.text(told.greedy)}. How likely is that as a "
            "whole? Multiply the probabilities of its tokens, or, which comes to the "
            f"same thing, add up their logarithms. The sum is {nats(best.cumulative)} "
            "nats. The nearer to 0, the likelier the text.",
        ),
    ]


def _together(told: _Told) -> list[Stop]:
    """Keep several texts, and let them compete."""
    width = DEFAULT.num_beams
    first = [node for node in told.beam.search.candidates if node.step == 1]
    running = sum(node.status == "kept" for node in first)
    texts = "1 text is" if running == 1 else f"{running} texts are"
    return [
        _grown(
            width,
            1,
            "A good beginning may lead nowhere. So keep more than one: here the best "
            f"{width} of {told.known:,} tokens. The others are pruned, and fade. What "
            f"is kept is called the beam, and {width} is its width.",
        ),
        _grown(
            width,
            2,
            f"Now {texts} continued by every token there is, which makes "
            f"{running * told.known:,} candidates. They all compete by their sums, and "
            f"the best {width} go on, whichever text they continue.",
        ),
    ]


def _greedy_leaves(told: _Told) -> Stop:
    """Say what becomes of greedy's text in the beam."""
    width, left = DEFAULT.num_beams, told.beam.greedy_left
    if left is None:
        return _grown(
            width,
            max(3, len(told.beam.greedy.tokens) // 2),
            "The outlined text is greedy’s. In this beam it is kept to the end, "
            "because its sum is always among the best.",
        )
    node = told.beam.nodes[told.beam.tree.paths[0][left - 1]]
    where = f"only number {node.rank + 1}" if node.rank >= 0 else "far behind"
    return _grown(
        width,
        max(3, left),
        f"The outlined text is greedy’s. At step {left} it dropped out of the beam: "
        f"with {nats(node.cumulative)} nats it was {where}. Each of its tokens was the "
        "likeliest one, and yet other texts were ahead.",
    )


def _won(told: _Told) -> Stop:
    """Compare the best text with greedy's."""
    best, greedy = told.beam.best, told.beam.greedy
    gain = best.cumulative - greedy.cumulative
    if best.tokens == greedy.tokens:
        words = (
            "The search is over, and the best text found is greedy’s own. After this "
            "prompt, the likeliest tokens do make the likeliest text. That is not "
            "always so: try the button below the tree."
        )
    elif gain > 0:
        words = (
            f"The search is over. The best text is {told.text(told.beam)}, with a sum "
            f"of {nats(best.cumulative)} nats: {times_likelier(gain)} as likely as "
            f"greedy’s. {_parting(told)}"
        )
    else:
        words = (
            f"The search is over. Its best text, {told.text(told.beam)}, has a sum of "
            f"{nats(best.cumulative)} nats. Greedy’s is likelier, "
            f"{nats(greedy.cumulative)}: a beam can prune what would have been best."
        )
    return _grown(DEFAULT.num_beams, LAST, words)


def _parting(told: _Told) -> str:
    """Say where the best text parts from greedy's."""
    pairs = zip(told.beam.best.tokens, told.beam.greedy.tokens, strict=False)
    for own, greedy in pairs:
        if own != greedy:
            return (
                f"It took {told.name(own)} where greedy took {told.name(greedy)}: the "
                "less likely token, but the better text."
            )
    return ""


def _otherwise(told: _Told) -> list[Stop]:
    """Search more widely, then without regard to length."""
    gain = told.wide.best.cumulative - told.beam.best.cumulative
    found = (
        f"{told.text(told.wide)}, which is {times_likelier(gain)} as likely as what "
        f"the beam of {DEFAULT.num_beams} found"
        if gain > SAME
        else "nothing likelier than before"
    )
    short, usual = told.plain.best, told.beam.best
    changed = (
        "The same text wins either way."
        if short.tokens == usual.tokens
        else f"Now {told.text(told.plain)} wins, with {len(short.tokens)} tokens; "
        f"before, the winner had {len(usual.tokens)}."
    )
    return [
        _grown(
            WIDEST,
            LAST,
            f"A beam of {WIDEST} keeps more texts and finds {found}. It costs more "
            f"too: each step has up to {WIDEST * told.known:,} candidates.",
        ),
        Stop(
            TEXTS,
            "Every further token lowers the sum, so a short text has an advantage. "
            "That is why a text is judged by its score, the sum divided by the length. "
            "In this table the length penalty is 0, and nothing is divided. "
            f"{changed}",
            {"width": DEFAULT.num_beams, "length_penalty": 0.0, STEP: LAST},
        ),
        Stop(
            SETTINGS,
            "Your turn. Find the narrowest beam that beats greedy decoding; a line "
            "below the tree tells you whether you have it. Then type another prompt: "
            "does greedy decoding find the best text there?",
            {"length_penalty": DEFAULT.length_penalty},
        ),
    ]


def _grown(width: int, step: int, words: str, also: Mapping[str, object] = {}) -> Stop:
    """Return a stop at the tree of a beam, grown so far."""
    return Stop(TREE, words, {"width": width, STEP: step, **also})
