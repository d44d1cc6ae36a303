"""Beam search: the search, its tree, other paths through it, and the certain best."""
