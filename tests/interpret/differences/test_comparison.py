"""Two models on one text: losses against the definition, alignment by hand."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from minigpt.checkpoint import Checkpoint
from minigpt.errors import DataError
from minigpt.interpret.differences.comparison import compare_text, continuations
from minigpt.interpret.differences.pattern_change import pattern_change, row_divergence
from minigpt.interpret.differences.weight_change import weight_change
from minigpt.model import create_model
from minigpt.tokenizers import CharTokenizer, WordTokenizer

TEXT = "the cat saw the dog and the dog saw the cat"


def checkpoint(kind=CharTokenizer, seed=0, model_type="transformer", **settings):
    tokenizer = kind()
    tokenizer.build_vocab(TEXT)
    torch.manual_seed(seed)
    sizes = {"d_model": 16, "num_layers": 2, "max_seq_len": 64}
    if model_type == "transformer":
        sizes["num_heads"] = 2
    model = create_model(
        model_type, vocab_size=tokenizer.vocab_size, **{**sizes, **settings}
    )
    for weight in model.parameters():
        torch.nn.init.normal_(weight, std=0.3)
    return Checkpoint(model.eval(), tokenizer, None)


def losses(checkpoint, text):
    tokens = torch.tensor([checkpoint.tokenizer.encode(text)])
    with torch.inference_mode():
        logits = checkpoint.model(tokens)
    each = F.cross_entropy(logits[0, :-1], tokens[0, 1:], reduction="none")
    return each.numpy()


def test_equal_tokens_are_compared_one_by_one():
    before, after = checkpoint(seed=0), checkpoint(seed=1)
    found = compare_text(before, after, TEXT)
    expected = losses(after, TEXT) - losses(before, TEXT)
    assert found.same_tokens
    assert found.pieces == list(TEXT)
    assert np.isnan(found.change[0])
    np.testing.assert_allclose(found.change[1:], expected, atol=1e-5)
    assert found.mean_change == pytest.approx(expected.mean(), abs=1e-5)
    assert found.worse == (expected > 0).sum()
    assert found.compared == len(expected)


def test_the_pieces_that_changed_most_are_found():
    found = compare_text(checkpoint(seed=0), checkpoint(seed=1), TEXT)
    change = found.change
    assert change[found.best] == np.nanmin(change)
    assert change[found.worst] == np.nanmax(change)
    sizes = [abs(change[place]) for place in found.most_changed(len(change) - 1)]
    assert sizes == sorted(np.abs(change[1:]), reverse=True)
    others = [c for n, c in enumerate(change) if n not in (0, found.best)]
    rest = found.mean_change_without(found.best)
    assert rest == pytest.approx(np.mean(others))


def test_a_model_compared_with_itself_changes_nothing():
    same = checkpoint()
    found = compare_text(same, same, TEXT)
    assert found.mean_change == found.worse == 0
    assert pattern_change(same, same, TEXT).max() == 0
    assert np.nanmax(weight_change(same.model, same.model).relative) == 0


def test_swapping_the_models_turns_the_sign():
    before, after = checkpoint(seed=0), checkpoint(CharTokenizer, seed=1)
    there, back = compare_text(before, after, TEXT), compare_text(after, before, TEXT)
    np.testing.assert_array_equal(there.change, -back.change)


def test_different_tokens_meet_where_both_have_a_cut():
    characters, words = checkpoint(CharTokenizer), checkpoint(WordTokenizer)
    found = compare_text(characters, words, "the cat saw")
    assert not found.same_tokens
    assert found.pieces == ["the", " cat", " saw"]
    assert found.before_spans == [(0, 3), (3, 7), (7, 11)]
    assert found.after_spans == [(0, 1), (1, 2), (2, 3)]
    by_character, by_word = (
        losses(characters, "the cat saw"),
        losses(words, "the cat saw"),
    )
    expected = by_word - [by_character[2:6].sum(), by_character[6:].sum()]
    np.testing.assert_allclose(found.change[1:], expected, atol=1e-5)
    assert found.mean_change == pytest.approx(expected.sum() / 8, abs=1e-5)


def test_an_alignment_keeps_the_whole_texts_loss():
    characters, words = checkpoint(CharTokenizer), checkpoint(WordTokenizer)
    found = compare_text(characters, words, TEXT)
    # All but the first piece: the word model does not predict it.
    assert np.nansum(found.after_losses) == pytest.approx(
        losses(words, TEXT).sum(), 1e-5
    )
    late = losses(characters, TEXT)[2:].sum()
    assert np.nansum(found.before_losses[1:]) == pytest.approx(late, 1e-5)


def test_what_was_expected_at_a_place_is_the_softmax_before_it():
    one = checkpoint()
    reading = compare_text(one, one, TEXT).before
    tokens, probabilities = reading.expected(5, 3)
    with torch.inference_mode():
        row = one.model(torch.tensor([reading.tokens]))[0, 4].softmax(-1)
    best = row.topk(3)
    assert tokens == best.indices.tolist()
    np.testing.assert_allclose(probabilities, best.values, atol=1e-6)


def test_losses_of_an_mlp_compare_too_but_not_its_heads():
    mlp = checkpoint(model_type="mlp", d_ff=8)
    assert compare_text(checkpoint(), mlp, TEXT).compared == len(TEXT) - 1
    with pytest.raises(DataError, match="MLP"):
        pattern_change(checkpoint(), mlp, TEXT)
    assert weight_change(checkpoint().model, mlp.model).heads is None


@pytest.mark.parametrize(
    ("before", "after", "text", "words"),
    [
        (checkpoint(), checkpoint(), "", "empty"),
        (checkpoint(), checkpoint(), "t", "too short"),
        (checkpoint(), checkpoint(), "the " * 20, "shorten it by 16"),
        (checkpoint(), checkpoint(WordTokenizer), "the Q cat", "never saw 'Q'"),
    ],
)
def test_what_cannot_be_compared_is_said(before, after, text, words):
    with pytest.raises(DataError, match=words):
        compare_text(before, after, text)


def test_heads_compare_only_with_counterparts_on_the_same_tokens():
    with pytest.raises(DataError, match="2 × 2 and 2 × 4 heads"):
        pattern_change(checkpoint(), checkpoint(num_heads=4), TEXT)
    with pytest.raises(DataError, match="different tokens"):
        pattern_change(checkpoint(), checkpoint(WordTokenizer), TEXT)
    with pytest.raises(DataError, match="a few more words"):
        pattern_change(checkpoint(), checkpoint(seed=1), "t")


def test_divergence_is_that_of_entropies():
    rng = np.random.default_rng(0)
    one, other = rng.dirichlet(np.ones(7), size=(2, 5))

    def entropy(p):
        return -(p * np.log2(p)).sum(-1)

    expected = entropy((one + other) / 2) - (entropy(one) + entropy(other)) / 2
    np.testing.assert_allclose(row_divergence(one, other), expected, atol=1e-12)


def test_divergence_runs_from_nothing_to_one_bit():
    assert row_divergence(np.array([1.0, 0]), np.array([0, 1.0])) == 1
    assert row_divergence(np.array([0.5, 0.5]), np.array([0.5, 0.5])) == 0


def test_pattern_change_is_the_mean_over_rows_that_have_a_choice():
    before, after = checkpoint(seed=0), checkpoint(seed=1)
    tokens = torch.tensor([before.tokenizer.encode(TEXT)])
    patterns = []
    for each in (before, after):
        with torch.inference_mode():
            _, cache = each.model.run_with_cache(tokens)
        patterns.append(cache["pattern", 1][0, 1].numpy())
    expected = np.mean(
        [row_divergence(patterns[0][q], patterns[1][q]) for q in range(1, len(TEXT))]
    )
    assert pattern_change(before, after, TEXT)[1, 1] == pytest.approx(expected)


def test_the_same_seed_gives_the_same_continuation():
    one = checkpoint()
    first, second = continuations(one, one, "the cat", seed=3, count=8)
    assert first == second
    assert first.startswith("the cat")
