"""A head's vectors are the hooks', also where heads share keys and values."""

import pytest
import torch

from minigpt.interpret.heads.head_vectors import head_vectors
from minigpt.model import TransformerLM
from minigpt.textbook.embeddings import principal_plane

TOKENS = torch.tensor([[1, 5, 2, 7, 3], [4, 0, 6, 1, 2]])


def model(**options):
    torch.manual_seed(0)
    sizes = {"d_model": 16, "num_layers": 2, "num_heads": 4, "max_seq_len": 8}
    return TransformerLM(vocab_size=8, **sizes, **options).requires_grad_(False)


SHARED = {"num_kv_heads": 2, "positional_encoding": "rope"}


@pytest.mark.parametrize("options", [{}, SHARED])
@pytest.mark.parametrize("which", ["q", "k", "v", "z"])
def test_vectors_are_those_that_the_head_reads_with(options, which):
    net = model(**options)
    _, cache = net.run_with_cache(TOKENS)
    for head in range(4):
        found = head_vectors(net, TOKENS.tolist(), 1, head, which)
        assert found.shape == (10, 4)
        hook = cache[f"blocks.1.attn.hook_{which}"]
        own = head if hook.shape[2] == 4 else head // 2
        for window in range(2):
            for position in range(5):
                expected = hook[window, position, own]
                torch.testing.assert_close(found[5 * window + position], expected)


def test_a_heads_output_is_its_weights_times_its_values():
    net = model(**SHARED)
    _, cache = net.run_with_cache(TOKENS[:1])
    for head in range(4):
        values = head_vectors(net, TOKENS[:1].tolist(), 0, head, "v")
        pattern = cache["blocks.0.attn.hook_pattern"][0, head]
        found = head_vectors(net, TOKENS[:1].tolist(), 0, head, "z")
        torch.testing.assert_close(found, pattern @ values)


def test_their_plane_holds_the_variance_that_an_eigendecomposition_finds():
    vectors = head_vectors(model(), TOKENS.tolist(), 0, 3, "k")
    spectrum = torch.linalg.eigvalsh(torch.cov(vectors.T)).flip(0)
    found = principal_plane(vectors)
    torch.testing.assert_close(found["explained"], (spectrum / spectrum.sum())[:2])
    spread = found["points"].var(0)
    torch.testing.assert_close(spread, spectrum[:2])
