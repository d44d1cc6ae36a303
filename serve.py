"""Serve the app until Ctrl-C, in the environment that `launch.py` has made.

More than 300 lines: all options stand here, each with its words and its check.
"""

import argparse
import contextlib
import itertools
import os
import re
import signal
import socket
import sys
import threading
import time
import urllib.error
import urllib.request
import webbrowser
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from minigpt.classroom.opened import Login

APP = Path(__file__).with_name("app.py")
LIMITS = (
    ("runs-each", 2, "trainings at once of each learner of a class; more wait"),
    ("minutes-each", 240, "minutes of training of each learner of a class"),
    ("megabytes-each", 1000, "what each learner of a class may keep"),
    ("learners", 60, "how many may join a class"),
)
"""Options of a class: name, default, meaning."""
PATIENCE = 120
"""Seconds until a server that does not answer counts as broken."""


def main() -> None:
    """Serve, and greet the reader as soon as the first page is ready."""
    options = parse(sys.argv[1:])
    if options.behind:
        return serve_one(options)
    address = "0.0.0.0" if options.share else "127.0.0.1"
    port = free_port(address, options.port)
    if port != options.port:
        print(
            f"Port {options.port} is taken (perhaps minigpt runs already: "
            f"http://localhost:{options.port}). Taking {port}."
        )
    print("Starting ... (Ctrl-C stops it; a training that runs saves its state)")
    if options.trainings is not None:  # trainings read it, too
        os.environ["MINIGPT_TRAININGS"] = str(options.trainings)
    from pages.frame.server import several  # after the options: a mistake is told soon

    count = several.count(options.processes, print, share=options.share)
    links = open_class(port, options) if options.share and options.links else []
    threading.Thread(target=greet, args=(port, options, links), daemon=True).start()
    # A request to end stops the server as Ctrl-C does.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        if count > 1:
            ports = itertools.islice(free_ports(port + 1), count)
            command = [sys.executable, __file__, *sys.argv[1:]]
            several.run(address, port, list(ports), command, wait_until_ready)
        else:
            run_server(address, port, options)
    except KeyboardInterrupt:
        print("Stopped.")


def serve_one(options: argparse.Namespace) -> None:
    """Serve the app as one of several processes, until the pipe from them closes."""
    from minigpt.hosting import processes

    if options.share and options.links:
        open_class(options.behind, options)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    processes.end_with_parent()
    with contextlib.suppress(KeyboardInterrupt):
        run_server("127.0.0.1", options.port, options)


def run_server(address: str, port: int, options: argparse.Namespace) -> None:
    """Serve the app behind its doors until a signal ends it."""
    # Imported here, so that a wrong option is answered at once.
    from starlette.middleware import Middleware
    from streamlit import App

    from minigpt.classroom.opened import opened
    from minigpt.serve import hosts
    from pages.frame.server import garbage, waiting_runs
    from pages.frame.server.doors import Doors

    def is_allowed(name: str) -> bool:
        return hosts.is_allowed(name, named, share=options.share)

    named = [name.lower().rstrip(".") for name in options.allow_host]
    garbage.collect_now_and_then()
    waiting_runs.start_now_and_then()
    known = ["*"] if options.share else [*hosts.LOOPBACK, *named]
    doors = Middleware(
        Doors, is_allowed=is_allowed, named=named, framers=options.allow_frame
    )
    middleware = [doors]
    if (room := opened()) is not None:
        from pages.frame.server.gate import Gate

        middleware.append(Middleware(Gate, opened=room))
    App(APP, middleware=middleware).run(
        config={
            "server.address": address,
            "server.port": port,
            # With --share the doors know more: which addresses this machine has now.
            "server.allowedHosts": known,
            "logger.hideWelcomeMessage": True,  # its banner asks the internet
            "logger.level": "warning",
        }
    )


