"""Migrations with data in them, and the invariants that `collector db check` knows, over both databases (R27)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import MetaData, event, insert, inspect, select, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import IntegrityError

from sync.collector import schema
from sync.collector.config import StateDir
from sync.collector.database import Base, Database
from sync.collector.errors import Mistake
from sync.collector.fleet.service import move_gate, revoke_gate
from sync.collector.intake.api import take_batch
from sync.collector.invariants import broken
from sync.collector.schema import SchemaState
from sync.collector.venues.service import create_checkpoint, create_venue
from sync.wire.batch import Hole
from sync.wire.record import Direction, Outcome, Place
from tests.sync.collector.cluster import DATABASES
from tests.sync.collector.gateside import NOW, Gate, Site
from tests.sync.collector.processes import collector

both = pytest.mark.parametrize("new_state", DATABASES, indirect=True)
REVISIONS = tuple(f"{number:04d}" for number in range(1, 15))


@pytest.fixture(params=DATABASES)
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """An empty database."""
    if request.param == "sqlite":
        database = Database(URL.create("sqlite", database=str(tmp_path / "empty.db")))
    else:
        url = request.getfixturevalue("cluster").create()
        database = Database(make_url(url).set(drivername="postgresql+psycopg"))
    yield database
    database.close()


def rows(database: Database) -> dict[str, list[tuple[Any, ...]]]:
    """All that the tables hold, but for the version, in an order of its own."""
    with database.look() as connection:
        tables = MetaData()
        tables.reflect(connection)
        return {
            table.name: sorted(map(repr, connection.execute(select(*sorted(table.c, key=lambda c: c.name)))))  # type: ignore[misc]
            for table in tables.sorted_tables
            if table.name != "alembic_version"
        }


def found(database: Database, table: str, *columns: str) -> list[tuple[Any, ...]]:
    with database.look() as connection:
        return [
            tuple(row) for row in connection.execute(text(f"SELECT {', '.join(columns)} FROM {table} ORDER BY 1, 2"))
        ]


def fill_first_version(database: Database) -> None:
    """A gate with two scans and a count of invalid codes, as version 0001 stored them."""
    record = {"outbox": 1, "venue": 1, "checkpoint": 1, "direction": "in", "gate": 1, "boot": "b", "mono": 1.0}
    record |= {"clock": "synchronized", "received_at": NOW, "count": 1, "kind": "saved", "status": "green"}
    at = 7200.5
    scans = [
        {"sequence": 1, "type": "scan", "outcome": "pass", "reasons": "green", "temperature": 36.5, "at": at},
        {"sequence": 2, "type": "scan", "outcome": "deny", "reasons": "red,fever", "temperature": 38.5, "at": at},
        {"sequence": 4, "type": "scan", "outcome": "pass", "reasons": "green", "temperature": None, "at": at + 3600},
    ]
    folded = record | {"sequence": 5, "type": "folded", "reasons": "expired", "at": at, "count": 3, "kind": None}
    with database.change() as connection:
        tables = MetaData()
        tables.reflect(connection)

        def put(table: str, *values: dict[str, Any]) -> None:
            connection.execute(insert(tables.tables[table]), list(values))

        put("epoch", {"number": 1, "began_at": NOW})
        put("policy", {"number": 1, "created_at": NOW, "document": b"{}"})
        put("venue", {"id": 1, "name": "东门市场"})
        put("checkpoint", {"id": 1, "venue_id": 1, "name": "南门", "direction": "in"})
        put(
            "gate",
            {"number": 1, "id": "gate-1", "name": "1", "checkpoint_id": 1, "kid": b"k" * 8, "public_key": b"p" * 32},
        )
        put("outbox", {"number": 1, "id": "0" * 32, "gate_number": 1, "next": 7, "records": 4})
        put("record", *(record | scan | {"raw": b"%d" % scan["sequence"], "serial": b"s" * 8} for scan in scans))
        put("record", folded | {"raw": b"5", "outcome": None, "serial": None, "status": None, "temperature": None})
        kept = {"outbox": 1, "venue": 1, "gate": 1, "received_at": NOW}
        put("set_aside", kept | {"sequence": 3, "reason": "no record", "raw": b"3"})
        put("conflict", kept | {"sequence": 1, "digest": b"d" * 32, "raw": b"other"})
        put("hole", {"outbox": 1, "first": 6, "last": 6, "reason": "burnt"})
        hour = {"venue": 1, "checkpoint": 1, "direction": "in", "kind": "saved", "type": "scan", "count": 1}
        put("hourly_count", hour | {"hour": 2, "outcome": "pass"}, hour | {"hour": 2, "outcome": "deny"})
        put("hourly_count", hour | {"hour": 3, "outcome": "pass"})
        put("hourly_count", hour | {"hour": 2, "outcome": "", "type": "folded", "kind": "", "count": 3})


def test_the_migrations_make_what_the_models_say(empty: Database) -> None:
    """A model that changes needs a migration beside it."""
    schema.upgrade(empty)
    with empty.look() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []
        assert schema.state(connection) is SchemaState.CURRENT
    assert not schema.upgrade(empty)


def test_an_older_database_is_brought_up_with_everything_in_it(empty: Database) -> None:
    """Nothing is lost, the roll-up is exact, and every invariant holds afterwards."""
    schema.upgrade(empty, "0001")
    fill_first_version(empty)
    assert schema.upgrade(empty)
    assert broken(empty) == []
    assert found(empty, "record", "sequence", "hour", "inspector") == [(1, 2, 0), (2, 2, 0), (4, 3, 0), (5, 2, 0)]
    assert found(empty, "hourly_count", "hour", "outcome", "count", "measured", "not_measured", "fevers") == [
        *((2, "", 3, 0, 0, 0), (2, "deny", 1, 1, 0, 1), (2, "pass", 1, 1, 0, 0)),
        (3, "pass", 1, 0, 1, 0),
    ]
    assert found(empty, "placement", "gate_number", "venue") == [(1, 1)]


def test_inspectors_and_names_of_before_are_known_after_0008(empty: Database) -> None:
    """Who was appointed has a number for the records; what a venue was called begins its history."""
    schema.upgrade(empty, "0007")
    with empty.change() as connection:
        for line in (
            "INSERT INTO venue (id, name, region) VALUES (1, '东门市场', '440607')",
            "INSERT INTO account (id, login, name, created_at) VALUES (4, 'mei', '李梅', 1), (5, 'lan', '黄兰', 1)",
            "INSERT INTO appointment (id, account_id, role, venue_id, since)"
            " VALUES (1, 5, 'venue_administrator', 1, 7), (2, 4, 'inspector', 1, 8)",
        ):
            connection.execute(text(line))
    schema.upgrade(empty)
    assert found(empty, "inspector", "id", "account_id", "venue_id", "since") == [(1, 4, 1, 8.0)]
    assert found(empty, "venue_version", "venue_id", "name", "region") == [(1, "东门市场", "440607")]
    assert found(empty, "venue", "id", "state", "open_minute") == [(1, "active", 480)]


def test_every_migration_goes_back_with_the_data(empty: Database) -> None:
    """Down and up again is where one started from, at each version."""
    schema.upgrade(empty, "0001")
    fill_first_version(empty)
    seen = {}
    for revision in REVISIONS[1:]:
        seen[revision] = rows(empty)
        schema.upgrade(empty, revision)
    for revision in reversed(REVISIONS[1:]):
        after = rows(empty)
        schema.downgrade(empty, "-1")
        assert rows(empty) == seen[revision]
        schema.upgrade(empty, revision)
        assert rows(empty) == after
        schema.downgrade(empty, "-1")
    schema.downgrade(empty, "base")
    assert set(rows(empty)) == set()


def test_a_migration_that_fails_leaves_the_database_as_it_was(empty: Database) -> None:
    """One transaction, tables and data alike."""
    schema.upgrade(empty, "0001")
    fill_first_version(empty)
    with empty.change() as connection:  # in the way of what 0002 makes
        connection.execute(text("CREATE TABLE quarantine (x INTEGER)"))
    before = rows(empty)
    with pytest.raises(Exception, match="quarantine"):
        schema.upgrade(empty)
    assert rows(empty) == before
    assert found(empty, "alembic_version", "version_num", "1") == [("0001", 1)]


def first_version_without_alembic(path: Path) -> Database:
    """As the first version left it."""
    database = Database(URL.create("sqlite", database=str(path)))
    schema.upgrade(database, "0001")
    fill_first_version(database)
    with database.change() as connection:
        connection.execute(text("DROP TABLE alembic_version"))
    return database


def test_a_database_from_before_migrations_is_adopted(site: Site, gate: Gate) -> None:
    """It is recognized, told to upgrade, and then taken over with its data."""
    state = StateDir(site.directory / "older")
    state.path.mkdir()
    database = first_version_without_alembic(state.database)
    (site.centre.state.keys).rename(state.keys)
    told = collector(state.path, "gate", "list")
    assert told.exit_code == 1
    assert "collector db upgrade" in told.stderr
    assert collector(state.path, "db", "upgrade").exit_code == 0
    assert "gate-1" in collector(state.path, "gate", "list").stdout
    assert broken(database) == []
    database.close()


def test_a_database_that_is_not_ours_is_refused(tmp_path: Path) -> None:
    """Never guess at somebody's tables."""
    database = first_version_without_alembic(tmp_path / "strange.db")
    with database.change() as connection:
        connection.execute(text("ALTER TABLE gate ADD COLUMN colour TEXT"))
    with pytest.raises(Mistake, match="newer version, or not the collector's"):
        schema.upgrade(database)
    database.close()


