"""Random words, said again and again: a text that only looking back can continue.

    <bos> hat Ana sold . the kite hat Ana sold . the kite hat Ana …

Which word comes next cannot be known the first time: all are equally likely. From the
second time on it can be copied, by finding where the present word stood before and
reading what came after it. That is what an *induction head* does, and a model of two
layers that reads nothing else grows one within some hundred steps.

No window comes twice: each is computed from the seed and the step. `repeats` mixes such
windows into a training on text; here they are all there is.

Source: Olsson et al. 2022, arXiv:2209.11895, for repeated random tokens.
"""

import math
from typing import Final, NamedTuple

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from minigpt.tokenizers import Tokenizer
from minigpt.tokenizers.words import WordTokenizer

SHORTEST_PERIOD: Final = 6
"""Words in the shortest segment; the longest is half a window."""

STEPS_PER_EPOCH: Final = 400
"""A round number: no window comes twice, so there is no end that would be reached."""

# The first 64 are enough to speak with: a smaller vocabulary is cut from the beginning.
_WORDS = """
    Mia Tom Ana Sam Leo Eva Max Zoe Ben Ida Kai Nia Rex Uma
    met fed saw hid won lost found made sold sang drew read
    kite ball cake hat cup drum fish frog lamp map ring ship
    the a . , sun was up then and with it good day rain came down late moon home went
    glad to Once upon time there
    Jan Lea Ali Amy Bob Cleo Dan Ella Finn Gus Hana Ivy Jack Kim Lou Moe Nora Omar
    threw kept broke fixed washed painted cooked carried
    pie shoe star toy horn book coat egg bell boat door tree
    red blue green white black brown gold gray pink dark
    park hill lake wood farm house barn shop road beach
    in old big little
"""
WORDS: Final = tuple(_WORDS.split())
"""Readable words, each a token of its own."""

PROMPTS: Final = (
    ("Mia met Tom. the sun was up. then Ana fed Sam. Mia met", "Tom"),
    ("Ana sold the ship. it was late. Leo found a ring. Ana sold the", "ship"),
    ("Zoe lost a kite. the moon came up. Max drew Ida. Zoe lost a", "kite"),
    ("Ben saw Ida. it was a good day. Kai made cake. Ben saw", "Ida"),
    ("Eva hid a map. the rain came down. Rex won the cup. Eva hid a", "map"),
    ("Sam fed Nia. then it was late. Uma read with Leo. Sam fed", "Nia"),
)
"""Texts that say who did what and begin to say it again, and the word that follows."""

_TRAINING, _HELD_OUT, _TWICE = range(3)
_HELD_OUT_WINDOWS = 320


class RepeatedWords:
    """Batches of repeated words, as a function of (seed, step, rank).

    Args:
        words: The ids to choose from.
        beginning: The id that every window begins with.
        context: Tokens to read in one window.
        batch_size: Windows per step, over all processes.
        seed: Same seed, same batches.
    """

    def __init__(
        self,
        words: Int[np.ndarray, " word"],
        beginning: int,
        context: int,
        batch_size: int,
        seed: int,
    ) -> None:
        self.words, self.beginning = words, beginning
        self.context, self.batch_size, self.seed = context, batch_size, seed

    @property
    def steps_per_epoch(self) -> int:
        """See `STEPS_PER_EPOCH`."""
        return STEPS_PER_EPOCH

    def batch(
        self, step: int, rank: int = 0, world_size: int = 1
    ) -> tuple[Int[Tensor, "batch pos"], Int[Tensor, "batch pos"]]:
        """Return one process's share of a step's batch: see `WindowSampler`."""
        random = np.random.default_rng([self.seed, _TRAINING, step])
        windows = self._windows(random, self.batch_size)[rank::world_size]
        return windows[:, :-1], windows[:, 1:]

    def held_out(self) -> Int[Tensor, "window length"]:
        """Return windows like those of the training, the same for every seed."""
        random = np.random.default_rng([_HELD_OUT])
        return self._windows(random, _HELD_OUT_WINDOWS)

    def said_twice(self, count: int) -> Int[Tensor, "window pos"]:
        """Return windows whose second half says the first again: to measure on.

        They fill the context: the beginning, half a context of words (all different,
        if there are enough), and these words again.
        """
        random = np.random.default_rng([_TWICE])
        period = self.context // 2
        enough = len(self.words) >= period
        segments = [
            random.choice(self.words, size=period, replace=not enough)
            for _ in range(count)
        ]
        periods = np.full(count, period)
        return self._repeat(np.stack(segments), periods, self.context)

    def _windows(self, random: np.random.Generator, count: int) -> Tensor:
        longest = max(SHORTEST_PERIOD, self.context // 2)
        periods = random.integers(SHORTEST_PERIOD, longest + 1, size=count)
        segments = random.choice(self.words, size=(count, longest))
        return self._repeat(segments, periods, self.context + 1)

    def _repeat(
        self,
        segments: Int[np.ndarray, "window longest"],
        periods: Int[np.ndarray, " window"],
        length: int,
    ) -> Int[Tensor, "window length"]:
        """Say the first `periods` words of each segment again until the window is full.

        >>> words = RepeatedWords(np.arange(9), 0, 6, 1, 0)
        >>> words._repeat(np.array([[5, 6, 7]]), np.array([2]), 6).tolist()
        [[0, 5, 6, 5, 6, 5]]
        """
        places = np.arange(length - 1)[None, :] % periods[:, None]
        words = np.take_along_axis(segments, places, axis=1)
        beginnings = np.full((len(words), 1), self.beginning)
        return torch.from_numpy(np.hstack([beginnings, words]).astype(np.int64))


def repeated_words(
    tokenizer: Tokenizer,
    num_words: int,
    context: int,
    batch_size: int = 1,
    seed: int = 0,
) -> RepeatedWords:
    """Make the source of a run's windows, for a tokenizer that knows the words.

    Args:
        tokenizer: A word tokenizer.
        num_words: How many of `WORDS` to use.
        context: Tokens to read in one window.
        batch_size: Windows per step.
        seed: Same seed, same batches.

    Raises:
        DataError: If the tokenizer has no token for the beginning of a text.
    """
    # One by one: beside a word, a full stop would want its space as a token.
    ids = [tokenizer.encode(word)[0] for word in WORDS[:num_words]]
    (beginning,) = tokenizer.encode("", add_bos=True)
    return RepeatedWords(np.array(ids), beginning, context, batch_size, seed)


class ExampleWindow(NamedTuple):
    """One window as a model reads it."""

    pieces: list[str]
    tokens: list[int]
    uniform_loss: float
    """What a word costs that nobody can know, in nats: ln(vocabulary)."""


def example_window(num_words: int, context: int) -> ExampleWindow:
    """Return one window of a run.

    Args:
        num_words: How many of `WORDS` to use.
        context: Tokens to read in one window.
    """
    tokenizer = WordTokenizer()
    tokenizer.build_vocab(WORDS[:num_words])
    tokens = repeated_words(tokenizer, num_words, context).batch(0)[0][0].tolist()
    uniform_loss = math.log(tokenizer.vocab_size)
    return ExampleWindow(tokenizer.pieces(tokens), tokens, uniform_loss)
