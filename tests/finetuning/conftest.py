"""A small base with a tokenizer, and a few conversations it can read."""

import pytest
import torch

from minigpt.checkpoint import Checkpoint, CheckpointMetadata
from minigpt.datasets.conversations import Conversation
from minigpt.finetuning.chat import ready_to_chat
from minigpt.model import create_model
from minigpt.tokenizers import BPETokenizer, CharTokenizer, WordTokenizer
from minigpt.tokenizers.chat import Message

TEXT = "Mia had a red kite. Tom had a blue drum. Who had the kite? What color? "


def conversation(question, answer):
    return Conversation((Message("user", question), Message("assistant", answer)))


@pytest.fixture
def conversations():
    return [
        conversation("Who had the kite?", "Mia."),
        conversation("Who had the drum?", "Tom had the drum."),
        conversation("What color?", "red"),
    ]


@pytest.fixture(params=["char", "word", "bpe"])
def tokenizer(request):
    return build(request.param)


def build(kind):
    kinds = {"char": CharTokenizer, "word": WordTokenizer}
    tokenizer = BPETokenizer(300) if kind == "bpe" else kinds[kind]()
    tokenizer.build_vocab(TEXT)
    return tokenizer


@pytest.fixture
def new_base():
    """Return a function that makes the same small base each time."""

    def make(kind="bpe", seed=0, **changes):
        tokenizer = build(kind)
        torch.manual_seed(seed)
        sizes = {"d_model": 16, "num_layers": 2, "num_heads": 2, "max_seq_len": 64}
        settings = sizes | {"vocab_size": tokenizer.vocab_size} | changes
        model = create_model("transformer", **settings).eval()
        metadata = CheckpointMetadata(
            model_type="transformer", model=model.config.to_dict()
        )
        return Checkpoint(model, tokenizer, metadata)

    return make


@pytest.fixture
def chat_base(new_base):
    """Return a base that knows the chat tokens."""
    return ready_to_chat(new_base())
