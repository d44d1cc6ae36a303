"""Tokenizers: text to numbers and back. Read characters, words, byte_pair, in order."""

from minigpt.tokenizers.adapted import AdaptedTokenizer
from minigpt.tokenizers.base import (
    BOS_ID,
    EOS_ID,
    PAD_ID,
    SPECIAL_TOKENS,
    UNK_ID,
    Tokenizer,
)
from minigpt.tokenizers.byte_pair.tokenizer import BPETokenizer
from minigpt.tokenizers.byte_pair.training import MergeStep
from minigpt.tokenizers.characters import CharTokenizer
from minigpt.tokenizers.storage import (
    build_tokenizer,
    load_tokenizer,
    open_tokenizer,
)
from minigpt.tokenizers.words import SimpleTokenizer, WordTokenizer

__all__ = [
    "BOS_ID",
    "EOS_ID",
    "PAD_ID",
    "SPECIAL_TOKENS",
    "UNK_ID",
    "AdaptedTokenizer",
    "BPETokenizer",
    "CharTokenizer",
    "MergeStep",
    "SimpleTokenizer",
    "Tokenizer",
    "WordTokenizer",
    "build_tokenizer",
    "load_tokenizer",
    "open_tokenizer",
]
