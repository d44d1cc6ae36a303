"""What beam search found, and every candidate that it considered, as tables."""

import streamlit as st

from minigpt.checkpoint import Checkpoint
from minigpt.config import GenerationConfig
from minigpt.generation.beam_tree import BeamResult
from minigpt.generation.generator import Generation, Generator
from minigpt.tokenizers import Tokenizer
from pages.frame import models
from pages.frame.guard import show_note
from viz.tokens import display_piece, display_pieces


def search(checkpoint: Checkpoint, prompt: str, config: GenerationConfig) -> Generation:
    """Search for the likeliest continuation of a prompt."""
    generator = Generator(checkpoint.model, checkpoint.tokenizer)
    with models.turn_to_write():
        return generator.generate(prompt, config)


def show(generation: Generation, tokenizer: Tokenizer) -> None:
    """Show the texts found, best first, and the candidates of each step."""
    for warning in generation.warnings:
        show_note(warning)
    beams = generation.beams
    if beams is None:
        return
    st.subheader("The likeliest text found", anchor=False)
    st.code(generation.full_text, language=None, wrap_lines=True)
    st.download_button(
        "Download the text",
        generation.full_text,
        "minigpt.txt",
        icon=":material/download:",
        on_click="ignore",
    )
    st.subheader("All texts found", anchor=False)
    number = st.column_config.NumberColumn(format="%.3f")
    st.dataframe(
        _sequence_rows(beams, tokenizer),
        hide_index=True,
        column_config={"score (nats)": number},
    )
    st.caption(
        "Score: the sum of log-probabilities, divided by length to the power of "
        "length_penalty. Nearer to 0 is likelier."
    )
    with st.expander("Every candidate considered", icon=":material/table:"):
        show_candidates(beams, tokenizer)


def show_candidates(beams: BeamResult, tokenizer: Tokenizer) -> None:
    """Show one step's candidates: kept, finished or pruned."""
    candidates = beams.candidates
    last = candidates[-1].step
    step = 1
    if last > 1:
        step = st.slider("Step", 1, last, 1, key="beam_step")
    number = st.column_config.NumberColumn(format="%.3f")
    st.dataframe(
        [
            {
                "rank": candidate.rank,
                "token": display_piece(tokenizer.piece(candidate.token)),
                "outcome": candidate.status,
                "why": candidate.reason,
                "log p (nats)": candidate.log_prob,
                "sum (nats)": candidate.cumulative,
                "score (nats)": candidate.score,
                "text": _text(
                    [node.token for node in beams.path(candidate.id)], tokenizer
                ),
            }
            for candidate in candidates
            if candidate.step == step
        ],
        hide_index=True,
        column_config=dict.fromkeys(
            ("log p (nats)", "sum (nats)", "score (nats)"), number
        ),
    )


def _sequence_rows(beams: BeamResult, tokenizer: Tokenizer) -> list[dict[str, object]]:
    return [
        {
            "score (nats)": sequence.score,
            "tokens": len(sequence.tokens),
            "text": _text(sequence.tokens, tokenizer),
        }
        for sequence in beams.sequences
    ]


def _text(tokens: list[int], tokenizer: Tokenizer) -> str:
    return "".join(display_pieces(tokenizer.pieces(tokens)))
