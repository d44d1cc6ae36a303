"""Attention heads: what they look at, how they are scored, and how they are edited."""
