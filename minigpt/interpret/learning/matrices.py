"""The matrices of a model by the names that papers give them, and a part to look at.

A layer keeps the projections of all its heads in two matrices (see
`minigpt.interpret.differences.head_weights`). Here each is found in its parameter.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from minigpt.model import LanguageModel, TransformerLM

OF_A_HEAD = ("W_Q", "W_K", "W_V", "W_O")
EMBEDDING, UNEMBEDDING = "embedding", "unembedding"


@dataclass(frozen=True)
class Matrix:
    """A rectangle of one parameter."""

    name: str
    """`W_Q of L0H1`."""
    parameter: str
    """`blocks.0.attn.qkv.weight`."""
    rows: tuple[int, int]
    """First row, and the one after the last."""
    columns: tuple[int, int]

    @property
    def cells(self) -> tuple[slice, slice]:
        """The rectangle as an index."""
        return slice(*self.rows), slice(*self.columns)


def matrices_of(model: LanguageModel, layer: int, head: int) -> dict[str, Matrix]:
    """Return the matrices of one layer and one head, and those at both ends.

    Args:
        model: Any model.
        layer: Which block, or which hidden layer of an MLP model.
        head: Which query head; an MLP model has none.
    """
    shapes = {name: weight.shape for name, weight in model.named_parameters()}
    found: dict[str, Matrix] = {}
    if isinstance(model, TransformerLM):
        found |= _of_a_head(model, layer, head)
    inner = {
        "W_in": f"blocks.{layer}.mlp.input.weight",
        "W_gate": f"blocks.{layer}.mlp.gate.weight",
        "W_out": f"blocks.{layer}.mlp.output.weight",
        "W": f"blocks.{layer}.linear.weight",
        EMBEDDING: "token_embedding.weight",
        UNEMBEDDING: "head.weight",
    }
    for title, parameter in inner.items():
        if parameter in shapes:
            rows, columns = shapes[parameter]
            place = f" of L{layer}" if parameter.startswith("blocks.") else ""
            found[title] = Matrix(f"{title}{place}", parameter, (0, rows), (0, columns))
    return found


def _of_a_head(model: TransformerLM, layer: int, head: int) -> dict[str, Matrix]:
    config = model.config
    d_head, width = config.d_head, config.num_heads * config.d_head
    kv_start = head * config.kv_heads // config.num_heads * d_head
    starts = {
        "W_Q": head * d_head,
        "W_K": width + kv_start,
        "W_V": width + config.kv_heads * d_head + kv_start,
    }
    path, place = f"blocks.{layer}.attn", f"of L{layer}H{head}"
    everything = (0, config.d_model)
    found = {
        name: Matrix(
            f"{name} {place}", f"{path}.qkv.weight", (at, at + d_head), everything
        )
        for name, at in starts.items()
    }
    own = (head * d_head, (head + 1) * d_head)
    found["W_O"] = Matrix(f"W_O {place}", f"{path}.output.weight", everything, own)
    return found


def busiest(
    gradient: Float[np.ndarray, "row column"], rows: int, columns: int
) -> tuple[Int[np.ndarray, " shown_rows"], Int[np.ndarray, " shown_columns"]]:
    """Choose a part of a matrix that fits on a screen: where the gradient is largest.

    Args:
        gradient: Of the whole matrix.
        rows: How many rows to show at most.
        columns: How many columns.

    Returns:
        The rows with the longest gradients, and of these the columns, in their order.
    """
    best = np.argsort(-np.linalg.norm(gradient, axis=1), kind="stable")[:rows]
    sizes = np.linalg.norm(gradient[best], axis=0)
    across = np.argsort(-sizes, kind="stable")[:columns]
    return np.sort(best), np.sort(across)
