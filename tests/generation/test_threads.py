"""While NumPy multiplies, torch leaves it the cores; afterwards it has them again."""

import pytest
import torch

from minigpt.generation.fast_matrices import FITS_CACHE
from minigpt.generation.window import Window
from minigpt.model import TransformerLM


def window(num_texts, d_model):
    torch.manual_seed(0)
    model = TransformerLM(vocab_size=65, d_model=d_model, num_layers=1, num_heads=2)
    window = Window(model.eval(), num_texts, 8)
    with torch.inference_mode():
        for length in (1, 2):
            window.next_logits(torch.zeros(num_texts, length, dtype=torch.int64))
    return window


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def test_torch_has_one_thread_for_a_token_and_then_its_own_again(two_threads):
    with window(num_texts=1, d_model=16).threads():
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == 2


def test_where_torch_multiplies_it_keeps_its_threads(two_threads):
    large = 512
    assert large * 4 * large > FITS_CACHE
    with window(num_texts=2, d_model=large).threads():
        assert torch.get_num_threads() == 2
