"""The Tokenizer page's third and fourth views: two tokenizers, and twelve languages."""

import streamlit as st

from minigpt.tokenizers import Tokenizer
from minigpt.tokenizers.inspection.scripts import ScriptCost, script_costs
from minigpt.tokenizers.inspection.splits import WordSplit, widest_gap
from pages.frame import notebook
from pages.frame.words import plain
from pages.tokenizer.choice import (
    MAKERS,
    TokenizerChoice,
    expression_of,
)
from pages.tokenizer.pieces import cut, plural, show_cut
from viz.merges import script_bars, script_table
from viz.spelling import standing_alone

WORDS = ("kite", "garden", "princess", "import", "number", "function", "tokenizer")
"""Words to compare, after those of the reader's text."""

PROGRAMS_PLACE = 2
"""Which in the list the second tokenizer is at first."""


def show_two(
    left: tuple[TokenizerChoice, Tokenizer],
    right: tuple[TokenizerChoice, Tokenizer],
    text: str,
) -> None:
    """Show one text under two tokenizers."""
    (entry, tokenizer), (beside, other) = left, right
    cuts = (cut(tokenizer, text), cut(other, text))
    one_side, other_side = st.columns(2, gap="medium")
    with one_side:
        st.markdown(f"**{plain(entry.name)}**")
        show_cut(cuts[0], "one", entry.name)
    with other_side:
        st.markdown(f"**{plain(beside.name)}**")
        show_cut(cuts[1], "other", beside.name)
    gap = widest_gap(tokenizer, other, [*text.split(), *WORDS])
    st.markdown(_difference(gap, entry.name, beside.name))
    notebook.show(
        "two tokenizers",
        tokenizer.encode,
        f"{{'one': one.encode({text!r}), 'other': other.encode({text!r})}}",
        drawn={"one": cuts[0].ids, "other": cuts[1].ids},
        begin=notebook.naming(one=expression_of(entry), other=expression_of(beside)),
        also=MAKERS,
    )


def _difference(gap: WordSplit | None, one: str, other: str) -> str:
    """Say which word differs most. Markdown."""
    if gap is None:
        return "Both tokenizers need the same number of tokens for every word here."
    return (
        f"The largest difference: **{plain(gap.word)}** is {_pieces(gap.one)} for "
        f"{plain(one)}, and {_pieces(gap.other)} for {plain(other)}. The word is "
        "the same; the training texts differ."
    )


def _pieces(pieces: list[str]) -> str:
    shown = " | ".join(plain(standing_alone(piece)) for piece in pieces)
    return f"{plural(len(pieces), 'token')} ({shown})"


def show_scripts(entry: TokenizerChoice, tokenizer: Tokenizer) -> None:
    """Show what one sentence costs in twelve languages."""
    costs = script_costs(tokenizer)
    figure, words = st.columns([3, 2], gap="large")
    with figure:
        st.vega_lite_chart(
            script_bars(
                script_table(
                    [f"{c.sentence.language} · {c.sentence.script}" for c in costs],
                    [cost.num_bytes for cost in costs],
                    {entry.name: [cost.tokens for cost in costs]},
                    {entry.name: [cost.unknown for cost in costs]},
                )
            ).spec
        )
        notebook.show(
            "scripts",
            script_costs,
            "[cost.bytes_per_token for cost in script_costs(tokenizer)]",
            drawn=[cost.bytes_per_token for cost in costs],
            begin=notebook.naming(tokenizer=expression_of(entry)),
            also=MAKERS,
        )
    with words:
        _explain_costs(costs)


def _explain_costs(costs: list[ScriptCost]) -> None:
    """Say what a bar means, and list the sentences."""
    st.markdown(
        "The same sentence in several languages: *The child has a red ball.* "
        "Each bar shows how many bytes one token holds. If the training text had "
        "nothing in a script, every byte becomes a token, and a Thai or Hindi "
        "letter takes three bytes. Where you pay per token, the price therefore "
        "depends on the text that the tokenizer was trained on."
    )
    st.dataframe(
        [
            {
                "language": cost.sentence.language,
                "sentence": cost.sentence.text,
                "characters": cost.characters,
                "bytes": cost.num_bytes,
                "tokens": cost.tokens,
            }
            for cost in costs
        ],
        hide_index=True,
        height=300,
    )
