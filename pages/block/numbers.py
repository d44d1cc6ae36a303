"""The numbers of "Multi-head and block", kept while the reader clicks about."""

import streamlit as st

from minigpt.checkpoint import Checkpoint
from minigpt.interpret.reading.prompt import Reading
from minigpt.interpret.stream.block_view import BlockView, block_view
from minigpt.interpret.stream.journey import JourneyStage, journey
from minigpt.model import TransformerLM
from pages.frame import models
from pages.frame.reading import Place


def block_of(checkpoint: Checkpoint, reading: Reading, place: Place) -> BlockView:
    """Return one token's way through one block."""
    model, tokens = checkpoint.model, tuple(reading.tokens)
    return _block(models.serial(model), model, tokens, place.layer, place.token)


def stages_of(checkpoint: Checkpoint, reading: Reading) -> list[JourneyStage]:
    """Return every part of the model in turn, none put together with another."""
    model = checkpoint.model
    return _stages(models.serial(model), model, tuple(reading.tokens))


@st.cache_data(max_entries=64, show_spinner=False)
def _block(
    serial: int,  # noqa: ARG001 (stands for the model in the cache's key)
    _model: TransformerLM,
    tokens: tuple[int, ...],
    layer: int,
    position: int,
) -> BlockView:
    return block_view(_model, list(tokens), layer, position)


@st.cache_data(max_entries=16, show_spinner=False)
def _stages(
    serial: int,  # noqa: ARG001
    _model: TransformerLM,
    tokens: tuple[int, ...],
) -> list[JourneyStage]:
    layers = _model.config.num_layers
    return journey(_model, list(tokens), most=layers, count=1).stages
