"""Records keyed by venue first, the roll-up with inspector and temperatures, revoked gates, and where gates stood."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_NAME = ("venue", "outbox", "sequence")
_KEPT = (
    *("venue", "outbox", "sequence", "checkpoint", "direction", "gate", "type", "outcome", "reasons", "kind", "serial"),
    *("status", "temperature", "count", "at", "boot", "mono", "clock", "received_at", "raw"),
)
# The first version had no place for what the turnstile said but the reasons.
_SAID = "CASE WHEN type = 'passage' THEN reasons ELSE outcome END"
_NOT_SAID = "CASE WHEN type = 'passage' THEN NULL ELSE outcome END"
_HOUR = {"sqlite": "CAST(at / 3600 AS INTEGER)", "postgresql": "CAST(floor(at / 3600) AS BIGINT)"}


def upgrade() -> None:
    """The roll-up is counted anew from the records."""
    op.add_column("gate", sa.Column("revoked_at", sa.Float))
    op.add_column("outbox", sa.Column("ahead", sa.BigInteger, nullable=False, server_default="1"))
    op.create_table(
        "placement",
        sa.Column("gate_number", sa.Integer, sa.ForeignKey("gate.number"), primary_key=True, autoincrement=False),
        sa.Column("venue", sa.Integer, sa.ForeignKey("venue.id"), primary_key=True, autoincrement=False),
    )
    op.execute(
        "INSERT INTO placement SELECT gate.number, checkpoint.venue_id FROM gate "
        "JOIN checkpoint ON checkpoint.id = gate.checkpoint_id"
    )
    op.execute(
        "INSERT INTO placement SELECT DISTINCT record.gate, record.venue FROM record "
        "JOIN venue ON venue.id = record.venue WHERE true ON CONFLICT DO NOTHING"
    )
    op.create_table("quarantine", *_kept_apart(*_NAME), *_digest())
    op.create_index("ix_quarantine_gate", "quarantine", ["gate"])
    for table, extra in (("set_aside", [sa.Column("reason", sa.Text, nullable=False)]), ("conflict", _digest())):
        _replace(table, [*_kept_apart(*_NAME), *extra], ["gate"])
    _replace_record(
        _NAME,
        16,
        [_number("inspector"), _number("hour"), sa.Column("corrected_at", sa.Float)],
        {"inspector": "0", "hour": _hour(), "outcome": _SAID},
    )
    op.create_index("record_hour_serial", "record", ["hour", "serial"])
    op.drop_table("hourly_count")
    totals = ("count", "measured", "not_measured", "fevers")
    _create_hourly_count(
        ("venue", "checkpoint", "direction", "inspector", "hour", "type", "outcome", "kind"), 16, totals
    )
    op.execute(
        "INSERT INTO hourly_count "
        "(venue, checkpoint, direction, inspector, hour, type, outcome, kind, count, measured, not_measured, fevers) "
        "SELECT venue, checkpoint, direction, inspector, hour, type, COALESCE(outcome, ''), COALESCE(kind, ''), "
        "SUM(count), SUM(CASE WHEN type = 'scan' AND temperature IS NOT NULL THEN 1 ELSE 0 END), "
        "SUM(CASE WHEN type = 'scan' AND temperature IS NULL THEN 1 ELSE 0 END), "
        "SUM(CASE WHEN type = 'scan' AND ',' || reasons || ',' LIKE '%,fever,%' THEN 1 ELSE 0 END) "
        "FROM record GROUP BY 1, 2, 3, 4, 5, 6, 7, 8"
    )


def downgrade() -> None:
    """What a revoked gate sent has no place in the older tables: it is refused while there is any."""
    if op.get_bind().scalar(sa.text("SELECT COUNT(*) FROM quarantine")):
        raise RuntimeError("records of revoked gates are kept apart, and version 0001 has no place for them")
    name = ("outbox", "sequence", "venue")
    op.drop_index("record_hour_serial", "record")
    _replace_record(name, 8, [], {"outcome": _NOT_SAID})
    for table, extra in (("set_aside", [sa.Column("reason", sa.Text, nullable=False)]), ("conflict", _digest())):
        _replace(table, [*_kept_apart(*name), *extra], ["gate"])
    op.drop_table("hourly_count")
    _create_hourly_count(("venue", "checkpoint", "direction", "hour", "type", "outcome", "kind"), 8, ("count",))
    op.execute(
        "INSERT INTO hourly_count (venue, checkpoint, direction, hour, type, outcome, kind, count) "  # noqa: S608
        f"SELECT venue, checkpoint, direction, {_hour()}, type, COALESCE(outcome, ''), COALESCE(kind, ''), SUM(count) "
        "FROM record GROUP BY 1, 2, 3, 4, 5, 6, 7"
    )
    op.drop_table("quarantine")
    op.drop_table("placement")
    op.drop_column("outbox", "ahead")
    op.drop_column("gate", "revoked_at")


def _hour() -> str:
    return _HOUR[op.get_context().dialect.name]


def _number(name: str, *, key: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, primary_key=key, autoincrement=False, nullable=False)


def _kept_apart(*name: str) -> list[sa.Column[Any]]:
    return [
        *(_number(part, key=True) for part in name),
        _number("gate"),
        sa.Column("received_at", sa.Float, nullable=False),
        sa.Column("raw", sa.LargeBinary, nullable=False),
    ]


def _digest() -> list[sa.Column[bytes]]:
    return [sa.Column("digest", sa.LargeBinary(32), primary_key=True)]


def _replace(table: str, columns: list[sa.Column[Any]], indexed: list[str]) -> None:
    """The same rows under another key: SQLite changes no key in place."""
    for name in indexed:
        op.drop_index(f"ix_{table}_{name}", table)
    op.create_table(f"new_{table}", *columns)
    names = ", ".join(column.name for column in columns)
    op.execute(f"INSERT INTO new_{table} ({names}) SELECT {names} FROM {table}")  # noqa: S608 - our own names
    op.drop_table(table)
    op.rename_table(f"new_{table}", table)
    for name in indexed:
        op.create_index(f"ix_{table}_{name}", table, [name])


def _replace_record(name: tuple[str, ...], word: int, added: list[sa.Column[Any]], values: dict[str, str]) -> None:
    op.drop_index("record_venue_at", "record")
    op.drop_index("record_received_at", "record")
    op.create_table(
        "new_record",
        *(_number(part, key=True) for part in name),
        _number("checkpoint"),
        sa.Column("direction", sa.String(3), nullable=False),
        _number("gate"),
        sa.Column("type", sa.String(word), nullable=False),
        sa.Column("outcome", sa.String(word)),
        sa.Column("reasons", sa.Text, nullable=False),
        sa.Column("kind", sa.Text),
        sa.Column("serial", sa.LargeBinary(8)),
        sa.Column("status", sa.Text),
        sa.Column("temperature", sa.Float),
        _number("count"),
        *added,
        sa.Column("at", sa.Float, nullable=False),
        sa.Column("boot", sa.Text, nullable=False),
        sa.Column("mono", sa.Float, nullable=False),
        sa.Column("clock", sa.String(16), nullable=False),
        sa.Column("received_at", sa.Float, nullable=False),
        sa.Column("raw", sa.LargeBinary, nullable=False),
    )
    source = {column: column for column in _KEPT} | values
    op.execute(
        f"INSERT INTO new_record ({', '.join(source)}) SELECT {', '.join(source.values())} FROM record"  # noqa: S608
    )
    op.drop_table("record")
    op.rename_table("new_record", "record")
    op.create_index("record_venue_at", "record", ["venue", "at"])
    op.create_index("record_received_at", "record", ["received_at"])


def _create_hourly_count(key: tuple[str, ...], word: int, totals: tuple[str, ...]) -> None:
    types = {"direction": sa.String(3), "type": sa.String(word), "outcome": sa.String(word), "kind": sa.Text()}
    op.create_table(
        "hourly_count",
        *(
            sa.Column(name, types.get(name, sa.BigInteger()), primary_key=True, autoincrement=False, nullable=False)
            for name in key
        ),
        *(_number(name) for name in totals),
    )
    op.create_index("ix_hourly_count_hour", "hourly_count", ["hour"])
