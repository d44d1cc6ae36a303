"""Many prompts, or many samples of one, written together."""

from collections import deque
from collections.abc import Sequence

from minigpt.config import GenerationConfig
from minigpt.generation.batch.batch import Batch
from minigpt.generation.batch.draft import Draft
from minigpt.generation.generator import Generator
from minigpt.generation.result import Generation


def generate_together(
    generator: Generator,
    prompts: Sequence[str],
    config: GenerationConfig | None = None,
    *,
    samples: int = 1,
    stop: Sequence[str] = (),
    max_texts: int = 32,
) -> list[list[Generation]]:
    """Continue prompts of any lengths in one batch.

    Args:
        generator: Whose model and tokenizer.
        prompts: The texts to continue; each may be empty.
        config: How (none: the defaults). Sample i of a prompt has the seed i places
            after the config's, and is what that seed gives alone.
        samples: Continuations of each prompt.
        stop: Texts that end the writing; they do not appear in the results.
        max_texts: How many are written at a time; the others wait for a place.

    Returns:
        For each prompt, its samples.

    Raises:
        ConfigError: If the strategy is beam search.
        DataError: If a prompt is longer than the model's window.
        CheckpointError: If the model's scores are not numbers.
    """
    config = config or GenerationConfig()
    encoded = [generator.encode_prompt(prompt) for prompt in prompts]
    drafts = [
        [
            Draft(tokens, numbered(config, sample), generator.tokenizer, stop)
            for sample in range(samples)
        ]
        for tokens, _ in encoded
    ]
    write(Batch(generator.model, max_texts), [each for row in drafts for each in row])
    return [
        [draft.result(prompt, warnings) for draft in row]
        for prompt, (_, warnings), row in zip(prompts, encoded, drafts, strict=True)
    ]


def numbered(config: GenerationConfig, sample: int) -> GenerationConfig:
    """Return the settings of one of several samples: each has the next seed."""
    if config.seed is None or sample == 0:
        return config
    return config.replace(seed=(config.seed + sample) % 2**63)


def write(batch: Batch, drafts: Sequence[Draft]) -> None:
    """Write drafts to their ends, as many at a time as the batch takes.

    Raises:
        MinigptError: The first that a draft meets.
    """
    waiting = deque(drafts)
    while waiting or batch.drafts:
        while waiting and batch.has_room:
            batch.join(waiting.popleft())
        for error in filter(None, batch.step().values()):
            raise error
