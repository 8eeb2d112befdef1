"""Visitors who registered: found, shown, exported and erased – never without a line in the audit (DESIGN 3, 8)."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError

from sync.collector.backup import back_up, restore
from sync.collector.centre import Centre
from sync.collector.config import StateDir
from sync.collector.errors import CollectorError, Mistake, NotFound
from sync.collector.intake.api import take_batch
from sync.collector.intake.model import RecordRow
from sync.collector.invariants import broken
from sync.collector.privacy import audit, keyfile
from sync.collector.privacy.access import personal
from sync.collector.privacy.audit import Act, Actor
from sync.collector.privacy.terms import DAY_SECONDS
from sync.collector.visitors import registry
from sync.collector.visitors.model import IssuedPass, Visitor
from sync.collector.visitors.service import Wanted, issue_pass
from sync.wire.passes import PassKind
from sync.wire.record import ClockQuality, Moment
from tests.sync.collector.cluster import DATABASES, Cluster
from tests.sync.collector.gateside import NOW, Gate, Site
from tests.sync.collector.people import CLERK, registered, somebody
from tests.sync.collector.processes import collector
from tests.sync.collector.staff import IT, employ

both = pytest.mark.parametrize("new_state", DATABASES, indirect=True)


def issued(site: Site, visitor: str, kind: PassKind = PassKind.SAVED) -> bytes:
    """The serial of a new pass of that visitor."""
    with site.centre.database.write() as session:
        issue_pass(site.centre, session, Wanted(kind=kind, checkpoint=1, holder=visitor), NOW)
    with site.centre.database.read() as session:
        return session.scalars(select(IssuedPass.serial).where(IssuedPass.holder == visitor)).all()[-1]


def acts(site: Site) -> list[tuple[str, str | None]]:
    """What the audit says was done with whom."""
    with site.centre.database.look() as connection:
        return [(line.act, line.visitor) for line in audit.lines(connection)]


def found(site: Site, typed: str) -> list[str]:
    with personal(site.centre, CLERK, NOW) as access:
        return [each.id for each in registry.find(access, typed)]


@both
def test_a_visitor_is_found_by_number_phone_and_serial(site: Site) -> None:
    """However it is typed; and nobody else is."""
    one, two = registered(site, 1, 2)
    number = somebody(1).number
    assert found(site, f" {number[:6]}-{number[6:].lower()}") == [one]
    assert found(site, f"+86 {somebody(2).phone}") == [two]
    assert found(site, somebody(3).number) == found(site, "") == []
    serial = issued(site, two)
    with personal(site.centre, CLERK, NOW) as access:
        assert [each.person for each in registry.find_by_serial(access, serial)] == [somebody(2)]
        assert [each.id for each in registry.find_by_serial(access, serial[:8])] == [two]
        assert registry.find_by_serial(access, b"\xff" * 8) == []


@both
def test_whoever_looks_stands_in_the_audit(site: Site) -> None:
    """Who, what, whom, when, why; also a search that found nobody."""
    (one,) = registered(site, 1)
    found(site, somebody(1).number)
    found(site, somebody(2).number)
    with personal(site.centre, Actor("login chief", "case 8"), NOW + 1) as access:
        assert registry.show(access, one).person == somebody(1)
        registry.verify(access, one)
        assert registry.show(access, one).verified_at == NOW + 1
    assert acts(site) == [
        *(("register", one), ("find", one), ("find", None)),
        *(("show", one), ("verify", one), ("show", one)),
    ]
    with site.centre.database.look() as connection:
        last = audit.lines(connection, one)[-1]
    assert (last.actor, last.reason, last.at) == ("login chief", "case 8", NOW + 1)
    assert broken(site.centre.database, keyfile.load(site.centre.state).audit) == []


@both
def test_many_who_look_at_once_stand_in_one_chain(site: Site) -> None:
    """Each line has its number and the one before it."""
    (one,) = registered(site, 1)
    failures: list[BaseException] = []

    def look() -> None:
        try:
            for _ in range(5):
                assert found(site, somebody(1).number) == [one]
        except BaseException as cause:  # noqa: BLE001 - shown below
            failures.append(cause)

    threads = [threading.Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert failures == []
    assert len(acts(site)) == 21
    assert broken(site.centre.database, keyfile.load(site.centre.state).audit) == []


@both
def test_nothing_is_shown_whose_audit_was_not_written(site: Site) -> None:
    """One transaction: a failure leaves neither."""
    (one,) = registered(site, 1)
    with pytest.raises(NotFound), personal(site.centre, CLERK, NOW) as access:
        assert [registry.show(access, each) for each in (one, "nobody")]
    assert acts(site) == [("register", one)]


@both
def test_a_document_is_registered_once_also_by_two_at_once(site: Site) -> None:
    """The sentence names the visitor's id and nothing of theirs."""
    ids: list[str] = []
    refused: list[str] = []

    def register() -> None:
        try:
            ids.extend(registered(site, 1))
        except Mistake as cause:
            refused.append(str(cause))

    threads = [threading.Thread(target=register) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(ids) == 1
    assert refused == [f"this document is registered already: visitor {ids[0]}"] * 3


@both
@pytest.mark.parametrize("statement", ["UPDATE audit SET actor = 'x'", "DELETE FROM audit WHERE number = 1"])
def test_the_database_refuses_to_change_the_audit(site: Site, statement: str) -> None:
    """Append-only for everybody who comes by SQL; on PostgreSQL TRUNCATE too."""
    registered(site, 1)
    statements = [statement] if site.centre.database.is_sqlite else [statement, "TRUNCATE audit"]
    for each in statements:
        with (
            pytest.raises((DBAPIError, CollectorError), match="append-only"),
            site.centre.database.change() as connection,
        ):
            connection.execute(text(each))
    assert len(acts(site)) == 1


@both
@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        ("UPDATE audit SET actor = 'nobody' WHERE number = 2", "line 2 of the audit is not what was written"),
        ("UPDATE audit SET visitor = NULL WHERE number = 1", "line 1 of the audit is not what was written"),
        ("DELETE FROM audit WHERE number = 2", "lacks its lines 2 to 2"),
        ("UPDATE audit SET digest = (SELECT digest FROM audit WHERE number = 1) WHERE number = 3", "line 3 of"),
    ],
)
def test_check_finds_an_audit_that_was_changed_past_its_triggers(site: Site, damage: str, sentence: str) -> None:
    """Whoever owns the database can take triggers away; the chain's key is not in it."""
    registered(site, 1, 2, 3)
    off = ["DROP TRIGGER audit_update", "DROP TRIGGER audit_delete"]
    with site.centre.database.change() as connection:
        for each in off if site.centre.database.is_sqlite else ["DROP TRIGGER audit_change ON audit"]:
            connection.execute(text(each))
        connection.execute(text(damage))
    done = collector(site.centre.state.path, "db", "check")
    assert (done.exit_code, sentence in done.stdout) == (1, True)


