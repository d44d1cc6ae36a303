"""Figures and small components: typed arrays and token pieces in, pictures out.

Nothing here knows the model. `minigpt` computes, a page asks, `viz` draws.
"""
