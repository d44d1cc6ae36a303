"""The training settings a fine-tuning begins with: short, gentle, and saved at once."""

from minigpt.config.training import TrainConfig


def default_training(method: str, *, has_adapter: bool) -> TrainConfig:
    """Return the usual settings of a method.

    An adapter takes larger steps than a whole model, since all it has begins at zero.
    Preferences take smaller ones than answers, since they have no right end: with five
    times as large ones an adapter won more, and lost most answers about places.

    Args:
        method: `sft` or `dpo`.
        has_adapter: Whether only a LoRA adapter learns.
    """
    if method == "sft":
        learning_rate = 1.2e-2 if has_adapter else 2e-3
    else:
        learning_rate = 2e-4 if has_adapter else 1e-4
    return TrainConfig(
        max_steps=600 if method == "sft" else 150,
        batch_size=16,
        learning_rate=learning_rate,
        weight_decay=0.0,
        warmup_steps=20,
        eval_interval=100 if method == "sft" else 50,
        # The base itself, to compare with; and something to go back to from the start.
        checkpoint_steps=(0,),
    )
