"""The database of a class: one SQLite file, in WAL mode, so that readers never wait.

Every learner's page looks every two seconds what the teacher shows, while others vote.
With a write-ahead log, a killed server loses nothing that was committed. What is
deleted is overwritten, not only forgotten.
"""

from pathlib import Path
from typing import Any

from sqlalchemy import (
    JSON,
    Column,
    Engine,
    Float,
    ForeignKey,
    Integer,
    MetaData,
    String,
    Table,
    create_engine,
    event,
)

metadata = MetaData()

members = Table(
    "members",
    metadata,
    Column("id", String(12), primary_key=True),
    Column("name", String(32), nullable=False),
    Column("name_key", String(64), nullable=False, unique=True),
    Column("joined", Float, nullable=False),
    Column("seen", Float, nullable=False),
    Column("page", String(64), nullable=False, default=""),
)
"""The learners. `page` is the lesson that was opened last, by its name in the URL."""

seats = Table(
    "seats",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("member", ForeignKey("members.id", ondelete="CASCADE")),
)
"""Browsers that were let in, by the digest of their cookie. No member: a teacher's."""

settings = Table(
    "settings",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("value", JSON, nullable=False),
)
"""What the teacher shows and allows, and what makes both links, with the key."""

votes = Table(
    "votes",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("page", String(64), nullable=False),
    Column("question", JSON, nullable=False),
    Column("stage", String(16), nullable=False),
    Column("round", Integer, nullable=False),
    Column("opened", Float, nullable=False),
)
"""Questions to the whole class; the latest is the one on the screens."""

ballots = Table(
    "ballots",
    metadata,
    Column("vote", ForeignKey("votes.id", ondelete="CASCADE"), primary_key=True),
    Column("member", ForeignKey("members.id", ondelete="CASCADE"), primary_key=True),
    Column("round", Integer, primary_key=True),
    Column("choice", Integer, nullable=False),
)
"""What each learner answered, the first time and the second."""


def open_database(path: Path) -> Engine:
    """Open the database of a class, made if it is not there.

    Args:
        path: Its file.
    """
    engine = create_engine(f"sqlite:///{path}")
    event.listen(engine, "connect", _prepare)
    metadata.create_all(engine)
    return engine


def _prepare(connection: Any, _record: object) -> None:
    """Set what SQLite keeps for each connection, and not in the file."""
    for setting in (
        "journal_mode = WAL",
        "synchronous = NORMAL",
        "busy_timeout = 5000",
        "foreign_keys = ON",
        "secure_delete = ON",
    ):
        connection.execute(f"PRAGMA {setting}")
