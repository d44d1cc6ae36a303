import pytest
import torch

from minigpt.errors import HookError
from minigpt.machine_memory import Memory
from minigpt.model import MLPLM, TransformerLM, create_model, recording_memory
from minigpt.model.recording_memory import recorded_bytes, widest_row

SIZES = {"vocab_size": 31, "d_model": 24, "num_layers": 2, "num_heads": 4}
VARIANTS = {
    "gpt2": {},
    "grouped-query": {"num_kv_heads": 2, "qk_norm": True, "norm": "rmsnorm"},
    "attention only": {"d_ff": 0, "positional_encoding": "relative"},
    "swiglu and rope": {
        "activation": "swiglu",
        "positional_encoding": "rope",
        "num_kv_heads": 1,
        "d_ff": 40,
    },
    "alibi, no affine": {"positional_encoding": "alibi", "norm_affine": False},
    "normed embedding": {"embedding_norm": True, "positional_encoding": "relative"},
    "shifted": {"token_shift": True, "value_embeddings": True, "num_kv_heads": 2},
}
FILTERS = {
    "everything": None,
    "a glob": "*.hook_pattern",
    "two names": ["*.hook_result", "hook_embed"],
    "a predicate": lambda name: name.endswith(("hook_scale", "hook_k")),
}


def transformer(**settings: object) -> TransformerLM:
    return TransformerLM(**SIZES, max_seq_len=16, **settings).eval()


def bytes_of(cache) -> int:
    return sum(value.numel() * value.element_size() for value in cache.values())


def predicted(model, names, tokens, **others: int) -> int:
    return recorded_bytes(names, model.config, tuple(tokens.shape), **others)


@pytest.mark.parametrize("names_filter", FILTERS.values(), ids=FILTERS)
@pytest.mark.parametrize("settings", VARIANTS.values(), ids=VARIANTS)
@pytest.mark.parametrize("shape", [(1, 1), (3, 11)])
def test_the_prediction_is_what_is_recorded_to_the_byte(settings, names_filter, shape):
    model = transformer(**settings)
    tokens = torch.zeros(shape, dtype=torch.long)
    _, cache = model.run_with_cache(tokens, names_filter)
    assert predicted(model, cache, tokens) == bytes_of(cache)


def test_every_single_hook_is_predicted():
    for settings in VARIANTS.values():
        model = transformer(**settings)
        tokens = torch.zeros((2, 7), dtype=torch.long)
        _, cache = model.run_with_cache(tokens, "*")
        for name, value in cache.items():
            expected = value.numel() * value.element_size()
            assert predicted(model, [name], tokens) == expected, (settings, name)
            row = value.numel() // tokens.numel()
            assert row <= widest_row(model.config, keys=7), (settings, name)


def test_the_window_model_is_predicted():
    model = MLPLM(vocab_size=31, d_model=6, d_ff=10, num_layers=3, context_size=4)
    tokens = torch.zeros((2, 9), dtype=torch.long)
    _, cache = model.run_with_cache(tokens)
    assert predicted(model, cache, tokens) == bytes_of(cache)
    widest = max(value.numel() for value in cache.values()) // tokens.numel()
    assert widest == widest_row(model.config, keys=9)


def test_what_a_cache_holds_makes_the_patterns_wider():
    model = transformer()
    tokens, kv_cache = torch.zeros((1, 5), dtype=torch.long), model.new_cache(1)
    with torch.inference_mode():
        model(tokens, kv_cache)
        _, recorded = model.run_with_cache(tokens[:, :3], cache=kv_cache)
    assert predicted(model, recorded, tokens[:, :3], seen_before=5) == bytes_of(
        recorded
    )


def test_half_precision_takes_half_the_memory():
    model = transformer().to(torch.bfloat16)
    tokens = torch.zeros((2, 5), dtype=torch.long)
    _, cache = model.run_with_cache(tokens)
    assert predicted(model, cache, tokens, bytes_per_number=2) == bytes_of(cache)


@pytest.fixture
def little_memory(monkeypatch):
    """Let the machine say that it has little left, and ask it even for small things."""

    def leave(free: int) -> None:
        there = Memory(total=10**9, free=free)
        monkeypatch.setattr(recording_memory, "memory_of", lambda device: there)
        monkeypatch.setattr(recording_memory, "FEW_TOKENS", 0)

    return leave


@pytest.mark.parametrize("model_type", ["transformer", "mlp"])
def test_a_recording_that_would_not_fit_is_refused_before_it_is_done(
    little_memory, model_type
):
    model = create_model(model_type, vocab_size=31, d_model=24, num_layers=2)
    tokens = torch.zeros((1, 100), dtype=torch.long)
    _, cache = model.run_with_cache(tokens)
    little_memory(bytes_of(cache))  # all of it, and nothing left for the pass itself
    passes = []
    model.register_forward_pre_hook(lambda *_: passes.append("forward"))
    with pytest.raises(HookError, match="names_filter") as caught:
        model.run_with_cache(tokens)
    assert not passes
    assert f"{bytes_of(cache) / 1e9:.1f} GB" in str(caught.value)
    assert f"{len(cache)} activations of 1 × 100 tokens" in str(caught.value)


def test_less_of_it_or_a_shorter_prompt_fits(little_memory):
    model = transformer()
    tokens = torch.zeros((4, 16), dtype=torch.long)
    _, cache = model.run_with_cache(tokens)
    little_memory(bytes_of(cache) // 2)
    with pytest.raises(HookError):
        model.run_with_cache(tokens)
    model.run_with_cache(tokens, "*.hook_resid_post")
    model.run_with_cache(tokens[:1])


def test_gradients_count_as_much_again(little_memory):
    model = transformer()
    tokens = torch.zeros((4, 16), dtype=torch.long)
    _, cache = model.run_with_cache(tokens)
    little_memory(int(1.5 * bytes_of(cache)))
    model.run_with_cache(tokens)
    with pytest.raises(HookError, match="gradients"):
        model.run_with_cache(tokens, incl_bwd=True, loss=lambda logits: logits.sum())


def test_what_no_machine_holds_is_refused():
    model = TransformerLM(
        vocab_size=7,
        d_model=8,
        num_layers=2,
        num_heads=8,
        max_seq_len=1_000_000,
        positional_encoding="none",
    )
    tokens = torch.zeros((1, 1_000_000), dtype=torch.long)
    with pytest.raises(HookError, match=r"needs 128,\d+\.\d GB"):
        model.run_with_cache(tokens)
