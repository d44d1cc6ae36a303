"""How the tables of a class become today's, by Alembic: one file of `versions` a step.

`tables` says what they are, `versions` how each came about; a test compares both. A
class that is older than its first step has no note of it, and gets one.
"""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import Connection, inspect

from minigpt.errors import RoomError

FIRST = "0001"
"""The tables as they were before there were steps."""


def migrate(session: Connection) -> None:
    """Make the tables of a class, or bring them up to date.

    Args:
        session: A change that has begun; all steps are in it, or none.

    Raises:
        RoomError: If a newer minigpt has made them.
    """
    config = Config()
    here = str(Path(__file__).parent)
    config.set_main_option("script_location", here.replace("%", "%%"))
    config.attributes["connection"] = session
    there = inspect(session).get_table_names()
    try:
        if "members" in there and "alembic_version" not in there:
            command.stamp(config, FIRST)
        command.upgrade(config, "head")
    except CommandError as error:
        raise RoomError(
            f"This class was opened by a newer minigpt ({error}). Use that one."
        ) from None
