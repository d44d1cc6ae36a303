import copy
import threading

import pytest
import torch

from minigpt.errors import HookError
from minigpt.model import TransformerLM

SIZES = {"vocab_size": 53, "d_model": 32, "num_layers": 2, "num_heads": 4}


@pytest.fixture(scope="module")
def model() -> TransformerLM:
    torch.manual_seed(0)
    model = TransformerLM(**SIZES, max_seq_len=24).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
    return model.requires_grad_(requires_grad=False)


@pytest.fixture(scope="module")
def tokens() -> torch.Tensor:
    return torch.randint(0, 53, (2, 16), generator=torch.Generator().manual_seed(0))


def test_every_documented_name_is_recorded_with_its_shape(model, tokens):
    _, cache = model.run_with_cache(tokens)
    batch, pos, d_model, head, d_head, d_ff = 2, 16, 32, 4, 8, 128
    block = {
        "hook_resid_pre": (batch, pos, d_model),
        "ln1.hook_scale": (batch, pos, 1),
        "ln1.hook_normalized": (batch, pos, d_model),
        "attn.hook_q": (batch, pos, head, d_head),
        "attn.hook_k": (batch, pos, head, d_head),
        "attn.hook_v": (batch, pos, head, d_head),
        "attn.hook_attn_scores": (batch, head, pos, pos),
        "attn.hook_pattern": (batch, head, pos, pos),
        "attn.hook_z": (batch, pos, head, d_head),
        "hook_attn_out": (batch, pos, d_model),
        "hook_resid_mid": (batch, pos, d_model),
        "ln2.hook_scale": (batch, pos, 1),
        "ln2.hook_normalized": (batch, pos, d_model),
        "mlp.hook_pre": (batch, pos, d_ff),
        "mlp.hook_post": (batch, pos, d_ff),
        "hook_mlp_out": (batch, pos, d_model),
        "hook_resid_post": (batch, pos, d_model),
    }
    expected = {
        "hook_embed": (batch, pos, d_model),
        "hook_pos_embed": (batch, pos, d_model),
        **{f"blocks.{i}.{name}": block[name] for i in range(2) for name in block},
        "ln_final.hook_scale": (batch, pos, 1),
        "ln_final.hook_normalized": (batch, pos, d_model),
    }
    assert {name: tuple(value.shape) for name, value in cache.items()} == expected


def test_each_trick_of_the_speedrun_has_its_hook():
    model = TransformerLM(
        **SIZES, num_kv_heads=2, token_shift=True, value_embeddings=True
    )
    _, cache = model.run_with_cache(torch.zeros(2, 16, dtype=torch.long))
    assert cache["hook_token_shift"].shape == (2, 16, 32)
    for layer in range(2):
        assert cache[f"blocks.{layer}.attn.hook_value_embed"].shape == (2, 16, 2, 8)


def test_recording_changes_nothing(model, tokens):
    logits, _ = model.run_with_cache(tokens)
    assert torch.allclose(logits, model(tokens), atol=1e-5)


def test_the_final_residual_is_the_sum_of_what_was_added(model, tokens):
    _, cache = model.run_with_cache(tokens)
    total = cache["embed"] + cache["pos_embed"]
    for layer in range(2):
        total = total + cache["attn_out", layer] + cache["mlp_out", layer]
    assert torch.allclose(total, cache["resid_post", 1], atol=1e-5)


def test_the_heads_results_add_up_to_the_attentions_output(model, tokens):
    name = "blocks.1.attn.hook_result"
    _, cache = model.run_with_cache(tokens, [name, "blocks.1.hook_attn_out"])
    assert cache[name].shape == (2, 16, 4, 32)
    total = cache[name].sum(dim=2) + model.blocks[1].attn.output.bias
    assert torch.allclose(total, cache["attn_out", 1], atol=1e-5)


