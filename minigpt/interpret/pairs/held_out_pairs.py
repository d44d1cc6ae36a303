"""Pairs of prompts made of a model's own held-out text, one token exchanged in each.

For models that do not know the world of tales: whatever a model was trained on, these
prompts look like it, and both predictions are its own.

Before: `interventions.prompt_pairs`, which finds the exchanges that move the prediction
most. Next: `alignment`.
"""

from minigpt.checkpoint import Checkpoint
from minigpt.interpret.interventions.prompt_pairs import swapped_pairs
from minigpt.interpret.openings.opening import held_out_prompts, transformer_of
from minigpt.interpret.pairs.pair_rows import PairRow

LENGTH = 10
"""Tokens of each prompt."""


def held_out_pairs(checkpoint: Checkpoint, count: int) -> list[PairRow]:
    """Make pairs of held-out text, at most one of each stretch.

    Args:
        checkpoint: Model, tokenizer and metadata, which name the text.
        count: How many; fewer come if the text is short.

    Raises:
        DataError: If the model is no transformer.
    """
    model = transformer_of(checkpoint)
    # The last text has no next one to take a token from.
    prompts = held_out_prompts(checkpoint, LENGTH, count + 1)
    texts = [tokens for _, tokens in prompts]
    found = swapped_pairs(model, checkpoint.tokenizer, texts, each=1)
    return [PairRow(pair.clean, pair.corrupted) for pair in found]
