"""The strategies side by side: one model, one prompt, one seed, many ways to choose."""

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import fmean
from typing import Any, Final

from minigpt.config import GenerationConfig
from minigpt.generation.generator import Generator
from minigpt.generation.result import Generation

_ALL: Final[dict[str, Any]] = {
    "temperature": 1.0,
    "top_k": None,
    "top_p": None,
    "min_p": None,
}

STRATEGIES: Final[dict[str, dict[str, Any]]] = {
    "greedy": {"strategy": "greedy"},
    "temperature 0.7": {**_ALL, "temperature": 0.7},
    "temperature 1.0": _ALL,
    "temperature 1.3": {**_ALL, "temperature": 1.3},
    "top-k 10": {**_ALL, "top_k": 10},
    "top-p 0.9": {**_ALL, "top_p": 0.9},
    "min-p 0.1": {**_ALL, "min_p": 0.1},
    "beam 5": {"strategy": "beam", "num_beams": 5},
}
"""Settings by name; the filters act at temperature 1, one at a time."""


@dataclass(frozen=True)
class Attempt:
    """What one strategy wrote."""

    name: str
    config: GenerationConfig
    generation: Generation
    mean_log_prob: float
    """Of the tokens in the model's own distribution, in nats: nearer 0 is likelier."""
    words: int
    distinct: int
    """Different words among them."""
    seconds: float

    @property
    def distinct_share(self) -> float:
        """Different words ÷ words: 1 where none comes twice, 0 where there is none."""
        return self.distinct / max(self.words, 1)


def try_each(
    generator: Generator, prompt: str, base: GenerationConfig
) -> Iterator[Attempt]:
    """Continue a prompt with every one of `STRATEGIES`.

    Args:
        generator: Who writes.
        prompt: What is continued.
        base: Gives the seed, the length and when to stop; nothing else counts.
    """
    for name, settings in STRATEGIES.items():
        config = GenerationConfig(
            **{"strategy": "sampling", **settings},
            max_new_tokens=base.max_new_tokens,
            stop_at_eos=base.stop_at_eos,
            seed=base.seed,
        )
        start = time.perf_counter()
        generation = generator.generate(prompt, config)
        seconds = time.perf_counter() - start
        words = re.findall(r"\w+", generation.text.lower())
        yield Attempt(
            name=name,
            config=config,
            generation=generation,
            mean_log_prob=fmean(generation.log_probs),
            words=len(words),
            distinct=len(set(words)),
            seconds=seconds,
        )
