"""DPO: of two answers, make the better one likelier than the worse.

How much likelier than before? A frozen copy of the model at the start, the *reference*
π₀, tells. An answer's reward is how much its log-probability rose:

    r(y) = β (ln π(y|x) − ln π₀(y|x))
    loss = −ln σ(r(chosen) − r(rejected))

The loss falls as the margin between the two rewards grows; β says how dearly every nat
away from the reference is paid for. At the start all rewards are 0, and the loss is
ln 2. With a LoRA adapter the reference is the same model, the adapter switched off.

Before: a model that answers. Next: one that answers as people prefer.

Source: Rafailov et al. 2023, arXiv:2305.18290, eq. 7.
"""

from collections.abc import Iterable
from copy import deepcopy
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import Dataset

from minigpt.datasets.batches.examples import PAD_INPUT, Example
from minigpt.datasets.conversations import Preference
from minigpt.errors import DataError
from minigpt.finetuning.supervised import (
    encode_checked,
    next_token_losses,
    supervised_example,
)
from minigpt.model import LanguageModel
from minigpt.model.lora import adapter_off, lora_layers
from minigpt.tokenizers import Tokenizer
from minigpt.training.loss import IGNORED
from minigpt.training.objective import BatchLoss


class PreferenceExample(NamedTuple):
    """A preference as examples."""

    chosen: Example
    rejected: Example


class PreferenceDataset(Dataset[PreferenceExample]):
    """Preferences as pairs of examples, the prompt of each left out of the loss.

    Args:
        preferences: What to learn.
        tokenizer: One with chat tokens.
        max_length: The model's window, in tokens.

    Raises:
        DataError: If there is none, or one is too long.
    """

    def __init__(
        self, preferences: Iterable[Preference], tokenizer: Tokenizer, max_length: int
    ) -> None:
        self._pairs = []
        for preference in preferences:
            chosen, rejected = (
                supervised_example(encode_checked(one, tokenizer, max_length))
                for one in preference.answers
            )
            self._pairs.append(PreferenceExample(chosen, rejected))
        if not self._pairs:
            raise DataError("There is no preference to learn from.")

    def __len__(self) -> int:
        return len(self._pairs)

    def __getitem__(self, number: int) -> PreferenceExample:
        return self._pairs[number]


def collate_pairs(pairs: list[PreferenceExample]) -> Example:
    """Put pairs into one batch: a row is the chosen answer, then the rejected one.

    Returns:
        `input_ids` and `labels`, [batch 2·pos]: both halves padded to one length, so
        that a row can be cut in its middle.
    """
    rows = [pair.chosen for pair in pairs] + [pair.rejected for pair in pairs]

    def halves(name: str, padding: int) -> Int[Tensor, "batch two_pos"]:
        values = [row[name] for row in rows]  # type: ignore[literal-required]
        padded = pad_sequence(values, batch_first=True, padding_value=padding)
        return torch.cat(padded.chunk(2), dim=1)

    return {
        "input_ids": halves("input_ids", PAD_INPUT),
        "labels": halves("labels", IGNORED),
    }


def answer_log_probs(
    forward: nn.Module,
    inputs: Int[Tensor, "batch pos"],
    labels: Int[Tensor, "batch pos"],
) -> Float[Tensor, " batch"]:
    """Return ln π(answer | prompt) of each row: the sum over its labels, in nats."""
    return -next_token_losses(forward(inputs), labels).sum(dim=-1)


def dpo_loss(
    chosen: Float[Tensor, " batch"],
    rejected: Float[Tensor, " batch"],
    reference_chosen: Float[Tensor, " batch"],
    reference_rejected: Float[Tensor, " batch"],
    beta: float,
) -> Float[Tensor, " batch"]:
    """Return each pair's loss, in nats, from four log-probabilities of answers.

    Source: Rafailov et al. 2023, arXiv:2305.18290, eq. 7.
    """
    margin = beta * ((chosen - reference_chosen) - (rejected - reference_rejected))
    return -F.logsigmoid(margin)


class DirectPreference:
    """The objective of DPO; it counts pairs.

    Args:
        model: What will learn, as it is at the start: the reference is a frozen copy
            of it, or, if it has an adapter, the model itself without.
        beta: How dearly leaving the reference is paid for.
    """

    unit = "pair"

    def __init__(self, model: LanguageModel, beta: float) -> None:
        self.beta = beta
        self._adapted = model if lora_layers(model) else None
        self._frozen = None
        if self._adapted is None:
            self._frozen = deepcopy(model).eval().requires_grad_(False)

    def count(self, labels: Int[Tensor, "batch two_pos"]) -> Int[Tensor, ""]:
        """Count the pairs; a row without labels is filling."""
        return (labels != IGNORED).any(dim=-1).sum()

    def outcome(
        self,
        forward: nn.Module,
        inputs: Int[Tensor, "batch two_pos"],
        labels: Int[Tensor, "batch two_pos"],
    ) -> BatchLoss:
        """Sum the loss over pairs, with what the page shows of it."""
        inputs = torch.cat(inputs.chunk(2, dim=1))  # [2·batch pos], the chosen first
        labels = torch.cat(labels.chunk(2, dim=1))
        chosen, rejected = answer_log_probs(forward, inputs, labels).chunk(2)
        before, rejected_before = self.reference_log_probs(inputs, labels).chunk(2)
        losses = dpo_loss(chosen, rejected, before, rejected_before, self.beta)
        margin = self.beta * ((chosen - before) - (rejected - rejected_before))
        measures = {
            "chosen": chosen,
            "rejected": rejected,
            "margin": margin,
            "wins": (margin > 0).float(),
        }
        is_pair = (labels != IGNORED).any(dim=-1).chunk(2)[0]
        return BatchLoss(
            (losses * is_pair).sum(),
            {
                name: (value.detach() * is_pair).sum().item()
                for name, value in measures.items()
            },
        )

    @torch.no_grad()
    def reference_log_probs(
        self, inputs: Int[Tensor, "batch pos"], labels: Int[Tensor, "batch pos"]
    ) -> Float[Tensor, " batch"]:
        """Return ln π₀(answer | prompt): what the model thought before it learned."""
        if self._frozen is not None:
            return answer_log_probs(self._frozen, inputs, labels)
        model = self._adapted
        assert model is not None
        was_training = model.training
        model.eval()
        try:
            with adapter_off(model):
                return answer_log_probs(model, inputs, labels)
        finally:
            model.train(was_training)
