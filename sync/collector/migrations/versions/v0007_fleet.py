"""A gate's history, gates that are retired, and what was decided about records that were kept."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

_RESOLVED = (("resolution", sa.String(16)), ("resolved_at", sa.Float()), ("audit", sa.BigInteger()))


def upgrade() -> None:
    """Nothing is known of the past, nobody has decided anything."""
    op.add_column("gate", sa.Column("retired_at", sa.Float))
    op.add_column("contact", sa.Column("trust_issued_at", sa.BigInteger))
    for name in ("faults", "last_faults"):
        op.add_column("contact", sa.Column(name, sa.Text, nullable=False, server_default=""))
    for name in ("faults_at", "faults_ended_at"):
        op.add_column("contact", sa.Column(name, sa.Float))
    for table in ("set_aside", "conflict"):
        for name, kind in _RESOLVED:
            op.add_column(table, sa.Column(name, kind))
    op.create_table(
        "contact_sample",
        sa.Column("gate_number", sa.Integer, sa.ForeignKey("gate.number"), primary_key=True, autoincrement=False),
        sa.Column("slot", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("bucket", sa.BigInteger, nullable=False),
        sa.Column("first_at", sa.Float, nullable=False),
        sa.Column("last_at", sa.Float, nullable=False),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in ("contacts", "gaps", "backlog", "most_backlog")),
        sa.Column("clock_error_seconds", sa.Float, nullable=False),
        sa.Column("faults", sa.Text, nullable=False),
        sa.Column("disk_used", sa.Float),
        sa.Column("board_celsius", sa.Float),
    )
    op.create_index("ix_contact_sample_bucket", "contact_sample", ["bucket"])
    op.create_table(
        "correction",
        sa.Column("outbox", sa.Integer, sa.ForeignKey("outbox.number"), primary_key=True, autoincrement=False),
        sa.Column("sequence", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("of_outbox", sa.Integer, sa.ForeignKey("outbox.number"), nullable=False),
        sa.Column("of_sequence", sa.BigInteger, nullable=False),
        sa.Column("audit", sa.BigInteger, nullable=False),
    )
    op.create_index("correction_of", "correction", ["of_outbox", "of_sequence"])


def downgrade() -> None:
    """Refused while there are decisions, or gates that the older version would trust again."""
    for table, which, what in (
        ("gate", "retired_at IS NOT NULL", "retired gates"),
        ("set_aside", "resolution IS NOT NULL", "decisions about records"),
        ("conflict", "resolution IS NOT NULL", "decisions about records"),
    ):
        if op.get_bind().scalar(sa.text(f"SELECT COUNT(*) FROM {table} WHERE {which}")):  # noqa: S608 - our own names
            raise RuntimeError(f"there are {what}, and the version before has no place for them")
    op.drop_table("correction")
    op.drop_table("contact_sample")
    for table in ("set_aside", "conflict"):
        for name, _ in reversed(_RESOLVED):
            op.drop_column(table, name)
    for name in ("faults_ended_at", "faults_at", "last_faults", "faults", "trust_issued_at"):
        op.drop_column("contact", name)
    op.drop_column("gate", "retired_at")
