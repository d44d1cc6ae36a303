"""Activation patching: carry a value from one text into another, and see what it moves.

Two prompts of equal length differ in one thing, and so in their answer. One is run; at
one place of the model it gets what the model held there in the other. If the answer
moves towards the other's, what makes the difference passes through that place:

    moved = (d_patched − d_run) / (d_other − d_run),   d = logit(answer) − logit(rival)

0: the patch does nothing; 1: it does as much as reading the other prompt would. It may
lie outside 0–1 and is not clipped.

Running the corrupted prompt and carrying clean values into it ("denoising") finds
places that are enough to bring the answer back. The reverse ("noising": swap the
prompts) finds places that it cannot do without. The two need not agree.

Before: `sweep`, which runs many interventions at once. Next: `viz`.

Source: Meng et al. 2022, arXiv:2202.05262, for causal tracing; Wang et al. 2022,
arXiv:2211.00593, for the normalised logit difference; Zhang & Nanda 2024,
arXiv:2309.16042, for what to mind.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from minigpt.errors import DataError
from minigpt.hooks import HookPoint
from minigpt.interpret.effects import Effect, compare_logits
from minigpt.interpret.interventions.interventions import Hooks
from minigpt.interpret.interventions.parts import Cells
from minigpt.interpret.interventions.sweep import run_each
from minigpt.model import TransformerLM
from minigpt.tokenizers.base import Tokenizer


@dataclass(frozen=True)
class Carried:
    """One kind of value that can be carried over: a hook of each block."""

    hook: str
    axis: int
    """Which axis of the activation the places lie on, the batch being 0."""
    places: Literal["position", "head"]

    def example(
        self, layer: int, place: int, length: int
    ) -> tuple[str, tuple[int, ...]]:
        """Return one number that is carried over: its hook, and where in it.

        Args:
            layer: Which layer.
            place: Which position or head.
            length: Tokens of the prompt.
        """
        last = length - 1
        index = {
            (1, "position"): (0, place, 0),
            (1, "head"): (0, place, last, 0),
            (2, "head"): (0, last, place, 0),
        }[self.axis, self.places]
        return f"blocks.{layer}.{self.hook}", index


CARRIED: Final = {
    "residual stream": Carried("hook_resid_pre", 1, "position"),
    "attention output": Carried("hook_attn_out", 1, "position"),
    "MLP output": Carried("hook_mlp_out", 1, "position"),
    "z": Carried("attn.hook_z", 2, "head"),
    "pattern": Carried("attn.hook_pattern", 1, "head"),
    "values": Carried("attn.hook_v", 2, "head"),
}
"""What can be carried over: of one position, or of one head at all positions."""

SMALLEST_DIFFERENCE = 1e-4
"""Logits. Two prompts whose answers differ by less have nothing to carry over."""


@dataclass(frozen=True)
class Prompts:
    """Two texts that differ in one thing, and the two answers that tell them apart."""

    run: Sequence[int]
    """The text that is run."""
    other: Sequence[int]
    """The text that values are taken from, as long."""
    answer: int
    rival: int


@dataclass(frozen=True)
class PatchMap:
    """How far each patch moves the answer from one prompt's towards the other's."""

    moved: Float[np.ndarray, "layer place"]
    """Share of the way; a place is a position or a head."""
    run_difference: float
    """logit(answer) − logit(rival) after the prompt that is run."""
    other_difference: float
    """The same after the prompt that values are taken from."""

    @classmethod
    def stacked(cls, layers: "Sequence[PatchMap]") -> "PatchMap":
        """Join what was measured some layers at a time."""
        moved = np.concatenate([some.moved for some in layers])
        return cls(moved, layers[0].run_difference, layers[0].other_difference)

    def strongest(self) -> tuple[int, int]:
        """Return layer and place of the patch that moves the answer farthest.

        Of equal ones the last, where what makes the difference has travelled farthest.
        """
        flat = np.round(np.abs(self.moved), 3).ravel()[::-1]
        cell = np.unravel_index(self.moved.size - 1 - flat.argmax(), self.moved.shape)
        return int(cell[0]), int(cell[1])


def patch_map(
    model: TransformerLM,
    prompts: Prompts,
    what: str,
    layers: Sequence[int] | None = None,
) -> PatchMap:
    """Patch one activation from the other prompt at a time, in every layer and place.

        moved = (d_patched − d_run) / (d_other − d_run)
        d = logit(answer) − logit(rival), after the last token

    0: the patch changes nothing. 1: it alone moves the answer all the way.

    Args:
        model: The model; it is left as it was.
        prompts: Two prompts of equal length, the answer and its rival.
        what: Which activations, a key of `CARRIED`. With grouped heads, `values` has
            one place per group.
        layers: Which layers (none: all); each is a row of the map.

    Returns:
        `moved` [layer place], and d of both prompts without a patch.

    Raises:
        DataError: If the prompts differ in length or do not differ in their answer,
            or the model has no such values.
    """
    run, other = both_prompts(model, prompts)
    values, after_other = _values(model, other, what)
    with torch.inference_mode():
        after_run = model(run)[0, -1]
    start, end = (difference(logits, prompts) for logits in (after_run, after_other))
    require_difference(start, end)
    if layers is None:
        layers = range(len(values))
    places = range(values[0].shape[CARRIED[what].axis])
    patches = [
        carry(what, layer, place, values[layer]) for layer in layers for place in places
    ]
    patched = [
        difference(logits[0, -1], prompts) for logits in run_each(model, run, patches)
    ]
    moved = (np.array(patched) - start) / (end - start)
    return PatchMap(moved.reshape(len(layers), len(places)), start, end)


def patch_effect(
    model: TransformerLM, prompts: Prompts, what: str, layer: int, place: int
) -> Effect:
    """Return what one patch does to the prediction of the next token.

    Args:
        model: The model; it is left as it was.
        prompts: The two texts.
        what: One of `CARRIED`.
        layer: Which layer.
        place: Which position or head.

    Raises:
        DataError: If the prompts differ in length, or the model has no such values.
    """
    run, other = both_prompts(model, prompts)
    values, _ = _values(model, other, what)
    hooks = carry(what, layer, place, values[layer])
    with torch.inference_mode():
        return compare_logits(
            model(run)[0, -1], model.run_with_hooks(run, hooks)[0, -1]
        )


def carry(what: str, layer: int, place: int, value: Tensor) -> Hooks:
    """Return the hook that puts another prompt's values at one place.

    Args:
        what: One of `CARRIED`.
        layer: Which layer.
        place: Which position or head.
        value: What the hook held in the other prompt.
    """
    carried = CARRIED[what]
    here: Cells = (*[slice(None)] * carried.axis, place)

    def edit(own: Tensor, hook: HookPoint) -> Tensor:  # noqa: ARG001
        own = own.clone()
        own[here] = value[here]
        return own

    return [(f"blocks.{layer}.{carried.hook}", edit)]


def distinguishing_tokens(effect: Effect) -> tuple[int, int]:
    """Return the tokens that tell two prompts apart: an answer and its rival.

    The answer is what `before` expects most beyond `after`, the rival the reverse; as
    a rule these are the likeliest tokens of each.

    Args:
        effect: The clean prompt's prediction and the corrupted one's.
    """
    gained = effect.after - effect.before
    return int(gained.argmin()), int(gained.argmax())


def same_length(
    tokenizer: Tokenizer, clean: str, corrupted: str
) -> tuple[list[int], list[int]]:
    """Encode two prompts that differ in one thing.

    Raises:
        DataError: If one is empty, or they differ in their number of tokens.
    """
    ids = [tokenizer.encode(prompt) for prompt in (clean, corrupted)]
    if not all(ids):
        raise DataError("A prompt is empty: type at least one character in each.")
    if len(ids[0]) != len(ids[1]):
        counts = " and ".join(
            f"{len(some)} ({'|'.join(tokenizer.pieces(some))})" for some in ids
        )
        raise DataError(
            "Values are carried over place by place, so both prompts must have the "
            f"same number of tokens; they have {counts}. Exchange single words."
        )
    return ids[0], ids[1]


def both_prompts(model: TransformerLM, prompts: Prompts) -> tuple[Tensor, Tensor]:
    """Return the prompt that is run and the other, [1 pos] each.

    Raises:
        DataError: If they differ in length.
    """
    if len(prompts.run) != len(prompts.other):
        raise DataError(
            f"The prompts have {len(prompts.run)} and {len(prompts.other)} tokens: "
            "values are carried over place by place, so make them equally long."
        )
    run, other = (
        torch.tensor([list(text)], device=model.device)
        for text in (prompts.run, prompts.other)
    )
    return run, other


def require_difference(start: float, end: float) -> None:
    """Check that two prompts differ in their answer.

    Raises:
        DataError: If logit(answer) − logit(rival) is the same after both.
    """
    if abs(end - start) < SMALLEST_DIFFERENCE:
        raise DataError(
            "After both prompts the answer and its rival are equally far apart "
            f"({start:.3f} logits): choose tokens on which the prompts disagree."
        )


def _values(
    model: TransformerLM, text: Tensor, what: str
) -> tuple[list[Tensor], Float[Tensor, " vocab"]]:
    """Return one hook's values in every layer, and the logits after the text."""
    if what == "MLP output" and not model.config.mlp_width:
        raise DataError("This model has no MLPs: there is no MLP output to carry over.")
    layers = range(model.config.num_layers)
    names = [f"blocks.{layer}.{CARRIED[what].hook}" for layer in layers]
    with torch.inference_mode():
        logits, cache = model.run_with_cache(text, names)
    return [cache[name] for name in names], logits[0, -1]


def difference(logits: Float[Tensor, " vocab"], prompts: Prompts) -> float:
    """Return logit(answer) − logit(rival)."""
    return float(logits[prompts.answer] - logits[prompts.rival])
