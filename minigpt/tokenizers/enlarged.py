"""A vocabulary with more special tokens, at its end: the old ids stay what they are.

For a model that is larger than its tokenizer, as many are (nanoGPT rounds 50257 up to
50304, a multiple of 64): every id of the model then has a name to be shown by.
"""

from collections.abc import Sequence

from minigpt.errors import CheckpointError
from minigpt.tokenizers.adapted import UNUSED
from minigpt.tokenizers.base import Tokenizer


def with_special_tokens(tokenizer: Tokenizer, names: Sequence[str]) -> Tokenizer:
    """Return a tokenizer with these special tokens added, in this order.

    Args:
        tokenizer: Any.
        names: Names that it does not have.
    """
    if not names:
        return tokenizer
    fields = tokenizer.to_dict()
    if tokenizer.kind == "bpe":
        new = {name: tokenizer.vocab_size + n for n, name in enumerate(names)}
        fields["special_tokens"] |= new
        fields["vocab"] |= new
    else:
        fields["added"] = [*fields.get("added", []), *names]
    return type(tokenizer).from_dict(fields)


def fitted(tokenizer: Tokenizer, vocab_size: int, where: str) -> Tokenizer:
    """Return a tokenizer with a name for every id of a model.

    Ids that its vocabulary lacks are special tokens, `<unused 374>`: a decoder leaves
    them out, and a list shows them for what they are.

    Args:
        tokenizer: The model's.
        vocab_size: The model's number of ids.
        where: Which file or directory it comes from, for an error.

    Raises:
        CheckpointError: If the tokenizer has more ids than the model.
    """
    known = tokenizer.vocab_size
    if known > vocab_size:
        raise CheckpointError(
            f"{where} knows {known} tokens, and the model only {vocab_size}: they do "
            "not belong together."
        )
    spare = range(known, vocab_size)
    return with_special_tokens(tokenizer, [UNUSED.format(token) for token in spare])
