"""Attention heads: what they attend to, and how to score and edit them."""
