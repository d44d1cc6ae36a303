"""Intervene.

Learning goal: Looking is not causing: change a value inside the model, and see what breaks.
"""

import streamlit as st

st.title("Intervene")
st.markdown(
    "Looking is not causing: change a value inside the model, and see what breaks."
)
