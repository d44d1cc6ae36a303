"""Means over many pairs of prompts, with their intervals."""
