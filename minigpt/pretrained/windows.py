"""Attention windows: which layers read only the last tokens, and how many.

`transformers` has one size, `sliding_window`, and a kind for each layer. A window as
long as the longest text hides nothing, and is none here.
"""

from collections.abc import Sequence
from typing import Any

from minigpt.config import ModelConfig
from minigpt.pretrained.fields import Fields

Windows = int | tuple[int, ...]
"""As `ModelConfig.attention_window`."""

KINDS = {"full_attention": False, "sliding_attention": True}
"""What `layer_types` may say of a layer: whether it has a window."""


def read_windows(
    fields: Fields, window: int, usual: Sequence[bool], max_seq_len: int
) -> Windows:
    """Translate the layers' kinds.

    Args:
        fields: Of the `config.json`; `layer_types` is taken.
        window: Its size, in tokens.
        usual: For each layer, whether it has a window if `layer_types` is missing.
        max_seq_len: The longest text.
    """
    given = list(map(str, fields.take("layer_types", list, [])))
    others = sorted(set(given) - set(KINDS))
    if others:
        fields.obstacles.append(
            f"layer_types has {', '.join(others)!r:.80}, and this project has "
            f"{' and '.join(KINDS)}"
        )
        return 0
    if given and len(given) != len(usual):
        fields.obstacles.append(
            f"layer_types has {len(given)} kinds, and there are {len(usual)} layers"
        )
        return 0
    has_window = [KINDS[kind] for kind in given] if given else usual
    return as_setting([window if has else 0 for has in has_window], max_seq_len)


def as_setting(windows: Sequence[int], max_seq_len: int) -> Windows:
    """Return one number if all layers are alike, else one for each.

    Args:
        windows: Of each layer; 0: none.
        max_seq_len: Windows as long as this hide nothing.
    """
    found = tuple(0 if window >= max_seq_len else window for window in windows)
    return found if len(set(found)) > 1 else next(iter(found), 0)


def write_windows(config: ModelConfig) -> dict[str, Any]:
    """Translate our setting into theirs: one size, and a kind for each layer."""
    sizes = set(config.windows) - {None}
    kinds = {has: kind for kind, has in KINDS.items()}
    return {
        "sliding_window": sizes.pop() if sizes else None,
        "layer_types": [kinds[window is not None] for window in config.windows],
    }
