"""What recorded activations say, as numbers and words: arrays in, dataclasses out."""

from minigpt.interpret.heads.null_band import NullBand, cautious_label, null_band
from minigpt.interpret.heads.scores import (
    Caption,
    HeadScores,
    head_scores,
    strongest_read,
)

__all__ = [
    "Caption",
    "HeadScores",
    "NullBand",
    "cautious_label",
    "head_scores",
    "null_band",
    "strongest_read",
]
