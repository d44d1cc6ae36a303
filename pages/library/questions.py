"""What the Library asks: sizes and tokens, computed from the models that are there."""

from collections.abc import Sequence

from minigpt.library.inventory import Facts
from pages.frame.questions import Question
from pages.frame.words import count, plain

_CLEARLY = 1.2
"""By what factor the first must exceed the second, to be told apart in a table."""
_BYTES = 4


def about(found: Sequence[Facts]) -> list[Question]:
    """Ask about models; those without an answer are left out."""
    asked = (_most_tokens(found), _bytes_of(found), _tokens_per_step(found))
    return [question for question in asked if question is not None]


def _most_tokens(found: Sequence[Facts]) -> Question | None:
    ratios = {
        facts.id: facts.tokens_seen / facts.num_parameters
        for facts in found
        if facts.tokens_seen and facts.num_parameters
    }
    best = sorted(ratios, key=ratios.__getitem__, reverse=True)[:4]
    if len(best) < 2 or ratios[best[0]] < _CLEARLY * ratios[best[1]]:
        return None
    options = sorted(best)
    seen = ", ".join(f"{plain(each)} {ratios[each]:,.0f}" for each in best)
    return Question(
        "library.tokens_per_parameter",
        "Which model read the most tokens **per parameter**?",
        options,
        options.index(best[0]),
        f"Tokens per parameter: {seen}. For large models, about 20 make the best "
        "use of a given amount of compute (Hoffmann et al. 2022).",
    )


def _bytes_of(found: Sequence[Facts]) -> Question | None:
    in_full = [facts for facts in found if not facts.quantization]
    largest = max(in_full, key=lambda facts: facts.num_parameters or 0, default=None)
    if largest is None or not largest.num_parameters:
        return None
    number = largest.num_parameters
    sizes = [number / 8, number, _BYTES * number]
    return Question(
        "library.bytes",
        f"**{plain(largest.id)}** has {count(number)} parameters of 32 bits each. "
        "How much storage do they need?",
        [f"{count(size)}B" if size >= 1e3 else f"{size:.0f} B" for size in sizes],
        2,
        f"32 bits are four bytes: 4 · {number:,} = {_BYTES * number:,} bytes.",
    )


def _tokens_per_step(found: Sequence[Facts]) -> Question | None:
    taught = [facts for facts in found if facts.tokens_seen and facts.step]
    if not taught:
        return None
    most = max(taught, key=lambda facts: facts.step)
    per_step = round((most.tokens_seen or 0) / most.step)
    if per_step < _BYTES:
        return None
    return Question(
        "library.tokens_per_step",
        f"**{plain(most.id)}** read {count(most.tokens_seen or 0)} tokens in "
        f"{most.step:,} steps. How many tokens feed **one** update of its weights?",
        [f"{per_step // _BYTES:,}", f"{per_step:,}", f"{per_step * 16:,}"],
        1,
        f"Tokens divided by steps: {per_step:,}. This is the batch size times the "
        "length of a window.",
    )