@both
def test_an_export_holds_all_there_is_of_one_person_and_of_nobody_else(site: Site, gate: Gate) -> None:
    """Registration, passes, passages with venue and time, and who looked; a clock of 1970 hides none."""
    one, two = registered(site, 1, 2)
    serial, other = issued(site, one), issued(site, two)
    early = json.loads(gate.record(2, serial=serial.hex()))
    early["when"]["at"] = 0.0
    records = [gate.record(1, serial=serial.hex()), json.dumps(early).encode(), gate.record(3, serial=other.hex())]
    take_batch(site.centre, gate.batch(1, records), NOW)
    with personal(site.centre, CLERK, NOW) as access:
        held = json.loads(json.dumps(registry.export(access, one), default=lambda raw: json.loads(bytes(raw))))
    person = somebody(1)
    assert (held["visitor"]["name"], held["visitor"]["number"], held["visitor"]["phone"]) == (
        *(person.name, person.number, person.phone),
    )
    assert [each["serial"] for each in held["passes"]] == [serial.hex()]
    assert [(each["venue_name"], each["checkpoint_name"], each["sequence"]) for each in held["passages"]] == [
        *(("东门市场", "南门", 2), ("东门市场", "南门", 1)),
    ]
    assert {each["record"]["serial"] for each in held["passages"]} == {serial.hex()}
    assert [each["what"] for each in held["audit"]] == ["register", "export"]


