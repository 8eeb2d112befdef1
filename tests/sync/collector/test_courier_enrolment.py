"""A device that is nobody's gate and a marked stick: nobody types at the device, and IT says which gate it is (R25)."""

from __future__ import annotations

import shlex
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from click.testing import Result

from sync import adoption, mailbox
from sync.collector.courier.service import mark, take_stick
from sync.collector.fleet import enrolment, service
from sync.collector.privacy.access import personal
from sync.courier import Outcome
from sync.journal import JournalFile
from sync.wire import carried, jsonform
from sync.wire.enrolment import Code, decode_answer, open_request, sign_request, write_code
from sync.wire.errors import WireError
from sync.wire.record import ClockQuality
from sync.wire.statedir import StateDir
from sync.wire.status import GateStatus, StickTrouble
from tests.sync.collector.gateside import NOW, Gate, Site
from tests.sync.collector.processes import collector
from tests.sync.collector.stickside import Newcomer, StickGate, files, newcomer
from tests.sync.collector.test_enrolment import IT, new_gate

REQUEST, ANSWER = "request.enrol", "answer.enrol"
URL = ("--collector-url", "https://centre.example")


@pytest.fixture
def made(site: Site, tmp_path: Path) -> Callable[[str], Newcomer]:
    """Of a device by that name."""

    def make(name: str) -> Newcomer:
        return newcomer(site, tmp_path / name)

    return make


@pytest.fixture
def usb(site: Site, tmp_path: Path) -> Path:
    directory = tmp_path / "usb"
    directory.mkdir()
    mark(site.centre, directory)
    return directory


def at_the_centre(site: Site, *arguments: str) -> Result:
    return collector(site.centre.state.path, *arguments)


def told(outcome: Outcome) -> str:
    assert outcome.fault is not None
    assert outcome.fault.trouble is StickTrouble.NOT_PROVISIONED
    return str(outcome.fault)


def answered(site: Site, usb: Path, device: Newcomer) -> str:
    """IT typed what import shows, and compared; the answer is on the stick. Which gate."""
    gate_id = new_gate(site)
    place = device.folder(usb)
    files = ("--request", str(place / REQUEST), "--answer", str(place / ANSWER))
    done = at_the_centre(site, "gate", "enrol", gate_id, *URL, *files, "--words", device.words)
    assert done.exit_code == 0, done.output
    return gate_id


def test_a_stick_makes_a_device_a_gate(site: Site, usb: Path, made: Callable[[str], Newcomer]) -> None:
    """Out, IT types what it is shown and compares the words, back: it is that gate, and its batches count."""
    device = made("device")
    out = device.visited(usb)
    assert "its request is on the stick" in told(out)
    assert device.words in told(out)
    again = files(usb)
    device.visited(usb)
    assert files(usb) == again  # the same request
    seen = at_the_centre(site, "import", str(usb))
    assert (seen.exit_code, device.words in seen.stderr) == (0, True), seen.output
    assert not (device.folder(usb) / ANSWER).exists()  # nobody has said yes
    gate_id = new_gate(site)
    line = next(line for line in seen.stderr.splitlines() if "gate enrol GATE" in line)
    typed = shlex.split(line.partition("collector ")[2])
    typed[2] = gate_id
    done = at_the_centre(site, *typed, *URL, "--words", device.words)
    assert done.exit_code == 0, done.output

    back = device.visited(usb)
    assert (back.fault, back.troubles, back.became, device.gate) == (None, [], gate_id, gate_id)
    assert f"This device is {gate_id}." in device.said[0]
    assert not list(usb.rglob("*.enrol"))
    gate = StickGate(Gate(device.state))
    gate.pass_people(7)
    gate.visited(usb)
    taken = take_stick(site.centre, usb, lambda: NOW + 60)
    assert [(one.gate, one.new, one.asks, one.troubles) for one in taken.brought.values()] == [(gate_id, 7, None, [])]
    assert gate.visited(usb).handed.acknowledged == 7  # type: ignore[union-attr]


def test_a_device_that_it_has_confirmed_elsewhere_finds_its_answer(
    site: Site, usb: Path, made: Callable[[str], Newcomer]
) -> None:
    """Import answers by itself for that very key – after IT's word, never before it."""
    device, stranger = made("device"), made("stranger")
    device.visited(usb)
    stranger.visited(usb)
    place, gate_id = device.folder(usb), new_gate(site)
    with personal(site.centre, IT, NOW) as access:
        _, asked = enrolment.by_stick(access, gate_id, "https://centre.example", (place / REQUEST).read_bytes())
    waits = at_the_centre(site, "import", str(usb))
    assert f"collector gate confirm {gate_id}" in waits.stderr
    assert not list(usb.rglob(ANSWER))
    with personal(site.centre, IT, NOW) as access:
        enrolment.confirm(access, gate_id, asked.kid)
    done = at_the_centre(site, "import", str(usb))
    assert f"{gate_id}: the answer" in done.stderr
    assert stranger.words in done.stderr
    assert list(usb.rglob(ANSWER)) == [place / ANSWER]
    assert device.visited(usb).became == gate_id
    assert "its request" in told(stranger.visited(usb))


