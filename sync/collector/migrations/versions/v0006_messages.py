"""Messages that wait to be sent, alarms, and who is told of them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Nobody is told anything yet."""
    op.create_table(
        "message",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("channel", sa.String(16), nullable=False),
        sa.Column("about", sa.String(64), nullable=False),
        sa.Column("recipient", sa.String(16), nullable=False),
        sa.Column("state", sa.String(8), nullable=False),
        sa.Column("sealed", sa.LargeBinary),
        sa.Column("tries", sa.Integer, nullable=False),
        *(sa.Column(name, sa.Float, nullable=False) for name in ("posted_at", "due_at", "expires_at")),
        sa.Column("claim", sa.LargeBinary(16)),
        sa.Column("ended_at", sa.Float),
        sa.Column("last_error", sa.Text, nullable=False),
    )
    op.create_index("ix_message_state_due_at", "message", ["state", "due_at"])
    op.create_index("ix_message_recipient", "message", ["recipient"])
    op.create_table(
        "alarm_recipient",
        sa.Column("id", sa.String(16), primary_key=True),
        sa.Column("channel", sa.String(16), nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.Column("language", sa.String(2), nullable=False),
        sa.Column("created_at", sa.Float, nullable=False),
        sa.Column("created_by", sa.Text, nullable=False),
    )
    op.create_table(
        "alarm",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("gate", sa.Integer, sa.ForeignKey("gate.number"), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("began_at", sa.Float, nullable=False),
        *(sa.Column(name, sa.Float) for name in ("told_at", "gone_at", "ended_at", "cleared_at")),
    )
    op.create_index("ix_alarm_gate", "alarm", ["gate"])
    op.create_index("ix_alarm_ended_at", "alarm", ["ended_at"])
    op.create_table(
        "alarm_watch",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        *(sa.Column(name, sa.Float, nullable=False) for name in ("looked_at", "listening_since", "told_at")),
    )


def downgrade() -> None:
    """What waited is not sent."""
    for table in ("alarm_watch", "alarm", "alarm_recipient", "message"):
        op.drop_table(table)
