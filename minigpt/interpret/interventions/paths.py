"""Paths: from one head to what another head reads, or to the logits.

Each is also a short text, `L0H1>L1H0.k`, so that a link can hold it.

Next: `path_patching`, which patches them.
"""

import re
from dataclasses import dataclass
from typing import Literal, cast

from minigpt.config import ModelConfig
from minigpt.errors import DataError
from minigpt.interpret.interventions.parts import Head, require

Through = Literal["q", "k", "v"]


@dataclass(frozen=True)
class Path:
    """From one head's output to another head's queries, keys or values, or the logits.

    Raises:
        DataError: If the receiver does not come after the sender.
    """

    sender: Head
    receiver: Head | None = None
    """None: the logits. With grouped heads, the keys and values of a group are
    received by all of its heads, and the receiver is the group."""
    through: Through | None = None
    """What of the receiver is computed anew; None for the logits."""

    def __post_init__(self) -> None:
        if self.receiver is not None and self.receiver.layer <= self.sender.layer:
            raise DataError(
                f"{self.receiver} does not read {self.sender}: choose a head of a "
                "later layer."
            )

    def require_in(self, config: ModelConfig) -> None:
        """Check that a model has this path.

        Raises:
            DataError: If there is no such layer or head.
        """
        require(self.sender, config)
        if self.receiver is None:
            return
        require(self.receiver, config)
        if self.through != "q" and self.receiver.head >= config.kv_heads:
            raise DataError(
                f"There are no keys and values {self.receiver.head}: the heads of each "
                f"layer share {config.kv_heads}, counted from 0."
            )

    def __str__(self) -> str:
        if self.receiver is None:
            return f"{self.sender}>logits"
        return f"{self.sender}>{self.receiver}.{self.through}"


def read_path(text: str) -> Path:
    """Read a path from its text.

    >>> read_path("L0H0>L1H1.k")
    Path(sender=Head(layer=0, head=0), receiver=Head(layer=1, head=1), through='k')

    Raises:
        DataError: If it is not written so, or leads backwards.
    """
    number = "([0-9]{1,9})"
    head = f"L{number}H{number}"
    found = re.fullmatch(f"{head}>(?:logits|{head}[.]([qkv]))", text.strip(), re.I)
    if found is None:
        raise DataError(
            f"{text!r:.80} names no path: write L0H1>L1H0.k (through q, k or v) or "
            "L1H0>logits."
        )
    *places, through = found.groups()
    sender = Head(int(places[0]), int(places[1]))
    if through is None:
        return Path(sender)
    receiver = Head(int(places[2]), int(places[3]))
    return Path(sender, receiver, cast(Through, through.lower()))
