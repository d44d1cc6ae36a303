"""The list of paths that are patched together, in the address and with a click."""

from typing import NamedTuple

import streamlit as st

from minigpt.errors import DataError
from minigpt.interpret.interventions.paths import Path, Through, read_path
from minigpt.model import TransformerLM
from pages.frame import state
from pages.frame.guard import show_problem

FAINT = 0.02
"""Share of the way below which a path counts for nothing."""

CLEAR = 0.1
"""Share of the way from which a path is among those that the button adds."""


class Maps(NamedTuple):
    """What each path moves alone."""

    through: Through
    moved: dict[Path, float]

    @property
    def strongest(self) -> Path:
        """Return the path between heads that moves the answer farthest.

        If there is none that moves it at all: of those to the logits.
        """
        ranked = sorted(self.moved, key=lambda path: -abs(self.moved[path]))
        between = (each for each in ranked if each.receiver)
        best = next(between, ranked[0])
        return best if abs(self.moved[best]) >= FAINT else ranked[0]


def choose_paths(model: TransformerLM, maps: Maps) -> list[Path]:
    """Show the list of paths to patch together; return those that the model has."""
    row = st.container(horizontal=True, vertical_alignment="bottom")
    names = row.multiselect(
        "Paths that are patched together",
        st.session_state.get("paths", []),
        label_visibility="collapsed",
        key="paths",
        accept_new_options=True,
        placeholder="Click a cell, or type L0H0>L1H0.k",
        help="L0H0>L1H0.k is the path from L0H0 to the keys of L1H0 (q: queries, v: "
        "values); L1H0>logits is what L1H0 says itself.",
        **state.BOUND,
    )
    ranked = sorted(maps.moved, key=lambda path: -maps.moved[path])
    clear = [path for path in ranked if path.receiver and maps.moved[path] >= CLEAR]
    row.button(
        "All clear ones",
        disabled=not clear,
        help=f"Every path to another head that alone moves the answer {CLEAR} of the "
        "way or more."
        if clear
        else f"No path to another head moves the answer {CLEAR} of the way.",
        on_click=_set_paths,
        args=([str(path) for path in clear],),
    )
    found = []
    for name in names:
        try:
            path = read_path(name)
            path.require_in(model.config)
        except DataError as error:
            show_problem(f"{error} This path is left out.")
        else:
            found.append(path)
    return list(dict.fromkeys(found))


def _set_paths(names: list[str]) -> None:
    st.session_state["paths"] = names
