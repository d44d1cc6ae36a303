"""Records a training run: metrics, samples, snapshots, status.

The trainer knows nothing about files. This callback turns its records into the files of
the run's directory, from which the page and the loss curve are drawn.
"""

import math
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from minigpt.config import GenerationConfig
from minigpt.finetuning.answering import reply
from minigpt.generation.generator import Generator
from minigpt.interpret.heads.repetition import read_repetition
from minigpt.model import TransformerLM
from minigpt.preparation.prepared import Prepared
from minigpt.runs.files import Journal
from minigpt.runs.film import Film, film_steps
from minigpt.runs.heartbeat import Heartbeat
from minigpt.runs.learning_to_copy import repetition_record
from minigpt.runs.snapshots import snapshot_steps
from minigpt.runs.step_time import elapsed_before
from minigpt.runs.store import Run
from minigpt.training.callbacks import (
    EvalRecord,
    StepRecord,
    TrainerCallback,
    TrainingResult,
)
from minigpt.worker.stop_requests import StopRequests

# Enough for a smooth curve, whatever the length of the run.
_MAX_LOGGED_STEPS = 20_000
_PROBE_TOKENS = 64
_SAMPLE_TOKENS = 200
# Decay of the average loss in the status: it spans about 50 steps.
_MEMORY = 0.98


def _average_before(
    records: Sequence[Mapping[str, Any]], step: int
) -> tuple[float, float]:
    """Return sum and weight of the average loss up to a step, to go on from there."""
    averages = [
        record["average_loss"]
        for record in records
        if record["kind"] == "step" and record["step"] <= step
    ]
    if not averages or averages[-1] is None or not math.isfinite(averages[-1]):
        return 0.0, 0.0
    weight = (1 - _MEMORY**step) / (1 - _MEMORY)
    return averages[-1] * weight, weight


def _film_steps(prepared: Prepared) -> list[int]:
    """Return the steps of a run's film; a fine-tuning begins with a whole model."""
    if prepared.config.finetune is not None:
        return []
    num_weights = sum(weight.numel() for weight in prepared.model.parameters())
    return film_steps(prepared.total_steps, num_weights)


