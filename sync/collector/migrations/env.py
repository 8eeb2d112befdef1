"""Run by Alembic, on the connection that `sync.collector.schema` holds within one transaction."""

from __future__ import annotations

from alembic import context

import sync.collector.centre  # noqa: F401 - imports every model
from sync.collector.database import Base

context.configure(
    connection=context.config.attributes["connection"], target_metadata=Base.metadata, transactional_ddl=True
)
context.run_migrations()
