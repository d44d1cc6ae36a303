"""The prompt: checked and turned into tokens."""

from minigpt.errors import DataError
from minigpt.tokenizers import Tokenizer

MOST_NAMED = 10
"""A warning names at most this many unknown characters."""


def encode_prompt(
    text: str, tokenizer: Tokenizer, max_seq_len: int, *, last_only: bool = False
) -> tuple[list[int], list[str]]:
    """Turn a prompt into tokens.

    A model continues a text; it cannot begin one. So an empty prompt starts from the
    end-of-text token: in a long training text, that is what stands before a beginning.
    A vocabulary without one starts from `<bos>` or else from its first token.

    Args:
        text: The prompt.
        tokenizer: The model's.
        max_seq_len: The model's window, in tokens.
        last_only: Truncate an over-long prompt from the left instead of raising.

    Returns:
        At least one token, and warnings: what the tokenizer does not know.

    Raises:
        DataError: If the prompt is longer than the window (and not `last_only`), or is
            not valid text.
    """
    tokens = tokenizer.encode(text)
    if not tokens:
        start = tokenizer.bos_id if tokenizer.eos_id is None else tokenizer.eos_id
        tokens = [start or 0]
    if last_only:
        tokens = tokens[-max_seq_len:]
    if len(tokens) > max_seq_len:
        raise DataError(
            f"The prompt is {len(tokens)} tokens long, and this model reads at most "
            f"max_seq_len = {max_seq_len}: shorten it by {len(tokens) - max_seq_len} "
            "tokens, or train a model with a larger max_seq_len."
        )
    return tokens, _warnings(tokenizer.unknown(text))


def _warnings(unknown: list[str]) -> list[str]:
    if not unknown:
        return []
    shown = ", ".join(repr(part) for part in unknown[:MOST_NAMED])
    more = len(unknown) - MOST_NAMED
    shown += f" and {more} more" if more > 0 else ""
    return [f"The model never saw {shown}: read as <unk>."]
