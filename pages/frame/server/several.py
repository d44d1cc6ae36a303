"""Several processes serve the app: how many, and what each of them is told."""

import os
import secrets
import sys
from collections.abc import Callable, Sequence

from minigpt.classroom.opened import opened
from minigpt.errors import RunError
from minigpt.hosting import nginx, processes

CLASS_KEY = "MINIGPT_CLASS_KEY"
"""The variable that hands the key of a class to the processes that serve it."""


def count(wanted: int | None, say: Callable[[str], None], *, share: bool) -> int:
    """Return how many processes serve; without nginx one, and a line that says so.

    Args:
        wanted: What was asked for; None: one for two cores, if others come.
        say: Tells whoever starts the app.
        share: Whether others come.
    """
    several = wanted or ((os.cpu_count() or 1) // 2 if share else 1)
    if several < 2:
        return 1
    if nginx.find_nginx() is None:
        say(f"One process serves all, on one core. For more: {nginx.INSTALL}.")
        return 1
    return several


def run(
    address: str,
    port: int,
    ports: Sequence[int],
    command: Sequence[str],
    wait_until_ready: Callable[[int], None],
) -> None:
    """Serve the app until a signal ends it.

    Args:
        address: Where browsers come.
        port: And at which port.
        ports: Where the processes listen, on this machine.
        command: The command line of this process.
        wait_until_ready: See `processes.serve`.
    """
    environment = {
        **os.environ,
        # What a process has signed holds when it is started again.
        "STREAMLIT_SERVER_COOKIE_SECRET": secrets.token_hex(32),
        **_of_class(),
    }
    behind = ["--behind", str(port), "--no-browser"]
    apps = {own: [*command, "--port", str(own), *behind] for own in ports}
    try:
        processes.serve(address, port, apps, environment, wait_until_ready)
    except RunError as error:
        sys.exit(f"minigpt: {error}")


def _of_class() -> dict[str, str]:
    """Return what lets another process serve the same class."""
    room = opened()
    if room is None:
        return {}
    from minigpt.classroom.database import URL_VARIABLE  # a class needs more packages

    engine = room.room.database.engine
    told = {CLASS_KEY: room.room.key}
    if engine.name != "sqlite":
        told[URL_VARIABLE] = engine.url.render_as_string(hide_password=False)
    return told
