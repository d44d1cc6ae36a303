"""tiktoken's files: a token in base64 and its rank on each line, `IQ== 0`.

There are no merges in it: two neighbours are joined if their bytes are a token, the one
of lowest rank first. So each way of cutting a token in two tokens is a merge.

Nor is there a pattern that cuts a text into words, or a name for a special token. Both
are known by the number of ranks, which differs from one published file to another.

Source: OpenAI 2022, github.com/openai/tiktoken, `load.py` and `openai_public.py`.
"""

import base64
import binascii
from pathlib import Path

from minigpt.errors import CheckpointError
from minigpt.tokenizers.byte_pair.patterns import GPT2
from minigpt.tokenizers.byte_pair.printable import to_printable
from minigpt.tokenizers.byte_pair.text_rules import Cut, TextRules
from minigpt.tokenizers.byte_pair.vocabulary import (
    BytePairVocabulary,
    vocabulary_from_printable,
)
from minigpt.tokenizers.files import read_text_file

SUFFIX = ".tiktoken"
_GPT4 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
_KNOWN: dict[int, tuple[str, tuple[str, ...]]] = {
    50256: (GPT2, ("<|endoftext|>",)),
    100256: (_GPT4, ()),
    128000: (_GPT4, ("<|begin_of_text|>", "<|end_of_text|>")),
}
"""Of GPT-2, GPT-4 and Llama 3, by their number of ranks: the pattern, and the special
tokens at the start and the end of a text."""


def read_rank_file(path: Path) -> BytePairVocabulary:
    """Read a vocabulary, with a pattern that fits its size.

    Raises:
        CheckpointError: If a line is damaged, or the size is not of a known tokenizer.
    """
    ranks = _read_ranks(path)
    if len(ranks) not in _KNOWN:
        known = ", ".join(f"{size:,}" for size in _KNOWN)
        raise CheckpointError(
            f"{path} has {len(ranks):,} ranks, and does not say which pattern cuts a "
            f"text into words; it is known for files of {known}. Put a tokenizer.json "
            "there instead."
        )
    pattern, names = _KNOWN[len(ranks)]
    merges = [
        (piece[:place], piece[place:])
        for piece in sorted(ranks, key=ranks.__getitem__)
        for place in range(1, len(piece))
        if piece[:place] in ranks and piece[place:] in ranks
    ]
    special = {name: len(ranks) + number for number, name in enumerate(names)}
    rules = TextRules(cuts=[Cut(pattern=pattern)], whole_words=True)
    if names:
        ends = {"bos_id": special[names[0]], "eos_id": special[names[-1]]}
        rules = rules.replace(roles=ends)
    return vocabulary_from_printable(
        {to_printable(piece): rank for piece, rank in ranks.items()} | special,
        [(to_printable(left), to_printable(right)) for left, right in merges],
        special,
        rules,
    )


def _read_ranks(path: Path) -> dict[bytes, int]:
    ranks: dict[bytes, int] = {}
    for number, line in enumerate(read_text_file(path).splitlines(), start=1):
        letters, _, rank = line.partition(" ")
        try:
            ranks[base64.b64decode(letters, validate=True)] = int(rank)
        except (binascii.Error, ValueError):
            raise CheckpointError(
                f"{path}: line {number} is {line!r:.60}, no token in base64 and its "
                "rank."
            ) from None
    return ranks
