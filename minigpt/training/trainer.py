"""The trainer: step after step, with evaluations and checkpoints in between.

    for each epoch
        for each batch
            step → evaluate? → save? → asked to stop?

All randomness of a step (dropout, the order of the data) is a pure function of seed,
step and process. So a training that is killed and resumed continues as if it had never
been interrupted: on a CPU, bit for bit.

Before: a model and a source of batches. Next: a checkpoint to generate with.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler
from torch.utils.data import DataLoader

from minigpt.checkpoint import find_checkpoint
from minigpt.config import TrainConfig
from minigpt.model import LanguageModel
from minigpt.model.device import resolve_device
from minigpt.tokenizers.base import Tokenizer
from minigpt.training.batches import Batch, BatchSampler, build_batches
from minigpt.training.callbacks import (
    CallbackList,
    Reason,
    StepRecord,
    TrainerCallback,
    TrainingResult,
)
from minigpt.training.checkpoint_retention import CheckpointKeeper
from minigpt.training.compilation import computed_with
from minigpt.training.distributed import join_team
from minigpt.training.learner import build_learner, require_trainable
from minigpt.training.milestones import Milestones
from minigpt.training.objective import NextToken, Objective
from minigpt.training.optimizer import build_optimizer
from minigpt.training.progress import Limits, Pace, TrainingProgress
from minigpt.training.resume import capture_state, restore_state
from minigpt.training.schedule import build_schedule, get_cosine_schedule_with_warmup
from minigpt.training.step import StepSetup, take_step
from minigpt.training.timing import StepClock
from minigpt.training.validation import Validation

__all__ = ["Trainer", "get_cosine_schedule_with_warmup"]


class Trainer:
    """Trains a model, and keeps the checkpoint with the lowest held-out loss.

    The first eight arguments are those of the tutorials' trainer, in their order.

    Args:
        model: What learns, in place.
        train_dataloader: A torch `DataLoader` of pairs (inputs, labels) or mappings
            with `input_ids` and `labels`; or a `WindowSampler`.
        eval_dataloader: Held-out batches; without them there is no `best_model`.
        optimizer: None: the one that `config` describes.
        lr_scheduler: Stepped after each step. None: the config's, unless you brought an
            optimizer; then its learning rates stay as they are.
        device: Where to train; `auto` is what the config says.
        output_dir: Where the checkpoints go.
        eval_interval: Steps between evaluations (none: the config's).
        config: Everything else about the training.
        tokenizer: Saved with the model (none: that of the data set, if it has one).
        callbacks: Called after steps, evaluations and checkpoints.
        provenance: How the model was made, for its checkpoints; JSON types.
        objective: What to minimise (none: the next token's loss).

    Raises:
        ConfigError: If a setting is wrong, or the machine's memory is too small.
    """

    def __init__(
        self,
        model: LanguageModel,
        train_dataloader: DataLoader[Any] | BatchSampler,
        eval_dataloader: Iterable[Any] | None = None,
        optimizer: Optimizer | None = None,
        lr_scheduler: LRScheduler | None = None,
        device: str | torch.device = "auto",
        output_dir: Path | str = "./outputs",
        eval_interval: int | None = None,
        config: TrainConfig | None = None,
        tokenizer: Tokenizer | None = None,
        callbacks: Sequence[TrainerCallback] = (),
        provenance: dict[str, Any] | None = None,
        objective: Objective | None = None,
    ) -> None:
        config = config or TrainConfig()
        if eval_interval is not None:
            config = config.replace(eval_interval=eval_interval)
        if config.num_threads is not None:
            torch.set_num_threads(config.num_threads)
        require_trainable(model, config)
        name = config.device if str(device) == "auto" else str(device)
        self.config = config
        self.team, self.model = join_team(resolve_device(name)), model
        self.objective = objective or NextToken()
        self.learner = build_learner(
            model, config, self.team, self.objective, optimizer
        )
        self.batches = build_batches(train_dataloader, config.seed, self.team)
        self._builds_schedule = optimizer is None and lr_scheduler is None
        self.optimizer = optimizer or build_optimizer(self.learner.module, config)
        self.lr_scheduler = lr_scheduler
        if tokenizer is None:
            dataset = getattr(train_dataloader, "dataset", None)
            tokenizer = getattr(dataset, "tokenizer", None)
        in_use = computed_with(config, self.team.device)
        self.validation = Validation(
            self.learner.module,
            eval_dataloader,
            config.eval_batches,
            tokenizer,
            self.team,
            self.objective,
        )
        self.keeper = CheckpointKeeper(
            Path(output_dir),
            self.model,
            config.keep_checkpoints,
            tokenizer,
            config.checkpoint_steps,
            {**(provenance or {}), "computed_with": in_use},
        )
        # Only the first process calls the callbacks.
        self.callbacks: TrainerCallback = (
            CallbackList(callbacks) if self.team.is_first else TrainerCallback()
        )
        self.progress, self._pace = TrainingProgress(), Pace()
        self._clock = StepClock(self.team.device)
        self._setup = StepSetup(config, self.team, self.objective, self._clock)

    def train(
        self,
        num_epochs: int | None = None,
        max_steps: int | None = None,
        resume_from_checkpoint: Path | str | None = None,
    ) -> TrainingResult:
        """Train to the end, or until a callback asks to stop.

        Args:
            num_epochs: Passes over the data (none: the config's, without max_steps).
            max_steps: Steps at most (none: the config's, without num_epochs).
            resume_from_checkpoint: Go on from there, as if never interrupted.

        Returns:
            How it ended.

        Raises:
            RunError: If the loss or the gradient is not a number any more.
            CheckpointError: If a checkpoint cannot be saved, or not be resumed from.
            DataError: If there is nothing to learn from.
            ConfigError: If the schedule needs an end and the data has no length.
        """
        if num_epochs is None and max_steps is None:
            max_steps = self.config.max_steps
            num_epochs = None if max_steps else self.config.num_epochs
        limits = Limits(num_epochs, max_steps)
        total_steps = limits.total_steps(self.batches.steps_per_epoch)
        # A caller's own optimizer or schedule sets the learning rates instead.
        if self._builds_schedule:
            self.lr_scheduler = build_schedule(self.optimizer, self.config, total_steps)
        milestones = self._begin(resume_from_checkpoint)
        forward = self.learner.begin(self.config)
        loss: float | None = None
        reason: Reason | None = None
        while reason is None:
            if limits.are_reached(self.progress):
                reason = "finished"
                break
            self.callbacks.on_epoch(self.progress.epoch + 1, num_epochs)
            self._clock.begin()
            for batch in self.batches.epoch(
                self.progress.epoch, self.progress.position
            ):
                self._clock.end("data")
                loss = self._step(forward, batch, total_steps)
                reason = self._between_steps(milestones)
                if reason or limits.are_reached(self.progress):
                    break
            else:
                self.progress.finish_epoch()
                if num_epochs is not None:
                    self.learner.gather()
                    milestones.after_epoch()
                    reason = "patience" if milestones.patience_is_over else None
        return self._finish(milestones, reason, loss)

    def evaluate(self) -> float:
        """Return the mean loss over all held-out batches, in nats per token.

        Raises:
            ConfigError: If there are none.
        """
        return self.validation.complete().loss

    def _step(self, forward: nn.Module, batch: Batch, total_steps: int | None) -> float:
        """Take one step and report it; return its loss."""
        progress, optimizer = self.progress, self.optimizer
        learning_rate = float(optimizer.param_groups[0]["lr"])
        loss, gradient_norm, num_tokens, measures = take_step(
            forward, optimizer, batch, progress.step, self._setup
        )
        if self.lr_scheduler is not None:
            self.lr_scheduler.step()
            self._clock.end("optimizer")
        took = self._clock.finish_step()
        self._pace.count_step(num_tokens, took)
        progress.count_step(loss, num_tokens)
        self.learner.gather(self.callbacks.reads_weights(progress.step))
        steps_left = None if total_steps is None else total_steps - progress.step
        self.callbacks.on_step(
            StepRecord(
                step=progress.step,
                total_steps=total_steps,
                epoch=progress.epoch + 1,
                loss=loss,
                average_loss=progress.average_loss,
                learning_rate=learning_rate,
                gradient_norm=gradient_norm,
                tokens_seen=progress.tokens_seen,
                tokens_per_second=self._pace.tokens_per_second,
                eta_seconds=self._pace.eta_seconds(steps_left),
                measures=measures,
                seconds=took.whole,
                cpu_seconds=took.cpu,
                slower=self._pace.slower if self.team.waits_for_cores else None,
                parts=took.parts,
            )
        )
        return loss

    def _begin(self, checkpoint: Path | str | None) -> Milestones:
        """Start from scratch, or from a checkpoint: weights, optimizer, progress."""
        self.progress, self._pace = TrainingProgress(), Pace()
        directory = None if checkpoint is None else find_checkpoint(checkpoint)
        if directory is not None:
            self.progress = restore_state(
                directory, self.model, self.optimizer, self.lr_scheduler
            )
        self.learner.module.gradient_checkpointing = self.config.gradient_checkpointing
        milestones = Milestones(
            self.config,
            self.progress,
            validation=self.validation,
            keeper=self.keeper,
            callbacks=self.callbacks,
            capture=lambda: capture_state(
                self.progress, self.optimizer, self.lr_scheduler
            ),
        )
        milestones.begin(directory)
        return milestones

    def _between_steps(self, milestones: Milestones) -> Reason | None:
        """Evaluate and save while the clock is paused; return why to stop, if so."""
        with self._clock.paused():
            if milestones.are_due:
                self.learner.gather()
            milestones.after_step()
        # All processes must leave at the same step: the first one decides for all.
        if self.team.sum([self.callbacks.should_stop()])[0]:
            return "stopped"
        return "patience" if milestones.patience_is_over else None

    def _finish(
        self, milestones: Milestones, reason: Reason, loss: float | None
    ) -> TrainingResult:
        """Evaluate, save, and report how the training ended."""
        self.learner.gather()
        validation_loss, path = milestones.finish(reason)
        self.team.wait()
        result = TrainingResult(
            step=self.progress.step,
            epoch=self.progress.epoch,
            loss=loss,
            validation_loss=validation_loss,
            best_loss=self.progress.best_loss,
            stopped=reason != "finished",
            reason=reason,
            checkpoint=path,
        )
        self.callbacks.on_end(result)
        return result