def open_class(port: int, options: argparse.Namespace) -> list[str]:
    """Open a class for learners who come by a link; return what to tell the teacher."""
    try:
        from minigpt.classroom import addresses
        from minigpt.classroom.database import URL_VARIABLE, Database
        from minigpt.classroom.room import Room
    except ImportError as error:
        sys.exit(
            f"minigpt: a class needs {error.name}: pip install segno alembic, or "
            "start without links: --share --no-links."
        )
    from minigpt import places, spaces
    from minigpt.classroom.opened import Opened, claim, open_room
    from minigpt.errors import ConfigError, RoomError
    from pages.frame.room import seats
    from pages.frame.server import several

    limits = spaces.Limits(
        runs=options.runs_each,
        minutes=options.minutes_each,
        megabytes=options.megabytes_each,
        learners=options.learners,
    )
    shipped = tuple(filter(None, [places.shipped_models()]))
    folder = places.data_directory() / spaces.ROOM
    key = os.environ.get(several.CLASS_KEY) if options.behind else None
    try:
        if key is None:
            claim(folder)
        database = Database(folder, options.database or os.environ.get(URL_VARIABLE))
        if key is None:
            database.claim()
        room = Room(folder, limits, shipped, database, key)
        by_login = login_of(options.teachers)
    except (ConfigError, RoomError, OSError) as error:
        sys.exit(f"minigpt: {error}")
    os.environ.pop(URL_VARIABLE, None)  # trainings need no password
    named = tuple(name.lower().rstrip(".") for name in options.allow_host)
    opened = Opened(room, f"minigpt_seat_{port}", port, named, by_login)
    open_room(opened)
    spaces.find_by(seats.space)
    return [
        addresses.teach_link(opened, f"http://localhost:{port}"),
        *(addresses.join_link(opened, root) for root in addresses.roots(opened)),
    ]


def login_of(teachers: frozenset[str] | None) -> "Login | None":
    """Return how a class is entered by an account, if teachers are named."""
    if teachers is None:
        return None
    from minigpt.classroom.opened import Login
    from pages.frame.server import login

    return Login(login.root(), teachers)


def emails(text: str) -> frozenset[str]:
    """Read e-mail addresses with commas between them."""
    found = text.lower().split(",")
    if not all(re.fullmatch(r"[^@\s]+@[^@\s]+", each) for each in found):
        raise argparse.ArgumentTypeError(f"{text!r} is no list as in a@b.c,d@e.f")
    return frozenset(found)


def parse(arguments: list[str]) -> argparse.Namespace:
    """Read the options."""
    called = "launch.py" if sys.argv[0] == __file__ else sys.argv[0]
    parser = argparse.ArgumentParser(prog=called, description="Start the app.")
    parser.add_argument("--port", type=int, default=8501, help="default: 8501")
    parser.add_argument(
        "--share",
        action="store_true",
        help="let other computers of your network use it (default: only this one): a "
        "class, whose learners come by a link and have a space of their own",
    )
    parser.add_argument(
        "--links",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="with --share: let in whoever has a link; --no-links lets everybody in, "
        "into one space for all",
    )
    parser.add_argument(
        "--teachers",
        type=emails,
        metavar="EMAILS",
        help="with --share: let in whoever logs in with an account, by the provider in "
        ".streamlit/secrets.toml, in place of the learners' link; these teach, as in "
        "ada@school.example,bob@school.example",
    )
    parser.add_argument(
        "--database",
        metavar="URL",
        help="keep the class in PostgreSQL, postgresql://user:password@host/name "
        "(default: $MINIGPT_DATABASE, which other users of this computer do not see; "
        "without either, a SQLite file)",
    )
    for name, default, words in LIMITS:
        parser.add_argument(
            f"--{name}", type=int, default=default, help=f"{words} (default: {default})"
        )
    parser.add_argument(
        "--trainings",
        type=int,
        help="trainings at once, of everybody together; more wait (default: as many as "
        "there are cores, and at least 2)",
    )
    parser.add_argument(
        "--processes",
        type=int,
        help="processes that serve, behind nginx (default: with --share and nginx, one "
        "for two cores)",
    )
    parser.add_argument("--behind", type=int, help=argparse.SUPPRESS)
    parser.add_argument(
        "--allow-host",
        action="append",
        default=[],
        metavar="NAME",
        help="answer to this name too, as when a proxy stands before the app",
    )
    parser.add_argument(
        "--allow-frame",
        action="append",
        default=[],
        metavar="SITE",
        help="let this site show the app in a frame, as in https://course.example",
    )
    parser.add_argument(
        "--no-browser", dest="browser", action="store_false", help="open no browser"
    )
    options = parser.parse_args(arguments)
    if not 1 <= options.port <= 65535:
        parser.error(f"--port is {options.port}: choose 1 to 65535")
    for name in ("trainings", "processes", *(name for name, _, _ in LIMITS)):
        number = getattr(options, name.replace("-", "_"))
        if number is not None and number < 1:
            parser.error(f"--{name} is {number}: choose 1 or more")
    for name in ("database", "teachers"):
        if getattr(options, name) and not (options.share and options.links):
            parser.error(f"--{name} is for a class: add --share, without --no-links")
    for site in options.allow_frame:
        if not re.fullmatch(r"https?://[a-z0-9.-]+(:\d+)?", site):
            parser.error(f"--allow-frame is {site}: write https://, a name, no path")
    return options


