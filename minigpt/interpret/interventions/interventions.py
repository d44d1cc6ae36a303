"""What to change inside a model, said in one line, and the hooks that change it.

An `Ablation` names a part of the model and what replaces its values: zero, their mean
over other texts (`mean`), those of another text (`resample`), or a multiple of
themselves. Several are made at once as a list. Each is also a short text, so that a
link can hold it:

    Ablation(Head(0, 1))                               L0H1 zero
    Ablation(MLP(1), "mean")                           MLP1 mean
    Ablation(Edge(1, 0, 7, 3), 0.5, renormalize=True)  L1H0[7,3] x0.5 renormalized

Before: `parts`. Next: `ablation`, which measures what an ablation does.

Source: Chan et al. 2022, "Causal Scrubbing", for resampling.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor

from minigpt.errors import DataError
from minigpt.hooks import HookFunction, HookPoint
from minigpt.interpret.corpora import Windows
from minigpt.interpret.interventions.parts import Cells, Edge, Part, Token, read_part
from minigpt.model import TransformerLM

How = float | Literal["zero", "mean", "resample"]
"""What becomes of a part; a number multiplies it, from 0 (as `zero`) up."""

WORDS: dict[str, How] = {"zero": "zero", "mean": "mean", "resample": "resample"}
FROM_OTHER_TEXTS = ("mean", "resample")

Hooks = list[tuple[str, HookFunction]]


@dataclass(frozen=True)
class Ablation:
    """What to ablate, and how: multiply by zero or a factor, or replace.

    A replacement comes from other texts: their `mean`, or one of them (`resample`).

    Raises:
        DataError: If the part cannot be ablated this way.
    """

    part: Part
    """A head, all of a layer's attention, an MLP, one attention weight, …"""
    how: How = "zero"
    renormalize: bool = False
    """For an edge or a token: whether the row's other weights share what was taken."""

    def __post_init__(self) -> None:
        on_weights = isinstance(self.part, Edge | Token)
        if on_weights and self.how in FROM_OTHER_TEXTS:
            raise DataError(
                f"{self.part} has no {self.how}: the same place in another text means "
                "something else. Choose zero or a factor."
            )
        if self.renormalize and not on_weights:
            raise DataError(
                f"{self.part} is not a row of weights, so it cannot be renormalized."
            )
        if not isinstance(self.how, str) and not 0 <= self.how <= 10:
            raise DataError(f"The factor on {self.part} is {self.how}: choose 0 to 10.")

    def edit(self, place: Cells, other: Tensor | None, first_row: int) -> HookFunction:
        """Return the hook function that makes this ablation at one place of one hook.

        Args:
            place: Which cells of the activation, the batch first.
            other: What this hook held in other texts, [window pos …].
            first_row: Text i of the batch takes window first_row + i + 1.
        """

        def change(value: Tensor, hook: HookPoint) -> Tensor:  # noqa: ARG001
            edited = value.clone()
            if other is None:
                edited[place] *= 0.0 if isinstance(self.how, str) else self.how
            elif self.how == "mean":
                edited[place] = other.mean((0, 1)).expand_as(value)[place]
            else:
                edited[place] = _another_text(other, value, first_row)[place]
            if self.renormalize:
                edited /= edited.sum(-1, keepdim=True).clamp(min=1e-9)
            return edited

        return change

    def __str__(self) -> str:
        how = self.how if isinstance(self.how, str) else f"x{self.how:g}"
        return f"{self.part} {how}" + (" renormalized" if self.renormalize else "")


def read_ablation(text: str) -> Ablation:
    """Read an ablation from its text.

    >>> str(read_ablation("l0h1")), str(read_ablation("MLP1 x1.5"))
    ('L0H1 zero', 'MLP1 x1.5')

    Raises:
        DataError: If it is not written so.
    """
    part, *words = text.split() or [text]
    how: How = "zero"
    renormalize = False
    for word in words:
        if word == "renormalized":
            renormalize = True
        elif word in WORDS:
            how = WORDS[word]
        else:
            how = _read_factor(word)
    return Ablation(read_part(part), how, renormalize)


def fwd_hooks(
    model: TransformerLM,
    ablations: Sequence[Ablation],
    recorded: Mapping[str, Tensor] | None = None,
    first_row: int = 0,
) -> Hooks:
    """Return the hooks that make several ablations at once, for `model.run_with_hooks`.

    Args:
        model: Whose parts they are.
        ablations: In the order in which they are made.
        recorded: What `record` returned; only `mean` and `resample` need it.
        first_row: See `Ablation.edit`.

    Raises:
        DataError: If the model has no such part, or nothing was recorded for it.
    """
    hooks: Hooks = []
    for ablation in ablations:
        for name, place in ablation.part.places(model).items():
            other = None
            if ablation.how in FROM_OTHER_TEXTS:
                other = (recorded or {}).get(name)
                if other is None:
                    raise DataError(
                        f"{ablation} needs other texts to take its values from: pass a "
                        "reference, windows of tokens [window pos]."
                    )
            hooks.append((name, ablation.edit(place, other, first_row)))
    return hooks


def record(
    model: TransformerLM,
    ablations: Sequence[Ablation],
    reference: Windows | None,
) -> Mapping[str, Tensor]:
    """Return what the hooks hold in other texts, for the ablations that need it.

    Args:
        model: Whose parts they are.
        ablations: Those to be made.
        reference: Texts to take a mean over, or another text's values from.
    """
    names = [
        name
        for ablation in ablations
        if ablation.how in FROM_OTHER_TEXTS
        for name in ablation.part.places(model)
    ]
    if not names or reference is None:
        return {}
    with torch.inference_mode():
        _, cache = model.run_with_cache(as_windows(model, reference), names)
    return cache


def as_windows(model: TransformerLM, windows: Windows) -> Int[Tensor, "window pos"]:
    """Return windows as a tensor where the model is."""
    return torch.as_tensor(windows, device=model.device)


def _another_text(
    other: Float[Tensor, "window pos *rest"],
    value: Float[Tensor, "batch length *rest"],
    first_row: int,
) -> Float[Tensor, "batch length *rest"]:
    """Give each text of a batch another window's values, position by position.

    A text longer than the windows begins its window anew.
    """
    rows = torch.arange(value.shape[0]) + first_row + 1
    positions = torch.arange(value.shape[1])
    return other[rows % other.shape[0]][:, positions % other.shape[1]]


def _read_factor(word: str) -> float:
    try:
        return float(word.removeprefix("x"))
    except ValueError:
        raise DataError(
            f"{word!r} is nothing a part can become: write zero, mean, resample, x0.5 "
            "(a factor) or renormalized."
        ) from None
