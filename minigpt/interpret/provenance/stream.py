"""The residual stream: where it begins, and how every block adds to it.

Each rule takes the number's `Site` and returns its `Working`.
"""

import math

from minigpt.interpret.provenance.site import Site, doubles
from minigpt.interpret.provenance.working import Vector, Working, number, parts
from minigpt.model.positions import SinusoidalPositions


def embedding(site: Site) -> Working:
    """A token's row of the embedding table, looked up."""
    _, position, dimension = site.index
    token = site.tokens[position]
    value = float(doubles(site.model.token_embedding.weight[token, dimension]))
    scale = site.model.token_embedding.scale
    if scale != 1.0:
        return Working(
            "scale × the token's row of token_embedding.weight",
            parts(token_id=token, dimension=dimension, weight=value, scale=scale),
            f"{number(scale)} × token_embedding.weight[{token}, {dimension}]",
            scale * value,
        )
    return Working(
        "the token's row of token_embedding.weight",
        parts(token_id=token, dimension=dimension, weight=value),
        f"token_embedding.weight[{token}, {dimension}]",
        value,
    )


def token_shift(site: Site) -> Working:
    """What a token gets of the embedding before its own."""
    _, place, dimension = site.index
    mix = float(doubles(site.model.token_shift.mix[dimension]))
    before = 0.0
    if place:
        before = float(site.value(site.model.embedding_hook, place - 1, dimension))
    return Working(
        "mix × embedding of the token before (0 before the first)",
        parts(mix=mix, embedding_before=before),
        f"{number(mix)} × {number(before)}",
        mix * before,
    )


def position(site: Site) -> Working:
    """A position's vector: learned, or a wave."""
    _, place, dimension = site.index
    table = site.model.position_embedding
    if isinstance(table, SinusoidalPositions):
        return _wave(place, dimension, site.model.config.d_model)
    value = float(doubles(table.weight[place, dimension]))
    return Working(
        "the position's row of position_embedding.weight",
        parts(position=place, dimension=dimension, weight=value),
        f"position_embedding.weight[{place}, {dimension}]",
        value,
    )


def _wave(place: int, dimension: int, d_model: int) -> Working:
    exponent = (dimension - dimension % 2) / d_model
    name, wave = ("cos", math.cos) if dimension % 2 else ("sin", math.sin)
    angle = place / 10_000**exponent
    return Working(
        f"{name}(pos / 10000^(2i / d_model))",
        parts(
            pos=place, **{"2i": dimension - dimension % 2}, d_model=d_model, angle=angle
        ),
        f"{name}({place} / 10000^{number(exponent)})",
        wave(angle),
    )


def resid_pre(site: Site) -> Working:
    """What a block receives: the embeddings, or what the block before left."""
    if site.layer:
        before = f"blocks.{site.layer - 1}.hook_resid_post"
        return _added("the stream, as the block before left it", site, before)
    names = [site.model.embedding_hook]
    if site.model.token_shift is not None:
        names.append("hook_token_shift")
    if site.model.position_embedding is not None:
        names.append("hook_pos_embed")
    return _added(" + ".join(name.replace("hook_", "") for name in names), site, *names)


def resid_mid(site: Site) -> Working:
    """The stream after attention has added to it."""
    return _sublayer(site, "hook_resid_pre", "hook_attn_out")


def resid_post(site: Site) -> Working:
    """The stream after the MLP has added to it; without an MLP, after attention."""
    if site.block.has_mlp:
        return _sublayer(site, "hook_resid_mid", "hook_mlp_out")
    return _sublayer(site, "hook_resid_pre", "hook_attn_out")


def _sublayer(site: Site, stream: str, written: str) -> Working:
    formula = f"{stream} + {written}".replace("hook_", "")
    names = (f"blocks.{site.layer}.{name}" for name in (stream, written))
    return _added(formula, site, *names)


def _added(formula: str, site: Site, *hooks: str) -> Working:
    """Add what several hooks hold at the same place."""
    values = {hook: float(site.value(hook, *site.index[1:])) for hook in hooks}
    return Working(
        formula,
        parts(**values),
        " + ".join(map(number, values.values())),
        sum(values.values()),
    )


def looked_up(site: Site) -> Vector:
    """The vector that a norm after the embedding reads."""
    return site.value("hook_embed", site.position)


def before_attention(site: Site) -> Vector:
    """The vector that a block's first norm reads."""
    return site.here("hook_resid_pre", site.position)


def before_mlp(site: Site) -> Vector:
    """The vector that a block's second norm reads: with `parallel_mlp`, the first's."""
    if site.block.parallel_mlp:
        return before_attention(site)
    return site.here("hook_resid_mid", site.position)


def after_all_blocks(site: Site) -> Vector:
    """The vector that the final norm reads."""
    return site.here("hook_resid_post", site.position)


def weights_of_token(site: Site) -> Vector:
    """The vector that the final one is compared with, for the token at this index."""
    token = site.index[-1]
    tied = site.model.config.tie_embeddings
    table = site.model.token_embedding if tied else site.model.head
    return doubles(table.weight[token])
