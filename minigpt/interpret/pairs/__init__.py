"""Many pairs of prompts: what holds on average over them, and how sure that is."""
