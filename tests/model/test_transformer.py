import math

import pytest
import torch
from model.gpt2_oracle import copy_gpt2, random_gpt2

from minigpt.errors import ConfigError, DataError
from minigpt.model import TransformerLM, create_model
from minigpt.model.sizes import num_parameters

POSITIONS = ["learned", "sinusoidal", "rope", "alibi", "relative", "none"]
VARIANTS = [
    *({"positional_encoding": name} for name in POSITIONS),
    {"norm": "rmsnorm", "activation": "swiglu", "positional_encoding": "rope"},
    {"num_kv_heads": 2, "positional_encoding": "rope"},
    {"num_kv_heads": 1, "positional_encoding": "relative"},
    {"token_shift": True, "positional_encoding": "alibi", "bias": False},
    {"value_embeddings": True, "num_kv_heads": 2},
    {"token_shift": True, "value_embeddings": True, "tie_embeddings": False},
    {"qk_norm": True, "activation": "relu2", "bias": False, "norm_affine": False},
    {"tie_embeddings": False, "activation": "relu"},
    {"embedding_norm": True, "norm": "rmsnorm", "tie_embeddings": False},
    {"embedding_norm": True, "token_shift": True, "dropout": 0.1},
    {"d_ff": 0, "positional_encoding": "relative"},
    {"parallel_mlp": True, "activation": "gelu_exact", "qkv_bias": False},
    {"positional_encoding": "rope", "rope_dim": 6, "head_dim": 10, "num_kv_heads": 2},
    {"attention_window": 5, "positional_encoding": "rope"},
    {"head_bias": True, "tie_embeddings": False, "positional_encoding": "sinusoidal"},
    {"positional_encoding": "rope", "rope_factor": 4.0, "rope_trained_length": 20}
    | {"rope_ramp": "pairs", "rope_base": 50.0, "rope_fast_turns": 3.0, "head_dim": 12},
    {
        "attention_softcap": 2.0,
        "logit_softcap": 20.0,
        "positional_encoding": "relative",
    },
    {
        "post_norms": True,
        "activation": "geglu",
        "embedding_scale": 5.6,
        "norm": "rmsnorm",
    },
    {"rope_local_base": 30.0, "attention_window": [6, 0], "positional_encoding": "rope"}
    | {"rope_factor": 3.0, "post_norms": True, "attention_softcap": 1.5},
    {"attention_window": [0, 4], "positional_encoding": "alibi", "num_kv_heads": 2},
]


def small_model(**changes) -> TransformerLM:
    torch.manual_seed(0)
    settings = {
        "vocab_size": 53,
        "d_model": 32,
        "num_layers": 2,
        "num_heads": 4,
        "max_seq_len": 24,
    }
    model = TransformerLM(**{**settings, **changes}).eval()
    with torch.no_grad():  # zero-initialised parts must matter too
        for parameter in model.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
    return model


def some_tokens(batch: int = 3, length: int = 24) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randint(0, 53, (batch, length), generator=generator)


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("sizes", [{}, {"n_embd": 48, "n_layer": 2, "n_head": 2}])
def test_with_gpt2s_weights_the_logits_are_gpt2s(seed, sizes):
    reference = random_gpt2(seed, **sizes)
    tokens = torch.randint(0, 61, (4, 48))
    with torch.no_grad():
        expected = reference(tokens).logits
        ours = copy_gpt2(reference)(tokens)
    assert torch.allclose(ours, expected, atol=1e-4)


@pytest.mark.parametrize("changes", VARIANTS, ids=str)
def test_changing_a_token_never_changes_earlier_logits(changes):
    model, tokens = small_model(**changes), some_tokens()
    changed = tokens.clone()
    changed[:, 10] = (changed[:, 10] + 1) % 53
    before, after = model(tokens), model(changed)
    assert torch.equal(before[:, :10], after[:, :10])
    assert not torch.allclose(before[:, 10:], after[:, 10:])


@pytest.mark.parametrize("changes", VARIANTS, ids=str)
@pytest.mark.parametrize("chunks", [[1] * 24, [23, 1], [5, 1, 1, 10, 7], [24]])
def test_cached_logits_equal_uncached_for_every_chunking(changes, chunks):
    model, tokens = small_model(**changes), some_tokens()
    cache = model.new_cache(3)
    parts = [model(part, cache) for part in tokens.split(chunks, dim=1)]
    assert torch.allclose(torch.cat(parts, dim=1), model(tokens), atol=1e-4)


@pytest.mark.parametrize("changes", VARIANTS, ids=str)
def test_the_explicit_attention_equals_the_fused_one(changes):
    model, tokens = small_model(**changes), some_tokens()
    explicit, _ = model.run_with_cache(tokens, "*hook_pattern")
    assert torch.allclose(explicit, model(tokens), atol=1e-4)


@pytest.mark.parametrize("changes", VARIANTS, ids=str)
def test_a_config_counts_its_models_parameters(changes):
    model = small_model(**changes)
    assert num_parameters(model.config) == sum(p.numel() for p in model.parameters())


