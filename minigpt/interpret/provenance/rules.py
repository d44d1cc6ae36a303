"""Which rule works out which hook: the whole model, in the order of the computation.

A name here is a hook's name without the number of its block.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from minigpt.errors import HookError, near_names
from minigpt.interpret.provenance import (
    attention,
    feedforward,
    gradients,
    norms,
    stream,
    window_gradients,
)
from minigpt.interpret.provenance.site import Site
from minigpt.interpret.provenance.working import Working
from minigpt.model import LanguageModel


@dataclass(frozen=True)
class Rule:
    """How the numbers of one kind of hook are made."""

    axes: str
    """The names of the tensor's axes."""
    work_out: Callable[[Site], Working]


STREAM = "batch pos d_model"
SIZE = "batch pos 1"
QUERY, KEY = "batch pos head d_head", "batch pos kv_head d_head"
SCORES = "batch head q_pos k_pos"
NEURONS = "batch pos d_ff"
LOGITS = "batch pos vocab"

TRANSFORMER = {
    "hook_embed": Rule(STREAM, stream.embedding),
    "ln_embed.hook_scale": Rule(SIZE, norms.scale(stream.looked_up)),
    "ln_embed.hook_normalized": Rule(STREAM, norms.normalized(stream.looked_up)),
    "hook_token_shift": Rule(STREAM, stream.token_shift),
    "hook_pos_embed": Rule(STREAM, stream.position),
    "blocks.hook_resid_pre": Rule(STREAM, stream.resid_pre),
    "blocks.ln1.hook_scale": Rule(SIZE, norms.scale(stream.before_attention)),
    "blocks.ln1.hook_normalized": Rule(
        STREAM, norms.normalized(stream.before_attention)
    ),
    "blocks.attn.q_norm.hook_scale": Rule(
        "batch pos head 1", norms.scale(attention.projected)
    ),
    "blocks.attn.q_norm.hook_normalized": Rule(
        QUERY, norms.normalized(attention.projected)
    ),
    "blocks.attn.k_norm.hook_scale": Rule(
        "batch pos kv_head 1", norms.scale(attention.projected)
    ),
    "blocks.attn.k_norm.hook_normalized": Rule(
        KEY, norms.normalized(attention.projected)
    ),
    "blocks.attn.hook_value_embed": Rule(KEY, attention.own_value),
    "blocks.attn.hook_q": Rule(QUERY, attention.projection),
    "blocks.attn.hook_k": Rule(KEY, attention.projection),
    "blocks.attn.hook_v": Rule(KEY, attention.projection),
    "blocks.attn.hook_rot_q": Rule(QUERY, attention.turned),
    "blocks.attn.hook_rot_k": Rule(KEY, attention.turned),
    "blocks.attn.hook_attn_scores": Rule(SCORES, attention.score),
    "blocks.attn.hook_pattern": Rule(SCORES, attention.weight),
    "blocks.attn.hook_z": Rule(QUERY, attention.weighted_average),
    "blocks.attn.hook_result": Rule("batch pos head d_model", attention.head_result),
    "blocks.ln1_post.hook_scale": Rule(SIZE, norms.scale(attention.written)),
    "blocks.ln1_post.hook_normalized": Rule(
        STREAM, norms.normalized(attention.written)
    ),
    "blocks.hook_attn_out": Rule(STREAM, attention.all_heads),
    "blocks.hook_resid_mid": Rule(STREAM, stream.resid_mid),
    "blocks.ln2.hook_scale": Rule(SIZE, norms.scale(stream.before_mlp)),
    "blocks.ln2.hook_normalized": Rule(STREAM, norms.normalized(stream.before_mlp)),
    "blocks.mlp.hook_pre": Rule(NEURONS, feedforward.neuron_in),
    "blocks.mlp.hook_pre_linear": Rule(NEURONS, feedforward.neuron_in),
    "blocks.mlp.hook_post": Rule(NEURONS, feedforward.neuron_out),
    "blocks.ln2_post.hook_scale": Rule(SIZE, norms.scale(feedforward.written)),
    "blocks.ln2_post.hook_normalized": Rule(
        STREAM, norms.normalized(feedforward.written)
    ),
    "blocks.hook_mlp_out": Rule(STREAM, feedforward.mlp_out),
    "blocks.hook_resid_post": Rule(STREAM, stream.resid_post),
    "ln_final.hook_scale": Rule(SIZE, norms.scale(stream.after_all_blocks)),
    "ln_final.hook_normalized": Rule(STREAM, norms.normalized(stream.after_all_blocks)),
    "logits": Rule(LOGITS, feedforward.logit),
    "hook_embed_grad": Rule(STREAM, gradients.embedding),
    "ln_embed.hook_normalized_grad": Rule(STREAM, gradients.into_stream),
    "hook_pos_embed_grad": Rule(STREAM, gradients.first_position),
    "blocks.hook_resid_pre_grad": Rule(STREAM, gradients.before_block),
    "blocks.attn.hook_z_grad": Rule(QUERY, gradients.head_gathered),
    "blocks.hook_attn_out_grad": Rule(STREAM, gradients.attention_written),
    "blocks.hook_resid_mid_grad": Rule(STREAM, gradients.between),
    "blocks.mlp.hook_pre_grad": Rule(NEURONS, gradients.neuron_in),
    "blocks.mlp.hook_pre_linear_grad": Rule(NEURONS, gradients.gate),
    "blocks.mlp.hook_post_grad": Rule(NEURONS, gradients.neuron_out),
    "blocks.hook_mlp_out_grad": Rule(STREAM, gradients.mlp_written),
    "blocks.hook_resid_post_grad": Rule(STREAM, gradients.after_block),
    "logits_grad": Rule(LOGITS, gradients.logit),
}

FIXED_WINDOW = {
    "hook_embed": Rule(STREAM, stream.embedding),
    "hook_window": Rule("batch pos context d_model", feedforward.window),
    "blocks.hook_pre": Rule(NEURONS, feedforward.hidden_in),
    "blocks.hook_post": Rule(NEURONS, feedforward.hidden_out),
    "logits": Rule(LOGITS, feedforward.hidden_logit),
    "hook_embed_grad": Rule(STREAM, window_gradients.embedding_in_windows),
    "hook_window_grad": Rule("batch pos context d_model", window_gradients.window),
    "blocks.hook_pre_grad": Rule(NEURONS, window_gradients.hidden_in),
    "blocks.hook_post_grad": Rule(NEURONS, window_gradients.hidden_out),
    "logits_grad": Rule(LOGITS, gradients.logit),
}


RULES = {"transformer": TRANSFORMER, "mlp": FIXED_WINDOW}


def rule_for(model: LanguageModel, hook: str) -> Rule:
    """Choose the rule of a hook, or of the gradient there: its name + `_grad`.

    Raises:
        HookError: If the model has no such hook, or no rule follows its gradient.
    """
    rules = RULES[model.kind]
    value = hook.removesuffix("_grad")
    if value != "logits" and value not in model.hook_points:
        hint = near_names(value, [*model.hook_points, "logits"])
        raise HookError(f"There is no hook {value!r} in this model.{hint}")
    kind = re.sub(r"^blocks\.\d+\.", "blocks.", hook)
    if kind not in rules:
        known = ", ".join(name for name in rules if name.endswith("_grad"))
        raise HookError(f"No rule follows the gradient at {value!r}; {known} have one.")
    return rules[kind]
