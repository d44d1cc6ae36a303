"""The app: navigation, the frame around every page, and the page itself.

    streamlit run app.py

Pages lie in sections, pages/<section>/<page>.py; `launch.py` starts this file.
"""

import streamlit as st

from pages.frame import guard, keyboard, notebook, present, sidebar, state, style

st.set_page_config(page_title="minigpt", page_icon="🔎", layout="wide")

page = st.navigation(
    {
        "": [
            st.Page(
                "pages/start/home.py",
                title="Home",
                icon=":material/home:",
                default=True,
            )
        ],
        "Understand": [
            st.Page(
                "pages/inside/attention.py",
                title="Attention, step by step",
                icon=":material/center_focus_strong:",
            ),
            st.Page(
                "pages/inside/block.py",
                title="Multi-head and block",
                icon=":material/layers:",
            ),
        ],
        "Train": [
            st.Page(
                "pages/train/training.py",
                title="Training",
                icon=":material/trending_down:",
            )
        ],
        "Look inside": [
            st.Page(
                "pages/inside/head_explorer.py",
                title="Head explorer",
                icon=":material/grid_view:",
            ),
            st.Page(
                "pages/inside/logit_lens.py",
                title="Logit lens and attribution",
                icon=":material/search:",
            ),
            st.Page(
                "pages/inside/intervene.py",
                title="Intervene",
                icon=":material/content_cut:",
            ),
            st.Page(
                "pages/inside/compare.py",
                title="Compare",
                icon=":material/compare:",
            ),
        ],
        "Write": [
            st.Page(
                "pages/write/generation.py",
                title="Generation",
                icon=":material/edit_note:",
            ),
            st.Page(
                "pages/write/beam_search.py",
                title="Beam search",
                icon=":material/account_tree:",
            ),
        ],
    }
)
state.follow()
state.carry(page.url_path)
notebook.forget()
keyboard.begin()
style.apply()
with guard.guard():
    sidebar.show()
present.apply()
notes = st.container()
with guard.guard():
    page.run()
with notes:
    for note in state.unknown():
        guard.show_problem(f"{note} What you see is the default.")
keyboard.listen()
