"""The proof of what built a head: trained again, without the windows that helped."""

import streamlit as st

from minigpt.interpret.influence.findings import Found, Proof
from minigpt.interpret.influence.growth import Growth
from pages.frame import state
from pages.frame.reading import Place
from pages.head_explorer import built_code
from pages.head_explorer.built_numbers import Work
from pages.head_explorer.built_progress import show_progress
from viz.learning.influence import (
    ORIGINAL,
    WITHOUT_RANDOM,
    WITHOUT_TOP,
    growth_chart,
)

SHARES = {"0.5%": 0.005, "1%": 0.01, "2%": 0.02}
"""Of all windows that the run reads."""


def show_proof(work: Work, found: Found, place: Place, live: bool) -> None:
    """Offer to train without the windows that helped, and show what came of it."""
    st.subheader("Train again without them", anchor=False)
    share = st.segmented_control(
        "Take out, of all windows that the run reads",
        list(SHARES),
        default="2%",
        required=True,
        key="built_share",
        disabled=live,
        **state.BOUND,
    )
    count = work.study.count_of(SHARES[share])
    read = found.windows.size
    st.caption(
        f"{count} windows, {count / read:.1%} of those read before the head formed, "
        "are masked out of the loss: once those that helped most, once as many drawn "
        "at random. Seed, batches and all else stay the same, bit for bit. The step at "
        "which the head forms is known to about 3%."
    )
    proof = work.study.proofs.get(count)
    if proof is None:
        show_progress(work, count, "Train without them", live)
        return
    left, right = st.columns([3, 2], gap="large")
    with left:
        trainings = {
            ORIGINAL: proof.original,
            WITHOUT_TOP: proof.without_top,
            WITHOUT_RANDOM: proof.without_random,
        }
        lines = {name: (it.steps, it.scores) for name, it in trainings.items()}
        st.vega_lite_chart(growth_chart(lines, proof.level).spec)
        built_code.show_proof(work, proof)
    with right:
        st.markdown(_verdict(proof, f"L{place.layer}H{place.head}"))


def _verdict(proof: Proof, name: str) -> str:
    """Say when the head formed, each time, and whether another took its place."""
    top, others = proof.without_top, proof.without_random
    words = (
        f"**Without the {proof.removed} windows that helped most, {name} "
        f"{_when(proof, top)}.** Without as many at random, it {_when(proof, others)}."
    )
    if proof.is_another_heads(top):
        steps = top.any_formed(proof.level), proof.original.any_formed(proof.level)
        words += (
            f" But some head of the model had this habit just as strongly at step "
            f"{steps[0]}, and with these windows at step {steps[1]}: they decided "
            "*which* head learns it more than whether one does."
        )
    if not proof.tells_apart:
        words += (
            " The windows drawn at random did as much: here, the influence does not "
            "say which text the head needs."
        )
    return words


def _when(proof: Proof, growth: Growth) -> str:
    """Say at which step a head formed."""
    formed, later = growth.formed(proof.level), proof.later(growth)
    if formed is None or later is None:
        return f"had not formed by step {proof.last}"
    if abs(later) < 0.005:
        return f"formed at step {formed}, as before"
    than_before = "later" if later > 0 else "sooner"
    return f"formed at step {formed}, {abs(later):.0%} {than_before}"


def chosen_count(work: Work) -> int:
    """Return how many windows the chosen share is."""
    share = state.get("built_share", "2%")
    return work.study.count_of(SHARES.get(share, 0.02))
