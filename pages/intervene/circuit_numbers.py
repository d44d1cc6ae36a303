"""What the Circuit part computes: each step once, then remembered."""

import time
from collections.abc import Sequence
from typing import NamedTuple

import streamlit as st

from minigpt.checkpoint import Checkpoint
from minigpt.interpret.circuits.edges import Edge, edges_between
from minigpt.interpret.circuits.frozen import FrozenRun, freeze
from minigpt.interpret.circuits.keeping import Asked, ask, whole_difference
from minigpt.interpret.circuits.nodes import Means, mean_values
from minigpt.interpret.circuits.proof import Proof, Removals, prove, remove_each
from minigpt.interpret.circuits.search import (
    Circuit,
    first_candidate,
    without_the_least,
)
from minigpt.interpret.circuits.survey import Survey, Trial, try_prompt
from pages.frame import corpora
from pages.frame.look.waiting import SOON, in_turn
from pages.frame.remember import remember
from pages.intervene import numbers

LENGTH = 16
"""Tokens of the prompts of a survey."""


class Proven(NamedTuple):
    """A circuit, its graph and its proof."""

    circuit: Circuit
    difference: float
    """logit(answer) − logit(rival)."""
    effects: list[float]
    """Of the circuit's nodes, as predicted."""
    edges: list[Edge]
    proof: Proof
    removals: Removals


@remember(16, shared=True, spinner=numbers.RUNNING)
def means_of(checkpoint: Checkpoint) -> Means:
    """Return what each part holds on average on held-out text."""
    return mean_values(checkpoint.model, numbers.windows(checkpoint))


@remember(128)
def asked_of(checkpoint: Checkpoint, tokens: Sequence[int]) -> Asked:
    """Return a prompt's likeliest token, and what the model would say blindly."""
    return ask(checkpoint.model, tokens, means_of(checkpoint))


def find(checkpoint: Checkpoint, asked: Asked) -> Proven:
    """Search and prove a circuit, and say how far the search is.

    Raises:
        DataError: If the model does not prefer the answer to its rival.
    """
    difference = whole_difference(checkpoint.model, asked)
    bar, begun = st.empty(), time.monotonic()
    circuit = _first(checkpoint, asked)
    count = circuit.size
    while (smaller := _smaller(checkpoint, asked, circuit)) is not None:
        circuit = smaller
        if time.monotonic() - begun > SOON:
            words = f"Dropping nodes: {circuit.size} of {circuit.kept.size} are left …"
            bar.progress(1 - circuit.size / count, words)
    bar.empty()
    return _proven(checkpoint, asked, circuit, difference)


def survey(checkpoint: Checkpoint, count: int) -> Survey | None:
    """Search circuits of many prompts of held-out text, with the time that is left.

    What was done is kept: stopped, it goes on where it was.

    Returns:
        None if the model prefers its answer clearly on no prompt.
    """
    prompts = corpora.other_prompts(checkpoint, LENGTH, count)
    words = "Searching circuits, {done} of {total} prompts"
    trials = [_trial(checkpoint, tokens) for _, tokens in in_turn(prompts, words)]
    found = [trial for trial in trials if trial is not None]
    return Survey(found) if found else None


@remember(8, shared=True, spinner=numbers.RUNNING)
def run_of(checkpoint: Checkpoint, asked: Asked) -> FrozenRun:
    """Return the model on a prompt, held still."""
    return freeze(checkpoint.model, asked, means_of(checkpoint))


@remember(64, spinner=numbers.RUNNING)
def _first(checkpoint: Checkpoint, asked: Asked) -> Circuit:
    return first_candidate(run_of(checkpoint, asked))


@remember(512, spinner=numbers.RUNNING)
def _smaller(checkpoint: Checkpoint, asked: Asked, circuit: Circuit) -> Circuit | None:
    return without_the_least(run_of(checkpoint, asked), circuit)


@remember(64, spinner="Proving it …")
def _proven(
    checkpoint: Checkpoint, asked: Asked, circuit: Circuit, difference: float
) -> Proven:
    run = run_of(checkpoint, asked)
    effects = [float(run.effects[place]) for place in circuit.places]
    edges = edges_between(run, circuit.kept)
    proof, removals = prove(run, circuit), remove_each(run)
    return Proven(circuit, difference, effects, edges, proof, removals)


@remember(4096)
def _trial(checkpoint: Checkpoint, tokens: Sequence[int]) -> Trial | None:
    return try_prompt(checkpoint.model, tokens, means_of(checkpoint))
