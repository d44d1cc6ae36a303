"""Ablation and patching, one run at a time: `interpret.interventions` by hand.

Source: Olsson et al. 2022, arXiv:2209.11895, for ablating each head in turn; Wang et
al. 2022, arXiv:2211.00593, for patching.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional

from minigpt.hooks import HookPoint
from minigpt.interpret.corpora import Windows
from minigpt.interpret.heads.repeated_tokens import scores_on
from minigpt.interpret.heads.scores import HeadScores
from minigpt.interpret.interventions.interventions import Hooks, read_ablation
from minigpt.interpret.interventions.parts import Cells
from minigpt.interpret.interventions.patching import CARRIED, Prompts
from minigpt.model import TransformerLM


@torch.inference_mode()
def ablation_hooks(
    model: TransformerLM, what: Sequence[str], windows: Windows | None = None
) -> Hooks:
    """Return hooks that ablate some parts of the model.

    Args:
        model: The model to ablate.
        what: Parts, each with how to ablate it: `L0H1 zero`, `MLP0 mean`,
            `attention1 resample`, `L1H0[7,3] x0.5`.
        windows: Other texts, for a mean or a resample.
    """
    edits = defaultdict(list)
    for each in map(read_ablation, what):
        for name, cells in each.part.places(model).items():
            edits[name].append((cells, each))
    others: Mapping[str, Tensor] = {}
    if windows is not None:
        _, others = model.run_with_cache(torch.as_tensor(windows), list(edits))

    def ablate(value: Tensor, hook: HookPoint) -> Tensor:
        value = value.clone()
        for cells, each in edits[hook.name]:
            if each.how == "mean":  # over all positions of all windows
                mean = others[hook.name].mean((0, 1)).expand_as(value)
                value[cells] = mean[cells]
            elif each.how == "resample":  # text i takes its values from window i + 1
                other = others[hook.name]
                rows = (torch.arange(value.shape[0]) + 1) % other.shape[0]
                places = torch.arange(value.shape[1]) % other.shape[1]
                value[cells] = other[rows][:, places][cells]
            else:
                value[cells] *= 0 if each.how == "zero" else each.how
            if each.renormalize:  # the row's other weights share what was taken
                value /= value.sum(-1, keepdim=True).clamp(min=1e-9)
        return value

    return [(name, ablate) for name in edits]


@torch.inference_mode()
def loss_under(model: TransformerLM, windows: Windows, hooks: Hooks) -> float:
    """Compute the mean of −ln p(next token) over a corpus while hooks change the model.

    Args:
        model: Any transformer.
        windows: Texts of equal length.
        hooks: What `ablation_hooks` returns.
    """
    texts = torch.as_tensor(windows)  # [window pos]
    logits = model.run_with_hooks(texts, hooks)[:, :-1]
    return functional.cross_entropy(logits.mT, texts[:, 1:]).item()


def scores_under(model: TransformerLM, windows: Windows, hooks: Hooks) -> HeadScores:
    """Score every head on some texts while hooks change the model."""
    with model.hooks(hooks):
        return scores_on(model, windows)


def loss_of_each_head(
    model: TransformerLM, windows: Windows, how: str
) -> Float[Tensor, "layer head"]:
    """Ablate every head alone, and compute how much the mean loss rises.

    Args:
        model: Any transformer.
        windows: Texts of equal length; also the other texts of a mean or a resample.
        how: `zero`, `mean` or `resample`.
    """
    found = torch.zeros(model.config.num_layers, model.config.num_heads)
    for layer in range(model.config.num_layers):
        for head in range(model.config.num_heads):
            hooks = ablation_hooks(model, [f"L{layer}H{head} {how}"], windows)
            found[layer, head] = loss_under(model, windows, hooks)
    return found - loss_under(model, windows, [])


@torch.inference_mode()
def kl_of_each_head(
    model: TransformerLM, windows: Windows, how: str
) -> Float[Tensor, "layer head"]:
    """Ablate every head alone, and compute how far all next-token predictions move.

        KL(before ‖ after) = Σ_t before(t) · (ln before(t) − ln after(t))

    Arguments as for `loss_of_each_head`.

    Returns:
        Nats, averaged over all positions.
    """
    texts = torch.as_tensor(windows)
    before = model(texts).log_softmax(-1)
    found = torch.zeros(model.config.num_layers, model.config.num_heads)
    for layer in range(model.config.num_layers):
        for head in range(model.config.num_heads):
            hooks = ablation_hooks(model, [f"L{layer}H{head} {how}"], windows)
            after = model.run_with_hooks(texts, hooks).log_softmax(-1)
            found[layer, head] = (before.exp() * (before - after)).sum(-1).mean()
    return found


@torch.inference_mode()
def patch_each_place(
    model: TransformerLM, prompts: Prompts, what: str
) -> Float[Tensor, "layer place"]:
    """Patch one value from the other prompt at a time, in every layer and place.

        moved = (d_patched − d_run) / (d_other − d_run)
        d = logit(answer) − logit(rival)

    Args:
        model: Any transformer.
        prompts: Two texts of equal length, and the two answers that tell them apart.
        what: A key of `CARRIED`, which says in which hook the values lie, and whether a
            place is a position or a head.
    """
    kind = CARRIED[what]
    run, other = (torch.tensor([list(text)]) for text in (prompts.run, prompts.other))
    _, cache = model.run_with_cache(other)

    def difference(text: Int[Tensor, "1 pos"], hooks: Hooks) -> float:
        logits = model.run_with_hooks(text, hooks)[0, -1]
        return float(logits[prompts.answer] - logits[prompts.rival])

    def patched(layer: int, place: int) -> float:
        cells: Cells = (*[slice(None)] * kind.axis, place)

        def carry(value: Tensor, hook: HookPoint) -> Tensor:
            value = value.clone()
            value[cells] = cache[hook.name][cells]
            return value

        return difference(run, [(f"blocks.{layer}.{kind.hook}", carry)])

    start, end = difference(run, []), difference(other, [])
    places = range(cache[f"blocks.0.{kind.hook}"].shape[kind.axis])
    layers = range(model.config.num_layers)
    found = torch.tensor(
        [[patched(layer, place) for place in places] for layer in layers]
    )
    return (found - start) / (end - start)
