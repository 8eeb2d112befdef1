"""The tables of the first version, which made them without Alembic: such a database is adopted as it is."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Venues, gates, what the centre gives them, and what came in."""
    _town()
    _fleet()
    _intake()


def _town() -> None:
    op.create_table(
        "epoch", sa.Column("number", sa.Integer, primary_key=True), sa.Column("began_at", sa.Float, nullable=False)
    )
    op.create_table(
        "policy",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("created_at", sa.Float, nullable=False),
        sa.Column("document", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "venue",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.String(100), nullable=False, unique=True),
    )
    op.create_table(
        "checkpoint",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("venue_id", sa.Integer, sa.ForeignKey("venue.id"), nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("direction", sa.String(3), nullable=False),
    )
    op.create_index("ix_checkpoint_venue_id", "checkpoint", ["venue_id"])
    op.create_table(
        "issued_pass",
        sa.Column("serial", sa.LargeBinary(12), primary_key=True),
        sa.Column("holder", sa.String(64)),
        sa.Column("kind", sa.Integer, nullable=False),
        sa.Column("status", sa.Integer, nullable=False),
        *(
            sa.Column(name, sa.BigInteger, nullable=False)
            for name in ("status_at", "issued_at", "expires_at", "venue", "checkpoint")
        ),
    )


def _fleet() -> None:
    op.create_table(
        "gate",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("id", sa.String(32), nullable=False, unique=True),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("checkpoint_id", sa.Integer, sa.ForeignKey("checkpoint.id"), nullable=False),
        sa.Column("kid", sa.LargeBinary(8), unique=True),
        sa.Column("public_key", sa.LargeBinary(32)),
    )
    op.create_index("ix_gate_checkpoint_id", "gate", ["checkpoint_id"])
    op.create_table(
        "contact",
        sa.Column("gate_number", sa.Integer, sa.ForeignKey("gate.number"), primary_key=True),
        sa.Column("at", sa.Float, nullable=False),
        sa.Column("backlog", sa.BigInteger, nullable=False),
        sa.Column("clock_error_seconds", sa.Float, nullable=False),
        sa.Column("boot", sa.Text, nullable=False),
        sa.Column("mono", sa.Float, nullable=False),
        sa.Column("report", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "snapshot",
        sa.Column("gate_number", sa.Integer, sa.ForeignKey("gate.number"), primary_key=True),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in ("epoch", "number", "issued_at")),
        sa.Column("content", sa.LargeBinary(32), nullable=False),
        *(sa.Column(name, sa.LargeBinary, nullable=False) for name in ("keys", "manifest", "policy", "venue")),
    )


def _intake() -> None:
    op.create_table(
        "outbox",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("id", sa.String(32), nullable=False, unique=True),
        sa.Column("gate_number", sa.Integer, sa.ForeignKey("gate.number"), nullable=False),
        sa.Column("next", sa.BigInteger, nullable=False),
        sa.Column("records", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_outbox_gate_number", "outbox", ["gate_number"])
    op.create_table(
        "record",
        *_name(),
        sa.Column("checkpoint", sa.BigInteger, nullable=False),
        sa.Column("direction", sa.String(3), nullable=False),
        sa.Column("gate", sa.BigInteger, nullable=False),
        sa.Column("type", sa.String(8), nullable=False),
        sa.Column("outcome", sa.String(8)),
        sa.Column("reasons", sa.Text, nullable=False),
        sa.Column("kind", sa.Text),
        sa.Column("serial", sa.LargeBinary(8)),
        sa.Column("status", sa.Text),
        sa.Column("temperature", sa.Float),
        sa.Column("count", sa.BigInteger, nullable=False),
        sa.Column("at", sa.Float, nullable=False),
        sa.Column("boot", sa.Text, nullable=False),
        sa.Column("mono", sa.Float, nullable=False),
        sa.Column("clock", sa.String(16), nullable=False),
        sa.Column("received_at", sa.Float, nullable=False),
        sa.Column("raw", sa.LargeBinary, nullable=False),
    )
    op.create_index("record_venue_at", "record", ["venue", "at"])
    op.create_index("record_received_at", "record", ["received_at"])
    op.create_table(
        "set_aside",
        *_name(),
        sa.Column("gate", sa.BigInteger, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("received_at", sa.Float, nullable=False),
        sa.Column("raw", sa.LargeBinary, nullable=False),
    )
    op.create_index("ix_set_aside_gate", "set_aside", ["gate"])
    op.create_table(
        "conflict",
        *_name(),
        sa.Column("digest", sa.LargeBinary(32), primary_key=True),
        sa.Column("gate", sa.BigInteger, nullable=False),
        sa.Column("received_at", sa.Float, nullable=False),
        sa.Column("raw", sa.LargeBinary, nullable=False),
    )
    op.create_index("ix_conflict_gate", "conflict", ["gate"])
    op.create_table(
        "hole",
        sa.Column("outbox", sa.Integer, sa.ForeignKey("outbox.number"), primary_key=True, autoincrement=False),
        sa.Column("first", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("last", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("reason", sa.Text, nullable=False),
    )
    op.create_table(
        "dispute",
        sa.Column("outbox", sa.Integer, sa.ForeignKey("outbox.number"), primary_key=True, autoincrement=False),
        sa.Column("gate", sa.Integer, sa.ForeignKey("gate.number"), primary_key=True, autoincrement=False),
        sa.Column("first_at", sa.Float, nullable=False),
        sa.Column("last_at", sa.Float, nullable=False),
    )
    op.create_table(
        "hourly_count",
        sa.Column("venue", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("checkpoint", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("direction", sa.String(3), primary_key=True),
        sa.Column("hour", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("type", sa.String(8), primary_key=True),
        sa.Column("outcome", sa.String(8), primary_key=True),
        sa.Column("kind", sa.Text, primary_key=True),
        sa.Column("count", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_hourly_count_hour", "hourly_count", ["hour"])


def _name() -> list[sa.Column[int]]:
    return [
        sa.Column(name, sa.BigInteger, primary_key=True, autoincrement=False)
        for name in ("outbox", "sequence", "venue")
    ]


def downgrade() -> None:
    """Back to an empty database."""
    for table in (
        *("hourly_count", "dispute", "hole", "conflict", "set_aside", "record", "outbox"),
        *("snapshot", "contact", "gate", "issued_pass", "checkpoint", "venue", "policy", "epoch"),
    ):
        op.drop_table(table)
