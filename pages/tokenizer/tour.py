"""The Tokenizer's tour: from bytes to pieces and ids, and how it learned them."""

from minigpt.tokenizers import BPETokenizer, Tokenizer
from pages.frame.controls.tour import Stop
from pages.tokenizer.choice import STORIES, TokenizerChoice
from pages.tokenizer.pieces import TO_TRY, plural

PIECES, MOTION, MERGES, TWO, SCRIPTS = (
    "Pieces",
    "Slow motion",
    "Merges",
    "Compare",
    "Languages",
)
VIEWS = (PIECES, MOTION, MERGES, TWO, SCRIPTS)
VIEW = "tokenizer_view"
"""The key of the page's choice of a view, and of the region that shows it."""

SHOWN = "tokenizer_shown"
EMOJI = "🙂"
FEW = 40
"""Merges at the second stop: enough for the first two-letter pieces."""


def stops(entry: TokenizerChoice, tokenizer: Tokenizer, text: str) -> list[Stop]:
    """Write the tour of one text.

    Args:
        entry: Where the tokenizer comes from.
        tokenizer: The one that is shown.
        text: The text it splits.
    """
    if isinstance(tokenizer, BPETokenizer):
        first = _by_merges(tokenizer, text)
    else:
        first = [_whole(tokenizer, text)]
    return [*first, *_ids(tokenizer), *_learning(entry), _two()]


def _by_merges(tokenizer: BPETokenizer, text: str) -> list[Stop]:
    """Let the pieces of the text grow together."""
    most = len(tokenizer.merges)
    half = most // 2
    counts = {
        merges: len(tokenizer.limited_to(merges).encode(text))
        for merges in (min(FEW, most), half)
    }
    num_bytes, now = len(text.encode("utf-8")), len(tokenizer.encode(text))
    few = min(FEW, most)
    return [
        _with_merges(
            0,
            "A model works with numbers, so a text has to become numbers first. Your "
            f"text is stored as {plural(num_bytes, 'byte')}, here one box each. (A dot "
            "stands for a space.) That would work, but it makes every text very long.",
        ),
        _with_merges(
            few,
            "So neighbours that often stand together are joined into one piece, "
            f"starting with the most frequent pair. After {plural(few, 'such join')} "
            f"your text has {plural(counts[few], 'piece')}. A join is called a merge, "
            "and a piece a token.",
        ),
        _with_merges(
            half,
            f"After {half:,} merges: {plural(counts[half], 'token')}. Frequent words "
            "grow together first. The slider above the text is what moved.",
        ),
        _with_merges(
            most,
            f"And with all {most:,} merges that this tokenizer learned: "
            f"{plural(now, 'token')}. A common word is a single token now, and its "
            "space belongs to it.",
        ),
    ]


def _whole(tokenizer: Tokenizer, text: str) -> Stop:
    ways = {
        "word": "makes every word or mark a piece of its own",
        "char": "makes every character a piece of its own",
    }
    way = ways.get(tokenizer.kind, "takes its pieces from a list that came with it")
    return Stop(
        SHOWN,
        "A model works with numbers, so a text has to become numbers first. This "
        f"tokenizer {way}: your text has "
        f"{plural(len(tokenizer.encode(text)), 'piece')}. A piece is called a token.",
        {VIEW: PIECES},
    )


def _with_merges(merges: int, words: str) -> Stop:
    return Stop(SHOWN, words, {VIEW: PIECES, "merges_used": merges})


def _ids(tokenizer: Tokenizer) -> list[Stop]:
    """Show what the model gets, and what becomes of something rare."""
    count = len(tokenizer.encode(EMOJI))
    lost = (
        f"{EMOJI} does not occur in the training text. It was not learned, and the "
        "model would read <unk>, which stands for anything unknown."
        if tokenizer.unknown(EMOJI)
        else f"An emoji is rare in stories. {EMOJI} falls into "
        f"{plural(count, 'token')}, but nothing is lost: the bytes can always be put "
        "together again."
    )
    return [
        Stop(
            SHOWN,
            "Each token has a number, written below it. These numbers are all that the "
            "model gets. Equal tokens have equal numbers and equal colours; with a "
            "capital letter or without its space, “the” may be a different token.",
            {"prompt": TO_TRY["The the"]},
        ),
        Stop(SHOWN, lost, {"prompt": TO_TRY[EMOJI]}),
    ]


def _learning(entry: TokenizerChoice) -> list[Stop]:
    """Show how the pieces of a word came together."""
    learned = entry if entry.is_learned_here else STORIES
    watched = {"_watched": learned, "_plays": False, VIEW: MERGES}
    kite = {"prompt": "a little kite", "tree_word": " little"}
    return [
        Stop(
            SHOWN,
            "How did it learn this? It counted which two pieces stand next to each "
            "other most often, joined that pair everywhere, and counted again. Here "
            f"{FEW} merges are done.",
            {**watched, **kite, "merges_made": FEW},
        ),
        Stop(
            SHOWN,
            "After 400 merges, the tree at the bottom shows how one word grew together "
            "from its letters. Only counting was needed: nobody gave the tokenizer a "
            "list of words.",
            {"merges_made": 400},
        ),
    ]


def _two() -> Stop:
    return Stop(
        SHOWN,
        "So the pieces depend on the text that was counted. Here two tokenizers split "
        "the same text: choose one that learned from stories and one that learned from "
        "programs, and look for a word that only one of them knows whole.",
        {VIEW: TWO},
    )
