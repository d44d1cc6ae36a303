"""Class: the teacher's page. Who is here, what they do, what they may do.

Learners do not have this page; `pages/frame/room/entrance.py` adds it for the teacher.
"""

import streamlit as st

from minigpt.errors import RoomError
from pages.classroom import (
    answers,
    closing,
    invitation,
    missed,
    models_for_all,
    people,
    permissions,
    results,
    study,
    texts,
    trainings,
)
from pages.frame.guard import guard
from pages.frame.room import seats

room = seats.teacher()
if room is None:
    raise RoomError("This page is the teacher's.")
st.title("Class", anchor=False)
now, handed_in, in_a_box = st.tabs(["Now", "Results", "Study"])
with now:
    left, right = st.columns([3, 2], gap="large")
with right, guard():
    invitation.show()
with left, guard():
    people.show(room)
with left, guard():
    trainings.show(room)
with left, guard():
    missed.show(room)
with left, guard():
    texts.show(room)
with left, guard():
    permissions.show(room)
with left, guard():
    answers.show(room)
with right, guard():
    models_for_all.show(room)
with right, guard():
    closing.show(room)
with handed_in, guard():
    results.show()
with in_a_box, guard():
    study.show(room)
