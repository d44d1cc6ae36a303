"""The answers of How a weight learns: torch's own gradients and optimizers."""

import copy
import re
from typing import Any

import numpy as np
import torch
from guard.answers import answers
from guard.printed import Answer, numbers_in, plain_text
from guard.screen import Asked
from guard.seen import Seen
from torch.nn import functional as F

from minigpt.config import TrainConfig
from minigpt.training.optimizer import build_optimizer

RATES = [1e-4, 3e-4, 1e-3, 3e-3, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0]


def loss_of(model: Any, seen: Seen) -> torch.Tensor:
    read = torch.tensor([list(seen.tokens)])
    return F.cross_entropy(model(read)[0, :-1], read[0, 1:])


def losses(seen: Seen) -> np.ndarray:
    """−ln p of every token but the first."""
    with torch.inference_mode():
        read = torch.tensor([list(seen.tokens)])
        row = F.cross_entropy(seen.model(read)[0, :-1], read[0, 1:], reduction="none")
    return row.double().numpy()


def hooks_followed(seen: Seen) -> list[str]:
    """The columns of the picture of the gradient."""
    wanted = ("attn.hook_z", "mlp.hook_post", "hook_resid_post")
    inner = [
        name
        for name in seen.model.hook_points
        if name.startswith("blocks.") and name.split(".", 2)[2] in wanted
    ]
    return ["hook_embed", *inner, "logits"]


def optimizer_of(model: Any, name: str, rate: float) -> Any:
    if name == "SGD":
        return torch.optim.SGD(model.parameters(), lr=rate)
    usual = TrainConfig()
    if name == "AdamW":
        return build_optimizer(model, TrainConfig(learning_rate=rate))
    share = usual.learning_rate / usual.muon_learning_rate
    config = TrainConfig(
        optimizer="muon",
        learning_rate=rate * share,
        muon_learning_rate=rate,
        muon_splits_qkv=True,
    )
    return build_optimizer(model, config)


def losses_of_steps(seen: Seen, name: str, rate: float, steps: int) -> list[float]:
    """The loss before the first step and after each."""
    own = copy.deepcopy(seen.model).requires_grad_(True)
    optimizer, found = optimizer_of(own, name, rate), []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = loss_of(own, seen)
        found.append(loss.item())
        loss.backward()
        optimizer.step()
    return [*found, loss_of(own, seen).item()]


def slope_and_losses(seen: Seen, name: str, rate: float) -> tuple[float, float, float]:
    """How the loss should change per unit of rate, and the loss before and after."""
    own = copy.deepcopy(seen.model).requires_grad_(True)
    before = [each.detach().clone() for each in own.parameters()]
    loss_of(own, seen).backward()
    optimizer_of(own, name, rate).step()
    change = sum(
        float((each.grad.double() * (each.detach() - old).double()).sum())
        for each, old in zip(own.parameters(), before, strict=True)
    )
    start, end = losses_of_steps(seen, name, rate, 1)
    return change / rate, start, end


def first_matrix(seen: Seen) -> tuple[np.ndarray, np.ndarray]:
    """Weights and gradients of the matrix that the page begins with."""
    own = copy.deepcopy(seen.model).requires_grad_(True)
    loss_of(own, seen).backward()
    block, columns = own.blocks[0], slice(None)
    if not hasattr(block, "attn"):
        weight = block.linear.weight
    elif block.has_mlp:
        weight = block.mlp.input.weight
    else:
        weight, columns = block.attn.output.weight, slice(seen.config.d_head)
    pair = (weight.detach()[:, columns], weight.grad[:, columns])
    return pair[0].double().numpy(), pair[1].double().numpy()


def ranked(gradient: np.ndarray, count: int) -> list[tuple[int, int]]:
    """Cells from the largest gradient down, each a fifth smaller than the last."""
    sizes, found = np.abs(gradient), []
    for _ in range(count):
        limit = 0.8 * sizes[found[-1]] if found else np.inf
        left = np.where(sizes <= limit, sizes, -1)
        found.append(np.unravel_index(int(left.argmax()), left.shape))
    return [(int(row), int(column)) for row, column in found]


def shown_cell(seen: Seen) -> tuple[int, int]:
    """The first cell of the part with the largest gradients, of the shown matrix."""
    _, gradient = shown_matrix(seen)
    rows = np.sort(np.argsort(-np.linalg.norm(gradient, axis=1), kind="stable")[:5])
    sizes = np.linalg.norm(gradient[rows], axis=0)
    columns = np.sort(np.argsort(-sizes, kind="stable")[:6])
    return int(rows[0]), int(columns[0])


def shown_matrix(seen: Seen) -> tuple[np.ndarray, np.ndarray]:
    """W_in of the chosen layer, or the MLP model's first."""
    own = copy.deepcopy(seen.model).requires_grad_(True)
    loss_of(own, seen).backward()
    block = own.blocks[seen.layer]
    weight = block.mlp.input.weight if hasattr(block, "mlp") else block.linear.weight
    return weight.detach().double().numpy(), weight.grad.double().numpy()


def shown_weight(seen: Seen) -> tuple[float, float]:
    return tuple(float(each[shown_cell(seen)]) for each in shown_matrix(seen))


@answers("learning.longer_step")
def longer_step(seen: Seen, asked: Asked) -> Answer:
    text = plain_text(asked.text)
    optimizer = re.search(r"step of (\w+) with", text)[1]
    rate, _, _, longer = map(float, numbers_in(text))
    assert RATES.index(longer) == RATES.index(rate) + 2
    before, one = losses_of_steps(seen, optimizer, rate, 1)
    other = losses_of_steps(seen, optimizer, longer, 1)[1]
    words = "it falls, but less" if other < before else "it rises"
    if other < one:
        words = "it falls further"
    return Answer(words, (rate, before, one, longer, before, other))


@answers("learning.cost")
def cost(seen: Seen, asked: Asked) -> Answer:
    found = losses(seen)
    worst = int(found.argmax())
    p = float(np.exp(-found[worst]))
    return Answer(float(found[worst]), (worst + 1, p, p))


@answers("learning.new_weight")
def new_weight(seen: Seen, asked: Asked) -> Answer:
    weight, gradient = first_matrix(seen)
    cell = ranked(gradient, 1)[0]
    w, g = float(weight[cell]), float(gradient[cell])
    return Answer(w - 0.1 * g, (*cell, w, g, 0.1))


@answers("learning.farther")
def farther(seen: Seen, asked: Asked) -> Answer:
    """AdamW: after one step m̂ is the gradient, and √v̂ its size."""
    _, gradient = first_matrix(seen)
    cells = ranked(gradient, 3)
    a, b = (abs(float(gradient[cell])) for cell in (cells[0], cells[2]))
    return Answer((a / (a + 1e-8)) / (b / (b + 1e-8)), (a, b))