def test_a_reordered_cache_continues_the_chosen_rows():
    model, tokens = small_model(), some_tokens()
    cache = model.new_cache(3)
    model(tokens[:, :9], cache)
    rows = torch.tensor([2, 0, 0, 1])
    cache.reorder(rows)
    continued = model(tokens[rows, 9:12], cache)
    assert torch.allclose(continued, model(tokens[rows, :12])[:, 9:], atol=1e-4)


def test_what_all_rows_of_a_cache_begin_with_need_not_be_copied():
    model, tokens = small_model(), some_tokens()
    tokens[:, :5] = tokens[0, :5]
    whole, rest = model.new_cache(3), model.new_cache(3)
    for cache in (whole, rest):
        model(tokens[:, :9], cache)
    mark = rest.buffers[0][1, ..., 4, :].fill_(7.0)
    rows = torch.tensor([2, 0, 2])
    whole.reorder(rows)
    rest.reorder(rows, start=5)
    assert torch.all(mark == 7.0)
    for one, other in zip(whole.buffers, rest.buffers, strict=True):
        assert torch.equal(one[..., 5:9, :], other[..., 5:9, :])


def test_a_truncated_cache_forgets():
    model, tokens = small_model(), some_tokens()
    cache = model.new_cache(3)
    model(tokens[:, :15], cache)
    cache.truncate(4)
    again = model(tokens[:, 4:], cache)
    assert torch.allclose(again, model(tokens)[:, 4:], atol=1e-4)


@pytest.mark.parametrize("tied", [True, False])
def test_an_untrained_model_predicts_nearly_uniformly(tied):
    torch.manual_seed(0)
    model = TransformerLM(vocab_size=200, tie_embeddings=tied).eval()
    tokens = torch.randint(0, 200, (8, 64))
    loss = torch.nn.functional.cross_entropy(
        model(tokens)[:, :-1].flatten(0, 1), tokens[:, 1:].flatten()
    )
    assert loss.item() == pytest.approx(math.log(200), abs=0.2)


def test_without_positions_one_layer_cannot_tell_who_bites_whom():
    model = small_model(positional_encoding="none", num_layers=1)
    dog, bites, man = 3, 4, 5
    logits = model(torch.tensor([[dog, bites, man], [bites, dog, man]]))
    assert torch.allclose(logits[0, -1], logits[1, -1], atol=1e-5)


def test_in_evaluation_nothing_is_dropped_whether_or_not_somebody_watches():
    tokens = some_tokens()
    plain, dropping = small_model(), small_model(dropout=0.5)
    with torch.inference_mode():
        expected = plain(tokens)
        watched, _ = dropping.run_with_cache(tokens)
        assert torch.allclose(watched, expected, atol=1e-5)
        assert torch.allclose(dropping(tokens), expected, atol=1e-5)


def test_dropout_acts_only_in_training():
    model, tokens = small_model(dropout=0.5), some_tokens()
    assert torch.equal(model(tokens), model(tokens))
    model.train()
    assert not torch.equal(model(tokens), model(tokens))


def test_gradient_checkpointing_changes_no_gradient():
    gradients = []
    for checkpointing in (False, True):
        model = small_model().train()
        model.gradient_checkpointing = checkpointing
        model(some_tokens()).logsumexp(dim=-1).sum().backward()
        gradients.append([p.grad for p in model.parameters()])
    for plain, recomputed in zip(*gradients, strict=True):
        assert torch.allclose(plain, recomputed, atol=1e-5)


def test_too_long_a_text_is_refused_with_both_numbers():
    with pytest.raises(DataError, match=r"25 tokens .* max_seq_len = 24"):
        small_model()(some_tokens(length=25))


def test_an_id_beyond_the_vocabulary_is_refused():
    with pytest.raises(DataError, match="ids 0 to 52"):
        small_model()(torch.tensor([[1, 53]]))


def test_a_full_cache_is_refused():
    model = small_model()
    cache = model.new_cache(3, max_len=6)
    model(some_tokens(length=6), cache)
    with pytest.raises(DataError, match="6 of 6 tokens"):
        model(some_tokens(length=1), cache)


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"num_heads": 3}, "does not divide d_model"),
        ({"d_modle": 64}, "Did you mean 'd_model'"),
        ({"dropout": 1.5}, "less than 1"),
        ({"num_kv_heads": 3}, "num_kv_heads"),
        ({"d_model": 12, "positional_encoding": "rope"}, "odd"),
        ({"d_model": 32_768, "num_layers": 256, "num_heads": 1}, "GB"),
        ({"positional_encoding": "sinusiodal"}, "sinusoidal"),
    ],
)
def test_a_wrong_setting_is_named(settings, complaint):
    with pytest.raises(ConfigError, match=complaint):
        TransformerLM(**settings)


def test_models_are_built_by_the_name_of_their_kind():
    tokens = torch.randint(0, 100, (1, 32))
    for kind in ("transformer", "mlp"):
        assert create_model(kind, vocab_size=100)(tokens).shape == (1, 32, 100)
    with pytest.raises(ConfigError, match="transformer or mlp"):
        create_model("rnn", vocab_size=100)
