"""The trainer: step after step, with evaluations and checkpoints in between.

    for each epoch
        for each batch
            step → evaluate? → save? → asked to stop?

All randomness of a step (dropout, the order of the data) is a pure function of seed,
step and process. So a training that is killed and resumed goes on exactly as if nothing
had happened: on a CPU, bit for bit.

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
from minigpt.errors import ConfigError
from minigpt.model import LanguageModel
from minigpt.model.device import resolve_device
from minigpt.model.memory import require_memory
from minigpt.tokenizers.base import Tokenizer
from minigpt.training.batches import Batch, Sampler, build_batches
from minigpt.training.callbacks import (
    CallbackList,
    EvalRecord,
    Reason,
    StepRecord,
    TrainerCallback,
    TrainingResult,
)
from minigpt.training.distributed import join_team
from minigpt.training.evaluate import Evaluation
from minigpt.training.keeper import CheckpointKeeper
from minigpt.training.objective import NextToken, Objective
from minigpt.training.optimizer import build_optimizer
from minigpt.training.progress import Pace, Progress
from minigpt.training.resume import capture_state, restore_state
from minigpt.training.schedule import build_schedule, get_cosine_schedule_with_warmup
from minigpt.training.step import take_step
from minigpt.training.validation import Validation

__all__ = ["Trainer", "get_cosine_schedule_with_warmup"]

BEST = "best_model"
COPIES_OF_WEIGHTS = 4
"""The weight, its gradient, and two averages of it."""


class Trainer:
    """Trains a model, and keeps the best of it.

    Args:
        model: What learns, in place.
        train_dataloader: A torch `DataLoader` of pairs (inputs, labels) or mappings
            with `input_ids` and `labels`; or a `WindowSampler`.
        eval_dataloader: Held-out batches; without them there is no `best_model`.
        optimizer: None: the one that `config` describes.
        lr_scheduler: Stepped after each step. None: the config's, unless you brought an
            optimizer; then its learning rates stay as they are.
        device: `auto` takes the config's choice.
        output_dir: Where the checkpoints go.
        eval_interval: Steps between evaluations (none: the config's).
        config: Everything else about the training.
        tokenizer: Saved with the model (none: that of the data set, if it has one).
        callbacks: Who hears of steps, evaluations and checkpoints.
        provenance: How the model came to be, for its checkpoints; JSON types.
        objective: What to minimise (none: the next token's loss).

    Raises:
        ConfigError: If a setting is wrong, or the machine's memory is too small.
    """

    def __init__(
        self,
        model: LanguageModel,
        train_dataloader: DataLoader[Any] | Sampler,
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
        require_memory(model.config, COPIES_OF_WEIGHTS)
        name = config.device if str(device) == "auto" else str(device)
        self.config = config
        self.team = join_team(resolve_device(name))
        self.model = model.to(self.team.device)
        self.batches = build_batches(train_dataloader, config.seed, self.team)
        self._brought_optimizer = optimizer is not None
        self._brought_scheduler = lr_scheduler is not None
        self.optimizer = optimizer or build_optimizer(model, config)
        self.lr_scheduler = lr_scheduler
        if tokenizer is None:
            dataset = getattr(train_dataloader, "dataset", None)
            tokenizer = getattr(dataset, "tokenizer", None)
        self.tokenizer = tokenizer
        self.provenance = provenance or {}
        self.objective = objective or NextToken()
        self.validation = Validation(
            self.model,
            eval_dataloader,
            config.eval_batches,
            tokenizer,
            self.team,
            self.objective,
        )
        self.keeper = CheckpointKeeper(
            Path(output_dir),
            config.keep_checkpoints,
            tokenizer,
            config.checkpoint_steps,
        )
        # The first process speaks for all.
        self.callbacks: TrainerCallback = (
            CallbackList(callbacks) if self.team.is_first else TrainerCallback()
        )
        self.progress, self._pace = Progress(), Pace()
        self._saved: tuple[int, Path] | None = None  # step and path of the last one
        # Step and outcome of the last quick look.
        self._evaluated: tuple[int, Evaluation | None] = (-1, None)

    def train(
        self,
        num_epochs: int | None = None,
        max_steps: int | None = None,
        resume_from_checkpoint: Path | str | None = None,
    ) -> TrainingResult:
        """Train to the end, or until something asks to stop.

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
        total_steps = self._total_steps(num_epochs, max_steps)
        self._prepare_schedule(total_steps)
        self.progress, self._pace = Progress(), Pace()
        self._saved, self._evaluated = None, (-1, None)
        if resume_from_checkpoint is not None:
            self._resume(find_checkpoint(resume_from_checkpoint))
        self.model.gradient_checkpointing = self.config.gradient_checkpointing
        # The plain model stays as it is, to be evaluated, saved and looked into.
        forward: Any = torch.compile(self.model) if self.config.compile else self.model
        forward = self.team.wrap(forward)
        if self.progress.step == 0 and 0 in self.config.checkpoint_steps:
            self._save("checkpoint_step_0")
        loss: float | None = None
        reason: Reason | None = None
        while reason is None:
            if self._is_over(num_epochs, max_steps):
                reason = "finished"
                break
            self.callbacks.on_epoch(self.progress.epoch + 1, num_epochs)
            for batch in self.batches.epoch(
                self.progress.epoch, self.progress.position
            ):
                loss = self._step(forward, batch, total_steps)
                reason = self._between_steps()
                if reason or self._is_over(num_epochs, max_steps):
                    break
            else:
                self.progress.finish_epoch()
                reason = self._between_epochs() if num_epochs is not None else None
        return self._finish(reason, loss)

    def evaluate(self) -> float:
        """Return the mean loss over all held-out batches, in nats per token.

        Raises:
            ConfigError: If there are none.
        """
        return self.validation.complete().loss

    def _step(self, forward: nn.Module, batch: Batch, total_steps: int | None) -> float:
        """Take one step and tell of it; return its loss."""
        progress, optimizer = self.progress, self.optimizer
        learning_rate = float(optimizer.param_groups[0]["lr"])
        self._pace.begin()
        loss, gradient_norm, num_tokens, measures = take_step(
            forward,
            optimizer,
            batch,
            self.config,
            self.team,
            progress.step,
            self.objective,
        )
        if self.lr_scheduler is not None:
            self.lr_scheduler.step()
        self._pace.count_step(num_tokens)
        progress.count_step(loss, num_tokens)
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
            )
        )
        return loss

    def _between_steps(self) -> Reason | None:
        """Evaluate and save if it is time; return why to stop, if there is a reason."""
        config, step = self.config, self.progress.step
        if step % config.eval_interval == 0:
            self._evaluate_and_keep_best()
        is_due = step % (config.checkpoint_interval or config.eval_interval) == 0
        if is_due or step in config.checkpoint_steps:
            self._save(f"checkpoint_step_{step}")
        # All processes must leave at the same step: the first one decides for all.
        if self.team.sum([self.callbacks.should_stop()])[0]:
            return "stopped"
        return self._out_of_patience()

    def _between_epochs(self) -> Reason | None:
        """Evaluate and save; return why to stop, if there is a reason."""
        self._evaluate_and_keep_best()
        self._save(f"checkpoint_epoch_{self.progress.epoch}")
        return self._out_of_patience()

    def _out_of_patience(self) -> Reason | None:
        patience = self.config.patience
        if patience and self.progress.evaluations_since_best >= patience:
            return "patience"
        return None

    def _evaluate_and_keep_best(self) -> None:
        """Take a quick look, once per step; save the model if it is the best."""
        step = self.progress.step
        if not self.validation.is_possible or self._evaluated[0] == step:
            return
        evaluation = self.validation.quick_look()
        self._evaluated = (step, evaluation)
        is_best = self.progress.note_evaluation(evaluation.loss)
        complete = self.validation.quick_look_is_complete
        self._tell_of(evaluation, complete=complete, is_best=is_best)
        if is_best:
            self._save(BEST, resumable=False, validation_loss=evaluation.loss)

    def _evaluate_at_the_end(self) -> float:
        """Return the loss on all held-out text, in nats per token."""
        self._evaluate_and_keep_best()
        evaluation = self._evaluated[1]
        if evaluation is None or not self.validation.quick_look_is_complete:
            evaluation = self.validation.complete()
            self._tell_of(evaluation, complete=True, is_best=False)
        return evaluation.loss

    def _tell_of(
        self, evaluation: Evaluation, *, complete: bool, is_best: bool
    ) -> None:
        record = EvalRecord(
            step=self.progress.step,
            epoch=self.progress.epoch + 1,
            loss=evaluation.loss,
            perplexity=evaluation.perplexity,
            bits_per_character=evaluation.bits_per_character,
            is_best=is_best,
            complete=complete,
            measures=evaluation.measures,
            unit=self.objective.unit,
        )
        self.callbacks.on_evaluation(record)

    def _save(self, name: str, *, resumable: bool = True, **facts: Any) -> Path:
        """Save a checkpoint; of several processes, only the first one writes."""
        step, state, path = self.progress.step, None, self.keeper.directory / name
        if resumable:
            state = capture_state(self.progress, self.optimizer, self.lr_scheduler)
            self._saved = (step, path)
        if self.team.is_first:
            provenance = {**self.provenance, **facts}
            self.keeper.save(name, self.model, step, provenance, state)
            self.callbacks.on_checkpoint(path, step)
        return path

    def _finish(self, reason: Reason, loss: float | None) -> TrainingResult:
        """Evaluate on all held-out text, save, and tell how it ended."""
        validation_loss: float | None = None
        if self.validation.is_possible and reason != "stopped":
            validation_loss = self._evaluate_at_the_end()
        step = self.progress.step
        saved_at, path = self._saved or (None, Path())
        if saved_at != step:
            path = self._save(f"checkpoint_step_{step}")
        self.team.wait()
        result = TrainingResult(
            step=step,
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

    def _resume(self, directory: Path) -> None:
        """Take weights, optimizer, schedule and progress from a checkpoint."""
        self.progress = restore_state(
            directory, self.model, self.optimizer, self.lr_scheduler
        )
        self._saved = (self.progress.step, directory)

    def _is_over(self, num_epochs: int | None, max_steps: int | None) -> bool:
        epochs_done = num_epochs is not None and self.progress.epoch >= num_epochs
        steps_done = max_steps is not None and self.progress.step >= max_steps
        return epochs_done or steps_done

    def _total_steps(self, num_epochs: int | None, max_steps: int | None) -> int | None:
        limits = [] if max_steps is None else [max_steps]
        if num_epochs is not None and self.batches.steps_per_epoch is not None:
            limits.append(num_epochs * self.batches.steps_per_epoch)
        return min(limits, default=None)

    def _prepare_schedule(self, total_steps: int | None) -> None:
        """Build the config's schedule, unless the caller steers the optimizer."""
        if self._brought_optimizer or self._brought_scheduler:
            return
        if total_steps is None and self.config.schedule != "constant":
            raise ConfigError(
                f"A {self.config.schedule} schedule needs to know the last step, and "
                "the length of this data is unknown: pass max_steps, or choose the "
                "constant schedule."
            )
        self.lr_scheduler = build_schedule(self.optimizer, self.config, total_steps)
