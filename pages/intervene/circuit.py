"""Circuit: the few parts, at a few tokens, that carry one answer, and the proof."""

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from minigpt.checkpoint import Checkpoint
from minigpt.interpret.circuits.keeping import Asked
from minigpt.interpret.circuits.search import FEW, LEAST, MOST, circuit_of
from minigpt.interpret.reading.prompt import Reading
from pages.frame import notebook, state
from pages.frame.reading import read
from pages.frame.words import plain
from pages.intervene import circuit_graph, circuit_numbers, circuit_survey, numbers
from pages.intervene.circuit_numbers import Proven
from pages.intervene.prompts import token_name
from viz.tokens import display_piece

WORDS = (
    "Which parts, together, give the answer? A **node** is one part (an embedding, a "
    "head, an MLP) at one token. The **graph** comes from a run in which norms, "
    "neurons and patterns are held still: the logit of the answer minus its rival's is "
    "then a sum, and each line is one term. Q, K and V mark lines that lead to a "
    "head's query, key or value. **The proof** is an experiment: all other nodes get "
    "their mean over held-out text, and the model runs. If the difference stays, the "
    "circuit is enough. Another path may be enough, too: see how much is left without "
    "the circuit. And attribution only predicts: compare it with the removal of each "
    "node."
)

OFFERED = 12
"""Likeliest tokens among which the rival is chosen."""

NEEDED = 0.5
"""With more than this left without the circuit, there is another path."""


PROOF = "circuit_proof"
"""The region of the page that has the verdict, by its key."""


def begin(checkpoint: Checkpoint, row: DeltaGenerator) -> Reading | None:
    """Show the prompt; None if a large model's reader has not asked to begin."""
    with row:
        reading = read(checkpoint)
    if not numbers.may_begin(checkpoint, "Search the circuit"):
        return None
    return reading


def show(checkpoint: Checkpoint, reading: Reading, row: DeltaGenerator) -> None:
    """Show the circuit of a prompt's likeliest token, and prove it.

    Args:
        checkpoint: The chosen model.
        reading: The prompt.
        row: Where there is room for the rival.
    """
    asked = choose(checkpoint, reading, row)
    proven = circuit_numbers.find(checkpoint, asked)
    left, right = st.columns(2, gap="large")
    with right:
        with st.container(key=PROOF):
            _show_proof(checkpoint, asked, proven)
        node = st.container()
    with left:
        circuit_graph.show(checkpoint, reading, proven, node)
        notebook.show(
            "circuit",
            circuit_of,
            f"circuit_of(model, tokens[0].tolist(), {asked.rival}, windows).kept",
            drawn=proven.circuit.kept,
            begin=numbers.opening(checkpoint),
        )
    circuit_survey.show(checkpoint, reading, proven)


def rivals(checkpoint: Checkpoint, tokens: list[int]) -> dict[str, Asked]:
    """Return what can be asked of a prompt, by the rival's name; the likeliest first.

    The second rival is what the model would say if it knew nothing of the prompt.
    """
    asked = circuit_numbers.asked_of(checkpoint, tokens)
    likely = numbers.effect(checkpoint, tokens, ()).before
    order = (-likely).argsort(kind="stable")[:OFFERED].tolist()
    likeliest, *others = (one for one in order if one != asked.answer)
    return {
        token_name(checkpoint, token): asked._replace(rival=token)
        for token in dict.fromkeys([likeliest, asked.rival, *others])
    }


def choose(checkpoint: Checkpoint, reading: Reading, row: DeltaGenerator) -> Asked:
    """Let the reader choose the rival; the answer is the likeliest token."""
    names = rivals(checkpoint, reading.tokens)
    state.keep_possible("circuit_rival", list(names), "circuit_rival")
    with row:
        name = st.selectbox(
            "Rival",
            list(names),
            key="circuit_rival",
            width=150,
            help="The token that the answer is compared with. First comes the "
            "likeliest other token; second, what the model would say with every node "
            "at its mean, knowing nothing of the prompt; then the next likeliest.",
            **state.BOUND,
        )
    return names[name]


def _show_proof(checkpoint: Checkpoint, asked: Asked, proven: Proven) -> None:
    """Say whether the circuit is enough, and whether it is needed."""
    answer, rival = (
        f"“**{plain(display_piece(piece))}**”"
        for piece in checkpoint.tokenizer.pieces([asked.answer, asked.rival])
    )
    st.markdown(f"Why {answer}, and not {rival}? {_verdict(proven)}")
    size, proof = proven.circuit.size, proven.proof
    left = {
        "the whole model": 1.0,
        f"these {size} nodes alone": proof.alone,
        f"{size} random nodes (median of {len(proof.random)} sets)": proof.by_chance,
        "nothing": proof.nothing,
        f"all but these {size} nodes": proof.without,
    }
    st.dataframe(
        {
            "kept": list(left),
            "difference left": list(map(percent, left.values())),
        },
        hide_index=True,
    )
    if proof.without > NEEDED:
        st.markdown(
            f"These nodes are enough, but not needed: without them, "
            f"{percent(proof.without)} of the difference is left. There is another "
            "path to the same answer."
        )


def _verdict(proven: Proven) -> str:
    """Say what a small circuit keeps, or plainly that there is none."""
    circuit = proven.circuit
    size = f"{circuit.size} of {circuit.kept.size} nodes ({percent(circuit.of_all)})"
    difference = f"the difference of {proven.difference:.2f} logits"
    if circuit.holds:
        return (
            f"**{size} keep {percent(circuit.share)}** of {difference}, with all "
            "others at their means."
        )
    return (
        f"**There is no small circuit here.** The search ends with {size}. The smaller "
        f"sets that it tried keep less than {percent(LEAST)} of {difference}, or more "
        f"than {percent(MOST)}. With over {percent(FEW)} of the nodes, a circuit "
        "explains little."
    )


def percent(share: float) -> str:
    """Say a share of the difference, which may be below none.

    >>> percent(0.914), percent(-0.08)
    ('91%', '−8%')
    """
    return f"{100 * share:.0f}%".replace("-", "−")
