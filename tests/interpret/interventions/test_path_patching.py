"""Path patching against freezing everything else by hand, hook by hook."""

import random

import numpy as np
import pytest
import torch

from minigpt import load
from minigpt.errors import DataError
from minigpt.interpret.interventions.parts import Head
from minigpt.interpret.interventions.patching import Prompts
from minigpt.interpret.interventions.path_patching import (
    logit_paths,
    patch_paths,
    path_map,
    receivers,
)
from minigpt.interpret.interventions.paths import Path, read_path
from minigpt.model import create_model

RUN, OTHER = [3, 1, 4, 1, 5], [3, 1, 9, 2, 5]
PROMPTS = Prompts(RUN, OTHER, answer=7, rival=2)
SETTINGS = [
    {"bias": True, "positional_encoding": "alibi"},
    {"d_ff": 0, "positional_encoding": "relative", "norm": "rmsnorm"},
    {"parallel_mlp": True, "positional_encoding": "rope", "qk_norm": True}
    | {"num_kv_heads": 2},
    {"value_embeddings": True, "embedding_norm": True, "token_shift": True}
    | {"activation": "swiglu", "positional_encoding": "rope"},
]


def transformer(**settings):
    torch.manual_seed(1)
    small = {"vocab_size": 12, "d_model": 16, "num_layers": 3, "num_heads": 4}
    made = create_model("transformer", **(small | settings))
    with torch.no_grad():  # no two paths alike, and none too weak to see
        for weight in made.parameters():
            weight.add_(torch.randn_like(weight) * 0.2)
    return made.eval().requires_grad_(False)


def difference(logits):
    return float(logits[0, -1, PROMPTS.answer] - logits[0, -1, PROMPTS.rival])


def frozen(model, paths):
    """Run with every head and MLP frozen but the senders; return all that was held."""
    run, other = torch.tensor([RUN]), torch.tensor([OTHER])
    here, there = (model.run_with_cache(text)[1] for text in (run, other))
    held = {}

    def freeze(value, hook):
        value = here[hook.name].clone()
        if hook.name.endswith("hook_z"):
            for path in paths:
                if hook.name.startswith(f"blocks.{path.sender.layer}."):
                    head = path.sender.head
                    value[:, :, head] = there[hook.name][:, :, head]
        return value

    def keep(value, hook):
        held[hook.name] = value.clone()

    kept = ("hook_q", "hook_k", "hook_v")
    ends = ("hook_z", "hook_mlp_out")
    hooks = [(name, freeze) for name in model.hook_points if name.endswith(ends)]
    hooks += [(name, keep) for name in model.hook_points if name.endswith(kept)]
    return model.run_with_hooks(run, hooks), held


def by_hand(model, paths):
    """Patch paths to one receiver, in two runs: frozen, then with what it received."""
    logits, held = frozen(model, paths)
    if paths[0].receiver is not None:
        receiver, through = paths[0].receiver, paths[0].through
        name = f"blocks.{receiver.layer}.attn.hook_{through}"

        def receive(value, hook):
            value = value.clone()
            value[:, :, receiver.head] = held[name][:, :, receiver.head]
            return value

        logits = model.run_with_hooks(torch.tensor([RUN]), [(name, receive)])
    start, end = (difference(model(torch.tensor([text]))) for text in (RUN, OTHER))
    return (difference(logits) - start) / (end - start)


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_every_path_is_what_freezing_all_else_gives(settings):
    model = transformer(**settings)
    sizes, dice = [], random.Random(str(settings))
    for through in "qkv":
        layer = 2 if through == "k" else 1
        found = path_map(model, PROMPTS, through, layer)
        assert found.shape == (layer, 4, receivers(model, through))
        for at, head, to in dice.sample(list(np.ndindex(found.shape)), 2):
            path = Path(Head(at, head), Head(layer, to), through)
            assert found[at, head, to] == pytest.approx(
                by_hand(model, [path]), abs=1e-4
            )
        sizes.append(np.abs(found).max())
    direct = logit_paths(model, PROMPTS)
    for at, head in dice.sample(list(np.ndindex(direct.shape)), 2):
        expected = by_hand(model, [Path(Head(at, head))])
        assert direct[at, head] == pytest.approx(expected, abs=1e-4)
    assert min(*sizes, np.abs(direct).max()) > 1e-3, "nothing to tell apart"


def test_paths_to_one_receiver_add_up_before_it_reads():
    model = transformer()
    receiver = Head(2, 1)
    paths = [Path(Head(0, 0), receiver, "k"), Path(Head(1, 3), receiver, "k")]
    found = patch_paths(model, PROMPTS, paths)
    assert found.moved == pytest.approx(by_hand(model, paths), abs=1e-4)
    alone = [patch_paths(model, PROMPTS, [path]).moved for path in paths]
    maps = path_map(model, PROMPTS, "k", 2)
    assert alone == pytest.approx([maps[0, 0, 1], maps[1, 3, 1]], abs=1e-5)
    assert found.effect.after.sum() == pytest.approx(1, abs=1e-4)


def test_no_path_changes_nothing_and_nothing_can_lead_back():
    assert patch_paths(transformer(), PROMPTS, []).moved == pytest.approx(0, abs=1e-4)
    with pytest.raises(DataError, match="later layer"):
        Path(Head(1, 0), Head(1, 1), "q")
    grouped = transformer(num_kv_heads=2)
    with pytest.raises(DataError, match="share 2"):
        patch_paths(grouped, PROMPTS, [read_path("L0H0>L1H3.k")])
    with pytest.raises(DataError, match="no head 7"):
        patch_paths(transformer(), PROMPTS, [read_path("L0H7>logits")])


@pytest.mark.parametrize("text", ["L0H0>L1H1.k", "L2H3>logits"])
def test_a_path_can_be_written_down_and_read_back(text):
    assert str(read_path(text)) == text
    assert read_path(text.lower()) == read_path(text)


@pytest.mark.parametrize("text", ["L0H0", "L0H0>L1H0", "L0H0>L1H0.x", "L1H0>L0H0.q"])
def test_what_is_no_path_is_refused(text):
    with pytest.raises(DataError):
        read_path(text)


def test_induction_finds_the_token_by_what_layer_0_wrote_into_its_keys():
    model, tokenizer, _ = load("data/models/induction")
    # The same words at the same places but for the two verbs: only what stood before
    # Tom and before Sam tells the prompts apart.
    clean, corrupted = (
        tokenizer.encode(
            f"Mia {one} Tom . the sun was up . then Ana {other} Sam . Mia met"
        )
        for one, other in (("met", "fed"), ("fed", "met"))
    )
    answer, rival = (tokenizer.encode(name)[0] for name in ("Tom", "Sam"))
    prompts = Prompts(corrupted, clean, answer, rival)
    maps = {through: path_map(model, prompts, through, 1)[0] for through in "qkv"}
    both = maps["k"][0]  # from L0H0 to L1H0 and to L1H1
    assert both.min() > 0.4
    others = [maps["q"], maps["v"], maps["k"][1]]
    assert max(np.abs(each).max() for each in others) < 0.05
    paths = [read_path(f"L0H0>L1H{head}.k") for head in (0, 1)]
    assert patch_paths(model, prompts, paths).moved > 0.9
