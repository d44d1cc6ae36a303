"""The numbers of "Embeddings and positions", kept while the reader clicks about."""

from dataclasses import dataclass
from typing import NamedTuple

from minigpt.checkpoint import Checkpoint
from minigpt.errors import DataError
from minigpt.interpret.corpora import held_out, held_out_windows
from minigpt.interpret.openings.embeddings import embedding_opening
from minigpt.interpret.positions import embedding_space as space
from minigpt.interpret.positions import position_views as positions
from minigpt.interpret.positions.word_order import (
    OrderTest,
    order_test,
    shuffled,
    without_positions,
)
from minigpt.interpret.reading.prompt import Reading
from minigpt.library.catalogue import SavedStep
from minigpt.model import LanguageModel, TransformerLM
from pages.frame import models, notebook, state
from pages.frame.guard import show_note
from pages.frame.reading import may_cut, read
from pages.frame.remember import remember

MOST_POINTS = 1200
"""Tokens in the picture; of a larger vocabulary, a sample."""

MOST_READ = 8
"""Texts to measure the loss by position on."""


@dataclass(frozen=True)
class PromptTokens:
    """The prompt as ids and pieces: all that an embedding needs to know."""

    tokens: list[int]
    pieces: list[str]
    reading: Reading | None = None
    """With its attention; None where the model has none."""


@dataclass(frozen=True)
class Losses:
    """Loss by position, read past the training length."""

    values: list[float]
    description: str


class OrderChange(NamedTuple):
    """What a test of another order comes to."""

    largest: float
    """The largest change of any token's probability."""
    moved: bool
    """Whether any moved by more than rounding."""


def read_any(checkpoint: Checkpoint) -> PromptTokens:
    """Show the prompt's field and return its tokens; an MLP reads it as well.

    Raises:
        DataError: If the prompt is empty or too long.
    """
    model, tokenizer = checkpoint.model, checkpoint.tokenizer
    if isinstance(model, TransformerLM):
        reading = read(checkpoint)
        return PromptTokens(reading.tokens, reading.pieces, reading)
    prompt = state.prompt_input()
    tokens, longest = tokenizer.encode(prompt), model.config.max_seq_len
    if not tokens:
        raise DataError("The prompt is empty: type at least one character.")
    if may_cut(len(tokens), longest):
        notebook.read_last(longest)
        tokens = tokens[-longest:]
    if len(tokens) > longest:
        raise DataError(
            f"The prompt has {len(tokens)} tokens, and this model reads at most "
            f"{longest} at once: shorten it by {len(tokens) - longest}."
        )
    unknown = tokenizer.unknown(prompt)
    if unknown:
        show_note(models.unknown_words(unknown))
    return PromptTokens(tokens, tokenizer.pieces(tokens))


opening_of = remember(32, spinner="Looking for a telling token …")(embedding_opening)
"""The token whose nearest neighbours form the closest group."""


@remember(32)
def common_tokens(checkpoint: Checkpoint, count: int) -> list[int]:
    """Return the commonest tokens of held-out text, without the special ones."""
    model, tokenizer, metadata = checkpoint
    length = min(64, model.config.max_seq_len)
    windows = held_out_windows(metadata, tokenizer, length)
    found = space.frequent_tokens(windows, count + len(tokenizer.special_tokens))
    return [each for each in found if each not in tokenizer.special_tokens][:count]


# A model may have more rows than its tokenizer has tokens: those mean nothing.
@remember(128)
def neighbours_of(
    checkpoint: Checkpoint, which: space.Which, token: int
) -> space.Neighbours:
    """Return the tokens nearest to one."""
    table = space.token_table(checkpoint.model, which)
    return space.nearest(table[: checkpoint.tokenizer.vocab_size], token)


@remember(128, shared=True)
def cosines_of(checkpoint: Checkpoint, which: space.Which, token: int) -> list[float]:
    """Return the cosine of every token's vector with one token's."""
    table = space.token_table(checkpoint.model, which)
    found = space.cosines_with(table[: checkpoint.tokenizer.vocab_size], token)
    return [float(cosine) for cosine in found]


@dataclass(frozen=True)
class Chance:
    """Cosines that mean nothing."""

    pair: float
    """The mean of two tokens drawn at random from a table."""
    nearest: float
    """Of the nearest of as many vectors of random directions."""

    @property
    def most(self) -> float:
        """The larger one: what is nearer than that is not nearer by chance."""
        return max(self.pair, self.nearest)


@remember(16)
def chance_of(checkpoint: Checkpoint, which: space.Which) -> Chance:
    """Return what cosines in a table come to by chance."""
    size = checkpoint.tokenizer.vocab_size
    table = space.token_table(checkpoint.model, which)[:size]
    return Chance(
        space.mean_cosine(table), space.random_nearest(table.shape[1], size - 1)
    )


@remember(16)
def components_of(
    model: LanguageModel, which: space.Which, tokens: tuple[int, ...]
) -> tuple[space.Components, list[list[float]]]:
    """Return three directions of some tokens, and where the tokens lie along them."""
    vectors = space.token_table(model, which)[list(tokens)]
    found = space.principal_components(vectors, 3)
    return found, found.project(vectors).tolist()


def drift_of(which: space.Which, tokens: tuple[int, ...]) -> space.Drift | None:
    """Return how some tokens moved in the training; None for a single checkpoint."""
    steps = models.chosen_entry().steps
    return _drift(steps, which, tokens) if len(steps) > 1 else None


@remember(16, spinner="Reading every step …")
def _drift(
    steps: tuple[SavedStep, ...], which: space.Which, tokens: tuple[int, ...]
) -> space.Drift:
    plane = space.sampled_tokens(
        len(space.saved_table(steps[-1].path, which)), MOST_POINTS, tokens
    )
    return space.drift(list(steps), tokens, which, plane.tolist())


turning_of = remember(64)(positions.turning)
"""The query and the key of a head at two positions, turned by RoPE."""

distances_of = remember(64)(positions.by_distance)
"""What a position scheme makes of distance."""


def order_of(tokens: list[int], seed: int) -> tuple[int, ...]:
    """Return another order of a prompt's tokens.

    Raises:
        DataError: If there is only one.
    """
    return tuple(shuffled(tokens, seed))


_first_layers = remember(8, shared=True)(without_positions)


@remember(64)
def order_test_of(
    model: LanguageModel,
    tokens: list[int],
    order: tuple[int, ...],
    layers: int | None = None,
) -> OrderTest:
    """Test a model on two orders; with `layers`, its first ones without positions."""
    if layers is not None:
        model = _first_layers(model, layers)
    return order_test(model, tokens, list(order))


@remember(2048)
def order_change_of(
    model: LanguageModel,
    tokens: list[int],
    order: tuple[int, ...],
    layers: int | None = None,
) -> OrderChange:
    """Return what such a test comes to: questions ask about many orders."""
    test = order_test_of(model, tokens, order, layers)
    return OrderChange(test.largest_change, test.moved)


@remember(8, spinner="Reading twice as far …")
def losses_of(checkpoint: Checkpoint) -> Losses:
    """Measure the loss by position on texts twice as long as those in training.

    Raises:
        DataError: If the model's positions end.
    """
    model, tokenizer, metadata = checkpoint
    length = 2 * model.config.max_seq_len
    grown = positions.longer(model, length)
    text = held_out(metadata, tokenizer, length, MOST_READ)
    losses = positions.loss_by_position(grown, text.windows)
    return Losses(losses.tolist(), text.description)
