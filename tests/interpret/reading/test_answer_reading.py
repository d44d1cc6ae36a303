"""Where a model looked when it wrote a token, and which tokens spell which words."""

import numpy as np
import pytest
import torch

from minigpt.errors import DataError
from minigpt.interpret.reading.answer import (
    places_of,
    rows_that_wrote,
    strongest_head,
    weight_on,
)
from minigpt.model import create_model
from minigpt.tokenizers import BPETokenizer, CharTokenizer, WordTokenizer

TEXT = "Mia had a red kite. Fred had a hundred drums. The kite was Red."


@pytest.fixture
def model():
    torch.manual_seed(0)
    return create_model(
        "transformer",
        vocab_size=50,
        d_model=16,
        num_layers=2,
        num_heads=2,
        max_seq_len=32,
    ).eval()


def test_the_rows_are_the_hooks_at_the_token_before(model):
    tokens = [7, 3, 9, 3, 8, 1]
    rows = rows_that_wrote(model, tokens, 4)
    _, cache = model.run_with_cache(torch.tensor([tokens]))
    for layer in range(2):
        pattern = cache[f"blocks.{layer}.attn.hook_pattern"][0]
        torch.testing.assert_close(torch.tensor(rows[layer]), pattern[:, 3, :4].clone())
    np.testing.assert_allclose(rows.sum(-1), 1, atol=1e-5)


def test_what_was_written_later_changes_nothing(model):
    early = rows_that_wrote(model, [7, 3, 9, 3], 3)
    late = rows_that_wrote(model, [7, 3, 9, 5, 5, 5], 3)
    np.testing.assert_allclose(early, late, atol=1e-6)


@pytest.mark.parametrize("place", [0, 4, -1])
def test_a_token_that_was_not_written_has_no_row(model, place):
    with pytest.raises(DataError, match="was not written"):
        rows_that_wrote(model, [7, 3, 9, 3], place)


def test_an_mlp_has_no_row():
    mlp = create_model("mlp", vocab_size=9, d_model=4, d_ff=8, max_seq_len=8)
    with pytest.raises(DataError, match="MLP"):
        rows_that_wrote(mlp, [1, 2], 1)


def test_weights_on_places_are_summed_and_the_largest_is_found():
    rows = np.array([[[0.1, 0.2, 0.7], [0.5, 0.5, 0.0]]])
    on = weight_on(rows, [0, 1, 9])
    np.testing.assert_allclose(on, [[0.3, 1.0]])
    assert strongest_head(on) == (0, 1)


@pytest.mark.parametrize("kind", [CharTokenizer, WordTokenizer, BPETokenizer])
def test_words_are_found_whole_in_small_letters_or_capitals(kind):
    tokenizer = kind() if kind is not BPETokenizer else kind(290)
    tokenizer.build_vocab(TEXT)
    tokens = tokenizer.encode(TEXT)
    found = places_of("red", tokens, tokenizer)
    spelled = tokenizer.decode([tokens[place] for place in found]).lower()
    assert spelled.replace(" ", "") == "redred"
    assert places_of("Mia", tokens, tokenizer)[0] == 0
    assert places_of("kit", tokens, tokenizer) == []
    assert places_of("", tokens, tokenizer) == []


def test_marks_in_the_words_are_letters_like_others():
    tokenizer = CharTokenizer()
    tokenizer.build_vocab("Who? (a+b)")
    tokens = tokenizer.encode("Who? (a+b)")
    assert places_of("Who?", tokens, tokenizer) == [0, 1, 2, 3]
    assert places_of("(a+b)", tokens, tokenizer) == [5, 6, 7, 8, 9]