def test_the_patterns_rows_are_distributions_over_the_past(model, tokens):
    _, cache = model.run_with_cache(tokens)
    pattern = cache["pattern", 0]
    assert torch.allclose(pattern.sum(dim=-1), torch.ones(2, 4, 16))
    assert pattern.triu(diagonal=1).count_nonzero() == 0
    assert torch.allclose(pattern, cache["attn_scores", 0].softmax(dim=-1))


def test_an_edit_replaces_the_activation_and_changes_what_follows(model, tokens):
    def silence(z, hook):
        z = z.clone()
        z[:, :, 2] = 0
        return z

    seen = {}

    def look(value, hook):
        seen[hook.name] = value

    cut = model.run_with_hooks(
        tokens,
        [("blocks.0.attn.hook_z", silence), ("blocks.0.attn.hook_z", look)],
    )
    assert seen["blocks.0.attn.hook_z"][:, :, 2].count_nonzero() == 0
    assert not torch.allclose(cut, model(tokens))


def test_cutting_a_head_equals_zeroing_its_output_weights(model, tokens):
    def silence(z, hook):
        z = z.clone()
        z[:, :, 1] = 0
        return z

    cut = model.run_with_hooks(tokens, [("blocks.1.attn.hook_z", silence)])
    other = TransformerLM(**model.config.to_dict()).eval()
    other.load_state_dict(model.state_dict())
    with torch.no_grad():
        other.blocks[1].attn.output.weight[:, 8:16] = 0
    assert torch.allclose(cut, other(tokens), atol=1e-5)


def test_hooks_nest_and_end_with_their_block(model, tokens):
    order = []
    plain = model(tokens)
    outer = ("blocks.0.hook_resid_pre", lambda value, hook: order.append("outer"))
    inner = ("blocks.0.hook_resid_pre", lambda value, hook: order.append("inner"))
    with model.hooks([outer]):
        model.run_with_hooks(tokens, [inner])
        assert order == ["outer", "inner"]
        model(tokens)
    model(tokens)
    assert order == ["outer", "inner", "outer"]
    assert torch.equal(model(tokens), plain)


@pytest.mark.parametrize("run", ["run_with_hooks", "run_with_cache", "hooks"])
def test_outer_hooks_of_other_points_run_within_an_inner_run_and_after_it(
    model, tokens, run
):
    runs = []
    outer = ("blocks.1.hook_resid_post", lambda value, hook: runs.append("outer"))
    inner = ("blocks.0.hook_resid_pre", lambda value, hook: runs.append("inner"))
    with model.hooks([outer]):
        if run == "hooks":
            with model.hooks([inner]):
                model(tokens)
        elif run == "run_with_hooks":
            model.run_with_hooks(tokens, [inner])
        else:
            model.run_with_cache(tokens, "blocks.0.hook_resid_pre")
        assert runs.count("outer") == 1
        model(tokens)
    assert runs.count("outer") == 2
    assert runs.count("inner") == (run != "run_with_cache")


def test_an_exception_inside_leaves_no_hook_behind(model, tokens):
    plain = model(tokens)

    def fail(value, hook):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        model.run_with_hooks(tokens, [("hook_embed", fail)])
    assert torch.equal(model(tokens), plain)


def test_two_models_in_one_context_do_not_share_hooks(model, tokens):
    other = TransformerLM(**model.config.to_dict()).eval()
    other.load_state_dict(model.state_dict())
    zero = ("blocks.0.hook_attn_out", lambda value, hook: torch.zeros_like(value))
    with model.hooks([zero]):
        assert not torch.allclose(model(tokens), other(tokens))


