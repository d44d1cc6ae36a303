"""Generation's tour: one prompt, and every way to choose what comes next."""

from collections.abc import Mapping
from typing import NamedTuple

from minigpt.config import GenerationConfig
from minigpt.generation.opened_draw import OpenedDraw
from pages.frame.controls.tour import Stop
from pages.frame.writing import Writing
from pages.generation.numbers import draw_of
from pages.generation.settings import in_session
from pages.generation.source import GenerationInput
from viz.probabilities import probability_text
from viz.tokens import display_piece

ONE, TEXT, TREE, ALL, MANY, CACHE = VIEWS = (
    "one token",
    "a text",
    "20 continuations",
    "all strategies",
    "many prompts",
    "the cache",
)
VIEW = "generation_view"
"""The key of the page's choice of a view."""

BARS, WRITTEN, BRANCHES = "one_token", "written", "tree"
"""The keys of three figures."""

STAGE = "_generation_stage"
"""In the session: the stage at which the bars stand."""

PLAIN = GenerationConfig(
    strategy="sampling", temperature=1.0, top_k=None, max_new_tokens=40
)
"""Draws with the model's own probabilities."""

COLD, HOT, NUCLEUS, FEW = 0.5, 2.0, 0.9, 5
THROWS = 12
"""Seeds that are tried for two draws that differ."""


class _Told(NamedTuple):
    """What the stops speak of: a model after a prompt, and its draws by seed."""

    source: GenerationInput
    draws: list[OpenedDraw]

    @property
    def best(self) -> int:
        return int(self.draws[0].stages[0].probabilities.argmax())

    def seed_without(self, token: int, otherwise: int) -> int:
        """Return the first seed that draws another token than this one, if any."""
        seeds = (n for n, draw in enumerate(self.draws) if draw.token != token)
        return next(seeds, otherwise)

    def name(self, token: int) -> str:
        return f"“{display_piece(self.source.checkpoint.tokenizer.piece(token))}”"

    def of_best(self, config: GenerationConfig = PLAIN) -> str:
        """Say how likely the likeliest token is with some settings."""
        under = self.draws[0].under(config)
        return probability_text(float(under.probabilities[self.best]))


def stops(source: GenerationInput) -> list[Stop]:
    """Write the tour of a prompt.

    Args:
        source: The model and its prompt.
    """
    model, tokens = source.checkpoint.model, source.tokens
    seeds = range(THROWS)
    draws = [draw_of(model, tokens, PLAIN.replace(seed=seed), []) for seed in seeds]
    told = _Told(source, draws)
    return [
        _probabilities(told),
        *_drawn(told),
        *_reshaped(told),
        *_cut_off(told),
        _greedy(told),
        *_texts(told),
    ]


def _probabilities(told: _Told) -> Stop:
    read = told.name(told.source.tokens[-1])
    known = told.source.checkpoint.tokenizer.vocab_size
    return _bars(
        "model",
        f"The model has read up to {read}. Now it gives each of its {known:,} tokens "
        "a probability of coming next. The longest bar is "
        f"{told.name(told.best)}, with {told.of_best()}. This is all that a language "
        "model does. (A dot stands for a space.)",
        PLAIN.replace(seed=0),
        {"_written": (told.source.identity, [])},
    )


def _drawn(told: _Told) -> list[Stop]:
    """Draw, and draw again."""
    one = told.seed_without(told.best, 0)
    first = told.draws[one]
    other = told.seed_without(first.token, (one + 1) % THROWS)
    second = told.draws[other]
    came = (
        "the likeliest one"
        if first.token == told.best
        else f"although {told.name(told.best)} is likelier"
    )
    again = (
        f"{told.name(second.token)} wins"
        if second.token != first.token
        else f"{told.name(second.token)} wins once more"
    )
    return [
        _bars(
            "draw",
            "The model does not decide which token is written. Chance does, in a race: "
            "each token waits for a random time, mostly shorter if it is likelier, and "
            f"the first to arrive is written. Here it is {told.name(first.token)}, "
            f"{came}.",
            PLAIN.replace(seed=one),
        ),
        _bars(
            "draw",
            f"Run the race again, and {again}. The probabilities are the same, only "
            "the dice are new. This is called sampling. The number that fixes the "
            "dice is the seed.",
            PLAIN.replace(seed=other),
        ),
    ]


