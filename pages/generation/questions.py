"""Predict and Check of "Generation", answered by the draw on the screen."""

from minigpt.config import GenerationConfig
from minigpt.generation.opened_draw import OpenedDraw
from pages.frame.questions import Question
from pages.frame.words import plain
from viz.components.token_stream.view import surprise
from viz.tokens import display_piece

NUCLEUS = 0.9
FAR = 10
"""Of a hundred: two answers nearer than this are no choice."""
CLEAR = 0.02
"""The same of probabilities."""


def how_often(
    draw: OpenedDraw, config: GenerationConfig, pieces: list[str]
) -> Question:
    """Ask how often the likeliest token comes, of a hundred draws.

    Args:
        draw: The one on the screen.
        config: Its settings.
        pieces: The texts of the whole vocabulary.
    """
    model, last = draw.stages[0].probabilities, draw.stages[-1].probabilities
    best = int(model.argmax())
    greedy = draw.waits is None
    right = 100 if greedy else round(100 * float(last[best]))
    wrong = {100, 0, round(100 * float(model[best])), right // 3, right // 2 + 50}
    options = sorted({right, *(each for each in wrong if abs(each - right) >= FAR)})
    why = (
        "Greedy decoding always takes the likeliest token."
        if greedy
        else f"The model gives it {float(model[best]):.3f}; with your settings that "
        f"becomes {float(last[best]):.3f}. The rest is chance."
    )
    return Question(
        "generation.how_often",
        f"The model finds **{_word(pieces[best])}** likeliest, with "
        f"{float(model[best]):.2f}. You draw 100 times ({config.strategy}). About "
        "how often is it drawn?",
        [str(option) for option in options],
        options.index(right),
        why,
    )


def checks(draw: OpenedDraw, pieces: list[str]) -> list[Question]:
    """Ask what temperature, top-p and surprise make of these numbers.

    Args:
        draw: The one on the screen.
        pieces: The texts of the whole vocabulary.
    """
    return [_temperature(draw, pieces), _nucleus(draw), _surprise(draw, pieces)]


def _temperature(draw: OpenedDraw, pieces: list[str]) -> Question:
    before = draw.stages[0]
    cold = draw.under(_only(temperature=0.5))
    hot = draw.under(_only(temperature=2.0))
    numbers = [float(each.probabilities.max()) for each in (cold, before, hot)]
    wrong = [*numbers[1:], min(1.0, 2 * numbers[1]), numbers[0] / 2]
    apart = min(CLEAR, numbers[0] / 4)
    far = (number for number in wrong if abs(number - numbers[0]) >= apart)
    options = sorted({f"{number:.3f}" for number in (numbers[0], *far)})
    best = _word(pieces[int(before.probabilities.argmax())])
    return Question(
        "generation.temperature",
        f"**{best}** has probability {numbers[1]:.3f}. What is its probability at "
        "temperature 0.5, with no other filter?",
        options,
        options.index(f"{numbers[0]:.3f}"),
        "The logits are doubled, so the probabilities are squared and rescaled: "
        f"{numbers[0]:.3f}. At temperature 2 it would have {numbers[2]:.3f}.",
    )


def _nucleus(draw: OpenedDraw) -> Question:
    vocab = len(draw.stages[0].probabilities)
    kept = draw.under(_only(top_p=NUCLEUS)).kept
    options = sorted({1, kept, max(2, kept // 3), min(vocab, 3 * kept), vocab})
    return Question(
        "generation.nucleus",
        f"Of {vocab} tokens, how many does top-p {NUCLEUS} keep after this text?",
        [str(option) for option in options],
        options.index(kept),
        f"The {kept} likeliest tokens are the smallest set that reaches {NUCLEUS} "
        "together. After another text the number is different; top-k would "
        "always keep k.",
    )


def _surprise(draw: OpenedDraw, pieces: list[str]) -> Question:
    p = float(draw.stages[0].probabilities[draw.token])
    right = surprise(p)
    wrong = (p, 1 - p, right / 2, right + 1)
    far = (value for value in wrong if abs(value - right) >= 5 * CLEAR)
    options = [f"{value:.2f} nats" for value in sorted({right, *far})]
    return Question(
        "generation.surprise",
        f"The token drawn was **{_word(pieces[draw.token])}**, to which the model "
        f"gave probability {p:.3g}. How large is the model's surprise?",
        options,
        options.index(f"{right:.2f} nats"),
        f"Surprise is −ln p: −ln {p:.3g} = {right:.2f} nats.",
    )


def _only(**settings: float) -> GenerationConfig:
    """Return settings in which nothing but the named filter changes anything."""
    alone = {"temperature": 1.0, "top_k": None}
    return GenerationConfig(strategy="sampling", **{**alone, **settings})


def _word(piece: str) -> str:
    return plain(display_piece(piece))
