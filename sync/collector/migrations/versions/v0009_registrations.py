"""What inspectors register at the centre: outboxes that no gate fills, taps by their nonce, disinfection rounds."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

_REQUIRED, _OPTIONAL = "gate_number INTEGER NOT NULL", "gate_number INTEGER"


def upgrade() -> None:
    """An outbox is a gate's or a venue's. The roll-up gets an index for one venue's days."""
    _change_gate_number(_REQUIRED, _OPTIONAL)
    # One statement for both databases: Alembic adds no foreign key to a table of SQLite's.
    op.execute("ALTER TABLE outbox ADD COLUMN venue_id INTEGER REFERENCES venue (id)")
    op.create_index("hourly_count_venue_hour", "hourly_count", ["venue", "hour"])
    op.create_table(
        "registration",
        _number("venue", key=True),
        sa.Column("nonce", sa.LargeBinary(16), primary_key=True),
        sa.Column("digest", sa.LargeBinary(32), nullable=False),
        _number("inspector"),
        _number("sequence"),
        sa.Column("at", sa.Float, nullable=False),
        sa.Column("received_at", sa.Float, nullable=False),
        sa.Column("taken_back", sa.BigInteger),
    )
    op.create_index("registration_received_at", "registration", ["received_at"])
    op.create_table(
        "disinfection",
        _number("venue", key=True),
        sa.Column("nonce", sa.LargeBinary(16), primary_key=True),
        _number("inspector"),
        _number("checkpoint"),
        sa.Column("at", sa.Float, nullable=False),
        sa.Column("what", sa.String(16), nullable=False),
        sa.Column("note", sa.String(100), nullable=False),
    )
    op.create_index("disinfection_at", "disinfection", ["venue", "at"])


def downgrade() -> None:
    """Refused while there are records that no gate made: the older tables have no place for them."""
    if op.get_bind().scalar(sa.text("SELECT COUNT(*) FROM outbox WHERE venue_id IS NOT NULL")):
        raise RuntimeError("inspectors registered people at the centre, and the version before knows only gates")
    if op.get_bind().scalar(sa.text("SELECT COUNT(*) FROM disinfection")):
        raise RuntimeError("there are disinfection rounds, and the version before has no place for them")
    op.drop_table("disinfection")
    op.drop_table("registration")
    op.drop_index("hourly_count_venue_hour", "hourly_count")
    op.drop_column("outbox", "venue_id")
    _change_gate_number(_OPTIONAL, _REQUIRED)


def _number(name: str, *, key: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, primary_key=key, autoincrement=False, nullable=False)


def _change_gate_number(before: str, after: str) -> None:
    """SQLite rebuilds no table that others point at while foreign keys are on, which a transaction cannot turn off.

    Its manual's way past that: the stored statement itself is changed, which says nothing about rows that are there.
    https://www.sqlite.org/lang_altertable.html, section 7, the second list.
    """
    if op.get_context().dialect.name != "sqlite":
        op.alter_column("outbox", "gate_number", nullable=after == _OPTIONAL)
        return
    connection = op.get_bind()
    version = connection.exec_driver_sql("PRAGMA schema_version").scalar_one()
    connection.exec_driver_sql("PRAGMA writable_schema = ON")
    changed = connection.exec_driver_sql(
        "UPDATE sqlite_schema SET sql = replace(sql, ?, ?) WHERE type = 'table' AND name = 'outbox' AND instr(sql, ?)",
        (f"{before}, ", f"{after}, ", f"{before}, "),
    )
    if changed.rowcount != 1:
        raise RuntimeError("the table outbox is not as this version made it")
    connection.exec_driver_sql(f"PRAGMA schema_version = {version + 1}")
    connection.exec_driver_sql("PRAGMA writable_schema = RESET")  # read anew by this connection too
    wrong = connection.exec_driver_sql("PRAGMA quick_check('outbox')").scalars().all()
    if wrong != ["ok"]:
        raise RuntimeError(f"the table outbox cannot be changed: {wrong}")
