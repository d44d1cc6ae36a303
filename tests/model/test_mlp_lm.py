import pytest
import torch

from minigpt.errors import DataError
from minigpt.model import MLPLM
from minigpt.model.sizes import num_parameters


def small_model() -> MLPLM:
    torch.manual_seed(0)
    return MLPLM(vocab_size=40, d_model=8, d_ff=16, context_size=5).eval()


def test_the_window_is_all_it_sees():
    model, tokens = small_model(), torch.randint(0, 40, (2, 12))
    changed = tokens.clone()
    changed[:, 3] = (changed[:, 3] + 1) % 40
    before, after = model(tokens), model(changed)
    assert torch.equal(before[:, :3], after[:, :3])
    assert not torch.allclose(before[:, 3:8], after[:, 3:8])
    assert torch.equal(before[:, 8:], after[:, 8:])


def test_it_is_the_papers_formula():
    model, tokens = small_model(), torch.randint(0, 40, (1, 5))
    x = model.token_embedding(tokens).flatten(1)
    for block in model.blocks:
        x = torch.tanh(block.linear(x))
    assert torch.allclose(model(tokens)[:, -1], model.head(x), atol=1e-6)


@pytest.mark.parametrize("chunks", [[1] * 12, [3, 1, 8], [12]])
def test_cached_logits_equal_uncached_for_every_chunking(chunks):
    model, tokens = small_model(), torch.randint(0, 40, (2, 12))
    cache = model.new_cache(2)
    parts = [model(part, cache) for part in tokens.split(chunks, dim=1)]
    assert torch.allclose(torch.cat(parts, dim=1), model(tokens), atol=1e-6)


def test_its_values_have_names_too():
    model, tokens = small_model(), torch.randint(0, 40, (2, 12))
    logits, cache = model.run_with_cache(tokens)
    assert torch.equal(logits, model(tokens))
    assert cache["window"].shape == (2, 12, 5, 8)
    assert cache["post", 1].shape == (2, 12, 16)


def test_a_config_counts_its_models_parameters():
    model = small_model()
    assert num_parameters(model.config) == sum(p.numel() for p in model.parameters())


def test_an_id_beyond_the_vocabulary_is_refused():
    with pytest.raises(DataError, match="ids 0 to 39"):
        small_model()(torch.tensor([[40]]))
