"""The file that says where a run is kept besides: `storage.json` in its directory.

It holds an address and no credential: those come from the environment of each machine.
"""

import json
import re
import secrets
from pathlib import Path
from typing import NamedTuple

from minigpt.atomic_writes import replace_file
from minigpt.errors import ConfigError
from minigpt.runs.store import RUN_ID

URL = re.compile(r"(s3|file)://[A-Za-z0-9._/-]{1,512}")
"""What an address may look like: no user, no password, no question."""
ATTEMPT = re.compile(r"[0-9a-f]{16}")
"""What one training of a run is called, from its beginning to its end."""
_FILE = "storage.json"
_MOST_ATTEMPTS = 100


class Place(NamedTuple):
    """Where a run is kept."""

    url: str
    """Of the run: its objects' names begin with it."""
    attempts: tuple[str, ...] = ()
    """The trainings of it that this directory knows of, the newest last."""
    is_here: bool = False
    """Whether the newest was one of this machine: then it is never behind."""

    is_fetched: bool = False
    """Whether any of it came from a bucket, so that its settings may be anybody's."""

    @property
    def attempt(self) -> str:
        """Return the newest training; empty: there was none."""
        return self.attempts[-1] if self.attempts else ""

    def begun(self, attempt: str = "", *, is_here: bool = False) -> "Place":
        """Return the same place with a training that begins, or began elsewhere.

        Args:
            attempt: What it is called; empty: a new word.
            is_here: Whether this machine trains.
        """
        attempts = *self.attempts[-_MOST_ATTEMPTS:], attempt or secrets.token_hex(8)
        return Place(self.url, attempts, is_here, self.is_fetched)


def require_url(url: str) -> str:
    """Return an address without a slash at its end.

    Raises:
        ConfigError: If it is none, or has something in it that is no part of one.
    """
    if not URL.fullmatch(url) or ".." in url.split("/"):
        raise ConfigError(
            f"{url!r} is no storage: it is a bucket and a prefix, such as "
            "s3://bucket/runs. Credentials come from the environment "
            "(AWS_ACCESS_KEY_ID, AWS_PROFILE), another server from AWS_ENDPOINT_URL."
        )
    return url.rstrip("/")


def require_name(name: str) -> None:
    """Check that a run's directory has a name that a run in a bucket may have.

    Raises:
        ConfigError: If it has another.
    """
    if not RUN_ID.fullmatch(name):
        raise ConfigError(
            f"A run in a bucket has the name of its directory, and {name!r} is none: "
            "name it with 1 to 32 of a-z, 0-9, _ and -."
        )


def keep_in(directory: Path, storage: str) -> None:
    """Note that a run is kept in a bucket, besides, under its own name.

    Args:
        directory: The run's.
        storage: The bucket's address, and whatever stands before the names of runs.

    Raises:
        ConfigError: If one of them cannot be.
    """
    require_name(directory.name)
    place = Place(require_url(f"{require_url(storage)}/{directory.name}"))
    known = read_place(directory)
    if known is None or known.url != place.url:
        is_fetched = known is not None and known.is_fetched
        write_place(directory, place._replace(is_fetched=is_fetched))


def write_place(directory: Path, place: Place) -> None:
    """Note where a run is kept.

    Raises:
        OSError: If the file cannot be written.
    """
    replace_file(directory / _FILE, json.dumps(place._asdict()) + "\n")


def read_place(directory: Path) -> Place | None:
    """Return where a run is kept besides; None: here only."""
    try:
        found = json.loads((directory / _FILE).read_text(encoding="utf-8"))
        attempts = tuple(filter(ATTEMPT.fullmatch, found["attempts"]))
        flags = (found[name] is True for name in ("is_here", "is_fetched"))
        return Place(require_url(found["url"]), attempts, *flags)
    except (OSError, ValueError, TypeError, KeyError, ConfigError):
        return None
