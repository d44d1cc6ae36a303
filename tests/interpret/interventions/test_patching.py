"""Patching against brute force, and where the result is known by construction."""

import numpy as np
import pytest
import torch

from minigpt.errors import DataError
from minigpt.interpret.effects import compare_logits
from minigpt.interpret.interventions.patching import (
    CARRIED,
    PatchMap,
    Prompts,
    carry,
    distinguishing_tokens,
    patch_effect,
    patch_map,
    same_length,
)
from minigpt.model import create_model
from minigpt.tokenizers import CharTokenizer

RUN, OTHER = [3, 1, 4, 1, 5], [3, 1, 9, 1, 5]
PROMPTS = Prompts(RUN, OTHER, answer=7, rival=2)


def transformer(**settings):
    torch.manual_seed(1)
    small = {"vocab_size": 12, "d_model": 8, "num_layers": 3, "num_heads": 4}
    return (
        create_model("transformer", **(small | settings)).eval().requires_grad_(False)
    )


@pytest.fixture(scope="module")
def model():
    return transformer()


def difference(logits):
    return float(logits[0, -1, PROMPTS.answer] - logits[0, -1, PROMPTS.rival])


def by_hand(model, hook, layer, index):
    """Patch one place with a hook written out, and normalise."""
    name = f"blocks.{layer}.{hook}"
    run, other = torch.tensor([RUN]), torch.tensor([OTHER])
    there = model.run_with_cache(other)[1][name]

    def patch(value, hook):
        value[index] = there[index]
        return value

    patched = difference(model.run_with_hooks(run, [(name, patch)]))
    start, end = difference(model(run)), difference(model(other))
    return (patched - start) / (end - start)


@pytest.mark.parametrize("what", CARRIED)
def test_every_cell_is_what_one_patch_at_a_time_gives(model, what):
    found = patch_map(model, PROMPTS, what)
    hook, axis = CARRIED[what].hook, CARRIED[what].axis
    assert found.moved.shape == (3, 5 if CARRIED[what].places == "position" else 4)
    for layer, place in np.ndindex(found.moved.shape):
        index = (*[slice(None)] * axis, place)
        expected = by_hand(model, hook, layer, index)
        assert found.moved[layer, place] == pytest.approx(expected, abs=1e-4)


def test_the_map_is_zero_where_the_prompts_are_still_the_same(model):
    moved = patch_map(model, PROMPTS, "residual stream").moved
    # Before the first block only the exchanged token differs, and it is all there is.
    np.testing.assert_allclose(moved[0], [0, 0, 1, 0, 0], atol=1e-5)
    np.testing.assert_allclose(moved[:, :2], 0, atol=1e-5)


def test_carrying_the_whole_stream_over_is_reading_the_other_prompt(model):
    _, cache = model.run_with_cache(torch.tensor([OTHER]))
    stream = cache["blocks.0.hook_resid_pre"]
    hooks = [
        hook
        for place in range(len(RUN))
        for hook in carry("residual stream", 0, place, stream)
    ]
    logits = model.run_with_hooks(torch.tensor([RUN]), hooks)
    torch.testing.assert_close(logits, model(torch.tensor([OTHER])))


def test_swapping_the_prompts_carries_the_other_way(model):
    there = patch_map(model, PROMPTS, "z")
    back = patch_map(model, Prompts(OTHER, RUN, 7, 2), "z")
    assert (there.run_difference, there.other_difference) == pytest.approx(
        (back.other_difference, back.run_difference)
    )
    assert not np.allclose(there.moved, back.moved)


def test_the_effect_of_a_cell_is_the_cells(model):
    found = patch_map(model, PROMPTS, "attention output")
    effect = patch_effect(model, PROMPTS, "attention output", 1, 4)
    d = effect.after_logits[7] - effect.after_logits[2]
    whole = found.other_difference - found.run_difference
    moved = (d - found.run_difference) / whole
    assert moved == pytest.approx(found.moved[1, 4], abs=1e-4)


def test_layers_can_be_patched_one_at_a_time(model):
    one_by_one = [patch_map(model, PROMPTS, "z", [layer]) for layer in range(3)]
    joined, whole = PatchMap.stacked(one_by_one), patch_map(model, PROMPTS, "z")
    np.testing.assert_allclose(joined.moved, whole.moved, atol=1e-4)
    assert joined.run_difference == whole.run_difference


def test_the_strongest_patch_is_the_last_of_the_largest():
    moved = np.array([[0.0, 1.0], [-1.0, 0.5]])
    assert PatchMap(moved, 0.0, 1.0).strongest() == (1, 0)


def test_grouped_heads_share_their_values():
    model = transformer(num_kv_heads=2)
    assert patch_map(model, PROMPTS, "values").moved.shape == (3, 2)


def test_a_model_without_mlps_says_so():
    with pytest.raises(DataError, match="no MLPs"):
        patch_map(transformer(d_ff=0), PROMPTS, "MLP output")


def test_prompts_that_agree_have_nothing_to_carry_over(model):
    with pytest.raises(DataError, match="disagree"):
        patch_map(model, Prompts(RUN, RUN, 7, 2), "z")
    with pytest.raises(DataError, match="5 and 4 tokens"):
        patch_map(model, Prompts(RUN, RUN[:4], 7, 2), "z")


def test_prompts_of_different_lengths_are_shown_in_pieces():
    tokenizer = CharTokenizer()
    tokenizer.build_vocab("abcd")
    assert same_length(tokenizer, "abc", "abd")[0] == tokenizer.encode("abc")
    with pytest.raises(DataError, match=r"3 \(a\|b\|c\) and 2 \(a\|d\)"):
        same_length(tokenizer, "abc", "ad")
    with pytest.raises(DataError, match="empty"):
        same_length(tokenizer, "", "ad")


def test_the_distinguishing_tokens_are_the_likeliest_of_each():
    effect = compare_logits(torch.tensor([5.0, 1, 0, 2]), torch.tensor([0.0, 1, 5, 2]))
    assert distinguishing_tokens(effect) == (0, 2)
