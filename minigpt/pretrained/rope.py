"""RoPE's settings: how `transformers` writes base, share and stretching.

Llama, Mistral, Qwen and GPT-NeoX have them in common.
"""

import math
from typing import Any

from minigpt.config import ModelConfig
from minigpt.pretrained.fields import Fields
from minigpt.pretrained.windows import KINDS

QUERIES = "queries are multiplied with"
"""Among what is read, but no setting of ours."""
PLACES = ("rope_scaling", "rope_parameters")
"""The older and the newer name of the group of fields."""


def read_rope(fields: Fields, default: float = 10_000.0) -> dict[str, Any]:
    """Translate the settings, from any of the places of different versions.

    Args:
        fields: Of the `config.json`.
        default: The base where the file does not say.
    """
    base = fields.take("rotary_emb_base", float, default)  # GPT-NeoX's older name
    found = {"rope_base": fields.take("rope_theta", float, base)}
    for place in PLACES:
        inside = Fields(fields.path, fields.take(place, dict, {}))
        found |= _read_stretching(inside)
        fields.notes += [note for note in inside.notes if note not in fields.notes]
        found["rope_base"] = inside.take("rope_theta", float, found["rope_base"])
        fields.obstacles += [
            f"in {place}, {complaint}"
            for complaint in (
                *inside.obstacles,
                *(f"{name} is {value!r:.40}" for name, value in inside.rest()),
            )
        ]
    fields.query_factor *= found.pop(QUERIES, 1.0)
    return found


def read_share(fields: Fields, default: float = 1.0) -> float:
    """Return which share of a head's numbers is turned; it stands in three places.

    Args:
        fields: Of the `config.json`; the share is taken out of its groups, too.
        default: If no place has it.
    """
    share = fields.take("rotary_pct", float, default)  # GPT-NeoX's older name
    share = fields.take("partial_rotary_factor", float, share)
    for place in PLACES:
        group = Fields(fields.path, fields.take(place, dict, {}))
        share = group.take("partial_rotary_factor", float, share)
        fields.put(place, dict(group.rest()))
    return share


def read_rope_by_kind(fields: Fields) -> dict[str, Any]:
    """Translate the settings where layers with a window have others, as in Gemma 3.

    A newer file has a group for each kind of layer; an older one has the base of those
    with a window beside the others' settings.
    """
    local = fields.take("rope_local_base_freq", float, 10_000.0)
    by_kind = fields.take("rope_parameters", dict, {})
    if not set(by_kind) & set(KINDS):
        fields.put("rope_parameters", by_kind or None)
        return read_rope(fields, 1_000_000.0) | {"rope_local_base": local}
    inside = {}
    for kind in KINDS:
        group = {"rope_parameters": by_kind.pop(kind, {})}
        inside[kind] = Fields(fields.path, group)
    fields.put("rope_parameters", by_kind or None)
    found = read_rope(inside["full_attention"], 1_000_000.0)
    own = read_rope(inside["sliding_attention"], local)
    if own.keys() - {"rope_base"}:
        fields.obstacles.append(
            "rope_parameters stretches layers with a window, and here these never are"
        )
    if any(part.query_factor != 1.0 for part in inside.values()):
        fields.obstacles.append(
            "rope_parameters multiplies queries and keys in some layers only, and this "
            "project cannot put that into the weights"
        )
    for kind, part in inside.items():
        fields.obstacles += [f"of {kind}, {each}" for each in part.obstacles]
    return found | {"rope_local_base": own["rope_base"]}


def _read_stretching(inside: Fields) -> dict[str, Any]:
    kind = inside.take("rope_type", str, inside.take("type", str, "default"))
    if kind == "default":
        return {}
    if kind == "linear":
        return {"rope_factor": inside.take("factor", float)}
    if kind == "llama3":
        return {
            "rope_factor": inside.take("factor", float),
            "rope_slow_turns": inside.take("low_freq_factor", float),
            "rope_fast_turns": inside.take("high_freq_factor", float),
            "rope_trained_length": inside.take("original_max_position_embeddings", int),
        }
    if kind == "yarn":
        return _read_yarn(inside)
    if kind == "dynamic":
        factor = inside.take("factor", float)
        inside.take("original_max_position_embeddings", int, 1)  # not used by it
        inside.notes.append(
            f"Its RoPE is stretched (dynamic, by {factor:g}) in texts longer than "
            "max_position_embeddings only: it is opened for texts up to there."
        )
        return {}
    inside.obstacles.append(
        f"rope_type is {kind!r:.40}, which this project cannot compute; it can with "
        "'default', 'linear', 'llama3', 'yarn' or 'dynamic'"
    )
    return {}


def _read_yarn(inside: Fields) -> dict[str, Any]:
    """Translate YaRN's settings.

    It also multiplies turned queries and keys by an attention factor. Here its square
    is put into what makes the queries, and the scores are the same.
    """
    inside.require("truncate", (True,))
    factor = inside.take("factor", float)
    scale, all_dim = (
        inside.take(name, float, 0.0) for name in ("mscale", "mscale_all_dim")
    )

    def usual(weight: float) -> float:
        return 1.0 if factor <= 1.0 else 0.1 * weight * math.log(factor) + 1.0

    above, below = usual(1.0), 1.0
    if scale and all_dim:
        above, below = usual(scale), usual(all_dim)
    usually = above / below if below else math.inf  # which is refused
    attention = inside.take("attention_factor", float, usually)
    return {
        QUERIES: attention * attention,
        "rope_factor": factor,
        "rope_slow_turns": inside.take("beta_slow", float, 1.0),
        "rope_fast_turns": inside.take("beta_fast", float, 32.0),
        "rope_trained_length": inside.take("original_max_position_embeddings", int),
        "rope_ramp": "pairs",
    }


def write_rope(config: ModelConfig) -> dict[str, Any]:
    """Translate our settings into theirs."""
    stretching: dict[str, Any] = {"rope_type": "default"}
    if config.rope_factor != 1.0 and config.rope_trained_length is None:
        stretching = {"rope_type": "linear", "factor": config.rope_factor}
    elif config.rope_factor != 1.0 and config.rope_ramp == "pairs":
        stretching = {
            "rope_type": "yarn",
            "factor": config.rope_factor,
            "beta_slow": config.rope_slow_turns,
            "beta_fast": config.rope_fast_turns,
            "original_max_position_embeddings": config.rope_trained_length,
            "attention_factor": 1.0,  # the queries have it
        }
    elif config.rope_factor != 1.0:
        stretching = {
            "rope_type": "llama3",
            "factor": config.rope_factor,
            "low_freq_factor": config.rope_slow_turns,
            "high_freq_factor": config.rope_fast_turns,
            "original_max_position_embeddings": config.rope_trained_length,
        }
    # Versions before 5 of `transformers` read the first two, later ones the third.
    found: dict[str, Any] = {"rope_theta": config.rope_base}
    if config.rope_factor != 1.0:
        found["rope_scaling"] = stretching
    found["rope_parameters"] = stretching | {"rope_theta": config.rope_base}
    return found
