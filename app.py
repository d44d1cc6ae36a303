"""The app: navigation, the frame around every page, and the page itself.

    streamlit run app.py

Pages lie in sections, pages/<section>/<page>.py; `launch.py` starts this file.
"""

import streamlit as st

from pages.frame import (
    course,
    guard,
    keyboard,
    notebook,
    present,
    sidebar,
    state,
    style,
)

st.set_page_config(page_title="minigpt", page_icon="🔎", layout="wide")

page = st.navigation(course.navigation())
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
