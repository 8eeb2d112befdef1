"""Batches of paper passes, and who belongs to them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    """There is no batch yet; passes that were issued by hand belong to none."""
    op.create_table(
        "pass_batch",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.String(60), nullable=False),
        sa.Column("day", sa.String(10), unique=True),
        sa.Column("created_at", sa.Float, nullable=False),
    )
    op.create_table(
        "pass_batch_member",
        sa.Column("visitor", sa.String(16), primary_key=True),
        sa.Column("batch", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("place", sa.Integer, nullable=False),
        sa.Column("serial", sa.LargeBinary(12)),
        sa.Column("issued_at", sa.BigInteger),
        sa.Column("prints", sa.Integer, nullable=False),
    )
    op.create_index("pass_batch_member_batch", "pass_batch_member", ["batch", "place"])


def downgrade() -> None:
    """Who was in which batch is forgotten; their passes stay."""
    op.drop_table("pass_batch_member")
    op.drop_table("pass_batch")
