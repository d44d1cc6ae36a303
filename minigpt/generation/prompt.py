"""The prompt: what is continued, checked and turned into tokens."""

from dataclasses import dataclass

from minigpt.errors import DataError
from minigpt.tokenizers import Tokenizer


@dataclass(frozen=True)
class Prompt:
    """A prompt that was read."""

    text: str
    tokens: list[int]
    """At least one: an empty text starts from some token, too."""
    warnings: list[str]
    """What a reader should know: characters the tokenizer never saw, an empty text."""


def read_prompt(text: str, tokenizer: Tokenizer, max_seq_len: int) -> Prompt:
    """Turn a prompt into tokens.

    A model continues a text; it cannot begin one. So an empty prompt starts from what
    stands before a beginning:

    1. a token that both begins and ends texts (GPT-2's `<|endoftext|>`), or else
    2. a line's end, if the tokenizer knows it: it precedes most beginnings of a long
       text, where `<bos>` never occurs, or else
    3. `<bos>`, or the first token of the vocabulary.

    Args:
        text: The prompt.
        tokenizer: The model's.
        max_seq_len: The model's window, in tokens.

    Raises:
        DataError: If the prompt is longer than the window, or is no text.
    """
    tokens = tokenizer.encode(text)
    warnings = []
    if unknown := tokenizer.unknown(text):
        shown = ", ".join(repr(part) for part in unknown[:10])
        more = f" and {len(unknown) - 10} more" if len(unknown) > 10 else ""
        warnings.append(
            f"The tokenizer never saw {shown}{more}: read as <unk>. The model cannot "
            "tell them apart."
        )
    if not tokens:
        tokens = [_start_token(tokenizer)]
        piece = tokenizer.piece(tokens[0])
        warnings.append(f"The prompt is empty: the text starts from {piece!r}.")
    if len(tokens) > max_seq_len:
        raise DataError(
            f"The prompt is {len(tokens)} tokens long, and this model reads at most "
            f"{max_seq_len} (max_seq_len): shorten it by {len(tokens) - max_seq_len}, "
            "or train a model with a larger max_seq_len."
        )
    return Prompt(text, tokens, warnings)


def _start_token(tokenizer: Tokenizer) -> int:
    if tokenizer.bos_id is not None and tokenizer.bos_id == tokenizer.eos_id:
        return tokenizer.bos_id
    line_end = [] if tokenizer.unknown("\n") else tokenizer.encode("\n")
    if len(line_end) == 1:
        return line_end[0]
    return tokenizer.bos_id or 0
