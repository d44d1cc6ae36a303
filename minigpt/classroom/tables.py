"""What the database of a class holds; `database` opens it."""

from sqlalchemy import (
    JSON,
    Column,
    Float,
    ForeignKey,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
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

first_tries = Table(
    "first_tries",
    metadata,
    Column("member", ForeignKey("members.id", ondelete="CASCADE"), primary_key=True),
    Column("kind", String(80), primary_key=True),
    Column("question", String(2000), nullable=False),
    Column("said", String(500), nullable=False),
    Column("answer", String(500), nullable=False),
    Column("right", Integer, nullable=False),
)
"""The first item of each kind that a learner answered in a lesson's Check."""

shown_texts = Table(
    "shown_texts",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("member", ForeignKey("members.id", ondelete="CASCADE"), nullable=False),
    Column("model", String(80), nullable=False),
    Column("prompt", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("digest", String(64), nullable=False),
    UniqueConstraint("member", "digest"),
)
"""What learners' models wrote, and the learners agreed to show: each text once."""

studies = Table(
    "studies",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("lesson", String(64), nullable=False),
    Column("model", String(80), nullable=False),
    Column("links", JSON, nullable=False),
    Column("started", Float, nullable=False),
    Column("later", Float, nullable=False),
)
"""Two arms, compared by tests. `links` are secrets by arm, as they are: the same link
must lead to the second test after a week, and it lets a learner in, never a teacher."""

study_items = Table(
    "study_items",
    metadata,
    Column("study", ForeignKey("studies.id", ondelete="CASCADE"), primary_key=True),
    Column("form", Integer, primary_key=True),
    Column("place", Integer, primary_key=True),
    Column("item", JSON, nullable=False),
)
"""The parallel forms of a study's test."""

participants = Table(
    "participants",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("study", ForeignKey("studies.id", ondelete="CASCADE"), nullable=False),
    Column("member", ForeignKey("members.id", ondelete="CASCADE"), nullable=False),
    Column("code", String(8), nullable=False),
    Column("number", Integer, nullable=False),
    Column("arm", String(8), nullable=False),
    Column("first_form", Integer, nullable=False),
    Column("began", Float),
    Column("ready", Float),
    UniqueConstraint("study", "member"),
    UniqueConstraint("study", "code"),
    UniqueConstraint("study", "number"),
)
"""Who takes part in a study, under a code; when they opened the lesson and left it."""

responses = Table(
    "responses",
    metadata,
    Column("who", ForeignKey("participants.id", ondelete="CASCADE"), primary_key=True),
    Column("test", String(8), primary_key=True),
    Column("place", Integer, primary_key=True),
    Column("choice", Integer),
    Column("seconds", Float, nullable=False),
)
"""What each answered in each test; no choice: they said that they do not know."""
