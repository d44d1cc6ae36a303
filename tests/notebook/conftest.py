"""What the tests of the widgets share: one small model."""

import pytest
import torch
from model.test_transformer import small_model

from minigpt.checkpoint import Checkpoint
from minigpt.tokenizers import CharTokenizer

TEXT = "the cat sat on the mat"


@pytest.fixture(scope="package")
def checkpoint() -> Checkpoint:
    return random_checkpoint()


def random_checkpoint(**changes) -> Checkpoint:
    tokenizer = CharTokenizer()
    tokenizer.build_vocab(TEXT + "<&>")
    sizes = {"vocab_size": tokenizer.vocab_size, "max_seq_len": 200}
    model = small_model(**{**sizes, **changes})
    generator = torch.Generator().manual_seed(3)
    for weight in model.parameters():  # Equal rows would hide that they are mixed up.
        weight.data.normal_(0, 0.5, generator=generator)
    return Checkpoint(model, tokenizer, None)