def test_a_newer_database_is_refused_by_an_older_program(site: Site) -> None:
    """Going back to an older package never writes into tables that it does not know."""
    with site.centre.database.change() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    told = collector(site.centre.state.path, "gate", "list")
    assert (told.exit_code, "newer version" in told.stderr) == (1, True)
    with site.centre.database.look() as connection:
        assert inspect(connection).has_table("record")


@pytest.mark.parametrize(
    ("table", "row", "sentence"),
    [
        ("visitor", "'v', x'00', 'other', x'00', x'00', NULL, x'00', NULL, NULL, 1, 1", "there are visitors"),
        ("audit", "1, 1, 'a', 'show', NULL, 'r', '', x'00'", "there are lines of the audit"),
        ("purged_count", "1, 1, 'in', 0, 1, 'scan', '', '', 1, 1, 0, 0", "there are purged records"),
    ],
)
def test_people_and_what_was_done_with_them_are_not_dropped_by_going_back(
    empty: Database, table: str, row: str, sentence: str
) -> None:
    """Version 0003 has no place for them: it is refused, and everything is as it was."""
    schema.upgrade(empty, "0001")
    fill_first_version(empty)
    schema.upgrade(empty)
    with empty.change() as connection:
        values = row if empty.is_sqlite else row.replace("x'00'", "decode('00', 'hex')")
        connection.execute(text(f"INSERT INTO {table} VALUES ({values})"))
    before, version = rows(empty), found(empty, "alembic_version", "version_num", "1")
    with pytest.raises(RuntimeError, match=sentence):
        schema.downgrade(empty, "0003")
    assert rows(empty) == before
    assert found(empty, "alembic_version", "version_num", "1") == version


