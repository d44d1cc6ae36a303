"""One token on its way through one block: what is read, what is written, what is kept.

    resid_pre ─ ln1 ─ heads ─ W_O ─(+)─ resid_mid ─ ln2 ─ MLP ─(+)─ resid_post

In a block whose MLP works in parallel, ln2 reads resid_pre.

Every vector is one position of the hook of its name, so sums can be checked: the
heads' results (and a bias) add up to `attn_out`, and the stream is only ever added to.

Before: `attention_steps`, one head. Beside: `journey`, the stream through all blocks.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from minigpt.activation_cache import ActivationCache
from minigpt.interpret.heads.attention_steps import affine, require_place
from minigpt.interpret.stream.logit_direction import held_norm
from minigpt.model import TransformerLM
from minigpt.model.block import Block
from minigpt.model.norm import LayerNorm, RMSNorm


@dataclass(frozen=True)
class NormView:
    """What a norm makes of one vector: (x − mean) / scale, then weight and bias."""

    mean: float | None
    """Of the vector's numbers; None for an RMSNorm, which does not centre."""
    scale: float
    """`hook_scale`: what the vector is divided by."""
    normalized: Float[np.ndarray, " d_model"]
    """`hook_normalized`."""
    out: Float[np.ndarray, " d_model"]
    """x, what the sublayer reads: after the learned weight and shift, where there are
    any."""
    weight: Float[np.ndarray, " d_model"] | None
    """The learned factor of each number; None where the norm learns nothing."""
    shift: Float[np.ndarray, " d_model"] | None
    """What is added to each number; None where nothing is, as in an RMSNorm."""


@dataclass(frozen=True)
class FiringNeuron:
    """One neuron of the MLP that is active, and what it says."""

    index: int
    activation: float
    """`hook_post` at this position."""
    norm: float
    """Length of what it adds to the stream: |activation| · ‖its output weights‖."""
    promotes: list[int]
    """Ids of the tokens whose logits it raises most, directly."""


@dataclass(frozen=True)
class BlockView:
    """One block at one position. Vectors are [d_model] unless said."""

    layer: int
    position: int
    resid_pre: Float[np.ndarray, " d_model"]
    ln1: NormView
    z: Float[np.ndarray, "head d_head"]
    results: Float[np.ndarray, "head d_model"]
    """What each head writes: its z through its slice of W_O."""
    output_bias: Float[np.ndarray, " d_model"] | None
    attn_out: Float[np.ndarray, " d_model"]
    resid_mid: Float[np.ndarray, " d_model"]
    """The stream after attention; without an MLP it is `resid_post`."""
    ln2: NormView | None
    """None, as the two below, in a block without an MLP."""
    activations: Float[np.ndarray, " d_ff"] | None
    mlp_out: Float[np.ndarray, " d_model"] | None
    resid_post: Float[np.ndarray, " d_model"]
    parallel: bool = False
    """Whether the MLP reads `resid_pre`, as the heads do, and not `resid_mid`."""
    ln1_post: NormView | None = None
    """Of what all heads write, if that is normalised before it is added."""
    ln2_post: NormView | None = None
    """Of what all neurons write, likewise."""

    @property
    def head_norms(self) -> Float[np.ndarray, " head"]:
        """How much each head writes here: the length of its result."""
        norms: np.ndarray = np.linalg.norm(self.results, axis=-1)
        return norms

    @property
    def fired(self) -> int:
        """How many neurons have an activation above 0 here."""
        return 0 if self.activations is None else int((self.activations > 0).sum())


def length(vector: Float[np.ndarray, " width"]) -> float:
    """Return a vector's Euclidean length: how much it can change the stream."""
    return float(np.linalg.norm(vector))


