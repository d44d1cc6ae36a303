"""What the page of beam search shows, computed once for each prompt and settings."""

from dataclasses import dataclass

import streamlit as st

from minigpt.checkpoint import Checkpoint
from minigpt.config import GenerationConfig
from minigpt.errors import DataError
from minigpt.generation import beam_search
from minigpt.generation.beam.exhaustive import (
    BestOfAll,
    Effort,
    affordable,
    best_of_all,
)
from minigpt.generation.beam.paths import PathsInTree, greedy_text, trace_paths
from minigpt.generation.beam.tree import BeamCandidate, BeamResult, ScoredText
from minigpt.interpret.openings.beam_search import beam_opening
from minigpt.interpret.openings.beginnings import beginnings
from minigpt.interpret.openings.opening import Opening
from pages.beam_search import settings
from pages.frame import models, notebook
from pages.frame.remember import identity, remember

AT_ONCE, WHEN_ASKED = 0.3, 20.0
"""Seconds that the search of all texts may take, unasked and when asked for."""

APART = 5
"""Every fifth beginning of the held-out texts is asked about."""


@dataclass(frozen=True)
class Source:
    """A model, the prompt that it read, and the settings of a search."""

    checkpoint: Checkpoint
    prompt: str
    tokens: list[int]
    config: GenerationConfig

    @property
    def arguments(self) -> tuple:
        """What every search takes: model, prompt, settings, end of text."""
        tokenizer = self.checkpoint.tokenizer
        eos_id = tokenizer.eos_id if self.config.stop_at_eos else None
        return self.checkpoint.model, self.tokens, self.config, eos_id

    @property
    def opening(self) -> str:
        """Lines of Python that load the model and read the prompt."""
        if self.prompt:
            return notebook.opening()
        return f"{notebook.opening()}tokens = torch.tensor([{self.tokens}])\n"

    def pieces(self, tokens: list[int]) -> list[str]:
        """Return the texts of tokens."""
        return self.checkpoint.tokenizer.pieces(tokens)

    def written(self, tokens: list[int]) -> str:
        """Return what tokens spell together."""
        return self.checkpoint.tokenizer.decode(tokens)


@dataclass(frozen=True)
class Searched:
    """A search beside greedy."""

    search: BeamResult
    greedy: ScoredText
    tree: PathsInTree
    """The search's candidates; paths of greedy, the best found, further texts."""

    @property
    def best(self) -> ScoredText:
        """The best text that the search found."""
        return self.search.sequences[0]

    @property
    def nodes(self) -> list[BeamCandidate]:
        """Every node of the tree."""
        return self.tree.nodes

    @property
    def greedy_left(self) -> int | None:
        """The step at which the search dropped greedy's text."""
        return self.tree.left_beam(0)


@dataclass(frozen=True)
class Found(Searched):
    """A search beside greedy and, where it is known, the best of all texts."""

    best_of_all: BestOfAll | None
    refusal: str | None
    """Why the best of all is not known."""

    @property
    def paths(self) -> dict[str, list[int]]:
        """The texts in the tree, as its figure names them."""
        return dict(
            zip(("greedy", "best", "exhaustive"), self.tree.paths, strict=False)
        )

    @property
    def has_best_of_all(self) -> bool | None:
        """Whether the search found the best of all texts (none: unknown)."""
        if self.best_of_all is None:
            return None
        return self.best.tokens == self.best_of_all.text.tokens


def find(source: Source) -> Found:
    """Search, and compare with greedy and with all texts there are."""
    with models.turn_to_write():
        search, greedy = _search(source)
    best = _asked_for().get(identity(source))
    if best is None:
        best = _best_at_once(source, search.sequences[0])
    texts = [greedy, search.sequences[0]]
    if isinstance(best, BestOfAll):
        texts.append(best.text)
    return Found(
        search,
        greedy,
        trace_paths(search, texts, source.config.length_penalty),
        best if isinstance(best, BestOfAll) else None,
        None if isinstance(best, BestOfAll) else best,
    )


def searched(source: Source) -> Searched:
    """Search, and compare with greedy alone: quick enough for many prompts."""
    search, greedy = _search(source)
    texts = [greedy, search.sequences[0]]
    tree = trace_paths(search, texts, source.config.length_penalty)
    return Searched(search, greedy, tree)


@remember(32, spinner="Looking for a prompt on which greedy loses …")
def opening_of(checkpoint: Checkpoint) -> Opening | None:
    """Return the prompt on which the page's own settings gain most over greedy."""
    with models.turn_to_write():
        return beam_opening(checkpoint, settings.DEFAULT)


@remember(32)
def prompts_of(checkpoint: Checkpoint) -> list[str]:
    """Return other prompts to ask about: beginnings of texts not learned from."""
    return [each.prompt for each in beginnings(checkpoint)][::APART]


def look_further(source: Source, known: ScoredText) -> None:
    """Search all texts for longer, with progress, and keep what comes of it."""
    model, tokens, config, eos_id = source.arguments
    bar = st.progress(0.0, "Reading beginnings …")

    def report(length: int, beginnings: int) -> None:
        words = f"Token {length} of {config.max_new_tokens}: {beginnings:,} beginnings"
        bar.progress(length / config.max_new_tokens, words)

    effort = Effort(affordable(model, WHEN_ASKED), report)
    asked = _asked_for()
    asked.clear()  # Only the newest is wanted again.
    try:
        with models.turn_to_write():
            asked[identity(source)] = best_of_all(
                model, tokens, config, eos_id, known, effort
            )
    except DataError as error:
        asked[identity(source)] = str(error)
    bar.empty()


def _asked_for() -> dict[object, BestOfAll | str]:
    return st.session_state.setdefault("_best_asked_for", {})


@remember(96, shared=True, spinner="Searching …")
def _search(source: Source) -> tuple[BeamResult, ScoredText]:
    return beam_search(*source.arguments, watched=True), _greedy(source)


def _at_any_width(source: Source, known: ScoredText | None = None) -> tuple:
    """Return what a result depends on that is the same for a beam of any width."""
    config = source.config.replace(num_beams=1)
    return source.checkpoint, source.tokens, config, known and known.tokens


@remember(96, shared=True, key=_at_any_width)
def _greedy(source: Source) -> ScoredText:
    return greedy_text(*source.arguments)


@remember(32, shared=True, key=_at_any_width)
def _best_at_once(source: Source, known: ScoredText) -> BestOfAll | str:
    """Return the best of all texts, or why it cannot be told at once."""
    try:
        effort = Effort(affordable(source.checkpoint.model, AT_ONCE))
        return best_of_all(*source.arguments, known, effort)
    except DataError as error:
        return str(error)
