"""What travels to who trains: `control.json`, which says who may, and whether to stop.

Only whoever hands a run in, begins it or stops it writes this object. A process whose
attempt is not named there any more was withdrawn, or another one trains the run now: it
stops, and uploads nothing.
"""

import json
from typing import NamedTuple

from minigpt.storage.bucket import Bucket, StorageError

CONTROL = "control.json"
_MOST_BYTES = 2**12


class Control(NamedTuple):
    """Who may train a run."""

    attempt: str
    """The training that goes on; see `place.Place`."""
    stop: bool = False
    """Whether it is to save and stop."""


def write_control(bucket: Bucket, control: Control) -> None:
    """Say who may train a run.

    Raises:
        StorageError: If the bucket cannot be written.
    """
    bucket.write(CONTROL, json.dumps(control._asdict()).encode())


def read_control(bucket: Bucket) -> Control | None:
    """Return who may train a run; None: nobody was named.

    Raises:
        StorageError: If the bucket cannot be read, or says something else.
    """
    data = bucket.read(CONTROL, _MOST_BYTES)
    if data is None:
        return None
    try:
        control = Control(**json.loads(data))
        if type(control.attempt) is not str or type(control.stop) is not bool:
            raise TypeError
    except (ValueError, TypeError, RecursionError):
        raise StorageError(f"{bucket.url}/{CONTROL} is damaged.") from None
    return control
