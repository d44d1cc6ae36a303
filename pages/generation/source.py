"""What the Generation page continues: a model, a prompt, and forced tokens after it."""

import random
from typing import NamedTuple

import streamlit as st

from minigpt.checkpoint import Checkpoint
from minigpt.config import GenerationConfig
from minigpt.generation import Generator
from minigpt.interpret.openings.beginnings import Beginning
from pages.frame import models, notebook, state
from pages.frame.guard import show_note
from pages.frame.reading import may_cut
from pages.frame.writing import SEEDS
from pages.generation.numbers import expectation


class GenerationInput(NamedTuple):
    """A prompt, as a model reads it."""

    checkpoint: Checkpoint
    prompt: str
    tokens: list[int]
    last_only: bool
    identity: tuple[str, str]
    """Checkpoint and prompt: what was written after another one does not count."""

    @property
    def generator(self) -> Generator:
        """The generator for this prompt."""
        model, tokenizer, _ = self.checkpoint
        return Generator(
            model, tokenizer, model.device, last_only=self.last_only, watched=True
        )

    @property
    def expected(self) -> Beginning:
        """What the model expects after the prompt."""
        return expectation(self.checkpoint.model, self.prompt, self.tokens)

    @property
    def opening(self) -> str:
        """Lines of Python that make `generator`."""
        made = f"Generator(model, tokenizer, last_only={self.last_only})"
        return f"{notebook.opening()}generator = {made}\n"


def read_source(checkpoint: Checkpoint) -> GenerationInput:
    """Show the prompt's field and return what the model reads of it.

    Raises:
        DataError: If the prompt is too long and the reader wants it whole.
    """
    prompt = state.prompt_input()
    model, tokenizer, _ = checkpoint
    longest = model.config.max_seq_len
    last_only = may_cut(len(tokenizer.encode(prompt)), longest)
    notebook.read_last(longest if last_only else None)
    generator = Generator(model, tokenizer, model.device, last_only=last_only)
    tokens, warnings = generator.encode_prompt(prompt)
    for warning in warnings:
        show_note(warning)
    if not prompt:
        begin = tokenizer.pieces(tokens)[0]
        show_note(f"The prompt is empty, so the model begins after {begin!r}.")
    identity = (str(models.chosen_path(models.chosen_entry())), prompt)
    return GenerationInput(checkpoint, prompt, tokens, last_only, identity)


def written(source: GenerationInput) -> list[int]:
    """Return the tokens that the reader put behind this prompt, one by one."""
    identity, tokens = st.session_state.get("_written", (None, []))
    return list(tokens) if identity == source.identity else []


def write(source: GenerationInput, tokens: list[int]) -> None:
    """Remember the tokens put after this prompt. Call this from a callback."""
    st.session_state["_written"] = (source.identity, tokens)


def seeded(config: GenerationConfig) -> GenerationConfig:
    """Return the settings with a seed: of none, the one that chance gave last."""
    if config.seed is not None:
        return config
    if "_chance" not in st.session_state:
        throw_again()
    return config.replace(seed=st.session_state["_chance"])


def throw_again() -> None:
    """Let chance give another seed."""
    st.session_state["_chance"] = random.randrange(SEEDS)


def forget_seed() -> None:
    """Leave the seed to chance, and take another. Call this from a callback."""
    st.session_state["generate.seed"] = None
    throw_again()
