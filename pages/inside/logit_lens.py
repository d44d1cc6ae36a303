"""Logit lens and attribution.

Learning goal: What the model would say after each layer, and which part wrote the answer.
"""

import streamlit as st

st.title("Logit lens and attribution")
st.markdown(
    "What the model would say after each layer, and which part wrote the answer."
)
