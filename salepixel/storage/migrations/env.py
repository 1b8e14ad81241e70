"""Alembic's entry: runs inside the transaction that `salepixel.storage.database.migrate` opened."""

from alembic import context

from salepixel.storage.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
