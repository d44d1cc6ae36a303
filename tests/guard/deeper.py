"""What Steer, Paths, Neurons, Circuit and Rounding print, worked out apart from them.

Each change is a hook of our own on the model's own forward pass.
"""

import re
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import torch
from guard.answers_inside import prompts, telling, unembedding
from guard.seen import Seen, cache_of, logits_of, softmax

from minigpt.interpret.corpora import held_out

Hook = tuple[str, Any]


def adding(name: str, vector: np.ndarray) -> Hook:
    """Return a hook that adds a vector, or one for each position."""

    def add(value, hook):
        return value + torch.from_numpy(vector).to(value.dtype)

    return name, add


def gap_of(logits: np.ndarray, pair: tuple[int, int]) -> float:
    return float(logits[-1][pair[0]] - logits[-1][pair[1]])


# Steer.


def middle(seen: Seen) -> str:
    return f"blocks.{seen.config.num_layers // 2}.hook_resid_pre"


def steered(
    seen: Seen,
    strength: float = 0.3,
    name: str | None = None,
    tokens: list[int] | None = None,
) -> Hook:
    """Add some mean lengths of the direction from one text to the other."""
    name = name or middle(seen)
    encode = seen.checkpoint.tokenizer.encode
    toward, away = (
        cache_of(seen.model, encode(seen.app.text_input(key=key).value))[name].mean(0)
        for key in ("toward", "away")
    )
    direction = toward - away
    stream = cache_of(seen.model, tokens or seen.tokens)[name]
    size = strength * np.linalg.norm(stream, axis=-1).mean()
    return adding(name, size * direction / np.linalg.norm(direction))


def alike_for(seen: Seen, most: int, temperature: float, seed: int) -> int:
    """Return for how many tokens both texts are the same, drawn with one seed."""
    dice = [torch.Generator().manual_seed(seed) for _ in range(2)]
    text = list(seen.tokens)
    for count in range(most):
        drawn = []
        for hooks, die in zip(([], [steered(seen)]), dice, strict=True):
            window = text[-seen.config.max_seq_len :]
            logits = logits_of(seen.model, window, hooks)[-1] / temperature
            logits[logits < np.sort(logits)[-50:][0]] = -np.inf
            waits = torch.empty(len(logits)).exponential_(generator=die)
            drawn.append(int((softmax(logits) / waits.numpy()).argmax()))
        if drawn[0] != drawn[1]:
            return count
        text.append(drawn[0])
    return most


# Paths.


class OwnPath(NamedTuple):
    """From a head to what another layer's head or group reads; None: the logits."""

    sender: tuple[int, int]
    receiver: tuple[int, int] | None
    through: str = "k"

    @property
    def name(self) -> str:
        if self.receiver is None:
            return "L{}H{}>logits".format(*self.sender)
        return "L{}H{}>L{}H{}.{}".format(*self.sender, *self.receiver, self.through)


def own_paths(seen: Seen) -> list[OwnPath]:
    """Every path into keys, and every head's to the logits."""
    layers, config = range(seen.config.num_layers), seen.config
    heads = [(layer, head) for layer in layers for head in range(config.num_heads)]
    into = [(layer, group) for layer in layers for group in range(config.kv_heads)]
    between = [OwnPath(one, to) for one in heads for to in into if to[0] > one[0]]
    return [*between, *(OwnPath(head, None) for head in heads)]


def patched(seen: Seen, *paths: OwnPath) -> np.ndarray:
    """Return the logits of the corrupted run with some paths patched at once."""
    clean, run = prompts(seen)
    there, here = (cache_of(seen.model, tokens) for tokens in (clean, run))
    last = f"blocks.{seen.config.num_layers - 1}.hook_resid_post"
    hooks: list[Hook] = []
    inputs: dict[tuple[tuple[int, int], str], np.ndarray] = {}
    for path in paths:
        layer, head = path.sender
        name = f"blocks.{layer}.attn.hook_result"
        more = there[name][:, head] - here[name][:, head]
        if path.receiver is None:
            hooks.append(adding(last, more))
        else:
            heard = (path.receiver, path.through)
            inputs[heard] = inputs.get(heard, 0) + more
    for ((to, group), through), more in inputs.items():
        turned = "rot_" * (seen.is_turned and through != "v")
        name = f"blocks.{to}.attn.hook_{turned}{through}"
        hooks.append(hearing(name, group, heard_of(seen, run, name, more)))
    return logits_of(seen.model, run, hooks)


def heard_of(seen: Seen, run: list[int], name: str, more: np.ndarray) -> torch.Tensor:
    """Return what a layer's heads read of the stream with something added."""
    told: list[torch.Tensor] = []

    def keep(value, hook):
        told.append(value.clone())

    layer = name.split(".")[1]
    stream = adding(f"blocks.{layer}.hook_resid_pre", more)
    logits_of(seen.model, run, [stream, (name, keep)])
    return told[0]


def hearing(name: str, group: int, told: torch.Tensor) -> Hook:
    """Return a hook that lets one head, or one group, read something else."""

    def receive(value, hook):
        value = value.clone()
        value[0, :, group] = told[0, :, group]
        return value

    return name, receive


def share_of(seen: Seen, *paths: OwnPath) -> float:
    """Return how far some paths together move the answer."""
    clean, run = prompts(seen)
    pair = telling(seen)
    start, end = (gap_of(logits_of(seen.model, each), pair) for each in (run, clean))
    return (gap_of(patched(seen, *paths), pair) - start) / (end - start)


