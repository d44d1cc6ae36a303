"""What the Tokenizer page asks about byte pair encoding by hand: any text will do."""

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from random import Random

from pages.frame.questions import Question


def by_hand() -> Iterator[Question]:
    """Ask for the first merge of a few letters; the same questions for every model."""
    order = Random(5)
    for _ in range(80):
        pieces = order.choices(("ab", "c", "ba", "cab", "bc"), k=5)
        text = "".join(pieces)
        counts = Counter(map("".join, pairwise(text)))
        ranked = counts.most_common()
        if len(ranked) < 4 or ranked[0][1] == ranked[1][1]:
            continue
        best, times = ranked[0]
        # Letters that overlap, as in bbb, would be counted twice and joined once.
        if best[0] == best[1]:
            continue
        shown = sorted(pair for pair, _ in ranked[:4])
        yield Question(
            "tokenizer.by_hand",
            f"Byte-pair encoding learns from the text `{text}`. Which two neighbours "
            "does it merge first?",
            [" + ".join(pair) for pair in shown],
            shown.index(best),
            f"They stand side by side {times} times, more often than any other pair.",
        )


def vocabulary() -> Iterator[Question]:
    """Ask how large a vocabulary becomes."""
    order = Random(6)
    for _ in range(30):
        merges, special = 100 * order.randrange(2, 400), order.randrange(1, 7)
        right = 256 + merges + special
        shown = sorted({right, merges, 2 * merges + special, 256 * special + merges})
        yield Question(
            "tokenizer.vocabulary",
            f"Byte-pair encoding starts with 256 bytes. It learns {merges:,} merges, "
            f"and {special} special tokens are added. How many tokens are in the "
            "vocabulary?",
            [f"{option:,}" for option in shown],
            shown.index(right),
            f"Each merge makes one new token: 256 + {merges:,} + {special} = "
            f"{right:,}.",
        )
