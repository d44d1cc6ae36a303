"""A run by the words that a person has for it: a directory, or a name."""

from minigpt.places import data_directory
from minigpt.regular_files import expanded
from minigpt.runs.store import Run, RunStore
from minigpt.storage.following import follow, open_stored


def find_run(wanted: str, *, to_train: bool = False) -> Run:
    """Return the run of a directory, a name, or an address in a bucket.

    Args:
        wanted: What the user typed.
        to_train: Whether it is to be trained here: then it is as new as its bucket's.

    Raises:
        RunError: If there is none; suggests similar names.
        ConfigError: If the package that reaches a bucket is not installed.
    """
    if "://" in wanted:
        return open_stored(wanted, to_train=to_train)
    path = expanded(wanted)
    if (path / "status.json").is_file():
        run = Run(path.absolute())
    else:
        run = RunStore(data_directory() / "runs").open(wanted)
    if to_train:
        follow(run, with_text=True, patience=10.0)
    return run
