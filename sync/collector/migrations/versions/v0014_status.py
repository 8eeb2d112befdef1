"""Who is green: entries, tests, declarations, the platform's word, people known by document; why passes go."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"

_WAITING = sa.text("looked_at IS NULL")
_TABLES = ("status_entry", "lab_result", "declaration", "platform_answer", "standing", "marked_person")


def upgrade() -> None:
    """Nobody is marked; passes that are withdrawn were so by hand."""
    op.add_column("withdrawal", sa.Column("by_hand", sa.Boolean, nullable=False, server_default=sa.true()))
    op.add_column("withdrawal", sa.Column("by_status", sa.Boolean, nullable=False, server_default=sa.false()))
    op.create_index("ix_withdrawal_withdrawn_at", "withdrawal", ["withdrawn_at"])
    op.create_table(
        "marked_person",
        sa.Column("id", sa.String(16), primary_key=True),
        sa.Column("kid", sa.LargeBinary(8), nullable=False, index=True),
        sa.Column("document", sa.String(16), nullable=False),
        sa.Column("number", sa.LargeBinary, nullable=False),
        sa.Column("number_hash", sa.LargeBinary(16), nullable=False, index=True),
        sa.Column("created_at", sa.Float, nullable=False),
    )
    _of_person(
        "status_entry",
        sa.Column("id", sa.String(16), primary_key=True),
        sa.Column("status", sa.Integer, nullable=False),
        sa.Column("reason", sa.String(20), nullable=False),
        sa.Column("set_at", sa.Float, nullable=False),
        sa.Column("until", sa.Float, nullable=False, index=True),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("because", sa.Text, nullable=False),
        sa.Column("ended_at", sa.Float),
        sa.Column("ended_by", sa.Text),
        sa.Column("ended_because", sa.Text),
    )
    _of_person(
        "lab_result",
        sa.Column("id", sa.String(16), primary_key=True),
        sa.Column("taken_at", sa.Float, nullable=False, index=True),
        sa.Column("negative", sa.Boolean, nullable=False),
        sa.Column("lab", sa.String(60), nullable=False),
        sa.Column("known_at", sa.Float, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
    )
    _of_person(
        "declaration",
        sa.Column("id", sa.String(16), primary_key=True),
        sa.Column("at", sa.Float, nullable=False, index=True),
        sa.Column("symptoms", sa.String(100), nullable=False),
        sa.Column("contact", sa.Boolean, nullable=False),
        sa.Column("looked_at", sa.Float),
        sa.Column("looked_by", sa.Text),
    )
    op.create_index("declaration_waiting", "declaration", ["at"], sqlite_where=_WAITING, postgresql_where=_WAITING)
    _of_person(
        "platform_answer",
        sa.Column("status", sa.Integer, nullable=False),
        sa.Column("asked_at", sa.Float, nullable=False),
        sa.Column("asserted_at", sa.Float, nullable=False),
        sa.Column("tested_at", sa.Float),
        sa.Column("negative", sa.Boolean),
    )
    _of_person(
        "standing",
        sa.Column("status", sa.Integer, nullable=False),
        sa.Column("until", sa.Float, index=True),
        sa.Column("judged_at", sa.Float, nullable=False),
    )


def _of_person(table: str, *columns: sa.Column[object]) -> None:
    op.create_table(table, sa.Column("visitor", sa.String(16), primary_key=True), *columns)


def downgrade() -> None:
    """Refused while somebody's status would be forgotten by it."""
    for table in _TABLES:
        if op.get_bind().scalar(sa.text(f"SELECT COUNT(*) FROM {table}")):  # noqa: S608 - our own names
            raise RuntimeError(f"{table} says how people stand, and the version before has no place for it")
    for table in _TABLES:
        op.drop_table(table)
    op.drop_index("ix_withdrawal_withdrawn_at", "withdrawal")
    op.drop_column("withdrawal", "by_status")
    op.drop_column("withdrawal", "by_hand")