def test_what_no_gate_made_is_not_dropped_by_going_back(empty: Database) -> None:
    """Version 0008 knows only gates' outboxes; a gate's is as required there as it was."""
    schema.upgrade(empty, "0001")
    fill_first_version(empty)
    schema.upgrade(empty)
    with empty.change() as connection:
        own = "INSERT INTO outbox (number, id, venue_id, next, records) VALUES (2, 'centre-venue-1', 1, 1, 0)"
        connection.execute(text(own))
    before = rows(empty)
    with pytest.raises(RuntimeError, match="inspectors registered people"):
        schema.downgrade(empty, "0008")
    assert rows(empty) == before
    with empty.change() as connection:
        connection.execute(text("DELETE FROM outbox WHERE number = 2"))
    schema.downgrade(empty, "0008")
    with pytest.raises(IntegrityError), empty.change() as connection:
        connection.execute(text("INSERT INTO outbox (number, id, next, records) VALUES (2, 'x', 1, 0)"))
    with pytest.raises(IntegrityError), empty.change() as connection:
        connection.execute(text("INSERT INTO outbox (number, id, gate_number, next, records) VALUES (2, 'x', 9, 1, 0)"))
    assert broken_file(empty) == []


def broken_file(database: Database) -> list[Any]:
    """What SQLite itself says of its file."""
    if not database.is_sqlite:
        return []
    with database.look() as connection:
        pragmas = ("integrity_check", "foreign_key_check")
        told = [row[0] for pragma in pragmas for row in connection.execute(text(f"PRAGMA {pragma}"))]
    return [line for line in told if line != "ok"]


@both
def test_check_is_content_with_all_that_intake_does(site: Site, gate: Gate) -> None:
    """Overlaps, holes inside and outside, poison and conflicts are all lawful."""
    send = [
        gate.batch(1, [gate.record(1), b'"poison"'], [Hole(3, 900, "damaged")]),
        gate.batch(1, [gate.record(1, temperature=36.6), b'"poison"', gate.record(3)], [Hole(4, 950, "damaged")]),
        gate.batch(951, [gate.record(951, outcome=Outcome.DENY, reasons=["fever"])]),
    ]
    for body in send:
        take_batch(site.centre, body, NOW)
    assert broken(site.centre.database) == []
    assert collector(site.centre.state.path, "db", "check").exit_code == 0


