"""Runs that belong together are created all of them, or none.

Next: `racing` and `series`, whose runs they are.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from minigpt.errors import RunError
from minigpt.runs.store import Run, RunStore


@contextmanager
def all_or_none(store: RunStore) -> Iterator[list[Run]]:
    """Let the caller create runs; if one of them cannot be, none is kept.

    Args:
        store: Where.

    Yields:
        A list, for the caller to add each run to as soon as it is created.

    Raises:
        RunError: If the caller does, or a file of theirs cannot be written.
    """
    made: list[Run] = []
    try:
        yield made
    except BaseException as error:
        for run in made:
            with suppress(RunError, OSError):
                store.delete(run.id)
        if not isinstance(error, OSError):
            raise
        raise RunError(
            f"The runs cannot be saved: {error.strerror or error}. Make room, and "
            "start them again."
        ) from None
