"""The shapes in the signatures are enforced while tests run (see conftest.py)."""

import pytest
import torch
from jaxtyping import TypeCheckError

from minigpt.model import TransformerLM, positions

CPU = torch.device("cpu")


def test_a_transposed_mask_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two queries over three keys: the mask is [2, 3], never [3, 2]."""
    right = positions.distances(2, 3, CPU)
    assert positions.causal_mask(2, 3, CPU).shape == (2, 3)
    monkeypatch.setattr(positions, "distances", lambda *_: right.mT)
    with pytest.raises(TypeCheckError, match="causal_mask"):
        positions.causal_mask(2, 3, CPU)


def test_heads_and_positions_that_change_places_fail() -> None:
    model = TransformerLM(vocab_size=9, d_model=8, num_layers=1, num_heads=2)
    q, k, v = torch.randn(3, 1, 2, 5, 4)  # [batch head pos d_head] each
    attention = model.blocks[0].attn
    assert attention.attend(q, k, v).shape == q.shape
    with pytest.raises(TypeCheckError):
        attention.attend(q, k.transpose(1, 2), v)


def test_tokens_of_a_wrong_rank_fail() -> None:
    model = TransformerLM(vocab_size=9, d_model=8, num_layers=1, num_heads=2)
    with pytest.raises(TypeCheckError, match="tokens"):
        model(torch.zeros(5, dtype=torch.int64))
