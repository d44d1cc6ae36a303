"""The numbers of "Attention, step by step", kept while the reader clicks about."""

import streamlit as st

from minigpt.checkpoint import Checkpoint
from minigpt.interpret.heads.attention_editing import EditedHead, HeadEdit, edit_head
from minigpt.interpret.heads.attention_steps import AttentionSteps, attention_steps
from minigpt.interpret.reading.prompt import Reading
from minigpt.model import TransformerLM
from pages.frame import models
from pages.frame.reading import Place


def steps_of(checkpoint: Checkpoint, reading: Reading, place: Place) -> AttentionSteps:
    """Return one row of one head, step by step."""
    model = checkpoint.model
    return _steps(models.serial(model), model, tuple(reading.tokens), place)


def edit_of(
    checkpoint: Checkpoint, reading: Reading, place: Place, edit: HeadEdit
) -> EditedHead:
    """Return the same row after an edit, and what the edit does to the prediction."""
    model = checkpoint.model
    return _edit(models.serial(model), model, tuple(reading.tokens), place, edit)


@st.cache_data(max_entries=64, show_spinner=False)
def _steps(
    serial: int,  # noqa: ARG001 (stands for the model in the cache's key)
    _model: TransformerLM,
    tokens: tuple[int, ...],
    place: Place,
) -> AttentionSteps:
    return attention_steps(_model, list(tokens), *place)


@st.cache_data(max_entries=64, show_spinner=False)
def _edit(
    serial: int,  # noqa: ARG001
    _model: TransformerLM,
    tokens: tuple[int, ...],
    place: Place,
    edit: HeadEdit,
) -> EditedHead:
    return edit_head(_model, list(tokens), *place, edit)
