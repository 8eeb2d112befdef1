"""Venue codes: the token on the wall, one in force for each checkpoint and for each venue as a whole."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"

_OF_VENUE = sa.text("ended_at IS NULL AND checkpoint_id IS NULL")
_OF_CHECKPOINT = sa.text("ended_at IS NULL")


def upgrade() -> None:
    """No code yet: each is issued when somebody first asks for it."""
    op.create_table(
        "venue_code",
        sa.Column("token", sa.String(10), primary_key=True),
        sa.Column("venue_id", sa.Integer, sa.ForeignKey("venue.id"), nullable=False, index=True),
        sa.Column("checkpoint_id", sa.Integer, sa.ForeignKey("checkpoint.id")),
        sa.Column("issued_at", sa.Float, nullable=False),
        sa.Column("ended_at", sa.Float),
    )
    for name, column, where in (
        ("one_code_of_venue", "venue_id", _OF_VENUE),
        ("one_code_of_checkpoint", "checkpoint_id", _OF_CHECKPOINT),
    ):
        op.create_index(name, "venue_code", [column], unique=True, sqlite_where=where, postgresql_where=where)


def downgrade() -> None:
    """What hangs on walls leads nowhere then."""
    op.drop_table("venue_code")