@both
@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        ("DELETE FROM record WHERE sequence = 2", "says that it has 3 records, and has 2"),
        ("UPDATE outbox SET next = next + 1", "has 3 numbers and 0 holes below its cursor 5"),
        ("UPDATE outbox SET next = 3", "has records from its cursor 3 on"),
        ("UPDATE hourly_count SET fevers = fevers + 1", "only in the hourly counts"),
        ("DELETE FROM hourly_count", "only counted from the records"),
        ("UPDATE record SET hour = hour + 1 WHERE sequence = 3", "stands under the wrong hour"),
        ("DELETE FROM placement", "where gate 1 never stood"),
        ("DELETE FROM epoch", "there is no epoch"),
        ("UPDATE record SET outbox = 77 WHERE sequence = 3", "of outboxes that are not there: [77]"),
        ("UPDATE outbox SET purged = 2", "has records below 2, where all are purged"),
        ("UPDATE outbox SET purged = 5", "no such number yet"),
        ("UPDATE record SET gate = 0 WHERE sequence = 3", "its outbox is not its venue's own"),
        ("UPDATE outbox SET venue_id = 1", "of a gate or of a venue, and not of both"),
        ("INSERT INTO purged_number VALUES (1, 3), (1, 4)", "has records from its cursor 4 on"),
        ("INSERT INTO purged_count VALUES (1, 1, 'in', 0, 1, 'scan', '', '', 1, 1, 0, 0)", "only counted from"),
    ],
)
def test_check_finds_what_is_broken(site: Site, gate: Gate, damage: str, sentence: str) -> None:
    """Each invariant has a damage that shows that it is looked at."""
    take_batch(site.centre, gate.batch(1, [gate.record(number) for number in (1, 2, 3)]), NOW)
    with site.centre.database.change() as connection:
        connection.execute(text(damage))
    assert any(sentence in line for line in broken(site.centre.database))
    done = collector(site.centre.state.path, "db", "check")
    assert done.exit_code == 1
    assert sentence in done.stdout


def test_every_key_of_a_distributed_table_holds_what_distributes_it() -> None:
    """R27: Citus refuses a unique key without the distribution column; and no such table points at a local one."""
    spread = {t.name: t.info["distributed_by"] for t in Base.metadata.sorted_tables if "distributed_by" in t.info}
    assert {name for name, column in spread.items() if column == "venue"} == {
        *("record", "set_aside", "conflict", "quarantine", "hourly_count", "purged_count"),
        *("registration", "disinfection"),
    }
    for name, column in spread.items():
        table = Base.metadata.tables[name]
        uniques = [index for index in table.indexes if index.unique] + [table.primary_key]
        assert all(column in unique.columns for unique in uniques), name
        assert not table.foreign_keys, name
    for table in Base.metadata.sorted_tables:
        if table.info.get("reference"):
            assert all(key.column.table.info.get("reference") for key in table.foreign_keys), table.name


@pytest.mark.parametrize("new_state", ["postgresql"], indirect=True)
def test_distribute_says_what_is_missing(site: Site) -> None:
    """No Citus, no distribution, one sentence."""
    told = collector(site.centre.state.path, "db", "distribute")
    assert (told.exit_code, "has no Citus" in told.stderr) == (1, True)


@pytest.mark.parametrize("new_state", ["postgresql"], indirect=True)
def test_no_statement_of_intake_asks_two_servers(site: Site, gate: Gate) -> None:
    """R27: each statement on a distributed table is bound to one venue – also for a gate that stood at two."""
    with site.centre.database.write() as session:
        checkpoint = create_checkpoint(session, create_venue(session, "西门市场").id, "北门", Direction.OUT)
        move_gate(session, "gate-1", checkpoint.id)
        there = Place(2, checkpoint.id, Direction.OUT)
    spread = {t.name for t in Base.metadata.sorted_tables if t.info.get("distributed_by") == "venue"}
    spread -= {"purged_count", "registration", "disinfection"}  # intake does not know them
    seen: list[tuple[str, Any]] = []

    def note(_connection: object, _cursor: object, statement: str, parameters: Any, *_rest: object) -> None:
        seen.append((statement, parameters))

    event.listen(site.centre.database.engine, "before_cursor_execute", note)
    records = [gate.record(1), b'"poison"', gate.record(3, place=there)]
    take_batch(site.centre, gate.batch(1, records), NOW)
    take_batch(site.centre, gate.batch(1, [gate.record(7), *records[1:], gate.record(4)]), NOW)
    with site.centre.database.write() as session:
        revoke_gate(session, "gate-1", NOW)
    take_batch(site.centre, gate.batch(5, [gate.record(5)]), NOW)
    words = [(set(re.findall(r"\w+", sql)), sql, values) for sql, values in seen]
    touching = [(names & spread, sql, values) for names, sql, values in words if names & spread]
    assert set().union(*(tables for tables, _, _ in touching)) == spread
    for _tables, sql, values in touching:
        if sql.startswith("SELECT"):
            assert re.search(r"venue = %\(at_venue\)s", sql), sql
        else:
            assert len({row["venue"] for row in (values if isinstance(values, list) else [values])}) == 1, sql
