"""Text, and how it becomes batches of tokens, in reading order.

`tales` writes text and `download` fetches it; `corpus` reads, splits and encodes one
long text; `texts` makes examples of many short ones; `windows` draws a run's batches;
`streaming` reads a file larger than memory. `conversations`, `conversation_files` and
`tales_instructions` are for fine-tuning: examples of how to answer.
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
