"""The training settings a fine-tuning begins with: short, gentle, and saved at once."""

import math

from minigpt.config.training import TrainConfig

_BATCH = 16
_PASSES = 75
"""Of a file of one's own: how often each example is read. With 50, all weights of
`tales` learn 32 answers in new words by heart; the rest is a margin."""
_FEWEST, _MOST = 150, 600


def default_training(
    method: str, *, has_adapter: bool, examples: int | None = None
) -> TrainConfig:
    """Return the usual settings of a method.

    An adapter takes larger steps than a whole model, since all it has begins at zero.
    Preferences take smaller ones than answers, since they have no right end: with five
    times as large ones an adapter won more, and lost most answers about places.

    Args:
        method: `sft` or `dpo`.
        has_adapter: Whether only a LoRA adapter learns.
        examples: How many a file of one's own has to learn from: a few are read often
            enough to be learned by heart (None: examples of tales, which never end).
    """
    steps = _MOST if method == "sft" else 150
    if examples is not None and method == "sft":
        steps = max(_FEWEST, min(_MOST, math.ceil(_PASSES * examples / _BATCH)))
    if method == "sft":
        learning_rate = 1.2e-2 if has_adapter else 2e-3
    else:
        learning_rate = 2e-4 if has_adapter else 1e-4
    return TrainConfig(
        max_steps=steps,
        batch_size=_BATCH,
        learning_rate=learning_rate,
        weight_decay=0.0,
        warmup_steps=20,
        eval_interval=100 if steps > 300 else 50,
        # The base itself, to compare with; and something to go back to from the start.
        checkpoint_steps=(0,),
    )
