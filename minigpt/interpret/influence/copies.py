"""A training, taken again, held against the copies that the run itself kept.

Before: `rerun`. Next: `study`.
"""

from pathlib import Path

import torch
from torch import Tensor

from minigpt.checkpoint import load_checkpoint
from minigpt.model import LanguageModel


def drift(model: LanguageModel, copy: Path) -> float:
    """Return how far the weights of a model lie from a checkpoint's.

        drift = ‖θ − θ_copy‖ / ‖θ_copy‖

    Args:
        model: Trained again, up to the checkpoint's step.
        copy: The checkpoint's directory. With 16 bits for each weight, as in a film,
            the same weights are 0.0003 apart.
    """
    theirs = _joined(load_checkpoint(copy).model)
    return float((_joined(model) - theirs).norm() / theirs.norm())


def _joined(model: LanguageModel) -> Tensor:
    """Return all weights in one row."""
    return torch.cat([each.detach().flatten() for each in model.parameters()])
