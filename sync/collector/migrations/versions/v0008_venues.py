"""Venues as the notice's annex has them: address, kind, hours, history, declaration codes, inspectors, handing over."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

_TEXTS = (("address", 200), ("kind", 16), ("credit_code", 18), ("refusal", 200))
_HOURS = (("open_minute", "480"), ("close_minute", "1200"), ("open_days", "127"))
_WAITING = sa.text("answer = 'waiting'")
_IN_FORCE = sa.text("ended_at IS NULL")


def upgrade() -> None:
    """Venues that are there stay active; their history begins with what they are now."""
    for name, length in _TEXTS:
        op.add_column("venue", sa.Column(name, sa.String(length), nullable=False, server_default=""))
    for name, default in _HOURS:
        op.add_column("venue", sa.Column(name, sa.Integer, nullable=False, server_default=default))
    for name in ("latitude", "longitude", "decided_at"):
        op.add_column("venue", sa.Column(name, sa.Float))
    op.add_column("venue", sa.Column("state", sa.String(8), nullable=False, server_default="active"))
    op.add_column("venue", sa.Column("created_at", sa.Float, nullable=False, server_default="0"))
    op.add_column("checkpoint", sa.Column("closed_at", sa.Float))
    _history()
    _members()
    op.execute(
        "INSERT INTO venue_version (venue_id, since, name, region, address, kind, credit_code) "
        "SELECT id, 0, name, region, '', '', '' FROM venue ORDER BY id"
    )
    op.execute(
        "INSERT INTO inspector (account_id, venue_id, since) "
        "SELECT account_id, venue_id, since FROM appointment WHERE role = 'inspector' ORDER BY id"
    )


def _history() -> None:
    op.create_table(
        "venue_version",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("venue_id", sa.Integer, sa.ForeignKey("venue.id"), nullable=False),
        sa.Column("since", sa.Float, nullable=False),
        sa.Column("account_id", sa.Integer, sa.ForeignKey("account.id")),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("region", sa.String(12), nullable=False),
        sa.Column("address", sa.String(200), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("credit_code", sa.String(18), nullable=False),
    )
    op.create_index("venue_version_since", "venue_version", ["venue_id", "since"])


def _members() -> None:
    op.create_table(
        "declaration_code",
        sa.Column("code", sa.String(6), primary_key=True),
        sa.Column("venue_id", sa.Integer, sa.ForeignKey("venue.id"), nullable=False),
        sa.Column("issued_at", sa.Float, nullable=False),
        sa.Column("ended_at", sa.Float),
    )
    _index_where("one_declaration_code", "declaration_code", ["venue_id"], _IN_FORCE)
    op.create_table(
        "binding_request",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("account_id", sa.Integer, sa.ForeignKey("account.id"), nullable=False, index=True),
        sa.Column("venue_id", sa.Integer, sa.ForeignKey("venue.id"), nullable=False, index=True),
        sa.Column("asked_at", sa.Float, nullable=False),
        sa.Column("answer", sa.String(9), nullable=False),
        sa.Column("answered_at", sa.Float),
    )
    _index_where("one_binding_request", "binding_request", ["account_id", "venue_id"], _WAITING)
    op.create_table(
        "inspector",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("account_id", sa.Integer, sa.ForeignKey("account.id"), nullable=False),
        sa.Column("venue_id", sa.Integer, sa.ForeignKey("venue.id"), nullable=False, index=True),
        sa.Column("checkpoint_id", sa.Integer, sa.ForeignKey("checkpoint.id")),
        sa.Column("pin", sa.Text),
        sa.Column("badge", sa.Integer, nullable=False, server_default="1"),
        sa.Column("since", sa.Float, nullable=False),
        sa.UniqueConstraint("account_id", "venue_id", name="one_inspector"),
    )
    op.create_table(
        "hand_over",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("venue_id", sa.Integer, sa.ForeignKey("venue.id"), nullable=False),
        sa.Column("from_account", sa.Integer, sa.ForeignKey("account.id"), nullable=False),
        sa.Column("to_account", sa.Integer, sa.ForeignKey("account.id"), nullable=False, index=True),
        sa.Column("offered_at", sa.Float, nullable=False),
        sa.Column("answer", sa.String(9), nullable=False),
        sa.Column("answered_at", sa.Float),
    )
    _index_where("one_hand_over", "hand_over", ["venue_id"], _WAITING)


def _index_where(name: str, table: str, columns: list[str], where: sa.TextClause) -> None:
    op.create_index(name, table, columns, unique=True, sqlite_where=where, postgresql_where=where)


def downgrade() -> None:
    """Refused while there are venues that the older version would take for active ones."""
    if op.get_bind().scalar(sa.text("SELECT COUNT(*) FROM venue WHERE state <> 'active'")):
        raise RuntimeError("there are venues that are not active, and the version before knows no others")
    for table in ("hand_over", "inspector", "binding_request", "declaration_code", "venue_version"):
        op.drop_table(table)
    op.drop_column("checkpoint", "closed_at")
    names = [name for name, _ in (*_TEXTS, *_HOURS)]
    for name in (*names, "latitude", "longitude", "decided_at", "state", "created_at"):
        op.drop_column("venue", name)
