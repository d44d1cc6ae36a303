"""Each part of the model against the same mathematics in torch's own functions."""

import math

import pytest
import torch
from torch.nn import functional as F

from minigpt.config import ModelConfig
from minigpt.model import (
    CausalAttention,
    GatedFeedForward,
    LayerNorm,
    MultiHeadAttention,
    RMSNorm,
    SelfAttention,
)
from minigpt.model.positions import (
    AlibiBias,
    RelativeBias,
    RotaryPositions,
    SinusoidalPositions,
    causal_mask,
    rope_speeds,
)


def watched(module, hook_name, x):
    """Run a module's explicit path by putting a hook on one of its points."""
    from minigpt.hooks import Hooked

    class Wrapper(Hooked):
        def __init__(self):
            super().__init__()
            self.inner = module
            self.name_hook_points()

        def forward(self, value):
            return self.inner(value)

    return Wrapper().run_with_cache(x, f"inner.{hook_name}")


def test_layer_norm_is_torchs():
    norm = LayerNorm(16, 1e-5, affine=True, bias=True)
    torch.nn.init.normal_(norm.weight)
    torch.nn.init.normal_(norm.bias)
    x = torch.randn(2, 5, 16)
    expected = F.layer_norm(x, (16,), norm.weight, norm.bias, 1e-5)
    explicit, cache = watched(norm, "hook_scale", x)
    assert torch.allclose(norm(x), expected)
    assert torch.allclose(explicit, expected, atol=1e-6)
    deviation = x.var(dim=-1, correction=0, keepdim=True).add(1e-5).sqrt()
    assert torch.allclose(cache["inner.hook_scale"], deviation, atol=1e-6)


def test_rms_norm_is_torchs():
    norm = RMSNorm(16, 1e-5, affine=True)
    torch.nn.init.normal_(norm.weight)
    x = torch.randn(2, 5, 16)
    expected = F.rms_norm(x, (16,), norm.weight, 1e-5)
    explicit, _ = watched(norm, "hook_normalized", x)
    assert torch.allclose(norm(x), expected)
    assert torch.allclose(explicit, expected, atol=1e-6)


def test_the_staircase_is_torchs_attention_with_and_without_a_mask():
    x = torch.randn(2, 7, 12)
    for kind, causal in ((SelfAttention, False), (CausalAttention, True)):
        layer = kind(d_in=12, d_out=6)
        expected = F.scaled_dot_product_attention(
            layer.query(x), layer.key(x), layer.value(x), is_causal=causal
        )
        assert torch.allclose(layer(x), expected, atol=1e-6)


def test_multi_head_attention_is_one_causal_attention_per_head():
    config = ModelConfig(d_model=12, num_heads=3, bias=False)
    layer = MultiHeadAttention(config)
    x = torch.randn(2, 7, 12)
    q, k, v = layer.qkv.weight.chunk(3)
    heads = []
    for head in range(3):
        single = CausalAttention(d_in=12, d_out=4)
        rows = slice(4 * head, 4 * head + 4)
        single.query.weight.data = q[rows]
        single.key.weight.data = k[rows]
        single.value.weight.data = v[rows]
        heads.append(single(x))
    expected = layer.output(torch.cat(heads, dim=-1))
    assert torch.allclose(layer(x), expected, atol=1e-6)


def test_swiglu_gates():
    config = ModelConfig(d_model=8, num_heads=1, activation="swiglu")
    layer = GatedFeedForward(config)
    x = torch.randn(1, 3, 8)
    expected = layer.output(F.silu(layer.input(x)) * layer.gate(x))
    assert torch.allclose(layer(x), expected)


def test_the_causal_mask_of_a_chunk_is_the_end_of_the_whole_mask():
    whole = causal_mask(6, 6, torch.device("cpu"))
    assert torch.equal(whole, torch.ones(6, 6).tril().bool())
    assert torch.equal(causal_mask(2, 6, torch.device("cpu")), whole[4:])


def test_sinusoidal_positions_follow_the_formula():
    table = SinusoidalPositions(50, 8)(start=10, length=5)
    for row, position in enumerate(range(10, 15)):
        for i in range(4):
            angle = position / 10_000 ** (2 * i / 8)
            assert table[row, 2 * i].item() == pytest.approx(math.sin(angle), abs=1e-5)
            assert table[row, 2 * i + 1].item() == pytest.approx(
                math.cos(angle), abs=1e-5
            )


def rotary_of(length: int) -> RotaryPositions:
    """RoPE of heads 16 wide, as a model builds it."""
    config = ModelConfig(
        d_model=48, num_heads=3, max_seq_len=length, positional_encoding="rope"
    )
    return RotaryPositions(length, rope_speeds(config))


def test_rope_makes_products_depend_on_distance_alone():
    rotary = rotary_of(100)
    q, k = torch.randn(2, 1, 1, 1, 16)

    def score(q_start: int, k_start: int) -> float:
        return float((rotary(q, q_start) * rotary(k, k_start)).sum())

    assert score(7, 3) == pytest.approx(score(57, 53), abs=1e-4)
    assert score(7, 3) != pytest.approx(score(7, 5), abs=1e-3)


def test_rope_equals_llamas():
    from transformers import LlamaConfig
    from transformers.models.llama.modeling_llama import (
        LlamaRotaryEmbedding,
        apply_rotary_pos_emb,
    )

    q = torch.randn(2, 9, 3, 16)
    theirs = LlamaRotaryEmbedding(
        LlamaConfig(hidden_size=48, num_attention_heads=3, head_dim=16)
    )
    cos, sin = theirs(q, torch.arange(9)[None])
    expected, _ = apply_rotary_pos_emb(q.transpose(1, 2), q.transpose(1, 2), cos, sin)
    ours = rotary_of(9)(q, 0)
    assert torch.allclose(ours.transpose(1, 2), expected, atol=1e-5)


def test_alibis_penalty_grows_with_distance_at_each_heads_slope():
    bias = AlibiBias(8)(4, 4, torch.device("cpu"))
    assert bias[0, 3].tolist() == pytest.approx([-1.5, -1.0, -0.5, 0.0])
    assert bias[7, 3, 0].item() == pytest.approx(-3 / 256)
    assert bias[0, 0, 1].item() == -math.inf


def test_each_head_may_have_a_gain_of_its_own():
    bias = RelativeBias(2, 4, gain=(10.0, 1.0))
    torch.nn.init.normal_(bias.bias_table)
    plain = RelativeBias(2, 4, gain=1.0)
    plain.load_state_dict(bias.state_dict())
    ours, ones = (each(5, 5, torch.device("cpu")) for each in (bias, plain))
    past = ones.isfinite()
    assert torch.equal(ours.isfinite(), past)
    assert torch.allclose(ours[0][past[0]], 10 * ones[0][past[0]])
    assert torch.equal(ours[1][past[1]], ones[1][past[1]])


def test_far_distances_share_the_last_relative_bias():
    relative = RelativeBias(1, 3, gain=2.0)
    relative.bias_table.data = torch.tensor([[1.0, 2.0, 3.0]])
    row = relative(5, 5, torch.device("cpu"))[0, 4]
    assert row.tolist() == [6.0, 6.0, 6.0, 4.0, 2.0]
