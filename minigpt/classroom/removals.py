"""What is remembered of a class until somebody is removed, by whichever process."""

from pathlib import Path
from typing import Generic, TypeVar

Thing = TypeVar("Thing")


class KnownUntilRemoval(Generic[Thing]):
    """Things by name, all of them forgotten when somebody is removed.

    Several processes may serve one class: the news is a file that grows by a byte.

    Args:
        file: That file; it need not be there yet.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._known: tuple[int, dict[str, Thing]] = (0, {})

    def things(self) -> dict[str, Thing]:
        """Return what is known now; it is another dictionary after a removal."""
        removals = self._file.stat().st_size if self._file.is_file() else 0
        if self._known[0] != removals:
            self._known = (removals, {})
        return self._known[1]

    def forget(self) -> None:
        """Say to every process that somebody was removed."""
        with self._file.open("ab") as file:
            file.write(b"x")
