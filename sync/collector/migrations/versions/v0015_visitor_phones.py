"""Visitors' phones: whom they speak for, codes that were sent, visits that they registered."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """No phone is remembered."""
    op.create_table(
        "visitor_phone",
        sa.Column("token", sa.LargeBinary(32), primary_key=True),
        sa.Column("created_at", sa.Float, nullable=False),
        sa.Column("seen_at", sa.Float, nullable=False, index=True),
        sa.Column("counted", sa.Integer, nullable=False),
        sa.Column("counted_at", sa.Float, nullable=False),
    )
    op.create_table(
        "phone_person",
        sa.Column("id", sa.String(16), primary_key=True),
        sa.Column("phone", sa.LargeBinary(32), nullable=False, index=True),
        sa.Column("place", sa.Integer, nullable=False),
        sa.Column("visitor", sa.String(16), nullable=False, index=True),
        sa.Column("proof", sa.Integer, nullable=False),
        sa.Column("kid", sa.LargeBinary(8), nullable=False, index=True),
        sa.Column("name", sa.LargeBinary, nullable=False),
        sa.Column("desk", sa.String(8), nullable=False, index=True),
    )
    op.create_table(
        "phone_code",
        sa.Column("asked", sa.LargeBinary(32), primary_key=True),
        sa.Column("code", sa.LargeBinary(16), nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("until", sa.Float, nullable=False, index=True),
    )
    op.create_table(
        "visit",
        sa.Column("visitor", sa.String(16), primary_key=True),
        sa.Column("id", sa.String(16), primary_key=True),
        sa.Column("phone", sa.LargeBinary(32), nullable=False),
        sa.Column("place", sa.Integer, nullable=False),
        sa.Column("venue", sa.BigInteger, nullable=False),
        sa.Column("checkpoint", sa.BigInteger, nullable=False),
        sa.Column("direction", sa.String(3), nullable=False),
        sa.Column("at", sa.Float, nullable=False, index=True),
        sa.Column("proof", sa.Integer, nullable=False),
    )
    op.create_index("ix_visit_venue_at", "visit", ["venue", "at"])
    op.create_index("ix_visit_phone_at", "visit", ["phone", "at"])


def downgrade() -> None:
    """Phones are forgotten, and so are visits."""
    for table in ("visit", "phone_code", "phone_person", "visitor_phone"):
        op.drop_table(table)
