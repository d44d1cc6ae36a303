"""The Tokenizer page's questions, answered by the tokenizer in view."""

from collections.abc import Iterator, Sequence
from itertools import product
from random import Random

from minigpt.checkpoint import Checkpoint
from minigpt.tokenizers import BPETokenizer, Tokenizer
from minigpt.tokenizers.inspection.merge_tree import merge_tree
from minigpt.tokenizers.inspection.replay import replay
from minigpt.tokenizers.inspection.splits import split_word
from pages.frame.questions import Question
from pages.frame.words import plain
from pages.tokenizer import merge_questions
from pages.tokenizer.pieces import plural
from viz.spelling import pair_name

WORDS = (
    "kite", "garden", "return", "import", "morning", "tensor", "xylophone", "friend",
    "function", "princess", "castle", "red", "went", "because", "happy", "number",
    "class", "river", "quickly", "once", "girl", "think", "zebra", "umbrella",
    "market", "ring", "self", "value", "story", "smile", "bright", "fox", "def",
    "list", "print", "silver",
)  # fmt: skip
TEXTS = (
    "The cat sat on the mat.",
    "One day Mia had a red kite.",
    "Tom went to the market",
    "1 12 123 1234",
    "The the The the",
    "two  spaces",
    "import numpy as np",
    "def add(a, b): return a + b",
    "Hello, world!",
    "🙂",
    "naïve",
    "xylophone",
    "She was happy because the king had a ball.",
    "to be or not to be",
    "aaaaaaaa",
    "In the garden there lived a small bear",
    "kite kite kite",
    "antidisestablishmentarianism",
    "E = mc²",
    "2026-11-27",
    "שלום",
    "Once upon a time",
    '"I want it," said the fox.',
    "$1,000.50",
)
"""Texts that are easy, hard or strange to split."""