def _reshaped(told: _Told) -> list[Stop]:
    """Make the bars less alike, and more."""
    best = told.name(told.best)
    cold, hot = (PLAIN.replace(temperature=each, seed=0) for each in (COLD, HOT))
    return [
        _bars(
            "temperature",
            "You can change the bars before the draw. Here the model’s scores were "
            f"divided by {COLD:g}, and what was likely became likelier: {best} rose "
            f"from {told.of_best()} to {told.of_best(cold)}. The number to divide by "
            "is called the temperature.",
            cold,
        ),
        _bars(
            "temperature",
            f"At temperature {HOT:g} the bars come closer together: {best} has "
            f"{told.of_best(hot)}. A low temperature makes texts safe and dull, a high "
            "one makes them surprising, and soon nonsense.",
            hot,
        ),
    ]


def _cut_off(told: _Told) -> list[Stop]:
    """Remove what is unlikely, by a number and by a share."""
    known = told.source.checkpoint.tokenizer.vocab_size
    few = PLAIN.replace(top_k=min(FEW, known - 1), seed=0)
    nucleus = PLAIN.replace(top_p=NUCLEUS, seed=0)
    left, kept = (told.draws[0].under(each) for each in (few, nucleus))
    most = f"{left.kept} likeliest tokens" if left.kept > 1 else "likeliest token"
    return [
        _bars(
            "top_k",
            f"You can also take tokens away. Only the {most} may be drawn now. "
            f"All the others together had {probability_text(left.removed)}. What is "
            "left is scaled up, so that it adds up to 1 again. This is called top-k, "
            f"and k is {few.top_k}.",
            few,
        ),
        _bars(
            "top_p",
            "The same number can be too many after one text and too few after "
            "another. So take the likeliest tokens, one after the other, until they "
            f"reach {NUCLEUS:g} together. Here that takes {kept.kept:,} of {known:,}. "
            "This is called top-p.",
            nucleus,
        ),
    ]


def _greedy(told: _Told) -> Stop:
    return _bars(
        "draw",
        "Or leave nothing to chance, and always write the likeliest token, "
        f"{told.name(told.best)}. This is called greedy decoding. The same prompt "
        "then always gives the same text, and such texts tend to go round in circles.",
        PLAIN.replace(strategy="greedy", seed=0),
    )


def _texts(told: _Told) -> list[Stop]:
    """Write on: one text, and many."""
    source, config = told.source, PLAIN.replace(seed=0)
    text = Writing(source.checkpoint, source.prompt, config, last_only=source.last_only)
    return [
        Stop(
            WRITTEN,
            "Draw a token, append it, let the model read again, and draw the next. "
            "That is how a text is written. Each token’s colour says how likely it "
            "was; pointing at one shows what else might have come.",
            {STAGE: None, **in_session(config), VIEW: TEXT, "_writing": text},
        ),
        Stop(
            BRANCHES,
            "Last, the same prompt twenty times, each time with new dice. Where the "
            "model is sure, the texts stay together; where much is possible, they "
            "part. Your turn: change the temperature, and grow them again.",
            {VIEW: TREE, "_grow_on": True},
        ),
    ]


def _bars(
    stage: str, words: str, config: GenerationConfig, also: Mapping[str, object] = {}
) -> Stop:
    """Return a stop at the bars of the next token."""
    return Stop(BARS, words, {VIEW: ONE, STAGE: stage, **in_session(config), **also})
