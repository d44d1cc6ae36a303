"""Where the answers are kept: for each question's id, the function that knows."""

from collections.abc import Callable

from guard.printed import Answer
from guard.screen import Asked
from guard.seen import Seen

Oracle = Callable[[Seen, Asked], Answer]

ANSWERS: dict[str, Oracle] = {}


def answers(*ids: str) -> Callable[[Oracle], Oracle]:
    """Register the oracle of one question, or of some that are alike."""

    def register(oracle: Oracle) -> Oracle:
        for name in ids:
            assert name not in ANSWERS, f"{name} is answered twice"
            ANSWERS[name] = oracle
        return oracle

    return register
