"""How much arithmetic a model needs, from its shape; how much this machine can do.

Their ratio, the achieved share of the peak, says how well a training uses the machine.
What is counted is what the mathematics asks for, so that a slower way to the same
numbers cannot look busier.
"""

from time import perf_counter

import torch

from minigpt.config import MLPConfig, ModelConfig

PEAK_SECONDS = 0.25
_LARGE = {"cpu": 384, "cuda": 8192, "mps": 2048}
"""Sides of matrices that keep such a device busy. On a CPU a product takes a
millisecond: short enough to be undisturbed now and then where others work too."""


def training_flops_per_token(config: ModelConfig | MLPConfig) -> int:
    """Count the floating-point operations of learning from one token.

        6 N + 12 L H Q T

    N are the weights of the matrix products, of which each costs a multiplication and
    an addition forward, and twice that backward. L layers of H heads of width Q compare
    T positions, forward 2 · 2 L H Q T for scores and weighted sum, backward twice that.
    Lookups, norms and the optimizer are not counted, and a causal mask saves nothing.

    Args:
        config: The model's sizes; T is its `max_seq_len`.

    Source: Kaplan et al. 2020, arXiv:2001.08361, section 2.1, for 6 N; Chowdhery et al.
    2022, arXiv:2204.02311 (PaLM), appendix B, for the attention.
    """
    if isinstance(config, MLPConfig):
        return 6 * _weights_of_mlp(config)
    heads = config.num_heads * config.d_head
    attention = 12 * config.num_layers * heads * config.max_seq_len
    return 6 * _weights_of_transformer(config) + attention


def _weights_of_transformer(config: ModelConfig) -> int:
    d, d_head = config.d_model, config.d_head
    qkv = d * (config.num_heads + 2 * config.kv_heads) * d_head
    out = config.num_heads * d_head * d
    matrices_in = 2 if config.activation == "swiglu" else 1
    mlp = (matrices_in + 1) * d * config.mlp_width
    return config.num_layers * (qkv + out + mlp) + config.vocab_size * d


def _weights_of_mlp(config: MLPConfig) -> int:
    first = config.context_size * config.d_model * config.d_ff
    others = (config.num_layers - 1) * config.d_ff**2
    return first + others + config.d_ff * config.vocab_size


def measured_peak(
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float32,
    seconds: float = PEAK_SECONDS,
) -> float:
    """Measure what a product of two large matrices reaches here.

    The best of several tries, with as many threads as torch uses at this moment.

    Args:
        device: Where.
        dtype: In which number format.
        seconds: How long to go on trying.

    Returns:
        Floating-point operations per second.
    """
    side = _LARGE[torch.device(device).type]
    left = torch.ones(side, side, device=device, dtype=dtype)
    product_speed(left, left, seconds=0.0)  # the first call sets things up
    return product_speed(left, left, seconds=seconds)


def product_speed(left: torch.Tensor, right: torch.Tensor, *, seconds: float) -> float:
    """Multiply two matrices for a while, and return the best speed.

    Args:
        left: Of shape [row inner].
        right: Of shape [inner column].
        seconds: How long to go on; it is tried once at least.

    Returns:
        Floating-point operations per second, two for each of row · inner · column.
    """
    operations = 2 * left.shape[0] * left.shape[1] * right.shape[1]
    best, end = float("inf"), perf_counter() + seconds
    while True:
        begin = perf_counter()
        torch.mm(left, right)
        if left.is_cuda:
            torch.cuda.synchronize(left.device)
        now = perf_counter()
        best = min(best, now - begin)
        if now >= end:
            return operations / best