@torch.inference_mode()
def block_view(
    model: TransformerLM, tokens: list[int], layer: int, position: int
) -> BlockView:
    """Follow one token through one block.

    Args:
        model: Any transformer.
        tokens: The text it reads.
        layer: Which block.
        position: Of the token to follow.

    Raises:
        DataError: If there is no such layer or position.
    """
    require_place(model, tokens, layer, 0, position)
    block = cast(Block, model.blocks[layer])
    here = f"blocks.{layer}."
    _, cache = model.run_with_cache(
        torch.tensor([tokens], device=model.device),
        names_filter=lambda name: name.startswith(here),
    )

    def vector(name: str) -> np.ndarray:
        return _array(cache[here + name][0, position])

    def norm(name: str, read: Tensor) -> NormView:
        return _norm_view(
            getattr(block, name), cache, here + name, read[0, position], position
        )

    has_mlp, parallel = block.has_mlp, block.parallel_mlp and block.has_mlp
    read = here + ("hook_resid_pre" if parallel else "hook_resid_mid")
    bias = block.attn.output.bias
    return BlockView(
        layer=layer,
        position=position,
        resid_pre=vector("hook_resid_pre"),
        ln1=norm("ln1", cache[here + "hook_resid_pre"]),
        z=vector("attn.hook_z"),
        results=vector("attn.hook_result"),
        output_bias=None if bias is None else _array(bias),
        attn_out=vector("hook_attn_out"),
        resid_mid=vector("hook_resid_mid" if has_mlp else "hook_resid_post"),
        ln2=norm("ln2", cache[read]) if has_mlp else None,
        activations=vector("mlp.hook_post") if has_mlp else None,
        mlp_out=vector("hook_mlp_out") if has_mlp else None,
        resid_post=vector("hook_resid_post"),
        parallel=parallel,
        **_norms_behind(block, cache, here, norm),
    )


def _norms_behind(
    block: Block,
    cache: ActivationCache,
    here: str,
    norm: Callable[[str, Tensor], NormView],
) -> dict[str, NormView]:
    """Return the views of the norms behind attention and MLP that a block has."""
    found = {}
    if block.ln1_post is not None:
        heads = cache[here + "attn.hook_z"].flatten(2)
        found["ln1_post"] = norm("ln1_post", block.attn.output(heads))
    if block.ln2_post is not None:
        fired = cache[here + "mlp.hook_post"]
        found["ln2_post"] = norm("ln2_post", block.mlp.output(fired))
    return found


def firing_neurons(
    model: TransformerLM, view: BlockView, count: int = 6, promoted: int = 5
) -> list[FiringNeuron]:
    """Find the neurons most active at a position, and what each promotes.

        promotes(n) = top of  W_U · ln_final(activation_n · W_out[:, n])

    The final norm's division is left out: it changes the size of every logit alike, not
    their order. Later blocks may use a neuron otherwise.

    Args:
        model: The one that `view` shows.
        view: A block with an MLP.
        count: How many neurons.
        promoted: How many tokens for each.

    Returns:
        Neurons by the size of their activation; none that is silent.

    Source: Geva et al. 2021, arXiv:2012.14913, for reading output weights as tokens.
    """
    if view.activations is None:
        return []
    block = cast(Block, model.blocks[view.layer])
    order = np.argsort(-np.abs(view.activations), kind="stable")[:count]
    found = []
    with torch.inference_mode():
        for index in order[view.activations[order] != 0].tolist():
            activation = float(view.activations[index])
            written = activation * block.mlp.output.weight[:, index]
            if view.ln2_post is not None:
                scale = torch.tensor([view.ln2_post.scale], device=written.device)
                written = held_norm(block.ln2_post, written, scale)
            logits = model.compare(held_norm(model.ln_final, written)[None, None])
            best = logits[0, 0].topk(min(promoted, logits.shape[-1])).indices
            found.append(
                FiringNeuron(index, activation, float(written.norm()), best.tolist())
            )
    return found


def _norm_view(
    norm: LayerNorm | RMSNorm,
    cache: ActivationCache,
    name: str,
    read: Float[Tensor, " d_model"],
    position: int,
) -> NormView:
    normalized = cache[f"{name}.hook_normalized"][0, position]
    centred, shift = isinstance(norm, LayerNorm), getattr(norm, "bias", None)
    return NormView(
        mean=float(read.mean()) if centred else None,
        scale=float(cache[f"{name}.hook_scale"][0, position, 0]),
        normalized=_array(normalized),
        out=_array(affine(norm, normalized)),
        weight=None if norm.weight is None else _array(norm.weight),
        shift=None if shift is None else _array(shift),
    )


def _array(tensor: Tensor) -> np.ndarray:
    array: np.ndarray = tensor.detach().float().cpu().numpy()
    return array
