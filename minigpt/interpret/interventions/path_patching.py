"""Path patching: what one head tells another, and nothing else.

Patching a head's z changes everything that reads it. A path is narrower: what one
head, the sender, writes in another prompt reaches one receiver, and everything between
them is frozen at what it was:

    receiver's input = stream in the run + sender's output there − its output here

The receiver is a head's queries, keys or values, or the logits. From its input its q, k
or v is computed anew, and from there on the model runs as usual. If the answer moves as
far as it does with the whole other prompt, the difference travels along this path.

    moved = (d_patched − d_run) / (d_other − d_run),   d = logit(answer) − logit(rival)

Before: `patching`, whole values, and `paths`, which names them. Beside:
`weights.composition`, which says what a path could carry, by the weights alone.

Source: Wang et al. 2022, arXiv:2211.00593, appendix B; Goldowsky-Dill et al. 2023,
arXiv:2304.05969. There, MLPs between the two are computed again; here they are frozen,
so that a path is a direct one.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from minigpt.activation_cache import ActivationCache
from minigpt.errors import DataError
from minigpt.hooks import HookFunction, HookPoint
from minigpt.interpret.effects import Effect, compare_logits
from minigpt.interpret.interventions.interventions import Hooks
from minigpt.interpret.interventions.parts import Head
from minigpt.interpret.interventions.patching import (
    Prompts,
    both_prompts,
    difference,
    require_difference,
)
from minigpt.interpret.interventions.paths import Path, Through
from minigpt.interpret.stream.logit_direction import block_at, run_blocks
from minigpt.model import TransformerLM

MOST_TOKENS = 2048
"""Of one forward pass: a batch of paths, each with the whole prompt."""


def receivers(model: TransformerLM, through: Through) -> int:
    """Return how many receivers a layer has: its heads, or groups for k and v."""
    config = model.config
    return config.num_heads if through == "q" else config.kv_heads


def path_map(
    model: TransformerLM, prompts: Prompts, through: Through, layer: int
) -> Float[np.ndarray, "sender_layer sender receiver"]:
    """Patch every path into one layer's heads, one at a time.

    Args:
        model: The model; it is left as it was.
        prompts: Two prompts of equal length, the answer and its rival.
        through: What of the receiving heads is computed anew: `q`, `k` or `v`.
        layer: The receiving heads' layer; the senders are all heads before it.

    Returns:
        Share of the way that the path moves the answer: see `patch_map`.

    Raises:
        DataError: If the prompts differ in length or do not differ in their answer.
    """
    runs = _Runs(model, prompts)
    heads = [Head(at, n) for at in range(layer) for n in range(model.config.num_heads)]
    columns = []
    for number in range(receivers(model, through)):
        paths = [[Path(head, Head(layer, number), through)] for head in heads]
        columns.append(runs.moved(paths, layer))
    shape = (layer, model.config.num_heads, len(columns))
    return np.stack(columns, -1).reshape(shape) if heads else np.zeros(shape)


def logit_paths(
    model: TransformerLM, prompts: Prompts
) -> Float[np.ndarray, "layer head"]:
    """Patch every head's path to the logits, one at a time: what it says itself.

    Arguments and errors as for `path_map`.
    """
    runs, config = _Runs(model, prompts), model.config
    shape = (config.num_layers, config.num_heads)
    paths = [[Path(Head(layer, head))] for layer, head in np.ndindex(shape)]
    return runs.moved(paths, config.num_layers).reshape(shape)


@dataclass(frozen=True)
class PathsEffect:
    """What several paths do together."""

    moved: float
    """Share of the way to the other answer."""
    effect: Effect
    """On the next token."""


def patch_paths(
    model: TransformerLM, prompts: Prompts, paths: Sequence[Path]
) -> PathsEffect:
    """Patch several paths at once: each receiver gets all that its senders tell it.

    Args:
        model: The model; it is left as it was.
        prompts: Two prompts of equal length, the answer and its rival.
        paths: None twice.

    Raises:
        DataError: If the model has no such head, or see `path_map`.
    """
    for path in paths:
        path.require_in(model.config)
    runs = _Runs(model, prompts)
    after = runs.logits([paths], 0)[0]
    return PathsEffect(runs.share(after), compare_logits(runs.before, after))


class _Runs:
    """Two prompts, both read, and the model run again with some paths patched."""

    def __init__(self, model: TransformerLM, prompts: Prompts) -> None:
        self.model, self.prompts = model, prompts
        self.run, other = both_prompts(model, prompts)
        wanted = ("hook_resid_pre", "hook_resid_post", "attn.hook_z")
        with torch.inference_mode():
            logits, cache = model.run_with_cache(
                self.run, lambda name: name.endswith(wanted)
            )
            other_logits, there = model.run_with_cache(
                other, lambda name: name.endswith("attn.hook_z")
            )
        self.before: Float[Tensor, " vocab"] = logits[0, -1]
        self.start, self.end = (
            difference(each[0, -1], prompts) for each in (logits, other_logits)
        )
        require_difference(self.start, self.end)
        self._cache, self._told = cache, _outputs(model, cache, there)

    def share(self, logits: Float[Tensor, " vocab"]) -> float:
        """Return how far the answer has moved, as a share of the way."""
        moved = difference(logits, self.prompts) - self.start
        return moved / (self.end - self.start)

    def moved(
        self, several: Sequence[Sequence[Path]], first_layer: int
    ) -> Float[np.ndarray, " several"]:
        """Return that share for several sets of paths, each patched alone."""
        together = max(1, MOST_TOKENS // self.run.shape[1])
        shares = [
            self.share(logits)
            for start in range(0, len(several), together)
            for logits in self.logits(several[start : start + together], first_layer)
        ]
        return np.array(shares)

    @torch.inference_mode()
    def logits(
        self, several: Sequence[Sequence[Path]], first_layer: int
    ) -> Float[Tensor, "several vocab"]:
        """Run the model once for each set of paths; return the last token's logits.

        Args:
            several: The sets, one for each row of a batch.
            first_layer: The first layer that a path leads into: what comes before it
                is as it was, and is not computed again.
        """
        tokens = self.run.expand(len(several), -1)
        hooks = self._hooks(several)
        model, last = self.model, self.model.config.num_layers
        name = f"blocks.{first_layer}.hook_resid_pre"
        if first_layer == last:
            name = f"blocks.{last - 1}.hook_resid_post"
        x = self._cache[name].expand(len(several), -1, -1)
        with model.hooks(hooks):
            x = run_blocks(model, range(first_layer, last), x, tokens)
        for row, paths in enumerate(several):
            for path in paths:
                if path.receiver is None:
                    x = x.clone()
                    x[row] += self._told[path.sender]
        return model.unembed(model.ln_final(x[:, -1:]))[:, 0]

    def _hooks(self, several: Sequence[Sequence[Path]]) -> Hooks:
        """Return the hooks that give each row's receivers their new q, k or v."""
        told: dict[tuple[int, Through], dict[tuple[int, int], list[Tensor]]]
        told = defaultdict(lambda: defaultdict(list))
        for row, paths in enumerate(several):
            for path in paths:
                if path.receiver is not None and path.through is not None:
                    kind = path.receiver.layer, path.through
                    place = row, path.receiver.head
                    told[kind][place].append(self._told[path.sender])
        return [
            self._hook(layer, through, places)
            for (layer, through), places in told.items()
        ]

    def _hook(
        self, layer: int, through: Through, told: dict[tuple[int, int], list[Tensor]]
    ) -> tuple[str, HookFunction]:
        """Return the hook on one layer's q, k or v, for places [row head]."""
        block = block_at(self.model, layer)
        stream = self._cache[f"blocks.{layer}.hook_resid_pre"]
        x = torch.cat([stream + sum(added) for added in told.values()])
        attention = block.attn
        tokens = self.run.expand(len(x), -1)
        received = attention.queries_keys_values(block.ln1(x), 0, tokens)
        new = received["qkv".index(through)].transpose(1, 2)  # [place pos head d_head]

        def receive(value: Tensor, hook: HookPoint) -> Tensor:  # noqa: ARG001
            value = value.clone()
            for number, (row, head) in enumerate(told):
                value[row, :, head] = new[number, :, head]
            return value

        turned = attention.rotary is not None and through != "v"
        return f"blocks.{layer}.attn.hook_{'rot_' * turned}{through}", receive


def _outputs(
    model: TransformerLM, here: ActivationCache, there: ActivationCache
) -> dict[Head, Float[Tensor, "pos d_model"]]:
    """Return how much more each head writes in the other prompt than in the run.

    Raises:
        DataError: If a norm of what all heads write keeps them from adding straight.
    """
    if model.config.post_norms:
        raise DataError(
            "Paths are followed where heads add straight to the stream, and this model "
            "has post_norms: choose another model."
        )
    heads = range(model.config.num_heads)
    found: dict[Head, Tensor] = {}
    for layer in range(model.config.num_layers):
        name = f"blocks.{layer}.attn.hook_z"
        more = there[name] - here[name]  # [1 pos head d_head]
        alone = torch.zeros(len(heads) + 1, *more.shape[1:]).to(more)
        for head in heads:
            alone[head, :, head] = more[0, :, head]
        with torch.inference_mode():
            written = block_at(model, layer).attn.output(alone.flatten(2))
        # The last row is zeros: what it writes is the bias.
        found |= {Head(layer, head): written[head] - written[-1] for head in heads}
    return found