def count(tokenizer: Tokenizer, text: str) -> Iterator[Question]:
    """Ask into how many pieces a text falls: first the one on the screen.

    Args:
        tokenizer: The one on the screen, with all of its merges.
        text: What the reader typed.
    """
    for each in dict.fromkeys([text, *TEXTS]):
        right = len(tokenizer.encode(each))
        words, letters = len(each.split()), len(each)
        options = sorted({right, words, letters, max(1, letters // 3), 2 * right})
        if not each.strip() or len(options) < 3:
            continue
        yield Question(
            "tokenizer.count",
            "A tokenizer splits a text into pieces, called **tokens**. Into how many "
            f"tokens does this one split “{plain(each)}”? It has "
            f"{plural(words, 'word')} and {plural(letters, 'character')}.",
            [f"{option:,}" for option in options],
            options.index(right),
            f"It is split into {plural(right, 'token')}.",
            {} if each == text else {"prompt": each},
        )


def after_the_count(tokenizer: Tokenizer, text: str) -> Iterator[Question]:
    """Ask how a text would fall with fewer merges, or what has no token at all."""
    if isinstance(tokenizer, BPETokenizer):
        return _fewer_merges(tokenizer, text)
    return _unknown(tokenizer)


def _fewer_merges(tokenizer: BPETokenizer, text: str) -> Iterator[Question]:
    most = len(tokenizer.merges)
    shares = [most // 2, most // 8, most // 32, 0]
    for each, merges in product(dict.fromkeys([text, *TEXTS]), dict.fromkeys(shares)):
        now = len(tokenizer.encode(each))
        then = len(tokenizer.limited_to(merges).encode(each))
        num_bytes = len(each.encode("utf-8"))
        options = sorted({now, then, num_bytes, now // 2, 2 * now})
        if not most or not each.strip() or now == num_bytes:
            continue
        yield Question(
            "tokenizer.half",
            f"This tokenizer learned {plural(most, 'merge')}; each joins two "
            f"neighbouring pieces into one. “{plain(each)}” has "
            f"{plural(num_bytes, 'byte')} and, after all merges, "
            f"{plural(now, 'token')}. How many would it have with the first {merges:,} "
            "merges alone?",
            [f"{option:,}" for option in options],
            options.index(then),
            f"It would have {then:,}. The first merges are the most frequent ones, so "
            "they save the most tokens. Move the slider and see.",
            {} if each == text else {"prompt": each},
        )


def _unknown(tokenizer: Tokenizer) -> Iterator[Question]:
    unit = "word" if tokenizer.kind == "word" else "character"
    marks = ("🙂", "é", "Ω", "ж", "漢", "#", "~", "…", "½", "√")
    letters = ("a", "e", "q", "z", "T", ".", ",", "?", "7")
    rule = f"Here a token is a whole {unit} of the training text."
    if tokenizer.kind == "adapted":
        rule = "This tokenizer came with its model."
    things = (*marks, *(WORDS if unit == "word" else letters))
    for thing in things:
        lost = bool(tokenizer.unknown(thing))
        if not lost and len(tokenizer.encode(thing)) != 1:
            continue  # neither lost nor whole: a library's tokenizer may do so
        yield Question(
            "tokenizer.emoji",
            f"{rule} What does the model read for {plain(thing)}?",
            ["one token for each of its bytes", "a token of its own", "<unk>: unknown"],
            2 if lost else 1,
            "What did not occur in the training text has no token: it is lost."
            if lost
            else "It occurs in the training text.",
            {"prompt": thing},
        )


def first_merge(tokenizer: BPETokenizer, text: str) -> Iterator[Question]:
    """Ask which two neighbours in a text are joined first."""
    for each in dict.fromkeys([text, *TEXTS, *(f"the {word}" for word in WORDS)]):
        nodes = merge_tree(tokenizer, each)
        steps = replay(nodes)
        pairs = [
            (pair_name((nodes[left].piece, nodes[right].piece)), step.rank)
            for step in steps
            for left, right in (nodes[step.made[0]].parts or (0, 0),)
        ]
        names = list(dict.fromkeys(name for name, _ in pairs))
        if len(names) < 3:
            continue
        chosen = [names[0], *names[1 :: max(1, len(names) // 3)][:3]]
        shown = sorted(dict.fromkeys(chosen))
        yield Question(
            "tokenizer.first_merge",
            "The tokenizer starts from single bytes and joins pairs, beginning with "
            "those that were most frequent in its training text. Which of these pairs "
            f"of “{plain(each)}” does it join first?",
            shown,
            shown.index(names[0]),
            f"{plain(names[0])} is number {pairs[0][1] + 1:,} in its list of merges. "
            "The others come later.",
            {} if each == text else {"prompt": each},
        )


def checks(tokenizer: Tokenizer) -> list[Iterator[Question]]:
    """Ask three questions that this tokenizer has a clear answer to."""
    return [
        _one_token(tokenizer) if _has_wholes(tokenizer) else _digits(tokenizer),
        _end_of_text(tokenizer),
        merge_questions.by_hand(),
    ]


def recall(_: Checkpoint) -> list[Iterator[Question]]:
    """Ask what can be worked out without the figures."""
    return [merge_questions.vocabulary(), merge_questions.by_hand()]


def _has_wholes(tokenizer: Tokenizer) -> bool:
    return next(_one_token(tokenizer), None) is not None


def _one_token(tokenizer: Tokenizer) -> Iterator[Question]:
    lengths = {word: len(split_word(tokenizer, word)) for word in WORDS}
    whole = [word for word, length in lengths.items() if length == 1]
    parts = [word for word, length in lengths.items() if length > 1]
    if not whole or len(parts) < 3:
        return
    order = Random(0)
    drawn = [[whole[0], *parts[:3]]]
    drawn += [[order.choice(whole), *order.sample(parts, 3)] for _ in range(40)]
    for right, *others in drawn:
        options = sorted([right, *others])
        yield Question(
            "tokenizer.whole",
            "Which of these words, with a space before it, is a single token?",
            options,
            options.index(right),
            "It is frequent enough in the training text. The others are split into "
            + ", ".join(str(lengths[word]) for word in options if word != right)
            + " tokens.",
            {"prompt": " ".join(["a", *options])},
        )


def _digits(tokenizer: Tokenizer) -> Iterator[Question]:
    order = Random(1)
    texts = ["1234", "7", "3.14", "1,000", "2026-11-27", "50%", "$9.99", "12:30"]
    texts += [str(order.randrange(10**size)) for size in (1, 2, 3, 4, 5, 6) * 3]
    for text in dict.fromkeys(texts):
        ids = tokenizer.encode(text)
        options = sorted({1, 2, len(text), len(ids), len(text) + 2})
        yield Question(
            "tokenizer.digits",
            f"Into how many tokens is “{plain(text)}” split?",
            [f"{each}" for each in options],
            options.index(len(ids)),
            "Only numbers that are frequent in the training text have tokens of "
            f"their own: {_listed(tokenizer.pieces(ids))}.",
            {"prompt": text},
        )


def _end_of_text(tokenizer: Tokenizer) -> Iterator[Question]:
    beginnings = ("", "The end.", "Once upon a time", "kite", "to be or not to be", "7")
    marks = ("<eos>", "<bos>", "<unk>", "<pad>")
    for mark, beginning in product(marks, beginnings):
        text = f"{beginning}{mark}"
        typed = tokenizer.encode(text)
        if set(typed) & set(tokenizer.special_tokens) - {tokenizer.unk_id}:
            continue
        yield Question(
            "tokenizer.eos",
            f"`{mark}` is the name of a special token. Somebody types these letters: "
            f"“{plain(text)}”. What does the model get?",
            [
                f"{plural(len(tokenizer.encode(beginning)) + 1, 'token')}, the last "
                "one special",
                f"{plural(len(typed), 'token')} of text",
                f"{plural(len(tokenizer.encode(beginning)), 'token')}: the letters are "
                "left out",
            ],
            1,
            "Special tokens are added by an option only; typed letters are just text.",
            {"prompt": text},
        )


def _listed(pieces: Sequence[str]) -> str:
    return plain(" | ".join(pieces))
