"""A stick that went both ways, and somebody finds it: no name, number, phone, serial or place is on it (R25)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from sync.collector.courier.service import mark, take_stick
from sync.collector.policy.withdrawals import build_list, withdraw
from sync.collector.visitors.model import IssuedPass
from sync.collector.visitors.service import Wanted, issue_pass
from sync.wire.batch import unpack
from sync.wire.carried import ANSWER, device_seal, open_return
from sync.wire.envelope import MessageType, verify
from sync.wire.keys import KeyRing
from sync.wire.passes import PassKind
from tests.sync.collector.gateside import NOW, Site
from tests.sync.collector.people import registered, somebody
from tests.sync.collector.stickside import StickGate, stick_gate

VENUE, CHECKPOINT, NAMES = "东门市场", "南门", ("东一号闸机", "西二号闸机")
CHARSETS = ("utf-8", "utf-16-le", "utf-16-be", "gb18030")


def spellings(text: str) -> Iterator[bytes]:
    """As any program may have written it."""
    for charset in CHARSETS:
        for spelt in {text, text.upper(), text.lower()}:
            yield spelt.encode(charset)
    yield text.encode("unicode_escape")


def serial_spellings(serial: bytes) -> Iterator[bytes]:
    """The whole of it and the 8 bytes that lists hold, raw and as text."""
    for part in (serial, serial[:8]):
        yield part
        yield from spellings(part.hex())


def everything(directory: Path) -> bytes:
    """Names and contents, whatever there is."""
    parts = [str(path.relative_to(directory)).encode() + b"\n" for path in directory.rglob("*")]
    parts += [path.read_bytes() for path in directory.rglob("*") if path.is_file()]
    return b"\n".join(parts)


@pytest.fixture
def withdrawn(site: Site) -> list[bytes]:
    """Serials of two people's passes, the first of which is about to be withdrawn."""
    serials = []
    for visitor in registered(site, 1, 2):
        with site.centre.database.write() as session:
            issue_pass(site.centre, session, Wanted(kind=PassKind.SAVED, checkpoint=1, holder=visitor), NOW)
            found = session.scalars(select(IssuedPass.serial).where(IssuedPass.holder == visitor)).one()
            serials.append(found)
    return serials


def test_a_lost_stick_tells_nothing(site: Site, tmp_path: Path, withdrawn: list[bytes]) -> None:
    """It holds all of it, sealed: what opens the seals finds each, and without them nobody finds any."""
    usb = tmp_path / "usb"
    usb.mkdir()
    mark(site.centre, usb)
    gates = [stick_gate(site, name) for name in NAMES]
    serials = [withdrawn[1], *(os.urandom(12) for _ in range(60))]
    found = []
    for gate in gates:
        for number, serial in enumerate(serials, start=1):
            gate.outbox.append(gate.wire.record(number, serial=serial.hex()))
        gate.visited(usb)
    found.append(everything(usb))
    opened = _batches(site, usb, gates)
    with site.centre.database.write() as session:
        withdraw(session, withdrawn[0], NOW)
        build_list(session, NOW)
    take_stick(site.centre, usb, lambda: NOW + 7_200, all_gates=True)
    found.append(everything(usb))
    opened += _answers(usb, gates)
    for gate in gates:
        gate.pass_people(3)
        gate.visited(usb)  # back, and out again
    found.append(everything(usb))

    people = [somebody(number) for number in (1, 2)]
    secrets = {text: list(spellings(text)) for text in (VENUE, CHECKPOINT, *NAMES, *(gate.id for gate in gates))}
    secrets |= {text: list(spellings(text)) for one in people for text in (one.name, one.number, one.phone)}
    secrets |= {serial.hex(): list(serial_spellings(serial)) for serial in (withdrawn[0], *serials)}
    secrets["a reason"] = [b'"green"', b"scan_result", b"fever_celsius"]
    for stage in found:
        assert len(stage) > 5_000
        assert {name: needle for name, needles in secrets.items() for needle in needles if needle in stage} == {}
    for name in (VENUE, CHECKPOINT, *NAMES, "gate-1", "a reason", *(serial.hex() for serial in (*withdrawn, *serials))):
        assert any(needle in opened for needle in secrets[name]), f"{name} travels at all"


def _batches(site: Site, usb: Path, gates: list[StickGate]) -> bytes:
    """What the centre's key opens."""
    parts = []
    for gate in gates:
        for path in (usb / "venue-gate" / gate.folder).glob("*.batch"):
            payload = verify(path.read_bytes(), KeyRing([gate.wire.key.verification_key()]), MessageType.BATCH).payload
            batch = unpack(payload, site.centre.keys.sealing_key)
            parts += [batch.gate.encode(), *(bytes(record) for record in batch.records)]
    return b"\n".join(parts)


def _answers(usb: Path, gates: list[StickGate]) -> bytes:
    """What the gates' own keys open."""
    parts = []
    for gate in gates:
        sealed = (usb / "venue-gate" / gate.folder / ANSWER).read_bytes()
        back = open_return(sealed, device_seal(gate.wire.key))
        parts += [*back.receipts, *(back.updates or {}).values()]
    return b"\n".join(parts)


def test_no_two_rounds_look_alike(site: Site, tmp_path: Path) -> None:
    """A finder of two sticks cannot tell by their content that nothing has changed: each seal is made anew."""
    gate = stick_gate(site, people=5)
    seen = set()
    for name in ("one", "two"):
        usb = tmp_path / name
        usb.mkdir()
        mark(site.centre, usb)
        gate.visited(usb)
        take_stick(site.centre, usb, lambda: NOW + 7_200)
        for path in (usb / "venue-gate" / gate.folder).iterdir():
            seen.add(path.read_bytes())
    assert len(seen) == 6
