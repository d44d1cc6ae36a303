"""The strategies side by side: one model, one prompt, many ways to choose."""

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import fmean
from typing import Any, Final

from minigpt.config import GenerationConfig
from minigpt.generation.continuations import continue_often
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
class Sample:
    """One text that a strategy wrote, and its numbers."""

    generation: Generation
    mean_log_prob: float
    """Of the tokens in the model's own distribution, in nats: nearer 0 is likelier."""
    distinct_share: float
    """Different words ÷ words: 1 where none comes twice, 0 where there is none."""


@dataclass(frozen=True)
class Attempt:
    """What one strategy wrote: several texts, for one alone may be chance."""

    name: str
    config: GenerationConfig
    samples: list[Sample]
    """One where nothing is left to chance, else as many as asked for."""
    seconds: float
    """For all of them."""

    @property
    def mean_log_probs(self) -> list[float]:
        """Each sample's."""
        return [sample.mean_log_prob for sample in self.samples]

    @property
    def distinct_shares(self) -> list[float]:
        """Each sample's."""
        return [sample.distinct_share for sample in self.samples]

    @property
    def middle(self) -> Sample:
        """The sample whose mean log-probability is the median, or next below it."""
        in_order = sorted(self.samples, key=lambda sample: sample.mean_log_prob)
        return in_order[(len(in_order) - 1) // 2]


def try_each(
    generator: Generator, prompt: str, base: GenerationConfig, samples: int = 1
) -> Iterator[Attempt]:
    """Continue a prompt with every one of `STRATEGIES`.

    Args:
        generator: Who writes.
        prompt: What is continued.
        base: Gives the first seed, the length and when to stop; nothing else counts.
        samples: Texts of each strategy that draws, each with the next seed.
    """
    for name, settings in STRATEGIES.items():
        config = GenerationConfig(
            **{"strategy": "sampling", **settings},
            max_new_tokens=base.max_new_tokens,
            stop_at_eos=base.stop_at_eos,
            seed=base.seed,
        )
        count = samples if config.strategy == "sampling" else 1
        start = time.perf_counter()
        texts = list(continue_often(generator, prompt, config, count))
        seconds = time.perf_counter() - start
        yield Attempt(name, config, list(map(_measured, texts)), seconds)


def _measured(text: Generation) -> Sample:
    words = re.findall(r"\w+", text.text.lower())
    distinct = len(set(words)) / max(len(words), 1)
    return Sample(text, fmean(text.log_probs), distinct)
