"""Many interventions on one text, one after the other, several in one forward pass.

The text is repeated in the batch, and each copy gets an intervention of its own: a map
of all heads, or of layers by positions, costs a few forwards and not hundreds. What
lies below the layer that is changed is as it was, and need not be computed again.

Before: `ablation`, one intervention at a time. Next: `patching`, which uses it too.

Source: Olsson et al. 2022, arXiv:2209.11895, for ablating each head in turn.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from minigpt.hooks import HookFunction, HookPoint
from minigpt.interpret.corpora import Windows
from minigpt.interpret.effects import divergence
from minigpt.interpret.interventions.ablation import MOST_LOGITS, token_losses
from minigpt.interpret.interventions.interventions import (
    Ablation,
    Hooks,
    How,
    as_windows,
    fwd_hooks,
    record,
)
from minigpt.interpret.interventions.parts import Head
from minigpt.interpret.stream.logit_direction import run_blocks
from minigpt.model import TransformerLM


@dataclass(frozen=True)
class HeadEffects:
    """What ablating each head alone does. Every array is [layer head]."""

    loss: Float[np.ndarray, "layer head"]
    """How much the mean loss rises, in nats per token; negative: it falls."""
    kl: Float[np.ndarray, "layer head"]
    """Mean KL(before ‖ after) of the next token over all positions, in nats."""
    last_kl: Float[np.ndarray, "layer head"]
    """The same after the last token alone."""

    @classmethod
    def stacked(cls, layers: "Sequence[HeadEffects]") -> "HeadEffects":
        """Join what was measured some layers at a time."""
        return cls(
            np.concatenate([some.loss for some in layers]),
            np.concatenate([some.kl for some in layers]),
            np.concatenate([some.last_kl for some in layers]),
        )


def run_each(
    model: TransformerLM,
    tokens: Int[Tensor, "batch pos"],
    interventions: Sequence[Hooks],
    start: tuple[int, Float[Tensor, "batch pos d_model"]] | None = None,
) -> Iterator[Float[Tensor, "batch pos vocab"]]:
    """Run the model on the same text once per intervention, and yield its logits.

    Args:
        model: The model; it is left as it was.
        tokens: The text, or several.
        interventions: The hooks of each. A function may be given any number of texts,
            as in `run_with_hooks`.
        start: A layer and the residual stream before it, if nothing below is changed:
            the model is run from there on.
    """
    batch = tokens.shape[0]
    cost = tokens.numel() * model.config.vocab_size
    together = max(1, MOST_LOGITS // cost)
    for first in range(0, len(interventions), together):
        chunk = interventions[first : first + together]
        todo: dict[str, list[tuple[int, HookFunction]]] = defaultdict(list)
        for number, hooks in enumerate(chunk):
            for name, function in hooks:
                todo[name].append((number * batch, function))
        joined = [(name, _on_rows(edits, batch)) for name, edits in todo.items()]
        repeated = tokens.repeat(len(chunk), 1)
        with torch.inference_mode():
            if start is None:
                logits = model.run_with_hooks(repeated, joined)
            else:
                stream = start[1].repeat(len(chunk), 1, 1)
                logits = _run_from(model, start[0], stream, repeated, joined)
        for number in range(len(chunk)):
            yield logits[number * batch : (number + 1) * batch]


def ablate_each_head(
    model: TransformerLM,
    windows: Windows,
    how: How = "zero",
    reference: Windows | None = None,
    layers: Sequence[int] | None = None,
) -> HeadEffects:
    """Ablate every head in turn, and measure what that does on some texts.

    Args:
        model: The model; it is left as it was.
        windows: Texts to read; one may be enough.
        how: What becomes of each head's z.
        reference: For the mean or a resample: see `ablation.measure`.
        layers: Whose heads, each layer once (none: all); one row of the result each.

    Raises:
        DataError: If `how` needs a reference and there is none.
    """
    if layers is None:
        layers = range(model.config.num_layers)
    heads = range(model.config.num_heads)
    ablations = {
        layer: [Ablation(Head(layer, head), how) for head in heads] for layer in layers
    }
    recorded = record(model, list(chain(*ablations.values())), reference)
    texts = as_windows(model, windows)
    total = torch.zeros(3, len(ablations), len(heads))
    streams = [f"blocks.{layer}.hook_resid_pre" for layer in ablations]
    for row in range(len(texts)):
        text = texts[row : row + 1]
        with torch.inference_mode():
            before, cache = model.run_with_cache(text, streams)
        for number, (layer, of_heads) in enumerate(ablations.items()):
            hooks = [fwd_hooks(model, [each], recorded, row) for each in of_heads]
            start = layer, cache["resid_pre", layer]
            for head, after in enumerate(run_each(model, text, hooks, start)):
                total[:, number, head] += _differences(text, before, after)
    return HeadEffects(*(total / len(texts)).numpy())


def _run_from(
    model: TransformerLM,
    layer: int,
    x: Float[Tensor, "batch pos d_model"],
    tokens: Int[Tensor, "batch pos"],
    hooks: Hooks,
) -> Float[Tensor, "batch pos vocab"]:
    """Run the model from a layer on, given the residual stream before it."""
    with model.hooks(hooks):
        x = run_blocks(model, range(layer, model.config.num_layers), x, tokens)
        return model.unembed(model.ln_final(x))


def _differences(
    text: Int[Tensor, "1 pos"],
    before: Float[Tensor, "1 pos vocab"],
    after: Float[Tensor, "1 pos vocab"],
) -> Float[Tensor, "3"]:
    """Return the rise of the loss, the mean divergence, and that of the last token."""
    log_before, log_after = before.log_softmax(-1), after.log_softmax(-1)
    rise = token_losses(after, text) - token_losses(before, text)
    kl = divergence(log_before, log_after)
    return torch.stack([rise.mean(), kl.mean(), kl[0, -1]]).cpu()


def _on_rows(edits: Sequence[tuple[int, HookFunction]], batch: int) -> HookFunction:
    """Join functions that each edit some rows of the batch into one."""

    def edit(value: Tensor, hook: HookPoint) -> Tensor:
        value = value.clone()
        for first, function in edits:
            changed = function(value[first : first + batch], hook=hook)
            if changed is not None:
                value[first : first + batch] = changed
        return value

    return edit
