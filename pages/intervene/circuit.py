"""Circuit: the few parts, at a few tokens, that carry one answer, and the proof."""

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from minigpt.checkpoint import Checkpoint
from minigpt.interpret.circuits.keeping import Asked
from minigpt.interpret.circuits.search import FEW, LEAST, MOST, circuit_of
from minigpt.interpret.reading.prompt import Reading
from pages.frame import covering, notebook, state
from pages.frame.reading import read
from pages.frame.words import plain
from pages.intervene import circuit_graph, circuit_numbers, circuit_survey, numbers
from pages.intervene.circuit_numbers import Proven
from pages.intervene.prompts import token_name
from viz.tokens import display_piece

WORDS = (
    "A **node** is one part (an embedding, a head, an MLP) at one token. The **graph** "
    "comes from a run in which norms, neurons and patterns are held still: then the "
    "logit of the answer minus its rival's is a sum, and each line is a part of it. "
    "Q, K and V mark whether a line leads to a head's query, key or value. **The "
    "proof** is an experiment: all other nodes get their mean over held-out text, and "
    "the model runs. If the difference stays, the circuit is enough. Another path may "
    "be enough, too: see how much of the difference is left when the circuit is taken "
    "away. And attribution only predicts: compare it with the removal of each node."
)

OFFERED = 12
"""Likeliest tokens among which the rival is chosen."""

NEEDED = 0.5
"""With more than this left without the circuit, there is another path."""


def show(checkpoint: Checkpoint, row: DeltaGenerator) -> None:
    """Show the circuit of a prompt's likeliest token, and prove it."""
    with row:
        reading = read(checkpoint)
    if not numbers.may_begin(checkpoint, "Search the circuit"):
        return
    asked = choose(checkpoint, reading, row)
    proven = circuit_numbers.find(checkpoint, asked)
    left, right = st.columns(2, gap="large")
    with right:
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
    covering.offer_aids()


def choose(checkpoint: Checkpoint, reading: Reading, row: DeltaGenerator) -> Asked:
    """Let the reader choose the rival; the answer is the likeliest token."""
    asked = circuit_numbers.asked_of(checkpoint, reading.tokens)
    likely = numbers.effect(checkpoint, reading.tokens, ()).before
    order = (-likely).argsort(kind="stable")[:OFFERED].tolist()
    likeliest, *others = (one for one in order if one != asked.answer)
    rivals = dict.fromkeys([likeliest, asked.rival, *others])
    names = {token_name(checkpoint, token): token for token in rivals}
    state.keep_possible("circuit_rival", list(names), "circuit_rival")
    with row:
        name = st.selectbox(
            "Rival",
            list(names),
            key="circuit_rival",
            width=150,
            help="The token that the answer is compared with: the likeliest other; or "
            "the second, what the model would say if it knew nothing of the prompt, "
            "with every node at its mean; or one of the next.",
            **state.BOUND,
        )
    return asked._replace(rival=names[name])


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
            "difference left": list(map(_percent, left.values())),
        },
        hide_index=True,
    )
    if proof.without > NEEDED:
        st.markdown(
            f"These nodes are enough, but not needed: without them, "
            f"{_percent(proof.without)} of the difference is left. There is another "
            "path to the same answer."
        )


def _verdict(proven: Proven) -> str:
    """Say what a small circuit keeps, or plainly that there is none."""
    circuit = proven.circuit
    size = f"{circuit.size} of {circuit.kept.size} nodes ({_percent(circuit.of_all)})"
    difference = f"the difference of {proven.difference:.2f} logits"
    if circuit.holds:
        return (
            f"**{size} keep {_percent(circuit.share)}** of {difference}, with all "
            "others at their means."
        )
    return (
        f"**There is no small circuit here.** The search ends with {size}. The smaller "
        f"sets that it tried keep less than {_percent(LEAST)} of {difference}, or more "
        f"than {_percent(MOST)}. With over {_percent(FEW)} of the nodes, a circuit "
        "explains little."
    )


def _percent(share: float) -> str:
    return f"{100 * share:.0f}%".replace("-", "−")
