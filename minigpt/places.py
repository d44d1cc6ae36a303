"""Where things lie: models and runs, the models that ship, the app's own files.

A clone has all of them in its folders. An installed package carries the app and the
models that ship inside itself, where nothing may be written; what is made goes to the
user's data folder.
"""

import os
from pathlib import Path

from platformdirs import user_data_path

from minigpt import spaces

_PACKAGE = Path(__file__).parent
_CLONE = _PACKAGE.parent


def data_directory() -> Path:
    """Return the directory of models, runs and texts of one's own.

    In a class, each learner has one (see `spaces`). Otherwise it is `$MINIGPT_DATA` if
    set; else `data/` of the clone that this code runs from; else the folder that the
    system keeps for a user's data. So the command line and the app see the same runs.
    """
    space = spaces.current()
    if space is not None:
        return space.data
    chosen = os.environ.get("MINIGPT_DATA")
    if chosen:
        return Path(chosen)
    return _CLONE / "data" if _is_clone() else user_data_path("minigpt", False)


def shipped_models() -> Path | None:
    """Return the directory of the models that ship; None if they are not wanted.

    They are found wherever the data directory lies; `$MINIGPT_SHIPPED=off` leaves them
    out.
    """
    if os.environ.get("MINIGPT_SHIPPED") == "off":
        return None
    return (_CLONE / "data" if _is_clone() else app_folder()) / "models"


def shared_models() -> Path | None:
    """Return the directory of models that are shared with a class; None without one."""
    space = spaces.current()
    return None if space is None else space.shared


def app_folder() -> Path:
    """Return where `app.py`, `serve.py` and the pages lie."""
    return _CLONE if _is_clone() else _PACKAGE / "app"


def _is_clone() -> bool:
    return (_CLONE / "pyproject.toml").is_file()
