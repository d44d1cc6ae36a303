"""One token's vectors: what is added makes the sum, and both are the hooks' own."""

import numpy as np
import pytest
import torch

from minigpt.errors import DataError
from minigpt.interpret.stream.token_travel import token_travel
from minigpt.model import create_model

TOKENS = [3, 1, 4, 1, 5, 9]


def model_of(**settings):
    torch.manual_seed(0)
    sizes = {"vocab_size": 12, "d_model": 16, "num_layers": 3, "num_heads": 2}
    return create_model("transformer", max_seq_len=16, **sizes | settings).eval()


@pytest.mark.parametrize("scheme", ["learned", "rope", "alibi"])
def test_what_is_added_makes_the_stream_after_every_part(scheme):
    travel = token_travel(model_of(positional_encoding=scheme), TOKENS, 4)
    total = np.zeros(16)
    for part in travel.addends:
        total = total + part.added
        np.testing.assert_allclose(total, part.stream, atol=1e-5)
    assert [part.kind for part in travel.addends] == [
        "embedding",
        *["attention", "MLP"] * 3,
    ]


def test_every_vector_is_its_hooks_at_the_position():
    model = model_of()
    travel = token_travel(model, TOKENS, 2)
    _, cache = model.run_with_cache(torch.tensor([TOKENS]))
    for part in travel.addends:
        expected = cache[part.hook][0, 2].detach()
        np.testing.assert_allclose(part.added, expected, atol=1e-6)
    start = cache["blocks.0.hook_resid_pre"][0].detach()
    np.testing.assert_allclose(travel.embeddings, start, atol=1e-6)


def test_a_position_outside_is_refused():
    with pytest.raises(DataError):
        token_travel(model_of(), TOKENS, 6)
