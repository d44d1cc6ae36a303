"""The lens on each part: which tokens a head or an MLP speaks for, and against.

The logit lens reads the whole stream. The same reading applied to what one part adds
says what that part contributes to every token's logit:

    written(part)[t] = part · direction(t)          (the final norm's scale held fixed)

Added up over all parts, this is the model's output: `attribution` for all tokens at
once. The scale is the one that the final norm has at the position, as there, and not
the one that it would have if the part stood alone: only so do the parts add up.

Before: `attribution`, all parts' shares of one token's logit.

Source: Elhage et al., "A Mathematical Framework for Transformer Circuits" (2021);
nostalgebraist, "interpreting GPT: the logit lens" (2020).
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float

from minigpt.interpret.stream.attribution import (
    HEAD_BIAS,
    NORM_BIAS,
    LogitPart,
    part_vectors,
)
from minigpt.interpret.stream.logit_direction import held_norm, read_parts
from minigpt.model import TransformerLM


@dataclass(frozen=True)
class PartLens:
    """What every part of a model adds to every token's logit, after one token."""

    parts: list[LogitPart]
    """In the order in which the model adds them."""
    written: Float[np.ndarray, "part vocab"]
    """In logits; the column of a token is its `Attribution`'s shares."""
    scale: float
    """What the final norm divides by here, held fixed."""

    def of(self, name: str) -> Float[np.ndarray, " vocab"]:
        """Return what the part of a name adds to every logit."""
        names = [part.name for part in self.parts]
        row: Float[np.ndarray, " vocab"] = self.written[names.index(name)]
        return row

    def ranked(self, name: str) -> list[int]:
        """Return all ids, from what a part adds most to, to what it adds least to."""
        order: list[int] = np.argsort(-self.of(name), kind="stable").tolist()
        return order

    @property
    def layers(self) -> list[list[str]]:
        """The names of each layer's heads, and of its MLP at last."""
        found: dict[int | None, list[str]] = {}
        for part in self.parts:
            if part.kind in ("head", "mlp"):
                found.setdefault(part.layer, []).append(part.name)
        return list(found.values())

    @property
    def largest(self) -> dict[str, float]:
        """What each part adds to the logit that it adds most to."""
        names = [part.name for part in self.parts]
        return dict(zip(names, self.written.max(-1).tolist(), strict=True))


@torch.inference_mode()
def part_lens(model: TransformerLM, tokens: list[int], position: int) -> PartLens:
    """Read what each part adds to the stream through the unembedding.

        written(part) = W_U · (weight ⊙ centre(part) / scale)    (RMSNorm: no centring)

    Args:
        model: In evaluation mode.
        tokens: Ids of the prompt.
        position: After which of them, counted from 0.

    Source: Elhage et al. 2021, "A Mathematical Framework for Transformer Circuits".
    """
    _, cache = read_parts(model, tokens[: position + 1])
    norm, scale = model.ln_final, cache["ln_final.hook_scale"][0, -1]
    parts, vectors = part_vectors(model, cache)
    normed = held_norm(norm, vectors, scale)
    shift = getattr(norm, "bias", None)
    if shift is not None:
        parts.append(NORM_BIAS)
        normed = torch.cat([normed, shift[None]])
    written = model.compare(normed[None])[0].float()
    if model.head_bias is not None:
        parts.append(HEAD_BIAS)
        written = torch.cat([written, model.head_bias[None].float()])
    return PartLens(parts, written.cpu().numpy(), float(scale))
