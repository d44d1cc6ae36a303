"""A PostgreSQL server of the tests' own, on a free port; deleted in the end."""

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

SUPERUSER, PASSWORD = "boss", "p@ss-word"
URL = f"postgresql://{SUPERUSER}:{PASSWORD.replace('@', '%40')}@127.0.0.1"


class Server:
    """A server that runs."""

    def __init__(self, programs: Path, folder: Path) -> None:
        self.programs, self.folder = programs, folder
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self._made = 0

    def control(self, *words: str) -> None:
        """Start or stop it."""
        log = self.folder / "log"
        ours = f"-F -p {self.port} -k '' -h 127.0.0.1"
        data = ["-D", str(self.folder / "data"), "-l", str(log), "-o", ours]
        self.call("pg_ctl", *data, "-w", *words)

    def call(self, program: str, *words: str) -> None:
        """Run one of its programs, which root may not."""
        no_root = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        command = [*no_root, str(self.programs / program), *words]
        subprocess.run(command, check=True, cwd=self.folder, stdout=subprocess.DEVNULL)

    def new_database(self) -> str:
        """Make an empty database; return its URL."""
        import psycopg

        self._made += 1
        name = f"class_{self._made}"
        with psycopg.connect(f"{URL}:{self.port}/postgres", autocommit=True) as session:
            session.execute(f"CREATE DATABASE {name}")
        return f"{URL}:{self.port}/{name}"


def programs() -> Path | None:
    """Return where Debian, or the PATH, has PostgreSQL's programs."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    on_path = shutil.which("initdb")
    first = found[-1] if found else on_path and Path(on_path)
    return first.parent if first else None


@contextlib.contextmanager
def running() -> Iterator[Server]:
    """Start a server; stop it in the end."""
    # pytest's own folders are closed to the user that stands in for root.
    with tempfile.TemporaryDirectory(prefix="minigpt-pg-") as name:
        folder = Path(name)
        (folder / "password").write_text(PASSWORD)
        if os.geteuid() == 0:
            for path in (folder, folder / "password"):
                shutil.chown(path, "postgres")
        server = Server(programs(), folder)
        server.call(
            "initdb",
            *("-D", str(folder / "data"), "-U", SUPERUSER, "-E", "UTF8", "-N"),
            *("-A", "scram-sha-256", "--pwfile", str(folder / "password")),
        )
        server.control("start")
        try:
            yield server
        finally:
            server.control("stop", "-m", "immediate")
