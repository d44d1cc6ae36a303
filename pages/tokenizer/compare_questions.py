"""What the Tokenizer page asks about two tokenizers, and about many languages."""

from collections.abc import Iterator
from random import Random

from minigpt.tokenizers import Tokenizer
from minigpt.tokenizers.inspection.scripts import SENTENCES, script_costs
from minigpt.tokenizers.inspection.splits import split_word
from pages.frame.questions import Question
from pages.tokenizer.questions import WORDS


def scripts(tokenizer: Tokenizer) -> Iterator[Question]:
    """Ask in which of some languages one sentence needs the most tokens."""
    costs = {cost.sentence.language: cost for cost in script_costs(tokenizer)}
    names = [sentence.language for sentence in SENTENCES]
    order = Random(len(names))
    first = sorted(names, key=lambda name: -costs[name].tokens)
    drawn = [[first[0], *first[3:9:2]], *(order.sample(names, 4) for _ in range(60))]
    for each in drawn:
        ranked = sorted(each, key=lambda name: -costs[name].tokens)
        best = costs[ranked[0]]
        if best.tokens == costs[ranked[1]].tokens:
            continue
        shown = sorted(each)
        yield Question(
            "tokenizer.scripts",
            f"*The child has a red ball*, in {', '.join(shown[:-1])} and {shown[-1]}. "
            "Which needs the most tokens?",
            shown,
            shown.index(ranked[0]),
            f"{best.tokens} tokens for {best.characters} characters; English has "
            f"{costs['English'].tokens}.",
            {"tokenizer_view": "Languages"},
        )


def fewer(
    one: Tokenizer, other: Tokenizer, names: tuple[str, str]
) -> Iterator[Question]:
    """Ask which of two tokenizers needs fewer tokens for a word.

    Args:
        one: The one on the left.
        other: The one on the right.
        names: What they are called.
    """
    for word in WORDS:
        counts = [len(split_word(each, word)) for each in (one, other)]
        right = 2 if counts[0] == counts[1] else int(counts[1] < counts[0])
        yield Question(
            "tokenizer.fewer",
            f"The word **{word}**, with a space before it: which tokenizer needs fewer "
            "tokens for it?",
            [*(f"{n}: {name}" for n, name in enumerate(names, 1)), "both the same"],
            right,
            f"The first needs {counts[0]}, the second {counts[1]}.",
            {"prompt": f"a {word}"},
        )
