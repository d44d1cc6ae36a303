"""Training, in reading order: loss, schedule, optimizer, evaluation, trainer."""

from minigpt.training.loss import language_model_loss
from minigpt.training.optimizer import Muon, build_optimizer
from minigpt.training.schedule import (
    get_cosine_schedule_with_warmup,
    schedule_factor,
)

__all__ = [
    "Muon",
    "build_optimizer",
    "get_cosine_schedule_with_warmup",
    "language_model_loss",
    "schedule_factor",
]
