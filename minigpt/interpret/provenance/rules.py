"""Which rule works out which hook: the whole model, in the order of the computation.

A name here is a hook's name without the number of its block.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from minigpt.errors import HookError, near_names
from minigpt.interpret.provenance import attention, feedforward, norms, stream
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
    "blocks.hook_attn_out": Rule(STREAM, attention.all_heads),
    "blocks.hook_resid_mid": Rule(STREAM, stream.resid_mid),
    "blocks.ln2.hook_scale": Rule(SIZE, norms.scale(stream.before_mlp)),
    "blocks.ln2.hook_normalized": Rule(STREAM, norms.normalized(stream.before_mlp)),
    "blocks.mlp.hook_pre": Rule(NEURONS, feedforward.neuron_in),
    "blocks.mlp.hook_pre_linear": Rule(NEURONS, feedforward.neuron_in),
    "blocks.mlp.hook_post": Rule(NEURONS, feedforward.neuron_out),
    "blocks.hook_mlp_out": Rule(STREAM, feedforward.mlp_out),
    "blocks.hook_resid_post": Rule(STREAM, stream.resid_post),
    "ln_final.hook_scale": Rule(SIZE, norms.scale(stream.after_all_blocks)),
    "ln_final.hook_normalized": Rule(STREAM, norms.normalized(stream.after_all_blocks)),
    "logits": Rule(LOGITS, feedforward.logit),
}

FIXED_WINDOW = {
    "hook_embed": Rule(STREAM, stream.embedding),
    "hook_window": Rule("batch pos context d_model", feedforward.window),
    "blocks.hook_pre": Rule(NEURONS, feedforward.hidden_in),
    "blocks.hook_post": Rule(NEURONS, feedforward.hidden_out),
    "logits": Rule(LOGITS, feedforward.hidden_logit),
}


RULES = {"transformer": TRANSFORMER, "mlp": FIXED_WINDOW}


def rule_for(model: LanguageModel, hook: str) -> Rule:
    """Choose the rule of a hook.

    Raises:
        HookError: If the model has no such hook.
    """
    if hook != "logits" and hook not in model.hook_points:
        hint = near_names(hook, [*model.hook_points, "logits"])
        raise HookError(f"There is no hook {hook!r} in this model.{hint}")
    return RULES[model.kind][re.sub(r"^blocks\.\d+\.", "blocks.", hook)]
