"""Sticks: what a gate's answers are sealed to, and which contact came on one."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Every contact so far came by network; gates tell their keys with their next batch."""
    op.create_table(
        "gate_seal",
        sa.Column("gate_number", sa.Integer, sa.ForeignKey("gate.number"), primary_key=True, autoincrement=False),
        sa.Column("kid", sa.LargeBinary(8), nullable=False),
        sa.Column("public", sa.LargeBinary(32), nullable=False),
    )
    op.add_column("contact", sa.Column("carried", sa.Boolean, nullable=False, server_default=sa.false()))


def downgrade() -> None:
    """Gates tell their keys again."""
    op.drop_column("contact", "carried")
    op.drop_table("gate_seal")