def test_a_revoked_device_gets_no_answer_any_more(site: Site, usb: Path, made: Callable[[str], Newcomer]) -> None:
    """Its request may lie on some stick for years."""
    device = made("device")
    device.visited(usb)
    gate_id = answered(site, usb, device)
    (device.folder(usb) / ANSWER).unlink()
    with site.centre.database.write() as session:
        service.revoke_gate(session, gate_id, NOW + 1)
    take_stick(site.centre, usb, lambda: NOW + 60, all_gates=True)
    assert not list(usb.rglob(ANSWER))


@pytest.mark.parametrize("harm", ["another device's", "tampered", "cut", "an older request's", "nonsense", "too long"])
def test_an_answer_that_is_not_for_this_request_changes_nothing(
    site: Site, usb: Path, made: Callable[[str], Newcomer], harm: str
) -> None:
    """Told in words; the device asks on, and the right answer still makes it a gate."""
    device = made("device")
    device.visited(usb)
    place = device.folder(usb)
    answered(site, usb, device)
    right = (place / ANSWER).read_bytes()
    wrong = {
        "tampered": right[:-20] + bytes([right[-20] ^ 1]) + right[-19:],
        "cut": right[: len(right) // 2],
        "nonsense": b"<html>",
    }
    if harm == "another device's":
        other = made("other")
        other.visited(usb)
        answered(site, usb, other)
        (place / ANSWER).write_bytes((other.folder(usb) / ANSWER).read_bytes())
    elif harm == "an older request's":
        _ask_anew(device.state)
        (place / ANSWER).rename(usb / "old")
        device.visited(usb)
        place = device.folder(usb)
        (usb / "old").rename(place / ANSWER)
    elif harm == "too long":
        with (place / ANSWER).open("wb") as file:
            file.truncate(carried.MAX_SEALED_ANSWER_BYTES + 1)
    else:
        (place / ANSWER).write_bytes(wrong[harm])
    before = device.holds()
    back = device.visited(usb)
    assert device.gate is None
    assert "its request is on the stick" in told(back)
    assert len(back.troubles) == 1
    expected = {
        "tampered": "damaged or cut",
        "cut": "damaged or cut",
        "too long": "are read: remove it",
        "an older request's": "earlier request",
        "another device's": "another device",
    }
    assert expected.get(harm, "no answer") in back.troubles[0]
    assert {name: body for name, body in device.holds().items() if "status" not in name} == before
    if harm != "an older request's":
        (place / ANSWER).write_bytes(right)
        assert device.visited(usb).fault is None
        assert device.gate is not None


def _ask_anew(state: StateDir) -> None:
    attempt = adoption.stick_attempt(state)
    assert attempt is not None
    adoption.drop(state, attempt)


def test_the_nonce_tells_an_answer_for_an_older_request_of_the_same_key(
    site: Site, usb: Path, made: Callable[[str], Newcomer]
) -> None:
    """The seal opens: what is in it is judged all the same."""
    device = made("device")
    device.visited(usb)
    answered(site, usb, device)
    file = JournalFile(device.state)
    with file.lock() as journal:
        assert journal.asking is not None
        newer = msgspec.structs.replace(journal.asking, nonce="ab" * 16)
        file.write(msgspec.structs.replace(journal, asking=newer))
    back = device.visited(usb)
    assert "earlier request of this one" in back.troubles[0]
    assert device.gate is None


def test_an_answer_again_is_not_taken(site: Site, usb: Path, made: Callable[[str], Newcomer], tmp_path: Path) -> None:
    """A gate is what it is: what made it one, put in again, does nothing – nor at the same board forgotten."""
    device = made("device")
    device.visited(usb)
    answered(site, usb, device)
    copy = tmp_path / "copy"
    shutil.copytree(usb, copy)
    assert device.visited(usb).fault is None
    before = (device.state.identity.read_bytes(), device.state.device_key.read_bytes())
    again = device.visited(copy)
    assert (again.fault, again.became, again.troubles) == (None, None, [])
    assert (device.state.identity.read_bytes(), device.state.device_key.read_bytes()) == before
    device.state.identity.unlink()
    assert "its request" in told(device.visited(copy))
    assert device.gate is None


def test_a_gate_takes_an_answer_only_while_the_button_counts(
    site: Site, usb: Path, made: Callable[[str], Newcomer]
) -> None:
    """It was asked for by a command; a stick alone gives no gate in service another key."""
    device = made("device")
    device.visited(usb)
    gate_id = answered(site, usb, device)
    device.visited(usb)
    assert not list(usb.rglob(REQUEST))  # a gate does not ask by itself
    body = adoption.stick_request(device.state)
    place = device.folder(usb)
    place.mkdir()
    (place / REQUEST).write_bytes(body)
    typed = ("gate", "enrol", gate_id, *URL, "--replace", "--request", str(place / REQUEST))
    assert at_the_centre(site, *typed, "--answer", str(place / ANSWER), "--words", device.words).exit_code == 0
    before = device.state.device_key.read_bytes()
    device.state.status.write_bytes(jsonform.encode(_status(setup_seconds=None)))
    assert device.visited(usb).became is None
    assert device.state.device_key.read_bytes() == before

    device.state.status.write_bytes(jsonform.encode(_status(setup_seconds=300)))
    assert device.visited(usb).became == gate_id
    assert device.state.device_key.read_bytes() != before


def _status(setup_seconds: int | None) -> GateStatus:
    """The gate's own word, a moment ago."""
    now = (time.time(), mailbox.boot_id(), time.monotonic(), 1)
    rest = ("0.1.0", "idle", ClockQuality.SYNCHRONIZED, "0" * 32, 1, 1, {})
    return GateStatus(*now, *rest, setup_seconds=setup_seconds)


def test_a_code_under_way_is_not_taken_away(usb: Path, made: Callable[[str], Newcomer]) -> None:
    """By a stick that somebody put in meanwhile."""
    device = made("device")
    began = adoption.begin(device.state, write_code(Code("https://centre.example", bytes(16))))
    assert "with a code" in told(device.visited(usb))
    assert JournalFile(device.state).read().asking == began
    assert not list(usb.rglob("*.enrol"))


def test_requests_that_are_none_are_refused_in_words(site: Site, usb: Path, made: Callable[[str], Newcomer]) -> None:
    """Nonsense, another folder's, a key to which nothing can be sealed: told each, and nobody is offered anything."""
    device = made("device")
    device.visited(usb)
    good = (device.folder(usb) / REQUEST).read_bytes()
    for name, body in (("00" * 8, good), ("11" * 8, b"\xff" * 100), ("22" * 8, bytes(5_000))):
        (usb / "venue-gate" / name).mkdir()
        (usb / "venue-gate" / name / REQUEST).write_bytes(body)
    done = take_stick(site.centre, usb, lambda: NOW)
    found = {one.folder: one for one in done.brought.values()}
    assert "another device than the folder" in found["00" * 8].troubles[0]
    assert "no request" in found["11" * 8].troubles[0]
    assert "at most" in found["22" * 8].troubles[0]
    assert [name for name, one in found.items() if one.asks is not None] == [device.folder(usb).name]
    weak = _sealing_to(device, "00" * 32)
    (device.folder(usb) / REQUEST).write_bytes(weak)
    gate_id = new_gate(site)
    place = device.folder(usb)
    typed = ("gate", "enrol", gate_id, *URL, "--request", str(place / REQUEST), "--answer", str(place / ANSWER))
    refused = at_the_centre(site, *typed, "--words", device.words)
    assert (refused.exit_code, "no answer can be sealed" in refused.stderr) == (1, True), refused.output
    later = take_stick(site.centre, usb, lambda: NOW)
    assert any("no answer can be sealed" in one.troubles[0] for one in later.brought.values() if one.troubles)
    assert not list(usb.rglob(ANSWER))
    with pytest.raises(WireError, match="64 hex digits"):
        open_request(_sealing_to(device, "zz"))


def _sealing_to(device: Newcomer, key: str) -> bytes:
    attempt = adoption.stick_attempt(device.state)
    assert attempt is not None
    private = adoption._signing_key(attempt.private)
    asked = open_request(adoption.stick_request(device.state))
    return sign_request(msgspec.structs.replace(asked, sealing_key=key), private)


def test_a_device_that_knows_no_seals_gets_its_answer_as_before(
    site: Site, usb: Path, made: Callable[[str], Newcomer]
) -> None:
    """By hand only; and a device takes what an older centre did not seal."""
    device = made("device")
    device.visited(usb)
    place, gate_id = device.folder(usb), new_gate(site)
    attempt = adoption.stick_attempt(device.state)
    assert attempt is not None
    asked = open_request((place / REQUEST).read_bytes())
    unsealed = msgspec.structs.replace(asked, sealing_key=msgspec.UNSET)
    (place / REQUEST).write_bytes(sign_request(unsealed, adoption._signing_key(attempt.private)))
    typed = ("gate", "enrol", gate_id, *URL, "--request", str(place / REQUEST), "--answer", str(place / ANSWER))
    assert at_the_centre(site, *typed, "--words", device.words).exit_code == 0
    assert decode_answer((place / ANSWER).read_bytes()).updates
    (place / ANSWER).rename(usb / "plain")
    done = take_stick(site.centre, usb, lambda: NOW)
    assert "brings no key" in "".join(sentence for one in done.brought.values() for sentence in one.troubles)
    assert not (place / ANSWER).exists()
    (usb / "plain").rename(place / ANSWER)
    assert device.visited(usb).became == gate_id
