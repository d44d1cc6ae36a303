"""What recorded activations say, as numbers and words: arrays in, dataclasses out."""

from minigpt.interpret.heads import (
    Caption,
    HeadScores,
    head_scores,
    strongest_read,
)
from minigpt.interpret.null_band import NullBand, cautious_label, null_band

__all__ = [
    "Caption",
    "HeadScores",
    "NullBand",
    "cautious_label",
    "head_scores",
    "null_band",
    "strongest_read",
]
