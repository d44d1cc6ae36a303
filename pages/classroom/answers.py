"""What the class has predicted, answered, trained and shown so far, as files."""

from collections.abc import Callable

import streamlit as st

from minigpt.classroom import gallery, overview, tries, votes
from minigpt.classroom.room import Room

_TABLES: dict[str, Callable[[Room], str]] = {
    "Predictions": votes.to_csv,
    "Check": tries.to_csv,
    "Runs": overview.to_csv,
    "Texts": gallery.to_csv,
}


def show(room: Room) -> None:
    """Offer each of the class's tables."""
    st.subheader("Take along", anchor=False)
    st.caption(
        "As CSV: both answers to every “Ask the class”, the first answers in each "
        "Check, the runs with their losses, and the gallery. Learners appear under the "
        "name they chose, and nothing is kept when the class ends."
    )
    with st.container(horizontal=True):
        for name, write in _TABLES.items():
            st.download_button(
                name,
                # With its mark, so that Excel reads names in UTF-8.
                lambda write=write: write(room).encode("utf-8-sig"),
                f"{name.lower()}.csv",
                "text/csv",
                key=f"take_{name.lower()}",
                icon=":material/download:",
                on_click="ignore",
            )
