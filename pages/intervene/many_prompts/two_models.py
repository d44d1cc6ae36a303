"""Compare, over many pairs: two models, or two moments of one training."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import streamlit as st

from minigpt.checkpoint import Checkpoint
from minigpt.interpret.pairs.alignment import LeftOut
from minigpt.interpret.pairs.held_out_pairs import held_out_pairs
from minigpt.interpret.pairs.pair_rows import PairRow
from minigpt.interpret.pairs.tales_pairs import tales_pairs
from minigpt.interpret.pairs.two_models import QUANTITIES, TwoModels, compare_rows
from minigpt.library.catalogue import ModelEntry
from pages.frame import models, notebook, state
from pages.frame.guard import show_note, show_problem
from pages.frame.words import plain
from pages.intervene.many_prompts import numbers
from pages.intervene.many_prompts.rows import Rows
from viz.components.value_grid.view import value_grid
from viz.pairs.means import head_names, in_words, mean_grid, signed


class Against(NamedTuple):
    """The model to compare with."""

    checkpoint: Checkpoint
    path: str
    name: str
    """`induction`, or `induction at step 120`."""


def choose(entry: ModelEntry) -> Against:
    """Let the reader choose the model to compare with, and its step.

    Args:
        entry: The chosen model.
    """
    known = {other.id: other for other in models.entries()}
    state.keep_possible("pairs_against", list(known), "model")
    others = [name for name in known if name != entry.id]
    # Earlier steps of the same training are the nearest thing to compare with.
    begin = entry.id if len(entry.steps) > 1 or not others else others[0]
    against = known[
        st.selectbox(
            "Compare with",
            list(known),
            index=list(known).index(begin),
            key="pairs_against",
            width=190,
            help="Changes are counted from this model to the one in the sidebar.",
            **state.BOUND,
        )
    ]
    step, name = against.default_step, against.id
    if len(against.steps) > 1:
        steps = [each for each, _ in against.steps]
        state.keep_possible("pairs_against_step", steps, "training step")
        step = st.selectbox(
            "at step", steps, key="pairs_against_step", width=110, **state.BOUND
        )
        name = f"{against.id} at step {step}"
    for key in ("pairs_against", "pairs_against_step"):
        if note := st.session_state.pop(f"_unknown_{key}", None):
            show_problem(f"{note} What you see is the default.")
    path = against.path_at(step)
    return Against(models.load(path), str(path), name)


def show(
    checkpoint: Checkpoint,
    listed: Rows,
    against: Against,
    only: int | None,
    stop: Callable[[], None],
) -> Sequence[LeftOut]:
    """Show what two models make of the pairs; return the pairs that are left out.

    Args:
        checkpoint: The chosen model.
        listed: The pairs.
        against: The model to compare with.
        only: The number of the one pair that is shown; None: all.
        stop: Shows the button that stops it.
    """
    chosen = models.chosen_path(models.chosen_entry())
    if str(chosen) == against.path:
        show_note("This compares a model with itself. Choose another, or another step.")
    found, left_out = numbers.compare(
        against.checkpoint, checkpoint, listed.rows, only, stop
    )
    rows = "" if only is None else f"[{only - 1} : {only}]"
    begin = (
        "import minigpt\n\n"
        f"before = minigpt.load({against.path!r})\n"
        f"model, tokenizer, metadata = after = minigpt.load({str(chosen)!r})\n"
        f"rows = {listed.call}{rows}\n"
    )
    _show_quantities(found, listed, against)
    _offer_code("two models", "means", found.means, begin)
    _show_heads(found, begin)
    return left_out


def _show_quantities(found: TwoModels, listed: Rows, against: Against) -> None:
    """Say what changed, and show every quantity in a table."""
    before, after = found.means.tolist()
    changes = list(
        zip(found.change.tolist(), found.low.tolist(), found.high.tolist(), strict=True)
    )
    count = len(found.each)
    over = "1 pair" if count == 1 else f"{count} pairs"
    entry = models.chosen_entry()
    st.markdown(
        f"Over **{over}** {listed.source}, {QUANTITIES[0]} is {signed(after[0])} in "
        f"**{plain(entry.id)}** and {signed(before[0])} in **{plain(against.name)}**: "
        f"it changes by {in_words(*changes[0])}."
    )
    st.dataframe(
        [
            {
                "mean over the pairs": name,
                against.name: f"{one:.3f}",
                f"{entry.id} (chosen)": f"{other:.3f}",
                "change": in_words(*change),
            }
            for name, one, other, change in zip(
                QUANTITIES, before, after, changes, strict=True
            )
            if one == one  # the loss of other tokens cannot be compared
        ],
        hide_index=True,
    )


def _show_heads(found: TwoModels, begin: str) -> None:
    """Show how differently each head attends in the two models."""
    st.markdown("**How differently each head attends**")
    if found.heads is None or found.heads_low is None or found.heads_high is None:
        st.caption(
            "Heads can be compared only between models that cut a text into the same "
            "tokens, and only if both have a head of that name."
        )
        return
    layers, heads = found.heads.shape
    grid = mean_grid(
        (found.heads, found.heads_low, found.heads_high),
        head_names(layers, heads),
        "bits",
        rows=[f"L{layer}" for layer in range(layers)],
        columns=[f"H{head}" for head in range(heads)],
        row_title="layer",
        column_title="head",
        limit=1.0,
        signed=False,
    )
    value_grid(grid, key="pairs_two_heads")
    st.caption(
        "Jensen–Shannon divergence of the attention weights, averaged over rows and "
        "prompts: 0 bits if they are equal, 1 bit if they have no key in common."
    )
    _offer_code("heads of two models", "heads", found.heads, begin)


def _offer_code(name: str, field: str, drawn: object, begin: str) -> None:
    notebook.show(
        name,
        compare_rows,
        f"compare_rows(before, after, rows).{field}",
        drawn=drawn,
        begin=begin,
        also=[Checkpoint, PairRow, tales_pairs, held_out_pairs],
    )
