"""Which heads an answer needs: ablate each in turn, and see which answers are lost.

A question about a story is answered by finding its words again, so some head has to
carry them. A head whose attention changed need not be that one: only ablation tells.

Before: `pattern_change` of `minigpt.interpret.differences`, for heads whose
attention changed.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from minigpt.checkpoint import Checkpoint
from minigpt.datasets.batches.examples import Example, collate_fn
from minigpt.datasets.conversations import Conversation
from minigpt.datasets.tales.instructions import Asked
from minigpt.errors import DataError
from minigpt.finetuning.supervised import (
    encode_checked,
    next_token_losses,
    supervised_example,
)
from minigpt.interpret.interventions.interventions import Ablation, fwd_hooks
from minigpt.interpret.interventions.parts import Head
from minigpt.model import TransformerLM
from minigpt.tokenizers import Tokenizer
from minigpt.tokenizers.chat import Message, encode_chat
from minigpt.training.loss import IGNORED


@dataclass(frozen=True)
class HeadsNeeded:
    """What ablating each head does to some answers."""

    loss: float
    """Of the answers' own words, in nats each, with all heads."""
    rises: Float[np.ndarray, "layer head"]
    """By how much the loss rises with this head's output set to zero."""
    right: int
    """Answers whose every word is the likeliest, with all heads."""
    left: Int[np.ndarray, "layer head"]
    """How many of all are right without this head."""
    number: int

    @property
    def most_needed(self) -> tuple[int, int]:
        """Layer and head whose ablation costs most."""
        layer, head = divmod(int(self.rises.argmax()), self.rises.shape[1])
        return layer, head


def decisive(asked: Asked, tokenizer: Tokenizer, max_length: int) -> Example:
    """Turn a question into an example whose only labels are the words asked for.

    Of `The kite was red.` that is `red`: everything before it can be written without
    having read the story.

    Raises:
        DataError: If it does not fit into the window.
    """
    answer = asked.question.sentence
    turns = (*asked.prompt, Message("assistant", answer))
    row = encode_checked(Conversation(turns), tokenizer, max_length)
    lead = (*asked.prompt, Message("assistant", asked.question.lead))
    begin = len(encode_chat(lead, tokenizer)) - 1  # without its <eos>
    number = len(tokenizer.encode(f" {asked.question.answer}"))
    example = supervised_example(row)
    labels = example["labels"].clone()
    # Labels are shifted by one: that of a place is the token after it.
    labels[: begin - 1] = IGNORED
    labels[begin - 1 + number :] = IGNORED
    return {"input_ids": example["input_ids"], "labels": labels}


@torch.inference_mode()
def heads_needed(who: Checkpoint, examples: Sequence[Example]) -> HeadsNeeded:
    """Ablate each head of a model in turn while it answers.

    Args:
        who: A fine-tuned model.
        examples: What it answers; only their labels count.

    Raises:
        DataError: If the model has no heads, or there is no example.
    """
    model = who.model
    if not isinstance(model, TransformerLM):
        raise DataError("An mlp has no heads to ablate.")
    if not examples:
        raise DataError("There is no question to ask.")
    batch = collate_fn(list(examples))
    inputs = batch["input_ids"].to(model.device)
    labels = batch["labels"].to(model.device)
    loss, right = _answered(model(inputs), labels)
    size = (model.config.num_layers, model.config.num_heads)
    rises, left = np.zeros(size), np.zeros(size, dtype=np.int64)
    for layer, head in np.ndindex(size):
        hooks = fwd_hooks(model, [Ablation(Head(layer, head), "zero")], {})
        without, left[layer, head] = _answered(
            model.run_with_hooks(inputs, hooks), labels
        )
        rises[layer, head] = without - loss
    return HeadsNeeded(loss, rises, right, left, len(examples))


def _answered(
    logits: Float[Tensor, "batch pos vocab"], labels: Int[Tensor, "batch pos"]
) -> tuple[float, int]:
    """Return the mean loss per label, and how many rows are right throughout."""
    counts = labels != IGNORED
    losses = next_token_losses(logits, labels)
    hits = (logits.argmax(-1) == labels) | ~counts
    return float(losses.sum() / counts.sum()), int(hits.all(-1).sum())
