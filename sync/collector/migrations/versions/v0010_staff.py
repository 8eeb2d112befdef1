"""The staff list among a gate's updates."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Sets that were made before have none; each gate's next contact makes one that has."""
    op.add_column("snapshot", sa.Column("staff", sa.LargeBinary))


def downgrade() -> None:
    """The version before makes sets without it: they say something else, and each gate gets one at its next contact."""
    op.drop_column("snapshot", "staff")
