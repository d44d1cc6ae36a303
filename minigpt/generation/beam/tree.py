"""The tree of a beam search: every candidate considered, and what became of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, Int


class Status(IntEnum):
    """What became of a candidate, in detail."""

    KEPT = 0
    PRUNED = 1
    ENDED = 2
    ENDED_TOO_LOW = 3
    FULL_LENGTH = 4

    @property
    def outcome(self) -> Literal["kept", "pruned", "finished"]:
        """The same in one of three words."""
        if self is Status.KEPT:
            return "kept"
        if self in (Status.ENDED, Status.FULL_LENGTH):
            return "finished"
        return "pruned"

    @property
    def reason(self) -> str:
        """The same in a sentence."""
        return {
            Status.KEPT: "among the best that go on",
            Status.PRUNED: "others were better",
            Status.ENDED: "ends with the end-of-text token",
            Status.ENDED_TOO_LOW: "ends, but ranked below the number of beams",
            Status.FULL_LENGTH: "has as many tokens as allowed",
        }[self]


@dataclass(frozen=True)
class BeamCandidate:
    """One continuation that was considered: a node of the tree."""

    id: int
    parent: int
    """The id of the candidate it continues; −1 is the prompt."""
    step: int
    """Counted from 1: its text is so many tokens long."""
    rank: int
    """Among all candidates of its step, by cumulative score; 0 is the best, −1 that
    of a text which the search never came to (see `beam.paths`)."""
    token: int
    log_prob: float
    cumulative: float
    score: float
    """Cumulative, normalised by length."""
    status: Literal["kept", "pruned", "finished", "unseen"]
    reason: str
    returned: int | None
    """Its place among the returned texts; 0 is the answer."""


@dataclass(frozen=True)
class ScoredText:
    """A whole text, and how likely each of its tokens was."""

    tokens: list[int]
    """What was written, without the prompt."""
    log_probs: list[float]
    """Of each token."""
    cumulative: float
    """Their sum."""
    score: float
    """The sum, normalised by length."""


@dataclass(frozen=True)
class BeamSequence(ScoredText):
    """A finished text of a search."""

    candidate: int
    """The id of its last candidate."""


@dataclass(frozen=True)
class BeamResult:
    """What a beam search found, and all it considered.

    The arrays have one entry per candidate, whose place is its id; parents come before
    their children.
    """

    prompt_tokens: list[int]
    steps: Int[np.ndarray, " candidate"]
    parents: Int[np.ndarray, " candidate"]
    ranks: Int[np.ndarray, " candidate"]
    tokens: Int[np.ndarray, " candidate"]
    log_probs: Float[np.ndarray, " candidate"]
    cumulative: Float[np.ndarray, " candidate"]
    normalized: Float[np.ndarray, " candidate"]
    statuses: Int[np.ndarray, " candidate"]
    returned: list[int]
    """Ids of the finished texts, best first."""
    forgot: int
    """Tokens at the beginning that the model no longer saw in the end."""

    @property
    def sequences(self) -> list[BeamSequence]:
        """The finished texts, best first."""
        return [self._sequence(candidate) for candidate in self.returned]

    def _sequence(self, candidate: int) -> BeamSequence:
        path = self._ids(candidate)
        return BeamSequence(
            tokens=self.tokens[path].tolist(),
            log_probs=self.log_probs[path].tolist(),
            cumulative=float(self.cumulative[candidate]),
            score=float(self.normalized[candidate]),
            candidate=candidate,
        )

    def path(self, candidate: int) -> list[BeamCandidate]:
        """List the candidates from the first token to one of them."""
        return [self.candidates[number] for number in self._ids(candidate)]

    def _ids(self, candidate: int) -> list[int]:
        path = []
        while candidate >= 0:
            path.append(candidate)
            candidate = int(self.parents[candidate])
        return path[::-1]

    @cached_property
    def candidates(self) -> list[BeamCandidate]:
        """A node for each candidate, in order of their ids. Made when first asked."""
        places = {candidate: place for place, candidate in enumerate(self.returned)}
        return [
            BeamCandidate(
                id=number,
                parent=int(self.parents[number]),
                step=int(self.steps[number]),
                rank=int(self.ranks[number]),
                token=int(self.tokens[number]),
                log_prob=float(self.log_probs[number]),
                cumulative=float(self.cumulative[number]),
                score=float(self.normalized[number]),
                status=Status(self.statuses[number]).outcome,
                reason=Status(self.statuses[number]).reason,
                returned=places.get(number),
            )
            for number in range(len(self.tokens))
        ]


@runtime_checkable
class CandidateArrays(Protocol):
    """The candidates of one step, best first (see `beam.Considered`)."""

    @property
    def beams(self) -> np.ndarray:
        """Which running text each continues."""

    @property
    def tokens(self) -> np.ndarray:
        """With which token."""

    @property
    def log_probs(self) -> np.ndarray:
        """Of the token alone."""

    @property
    def cumulative(self) -> np.ndarray:
        """Of the whole text."""


class BeamTree:
    """Grows by the arrays of one step at a time; `result` joins them."""

    def __init__(self, prompt_tokens: Sequence[int]) -> None:
        self._prompt_tokens = list(prompt_tokens)
        self._rows: list[dict[str, np.ndarray]] = []
        self._size = 0
        self._steps = 0

    def add(
        self,
        nodes: Int[np.ndarray, " beam"],
        found: CandidateArrays,
        normalized: Float[np.ndarray, " candidate"],
        status: Int[np.ndarray, " candidate"],
    ) -> Int[np.ndarray, " candidate"]:
        """Add the candidates of one step.

        Args:
            nodes: The ids of the running texts.
            found: What was considered.
            normalized: Scores by length.
            status: What became of each.

        Returns:
            Their ids.
        """
        count = len(status)
        self._steps += 1
        added = np.arange(self._size, self._size + count)
        self._size += count
        self._rows.append(
            {
                "steps": np.full(count, self._steps),
                "parents": nodes[found.beams],
                "ranks": np.arange(count),
                "tokens": found.tokens,
                "log_probs": found.log_probs,
                "cumulative": found.cumulative,
                "normalized": normalized,
                "statuses": status,
            }
        )
        return added

    def result(self, returned: Int[np.ndarray, " beam"], forgot: int) -> BeamResult:
        """Join the steps.

        Args:
            returned: Ids of the finished texts, best first.
            forgot: See `BeamResult`.
        """
        columns: dict[str, Any] = {
            name: np.concatenate([row[name] for row in self._rows])
            for name in self._rows[0]
        }
        return BeamResult(
            prompt_tokens=self._prompt_tokens,
            returned=[int(candidate) for candidate in returned],
            forgot=forgot,
            **columns,
        )
