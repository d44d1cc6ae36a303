import numpy as np
import pytest
import torch

from minigpt.errors import DataError
from minigpt.interpret.reading.prompt import append_token, read_prompt
from minigpt.model import create_model
from minigpt.tokenizers import BPETokenizer, CharTokenizer, SimpleTokenizer

TEXT = "the red cat saw the red kite. the cat was glad."


def chars():
    tokenizer = CharTokenizer()
    tokenizer.build_vocab(TEXT)
    return tokenizer


def transformer(vocab_size):
    return create_model(
        "transformer",
        vocab_size=vocab_size,
        d_model=8,
        num_layers=2,
        num_heads=2,
        max_seq_len=12,
    ).eval()


def test_every_row_of_every_head_sums_to_one_and_never_looks_ahead():
    tokenizer = chars()
    reading = read_prompt(transformer(tokenizer.vocab_size), tokenizer, "the cat")
    assert reading.patterns.shape == (2, 2, 7, 7)
    np.testing.assert_allclose(reading.patterns.sum(-1), 1, atol=1e-5)
    assert not np.triu(reading.patterns, k=1).any()
    assert reading.pieces == list("the cat")


def test_the_hook_it_names_holds_the_pattern_it_shows():
    tokenizer = chars()
    model = transformer(tokenizer.vocab_size)
    reading = read_prompt(model, tokenizer, "the cat")
    assert reading.hook_name(1) in model.hook_points


def test_the_stream_it_keeps_is_what_each_block_receives():
    tokenizer = chars()
    model = transformer(tokenizer.vocab_size)
    reading = read_prompt(model, tokenizer, "the cat")
    tokens = torch.tensor([reading.tokens])
    with torch.inference_mode():
        assert torch.equal(reading.streams[0], model.embed(tokens)[0])
        after = model.blocks[0](reading.streams[:1], None, tokens)[0]
    torch.testing.assert_close(reading.streams[1], after, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(
    ("prompt", "words"), [("", "empty"), ("the cat saw the", "shorten it by 3")]
)
def test_a_prompt_that_cannot_be_read_is_refused_with_the_remedy(prompt, words):
    tokenizer = chars()
    with pytest.raises(DataError, match=words):
        read_prompt(transformer(tokenizer.vocab_size), tokenizer, prompt)


def test_a_model_without_heads_is_refused_kindly():
    tokenizer = chars()
    mlp = create_model("mlp", vocab_size=tokenizer.vocab_size, d_model=4, d_ff=4)
    with pytest.raises(DataError, match="no attention heads"):
        read_prompt(mlp, tokenizer, "the cat")


def test_a_token_is_appended_as_it_would_be_written():
    for tokenizer in (chars(), SimpleTokenizer(), BPETokenizer(300)):
        tokenizer.build_vocab(TEXT)
        whole = tokenizer.encode("the red cat")
        begun = tokenizer.decode(whole[:-1])
        if tokenizer.encode(begun) == whole[:-1]:
            assert append_token(tokenizer, begun, whole[-1]).endswith("cat")
