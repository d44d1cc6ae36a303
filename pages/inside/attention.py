"""Attention, step by step.

Learning goal: A row of attention is a weighted average, and you can read every number of it.
"""

import streamlit as st

st.title("Attention, step by step")
st.markdown(
    "A row of attention is a weighted average, and you can read every number of it."
)
