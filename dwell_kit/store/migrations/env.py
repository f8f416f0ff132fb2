"""Alembic's door: the connection is handed in by `Database.migrate`."""

from __future__ import annotations

from alembic import context

from dwell_kit.store.database import metadata

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata, render_as_batch=True)
context.run_migrations()
