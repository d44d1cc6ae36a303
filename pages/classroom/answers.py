"""What the class has predicted so far, as a file."""

import streamlit as st

from minigpt.classroom import votes
from minigpt.classroom.room import Room


def show(room: Room) -> None:
    """Offer every answer as a table."""
    st.subheader("Predictions", anchor=False)
    st.caption(
        "“Ask the class” stands below the Predict of every lesson. Kept are each "
        "learner’s first and second answer, under the name they chose, until the class "
        "ends."
    )
    st.download_button(
        "Download as CSV",
        # With its mark, so that Excel reads names in UTF-8.
        lambda: votes.to_csv(room).encode("utf-8-sig"),
        "predictions.csv",
        "text/csv",
        key="predictions_csv",
        icon=":material/download:",
        on_click="ignore",
    )
