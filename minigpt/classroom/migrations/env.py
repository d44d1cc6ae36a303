"""Alembic runs this file for every command; `migrate` hands it a connection."""

from alembic import context

from minigpt.classroom.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,  # SQLite can, if a transaction is begun by hand
)
with context.begin_transaction():
    context.run_migrations()
