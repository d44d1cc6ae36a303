"""Members and their browsers, what the teacher set, votes and what was answered."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make all tables."""
    op.create_table(
        "members",
        sa.Column("id", sa.String(12), primary_key=True),
        sa.Column("name", sa.String(32), nullable=False),
        sa.Column("name_key", sa.String(64), nullable=False, unique=True),
        sa.Column("joined", sa.Float, nullable=False),
        sa.Column("seen", sa.Float, nullable=False),
        sa.Column("page", sa.String(64), nullable=False),
    )
    op.create_table(
        "seats",
        sa.Column("digest", sa.String(64), primary_key=True),
        _of("member", "members", primary_key=False),
    )
    op.create_table(
        "settings",
        sa.Column("name", sa.String(32), primary_key=True),
        sa.Column("value", sa.JSON, nullable=False),
    )
    op.create_table(
        "votes",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("page", sa.String(64), nullable=False),
        sa.Column("question", sa.JSON, nullable=False),
        sa.Column("stage", sa.String(16), nullable=False),
        sa.Column("round", sa.Integer, nullable=False),
        sa.Column("opened", sa.Float, nullable=False),
    )
    op.create_table(
        "ballots",
        _of("vote", "votes", primary_key=True),
        _of("member", "members", primary_key=True),
        sa.Column("round", sa.Integer, primary_key=True),
        sa.Column("choice", sa.Integer, nullable=False),
    )


def _of(name: str, table: str, *, primary_key: bool) -> sa.Column[int | str]:
    """Return a column that names a row of a table, and is deleted with it."""
    of = sa.ForeignKey(f"{table}.id", ondelete="CASCADE")
    kind = sa.Integer if table == "votes" else sa.String(12)
    return sa.Column(name, kind, of, primary_key=primary_key)