class Recorder(TrainerCallback):
    """Keeps a run's directory up to date while the trainer works.

    Args:
        run: Where to write.
        prepared: What is being trained, and on what.
        heartbeat: Where the status goes.
        requests: Where a request to stop arrives.
    """

    def __init__(
        self,
        run: Run,
        prepared: Prepared,
        heartbeat: Heartbeat,
        requests: StopRequests,
    ) -> None:
        source, total_steps = prepared.source, prepared.total_steps
        # The model itself, not the compiled copy that the trainer may use.
        model, tokenizer = prepared.model, prepared.tokenizer
        self.run, self._model, self._tokenizer = run, model, tokenizer
        self._heartbeat, self._requests = heartbeat, requests
        self._probe: list[int] = source.probe[:_PROBE_TOKENS].tolist()
        self._said_twice, self._prompt = source.said_twice, source.prompt
        self._log_every = max(1, total_steps // _MAX_LOGGED_STEPS)
        self._snapshots = run.snapshots()
        extra_steps = prepared.config.train.checkpoint_steps
        self._snapshot_steps = {*snapshot_steps(total_steps), *extra_steps}
        self._film, self._provenance = Film(run.path / "film"), prepared.provenance
        self._film_steps = frozenset(_film_steps(prepared))
        self._metrics = Journal(run.path / "metrics.jsonl")
        self._samples = Journal(run.path / "samples.jsonl")
        self._sum = self._weight = 0.0
        self._sampled: int | None = None
        self._elapsed = 0.0
        earlier = run.metrics().records
        if earlier:
            # Without a checkpoint, a resumed run repeats step 0 as well.
            last_kept = prepared.start_step or -1
            self._elapsed = elapsed_before(earlier, last_kept)
            self._sum, self._weight = _average_before(earlier, last_kept)
            self._metrics.restart(last_kept)
            self._samples.restart(last_kept)
            self._snapshots.drop_after(last_kept)
            self._film.drop_after(last_kept)
        if not prepared.start_step and 0 in self._film_steps:
            self._keep_picture(0)
        if not prepared.start_step and isinstance(model, TransformerLM):
            self._snapshots.write_probe(tokenizer.pieces(self._probe), self._probe)
            self._take_snapshot(0)

    def close(self) -> None:
        """Close the journals."""
        self._metrics.close()
        self._samples.close()

    def reads_weights(self, step: int) -> bool:
        """Whether a snapshot of the heads, or a picture of the film, is due."""
        return step in self._snapshot_steps or step in self._film_steps

    def on_step(self, record: StepRecord) -> None:
        """Log the step, and take a snapshot of the heads when one is due."""
        self._elapsed += record.seconds
        parts = record.parts.items()
        self._sum = _MEMORY * self._sum + record.loss
        self._weight = _MEMORY * self._weight + 1
        recent = self._sum / self._weight
        if record.step % self._log_every == 0:
            self._metrics.append(
                {
                    "kind": "step",
                    "step": record.step,
                    "epoch": record.epoch,
                    "loss": record.loss,
                    "average_loss": recent,
                    "learning_rate": record.learning_rate,
                    "gradient_norm": record.gradient_norm,
                    "tokens_seen": record.tokens_seen,
                    "tokens_per_second": record.tokens_per_second,
                    "elapsed_seconds": round(self._elapsed, 6),
                    "cpu_seconds": round(record.cpu_seconds, 6),
                    "num_threads": torch.get_num_threads(),
                    **{f"{part}_seconds": round(s, 7) for part, s in parts},
                    **record.measures,
                }
            )
        self._heartbeat.update(
            step=record.step,
            activity="training",
            train_loss=recent if math.isfinite(recent) else None,
            tokens_per_second=record.tokens_per_second,
            eta_seconds=record.eta_seconds,
            slower=record.slower,
        )
        if record.step in self._snapshot_steps:
            self._take_snapshot(record.step)
        if record.step in self._film_steps:
            self._keep_picture(record.step)

    def on_evaluation(self, record: EvalRecord) -> None:
        """Log the evaluation, and generate a sample."""
        self._metrics.append(
            {
                "kind": "evaluation",
                "step": record.step,
                "elapsed_seconds": round(self._elapsed, 6),
                "epoch": record.epoch,
                "loss": record.loss,
                "perplexity": record.perplexity if record.unit == "token" else None,
                "bits_per_character": record.bits_per_character,
                "is_best": record.is_best,
                "complete": record.complete,
                **record.measures,
            }
        )
        self._heartbeat.update(validation_loss=record.loss)
        if record.is_best or self._heartbeat.status.best_loss is None:
            self._heartbeat.update(best_loss=record.loss)
        if self._sampled != record.step:
            self._sampled = record.step
            self._write_sample(record.step)

    def on_checkpoint(self, path: Path, step: int) -> None:
        """Note in the log that the checkpoint is saved."""
        self.run.log(f"Saved {path.name} at step {step}.")

    def should_stop(self) -> bool:
        """Whether the run was asked to stop."""
        return self._requests.requested()

    def on_end(self, result: TrainingResult) -> None:
        """Take a last snapshot of the heads if the run stopped early."""
        if result.step not in self._snapshot_steps:
            self._take_snapshot(result.step)

    def _keep_picture(self, step: int) -> None:
        self._film.keep(self._model, self._tokenizer, step, self._provenance)

    def _take_snapshot(self, step: int) -> None:
        """Save each head's attention on the probe text, and the loss on repetitions."""
        model = self._model
        if not isinstance(model, TransformerLM):
            return
        tokens = torch.tensor([self._probe], device=model.device)
        was_training = model.training
        model.eval()
        with torch.inference_mode():
            _, cache = model.run_with_cache(tokens, "*.attn.hook_pattern")
        if self._said_twice is not None:
            read = read_repetition(model, self._said_twice)
            self._metrics.append(repetition_record(step, read))
        model.train(was_training)
        patterns = [pattern[0].float().cpu() for pattern in cache.values()]
        self._snapshots.save(step, torch.stack(patterns).numpy())

    def _write_sample(self, step: int) -> None:
        """Generate a sample and add it to the journal."""
        was_training = self._model.training
        self._model.eval()
        try:
            prompt, text = self._sample()
        except Exception:
            # Training must not fail because a sample could not be generated.
            self.run.log(f"No sample at step {step}:\n{traceback.format_exc()}")
            return
        finally:
            self._model.train(was_training)
        self._samples.append({"step": step, "prompt": prompt, "text": text})

    def _sample(self) -> tuple[str, str]:
        """Answer the source's prompt, or continue a newline, or the probe's start."""
        model, tokenizer = self._model, self._tokenizer
        if self._prompt:
            return self._prompt[-1].content, reply(model, tokenizer, self._prompt)
        prompt = "\n" if not tokenizer.unknown("\n") else ""
        prompt = prompt or tokenizer.decode(self._probe[:1])
        settings = GenerationConfig(max_new_tokens=_SAMPLE_TOKENS, seed=0)
        generator = Generator(model, tokenizer, model.device)
        return prompt, generator.generate(prompt, settings).text
