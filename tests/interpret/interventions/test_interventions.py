"""Cuts in words and as hooks: what they change, and what they leave alone."""

import pytest
import torch

from minigpt.errors import DataError
from minigpt.interpret.interventions.interventions import (
    Ablation,
    fwd_hooks,
    read_ablation,
    record,
)
from minigpt.interpret.interventions.parts import (
    MLP,
    Attention,
    Edge,
    Head,
    Token,
    require,
)
from minigpt.model import create_model

TOKENS = torch.arange(12).reshape(2, 6)


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return (
        create_model("transformer", vocab_size=12, d_model=8, num_layers=2, num_heads=2)
        .eval()
        .requires_grad_(False)
    )


def values(model, cuts, name, recorded=None, tokens=TOKENS, first_row=0):
    """Return what a hook holds while the cuts are made, and without them."""
    seen = []
    hooks = fwd_hooks(model, cuts, recorded, first_row)
    keep = (name, lambda value, hook: seen.append(value.clone()))
    model.run_with_hooks(tokens, [*hooks, keep])
    model.run_with_hooks(tokens, [keep])
    return seen


@pytest.mark.parametrize(
    "cut",
    [
        Ablation(Head(0, 1)),
        Ablation(Attention(1), "mean"),
        Ablation(MLP(0), "resample"),
        Ablation(Edge(1, 0, 7, 3), 0.5, renormalize=True),
        Ablation(Token(3), 2.0),
    ],
)
def test_a_cut_can_be_written_down_and_read_back(cut):
    assert read_ablation(str(cut)) == cut


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("L0", "names no part"),
        ("L0H0 half", "nothing a part can become"),
        ("L0H0[1,4]", "cannot read token 4"),
        ("L0H0[1,0] mean", "has no mean"),
        ("L0H0 zero renormalized", "not a row of weights"),
        ("MLP0 x99", "choose 0 to 10"),
    ],
)
def test_what_cannot_be_cut_is_refused_with_the_remedy(text, words):
    with pytest.raises(DataError, match=words):
        read_ablation(text)


@pytest.mark.parametrize(
    ("cut", "words"),
    [
        (Ablation(Head(2, 0)), "no layer 2: this model has 2"),
        (Ablation(Head(0, 7)), "no head 7: each layer of this model has 2"),
        (Ablation(Head(0, 0), "mean"), "pass a reference"),
    ],
)
def test_a_part_the_model_lacks_is_named(model, cut, words):
    with pytest.raises(DataError, match=words):
        fwd_hooks(model, [cut])


@pytest.mark.parametrize("part", [Edge(0, 0, 6, 2), Token(6)])
def test_a_part_beyond_the_text_is_named(model, part):
    require(part, model.config, 7)
    with pytest.raises(DataError, match="no token 6: this text has 6"):
        require(part, model.config, 6)


@pytest.mark.parametrize(
    "part", [Head(1, 1), Attention(0), MLP(1), Edge(1, 0, 5, 2), Token(3)]
)
def test_the_example_of_a_part_is_a_cell_of_it(model, part):
    hook, index = part.example(6)
    activation = model.run_with_cache(TOKENS)[1][hook]
    inside = torch.zeros_like(activation, dtype=torch.bool)
    inside[part.places(model)[hook]] = True
    assert inside[index]


def test_a_model_without_mlps_says_so():
    bare = create_model("transformer", vocab_size=5, d_model=4, num_heads=1, d_ff=0)
    with pytest.raises(DataError, match="no MLPs"):
        fwd_hooks(bare, [Ablation(MLP(0))])


def test_only_the_named_head_is_changed(model):
    after, before = values(model, [Ablation(Head(1, 0))], "blocks.1.attn.hook_z")
    assert not after[:, :, 0].any()
    torch.testing.assert_close(after[:, :, 1], before[:, :, 1])


def test_a_factor_multiplies(model):
    after, before = values(model, [Ablation(MLP(1), 1.5)], "blocks.1.hook_mlp_out")
    torch.testing.assert_close(after, 1.5 * before)


def test_the_mean_is_over_all_positions_of_all_windows(model):
    cut, name = Ablation(Head(0, 1), "mean"), "blocks.0.attn.hook_z"
    windows = torch.randint(12, (3, 4))
    recorded = record(model, [cut], windows)
    expected = model.run_with_cache(windows)[1][name][:, :, 1].flatten(0, 1).mean(0)
    after, _ = values(model, [cut], name, recorded)
    torch.testing.assert_close(after[:, :, 1], expected.expand(2, 6, -1))


def test_a_resample_takes_the_next_windows_values_place_by_place(model):
    cut, name = Ablation(Attention(0), "resample"), "blocks.0.hook_attn_out"
    windows = torch.randint(12, (3, 4))
    recorded = record(model, [cut], windows)
    others = model.run_with_cache(windows)[1][name]
    after, _ = values(model, [cut], name, recorded, first_row=1)
    # Six positions of windows of four: they begin anew after the fourth.
    around = [0, 1, 2, 3, 0, 1]
    torch.testing.assert_close(after, torch.stack([others[2], others[0]])[:, around])


@pytest.mark.parametrize("renormalize", [False, True])
def test_an_edge_is_one_weight_of_one_row(model, renormalize):
    cut, name = (
        Ablation(Edge(1, 0, 4, 2), 0.0, renormalize),
        "blocks.1.attn.hook_pattern",
    )
    after, before = values(model, [cut], name)
    assert not after[:, 0, 4, 2].any()
    untouched = torch.ones_like(after, dtype=torch.bool)
    untouched[:, 0, 4] = False
    torch.testing.assert_close(after[untouched], before[untouched])
    rest = before[:, 0, 4].clone()
    rest[:, 2] = 0
    if renormalize:
        rest = rest / rest.sum(-1, keepdim=True)
    torch.testing.assert_close(after[:, 0, 4], rest)


def test_a_cut_token_is_read_by_itself_alone(model):
    for layer in (0, 1):
        name = f"blocks.{layer}.attn.hook_pattern"
        after, before = values(model, [Ablation(Token(2))], name)
        assert not after[:, :, 3:, 2].any()
        if layer == 0:
            torch.testing.assert_close(after[:, :, :3], before[:, :, :3])


def test_nothing_later_depends_on_a_cut_token(model):
    hooks = fwd_hooks(model, [Ablation(Token(2), renormalize=True)])
    other = TOKENS.clone()
    other[:, 2] = 11
    one, two = (model.run_with_hooks(tokens, hooks) for tokens in (TOKENS, other))
    torch.testing.assert_close(one[:, 3:], two[:, 3:])


def test_cuts_add_up_in_their_order(model):
    cuts = [Ablation(Head(0, 0), 2.0), Ablation(Head(0, 0), 0.25)]
    after, before = values(model, cuts, "blocks.0.attn.hook_z")
    torch.testing.assert_close(after[:, :, 0], 0.5 * before[:, :, 0])
