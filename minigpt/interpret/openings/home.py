"""A prompt whose next token the model knows, and could not know from its last one."""

from typing import NamedTuple

import torch

from minigpt.checkpoint import Checkpoint
from minigpt.interpret.openings.opening import (
    Opening,
    held_out_prompts,
    transformer_of,
)

SHORTEST, LONGEST = 5, 12
"""Tokens of the prompt: enough to need them, and few enough for one screen."""
TEXTS = 32
"""Stretches of text that are looked at."""


class _Found(NamedTuple):
    prompt: str
    token: int
    probability: float
    alone: float

    @property
    def gain(self) -> float:
        return self.probability - self.alone


def home_opening(checkpoint: Checkpoint) -> Opening | None:
    """Search a text whose next token the model predicts, thanks to what came before.

    Effects: `probability` of the text's own next token, which is also the likeliest;
    `alone`, its probability after the last token alone; `gain`, the difference.

    Returns:
        The place, at the prompt's last token; None where no text gives one.
    """
    found = _known_endings(checkpoint)
    best = max(found, key=lambda each: each.gain, default=None)
    if best is None:
        return None
    effects = {
        "probability": best.probability,
        "alone": best.alone,
        "gain": best.gain,
    }
    return Opening(best.prompt, 0, 0, best.token, effects)


def _known_endings(checkpoint: Checkpoint) -> list[_Found]:
    """Return every place where a text can be cut and the model knows how it goes on."""
    model, tokenizer = transformer_of(checkpoint), checkpoint.tokenizer
    longest = min(LONGEST + 1, model.config.max_seq_len)
    texts = [tokens for _, tokens in held_out_prompts(checkpoint, longest, TEXTS)]
    if not texts:
        return []
    read = torch.tensor(texts, device=model.device)
    with torch.inference_mode():
        shares = model(read).softmax(-1)
        alone = model(read.flatten()[:, None])[:, -1].softmax(-1)
    found = []
    for row, tokens in enumerate(texts):
        for last in range(SHORTEST - 1, len(tokens) - 1):
            wanted = tokens[last + 1]
            prompt = tokenizer.decode(tokens[: last + 1])
            is_known = int(shares[row, last].argmax()) == wanted
            # A full stop is no guess to wonder at.
            says_something = tokenizer.decode([wanted]).strip().isalnum()
            if (
                is_known
                and says_something
                and tokenizer.encode(prompt) == tokens[: last + 1]
            ):
                share = float(shares[row, last, wanted])
                before = float(alone[row * len(tokens) + last, wanted])
                found.append(_Found(prompt, last, share, before))
    return found
