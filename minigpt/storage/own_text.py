"""Where a run's text lies: a run from a bucket brings its own, and reads no other file.

Its settings name a file of the machine that made it. The file of that name here, if
there is one, is another, and whoever wrote the settings may have wanted to read it.
"""

from pathlib import Path

from minigpt.config.training import BUILT_IN
from minigpt.errors import RunError
from minigpt.storage.contents import TEXT
from minigpt.storage.place import read_place


def text_for(directory: Path, source: str) -> str:
    """Return where the text of a run lies on this machine.

    Args:
        directory: The run's.
        source: What its settings name.

    Raises:
        RunError: If it came from a bucket without its text.
    """
    place = read_place(directory)
    if place is None or not place.is_fetched or source in BUILT_IN:
        return source
    path = directory / TEXT
    if not path.is_file():
        raise RunError(
            f"The text that {directory.name!r} learns from is not here: resume the run "
            f"by its address, --resume {place.url}"
        )
    return str(path.absolute())
