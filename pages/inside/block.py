"""Multi-head and block.

Learning goal: Heads move information between tokens, MLPs transform it, the residual stream remembers.
"""

import streamlit as st

st.title("Multi-head and block")
st.markdown(
    "Heads move information between tokens, MLPs transform it, the residual stream remembers."
)
