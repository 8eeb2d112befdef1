"""Withdrawn passes on their way to the gates: a list, its deltas, and no more bytes than a gate needs (DESIGN 4)."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest
from click.testing import CliRunner, Result
from sqlalchemy.orm import Session

from edge.trust import load
from sync.collector.cli import main
from sync.collector.errors import Mistake, NotFound
from sync.collector.policy import lists, withdrawals
from sync.collector.policy.withdrawals import build_list, reinstate, withdraw
from sync.collector.visitors.model import IssuedPass
from sync.installer import install
from sync.wire.passes import PassKind
from sync.wire.statuslist import StatusList, Withdrawn
from sync.wire.updates import FILES, LIMITS, STAFF, WITHDRAWN, WITHDRAWN_DELTA, Snapshot
from tests.sync.collector.gateside import NOW, Gate, Served, Site

DAY = 86_400


def issued(session: Session, kind: PassKind = PassKind.SAVED, days: float = 7) -> bytes:
    """A pass that the centre issued; its serial."""
    serial = os.urandom(12)
    session.add(
        IssuedPass(
            serial=serial, holder=None, kind=int(kind), status=1, status_at=int(NOW), issued_at=int(NOW),
            expires_at=int(NOW + days * DAY), venue=0, checkpoint=0,
        )
    )  # fmt: skip
    session.flush()
    return serial


def listed(row: withdrawals.StatusListFiles, serial: bytes, at: float = NOW) -> bool:
    """What a gate with that list says."""
    return Withdrawn(StatusList(row.snapshot), StatusList(row.delta)).lists(serial, at)


def test_a_withdrawn_pass_is_on_the_next_list(site: Site) -> None:
    """Until it expires; others are not."""
    with site.centre.database.write() as session:
        one, other = issued(session), issued(session)
        withdraw(session, one, NOW)
        row = build_list(session, NOW)
        assert (row.number, listed(row, one), listed(row, other)) == (1, True, False)
        assert not listed(row, one, NOW + 7 * DAY)


def test_a_change_is_a_delta_against_the_same_snapshot(site: Site) -> None:
    """Withdrawn later, and taken back: the large file stays as it is."""
    with site.centre.database.write() as session:
        first, second = issued(session), issued(session)
        withdraw(session, first, NOW)
        before = build_list(session, NOW)
        withdraw(session, second, NOW)
        reinstate(session, first)
        after = build_list(session, NOW)
        assert (after.number, after.snapshot_digest) == (2, before.snapshot_digest)
        assert (listed(after, first), listed(after, second)) == (False, True)


def test_nothing_new_is_numbered_when_nothing_changed(site: Site) -> None:
    """A build every hour costs the lines nothing."""
    with site.centre.database.write() as session:
        withdraw(session, issued(session), NOW)
        assert build_list(session, NOW).number == build_list(session, NOW + 60).number == 1
        assert build_list(session, NOW, fresh=True).number == 1


def test_a_delta_that_has_grown_becomes_a_snapshot(site: Site) -> None:
    """A fifth of the snapshot, and a thousand entries at least; by hand at any time."""
    with site.centre.database.write() as session:
        withdraw(session, issued(session), NOW)
        build_list(session, NOW)
        for _ in range(1_001):
            withdraw(session, issued(session), NOW)
        row = build_list(session, NOW)
        assert (StatusList(row.snapshot).listed, StatusList(row.delta).listed) == (1_002, 0)
        withdraw(session, issued(session), NOW)
        assert StatusList(build_list(session, NOW, fresh=True).snapshot).listed == 1_003


def test_what_has_expired_leaves_the_list(site: Site) -> None:
    """Every gate refuses it already."""
    with site.centre.database.write() as session:
        withdraw(session, issued(session, days=1), NOW)
        build_list(session, NOW)
        row = build_list(session, NOW + 2 * DAY, fresh=True)
        assert StatusList(row.snapshot).listed == 0


def test_withdrawing_twice_changes_nothing(site: Site) -> None:
    """The first time counts."""
    with site.centre.database.write() as session:
        serial = issued(session)
        assert withdraw(session, serial, NOW).withdrawn_at == withdraw(session, serial, NOW + 5).withdrawn_at == NOW


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda session: bytes(12), NotFound, "no pass has the serial"),
        (lambda session: issued(session, PassKind.SCAN_RESULT), Mistake, "two minutes"),
        (lambda session: issued(session, days=-1), Mistake, "expired"),
    ],
)
def test_what_cannot_be_withdrawn_is_told(
    site: Site, make: Callable[[Session], bytes], error: type[Exception], words: str
) -> None:
    """In a sentence."""
    with site.centre.database.write() as session, pytest.raises(error, match=words):
        withdraw(session, make(session), NOW)


def test_reinstating_what_is_not_withdrawn_is_told(site: Site) -> None:
    """A slip of the keyboard."""
    with site.centre.database.write() as session, pytest.raises(NotFound, match="is not withdrawn"):
        reinstate(session, bytes(12))


@pytest.mark.parametrize("name", [WITHDRAWN, WITHDRAWN_DELTA])
def test_a_list_longer_than_gates_take_is_refused(site: Site, name: str) -> None:
    """The old one stays; the sentence says what to do."""
    with site.centre.database.write() as session:
        withdraw(session, issued(session), NOW)
        with pytest.raises(Mistake, match="more than gates take"):
            build_list(session, NOW, limits=LIMITS | {name: 11})


def test_a_gate_is_sent_the_large_file_once(site: Site, gate: Gate) -> None:
    """A gate that has the snapshot from earlier updates gets the delta alone, until there is a new snapshot."""
    with site.centre.database.write() as session:
        withdraw(session, issued(session), NOW)
        build_list(session, NOW)
        connection, number = session.connection(), 1
        lists.give(connection, number, lists.newest(connection), (1, 5))
        assert set(lists.files(connection, number, (1, 4))) == {WITHDRAWN, WITHDRAWN_DELTA}
        assert set(lists.files(connection, number, (1, 5))) == {WITHDRAWN_DELTA}
        withdraw(session, issued(session), NOW)
        build_list(session, NOW)
        lists.give(connection, number, lists.newest(connection), (1, 6))
        assert set(lists.files(connection, number, (1, 5))) == {WITHDRAWN_DELTA}
        assert set(lists.files(connection, number, (0, 0))) == {WITHDRAWN, WITHDRAWN_DELTA}
        build_list(session, NOW, fresh=True)
        lists.give(connection, number, lists.newest(connection), (1, 7))
        assert set(lists.files(connection, number, (1, 6))) == {WITHDRAWN, WITHDRAWN_DELTA}


def test_a_gate_without_a_list_gets_none(site: Site, gate: Gate) -> None:
    """Before the first build."""
    with site.centre.database.read() as session:
        assert lists.newest(session.connection()) is None
        assert lists.files(session.connection(), 1, (0, 0)) == {}


def test_old_lists_are_kept_only_while_a_gates_updates_name_them(site: Site, gate: Gate) -> None:
    """They are large."""
    with site.centre.database.write() as session:
        connection = session.connection()
        numbers = []
        for _ in range(4):
            withdraw(session, issued(session), NOW)
            numbers.append(build_list(session, NOW).number)
            if len(numbers) == 2:
                lists.give(connection, 1, lists.newest(connection), (1, 1))
        kept = session.query(withdrawals.StatusListFiles.number).order_by(withdrawals.StatusListFiles.number).all()
        assert [number for (number,) in kept] == [2, 4]


def withdrawn_and_built(site: Site) -> bytes:
    """One more withdrawn pass, on a new list."""
    with site.centre.database.write() as session:
        serial = issued(session)
        withdraw(session, serial, NOW)
        build_list(session, NOW)
    return serial


def test_a_gate_gets_the_list_at_its_next_contact_and_then_only_what_changed(served: Served, site: Site) -> None:
    """From the centre's command to the gate's answer: installed by gate-sync's installer, opened by the gate."""
    gate = site.gate()
    gate.have = gate.snapshot.order
    root = bytes.fromhex(gate.files.root_key.read_text())
    first = withdrawn_and_built(site)
    answer = served.post(gate.batch(1, [])).answer()
    assert answer.updates is not None
    assert set(answer.updates) == {*FILES, STAFF, WITHDRAWN, WITHDRAWN_DELTA}
    gate.have = install(gate.files, answer.updates, root, gate.have).order
    assert open_at_gate(gate).withdrawn.lists(first, NOW)

    second = withdrawn_and_built(site)
    answer = served.post(gate.batch(1, [])).answer()
    assert answer.updates is not None
    assert set(answer.updates) == {*FILES, STAFF, WITHDRAWN_DELTA}
    gate.have = install(gate.files, answer.updates, root, gate.have).order
    snapshot = open_at_gate(gate)
    assert snapshot.withdrawn.lists(first, NOW)
    assert snapshot.withdrawn.lists(second, NOW)
    assert served.post(gate.batch(1, [])).answer().updates is None


def open_at_gate(gate: Gate) -> Snapshot:
    """As the gate's own program opens its updates."""
    return load(gate.files)


def test_a_new_gate_is_provisioned_with_the_whole_list(site: Site) -> None:
    """It may never have a link."""
    serial = withdrawn_and_built(site)
    assert open_at_gate(site.gate()).withdrawn.lists(serial, NOW)


def test_the_commands_withdraw_and_build(site: Site) -> None:
    """As IT uses them; a slip is a sentence."""
    with site.centre.database.write() as session:
        serial = issued(session, days=20_000)

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(main, ["--state", str(site.centre.state.path), "updates", *arguments])

    assert "collector updates build" in run("withdraw", serial.hex()).stderr
    built = run("build")
    assert (built.stdout.strip(), "1 passes in the snapshot" in built.stderr) == ("1", True), built.stderr
    assert run("reinstate", serial.hex()).exit_code == 0
    assert run("build").stdout.strip() == "2"
    assert "is not withdrawn" in run("reinstate", serial.hex()).stderr
    assert "is no serial" in run("withdraw", "abc").stderr
