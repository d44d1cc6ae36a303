"""Where a class is kept: in a SQLite file, or in PostgreSQL, which a URL names.

    SQLite       room/room.sqlite, in WAL mode, so that readers never wait; what is
                 deleted is overwritten, not only forgotten
    PostgreSQL   a database that this class has for itself

Each learner's page looks every two seconds what the teacher shows, while others vote.
On either engine one change follows another, so what a change has read is still true as
it writes, and a killed server leaves a change whole or not at all. The tables stand in
`tables`, and how older ones become today's in `migrations`.
"""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, TimeoutError

from minigpt.classroom.migrations import migrate
from minigpt.classroom.tables import metadata
from minigpt.errors import RoomError

URL_VARIABLE = "MINIGPT_DATABASE"
FILE = "room.sqlite"
_PATIENCE = 5
"""Seconds to wait for a connection, and for another's change."""
_CHANGE, _SERVER = 0x676C617373, 0x676C617374
"""PostgreSQL's locks have numbers: of whoever changes, and of the server of a class."""


class Database:
    """The database of a class, made or brought up to date when it is opened.

    Args:
        folder: The class's directory, which has the SQLite file.
        url: Names a database of PostgreSQL; None: SQLite.

    Raises:
        RoomError: If it cannot be reached, read or written, or a newer minigpt made it.
    """

    def __init__(self, folder: Path, url: str | None = None) -> None:
        if url is None:
            self.engine = _sqlite(folder / FILE)
            self._remedy = (
                f"If the disk is not full, stop the app, move {folder} elsewhere, and "
                "start again: all join anew."
            )
        else:
            self.engine = _postgresql(url)
            self._remedy = (
                "Nothing that was saved is lost: see that PostgreSQL runs, and that "
                "the database's URL is right."
            )
        event.listen(self.engine, "begin", _begin)
        self._writer = self.engine.execution_options(writes=True)
        with self.changing() as session:
            migrate(session)

    @contextmanager
    def changing(self) -> Iterator[Connection]:
        """Begin a change, alone; it is undone if anything in it fails.

        Raises:
            RoomError: If the database cannot be written.
        """
        with self._in_words(), self._writer.begin() as session:
            yield session

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Look, while others may change.

        Raises:
            RoomError: If the database cannot be read.
        """
        with self._in_words(), self.engine.connect() as session:
            yield session

    def claim(self) -> None:
        """Take a database of PostgreSQL for this server, until it ends.

        A file needs no claim: its folder is taken, see `opened.claim`.

        Raises:
            RoomError: If another server has it.
        """
        if self.engine.name == "sqlite":
            return
        with self._in_words():
            self._kept = self.engine.connect()
            self._kept.execution_options(isolation_level="AUTOCOMMIT")
            ask = f"SELECT pg_try_advisory_lock({_SERVER})"
            if not self._kept.exec_driver_sql(ask).scalar():
                self._kept.close()
                raise RoomError(
                    "Another server has its class in this database. Stop it first, or "
                    "give each class a database of its own."
                )

    def purge(self) -> None:
        """Take what was deleted out of the database's files, too."""
        if self.engine.name == "sqlite":
            with self._in_words(), closing(self.engine.raw_connection()) as raw:
                raw.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
            return
        with self.reading() as session:
            session.execution_options(isolation_level="AUTOCOMMIT")
            for table in metadata.sorted_tables:
                session.exec_driver_sql(f"VACUUM FULL {table.name}")

    @contextmanager
    def _in_words(self) -> Iterator[None]:
        """Say what is wrong: it is damaged, locked or away, or the disk is full."""
        try:
            yield
        except IntegrityError:  # not the database: a row that is there already
            raise
        except (DBAPIError, TimeoutError) as error:  # no connection was free in time
            cause = " ".join(str(getattr(error, "orig", error)).split())
            raise RoomError(
                f"The class cannot be read or written ({cause}). {self._remedy}"
            ) from None


def _sqlite(file: Path) -> Engine:
    engine = create_engine(URL.create("sqlite", database=str(file)))
    event.listen(engine, "connect", _prepare)
    return engine


def _prepare(connection: Any, _record: object) -> None:
    """Set what SQLite keeps for each connection, and not in the file."""
    connection.isolation_level = None  # `_begin` says when a transaction begins
    for setting in (
        "journal_mode = WAL",
        "synchronous = NORMAL",
        f"busy_timeout = {_PATIENCE * 1000}",
        "foreign_keys = ON",
        "secure_delete = ON",
    ):
        connection.execute(f"PRAGMA {setting}")


def _postgresql(url: str) -> Engine:
    """Return an engine. The URL may hold a password, so no message repeats it."""
    try:
        found = make_url(url)
    except (ArgumentError, ValueError):
        raise RoomError(
            "The database's URL cannot be read: write it as in "
            "postgresql://user:password@host:5432/name, with %40 for an @ inside."
        ) from None
    if found.drivername not in ("postgres", "postgresql", "postgresql+psycopg"):
        raise RoomError(
            f"A class cannot be kept in {found.drivername!r}: the database's URL "
            "begins with postgresql://. Without one, it is kept in SQLite."
        )
    waits = {"connect_timeout": str(_PATIENCE), **found.query}
    try:
        engine = create_engine(
            found.set(drivername="postgresql+psycopg", query=waits),
            pool_pre_ping=True,  # a server that was started anew is found again
        )
    except ImportError:
        raise RoomError(
            "PostgreSQL needs psycopg: pip install 'psycopg[binary]'."
        ) from None
    event.listen(engine, "connect", _be_patient)
    return engine


def _be_patient(connection: Any, _record: object) -> None:
    connection.execute(f"SET lock_timeout = '{_PATIENCE}s'")
    connection.commit()


def _begin(connection: Connection) -> None:
    """Begin a transaction; one that writes waits for the one before."""
    writes = connection.get_execution_options().get("writes", False)
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
    elif writes:
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_CHANGE})")