def shares_of_paths(seen: Seen) -> dict[OwnPath, float]:
    """Return how far each path alone moves the answer."""
    return {path: share_of(seen, path) for path in own_paths(seen)}


# Neurons.


def strongest_neuron(seen: Seen) -> tuple[int, int]:
    """Return the neuron that does most for or against the likeliest token."""
    norm, best = seen.model.ln_final, int(seen.cache["logits"][-1].argmax())
    row = unembedding(seen)[best] * norm.weight.detach().double().numpy()
    if seen.config.norm == "layernorm":
        row = row - row.mean()
    found = {}
    for layer, block in enumerate(seen.model.blocks):
        output = block.mlp.output.weight.detach().double().numpy()
        adds = seen.hook("mlp.hook_post", layer)[-1] * (row @ output)
        neuron = int(np.abs(adds).argmax())
        found[layer, neuron] = abs(adds[neuron])
    return max(found, key=found.__getitem__)


def without_neuron(seen: Seen, place: tuple[int, int] | None = None) -> Hook:
    layer, neuron = place or strongest_neuron(seen)

    def cut(value, hook):
        value = value.clone()
        value[..., neuron] = 0
        return value

    return f"blocks.{layer}.mlp.hook_post", cut


def firing(seen: Seen, place: tuple[int, int] | None = None) -> tuple[int, int, float]:
    """Return the windows, their length, and where a neuron is above 0, in percent."""
    _, tokenizer, metadata = seen.checkpoint
    size = min(64, seen.config.max_seq_len)
    windows = held_out(metadata, tokenizer, size, 64).windows
    layer, neuron = place or strongest_neuron(seen)
    name = f"blocks.{layer}.mlp.hook_post"
    with torch.inference_mode():
        _, fired = seen.model.run_with_cache(torch.as_tensor(windows), name)
    above = (fired[name][..., neuron] > 0).double().mean()
    return len(windows), windows.shape[1], 100 * float(above)


# Circuit.


def sites(seen: Seen) -> list[str]:
    """Return the hooks of the nodes, in the order of the computation."""
    names = ["hook_embed", "hook_token_shift", "hook_pos_embed"]
    for layer in range(seen.config.num_layers):
        names += [f"blocks.{layer}.attn.hook_z", f"blocks.{layer}.hook_mlp_out"]
    return [name for name in names if name in seen.cache]


@cache
def _means(model: Any, names: tuple[str, ...], text: bytes, size: int) -> Any:
    windows = np.frombuffer(text, dtype=np.int64).reshape(-1, size)
    read = [cache_of(model, window.tolist()) for window in windows]
    return {
        name: torch.from_numpy(np.concatenate([each[name] for each in read]).mean(0))
        for name in names
    }


def differences(seen: Seen, kept: np.ndarray, pair: tuple[int, int]) -> np.ndarray:
    """Return answer minus rival for sets of kept nodes [set part pos], others mean."""
    windows = np.ascontiguousarray(seen.windows, dtype=np.int64)
    means = _means(seen.model, tuple(sites(seen)), windows.tobytes(), windows.shape[1])

    def replacing(rows: np.ndarray, mean: torch.Tensor) -> Any:
        """Rows: [set part pos], with a part for each head of z."""
        still = torch.from_numpy(rows)

        def edit(value, hook):
            where = still.transpose(1, 2) if value.ndim == 4 else still[:, 0]
            return torch.where(where[..., None], value, mean.to(value.dtype))

        return edit

    hooks, first = [], 0
    for name in sites(seen):
        count = seen.config.num_heads if name.endswith("hook_z") else 1
        rows = np.ascontiguousarray(kept[:, first : first + count])
        hooks.append((name, replacing(rows, means[name])))
        first += count
    assert first == kept.shape[1]
    with torch.inference_mode():
        read = torch.tensor([seen.tokens]).expand(len(kept), -1)
        logits = seen.model.run_with_hooks(read, hooks)[:, -1].double().numpy()
    return logits[:, pair[0]] - logits[:, pair[1]]


def asked(seen: Seen, nodes: tuple[int, ...]) -> tuple[int, int]:
    """Return the likeliest token, and what the model says with all at their means."""
    order = np.argsort(-seen.cache["logits"][-1], kind="stable")
    nothing = np.zeros((1, *nodes), dtype=bool)
    best = int(order[0])
    worth = [
        differences(seen, nothing, (token, best))[0] for token in range(len(order))
    ]
    blind = int(np.argmax(worth))
    return best, int(order[1]) if blind == best else blind


# Rounding.


def rounded_row(row: np.ndarray) -> tuple[float, np.ndarray]:
    """Return the scale of a row with 4 bits, and its integers: −7 to 7."""
    scale = np.float32(np.abs(row).max()) / np.float32(7)
    return float(scale), np.rint(row / scale).astype(int)


def shown_matrix(seen: Seen) -> np.ndarray:
    """Return the matrix that is chosen where nobody chose: the first."""
    name = seen.app.selectbox(key="rounded_matrix").value
    first = next(
        key.removesuffix(".weight")
        for key, value in seen.model.named_parameters()
        if value.ndim == 2 and re.search(r"\.weight$", key)
    )
    assert name == first
    return seen.model.get_submodule(name).weight.detach().numpy()
