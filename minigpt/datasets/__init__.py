"""Text, and how it becomes batches of tokens, in reading order.

`tales` is the built-in world that writes text. `files` fetches, reads and splits text
files. `corpus` is one text, divided into training and validation; `encoding` turns it
into tokens; `batches` draws what a training step reads. `conversations` and
`conversation_files` are for fine-tuning: examples of how to answer.
"""

from minigpt.datasets.batches.examples import PackedDataset, TextDataset, collate_fn
from minigpt.datasets.batches.streaming import StreamingTextDataset
from minigpt.datasets.batches.windows import WindowSampler
from minigpt.datasets.corpus import (
    Corpus,
    clean_text,
    prepare_corpus,
    read_text,
    split_text,
)
from minigpt.datasets.files.download import fetch
from minigpt.datasets.tales.story import Story, generate_tales, write_story

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
