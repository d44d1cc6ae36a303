"""The Tokenizer page's second view: byte pairs learned, a merge at a time."""

import streamlit as st

from minigpt.textbook.byte_pairs import pair_counts, token_counts
from minigpt.tokenizers.inspection.merge_history import MergeHistory, PairCounts
from pages.frame import notebook, state
from pages.frame.controls import keyboard
from pages.frame.guard import guard
from pages.frame.place import shared_place
from pages.frame.words import plain
from pages.tokenizer import tree
from pages.tokenizer.choice import (
    MAKERS,
    STORIES,
    TokenizerChoice,
    expression_of,
    history_of,
)
from pages.tokenizer.texts import TEXT_MAKERS, beginning_of, expression_of_text
from viz.components.token_pieces.view import token_pieces
from viz.merges import compression_curve, pair_bars
from viz.spelling import pair_name, spelled

OFTEN = 0.8
"""Seconds between two merges while they play."""

CANDIDATES = 4
EXCERPT = 120
"""Characters of the text that are shown."""


def show(entry: TokenizerChoice, text: str) -> None:
    """Show the view; of a tokenizer that came ready-made, the stories' instead."""
    learned = entry if entry.is_learned_here else STORIES
    if learned != entry:
        st.caption(
            f"This view counts pairs in the training text, and {plain(entry.name)} "
            f"came without that text. So it shows how **{plain(learned.name)}** "
            "learned. *Slow motion* shows the merges of the model's own tokenizer."
        )
    history = history_of(learned)
    last = len(history.steps)
    watched = st.session_state.get("_watched")
    if watched != learned:
        st.session_state.update({"_watched": learned, "_plays": False})
        if watched is not None:  # at first, the address may say how many are made
            st.session_state["merges_made"] = 0
    shared_place("merges_made", range(last + 1), 0)
    keyboard.on_next(lambda: _go(1, last))
    plays = st.session_state["_plays"]
    live = st.fragment(_show_now, run_every=OFTEN if plays else None)
    live(learned, history, text, plays)


def _show_now(
    entry: TokenizerChoice, history: MergeHistory, text: str, plays: bool
) -> None:
    last = len(history.steps)
    if st.session_state["_plays"] != plays:
        st.rerun()  # the whole page: only that starts and stops the clock
    if plays:
        _go(1, last)
    with guard():
        merges = _transport(last, plays)
        pairs = history.pairs(merges, shown=8)
        left, right = st.columns([3, 2], gap="medium")
        with left:
            _show_pairs(entry, history, merges, pairs, plays)
            tree.show(entry, history, merges, text)
        with right:
            _show_compression(entry, history, merges)


def _transport(last: int, plays: bool) -> int:
    """Show back, next, play and the slider; return how many merges are made."""
    merges = st.session_state.get("merges_made", 0)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        st.button(
            "Back",
            icon=":material/skip_previous:",
            on_click=_go,
            args=(-1, last),
            disabled=merges == 0,
            help="Undo the last merge",
            key="merge_back",
        )
        st.button(
            "Next merge",
            icon=":material/skip_next:",
            type="primary",
            on_click=_go,
            args=(1, last),
            disabled=merges >= last,
            help="Space",
            key="merge_next",
        )
        st.button(
            "Pause" if plays else "Play",
            icon=":material/pause:" if plays else ":material/play_arrow:",
            on_click=_toggle_play,
            disabled=merges >= last,
            key="merge_play",
        )
        if last == 0:
            st.caption("This text has no pair to merge: every word is a single byte.")
            return 0
        return st.slider(
            f"Merges made, of {last:,}",
            0,
            last,
            key="merges_made",
            persist_state="session",
        )


def _go(step: int, last: int) -> None:
    """Make merges, or undo them, and stay inside."""
    merges = max(0, min(last, st.session_state.get("merges_made", 0) + step))
    st.session_state["merges_made"] = merges
    if merges == last:
        st.session_state["_plays"] = False


def _toggle_play() -> None:
    st.session_state["_plays"] = not st.session_state["_plays"]


