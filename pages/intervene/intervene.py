"""Intervene: ablate parts of the model or patch values in, and see what breaks.

Learning goal: attention is not causation; only an intervention says what a head is for.
"""

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from minigpt.checkpoint import Checkpoint
from minigpt.interpret.circuits.frozen import freeze
from minigpt.interpret.circuits.search import find_circuit
from minigpt.interpret.heads.scores import HABITS
from minigpt.interpret.interventions.interventions import Ablation
from minigpt.interpret.interventions.parts import Neuron, require_heads
from minigpt.interpret.interventions.patching import patch_map
from minigpt.interpret.interventions.path_patching import patch_paths
from minigpt.interpret.interventions.paths import Path
from minigpt.interpret.interventions.steering import steering_vector, write_steered
from minigpt.interpret.interventions.sweep import run_each
from minigpt.interpret.neurons.output import promoted_tokens
from minigpt.interpret.openings.intervene import Loss
from pages.frame import lesson, models, opening, state
from pages.frame.controls import tour
from pages.frame.guard import guard
from pages.frame.questions import check, predict
from pages.frame.reading import read
from pages.intervene import (
    ablate,
    circuit,
    neurons,
    numbers,
    patch,
    patch_questions,
    paths,
    prompts,
    questions,
    steer,
    sweep,
    turn_questions,
)
from pages.intervene import tour as intervene_tour
from pages.intervene.deeper import (
    circuit_questions,
    circuit_tour,
    neuron_questions,
    neuron_tour,
    path_questions,
    path_tour,
    steer_questions,
    steer_tour,
)
from pages.intervene.many_prompts import part as many_prompts

# A head's habit that loses less weight than this is not said to change.
FELT = 0.05

ABLATE = (
    "Does the model need a part? Take it away, and see. To **ablate** a part (switch "
    "it off) means to replace what it adds to the residual stream; everything after it "
    "is computed again. **zero** removes its output; its **mean**, or its values in "
    "another text (**resample**), remove only what it says about *this* text. Watch "
    "the other heads: one that loses its score without being touched depended on the "
    "part you ablated. And a striking pattern may not matter: attention is not "
    "causation."
)
PATCH = (
    "The two prompts differ in a word or two. Where does the model carry that "
    "difference? It runs on the corrupted prompt, but **one** place gets the value it "
    "had on the clean prompt. **1**: that alone brings the whole answer back; **0**: "
    "it has no effect. Read the map from top to bottom: the difference starts at the "
    "exchanged word and moves to the last token, where the prediction is made. The "
    "shares need not add up to 1. **Reverse** asks which places the clean run cannot "
    "do without: where the model has a second path, the result is different."
)
TURN = (
    "Each head is ablated on its own, and the loss on held-out text is "
    "measured again. A head can be **needed** although its pattern has no "
    "name, or **striking** and yet not needed. Ablating one head at a time "
    "misses heads that can replace each other: under Ablate, switch off two "
    "of them together."
)


def show_ablate(checkpoint: Checkpoint, row: DeltaGenerator) -> None:
    """Show what ablating parts does to a prompt and to a corpus."""
    found = opening.begin(numbers.opening_of, checkpoint)
    with row:
        reading = read(checkpoint)
    tour.offer(tour_button, lambda: intervene_tour.stops(checkpoint, reading))
    if predict(
        questions.which_head(checkpoint, reading),
        seen=questions.next_token(checkpoint, reading),
    ):
        show_opening(found)
        ablate.show(checkpoint, reading)
        lesson.explain(ABLATE, Ablation)
        check(questions.checks(checkpoint, reading))


def show_opening(found: Loss | None) -> None:
    """Say why the page opened where it did. It answers the prediction: not before."""
    if found is None:
        return
    effects = found.effects
    also = (
        f" {found.other}, untouched, then reads something else: on random tokens, "
        f"{HABITS[found.habit]} gets {effects['after']:.2f} of its weight instead of "
        f"{effects['before']:.2f}."
    )
    opening.offer(
        found,
        f"Opened at a prompt where ablating {found.ablated} changes the prediction by "
        f"KL {effects['kl']:.2f} nats." + also * (effects["drop"] >= FELT),
    )


def show_patch(checkpoint: Checkpoint, row: DeltaGenerator) -> None:
    """Show what values carried from one prompt into another do."""
    patching = prompts.choose(checkpoint, row)
    if patching is None:
        lesson.explain(PATCH, patch_map)
    elif predict(
        patch_questions.where(checkpoint, patching),
        seen=patch_questions.strongest_z(checkpoint, patching),
    ):
        with row:
            patching = prompts.choose_tokens(checkpoint, patching)
        patch.show(checkpoint, patching)
        lesson.explain(PATCH, patch_map)
        check(patch_questions.checks(checkpoint, patching))


