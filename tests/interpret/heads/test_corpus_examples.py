"""The strongest reads of a corpus, against a search by hand; and a fair sample."""

import numpy as np
import pytest
import torch

from minigpt.interpret.heads.corpus_examples import corpus_examples
from minigpt.model import TransformerLM

WINDOWS = np.random.default_rng(0).integers(0, 30, (12, 10))


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return TransformerLM(
        vocab_size=30, d_model=16, num_layers=2, num_heads=2, max_seq_len=10
    ).eval()


def pattern_of(model, window, layer, head):
    _, cache = model.run_with_cache(torch.tensor(window)[None])
    return cache["pattern", layer][0, head].detach().numpy()


def test_the_strongest_are_the_largest_weights_of_their_windows(model):
    found = corpus_examples(model, WINDOWS, 1, 0, count=12).strongest
    peaks = {i: pattern_of(model, WINDOWS[i], 1, 0)[1:].max() for i in range(12)}
    assert [example.window for example in found] == sorted(
        peaks, key=peaks.__getitem__, reverse=True
    )
    assert [e.weight for e in found] == pytest.approx([peaks[e.window] for e in found])


def test_every_example_is_the_hooks_own_row(model):
    found = corpus_examples(model, WINDOWS, 0, 1)
    for example in [*found.strongest, *found.random]:
        row = pattern_of(model, WINDOWS[example.window], 0, 1)[example.query]
        np.testing.assert_allclose(example.row, row[: example.query + 1], atol=1e-6)
        assert example.key == row.argmax()
        assert example.query >= 1


def test_the_sample_does_not_depend_on_the_head(model):
    places = [
        [(e.window, e.query) for e in corpus_examples(model, WINDOWS, 0, head).random]
        for head in (0, 1)
    ]
    assert places[0] == places[1]


def test_windows_of_one_token_are_refused(model):
    with pytest.raises(ValueError, match="2 tokens"):
        corpus_examples(model, WINDOWS[:, :1], 0, 0)
