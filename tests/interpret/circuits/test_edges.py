"""A frozen run is a sum, and its edges are what autograd and the softmax itself say."""

import sys
from pathlib import Path

import pytest
import torch

from minigpt.errors import DataError
from minigpt.interpret.circuits.edges import (
    before,
    edges_between,
    edges_into,
    from_means,
)
from minigpt.interpret.circuits.frozen import FrozenRun, freeze
from minigpt.interpret.circuits.keeping import Asked, ask
from minigpt.interpret.circuits.nodes import (
    Node,
    Part,
    mean_values,
    parts_of,
    sites_of,
)
from minigpt.model import TransformerLM

sys.path.insert(0, str(Path(__file__).parents[1] / "weights"))
from small_models import SHAPES, VOCAB, small_model

sys.path.pop(0)

SHIFTED = "token shift, gated MLP"
SHAPES[SHIFTED] = {
    "positional_encoding": "relative",
    "token_shift": True,
    "activation": "swiglu",
    "norm": "rmsnorm",
}
LENGTH = 9
STRAIGHT = [name for name in SHAPES if "post_norms" not in SHAPES[name]]


def frozen(name: str) -> FrozenRun:
    model = small_model(name)
    generator = torch.Generator().manual_seed(3)
    windows = torch.randint(0, VOCAB, (8, 12), generator=generator)
    means = mean_values(model, windows.numpy())
    return freeze(model, ask(model, windows[0, :LENGTH].tolist(), means), means)


@pytest.mark.parametrize("name", STRAIGHT)
def test_what_reaches_the_logits_adds_up_to_the_model_s_own_difference(name):
    run = frozen(name)
    with torch.inference_mode():
        last = run.model(torch.tensor([run.asked.tokens]))[0, -1]
    difference = float(last[run.asked.answer] - last[run.asked.rival])
    into = edges_into(run, None)["input"]
    assert into[:, :-1].abs().max() == 0
    assert from_means(run) + float(into.sum()) == pytest.approx(difference, abs=1e-4)


@pytest.mark.parametrize("name", STRAIGHT)
def test_the_edges_that_leave_a_node_add_up_to_what_autograd_gives_it(name):
    run = frozen(name)
    leaving = edges_into(run, None)["input"]
    for part in range(len(parts_of(run.model))):
        for position in range(LENGTH):
            for shares in edges_into(run, Node(part, position)).values():
                leaving[: len(shares)] += shares
    assert run.effects.abs().max() > 0.1
    torch.testing.assert_close(leaving, run.effects, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("name", ["llama", "gpt2"])
def test_a_value_edge_is_the_gradient_of_a_layer_with_its_pattern_held(name):
    run = frozen(name)
    model, layer, head, position = run.model, 1, 1, 6
    site = next(s for s in sites_of(model) if Part("head", layer, head) in s.parts)
    block = model.blocks[layer]
    stream = f"blocks.{layer}.hook_resid_pre"
    text = torch.tensor([run.asked.tokens])
    # Only what reads the stream for the values sees a part that has been taken away.
    _, cache = model.run_with_cache(text, [stream])
    added = before(run, site)
    gone = torch.zeros(added.shape[:2], requires_grad=True)
    x = cache[stream][0] - (gone[..., None] * added).sum(0)
    if name == "gpt2":
        x = x - x.mean(-1, keepdim=True)
    x = x / run.scales[f"blocks.{layer}.ln1.hook_scale"][0] * block.ln1.weight
    start, width = sum(block.attn.widths[:2]), block.attn.widths[2]
    v = x @ block.attn.qkv.weight[start : start + width].T
    group = block.attn.num_heads // block.attn.kv_heads
    v = v.view(LENGTH, -1, block.attn.d_head)[:, head // group]
    z = run.layers[layer].read.pattern[head, position] @ v
    (lost,) = torch.autograd.grad(z @ run.worth[site.hook][position, head], gone)
    own = edges_into(run, Node(site.first + head, position))["value"]
    assert own.abs().max() > 1e-3
    torch.testing.assert_close(own, -lost, atol=1e-5, rtol=1e-4)


def test_edges_between_nodes_are_those_into_each_of_them():
    run = frozen("gpt2")
    kept = torch.zeros_like(run.effects, dtype=torch.bool)
    kept[0, 3] = kept[4, 6] = kept[4, 8] = kept[-1, 8] = True
    edges = edges_between(run, kept.numpy())
    assert [abs(edge.share) for edge in edges] == sorted(
        (abs(edge.share) for edge in edges), reverse=True
    )
    assert {edge.source for edge in edges} == {(0, 3), (4, 8), (16, 8)}
    for edge in edges:
        shares = edges_into(run, edge.target)[edge.through]
        assert edge.share == pytest.approx(float(shares[edge.source]))
        assert edge.target is None or kept[edge.target]


@pytest.mark.parametrize(
    "setting",
    [{"post_norms": True}, {"attention_softcap": 9.0}, {"logit_softcap": 9.0}],
)
def test_a_model_that_bends_what_parts_add_is_refused_by_name(setting):
    model = TransformerLM(vocab_size=VOCAB, d_model=8, num_heads=2, **setting).eval()
    with pytest.raises(
        DataError, match=f"this model has {next(iter(setting))}: choose"
    ):
        freeze(model, Asked([1, 2, 3], 4, 5), None)