def show_turn(checkpoint: Checkpoint, row: DeltaGenerator) -> None:
    """Show what ablating each head costs."""
    chosen = sweep.choose(checkpoint, row)
    if chosen is None:
        lesson.explain(TURN, run_each)
    elif predict(turn_questions.needed(checkpoint)):
        sweep.show(checkpoint, *chosen)
        lesson.explain(TURN, run_each)
        check(turn_questions.checks(checkpoint))


def show_steer(checkpoint: Checkpoint, row: DeltaGenerator) -> None:
    """Show what a direction in the stream does while the model writes."""
    with row:
        reading = read(checkpoint)
    above = st.container()
    left, right = st.columns([5, 6], gap="large")
    with left, st.container(key=steer.SETTINGS):
        steered = steer.choose(checkpoint, reading)
        config = steer.choose_drawing()
    asked = checkpoint, reading, steered
    tour.offer(tour_button, lambda: steer_tour.stops(*asked))
    with above:
        is_seen = predict(steer_questions.twice(*asked))
    if is_seen:
        steer.show(*asked, config, right)
        lesson.explain(steer.WORDS, steering_vector, write_steered)
        check(steer_questions.checks(*asked))


def show_paths(checkpoint: Checkpoint, row: DeltaGenerator) -> None:
    """Show what one head tells another."""
    patching = paths.choose(checkpoint, row)
    if patching is None:
        lesson.explain(paths.WORDS, Path, patch_paths)
        return
    tour.offer(tour_button, lambda: path_tour.stops(checkpoint, patching))
    if predict(path_questions.strongest(checkpoint, patching)):
        paths.show(checkpoint, patching)
        lesson.explain(paths.WORDS, Path, patch_paths)
        check(path_questions.checks(checkpoint, patching))


def show_neurons(checkpoint: Checkpoint, row: DeltaGenerator) -> None:
    """Show what makes a neuron fire, and what is lost without it."""
    opening.begin(numbers.opening_of, checkpoint)
    reading = neurons.read_prompt(checkpoint, row)
    tour.offer(tour_button, lambda: neuron_tour.stops(checkpoint, reading))
    if predict(neuron_questions.firing(checkpoint, reading)):
        neurons.show(checkpoint, reading)
        lesson.explain(neurons.WORDS, Neuron, promoted_tokens)
        check(neuron_questions.checks(checkpoint, reading))


def show_circuit(checkpoint: Checkpoint, row: DeltaGenerator) -> None:
    """Show the few nodes that carry one answer, and prove that they do."""
    opening.begin(numbers.opening_of, checkpoint)
    reading = circuit.begin(checkpoint, row)
    if reading is None:
        lesson.explain(circuit.WORDS, freeze, find_circuit)
        return
    if circuit_questions.is_found(checkpoint, reading):
        tour.offer(tour_button, lambda: circuit_tour.stops(checkpoint, reading))
    if predict(circuit_questions.size(checkpoint, reading)):
        circuit.show(checkpoint, reading, row)
        lesson.explain(circuit.WORDS, freeze, find_circuit)
        check(circuit_questions.checks(checkpoint, reading))


def show_many(checkpoint: Checkpoint, row: DeltaGenerator) -> None:
    """Show what holds on average over many pairs of prompts."""
    many_prompts.show(checkpoint, row, tour_button)


PARTS = {
    "Ablate": show_ablate,
    "Patch": show_patch,
    "Ablate each in turn": show_turn,
    "Steer": show_steer,
    "Paths": show_paths,
    "Neurons": show_neurons,
    "Circuit": show_circuit,
    "Many prompts": show_many,
}

# What older links call a part.
RENAMED = {"Cut": "Ablate", "Cut each in turn": "Ablate each in turn"}

tour_button = lesson.open(
    "Intervene",
    "Attention is not causation: change a value inside the model, and see what breaks.",
)
top = st.container(horizontal=True, vertical_alignment="bottom", gap="medium")
if (old := st.query_params.get("intervene")) in RENAMED:
    st.query_params["intervene"] = RENAMED[old]
part = top.segmented_control(
    "What to do",
    list(PARTS),
    default="Ablate",
    required=True,
    key="intervene",
    label_visibility="collapsed",
    **state.BOUND,
)
with guard():
    chosen_model = models.chosen()
    require_heads(chosen_model.model)
    PARTS[part](chosen_model, top)
