"""The loss by position, on texts longer than any that the model was trained on."""

import streamlit as st

from minigpt.checkpoint import Checkpoint
from minigpt.errors import DataError
from minigpt.interpret.corpora import held_out
from minigpt.interpret.positions.position_views import longer, loss_by_position
from pages.embeddings.numbers import MOST_READ, losses_of
from pages.frame import notebook
from pages.frame.guard import show_note
from viz.positions import loss_line, loss_table


def show(checkpoint: Checkpoint) -> None:
    """Offer to measure the loss by position, past the training length."""
    longest = checkpoint.model.config.max_seq_len
    st.subheader("Past the training length", anchor=False)
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button("Measure", icon=":material/straighten:", key="measure_beyond"):
            st.session_state["_measured"] = True
        st.caption(
            f"The same weights read texts of {2 * longest} tokens, twice as long as "
            "any in training. The model was not trained for this."
        )
    if not st.session_state.get("_measured"):
        return
    try:
        losses = losses_of(checkpoint)
    except DataError as error:
        show_note(str(error))
        return
    bucket = max(1, longest // 16)
    st.vega_lite_chart(loss_line(loss_table(losses.values, bucket), longest).spec)
    with st.container(horizontal=True, vertical_alignment="center"):
        windows = f"held_out(metadata, tokenizer, {2 * longest}, {MOST_READ}).windows"
        notebook.show(
            "loss by position",
            loss_by_position,
            f"loss_by_position(longer(model, {2 * longest}), {windows})",
            drawn=losses.values,
            also=[held_out, longer],
        )
        st.caption(
            f"{MOST_READ} texts: {losses.description}. Each point is the mean of "
            f"{bucket} positions."
        )
