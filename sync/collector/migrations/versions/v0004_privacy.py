"""Visitors with encrypted fields, the audit that only grows, and what retention leaves behind."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_REFUSED = "the audit is append-only"
_GUARDS = {
    "sqlite": [
        f"CREATE TRIGGER audit_{act.lower()} BEFORE {act} ON audit BEGIN SELECT RAISE(ABORT, '{_REFUSED}'); END"
        for act in ("UPDATE", "DELETE")
    ],
    "postgresql": [
        "CREATE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{_REFUSED}' USING ERRCODE = 'restrict_violation'; END $$",
        "CREATE TRIGGER audit_change BEFORE UPDATE OR DELETE OR TRUNCATE ON audit "
        "FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse()",
    ],
}


def upgrade() -> None:
    """Nobody is registered, nothing is purged, nobody looked."""
    op.create_table(
        "visitor",
        sa.Column("id", sa.String(16), primary_key=True),
        sa.Column("kid", sa.LargeBinary(8), nullable=False),
        sa.Column("document", sa.String(16), nullable=False),
        sa.Column("name", sa.LargeBinary, nullable=False),
        sa.Column("number", sa.LargeBinary, nullable=False),
        sa.Column("phone", sa.LargeBinary),
        sa.Column("number_hash", sa.LargeBinary(16), nullable=False),
        sa.Column("phone_hash", sa.LargeBinary(16)),
        sa.Column("verified_at", sa.Float),
        sa.Column("created_at", sa.Float, nullable=False),
        sa.Column("used_until", sa.Float, nullable=False),
    )
    for column in ("kid", "number_hash", "phone_hash", "used_until"):
        op.create_index(f"ix_visitor_{column}", "visitor", [column])
    for column in ("holder", "expires_at"):
        op.create_index(f"ix_issued_pass_{column}", "issued_pass", [column])
    op.create_table(
        "terms",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("created_at", sa.Float, nullable=False),
        sa.Column("document", sa.LargeBinary, nullable=False),
    )
    _audit()
    op.add_column("outbox", sa.Column("purged", sa.BigInteger, nullable=False, server_default="1"))
    op.create_table(
        "purged_number",
        sa.Column("outbox", sa.Integer, sa.ForeignKey("outbox.number"), primary_key=True, autoincrement=False),
        sa.Column("sequence", sa.BigInteger, primary_key=True, autoincrement=False),
    )
    types = {"direction": sa.String(3), "type": sa.String(16), "outcome": sa.String(16), "kind": sa.Text()}
    key = ("venue", "checkpoint", "direction", "inspector", "hour", "type", "outcome", "kind")
    op.create_table(
        "purged_count",
        *(
            sa.Column(name, types.get(name, sa.BigInteger()), primary_key=True, autoincrement=False, nullable=False)
            for name in key
        ),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in ("count", "measured", "not_measured", "fevers")),
    )


def _audit() -> None:
    op.create_table(
        "audit",
        sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("at", sa.Float, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("act", sa.String(32), nullable=False),
        sa.Column("visitor", sa.String(16)),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("digest", sa.LargeBinary(32), nullable=False),
    )
    op.create_index("ix_audit_visitor", "audit", ["visitor"])
    for statement in _GUARDS[op.get_context().dialect.name]:
        op.execute(statement)


def downgrade() -> None:
    """Refused while the older version has no place for what there is: people, what was done with them, purges."""
    for table, what in (("visitor", "visitors"), ("audit", "lines of the audit"), ("purged_count", "purged records")):
        if op.get_bind().scalar(sa.text(f"SELECT COUNT(*) FROM {table}")):  # noqa: S608 - our own names
            raise RuntimeError(f"there are {what}, and version 0003 has no place for them")
    for table in ("purged_count", "purged_number", "audit", "terms", "visitor"):
        op.drop_table(table)
    if op.get_context().dialect.name == "postgresql":
        op.execute("DROP FUNCTION audit_refuse()")
    op.drop_column("outbox", "purged")
    for column in ("holder", "expires_at"):
        op.drop_index(f"ix_issued_pass_{column}", "issued_pass")
