"""Pairs of prompts in one model's tokens: those that can be compared, place by place.

A pair is left out, with the reason, if its prompts differ in their number of tokens, if
an answer is more than one token, or if the model expects the same after both. A map
with a row for each token needs prompts that are all equally long, so it leaves out
those of another length, too.

Before: `pair_rows`. Next: `measures`.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from minigpt.errors import DataError
from minigpt.interpret.interventions.patching import (
    Prompts,
    distinguishing_tokens,
    require_difference,
    same_length,
)
from minigpt.interpret.interventions.prompt_pairs import predictions
from minigpt.interpret.pairs.pair_rows import PairRow
from minigpt.model import TransformerLM
from minigpt.tokenizers.base import Tokenizer


@dataclass(frozen=True)
class Pair:
    """Two prompts of the same number of tokens, with their answers."""

    number: int
    """Its place in the list, from 1."""
    prompts: Prompts
    """`run` is the corrupted prompt, `other` the clean one, as on the page Patch."""

    @property
    def length(self) -> int:
        """Tokens of each prompt."""
        return len(self.prompts.run)


class LeftOut(NamedTuple):
    """A pair that cannot be compared."""

    number: int
    why: str


def align(
    model: TransformerLM, tokenizer: Tokenizer, row: PairRow, number: int = 1
) -> Pair:
    """Encode a pair, and find the tokens that tell its prompts apart.

    Args:
        model: Whose predictions name the answers that the row does not.
        tokenizer: The model's own.
        row: Two prompts.
        number: Its place in the list.

    Raises:
        DataError: If the pair cannot be compared; the message says why.
    """
    clean, corrupted = same_length(tokenizer, row.clean, row.corrupted)
    if len(clean) > (longest := model.config.max_seq_len):
        raise DataError(
            f"The prompts have {len(clean)} tokens; this model reads {longest}."
        )
    unknown = tokenizer.unknown(row.clean) + tokenizer.unknown(row.corrupted)
    if unknown:
        raise DataError(f"The model never saw {unknown[0]!r:.40}.")
    if clean == corrupted:
        raise DataError("Both prompts are the same.")
    if bool(row.answer) != bool(row.rival):
        raise DataError("Give both answer and rival, or neither.")
    found = predictions(model, clean, corrupted)
    if row.answer:
        answer = answer_token(tokenizer, row.clean, row.answer)
        rival = answer_token(tokenizer, row.corrupted, row.rival)
    else:
        answer, rival = distinguishing_tokens(found)
    if answer == rival:
        raise DataError("Answer and rival are the same token.")
    start, end = (
        float(logits[answer] - logits[rival])
        for logits in (found.after_logits, found.before_logits)
    )
    require_difference(start, end)
    return Pair(number, Prompts(tuple(corrupted), tuple(clean), answer, rival))


def answer_token(tokenizer: Tokenizer, prompt: str, text: str) -> int:
    """Return the one token that a text is after a prompt; `·` stands for a space.

    A word gets a space before it where the prompt does not end with one.

    Args:
        tokenizer: Any.
        prompt: What the answer follows.
        text: The answer.

    Raises:
        DataError: If it is not one token.
    """
    typed = text.replace("·", " ")
    attempts = [typed, f" {typed}", typed.strip()]
    if typed[:1].isalnum() and not prompt[-1:].isspace():
        attempts[:2] = f" {typed}", typed
    for attempt in attempts:
        tokens = tokenizer.encode(attempt)
        if len(tokens) == 1 and tokens[0] != tokenizer.unk_id:
            return tokens[0]
    if tokenizer.unknown(typed):
        raise DataError(f"The model never saw {text!r:.40}.")
    fewest = min(len(tokenizer.encode(attempt)) for attempt in attempts if attempt)
    raise DataError(
        f"{text!r:.40} is {fewest} tokens for this model, and an answer must be one."
    )


def align_all(
    model: TransformerLM, tokenizer: Tokenizer, rows: Sequence[PairRow]
) -> tuple[list[Pair], list[LeftOut]]:
    """Align every pair of a list; return those that can be compared, and the others.

    Args:
        model: Any transformer.
        tokenizer: Its own.
        rows: The list.
    """
    pairs, left_out = [], []
    for number, row in enumerate(rows, 1):
        try:
            pairs.append(align(model, tokenizer, row, number))
        except DataError as error:
            left_out.append(LeftOut(number, str(error)))
    return pairs, left_out


def equally_long(pairs: Sequence[Pair]) -> tuple[list[Pair], list[LeftOut]]:
    """Keep the pairs of the commonest length; of two, the one that comes first."""
    lengths = Counter(pair.length for pair in pairs)
    if not lengths:
        return [], []
    usual = max(lengths, key=lambda length: lengths[length])
    why = "It has {} tokens, and most pairs have {}: a row of the map is one place."
    return [pair for pair in pairs if pair.length == usual], [
        LeftOut(pair.number, why.format(pair.length, usual))
        for pair in pairs
        if pair.length != usual
    ]