def free_port(address: str, wanted: int) -> int:
    """Return `wanted`, or the next port that nobody uses."""
    return next(free_ports(wanted, address))


def free_ports(wanted: int, address: str = "127.0.0.1") -> Iterator[int]:
    """Yield `wanted` and those after it, as far as nobody uses them."""
    last = min(wanted + 99, 65535)
    yield from (port for port in range(wanted, last + 1) if _is_free(address, port))
    sys.exit(f"minigpt: ports {wanted} to {last} are taken: choose one with --port.")


def _is_free(address: str, port: int) -> bool:
    # Some systems let two servers share a port, so first ask who answers.
    with contextlib.suppress(OSError):
        socket.create_connection(("127.0.0.1", port), timeout=0.5).close()
        return False
    try:
        # As the server does it: a port that was used a moment ago is free on POSIX.
        socket.create_server((address, port)).close()
    except PermissionError:
        sys.exit(f"minigpt: port {port} needs administrator's rights: --port 8501.")
    except OSError:
        return False
    return True


def greet(port: int, options: argparse.Namespace, links: list[str]) -> None:
    """Wait for the first page, say where it is, and open it.

    Args:
        port: Where the server listens.
        options: From the command line.
        links: Of a class: the teacher's, then the learners' at each address.
    """
    url = f"http://localhost:{port}"
    try:
        wait_until_ready(port)
    except TimeoutError as error:
        print(f"minigpt: {error}", file=sys.stderr)
        return
    if links:
        url = links[0]
        print(f"The teacher's link, for you alone: {url}")
        print("The learners' link:", " or ".join(links[1:]), flush=True)
    else:
        print(f"minigpt is at {url}", flush=True)
    if options.share and not links:
        print(f"Others reach it at http://{socket.gethostname()}:{port}", flush=True)
    # Without a screen, Linux would open a browser of text in this very terminal.
    screen = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    if options.browser and (screen or sys.platform in ("win32", "darwin")):
        webbrowser.open(url)


def wait_until_ready(port: int, alive: Callable[[], bool] = lambda: True) -> None:
    """Return when the server has run `app.py` once.

    Asking is what makes it run. It matters: Streamlit learns in the first run which
    pages there are, and until then a link to one of them answers "page not found". It
    also loads torch before anybody waits for it.

    Raises:
        TimeoutError: If there is no answer, or the server is not `alive` any more.
    """
    url = f"http://127.0.0.1:{port}/_stcore/script-health-check"
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and alive():
        try:
            direct.open(url, timeout=PATIENCE).close()
            return
        except urllib.error.HTTPError:
            return  # the page has failed, and tells the reader so
        except OSError:
            time.sleep(0.1)
    raise TimeoutError(f"the server does not answer on port {port}.")


if __name__ == "__main__":
    main()
