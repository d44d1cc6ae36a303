"""The optimizer: how a gradient becomes a change of the weights.

- AdamW gives every single weight a step size of its own. It suits embeddings, the
  head, norms and biases.
- Muon looks at a matrix as a whole: it moves all its directions by the same amount, so
  that rare ones learn as fast as common ones. It suits the hidden matrices.

With `optimizer="muon"` both work side by side behind the interface of one optimizer.

Before: the gradient. Next: the step counts, and the schedule moves on.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from minigpt.config import TrainConfig
from minigpt.model.attention import MultiHeadAttention
from minigpt.training.fast_start import AdamW, Optimizer

NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)
"""Coefficients that push small singular values up as fast as possible, to about 1."""

NEWTON_SCHULZ_STEPS = 5


def orthogonalize(
    matrices: Float[Tensor, "count rows columns"],
) -> Float[Tensor, "count rows columns"]:
    """Bring all singular values of each matrix near 1, and keep their directions.

    With X = U S Vᵀ, this approximates U Vᵀ without computing a decomposition. Each of
    five Newton-Schulz steps applies an odd polynomial to the singular values:

        X ← a X + b (X Xᵀ) X + c (X Xᵀ)² X

    This is the definition; Muon computes the same by `orthogonalize_by_gram`.

    Source: Jordan et al. 2024, "Muon: An optimizer for hidden layers in neural
    networks"; Higham 2008, "Functions of Matrices", chapter 8.
    """
    a, b, c = NEWTON_SCHULZ
    x = matrices / (matrices.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for _ in range(NEWTON_SCHULZ_STEPS):
        gram = x @ x.mT  # [count rows rows]
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x


def orthogonalize_by_gram(
    matrices: Float[Tensor, "count rows columns"],
) -> Float[Tensor, "count rows columns"]:
    """Compute `orthogonalize` with fewer and smaller products.

    All its polynomials together are one matrix P, in X ← P X, that can be built from
    the small square Gram matrix X Xᵀ alone. For a wide X that is much cheaper. In
    float32, equal to 1e-4; in bfloat16 the Gram form overflows.
    """
    tall = matrices.shape[-2] > matrices.shape[-1]
    x = matrices.mT if tall else matrices
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    gram = x @ x.mT  # [count short short]
    product = factor = _polynomial(gram)
    for _ in range(NEWTON_SCHULZ_STEPS - 1):
        gram = factor @ gram @ factor
        factor = _polynomial(gram)
        product = factor @ product
    x = product @ x
    return x.mT if tall else x


def _polynomial(
    gram: Float[Tensor, "count short short"],
) -> Float[Tensor, "count short short"]:
    """Return a I + b G + c G²: what one step multiplies X with."""
    a, b, c = NEWTON_SCHULZ
    factor = torch.baddbmm(gram, gram, gram, beta=b, alpha=c)
    factor.diagonal(dim1=-2, dim2=-1).add_(a)
    return factor


class _Matrix(NamedTuple):
    """What Muon needs of a matrix, each [rows columns]."""

    weight: Tensor
    gradient: Tensor
    momentum: Tensor


class Muon(Optimizer):
    """Momentum, orthogonalised: every direction of a matrix moves equally far.

        m ← β m + (1 − β) g
        W ← W − lr · √max(1, rows/columns) · orthogonalize((1 − β) g + β m)

    The mix of g and m looks one step ahead (Nesterov). The root keeps the size of a
    tall matrix's outputs in step with a square one's.

    Args:
        parameters: Matrices [rows columns], and no others.
        lr: Peak step size.
        momentum: β, the memory of the gradient.
        weight_decay: Pull towards zero, as a share per unit of lr.
        parts: A group's `parts` are the rows of the matrices that each of its
            parameters is packed of, as queries, keys and values are: each is a matrix
            of its own here, so that the loudest does not take the others' share.

    Source: Jordan et al. 2024, "Muon: An optimizer for hidden layers in neural
    networks".
    """

    def __init__(
        self,
        parameters: Iterable[nn.Parameter] | Iterable[dict[str, Any]],
        lr: float = 0.02,
        momentum: float = 0.95,
        weight_decay: float = 0.0,
        parts: tuple[int, ...] = (),
    ) -> None:
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "weight_decay": weight_decay,
            "parts": parts,
        }
        super().__init__(parameters, defaults)

    @torch.no_grad()
    def step(  # type: ignore[override]
        self, closure: Callable[[], Tensor] | None = None
    ) -> Tensor | None:
        """Take one step with the gradients in `.grad`."""
        loss = _loss_again(closure)
        for group in self.param_groups:
            # One batched product per shape: the many small ones would mostly wait.
            by_shape: dict[torch.Size, list[_Matrix]] = {}
            for parameter in group["params"]:
                if parameter.grad is not None:
                    for matrix in self._matrices(parameter, group.get("parts", ())):
                        by_shape.setdefault(matrix.weight.shape, []).append(matrix)
            for matrices in by_shape.values():
                _step_together(matrices, group)
        return loss

    def _matrices(self, parameter: Tensor, parts: Sequence[int]) -> list[_Matrix]:
        """Return the matrices that a parameter is packed of, as views."""
        state = self.state[parameter]
        if "momentum" not in state:
            state["momentum"] = torch.zeros_like(parameter)
        assert parameter.grad is not None
        rows = list(parts) or [len(parameter)]
        packed = (parameter, parameter.grad, state["momentum"])
        views = (tensor.split(rows) for tensor in packed)
        return [_Matrix(*matrix) for matrix in zip(*views, strict=True)]


def _step_together(matrices: list[_Matrix], group: dict[str, Any]) -> None:
    """Step matrices of one shape."""
    weights, gradients, momenta = (list(part) for part in zip(*matrices, strict=True))
    torch._foreach_lerp_(momenta, gradients, 1.0 - group["momentum"])
    ahead = torch.stack(gradients).lerp_(torch.stack(momenta), group["momentum"])
    rows, columns = weights[0].shape
    scale = group["lr"] * max(1.0, rows / columns) ** 0.5
    updates = orthogonalize_by_gram(ahead).mul_(scale)
    if group["weight_decay"]:
        torch._foreach_mul_(weights, 1.0 - group["lr"] * group["weight_decay"])
    torch._foreach_sub_(weights, list(updates.unbind()))


def _loss_again(closure: Callable[[], Tensor] | None) -> Tensor | None:
    """Compute loss and gradients afresh, where torch's protocol asks for it."""
    if closure is None:
        return None
    with torch.enable_grad():
        return closure()


