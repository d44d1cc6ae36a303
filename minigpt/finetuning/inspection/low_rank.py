"""A change of one weight as the product of two thin matrices.

    ΔW [out, in]  =  B [out, rank] · A [rank, in]

Of an adapter the two are what was learned. Of full fine-tuning they are the nearest
product of that rank, and how much of ΔW it holds says whether "nearly of low rank" is
true.

Source: Hu et al. 2021, arXiv:2106.09685, section 4.1; Eckart & Young 1936 for the
nearest product.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from minigpt.checkpoint.adapter import ADAPTER_FILE, ADAPTER_WEIGHTS, read_adapter
from minigpt.checkpoint.tensors import read_tensors
from minigpt.config import ModelConfig
from minigpt.errors import DataError
from minigpt.finetuning.inspection.changed_weights import (
    PARTS,
    layer_matrices,
    rows_of,
    same_shape,
)
from minigpt.model import LanguageModel


@dataclass(frozen=True)
class LowRank:
    """One weight's change, taken apart."""

    b: Float[np.ndarray, "out rank"]
    """alpha / rank is counted in."""
    a: Float[np.ndarray, "rank in"]
    held: float
    """Share of ‖ΔW‖² that B·A holds: 1 for an adapter."""
    is_adapter: bool
    """Whether these two matrices are what learned."""

    @property
    def change(self) -> Float[np.ndarray, "out in"]:
        """ΔW, or what comes nearest to it: B · A."""
        product: np.ndarray = self.b @ self.a
        return product


def adapter_product(
    directory: Path, config: ModelConfig, layer: int, matrix: str
) -> LowRank | None:
    """Read B and A of one matrix from a checkpoint that holds an adapter.

    Args:
        directory: The checkpoint of an adapted model.
        config: The model's sizes.
        layer: Which block.
        matrix: One of `changed_weights.matrix_names`.

    Returns:
        None if the checkpoint has no adapter, or this matrix none beside it.

    Raises:
        CheckpointError: If a file is damaged.
    """
    if not (directory / ADAPTER_FILE).is_file():
        return None
    settings = read_adapter(directory)
    tensors = read_tensors(directory / ADAPTER_WEIGHTS)
    place = f"blocks.{layer}.{PARTS[matrix]}"
    if f"{place}.lora_a" not in tensors:
        return None
    b = tensors[f"{place}.lora_b"][rows_of(config, matrix)].float()
    a = tensors[f"{place}.lora_a"].float()
    scale = settings.alpha / settings.rank
    return LowRank((scale * b).numpy(), a.numpy(), 1.0, is_adapter=True)


def nearest_product(
    before: LanguageModel, after: LanguageModel, layer: int, matrix: str, rank: int
) -> LowRank:
    """Return the product of a rank that comes nearest to what fine-tuning changed.

    Args:
        before: The base, with as many tokens as the other.
        after: What was made of it.
        layer: Which block.
        matrix: One of `changed_weights.matrix_names`.
        rank: Columns of B and rows of A; at most the matrix's own.

    Raises:
        DataError: If the matrix did not change, or the models cannot be compared.
    """
    old, new = _matrices(before, after, layer, matrix)
    change = new - old
    if not change.any():
        raise DataError(f"{matrix} of layer {layer} did not change: ΔW is all zeros.")
    left, sizes, right = torch.linalg.svd(change, full_matrices=False)
    rank = min(rank, len(sizes))
    root = sizes[:rank].sqrt()
    held = float((sizes[:rank] ** 2).sum() / (sizes**2).sum())
    b, a = left[:, :rank] * root, root[:, None] * right[:rank]
    return LowRank(b.numpy(), a.numpy(), held, is_adapter=False)


def weight_at(
    before: LanguageModel,
    after: LanguageModel,
    layer: int,
    matrix: str,
    cell: tuple[int, int],
) -> tuple[float, float]:
    """Return one weight before and after fine-tuning. See `nearest_product`."""
    old, new = _matrices(before, after, layer, matrix)
    return float(old[cell]), float(new[cell])


def _matrices(
    before: LanguageModel, after: LanguageModel, layer: int, matrix: str
) -> list[Float[Tensor, "out in"]]:
    return [
        layer_matrices(dict(model.named_parameters()), model.config, layer)[matrix]
        .detach()
        .float()
        .cpu()
        for model in same_shape(before, after)
    ]
