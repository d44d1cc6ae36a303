"""Beam search: several texts at once, and the best whole one in the end.

Learning goal: what is likeliest token by token is not the likeliest text.
"""

from pages.frame import lesson

lesson.open(
    "Beam search",
    "Keep several texts at once, and the likeliest whole one wins.",
)
