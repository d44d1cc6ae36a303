"""A text being written: a few tokens at a time, so that the page stays responsive.

The text lives in the session. Each run of the page's fragment writes for a moment and
shows what there is; between two runs, a click on Stop or on another token gets through.
"""

import time
from collections.abc import Iterator, Sequence

from minigpt.checkpoint import Checkpoint
from minigpt.config import GenerationConfig
from minigpt.generation.generator import Generator, TokenStep
from pages.frame import models
from viz.components.token_stream.view import Alternative, Force, StreamStep

MOMENT = 0.2
"""Seconds of writing between two updates of the page."""

SEEDS = 100_000
"""A seed that was left to chance is below this: short enough to be read and typed."""


class Writing:
    """One text on its way.

    Args:
        checkpoint: Who writes.
        prompt: What it starts from.
        config: How it draws.
        forced: Tokens that the reader insists on; the first of the continuation.
        last_only: Of a prompt longer than the model's window, read the end.
    """

    def __init__(
        self,
        checkpoint: Checkpoint,
        prompt: str,
        config: GenerationConfig,
        forced: Sequence[int] = (),
        *,
        last_only: bool = False,
    ) -> None:
        self.checkpoint = checkpoint
        self.prompt = prompt
        self.config = config
        self.steps: list[TokenStep] = []
        self.done = self._stopped = False
        self.last_only = last_only
        model, tokenizer, _ = checkpoint
        # On the device where it is: other readers use the same model meanwhile.
        generator = Generator(
            model, tokenizer, model.device, last_only=last_only, watched=True
        )
        self.prompt_tokens, self.warnings = generator.encode_prompt(prompt)
        self._stream: Iterator[TokenStep] = generator.stream(
            prompt, config, forced=forced
        )

    def advance(self) -> None:
        """Write for a moment."""
        end = time.monotonic() + MOMENT
        with models.turn_to_write():
            while not self.done and time.monotonic() < end:
                step = next(self._stream, None)
                if step is None:
                    self.done = True
                else:
                    self.steps.append(step)

    def stop(self) -> None:
        """Stop writing."""
        self.done = self._stopped = True

    @property
    def text(self) -> str:
        """The prompt and what was written after it."""
        return self.prompt + (self.steps[-1].text_so_far if self.steps else "")

    @property
    def unforgotten(self) -> list[TokenStep]:
        """The steps at which the model still saw the whole text."""
        return [step for step in self.steps if not step.forgot]

    def progress(self) -> str:
        """Say how far it is."""
        count, most = len(self.steps), self.config.max_new_tokens
        if not self.done:
            return f"Writing: {count} of at most {most} tokens."
        if self._stopped and count < most:
            return f"Stopped after {count} tokens."
        ended = "" if count == most else ", where it ended the text itself"
        return f"{count} tokens{ended}."

    def forced(self, choice: Force) -> "Writing":
        """Return the text that takes another token at one step."""
        kept = [step.token for step in self.steps[: choice.step]]
        return Writing(
            self.checkpoint,
            self.prompt,
            self.config,
            [*kept, choice.token],
            last_only=self.last_only,
        )


def next_step(checkpoint: Checkpoint, prompt: str) -> tuple[TokenStep, list[str]]:
    """Return what the model expects after a prompt, and what it could not read."""
    config = GenerationConfig(strategy="greedy", max_new_tokens=1, stop_at_eos=False)
    writing = Writing(checkpoint, prompt, config)
    writing.advance()
    return writing.steps[0], writing.warnings


def as_step(step: TokenStep) -> StreamStep:
    """Return a step as the view of generated text takes it."""
    alternatives: list[Alternative] = [
        {
            "piece": piece,
            "token": token,
            "raw": raw,
            "filtered": filtered,
        }
        for piece, token, raw, filtered in zip(
            step.top_pieces,
            step.top_tokens,
            step.top_probabilities,
            step.top_filtered,
            strict=True,
        )
    ]
    return {
        "piece": step.piece,
        "token": step.token,
        "probability": step.probability,
        "entropy": step.entropy,
        "alternatives": alternatives,
    }
