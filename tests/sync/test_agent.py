"""gate-sync's loop over a real HTTP line, a real outbox and real files; the centre is a model in memory."""

from __future__ import annotations

import os
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sync.agent import Agent, Connect
from sync.config import SyncConfig
from sync.incidents import Conflict, SetAsideRecord, Turn
from sync.mailbox import Provision, boot_id, read_incidents, read_sync_status
from sync.notify import Supervisor
from sync.outbox.outbox import Outbox
from sync.outbox.reader import readers
from sync.transport import HttpsTransport
from sync.wire import jsonform
from sync.wire.errors import WireError
from sync.wire.keys import KeyRing, Purpose, SigningKey
from sync.wire.receipt import Answer, SetAside, Standing, encode_answer, read_receipt
from sync.wire.record import ClockQuality
from sync.wire.statedir import StateDir
from sync.wire.status import Fault, GateStatus, QueueStatus, SyncStatus, Trouble
from sync.wire.statuslist import Withdrawn
from sync.wire.statuslist import build as build_list
from tests.sync.town import ModelCentre, Shelf, Town
from tests.sync.unflushed import Unflushed
from tests.sync.wires import Server, Told, serving

QUICK = SyncConfig(
    greeting_seconds=0.3, first_wait_seconds=0.05, longest_wait_seconds=0.2, read_seconds=5.0, exchange_seconds=10.0
)


