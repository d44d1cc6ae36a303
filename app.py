"""The app: navigation, the frame around every page, and the page itself.

    python3 launch.py

Pages lie in sections, pages/<section>/<page>.py; `serve.py` serves this file.
"""

import streamlit as st

from pages.frame import covering, guard, memory, notebook, progress, state
from pages.frame.controls import hiding, keyboard, sharing, sidebar, tour
from pages.frame.look import present, style, summary
from pages.frame.room import entrance
from pages.frame.server import garbage, one_key, uploads

st.set_page_config(page_title="minigpt", page_icon="🔎", layout="wide")

garbage.note_run()
one_key.look_up_one()
entrance.begin()
page = st.navigation(entrance.navigation(), expanded=True)
entrance.require_seat()
# What a screen reader says first.
st.set_page_config(page_title=f"{page.title} · minigpt")
state.follow()
state.carry(page.url_path)
state.refuse_infinite()
tour.begin()
progress.visit(page.url_path)
notebook.forget()
keyboard.begin()
uploads.begin()
style.apply()
share = st.sidebar
with guard.guard():
    share = sidebar.show()
entrance.show_controls()
present.apply()
missing = hiding.apply()
notes, tour_card = st.container(), st.container()
with guard.guard():
    entrance.run(page)
with guard.guard():
    if not covering.is_in_study():  # a lesson's file would show what a study covers
        summary.show(page.url_path)
with share:
    sharing.show(page.url_path)
with notes:
    entrance.listen(page)
    for note in state.unknown():
        guard.show_problem(f"{note} What you see is the default.")
    for note in missing:
        guard.show_problem(note)
tour.listen(tour_card)
keyboard.listen()
entrance.lead(page)
memory.keep()
state.keep_history()
