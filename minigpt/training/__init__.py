"""Training: loss, optimizer, schedule, step, evaluation, trainer, in this order."""

from minigpt.training.callbacks import (
    EvalRecord,
    StepRecord,
    TrainerCallback,
    TrainingResult,
)
from minigpt.training.evaluate import Evaluation, evaluate_loss
from minigpt.training.loss import language_model_loss
from minigpt.training.optimizer import Muon, build_optimizer
from minigpt.training.schedule import (
    get_cosine_schedule_with_warmup,
    schedule_factor,
)
from minigpt.training.trainer import Trainer

__all__ = [
    "EvalRecord",
    "Evaluation",
    "Muon",
    "StepRecord",
    "Trainer",
    "TrainerCallback",
    "TrainingResult",
    "build_optimizer",
    "evaluate_loss",
    "get_cosine_schedule_with_warmup",
    "language_model_loss",
    "schedule_factor",
]