class OptimizerPair(Optimizer):
    """Two optimizers for two kinds of weights, behind the interface of one.

    The parts share the groups, so a scheduler that changes them changes the parts.
    """

    def __init__(self, first: Optimizer, second: Optimizer) -> None:
        self.parts = (first, second)
        super().__init__([*first.param_groups, *second.param_groups], {})

    @torch.no_grad()
    def step(  # type: ignore[override]
        self, closure: Callable[[], Tensor] | None = None
    ) -> Tensor | None:
        """Take a step with both optimizers."""
        loss = _loss_again(closure)
        for part in self.parts:
            part.step()
        return loss

    def state_dict(self) -> dict[str, Any]:
        """Return the state of both."""
        first, second = self.parts
        return {"first": first.state_dict(), "second": second.state_dict()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore the state of both."""
        first, second = self.parts
        first.load_state_dict(state_dict["first"])
        second.load_state_dict(state_dict["second"])
        # Loading gives the parts new group objects: share those again.
        self.param_groups = [*first.param_groups, *second.param_groups]


def is_hidden_matrix(name: str, parameter: nn.Parameter) -> bool:
    """Whether a weight is a matrix between hidden vectors, which Muon is made for.

    Embeddings (of values too) and the head face the vocabulary, and a table of relative
    biases is no linear map: these are AdamW's.
    """
    return (
        name.startswith("blocks.")
        and parameter.ndim == 2
        and not name.endswith(("bias_table", "value_embedding.weight"))
    )


def build_optimizer(model: nn.Module, config: TrainConfig) -> Optimizer:
    """Build the optimizer that a config asks for.

    With `muon`, Muon takes the matrices inside the blocks and AdamW everything else.
    Weight decay applies to matrices and embeddings only: pulling the scales of norms,
    biases or the tables of relative biases towards zero would not simplify the model.

    Args:
        model: Whose weights learn; frozen ones are left out.
        config: Learning rates, betas, momentum, weight decay.

    Source: Loshchilov & Hutter 2019, arXiv:1711.05101, for AdamW; Jordan et al. 2024,
    for Muon.
    """
    named = [(n, p) for n, p in model.named_parameters() if p.requires_grad]
    hidden = [p for n, p in named if is_hidden_matrix(n, p)]
    kept_by_muon = {id(p) for p in hidden} if config.optimizer == "muon" else set()
    rest = [(n, p) for n, p in named if id(p) not in kept_by_muon]
    decayed = [p for n, p in rest if p.ndim >= 2 and not n.endswith("bias_table")]
    others = [p for n, p in rest if p.ndim < 2 or n.endswith("bias_table")]
    groups = [
        {"params": decayed, "weight_decay": config.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    adamw = AdamW(
        [group for group in groups if group["params"]],
        lr=config.learning_rate,
        betas=(config.beta1, config.beta2),
        fused=True,
    )
    if not kept_by_muon:
        return adamw
    muon = Muon(
        _muon_groups(model, config, hidden),
        lr=config.muon_learning_rate,
        momentum=config.muon_momentum,
        weight_decay=config.weight_decay,
    )
    return OptimizerPair(muon, adamw)


def _muon_groups(
    model: nn.Module, config: TrainConfig, hidden: list[nn.Parameter]
) -> list[dict[str, Any]]:
    """Group Muon's matrices by what they are packed of."""
    if not config.muon_splits_qkv:
        return [{"params": hidden}]
    widths = {
        id(attention.qkv.weight): tuple(attention.widths)
        for attention in model.modules()
        if isinstance(attention, MultiHeadAttention)
    }
    by_parts: dict[tuple[int, ...], list[nn.Parameter]] = {}
    for parameter in hidden:
        by_parts.setdefault(widths.get(id(parameter), ()), []).append(parameter)
    return [{"params": found, "parts": parts} for parts, found in by_parts.items()]
