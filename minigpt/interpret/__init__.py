"""What recorded activations say, as numbers and words: arrays in, dataclasses out."""

from minigpt.interpret.heads import (
    Caption,
    HeadScores,
    cautious_label,
    head_scores,
    strongest_read,
)

__all__ = [
    "Caption",
    "HeadScores",
    "cautious_label",
    "head_scores",
    "strongest_read",
]
