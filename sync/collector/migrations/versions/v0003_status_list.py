"""Withdrawn passes, the status lists made of them, and which list each gate was given."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Nothing is withdrawn at first."""
    op.create_table(
        "withdrawal",
        sa.Column("serial", sa.LargeBinary(12), primary_key=True),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
        sa.Column("withdrawn_at", sa.Float, nullable=False),
    )
    op.create_index("ix_withdrawal_expires_at", "withdrawal", ["expires_at"])
    op.create_table(
        "status_list",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("built_at", sa.Float, nullable=False),
        sa.Column("snapshot", sa.LargeBinary, nullable=False),
        sa.Column("delta", sa.LargeBinary, nullable=False),
        sa.Column("snapshot_digest", sa.LargeBinary(32), nullable=False),
        sa.Column("delta_digest", sa.LargeBinary(32), nullable=False),
    )
    op.create_table(
        "gate_list",
        sa.Column("gate_number", sa.Integer, sa.ForeignKey("gate.number"), primary_key=True),
        sa.Column("list_number", sa.Integer, sa.ForeignKey("status_list.number"), nullable=False),
        sa.Column("snapshot_digest", sa.LargeBinary(32), nullable=False),
        sa.Column("since_epoch", sa.BigInteger, nullable=False),
        sa.Column("since_number", sa.BigInteger, nullable=False),
    )


def downgrade() -> None:
    """Withdrawn passes are withdrawn no longer: what expires soon is all that is lost."""
    for table in ("gate_list", "status_list", "withdrawal"):
        op.drop_table(table)
