"""Enrolment codes and the devices that asked with them; the key that a gate rolls to."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """No code was made, and no gate rolls its key."""
    op.create_table(
        "enrolment",
        sa.Column("gate_number", sa.Integer, sa.ForeignKey("gate.number"), primary_key=True, autoincrement=False),
        sa.Column("token", sa.LargeBinary(32)),
        sa.Column("made_at", sa.Float, nullable=False),
        sa.Column("expires_at", sa.Float, nullable=False),
        sa.Column("collector", sa.Text, nullable=False),
        sa.Column("public_key", sa.LargeBinary(32)),
        sa.Column("asked_at", sa.Float),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in ("have_epoch", "have_number")),
        sa.Column("software", sa.Text, nullable=False),
        sa.Column("others", sa.Integer, nullable=False),
        sa.Column("confirmed_at", sa.Float),
    )
    op.create_index("ix_enrolment_token", "enrolment", ["token"])
    op.add_column("gate", sa.Column("next_kid", sa.LargeBinary(8)))
    op.add_column("gate", sa.Column("next_public_key", sa.LargeBinary(32)))
    op.create_index("ix_gate_next_kid", "gate", ["next_kid"])


def downgrade() -> None:
    """Refused while a gate rolls its key: the older version would not know it any more."""
    if op.get_bind().scalar(sa.text("SELECT COUNT(*) FROM gate WHERE next_kid IS NOT NULL")):
        raise RuntimeError("there are gates on their way to a new key, and the version before has no place for it")
    op.drop_index("ix_gate_next_kid", "gate")
    op.drop_column("gate", "next_public_key")
    op.drop_column("gate", "next_kid")
    op.drop_table("enrolment")
