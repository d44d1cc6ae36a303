"""First tries, texts that are shown, and studies with their tests."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add what the board shows, and what a study holds."""
    op.create_table(
        "first_tries",
        _of("member", primary_key=True),
        sa.Column("kind", sa.String(80), primary_key=True),
        sa.Column("question", sa.String(2000), nullable=False),
        sa.Column("said", sa.String(500), nullable=False),
        sa.Column("answer", sa.String(500), nullable=False),
        sa.Column("right", sa.Integer, nullable=False),
    )
    op.create_table(
        "shown_texts",
        sa.Column("id", sa.Integer, primary_key=True),
        _of("member"),
        sa.Column("model", sa.String(80), nullable=False),
        sa.Column("prompt", sa.Text, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.UniqueConstraint("member", "digest"),
    )
    _add_studies()


def _add_studies() -> None:
    op.create_table(
        "studies",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("lesson", sa.String(64), nullable=False),
        sa.Column("model", sa.String(80), nullable=False),
        sa.Column("links", sa.JSON, nullable=False),
        sa.Column("started", sa.Float, nullable=False),
        sa.Column("later", sa.Float, nullable=False),
    )
    op.create_table(
        "study_items",
        _of("study", primary_key=True),
        sa.Column("form", sa.Integer, primary_key=True),
        sa.Column("place", sa.Integer, primary_key=True),
        sa.Column("item", sa.JSON, nullable=False),
    )
    op.create_table(
        "participants",
        sa.Column("id", sa.Integer, primary_key=True),
        _of("study"),
        _of("member"),
        sa.Column("code", sa.String(8), nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("arm", sa.String(8), nullable=False),
        sa.Column("first_form", sa.Integer, nullable=False),
        sa.Column("began", sa.Float),
        sa.Column("ready", sa.Float),
        sa.UniqueConstraint("study", "member"),
        sa.UniqueConstraint("study", "code"),
        sa.UniqueConstraint("study", "number"),
    )
    op.create_table(
        "responses",
        _of("who", primary_key=True),
        sa.Column("test", sa.String(8), primary_key=True),
        sa.Column("place", sa.Integer, primary_key=True),
        sa.Column("choice", sa.Integer),
        sa.Column("seconds", sa.Float, nullable=False),
    )


_OF = {"member": "members", "study": "studies", "who": "participants"}


def _of(name: str, *, primary_key: bool = False) -> sa.Column[int | str]:
    """Return a column that names a row of a table, and is deleted with it."""
    of = sa.ForeignKey(f"{_OF[name]}.id", ondelete="CASCADE")
    kind = sa.String(12) if name == "member" else sa.Integer
    return sa.Column(name, kind, of, primary_key=primary_key, nullable=False)
