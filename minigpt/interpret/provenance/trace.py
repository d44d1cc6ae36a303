"""Trace one number of a model back to the numbers and the line that made it."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from minigpt.activation_cache import ActivationCache
from minigpt.errors import HookError
from minigpt.hooks import HookPoint
from minigpt.interpret.learning.backward import record_gradients
from minigpt.interpret.provenance.rules import rule_for
from minigpt.interpret.provenance.site import Site
from minigpt.interpret.provenance.source_line import SourceLine, find_line
from minigpt.interpret.provenance.working import Operands
from minigpt.interpret.reading.prompt import Streams
from minigpt.interpret.stream.logit_direction import run_blocks
from minigpt.model import LanguageModel, TransformerLM


@dataclass(frozen=True)
class Provenance:
    """One number of one hook, and how the model made it."""

    hook: str
    """Its name, or `logits`, which come after the last hook."""
    index: tuple[int, ...]
    axes: tuple[str, ...]
    """The names of the tensor's axes: `batch`, `head`, `q_pos`, `k_pos`."""
    shape: tuple[int, ...]
    value: float
    """The tensor's own number."""
    formula: str
    """In symbols: `q · k / √d_head + bias(distance)`."""
    operands: Operands
    arithmetic: str
    """The formula with its real numbers, in one line, without the result."""
    recomputed: float
    """What the operands give in double precision; equal to `value` but for rounding."""
    source: SourceLine


def trace(
    model: LanguageModel,
    tokens: list[int],
    hook: str,
    index: tuple[int, ...],
    streams: Streams | None = None,
) -> Provenance:
    """Trace a number back to its operands.

    Args:
        model: The model that made it, in evaluation mode.
        tokens: The ids it read.
        hook: `blocks.0.attn.hook_pattern`, or `logits`; with `_grad` behind it, the
            gradient there of the mean loss of the tokens.
        index: Place in the hook's tensor, the batch (0) first.
        streams: The residual stream before each block of a transformer, if it is known
            (`Reading.streams`): of a large model, only two blocks are run then.

    Raises:
        DataError: If a gradient is asked for, and there is nothing to predict.
        HookError: If there is no such hook, or no such place in its tensor.
    """
    rule = rule_for(model, hook)
    is_inside = hook.startswith("blocks.") and not hook.endswith("_grad")
    if streams is not None and is_inside and isinstance(model, TransformerLM):
        cache = _record_near(model, tokens, hook, streams)
    else:
        cache = _record(model, tokens, hook)
    tensor = cache[hook]
    axes, shape = tuple(rule.axes.split()), tuple(tensor.shape)
    _check_index(hook, index, axes, shape)
    working = rule.work_out(Site(model, tokens, cache, hook, index))
    return Provenance(
        hook=hook,
        index=index,
        axes=axes,
        shape=shape,
        value=float(tensor[index].item()),
        formula=working.formula,
        operands=working.operands,
        arithmetic=working.arithmetic,
        recomputed=working.result,
        source=_source(model, hook),
    )


def _record(model: LanguageModel, tokens: list[int], hook: str) -> ActivationCache:
    """Run the model, and keep what may have gone into a hook's numbers."""
    if hook.endswith("_grad"):
        logits, cache = record_gradients(model, tokens)
    else:
        ids = torch.tensor([tokens], device=model.device)
        with torch.inference_mode():
            logits, cache = model.run_with_cache(ids, _ingredients(model, hook))
    return ActivationCache({**cache, "logits": logits})


def _record_near(
    model: TransformerLM,
    tokens: list[int],
    hook: str,
    streams: Streams,
) -> ActivationCache:
    """Keep the same for a hook inside a block, and run no other blocks than needed."""
    layer = int(hook.split(".")[1])
    first = max(layer - 1, 0)
    may_have_gone_in = _ingredients(model, hook)
    recorded: dict[str, Tensor] = {}

    def keep(value: Tensor, hook: HookPoint) -> None:
        recorded[hook.name] = value

    def is_wanted(name: str) -> bool:
        if not name.startswith("blocks."):  # of what stands outside, the embedding
            return layer == 0 and not name.startswith("ln_final.")
        return may_have_gone_in(name)

    ids = torch.tensor([tokens], device=model.device)
    with torch.inference_mode(), model.hooks([(is_wanted, keep)]):
        x = streams[first][None] if layer else model.embed(ids)
        run_blocks(model, range(first, layer + 1), x, ids)
    return ActivationCache(recorded)


def _ingredients(model: LanguageModel, hook: str) -> Callable[[str], bool]:
    """Return whether a hook's numbers may have gone into those of another."""
    inside = hook.startswith("blocks.")
    layer = int(hook.split(".")[1]) if inside else len(model.blocks)

    def may_have_gone_in(name: str) -> bool:
        if name == hook:
            return True
        if not name.startswith("blocks."):
            return True
        _, number, rest = name.split(".", 2)
        if int(number) == layer:
            return rest != "attn.hook_result"  # large, and worked out from z
        return int(number) == layer - 1 and "." not in rest

    return may_have_gone_in


def _source(model: LanguageModel, hook: str) -> SourceLine:
    """Find the line of a value; a gradient is traced to the value it is about."""
    hook = hook.removesuffix("_grad")
    if hook != "logits":
        path, _, name = hook.rpartition(".")
        return find_line(model.get_submodule(path), f"self.{name}(")
    tied = model.ties_embeddings
    return find_line(
        model, "F.linear(x, self.token_embedding.weight)" if tied else "self.head(x)"
    )


def _check_index(
    hook: str, index: tuple[int, ...], axes: tuple[str, ...], shape: tuple[int, ...]
) -> None:
    fits = len(index) == len(shape) and all(
        0 <= place < size for place, size in zip(index, shape, strict=True)
    )
    if not fits:
        sizes = ", ".join(
            f"{axis} {size}" for axis, size in zip(axes, shape, strict=True)
        )
        raise HookError(
            f"{list(index)} is not a place in {hook}, whose axes are {sizes}: give one "
            "place per axis, counted from 0."
        )
