"""Text, and how it becomes batches of tokens, in reading order.

`tales` writes text and `download` fetches it; `text_file` reads it, `corpus` splits it
in two, `cuts` in parts, `encoding` makes tokens of these; `texts` makes examples of
many short texts; `windows` draws a run's batches, in an order of `shuffles`, from
memory or from a file of `token_rows`; `streaming` encodes a file while it is read.
`conversations`, `conversation_files` and `tales_instructions` are for fine-tuning:
examples of how to answer.
"""

from minigpt.datasets.corpus import (
    Corpus,
    clean_text,
    prepare_corpus,
    read_text,
    split_text,
)
from minigpt.datasets.download import fetch
from minigpt.datasets.streaming import StreamingTextDataset
from minigpt.datasets.tales import Story, generate_tales, write_story
from minigpt.datasets.texts import PackedDataset, TextDataset, collate_fn
from minigpt.datasets.windows import WindowSampler

__all__ = [
    "Corpus",
    "PackedDataset",
    "Story",
    "StreamingTextDataset",
    "TextDataset",
    "WindowSampler",
    "clean_text",
    "collate_fn",
    "fetch",
    "generate_tales",
    "prepare_corpus",
    "read_text",
    "split_text",
    "write_story",
]