def _show_pairs(
    entry: TokenizerChoice,
    history: MergeHistory,
    merges: int,
    pairs: PairCounts,
    plays: bool,
) -> None:
    """Ask for the next merge, then show what there was to choose from."""
    if not pairs.top:
        st.caption("Every word is one token now: no pair is left to merge.")
        return
    names = [pair_name(pair.pair) for pair in pairs.top]
    guess, told = _ask(entry, merges, names, plays)
    hidden = not told
    if not hidden:
        st.markdown(_verdict(history, merges, pairs, guess))
    st.vega_lite_chart(
        pair_bars(
            names[:CANDIDATES] if hidden else names,
            [pair.count for pair in pairs.top][: CANDIDATES if hidden else None],
            hidden=hidden,
            guess=guess,
        ).spec
    )
    notebook.show(
        "pair counts",
        pair_counts,
        f"pair_counts(text, tokenizer.limited_to({merges}), {len(pairs.top)})",
        drawn=[pair.count for pair in pairs.top],
        begin=notebook.naming(
            text=expression_of_text(entry.source), tokenizer=expression_of(entry)
        ),
        also=MAKERS,
    )


def _ask(
    entry: TokenizerChoice, merges: int, names: list[str], plays: bool
) -> tuple[int | None, bool]:
    """Ask which pair is merged next; return the guess, and whether to tell."""
    row = st.container(horizontal=True, vertical_alignment="bottom")
    pills = row.container(width="content")
    first = row.toggle(
        "Guess first", value=True, key="guess_first", disabled=plays, **state.BOUND
    )
    if plays or len(names) < CANDIDATES or not first:
        return None, True
    asked = f"{entry.name} {merges}"
    guess = pills.pills(
        "**Predict.** Which pair of tokens is most frequent?",
        sorted(names[:CANDIDATES]),
        format_func=plain,
        key=f"_guess_{asked}",
    )
    if guess is None:
        return None, False
    guesses = st.session_state.setdefault("_merge_guesses", {})
    guesses.setdefault(asked, guess == names[0])
    return names.index(guess), True


def _verdict(
    history: MergeHistory, merges: int, pairs: PairCounts, guess: int | None
) -> str:
    """Say which pair is next, why, and how the guess did. Markdown."""
    best = pairs.top[0]
    said = "" if guess is None else "✓ Right. " if guess == 0 else "✗ Not quite. "
    guesses = list(st.session_state.get("_merge_guesses", {}).values())
    score = (
        f" So far you have {sum(guesses)} of {len(guesses)} right."
        if guess is not None
        else ""
    )
    tie = (
        (
            f" {pairs.tied} pairs occur equally often; of these, the one with the "
            "smaller ids is merged first."
        )
        if pairs.tied > 1
        else ""
    )
    if merges < len(history.steps):
        becomes = f"becomes **{plain(spelled(history.steps[merges].piece))}**"
    else:
        becomes = "would be next, but the vocabulary is full"
    return (
        f"{said}**{plain(pair_name(best.pair))}** occurs "
        f"{best.count:,} times and {becomes}.{tie}{score}"
    )


def _show_compression(
    entry: TokenizerChoice, history: MergeHistory, merges: int
) -> None:
    """Show how much shorter the text has become."""
    counts = history.token_counts
    st.markdown(
        f"**{counts[merges]:,} tokens** for {counts[0]:,} bytes: "
        f"{counts[0] / counts[merges]:.2f} bytes per token."
    )
    st.vega_lite_chart(compression_curve(counts, merges).spec)
    notebook.show(
        "compression",
        token_counts,
        f"token_counts({expression_of_text(entry.source)}, {entry.vocab_size})",
        drawn=counts,
        begin="",
        also=TEXT_MAKERS,
    )
    excerpt = beginning_of(entry.source, EXCERPT)
    early = history.tokenizer.limited_to(merges)
    ids = early.encode(excerpt)
    st.caption("The beginning of the text, as tokens so far:")
    token_pieces(early.pieces(ids), ids, key="excerpt")
