"""Serve a model over HTTP, and stop it, on the Library page.

Offered to the person at this machine only: nobody else could reach the server.
"""

import streamlit as st

from minigpt.errors import MinigptError
from minigpt.library.inventory import Facts
from minigpt.serve import switch
from minigpt.serve.needed import require_packages
from pages.frame.server.local import is_local
from pages.frame.words import plain


def show_running() -> None:
    """Show the servers that answer now, each with what stops it."""
    if not is_local():
        return
    for server in switch.running():
        with st.container(
            horizontal=True, vertical_alignment="center", key=f"served_{server.name}"
        ):
            st.markdown(f"**{plain(server.name)}** is served to OpenAI's clients at")
            st.code(server.address, language=None, width="content")
            st.button(
                "Stop",
                icon=":material/stop_circle:",
                type="tertiary",
                key=f"stop_serving_{server.name}",
                on_click=switch.stop,
                args=(server.name,),
            )


def show_start(facts: Facts) -> None:
    """Show the button that serves a model."""
    if not is_local():
        return
    obstacle = _missing()
    if any(server.name == facts.id for server in switch.running()):
        obstacle = "It is served already: see above."
    wanted = st.button(
        "Serve",
        icon=":material/api:",
        type="tertiary",
        key="serve_model",
        disabled=bool(obstacle),
        help=plain(obstacle)
        or "Programs on this machine can then ask it as they ask OpenAI: "
        "completions, chat, embeddings, activations. It stops with the app.",
    )
    if wanted:
        with st.spinner("Starting a server …"):
            switch.start(facts.path, facts.id)
        st.rerun()


def _missing() -> str:
    try:
        require_packages()
    except MinigptError as error:
        return str(error)
    return ""
