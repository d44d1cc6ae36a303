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


def ranks_by_hand(model, layer, head):
    """Return how far each row's largest weight lies above those with as many keys."""
    peaks = np.array(
        [pattern_of(model, window, layer, head).max(-1) for window in WINDOWS]
    )
    return {
        (i, q): peaks[i, q] - np.mean([peaks[j, q] for j in range(12)])
        for i in range(12)
        for q in range(5, 10)
    }


def test_the_strongest_stand_out_among_rows_with_as_many_keys(model):
    found = corpus_examples(model, WINDOWS, 1, 0, count=12).strongest
    ranks = ranks_by_hand(model, 1, 0)
    best = {i: max(ranks[i, q] for q in range(5, 10)) for i in range(12)}
    assert [e.window for e in found] == sorted(best, key=best.__getitem__, reverse=True)
    ranked = [best[e.window] for e in found]
    assert [e.above for e in found] == pytest.approx(ranked, abs=1e-6)


def test_there_is_one_example_of_each_tenth_of_the_rows(model):
    found = corpus_examples(model, WINDOWS, 1, 0).deciles
    rising = sorted(ranks_by_hand(model, 1, 0).values())
    tenths = [int(np.searchsorted(rising, e.above - 1e-6)) * 10 // 60 for e in found]
    assert tenths == list(range(9, -1, -1))


def test_long_windows_show_no_rows_of_fewer_than_eight_keys():
    torch.manual_seed(1)
    model = TransformerLM(
        vocab_size=30, d_model=16, num_layers=1, num_heads=1, max_seq_len=40
    ).eval()
    windows = np.random.default_rng(1).integers(0, 30, (20, 40))
    kinds = corpus_examples(model, windows, 0, 0, count=20)
    assert min(len(each.row) for kind in kinds for each in kind) >= 8


def test_rows_of_two_keys_do_not_win_for_having_so_few(model):
    """An even head reads 1/2 of two keys, and is no stronger there than elsewhere."""
    with torch.no_grad():
        even = TransformerLM(
            vocab_size=30, d_model=16, num_layers=1, num_heads=1, max_seq_len=10
        ).eval()
        for weight in even.blocks[0].attn.parameters():
            weight.zero_()
    found = corpus_examples(even, WINDOWS, 0, 0)
    assert [e.above for e in found.deciles] == pytest.approx([0] * 10, abs=1e-6)


def test_every_example_is_the_hooks_own_row(model):
    found = corpus_examples(model, WINDOWS, 0, 1)
    for example in [*found.strongest, *found.deciles, *found.random]:
        row = pattern_of(model, WINDOWS[example.window], 0, 1)[example.query]
        np.testing.assert_allclose(example.row, row[: example.query + 1], atol=1e-6)
        assert example.key == row.argmax()
        assert example.query >= 5


def test_the_sample_does_not_depend_on_the_head(model):
    places = [
        [(e.window, e.query) for e in corpus_examples(model, WINDOWS, 0, head).random]
        for head in (0, 1)
    ]
    assert places[0] == places[1]


def test_windows_of_one_token_are_refused(model):
    with pytest.raises(ValueError, match="2 tokens"):
        corpus_examples(model, WINDOWS[:, :1], 0, 0)