@both
def test_an_erased_person_is_nowhere_and_their_records_are_nobodys(site: Site, gate: Gate) -> None:
    """Fields, hashes and the link are gone; records and roll-ups stay; the audit says that it happened."""
    one, two = registered(site, 1, 2)
    serial = issued(site, one)
    issued(site, two)
    take_batch(site.centre, gate.batch(1, [gate.record(1, serial=serial.hex())]), NOW)
    with personal(site.centre, CLERK, NOW) as access:
        assert [each.serial for each in registry.erase(access, one).open_passes] == [serial]
    assert found(site, somebody(1).number) == found(site, somebody(1).phone or "") == []
    with personal(site.centre, CLERK, NOW) as access:
        assert registry.find_by_serial(access, serial) == []
        with pytest.raises(NotFound):
            registry.show(access, one)
    with site.centre.database.read() as session:
        assert session.scalars(select(IssuedPass.holder).order_by(IssuedPass.holder.is_(None))).all() == [two, None]
        assert session.scalar(select(func.count()).select_from(RecordRow)) == 1
    assert ("erase", one) in acts(site)
    assert broken(site.centre.database, keyfile.load(site.centre.state).audit) == []
    assert len(registered(site, 1)) == 1  # they may come back, as somebody new


@both
def test_who_has_not_come_for_a_year_is_forgotten(site: Site) -> None:
    """The term of a registration runs from the end of the newest pass."""
    one, two = registered(site, 1, 2)
    issued(site, two)
    for days, over in ((364, []), (366, [one]), (373, sorted([one, two]))):
        with site.centre.database.look() as connection:
            assert sorted(registry.over(connection, NOW + days * DAY_SECONDS, 10)) == over


def test_a_pass_is_issued_to_nobody_who_is_not_registered(site: Site) -> None:
    """The holder is a visitor's id, never a name."""
    done = collector(site.centre.state.path, "pass", "issue", "--checkpoint", "1", "--visitor", "王伟")
    assert (done.exit_code, done.stdout) == (1, "")
    assert "there is no visitor" in done.stderr


def test_the_whole_way_at_a_terminal(site: Site) -> None:
    """Register, issue, find, show, export, erase; what is typed is asked for, and lists are masked."""
    state, person = site.centre.state.path, somebody(7)
    done = collector(state, "visitor", "add", "--verified", stdin=f"{person.name}\n{person.number}\n{person.phone}\n")
    assert done.exit_code == 0, done.stderr
    visitor = done.stdout.strip()
    again = collector(state, "visitor", "add", stdin=f"x\n{person.number}\n\n")
    assert (again.exit_code, again.stdout) == (1, "")
    assert collector(state, "pass", "issue", "--kind", "saved", "--visitor", visitor).stdout.startswith("VP1:")
    case = ["--reason", "case 9"]
    line = collector(state, "visitor", "find", *case, stdin=f"{person.phone}\n").stdout.splitlines()[1].split("\t")
    assert line == [visitor, "resident", "欧…", f"…{person.number[-4:]}", "…0007", "verified"]
    shown = collector(state, "visitor", "show", visitor, *case).stdout
    assert f"name\t{person.name}\n" in shown
    held = json.loads(collector(state, "visitor", "export", visitor, *case).stdout)
    serial = held["passes"][0]["serial"]
    assert visitor in collector(state, "visitor", "find", "--serial", serial[:16], *case).stdout
    erased = collector(state, "visitor", "erase", visitor, *case)
    assert erased.stdout == f"{serial}\n"
    assert "collector updates withdraw" in erased.stderr
    assert collector(state, "visitor", "show", visitor, *case).exit_code == 1
    told = collector(state, "privacy", "audit", "--visitor", visitor).stdout
    assert [row.split("\t")[3] for row in told.splitlines()[1:]] == [
        *("register", "verify", "find", "show", "export", "find", "erase"),
    ]
    for personal_text in (person.name, person.number, person.phone or ""):
        assert personal_text not in told


@pytest.mark.parametrize("command", [["show", "0" * 16], ["find"], ["export", "0" * 16], ["erase", "0" * 16]])
def test_without_a_reason_nobody_looks(site: Site, command: list[str]) -> None:
    """Exit code 2; nothing was opened."""
    assert collector(site.centre.state.path, "visitor", *command).exit_code == 2
    assert collector(site.centre.state.path, "visitor", *command, "--reason", "\n").exit_code == 1
    assert acts(site) == []


