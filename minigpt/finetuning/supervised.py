"""Supervised fine-tuning: learn the answers, not the questions.

The loss is pretraining's, with one difference: the label of every prompt token is
`IGNORED`. The prompt is read, and nothing is learned from predicting it.

    tokens   <user>  Who  had  it  ?  <assistant>  Mia   .   <eos>
    labels     –      –    –   –  –      Mia        .  <eos>

Before: conversations, and a base that knows the chat tokens. Next: the same trainer as
for any text, with all weights or with `lora`.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Generic, NamedTuple, TypeVar

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import Dataset

from minigpt.datasets.batches.examples import Example
from minigpt.datasets.conversations import Conversation
from minigpt.errors import DataError
from minigpt.model import LanguageModel
from minigpt.tokenizers import Tokenizer
from minigpt.tokenizers.chat import CHAT_TOKENS, ChatToken, encode_chat
from minigpt.training.batches import Batch, random_seed
from minigpt.training.loss import IGNORED

Item = TypeVar("Item")

_PATIENCE = 300
"""Conversations in a row that may be too long."""


def supervised_example(row: Sequence[ChatToken]) -> Example:
    """Turn a conversation's n + 1 tokens into n to read and n labels.

    Args:
        row: What `encode_chat` returned.
    """
    tokens = torch.tensor([token for token, _ in row])
    is_answer = torch.tensor([is_answer for _, is_answer in row])
    labels = torch.where(is_answer, tokens, IGNORED)
    return {"input_ids": tokens[:-1], "labels": labels[1:]}


def encode_checked(
    conversation: Conversation, tokenizer: Tokenizer, max_length: int
) -> list[ChatToken]:
    """Encode a conversation that must fit into a model's window.

    Raises:
        DataError: If it does not; with its line and the response's own length.
    """
    row = encode_chat(conversation.messages, tokenizer)
    if len(row) - 1 <= max_length:
        return row
    where = f"{conversation.where}: the" if conversation.where else "The"
    answer = len(tokenizer.encode(conversation.answer))
    raise DataError(
        f"{where} conversation is {len(row) - 1} tokens long (its response {answer}), "
        f"and the model reads at most max_seq_len = {max_length}: shorten it, or "
        "choose a base with a larger max_seq_len."
    )


def fits(tokenizer: Tokenizer, max_length: int) -> Callable[[Conversation], bool]:
    """Return the test whether a conversation fits into a model's window.

    Writing conversations until enough of them fit would never end if none did: after
    many refusals in a row, the test says so.

    Raises:
        DataError: From the test, at the 300th conversation in a row that is too long.
    """
    in_a_row = 0

    def is_short(conversation: Conversation) -> bool:
        nonlocal in_a_row
        length = len(encode_chat(conversation.messages, tokenizer)) - 1
        in_a_row = 0 if length <= max_length else in_a_row + 1
        if in_a_row == _PATIENCE:
            raise DataError(
                f"The model reads at most max_seq_len = {max_length} tokens, and no "
                f"example of tales is so short (the last has {length}): choose a base "
                "with a larger max_seq_len, or bring shorter examples."
            )
        return length <= max_length

    return is_short


class SupervisedDataset(Dataset[Example]):
    """Conversations as examples.

    Args:
        conversations: What to learn.
        tokenizer: One with chat tokens.
        max_length: The model's window, in tokens.
        packed: Put conversations one after the other into rows as long as the window,
            none of them split. Less padding; each row's later conversations see the
            earlier ones, as stories do in pretraining.

    Raises:
        DataError: If there is none, or one is too long.
    """

    def __init__(
        self,
        conversations: Iterable[Conversation],
        tokenizer: Tokenizer,
        max_length: int,
        packed: bool = False,
    ) -> None:
        rows = [encode_checked(one, tokenizer, max_length) for one in conversations]
        if not rows:
            raise DataError("There is no conversation to learn from.")
        if packed:
            rows = pack(rows, max_length + 1)
        self._examples = [supervised_example(row) for row in rows]

    def __len__(self) -> int:
        return len(self._examples)

    def __getitem__(self, number: int) -> Example:
        return self._examples[number]


def pack(rows: Iterable[list[ChatToken]], length: int) -> list[list[ChatToken]]:
    """Join rows, in order, as long as the next one still fits.

    >>> [len(row) for row in pack([[0] * 3, [0] * 4, [0] * 2], length=7)]
    [7, 2]
    """
    packed: list[list[ChatToken]] = []
    for row in rows:
        if packed and len(packed[-1]) + len(row) <= length:
            packed[-1] = packed[-1] + row
        else:
            packed.append(row)
    return packed


class ExampleSampler(Generic[Item]):
    """The batches of a fine-tuning, as a function of (seed, step, rank).

    Args:
        examples: Shuffled anew in each epoch.
        batch_size: Examples per step, over all processes.
        seed: Same seed, same batches.
        collate: Puts examples into one batch.
    """

    def __init__(
        self,
        examples: Dataset[Item],
        batch_size: int,
        seed: int,
        collate: Callable[[list[Item]], Example],
    ) -> None:
        self.examples, self.batch_size = examples, batch_size
        self.seed, self.collate = seed, collate

    @property
    def steps_per_epoch(self) -> int:
        """Steps in which every example is seen once."""
        return -(-len(self.examples) // self.batch_size)  # type: ignore[arg-type]

    def batch(self, step: int, rank: int = 0, world_size: int = 1) -> Batch:
        """Return one process's share of a step's batch; see `WindowSampler.batch`."""
        epoch, within = divmod(step, self.steps_per_epoch)
        generator = torch.Generator().manual_seed(
            random_seed(self.seed, "order", epoch)
        )
        order = torch.randperm(len(self.examples), generator=generator)  # type: ignore[arg-type]
        first = within * self.batch_size
        chosen = order[first : first + self.batch_size].tolist()
        own = chosen[rank::world_size]
        batch = self.collate([self.examples[number] for number in own or chosen[:1]])
        labels = batch["labels"] if own else torch.full_like(batch["labels"], IGNORED)
        return batch["input_ids"], labels


class LearnedToken(NamedTuple):
    """One token of a conversation, as the loss sees it."""

    piece: str
    is_learned: bool
    """Whether the loss counts it: prompts are read, and not learned."""
    loss: float
    """How surprised the model was by it, in nats; NaN for the first, which nothing
    precedes."""
    token: int
    """Its id."""
    begins_turn: bool
    """Whether it begins a turn, by naming the speaker."""


@torch.inference_mode()
def learned_tokens(
    model: LanguageModel, tokenizer: Tokenizer, conversation: Conversation
) -> list[LearnedToken]:
    """Show a conversation token by token: what is masked, and what the rest costs.

    Raises:
        DataError: If it does not fit into the model's window.
    """
    row = encode_checked(conversation, tokenizer, model.config.max_seq_len)
    tokens = torch.tensor([[token for token, _ in row]], device=model.device)
    losses = next_token_losses(model(tokens[:, :-1]), tokens[:, 1:])[0].tolist()
    roles = {t for t, name in tokenizer.special_tokens.items() if name in CHAT_TOKENS}
    return [
        LearnedToken(tokenizer.piece(token), is_answer, loss, token, token in roles)
        for (token, is_answer), loss in zip(row, [float("nan"), *losses], strict=True)
    ]


def next_token_losses(
    logits: Float[Tensor, "batch pos vocab"], labels: Int[Tensor, "batch pos"]
) -> Float[Tensor, "batch pos"]:
    """Return −ln p of each label; 0 where it is ignored."""
    losses = F.cross_entropy(
        logits.flatten(0, 1).float(),
        labels.flatten(),
        ignore_index=IGNORED,
        reduction="none",
    )
    return losses.view(labels.shape)
