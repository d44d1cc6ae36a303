"""The batch: texts that are written together, a token each per step.

Texts join and leave between steps ("continuous batching"), so that a short one never
waits for a long one, and every text is what it would be alone.

    join ─┐
          ├─ step: newest tokens ─ one pass over all caches ─ logits ─ a token each ─┐
    leave ┘        └───────────────────────── again ────────────────────────────────┘

Before: `Sampler`, which writes one text. Next: `together`, and `minigpt.serve`.

Source: Yu et al. 2022, "Orca", section 3.1 (iteration-level scheduling).
"""

from contextlib import AbstractContextManager, nullcontext

import torch
from jaxtyping import Float
from torch import Tensor

from minigpt.errors import DataError, MinigptError
from minigpt.generation.batch.choice import choose
from minigpt.generation.batch.draft import Draft
from minigpt.generation.batch.slots import Slots
from minigpt.generation.fast_decoding import Decoder
from minigpt.generation.window import Window, require_numbers
from minigpt.hooks import is_anything_watched
from minigpt.model import LanguageModel, TransformerLM


class Batch:
    """Writes drafts, up to some at a time.

    On the CPU their caches are one (see `Slots`). A draft with hooks, and any draft of
    a model that the fast decoder does not know, keeps a cache of its own and is read by
    itself; the tokens of all are chosen together.

    Args:
        model: In evaluation mode; its weights are read when the batch is made.
        max_texts: How many at most.
    """

    def __init__(self, model: LanguageModel, max_texts: int = 32) -> None:
        self.model, self.max_texts = model, max_texts
        self._alone: dict[Draft, Window] = {}
        self._slots: Slots | None = None
        if isinstance(model, TransformerLM) and Decoder.knows(model):
            self._slots = Slots(model, max_texts)

    @property
    def drafts(self) -> list[Draft]:
        """Those being written."""
        return [*self._sharing, *self._alone]

    @property
    def has_room(self) -> bool:
        """Whether another may join."""
        return len(self.drafts) < self.max_texts

    def join(self, draft: Draft) -> None:
        """Let a draft take part from the next step on.

        Raises:
            DataError: If there is no room, or its prompt is empty or too long.
        """
        length, limit = len(draft.prompt_tokens), self.model.config.max_seq_len
        if not self.has_room:
            raise DataError(f"{self.max_texts} texts are being written: let one end.")
        if not 0 < length <= limit:
            raise DataError(
                f"The prompt is {length} tokens long, and this model reads 1 to "
                f"max_seq_len = {limit}."
            )
        if self._slots is None or draft.hooks or is_anything_watched():
            self._alone[draft] = Window(self.model, 1, draft.total_length)
        else:
            with self._slots.threads(), torch.inference_mode():
                self._slots.join(draft)

    def leave(self, draft: Draft) -> None:
        """Write a draft no further; one that has left already may leave again."""
        self._alone.pop(draft, None)
        if self._slots is not None and draft in self._slots.drafts:
            self._slots.leave(draft)

    def step(self) -> dict[Draft, MinigptError | None]:
        """Write one token of every draft; those that are complete leave.

        Returns:
            The drafts, and what went wrong with each, if anything; such a one leaves.
        """
        with self._threads(), torch.inference_mode():
            outcome = self._write()
        for draft, problem in outcome.items():
            if draft.is_done or problem is not None:
                self.leave(draft)
        return outcome

    def _write(self) -> dict[Draft, MinigptError | None]:
        outcome: dict[Draft, MinigptError | None] = {}
        logits: dict[Draft, Tensor] = {}
        if self._slots is not None and self._slots.drafts:
            rows = self._slots.next_logits()
            logits.update(zip(self._slots.drafts, rows, strict=True))
        for draft, window in self._alone.items():
            try:
                logits[draft] = self._logits_alone(draft, window)
            except MinigptError as error:
                outcome[draft] = error
        drafts = list(logits)
        choices = choose(torch.stack([*logits.values()]), drafts) if drafts else []
        for draft, choice in zip(drafts, choices, strict=True):
            try:
                require_numbers(choice.log_prob)
                draft.add(choice)
                outcome[draft] = None
            except MinigptError as error:
                outcome[draft] = error
        return outcome

    def _threads(self) -> AbstractContextManager[object]:
        return nullcontext() if self._slots is None else self._slots.threads()

    @property
    def _sharing(self) -> list[Draft]:
        return [] if self._slots is None else self._slots.drafts

    def _logits_alone(self, draft: Draft, window: Window) -> Float[Tensor, " vocab"]:
        tokens = torch.tensor([draft.tokens], device=self.model.device)
        with self.model.hooks(draft.hooks), window.threads():
            logits = window.next_logits(tokens)[0].cpu()
        draft.forgot = window.forgot
        return logits