def test_two_threads_that_record_and_intervene_never_see_each_other(model):
    """Each thread adds its own number everywhere and checks every value it records."""
    rounds, wrong = 40, []
    start = threading.Barrier(4)

    def work(thread: int) -> None:
        generator = torch.Generator().manual_seed(thread)
        tokens = torch.randint(0, 53, (1, 8 + thread), generator=generator)
        shift = ("*.hook_resid_pre", lambda value, hook: value + thread)
        with model.hooks([shift]):
            expected, reference = model.run_with_cache(tokens)
        start.wait()
        for _ in range(rounds):
            with model.hooks([shift]):
                logits, cache = model.run_with_cache(tokens)
            same = torch.equal(logits, expected) and all(
                torch.equal(cache[name], reference[name]) for name in reference
            )
            if not same or len(cache) != len(reference):
                wrong.append(thread)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_gradients_at_hooks_are_autograds(model, tokens):
    def loss(logits):
        return logits[:, -1, 7].sum()

    _, cache = model.run_with_cache(tokens, incl_bwd=True, loss=loss)
    direction = torch.randn_like(cache["embed"])
    epsilon = 1e-3

    def nudged(sign: int) -> torch.Tensor:
        edit = ("hook_embed", lambda value, hook: value + sign * epsilon * direction)
        return loss(model.run_with_hooks(tokens, [edit]))

    slope = (nudged(1) - nudged(-1)) / (2 * epsilon)
    along = (cache["hook_embed_grad"] * direction).sum()
    assert slope.item() == pytest.approx(along.item(), rel=2e-2, abs=2e-2)
    assert set(cache) == {n for m in cache for n in (m, m.removesuffix("_grad"))}
    assert all(parameter.grad is None for parameter in model.parameters())


def test_gradients_work_in_inference_mode_too(model, tokens):
    with torch.inference_mode():
        _, cache = model.run_with_cache(
            tokens, "*hook_pattern", incl_bwd=True, loss=lambda logits: logits.sum()
        )
    assert cache["blocks.1.attn.hook_pattern_grad"].abs().sum() > 0


@pytest.mark.parametrize(
    ("names", "complaint"),
    [
        ("blocks.0.attn.hook_patern", "Did you mean 'blocks.0.attn.hook_pattern'"),
        ("blocks.9.hook_mlp_out", "no hook"),
        (["hook_embed", "nonsense"], "'nonsense'"),
        (lambda name: False, "predicate"),
    ],
)
def test_a_name_that_matches_nothing_is_an_error(model, tokens, names, complaint):
    with pytest.raises(HookError, match=complaint):
        model.run_with_cache(tokens, names)


def test_a_point_that_is_never_reached_is_an_error(model):
    with (
        pytest.raises(HookError, match="Never reached: hook_embed"),
        model.hooks([("hook_embed", lambda value, hook: None)]),
    ):
        model.config.to_dict()


def test_an_edit_of_another_shape_is_an_error(model, tokens):
    with pytest.raises(HookError, match=r"hook_embed .*\(2, 16, 32\)"):
        model.run_with_hooks(tokens, [("hook_embed", lambda value, hook: value[:1])])


def test_an_ambiguous_short_name_says_what_it_may_mean(model, tokens):
    _, cache = model.run_with_cache(tokens)
    with pytest.raises(HookError, match=r"ln1.hook_scale, blocks.0.ln2.hook_scale"):
        cache["scale", 0]
    assert cache["scale", 0, "ln2"].shape == (2, 16, 1)
    with pytest.raises(HookError, match="was not recorded"):
        cache["blocks.0.nothing"]


def test_a_copy_of_a_model_has_hook_points_of_its_own(model, tokens):
    twin = copy.deepcopy(model)
    points = twin.hook_points.values()
    assert not {id(point) for point in points} & set(
        map(id, model.hook_points.values())
    )
    _, cache = twin.run_with_cache(tokens)
    assert list(cache) == list(model.run_with_cache(tokens)[1])


def test_a_cache_says_what_it_does_not_hold(model, tokens):
    _, cache = model.run_with_cache(tokens, names_filter="*pattern")
    assert "blocks.0.attn.hook_pattern" in cache
    assert "blocks.0.attn.hook_z" not in cache


def test_an_idle_point_is_found_without_a_search_among_submodules(model):
    attention = model.blocks[0].attn
    assert vars(attention)["hook_q"] is attention.get_submodule("hook_q")
    twin = copy.deepcopy(attention)
    assert vars(twin)["hook_q"] is twin.get_submodule("hook_q") is not attention.hook_q