def until(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    """Poll for what must become true."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.01)


class Place:
    """A gate, the line and its centre."""

    def __init__(self, state: StateDir, server: Server, centre: ModelCentre) -> None:
        self.state, self.server, self.centre = state, server, centre
        self.receipts: list[bytes] = []

    def honest(self, told: Told) -> None:
        try:
            answer = self.centre.answer(told.body)
        except WireError as fault:
            told.reply(400, str(fault).encode())
            return
        told.reply(200, answer, Content_Type="application/cbor")

    def provision(self) -> None:
        self.centre.town.provision(self.state, self.server.address)

    def outbox(self) -> Outbox:
        return Outbox(self.state.outbox, "board:card", system=Unflushed())

    @contextmanager
    def running(self, config: SyncConfig = QUICK, connect: Connect | None = None, **more: Any) -> Iterator[Agent]:
        """more: other arguments of the agent."""

        def https(provision: Provision) -> HttpsTransport:
            return HttpsTransport(provision.identity.collector, provision.ca, config.patience)

        agent = Agent(self.state, config, readers, connect or https, lambda: 0.5, look_seconds=0.05, **more)
        thread = threading.Thread(target=agent.run)
        thread.start()
        try:
            yield agent
        finally:
            agent.stop()
            thread.join(5)
            assert not thread.is_alive()

    def status(self) -> SyncStatus | None:
        return read_sync_status(self.state)

    def says(self, trouble: Trouble | None, words: str = "") -> None:
        """Wait until sync-status.json says so."""

        def told() -> bool:
            status = self.status()
            return status is not None and status.trouble is trouble and words in (status.detail or "")

        until(told)

    def drained(self, outbox: Outbox) -> None:
        def done() -> bool:
            status, shelf = self.status(), self.centre.shelves.get(outbox.id)
            return shelf is not None and shelf.next == outbox.next and status is not None and status.backlog == 0

        until(done)


@pytest.fixture
def place(state: StateDir) -> Iterator[Place]:
    """A line that works; nothing is provisioned yet."""
    centre = ModelCentre(Town())
    with serving(lambda told: told.reply(500)) as server:
        made = Place(state, server, centre)
        server.script = made.honest
        yield made


def fill(outbox: Outbox, count: int) -> list[bytes]:
    made = [b'{"n":%d}' % number for number in range(outbox.next, outbox.next + count)]
    for record in made:
        outbox.append(record)
    return made


def test_what_is_queued_arrives_once_and_in_order(place: Place) -> None:
    """R24: batches of at most 500, verbatim."""
    place.provision()
    outbox = place.outbox()
    records = fill(outbox, 1_203)
    with place.running():
        place.drained(outbox)
        records += fill(outbox, 2)
        place.drained(outbox)
    shelf = place.centre.shelves[outbox.id]
    assert [shelf.records[number] for number in range(1, outbox.next)] == [[record] for record in records]
    assert max(len(batch.records) for batch in place.centre.seen) == 500
    assert sum(len(batch.records) for batch in place.centre.seen) == 1_205


def test_the_kept_receipt_is_the_centres_word_verbatim(place: Place) -> None:
    """The gate checks its signature itself before it prunes."""
    place.provision()
    outbox = place.outbox()
    fill(outbox, 3)
    with place.running():
        place.drained(outbox)
    kept = place.state.receipt(outbox.id).read_bytes()
    receipt = read_receipt(kept, KeyRing([place.centre.town.receipts.verification_key()]))
    assert (receipt.outbox, receipt.next) == (outbox.id, 4)


def test_after_a_restart_it_goes_on_at_the_kept_receipt(place: Place) -> None:
    """What was acknowledged is not sent again."""
    place.provision()
    outbox = place.outbox()
    fill(outbox, 10)
    with place.running():
        place.drained(outbox)
    fill(outbox, 5)
    place.centre.seen.clear()
    with place.running():
        place.drained(outbox)
    assert [(batch.first, batch.next) for batch in place.centre.seen if batch.records] == [(11, 16)]


REFUSED = b'{"type":"scan","outcome":"deny","reasons":["red"],"n":%d}'


def test_after_weeks_offline_the_urgent_ones_arrive_first_of_all(place: Place) -> None:
    """R7: looked for while there was no link, in a batch of their own, and counted once."""
    place.provision()
    outbox = place.outbox()
    records = fill(outbox, 1_500)
    records.append(REFUSED % outbox.next)
    outbox.append(records[-1])
    records += fill(outbox, 1_500)
    place.server.script = lambda told: told.reply(200, b"log in", Content_Type="text/html")
    with place.running():
        place.says(Trouble.NOT_THE_CENTRE)
        until(lambda: len(place.server.requests) >= 3)
        place.server.script = place.honest
        place.drained(outbox)
    with_records = [batch for batch in place.centre.seen if batch.records]
    assert with_records[0].urgent == [1_501]
    shelf = place.centre.shelves[outbox.id]
    assert [shelf.records[number] for number in range(1, outbox.next)] == [[record] for record in records]


def test_who_is_refused_during_a_long_drain_is_told_of_within_two_seconds(place: Place) -> None:
    """R7: a backlog of minutes stands before it."""
    place.provision()
    outbox = place.outbox()
    fill(outbox, 5_000)

    def slow(told: Told) -> None:
        told.server.closing.wait(0.4)
        place.honest(told)

    place.server.script = slow
    with place.running():
        until(lambda: any(batch.records for batch in place.centre.seen))
        started = time.monotonic()
        number = outbox.append(REFUSED % 1)
        until(lambda: number in place.centre.shelves[outbox.id].records)
        assert time.monotonic() - started < 2.0
        assert place.centre.shelves[outbox.id].next < number


def test_records_that_come_while_it_is_connected_arrive_within_moments(place: Place) -> None:
    """Not only with the next greeting."""
    place.provision()
    outbox = place.outbox()
    with place.running(SyncConfig(greeting_seconds=3600.0)):
        until(lambda: bool(place.centre.seen))
        outbox.append(b"{}")
        started = time.monotonic()
        until(lambda: place.centre.shelves[outbox.id].next == 2)
        assert time.monotonic() - started < 2.0


def test_unprovisioned_it_waits_says_so_and_goes_on_by_itself(place: Place) -> None:
    """Nothing needs a restart."""
    with place.running():
        place.says(Trouble.NOT_PROVISIONED, "identity.json is missing")
        place.provision()
        place.says(Trouble.OUR_FAULT, "there is no outbox yet")
        outbox = place.outbox()
        fill(outbox, 2)
        place.drained(outbox)
        place.says(None)


@pytest.mark.parametrize(
    ("file", "content", "words"),
    [
        ("identity.json", b"{", "identity.json"),
        ("identity.json", b'{"gate":"g","collector":"http://10.1.1.1"}', "write https://"),
        ("identity.json", b'{"gate":"g","collector":"https://c","ca":"no.pem"}', "no.pem"),
        ("private/device.key", b"00" * 31, "device.key holds 31 bytes"),
        ("private/device.key", b"zz", "device.key is not hexadecimal"),
        ("root.pub", b"\xff" * 10, "root.pub"),
        ("root.pub", b"11" * 32, "updates/current"),
        ("updates/1-1/keys.cose", b"garbage", "updates/current"),
        ("updates/1-1/policy.json", b"{}", "policy.json"),
    ],
)
def test_a_broken_file_is_named_and_its_repair_is_noticed(place: Place, file: str, content: bytes, words: str) -> None:
    """A sentence for IT; the service stays up."""
    place.provision()
    outbox = place.outbox()
    fill(outbox, 1)
    path = place.state.root / file
    whole = path.read_bytes()
    path.write_bytes(content)
    with place.running():
        place.says(Trouble.NOT_PROVISIONED, words)
        path.write_bytes(whole)
        os.utime(place.state.identity)
        place.drained(outbox)


@pytest.mark.parametrize(
    ("lie", "trouble"),
    [
        (lambda told: told.reply(200, b"<html>log in</html>", Content_Type="text/html"), Trouble.NOT_THE_CENTRE),
        (lambda told: told.reply(200, b"\xa1garbage", Content_Type="application/cbor"), Trouble.NOT_THE_CENTRE),
        (lambda told: told.reply(403, b"go away"), Trouble.REFUSED),
        (lambda told: told.reply(503), Trouble.CENTRE_BUSY),
        (lambda told: told.reply(413), Trouble.OUR_FAULT),
    ],
    ids=["portal", "garbage", "403", "503", "413"],
)
def test_only_a_signed_receipt_acknowledges(place: Place, lie: Callable[[Told], None], trouble: Trouble) -> None:
    """Everything else changes the backoff and the sentence that IT reads, nothing more (DESIGN 7)."""
    place.provision()
    outbox = place.outbox()
    fill(outbox, 7)
    place.server.script = lie
    with place.running():
        place.says(trouble)
        status = place.status()
        assert status is not None
        assert not status.connected
        assert status.backlog == 7
        assert not place.state.receipt(outbox.id).exists()
        place.server.script = place.honest
        place.drained(outbox)
        place.says(None)


def test_a_receipt_by_another_key_acknowledges_nothing(place: Place) -> None:
    """Someone who answers well, but is not the centre."""
    place.provision()
    outbox = place.outbox()
    fill(outbox, 1)
    place.centre.receipts = SigningKey(Ed25519PrivateKey.generate(), Purpose.RECEIPT)
    with place.running():
        place.says(Trouble.NOT_THE_CENTRE, "not known here")
        assert not place.state.receipt(outbox.id).exists()


def test_a_replayed_receipt_acknowledges_nothing(place: Place) -> None:
    """The nonce binds a receipt to its batch."""
    place.provision()
    outbox = place.outbox()
    recorded: list[bytes] = []

    def record(told: Told) -> None:
        recorded.append(place.centre.answer(told.body))
        told.reply(200, recorded[0], Content_Type="application/cbor")

    place.server.script = record
    with place.running():
        until(lambda: bool(recorded))
        fill(outbox, 1)
        place.says(Trouble.NOT_THE_CENTRE, "another batch")


def test_a_receipt_that_cannot_be_kept_counts_for_nothing(place: Place) -> None:
    """On disk before anything counts as sent."""
    place.provision()
    outbox = place.outbox()
    fill(outbox, 4)
    place.state.receipt(outbox.id).mkdir(parents=True)
    with place.running():
        place.says(Trouble.OUR_FAULT, "the receipt cannot be kept")
        status = place.status()
        assert status is not None
        assert status.backlog == 4
        place.state.receipt(outbox.id).rmdir()
        place.drained(outbox)


def test_records_that_are_not_taken_hold_up_neither_greetings_nor_updates(place: Place) -> None:
    """And IT keeps reading why, although the greetings go well."""
    place.provision()
    outbox = place.outbox()
    fill(outbox, 1)
    place.centre.updates = place.centre.town.snapshot((1, 2))

    def poison(told: Told) -> None:
        batch = place.centre.read(told.body)
        told.reply(400, b"no") if batch.records else place.honest(told)

    place.server.script = poison
    with place.running():
        until(lambda: os.readlink(place.state.current_updates) == "1-2")
        until(lambda: (place.status() or _NOTHING).connected)
        place.says(Trouble.OUR_FAULT, "400")
        place.server.script = place.honest
        place.drained(outbox)
        place.says(None)


_NOTHING = SyncStatus(0.0, "", 0.0, 0, False, 0)


def test_newer_updates_are_installed_and_reported(place: Place) -> None:
    """An immutable directory, then the link swapped; the next batch says which it has."""
    place.provision()
    place.outbox()
    files = place.centre.town.snapshot((1, 2))
    place.centre.updates = files
    with place.running():
        until(lambda: os.readlink(place.state.current_updates) == "1-2")
        place.centre.updates = None
        until(lambda: place.centre.seen[-1].report.have == (1, 2))
    assert {path.name: path.read_bytes() for path in (place.state.updates / "1-2").iterdir()} == files


def test_of_an_answer_only_the_known_files_are_written(place: Place) -> None:
    """A name from the wire is never a path."""
    place.provision()
    place.outbox()
    place.centre.updates = place.centre.town.snapshot((1, 2)) | {"../../evil": b"x", "more.json": b"x"}
    with place.running():
        until(lambda: os.readlink(place.state.current_updates) == "1-2")
    assert len(list((place.state.updates / "1-2").iterdir())) == 4
    assert not list(place.state.root.parent.rglob("evil"))


def test_only_the_last_three_snapshots_are_kept(place: Place) -> None:
    """The disk does not fill with old keys."""
    place.provision()
    place.outbox()
    with place.running():
        for number in range(2, 6):
            place.centre.updates = place.centre.town.snapshot((1, number))
            until(lambda number=number: os.readlink(place.state.current_updates) == f"1-{number}")
    assert sorted(path.name for path in place.state.updates.iterdir()) == ["1-3", "1-4", "1-5", "current"]


def test_a_higher_epoch_is_newer_whatever_its_number(place: Place) -> None:
    """A restored centre counts anew: updates are ordered by (epoch, number)."""
    place.provision()
    place.outbox()
    place.centre.updates = place.centre.town.snapshot((1, 40))
    with place.running():
        until(lambda: os.readlink(place.state.current_updates) == "1-40")
        place.centre.updates = place.centre.town.snapshot((2, 3))
        until(lambda: os.readlink(place.state.current_updates) == "2-3")


def _forged(town: Town) -> dict[str, bytes]:
    other = Town(root=SigningKey(Ed25519PrivateKey.generate(), Purpose.ROOT))
    return other.snapshot((1, 9))


def _mixed(town: Town) -> dict[str, bytes]:
    return town.snapshot((1, 9)) | {"venue.json": town.snapshot((1, 9))["venue.json"] + b" "}


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (_forged, "not known here"),
        (_mixed, "venue.json does not belong"),
        (lambda town: town.snapshot((1, 1)), "not newer"),
        (lambda town: town.snapshot((0, 9)), "not newer"),
        (lambda town: {"keys.cose": b""}, "missing"),
        (lambda town: {"../../evil": b"x"}, "missing"),
    ],
    ids=["forged", "mixed", "same", "older", "torn", "path"],
)
def test_bad_updates_never_disturb_uploading(place: Place, bad: Callable[[Town], dict[str, bytes]], words: str) -> None:
    """The two directions fail independently, and the set in force stays (DESIGN 4)."""
    place.provision()
    outbox = place.outbox()
    fill(outbox, 600)
    place.centre.updates = bad(place.centre.town)
    with place.running():
        place.drained(outbox)
        place.says(None, words)
    assert os.readlink(place.state.current_updates) == "1-1"
    assert sorted(path.name for path in place.state.updates.iterdir()) == ["1-1", "current"]


def test_after_bad_updates_none_are_asked_for_during_a_drain(place: Place) -> None:
    """A megabyte of refused files beside each receipt would hold up the records."""
    place.provision()
    outbox = place.outbox()
    fill(outbox, 1_100)
    place.centre.updates = _mixed(place.centre.town)
    with place.running():
        place.drained(outbox)
    wanted = [batch.report.wants_updates for batch in place.centre.seen]
    assert wanted[0]
    assert not any(wanted[1:])


def test_a_receipt_by_a_key_that_only_the_updates_beside_it_name_is_understood(place: Place) -> None:
    """A gate that was offline while the receipts' key was rolled."""
    place.provision()
    outbox = place.outbox()
    fill(outbox, 1)
    rolled = SigningKey(Ed25519PrivateKey.generate(), Purpose.RECEIPT)
    place.centre.receipts = rolled
    place.centre.updates = place.centre.town.snapshot((1, 2), receipts=rolled)
    with place.running():
        place.drained(outbox)


def test_damaged_updates_in_force_fall_back_to_the_newest_whole_ones(place: Place) -> None:
    """A torn card still talks to its centre, and gets them again."""
    place.provision()
    outbox = place.outbox()
    place.centre.updates = place.centre.town.snapshot((1, 2))
    with place.running():
        until(lambda: os.readlink(place.state.current_updates) == "1-2")
    (place.state.updates / "1-2" / "manifest.cose").write_bytes(b"torn")
    fill(outbox, 1)
    with place.running():
        place.drained(outbox)
        until(lambda: _content(place.state.updates / "1-2" / "manifest.cose") not in (None, b"torn"))


def _content(path: Path) -> bytes | None:
    """None in the instant in which the directory is being replaced."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def test_a_restored_centre_is_filled_up_from_the_kept_segments(place: Place) -> None:
    """By itself, and IT reads why (DESIGN 7)."""
    place.provision()
    outbox = place.outbox()
    fill(outbox, 5)
    with place.running():
        place.drained(outbox)
        backup = place.centre.backup()
        fill(outbox, 700)
        place.drained(outbox)
        outbox.acknowledge(outbox.next)
        place.centre.restore(backup)
        place.drained(outbox)
    assert len(place.centre.shelves[outbox.id].records) == 705
    (setback,) = read_incidents(place.state).setbacks
    assert (setback.turn, setback.epoch, setback.next) == (Turn.CENTRE_RESTORED, 2, 6)


def test_what_the_centre_sets_aside_or_holds_otherwise_is_noted_and_kept_over_restarts(place: Place) -> None:
    """Never silent: set-aside records with their reasons, conflicts, holes – each once, however often it is told."""
    place.provision()
    outbox = place.outbox()
    fill(outbox, 3)
    place.centre.set_aside = [SetAside(2, "not a record")]
    place.centre.shelves[outbox.id] = Shelf(records={3: [b"of another card"]})
    for _ in range(2):
        with place.running():
            place.drained(outbox)
            until(lambda: len(place.centre.seen) >= 3)
        place.centre.seen.clear()
    noted = read_incidents(place.state)
    assert noted.set_aside == [SetAsideRecord(outbox.id, 2, "not a record")]
    assert noted.conflicts == [Conflict(outbox.id, 3)]
    status = place.status()
    assert status is not None
    assert status.incidents == 2
    assert sorted(place.centre.shelves[outbox.id].records[3]) == [b"of another card", b'{"n":3}']


def test_an_old_copy_of_the_card_is_sent_whole_and_only_once(place: Place) -> None:
    """The centre's receipt is no cursor there; what was sent is remembered over restarts."""
    place.provision()
    outbox = place.outbox()
    fill(outbox, 10)
    shelf = place.centre.shelves[outbox.id] = Shelf(next=21)
    with place.running():
        until(lambda: place.state.delivered.exists())
    fill(outbox, 2)
    place.centre.seen.clear()
    with place.running():
        until(lambda: 12 in shelf.records)
    assert [(batch.first, batch.next) for batch in place.centre.seen if batch.records] == [(11, 13)]
    place.state.delivered.write_bytes(b"{")
    place.centre.seen.clear()
    with place.running():
        until(lambda: any(batch.next == 13 for batch in place.centre.seen))
    assert next(batch.first for batch in place.centre.seen if batch.records) == 1


def test_an_old_copy_drains_unhindered_where_its_note_cannot_be_written(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    """How far it was sent only spares work after a restart: the receipt counts, and no exchange waits for longer."""
    place.provision()
    outbox = place.outbox()
    fill(outbox, 1_600)
    shelf = place.centre.shelves[outbox.id] = Shelf(next=9_001)
    place.state.delivered.mkdir()
    with place.running():
        until(lambda: 1_600 in shelf.records)
        place.says(Trouble.OUR_FAULT, "an old copy of it was put back")
    assert "the receipt cannot be kept" not in caplog.text
    assert caplog.text.count("delivered.json cannot be written") == 1


def test_incidents_that_cannot_be_written_hold_up_no_receipt(place: Place) -> None:
    """On a full disk only a receipt makes room: what else is to be noted waits until it can be."""
    place.provision()
    outbox = place.outbox()
    fill(outbox, 3)
    place.centre.set_aside = [SetAside(2, "not a record")]
    place.state.incidents.mkdir()
    with place.running():
        until(place.state.receipt(outbox.id).exists)
        place.drained(outbox)
        place.state.incidents.rmdir()
        fill(outbox, 1)
        until(lambda: read_incidents(place.state).set_aside == [SetAsideRecord(outbox.id, 2, "not a record")])


def test_a_conflict_is_on_the_disk_before_the_receipt_that_tells_of_it(place: Place) -> None:
    """After a restore a contested outbox is sent whole: that it is one must outlive a power cut."""
    place.provision()
    outbox = place.outbox()
    fill(outbox, 3)
    place.centre.shelves[outbox.id] = Shelf(records={3: [b"of another card"]})
    place.state.incidents.mkdir()
    with place.running():
        place.says(Trouble.OUR_FAULT, "cannot be kept")
        assert not place.state.receipt(outbox.id).exists()
        place.state.incidents.rmdir()
        place.drained(outbox)
    assert read_incidents(place.state).conflicts == [Conflict(outbox.id, 3)]


def test_damaged_incidents_are_put_aside_and_not_written_over(place: Place) -> None:
    """Never silent: IT finds what was noted, as far as it can be read."""
    place.provision()
    place.state.incidents.write_bytes(b'{"conflicts":[["a')
    with place.running():
        pass
    assert place.state.incidents.with_name("incidents.json.bad").read_bytes() == b'{"conflicts":[["a'
    assert not place.state.incidents.exists()


def test_a_moved_card_s_sealed_outbox_drains_too(place: Place) -> None:
    """Each outbox has its own receipt."""
    place.provision()
    first = place.outbox()
    fill(first, 3)
    first.close()
    second = Outbox(place.state.outbox, "another board:card")
    fill(second, 2)
    assert first.id != second.id
    with place.running():
        place.drained(second)
        until(lambda: place.centre.shelves[first.id].next == 4)
    assert place.state.receipt(first.id).exists()
    assert place.state.receipt(second.id).exists()


def test_a_revoked_gate_is_told_so(place: Place) -> None:
    """Its records go to quarantine, not to waste."""
    place.provision()
    outbox = place.outbox()
    fill(outbox, 1)
    place.centre.standing = Standing.QUARANTINED
    with place.running():
        place.says(Trouble.REFUSED, "revoked")
        place.drained(outbox)


def test_the_gates_own_word_is_in_the_report(place: Place) -> None:
    """A fresh status.json of this boot feeds the fleet's page (R25)."""
    place.provision()
    place.outbox()
    told = GateStatus(
        0.0,
        boot_id(),
        time.monotonic(),
        1,
        "9.9",
        "ready",
        ClockQuality.SYNCHRONIZED,
        "",
        1,
        1,
        {},
        faults=[Fault.CAMERA],
        queue=QueueStatus(damaged=3),
    )
    place.state.status.write_bytes(jsonform.encode(told))
    with place.running():
        until(lambda: bool(place.centre.seen))
    report = place.centre.seen[-1].report
    assert (report.software, report.faults, report.damaged) == ("9.9", ["camera"], 3)


def test_a_receipt_that_repeats_the_gates_own_nonce_is_kept(place: Place) -> None:
    """Only such a receipt may lower the gate's clock floor (DESIGN 5)."""
    place.provision()
    outbox = place.outbox()
    mono, lamps = time.monotonic(), {"pass": False}
    told = GateStatus(
        0.0, boot_id(), mono, 1, "1", "ready", ClockQuality.UNKNOWN, outbox.id, 1, 1, lamps, nonce="ab" * 16
    )
    place.state.status.write_bytes(jsonform.encode(told))
    ring = KeyRing([place.centre.town.receipts.verification_key()])
    with place.running():
        until(lambda: len(place.centre.seen) >= 4)
    nonces = [batch.nonce for batch in place.centre.seen]
    assert nonces.count("ab" * 16) == 1
    assert read_receipt(place.state.receipt(outbox.id).read_bytes(), ring).nonce == "ab" * 16


def test_a_status_list_is_installed_and_need_not_come_twice(place: Place) -> None:
    """A large file that did not change is taken from the set in force; a set that lacks one is refused."""
    place.provision()
    place.outbox()
    lists = Withdrawn(build_list({bytes(8): 2**32 - 1}), build_list({}))
    place.centre.updates = place.centre.town.snapshot((1, 2), withdrawn=lists)
    with place.running():
        until(lambda: os.readlink(place.state.current_updates) == "1-2")
        again = place.centre.town.snapshot((1, 3), withdrawn=lists)
        del again["withdrawn.list"]
        place.centre.updates = again
        until(lambda: os.readlink(place.state.current_updates) == "1-3")
        other = Withdrawn(build_list({bytes(8): 1}), build_list({}))
        torn = place.centre.town.snapshot((1, 4), withdrawn=other)
        del torn["withdrawn.list"]
        place.centre.updates = torn
        place.says(None, "withdrawn.list does not belong")
    assert (place.state.updates / "1-3" / "withdrawn.list").read_bytes() == lists.snapshot.content


def test_a_gate_that_lost_its_status_list_asks_for_every_file(place: Place) -> None:
    """As one that has none: the centre then leaves nothing out."""
    place.provision()
    place.outbox()
    lists = Withdrawn(build_list({bytes(8): 2**32 - 1}), build_list({}))
    whole = place.centre.town.snapshot((1, 2), withdrawn=lists)

    def sparing(told: Told) -> None:
        have = place.centre.read(told.body).report.have
        place.centre.updates = {name: whole[name] for name in whole if name != "withdrawn.list" or have == (0, 0)}
        place.honest(told)

    place.server.script = sparing
    with place.running():
        until(lambda: os.readlink(place.state.current_updates) == "1-2")
    assert (place.state.updates / "1-2" / "withdrawn.list").exists()
    assert [batch.report.have for batch in place.centre.seen].count((0, 0)) == 1


@pytest.mark.parametrize("content", [b"{", b"", b"null", b'{"boot":"of another start"}'])
def test_a_broken_gate_status_stops_nothing(place: Place, content: bytes) -> None:
    """The report is then only what gate-sync knows."""
    place.provision()
    place.outbox()
    place.state.status.write_bytes(content)
    with place.running():
        until(lambda: bool(place.centre.seen))
    assert place.centre.seen[-1].report.boot == boot_id()


def test_a_touched_wake_file_brings_an_exchange_now(place: Place) -> None:
    """Nobody waits for the backoff with a laptop in hand."""
    place.provision()
    place.outbox()
    with place.running(SyncConfig(greeting_seconds=3600.0)):
        until(lambda: len(place.centre.seen) == 1)
        place.state.wake.touch()
        until(lambda: len(place.centre.seen) == 2)


def test_while_the_centre_stalls_the_status_stays_fresh_and_stopping_is_quick(place: Place) -> None:
    """The gate judges by its age whether gate-sync lives; SIGTERM ends it within 2 s in the middle of an exchange."""
    place.provision()
    place.outbox()
    place.server.script = lambda told: (told.server.closing.wait(30), None)[1]
    with place.running(SyncConfig(read_seconds=60.0)):
        until(lambda: bool(place.server.requests))
        for _ in range(3):
            before = place.status()
            assert before is not None
            until(lambda before=before: place.status().mono > before.mono, seconds=2.0)  # type: ignore[union-attr]
        started = time.monotonic()
    assert time.monotonic() - started < 2.0
    last = place.status()
    assert last is not None
    assert not last.connected


class WithoutEnd:
    """A carrier stuck where nothing can cut it, as in a name look-up."""

    def __init__(self) -> None:
        self.entered, self._never = threading.Event(), threading.Event()

    def exchange(self, body: bytes) -> bytes:
        self.entered.set()
        self._never.wait()
        return b""

    def abort(self) -> None:
        pass

    def close(self) -> None:
        pass


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[tuple[socket.socket, Supervisor]]:
    """A socket as systemd listens on it, and who tells it; the watchdog wants to be fed at every turn."""
    name = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(name)
        listening.settimeout(5)
        yield listening, Supervisor({"NOTIFY_SOCKET": name, "WATCHDOG_USEC": "1"})


def test_the_watchdog_is_fed_while_it_waits_and_while_the_centre_stalls(place: Place, manager: Any) -> None:
    """R26: READY without provision, network or centre; neither of them is a reason for a restart."""
    listening, supervisor = manager
    place.server.script = lambda told: (told.server.closing.wait(30), None)[1]
    with place.running(SyncConfig(read_seconds=60.0), supervisor=supervisor):
        assert [listening.recv(100) for _ in range(3)] == [b"READY=1", b"WATCHDOG=1", b"WATCHDOG=1"]
        place.provision()
        place.outbox()
        until(lambda: bool(place.server.requests))
        drain(listening)
        assert listening.recv(100) == b"WATCHDOG=1"
    assert drain(listening)[-1] == b"STOPPING=1"


def test_the_watchdog_starves_when_an_exchange_outlasts_every_limit(place: Place, manager: Any) -> None:
    """The loop still turns, and nothing will ever be sent: a restart is the way out."""
    listening, supervisor = manager
    stuck = WithoutEnd()
    place.provision()
    place.outbox()
    patience = {"supervisor": supervisor, "look_up_seconds": 0.2}
    with place.running(SyncConfig(exchange_seconds=0.2), lambda _: stuck, **patience):
        assert stuck.entered.wait(5)
        until(lambda: not fed_within(listening, 1.0))  # twenty turns of the loop
        told = place.status()
        assert told is not None
        until(lambda: place.status() != told)


def fed_within(listening: socket.socket, seconds: float) -> bool:
    """Whether anything arrives in that time."""
    listening.settimeout(seconds)
    try:
        return bool(listening.recv(100))
    except TimeoutError:
        return False


def drain(listening: socket.socket) -> list[bytes]:
    """Everything that arrived so far."""
    arrived = []
    listening.setblocking(False)
    with suppress(BlockingIOError):
        while True:
            arrived.append(listening.recv(100))
    listening.settimeout(5)
    return arrived


def test_an_outbox_that_vanishes_and_returns_is_followed(place: Place) -> None:
    """A card that was being checked, a directory moved and put back."""
    place.provision()
    outbox = place.outbox()
    fill(outbox, 2)
    with place.running():
        place.drained(outbox)
        outbox.close()
        aside = place.state.root / "aside"
        shutil.move(place.state.outbox, aside)
        place.says(Trouble.OUR_FAULT, "no outbox")
        shutil.move(aside, place.state.outbox)
        again = place.outbox()
        fill(again, 1)
        place.drained(again)


def test_an_unreadable_outbox_is_named_and_the_other_goes_on(place: Place) -> None:
    """A bad sector costs what it holds, nothing else."""
    place.provision()
    first = place.outbox()
    fill(first, 3)
    first.close()
    second = Outbox(place.state.outbox, "another board:card")
    fill(second, 2)
    segment = next((place.state.outbox / first.id).glob("*.jsonl"))
    aside = place.state.root / "aside"
    segment.rename(aside)
    segment.mkdir()
    with place.running():
        until(lambda: place.centre.shelves.get(second.id, Shelf()).next == 3)
        place.says(Trouble.OUR_FAULT, f"outbox {first.id} cannot be read")
        segment.rmdir()
        aside.rename(segment)
        until(lambda: place.centre.shelves.get(first.id, Shelf()).next == 4)
        place.says(None)


def test_an_answer_without_a_genuine_receipt_still_brings_genuine_updates(place: Place) -> None:
    """They are signed by themselves: the two directions fail independently."""
    place.provision()
    place.outbox()
    files = place.centre.town.snapshot((1, 2))
    place.server.script = lambda told: told.reply(
        200, encode_answer(Answer(b"no receipt", files)), Content_Type="application/cbor"
    )
    with place.running():
        until(lambda: os.readlink(place.state.current_updates) == "1-2")
