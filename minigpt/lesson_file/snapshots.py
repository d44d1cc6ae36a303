"""Earlier steps of a training that go along: the time machine of a lesson file."""

from collections.abc import Sequence

from minigpt.checkpoint import Checkpoint, load_checkpoint
from minigpt.errors import CheckpointError
from minigpt.lesson_file.contents import packed, plain_weights
from minigpt.model import TransformerLM
from minigpt.model.sizes import num_parameters
from minigpt.runs.checkpoints import SavedStep

ROOM = 4_000_000
"""Bytes of the weights of all earlier steps together, before they are packed."""


def packed_steps(checkpoint: Checkpoint, steps: Sequence[SavedStep]) -> dict[int, str]:
    """Pack as many other steps of a training as there is room for.

    A step that cannot be read, or is of another model, is left out.

    Args:
        checkpoint: The step that the file opens with.
        steps: All that were saved, in order.

    Returns:
        Packed weights by step.
    """
    model, _, metadata = checkpoint
    others = [saved for saved in steps if saved.step != metadata.step]
    found = {}
    for step, path in fitting(others, 4 * num_parameters(model.config)):
        try:
            earlier = load_checkpoint(path).model
        except CheckpointError:
            continue
        if isinstance(earlier, TransformerLM) and earlier.config == model.config:
            found[step] = packed(plain_weights(earlier))
    return found


def fitting(steps: Sequence[SavedStep], size: int) -> list[SavedStep]:
    """Choose steps that fit: the first, where nothing is learned, then evenly.

    Args:
        steps: In order.
        size: Bytes of one.
    """
    count = min(len(steps), ROOM // size)
    return [steps[place * len(steps) // count] for place in range(count)]
