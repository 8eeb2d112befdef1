"""Accounts and what they may; organizations; the region of a venue."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

_ADMINISTRATOR = sa.text("role = 'venue_administrator'")


def upgrade() -> None:
    """Nobody has an account: `collector account create`, or `collector init` for a new centre."""
    op.add_column("venue", sa.Column("region", sa.String(12), nullable=False, server_default=""))
    op.create_table(
        "organization",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.String(100), nullable=False, unique=True),
    )
    op.create_table(
        "account",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("login", sa.String(64), nullable=False, unique=True),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("language", sa.String(2), nullable=False, server_default="zh"),
        sa.Column("address", sa.LargeBinary),
        sa.Column("password", sa.Text),
        sa.Column("totp", sa.LargeBinary),
        sa.Column("totp_step", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("created_at", sa.Float, nullable=False),
        sa.Column("disabled_at", sa.Float),
    )
    _appointments()
    op.create_table(
        "signed_in",
        sa.Column("token", sa.LargeBinary(32), primary_key=True),
        sa.Column("account_id", sa.Integer, sa.ForeignKey("account.id"), nullable=False, index=True),
        sa.Column("began_at", sa.Float, nullable=False),
        sa.Column("seen_at", sa.Float, nullable=False),
        sa.Column("second_factor_at", sa.Float),
        sa.Column("agent", sa.String(120), nullable=False),
    )
    op.create_table(
        "one_time_link",
        sa.Column("token", sa.LargeBinary(32), primary_key=True),
        sa.Column("account_id", sa.Integer, sa.ForeignKey("account.id"), nullable=False, index=True),
        sa.Column("purpose", sa.String(8), nullable=False),
        sa.Column("expires_at", sa.Float, nullable=False),
    )
    op.create_table(
        "tally",
        sa.Column("subject", sa.LargeBinary(16), primary_key=True),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("began_at", sa.Float, nullable=False),
        sa.Column("last_at", sa.Float, nullable=False, index=True),
    )


def _appointments() -> None:
    op.create_table(
        "appointment",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("account_id", sa.Integer, sa.ForeignKey("account.id"), nullable=False, index=True),
        sa.Column("role", sa.String(24), nullable=False),
        sa.Column("venue_id", sa.Integer, sa.ForeignKey("venue.id"), index=True),
        sa.Column("organization_id", sa.Integer, sa.ForeignKey("organization.id")),
        sa.Column("region", sa.String(12)),
        sa.Column("since", sa.Float, nullable=False),
    )
    op.create_index(
        "appointment_once",
        "appointment",
        [
            "account_id",
            "role",
            *(sa.text(f"coalesce({name}, {empty})") for name, empty in _PLACES),
        ],
        unique=True,
    )
    for name, column in (("one_administrator", "venue_id"), ("one_venue", "account_id")):
        op.create_index(
            name, "appointment", [column], unique=True, sqlite_where=_ADMINISTRATOR, postgresql_where=_ADMINISTRATOR
        )


_PLACES = (("venue_id", "0"), ("organization_id", "0"), ("region", "''"))


def downgrade() -> None:
    """Refused while somebody has an account: the older version would let nobody in."""
    if op.get_bind().scalar(sa.text("SELECT COUNT(*) FROM account")):
        raise RuntimeError("there are accounts, and version 0004 has no place for them")
    for table in ("tally", "one_time_link", "signed_in", "appointment", "account", "organization"):
        op.drop_table(table)
    op.drop_column("venue", "region")
