"""What happens between two steps of a training: evaluations and checkpoints.

Before: the steps themselves (`trainer`). Next: the `callbacks`, and which checkpoints
stay on disk (`checkpoint_retention`).
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from minigpt.checkpoint import TrainingState
from minigpt.config import TrainConfig
from minigpt.training.callbacks import EvalRecord, Reason, TrainerCallback
from minigpt.training.checkpoint_retention import CheckpointKeeper
from minigpt.training.evaluate import Evaluation
from minigpt.training.progress import TrainingProgress
from minigpt.training.validation import Validation

BEST = "best_model"


class Milestones:
    """Evaluates and saves at the steps that the config names, and calls the callbacks.

    Args:
        config: The intervals, and the patience.
        progress: How far the training is; the best loss is noted in it.
        validation: The held-out text.
        keeper: Where checkpoints go.
        callbacks: Called after each evaluation and checkpoint.
        capture: Returns what is needed to resume at this moment.
    """

    def __init__(
        self,
        config: TrainConfig,
        progress: TrainingProgress,
        *,
        validation: Validation,
        keeper: CheckpointKeeper,
        callbacks: TrainerCallback,
        capture: Callable[[], TrainingState],
    ) -> None:
        self.config, self.progress = config, progress
        self.validation, self.keeper, self.callbacks = validation, keeper, callbacks
        self._capture = capture
        # Step and path of the last checkpoint that can be resumed from.
        self._saved: tuple[int, Path] | None = None
        # Step and result of the last interim evaluation.
        self._evaluated: tuple[int, Evaluation | None] = (-1, None)

    def begin(self, resumed: Path | None) -> None:
        """Save the untrained model, if that was asked for.

        Args:
            resumed: The checkpoint that the training goes on from, if any.
        """
        step = self.progress.step
        if resumed is not None:
            self._saved = (step, resumed)
        if step == 0 and 0 in self.config.checkpoint_steps:
            self._save("checkpoint_step_0")

    @property
    def are_due(self) -> bool:
        """Whether there is something to do after this step."""
        return self._must_evaluate or self._must_save

    def after_step(self) -> None:
        """Evaluate and save, if it is time."""
        if self._must_evaluate:
            self._evaluate_and_keep_best()
        if self._must_save:
            self._save(f"checkpoint_step_{self.progress.step}")

    @property
    def _must_evaluate(self) -> bool:
        return self.progress.step % self.config.eval_interval == 0

    @property
    def _must_save(self) -> bool:
        config, step = self.config, self.progress.step
        interval = config.checkpoint_interval or config.eval_interval
        return step % interval == 0 or step in config.checkpoint_steps

    def after_epoch(self) -> None:
        """Evaluate and save."""
        self._evaluate_and_keep_best()
        self._save(f"checkpoint_epoch_{self.progress.epoch}")

    @property
    def patience_is_over(self) -> bool:
        """Whether too many evaluations have passed without a new best."""
        patience = self.config.patience
        return bool(patience and self.progress.evaluations_since_best >= patience)

    def finish(self, reason: Reason) -> tuple[float | None, Path]:
        """Evaluate on all held-out text, unless a person is waiting, and save.

        Returns:
            That loss in nats per token, and where to resume.
        """
        loss: float | None = None
        if self.validation.is_possible and reason != "stopped":
            loss = self._evaluate_at_the_end()
        step = self.progress.step
        saved_at, path = self._saved or (None, Path())
        if saved_at != step:
            path = self._save(f"checkpoint_step_{step}")
        return loss, path

    def _evaluate_and_keep_best(self) -> None:
        """Evaluate on some batches, once per step; save the model if it is best."""
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
            unit=self.validation.objective.unit,
        )
        self.callbacks.on_evaluation(record)

    def _save(self, name: str, *, resumable: bool = True, **facts: Any) -> Path:
        """Save a checkpoint; of several processes, only the first one writes."""
        step, path = self.progress.step, self.keeper.directory / name
        state = self._capture() if resumable else None
        if resumable:
            self._saved = (step, path)
        if self.validation.team.is_first:
            self.keeper.save(name, step, facts, state)
            self.callbacks.on_checkpoint(path, step)
        return path