def test_a_lost_key_file_closes_personal_data_and_nothing_else(site: Site, gate: Gate) -> None:
    """Gates are served, records go when their term is over; `init` makes no other key in its place."""
    registered(site, 1)
    employ(site.centre, "wang", IT, now=NOW)
    keyfile.path(site.centre.state).unlink()
    state = site.centre.state.path
    assert collector(state, "init").exit_code == 0
    told = collector(state, "visitor", "find", "--reason", "case 9", stdin="1\n")
    assert (told.exit_code, told.stdout) == (1, "")
    assert "personal.keys cannot be read" in told.stderr
    old = Moment(time.time() - 30 * DAY_SECONDS, "b" * 36, 1.0, ClockQuality.SYNCHRONIZED)
    take_batch(site.centre, gate.batch(1, [gate.record(1, when=old)]), time.time())
    assert "digests are not checked" in collector(state, "db", "check").stderr
    assert collector(state, "privacy", "purge").exit_code == 1
    with site.centre.database.read() as session:
        assert session.scalar(select(func.count()).select_from(RecordRow)) == 0


def dumped(site: Site, directory: Path) -> bytes:
    """All that the database's files and a dump say."""
    if site.centre.database.is_sqlite:
        with closing(sqlite3.connect(site.centre.state.database)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return b"".join(path.read_bytes() for path in site.centre.state.path.glob("collector.db*"))
    url = site.centre.database.url
    command = ["pg_dump", "--host", str(url.query["host"]), "--username", "collector", str(url.database)]
    return subprocess.run(command, check=True, capture_output=True).stdout


@both
@pytest.mark.parametrize("with_key", [True, False])
def test_no_name_number_or_phone_stands_anywhere(
    site: Site, gate: Gate, with_key: bool, request: pytest.FixtureRequest
) -> None:
    """Not in the database, not in its dump, not in a backup – and one without the key opens for nobody."""
    ids = registered(site, *range(1, 30))
    serial = issued(site, ids[0])
    take_batch(site.centre, gate.batch(1, [gate.record(1, serial=serial.hex())]), NOW)
    with personal(site.centre, CLERK, NOW) as access:
        registry.export(access, ids[0])
        registry.erase(access, ids[1])
    target = site.directory / "backup.tar"
    back_up(site.centre, target, with_personal_key=with_key)
    everything = [dumped(site, site.directory), target.read_bytes()]
    for number in range(1, 30):
        person = somebody(number)
        for said in (person.name, person.number, person.phone or ""):
            forms = (said.encode(), said.encode().hex().encode(), said.encode("utf-16-le"))
            assert not any(form in content for form in forms for content in everything)
    state = StateDir(site.directory / "restored")
    state.path.mkdir()
    if not site.centre.database.is_sqlite:
        cluster: Cluster = request.getfixturevalue("cluster")
        state.config.write_text(f'database = "{cluster.create()}"\n')
    restore(state, target, NOW)
    with closing(Centre.open(state)) as centre:
        assert keyfile.path(state).exists() is with_key
        if with_key:
            with personal(centre, CLERK, NOW) as access:
                assert registry.show(access, ids[0]).person == somebody(1)
            with (
                pytest.raises((DBAPIError, CollectorError), match="append-only"),
                centre.database.change() as connection,
            ):
                connection.execute(text("DELETE FROM audit"))
            assert broken(centre.database, keyfile.load(state).audit) == []
        else:
            with pytest.raises(keyfile.KeyFileTrouble), personal(centre, CLERK, NOW):
                pass


def test_a_row_that_was_moved_or_copied_is_not_read(site: Site) -> None:
    """Somebody else's name under another id: the cell is bound to its row."""
    one, two = registered(site, 1, 2)
    with site.centre.database.write() as session:
        session.get_one(Visitor, one).name = session.get_one(Visitor, two).name
    with pytest.raises(CollectorError, match="another row's"), personal(site.centre, CLERK, NOW) as access:
        registry.show(access, one)
    assert acts(site)[-1] == ("register", two)


def test_terms_are_shown_changed_and_accounted_for(site: Site) -> None:
    """Numbered like the policy; a change says why."""
    state = site.centre.state.path
    assert collector(state, "privacy", "terms").stdout == "records\t21\napart\t90\nvisitors\t365\nhealth\t90\n"
    assert collector(state, "privacy", "terms", "--records", "14").exit_code == 2
    changed = collector(state, "privacy", "terms", "--records", "14", "--reason", "notice 5")
    assert (
        changed.stdout
        == collector(state, "privacy", "terms").stdout
        == "records\t14\napart\t90\nvisitors\t365\nhealth\t90\n"
    )
    assert collector(state, "privacy", "terms", "--records", "0", "--reason", "x").exit_code == 2
    assert acts(site) == [(Act.TERMS.value, None)]
