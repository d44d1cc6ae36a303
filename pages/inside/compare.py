"""Compare.

Learning goal: What changed between two models, or two moments of one training.
"""

import streamlit as st

st.title("Compare")
st.markdown("What changed between two models, or two moments of one training.")
