"""Sizes of a model that is not built: its weights, its arithmetic, what its hooks see.

Nothing here is a table to keep up to date. The model itself is built on torch's meta
device, where tensors have shapes and no numbers, and then asked. All blocks from the
second on are equal, so a skeleton of two stands for any number.

Before: a config. Next: `memory` and `recording_memory`, which refuse what does not fit.
"""

import json
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import torch
from torch import nn
from torch.nn import init
from torch.overrides import TorchFunctionMode

from minigpt.config import MLPConfig, ModelConfig

_BLOCKS = 2
"""Of a skeleton. The MLP model's first layer differs from the second in its input."""


def num_parameters(config: ModelConfig | MLPConfig) -> int:
    """Count the weights of a model."""
    return _weights(type(config), config.model_dump_json())


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
    return _training_flops(type(config), config.model_dump_json())


def row_width(config: ModelConfig | MLPConfig, hook: str, keys: int) -> int:
    """Count the numbers that a hook sees for each token.

    >>> row_width(ModelConfig(num_heads=4), "blocks.0.attn.hook_pattern", keys=7)
    28

    Args:
        config: The model's sizes.
        hook: Its full name.
        keys: How many tokens each one could read, itself included.
    """
    rows = _rows(type(config), config.model_dump_json())
    if hook not in rows:  # a block beyond the skeleton's: as the last one there
        _, _, within = hook.removeprefix("blocks.").partition(".")
        hook = f"blocks.{_BLOCKS - 1}.{within}"
    fixed, per_key = rows[hook]
    return fixed + per_key * keys


def skeleton(build: Callable[..., nn.Module], settings: dict[str, Any]) -> nn.Module:
    """Build a model that has names and shapes, and takes neither memory nor time."""
    with torch.device("meta"), _ShapesOnly():
        return build(**settings)


class _ShapesOnly(TorchFunctionMode):
    """Skips what would only fill tensors that hold no numbers.

    On the meta device arithmetic is written in Python, and importing that part of torch
    takes seconds.
    """

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        """Take the place of one of torch's functions, and hand on all others."""
        kwargs = kwargs or {}
        if func in (init.normal_, init.uniform_, init.kaiming_uniform_):
            return kwargs["tensor"] if "tensor" in kwargs else args[0]
        return func(*args, **kwargs)


@lru_cache(maxsize=256)
def _weights(kind: type[ModelConfig | MLPConfig], settings: str) -> int:
    model, more_blocks = _two_blocks(kind, _without_tables(settings))
    every, last = (
        sum(weight.numel() for weight in module.parameters())
        for module in (model, model.blocks[-1])
    )
    return every + more_blocks * last


@lru_cache(maxsize=256)
def _training_flops(kind: type[ModelConfig | MLPConfig], settings: str) -> int:
    from minigpt.model.attention import MultiHeadAttention

    model, more_blocks = _two_blocks(kind, _without_tables(settings))

    def forward_flops(part: nn.Module) -> int:
        flops = 0
        for module in part.modules():
            if isinstance(module, nn.Linear):
                flops += 2 * module.weight.numel()
            if isinstance(module, MultiHeadAttention):
                width = module.num_heads * module.d_head
                flops += 2 * 2 * width * model.config.max_seq_len
        return flops

    forward = forward_flops(model) + more_blocks * forward_flops(model.blocks[-1])
    if not hasattr(model, "head"):  # the embedding is the head as well
        forward += 2 * model.token_embedding.weight.numel()
    return 3 * forward


@lru_cache(maxsize=32)
def _rows(
    kind: type[ModelConfig | MLPConfig], settings: str
) -> dict[str, tuple[int, int]]:
    """Map each hook to the width of its row: without keys, and more for each key."""
    model, _ = _two_blocks(kind, settings, max_seq_len=2)

    def widths(length: int) -> dict[str, int]:
        tokens = torch.empty(1, length, dtype=torch.long, device="meta")
        _, cache = model.run_with_cache(tokens, "*")
        return {name: value.numel() // length for name, value in cache.items()}

    one, two = widths(1), widths(2)
    return {name: (2 * one[name] - two[name], two[name] - one[name]) for name in one}


def _without_tables(settings: str) -> str:
    """Leave out positions that are computed: they have no weights and no products."""
    fields = json.loads(settings)
    if fields.get("positional_encoding") in ("rope", "sinusoidal"):
        fields["positional_encoding"] = "none"
    return json.dumps(fields)


def _two_blocks(
    kind: type[ModelConfig | MLPConfig], settings: str, **changes: int
) -> tuple[Any, int]:
    """Return a skeleton, and how many blocks like its last one the model has besides.

    The number is −1 for a model of one block.
    """
    # The models themselves ask for sizes before they are built.
    from minigpt.model import MLPLM, TransformerLM

    config = kind.model_validate_json(settings)
    small = {**config.to_dict(), "num_layers": _BLOCKS, **changes}
    small.pop("attention_window", None)  # changes neither weights nor shapes
    model = skeleton(MLPLM if kind is MLPConfig else TransformerLM, small)
    return model.requires_grad_(False).eval(), config.num_layers - _BLOCKS
