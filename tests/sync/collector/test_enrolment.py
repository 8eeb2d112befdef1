"""A device becomes a gate by a code before its camera: the real centre over HTTP, the real gate-sync's part (R25)."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from hardware.ports import Frame
from hardware.scene import Exhibit, draw
from hardware.symbols import CascadeReader
from sync import adoption, mailbox
from sync.adoption import NothingAsked
from sync.backoff import Pace
from sync.collector.centre import Centre
from sync.collector.centre import initialize as found_centre
from sync.collector.config import StateDir as CentreDir
from sync.collector.fleet import enrolment, service
from sync.collector.fleet.enrolment_api import PATH
from sync.collector.fleet.model import Enrolment
from sync.collector.privacy.access import personal
from sync.collector.privacy.audit import Actor
from sync.enrolling import Enrolling
from sync.errors import SyncError
from sync.journal import JournalFile
from sync.keywords import key_words
from sync.transport import ENROLMENTS, HttpsTransport
from sync.wire import jsonform
from sync.wire.enrolment import Code, Request, open_request, read_code, sign_request, write_code
from sync.wire.errors import WireError
from sync.wire.keys import Purpose, SigningKey
from sync.wire.record import Direction
from sync.wire.statedir import StateDir
from sync.wire.status import Handover, Step
from tests.sync.collector.cluster import DATABASES
from tests.sync.collector.gateside import NOW, Gate, Served, Site
from tests.sync.collector.processes import collector

IT = Actor("login it", "test")
BOOT = "8a6f3c1e-5d27-4b90-9c3e-7f1a2b3c4d5e"


class Device:
    """A device as its installation left it, and gate-sync's part of it."""

    def __init__(self, directory: Path, root: bytes | None) -> None:
        self.state = StateDir.at(directory)
        self.state.run.mkdir(parents=True)
        if root is not None:
            self.state.root_key.write_text(root.hex())
        self.start()

    def start(self) -> None:
        """Also again, as after a power cut."""
        self.rung = threading.Event()
        self.sync = Enrolling(
            self.state,
            lambda where: HttpsTransport(where, path=ENROLMENTS),
            BOOT,
            random.random,
            self.rung,
            Pace(0.01, 0.05),
            ask_every_seconds=0.0,
        )

    def show(self, text: str, *, boot: str = BOOT, ago: float = 1.0) -> None:
        """The gate hands a code over."""
        told = Handover(text, boot, time.monotonic() - ago)
        self.state.enrolment.write_bytes(jsonform.encode(told) + b" " * random.randint(0, 99))

    def until(self, condition: Callable[[], bool], seconds: float = 20.0) -> None:
        """Turn the loop until that is so."""
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, f"not within {seconds} s: {self.sync.setup}"
            self.rung.clear()
            self.sync.step(time.monotonic())
            self.rung.wait(0.02)

    def until_step(self, step: Step) -> None:
        self.until(lambda: self.sync.setup is not None and self.sync.setup.step is step)

    def turn(self, rounds: int = 30) -> None:
        """For as long as it would take to do something, if it did anything."""
        for _ in range(rounds):
            self.rung.clear()
            self.sync.step(time.monotonic())
            self.rung.wait(0.02)

    @property
    def words(self) -> str:
        assert self.sync.setup is not None
        return self.sync.setup.words

    @property
    def gate(self) -> str | None:
        """Which gate it is."""
        return mailbox.read_identity(self.state).gate if self.state.identity.exists() else None

    def files(self) -> dict[str, bytes]:
        """All that it is: identity, key, updates."""
        paths = [self.state.identity, self.state.device_key, *self.state.updates.glob("*/*")]
        return {str(path): path.read_bytes() for path in paths if path.is_file()}


def new_gate(site: Site, name: str = "1号闸机") -> str:
    with site.centre.database.write() as session:
        return service.create_gate(session, 1, name).id


def offered(served: Served, gate_id: str, now: float = NOW, **options: object) -> str:
    """The text of a new code."""
    with personal(served.centre, IT, now) as access:
        code = enrolment.offer(access, gate_id, f"http://127.0.0.1:{served.port}", **options)  # type: ignore[arg-type]
    return write_code(code)


def confirm(served: Served, gate_id: str, words: str) -> None:
    """IT compares, and says so."""
    with served.centre.database.read() as session:
        asked = enrolment.waiting(session, gate_id)
    assert asked is not None
    assert asked.words == words
    with personal(served.centre, IT, NOW) as access:
        enrolment.confirm(access, gate_id, asked.kid)


@pytest.fixture
def device(site: Site, tmp_path: Path) -> Device:
    return Device(tmp_path / "device", site.centre.keys.current().root_public)


def enrolled(served: Served, site: Site, device: Device) -> Gate:
    gate_id = new_gate(site)
    device.show(offered(served, gate_id))
    device.until_step(Step.CONFIRM)
    confirm(served, gate_id, device.words)
    device.until_step(Step.ENROLLED)
    return Gate(device.state)


@pytest.mark.parametrize("new_state", DATABASES, indirect=True)
def test_a_device_becomes_a_gate_when_it_has_confirmed_the_key_words(
    served: Served, site: Site, device: Device
) -> None:
    """Before: no identity, no updates, and batches under that key are refused, so that they stay. After: a gate."""
    gate_id = new_gate(site)
    device.show(offered(served, gate_id))
    device.until_step(Step.CONFIRM)
    device.turn()
    assert (device.gate, device.files()) == (None, {})
    waiting = JournalFile(device.state).read().waiting
    assert waiting is not None
    confirm(served, gate_id, device.words)
    device.until_step(Step.ENROLLED)
    gate = Gate(device.state)
    assert gate.identity.gate == gate_id
    assert device.state.device_key.stat().st_mode & 0o777 == 0o600
    receipt = gate.receipt(served.post(gate.batch(1, [gate.record(1)])).answer())
    assert receipt.next == 2
    assert not device.state.enrolling.exists()
    assert bytes.fromhex(device.state.device_key.read_text()) == waiting.private


def test_a_batch_of_a_device_that_waits_is_refused_and_so_stays_on_it(
    served: Served, site: Site, device: Device, tmp_path: Path
) -> None:
    """Nothing of a device that nobody confirmed becomes a record; without a receipt nothing is forgotten either."""
    other = site.gate("2号闸机")
    device.show(offered(served, new_gate(site)))
    device.until_step(Step.CONFIRM)
    waiting = JournalFile(device.state).read().waiting
    assert waiting is not None
    other.key = SigningKey(Ed25519PrivateKey.from_private_bytes(waiting.private), Purpose.GATE)
    assert served.post(other.batch(1, [other.record(1)])).status == 403


def test_four_gates_enrol_by_codes_on_a_screen(served: Served, site: Site, tmp_path: Path) -> None:
    """Drawn into what a camera sees, read by the gate's own reader, asked for over HTTP."""
    enrol_by_screen(served, site, tmp_path, 4)


@pytest.mark.stress
def test_forty_gates_enrol_by_codes_on_a_screen(served: Served, site: Site, tmp_path: Path) -> None:
    """A town's IT on one morning."""
    enrol_by_screen(served, site, tmp_path, 40)


def enrol_by_screen(served: Served, site: Site, tmp_path: Path, count: int) -> None:
    rng, reader = np.random.default_rng(7), CascadeReader()
    root = site.centre.keys.current().root_public
    devices: dict[str, Device] = {}
    for number in range(count):
        gate_id = new_gate(site, f"{number + 1}号闸机")
        code = offered(served, gate_id)
        seen: tuple[str, ...] = ()
        for frame in range(10):
            sight = reader.read(Frame(draw([Exhibit(code)], rng), frame + 1, 0.0))
            seen = tuple(symbol.text for symbol in sight.symbols)
            if seen:
                break
        assert seen == (code,)
        devices[gate_id] = Device(tmp_path / f"device-{number}", root)
        devices[gate_id].show(seen[0])
        devices[gate_id].until_step(Step.CONFIRM)
    assert len({device.words for device in devices.values()}) == count
    for gate_id, device in devices.items():
        confirm(served, gate_id, device.words)
        device.until_step(Step.ENROLLED)
        assert Gate(device.state).snapshot.venue.gate == gate_id


def test_a_second_device_with_the_same_code_is_refused_and_it_is_told(
    served: Served, site: Site, device: Device, tmp_path: Path
) -> None:
    """One code, one device: the first. Whoever photographed the code comes too late, or is seen at the key words."""
    gate_id = new_gate(site)
    code = offered(served, gate_id)
    device.show(code)
    device.until_step(Step.CONFIRM)
    thief = Device(tmp_path / "thief", site.centre.keys.current().root_public)
    thief.show(code)
    thief.until_step(Step.REFUSED)
    assert "another device" in thief.sync.setup.detail  # type: ignore[union-attr]
    with site.centre.database.read() as session:
        asked = enrolment.waiting(session, gate_id)
    assert asked is not None
    assert (asked.words, asked.others) == (device.words, 1)


def test_a_code_is_used_up_when_its_device_is_a_gate(
    served: Served, site: Site, device: Device, tmp_path: Path
) -> None:
    """A replayed token makes no second gate; the same device may ask again, because an answer may be lost."""
    gate_id = new_gate(site)
    code = offered(served, gate_id)
    device.show(code)
    device.until_step(Step.CONFIRM)
    waiting = JournalFile(device.state).read().waiting
    assert waiting is not None
    confirm(served, gate_id, device.words)
    device.until_step(Step.ENROLLED)
    again = adoption.request(StateDir.at(tmp_path / "device"), waiting)
    assert served.request("POST", PATH, again, Content_Type="application/cose").status in (200, 409)
    thief = Device(tmp_path / "thief", site.centre.keys.current().root_public)
    thief.show(code)
    thief.until_step(Step.REFUSED)
    assert thief.gate is None


def test_a_code_is_over_when_its_time_is(serve: Callable[..., Served], site: Site, device: Device) -> None:
    """By the centre's clock; nothing in the code says until when."""
    served = serve(lambda: NOW + 3601)
    device.show(offered(served, new_gate(site), NOW))
    device.until_step(Step.REFUSED)
    assert "too old" in device.sync.setup.detail  # type: ignore[union-attr]


def test_a_code_that_was_refused_or_replaced_is_void(served: Served, site: Site, device: Device) -> None:
    """And so is the device that waits with it."""
    gate_id = new_gate(site)
    device.show(offered(served, gate_id))
    device.until_step(Step.CONFIRM)
    with personal(served.centre, IT, NOW) as access:
        enrolment.refuse(access, gate_id)
    device.until_step(Step.REFUSED)
    assert JournalFile(device.state).read().waiting is None
    old = offered(served, gate_id)
    offered(served, gate_id)
    device.show(old)
    device.turn()
    assert device.sync.setup.step is Step.REFUSED  # type: ignore[union-attr]


def test_another_centre_cannot_take_a_device(served: Served, site: Site, device: Device, tmp_path: Path) -> None:
    """A real centre of the attacker's, with its own root, its own code: the device knows only the root it came with."""
    with foreign(tmp_path) as strange:
        text = offered(strange, service_gate(strange))
        device.show(text)
        device.until_step(Step.REFUSED)
    assert "not this town's centre" in device.sync.setup.detail  # type: ignore[union-attr]
    assert (device.gate, device.files(), JournalFile(device.state).read().asking) == (None, {}, None)


def test_an_attackers_code_takes_nothing_from_an_enrolment_that_waits(
    served: Served, site: Site, device: Device, tmp_path: Path
) -> None:
    """IT is on the way to the desk; somebody shows another code. The first goes on."""
    gate_id = new_gate(site)
    device.show(offered(served, gate_id))
    device.until_step(Step.CONFIRM)
    words = device.words
    with foreign(tmp_path) as strange:
        device.show(offered(strange, service_gate(strange)))
        device.until(lambda: device.sync.setup is not None and "another code" in device.sync.setup.detail)
    device.show(write_code(Code("http://127.0.0.1:9", bytes(16))))  # nobody is there
    device.turn(10)
    confirm(served, gate_id, words)
    device.until(lambda: device.gate == gate_id)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "VE1:",
        "VE1:" + "A" * 300,
        write_code(Code("http://evil.example", bytes(16))),
        write_code(Code("ftp://127.0.0.1", bytes(16))),
        write_code(Code("http://127.0.0.1:99999", bytes(16))),
    ],
)
def test_a_hostile_code_is_refused_and_changes_nothing(device: Device, text: str) -> None:
    """Plain http to another machine above all: the token would be everybody's."""
    device.show(text)
    device.turn(3)
    assert device.sync.setup is not None
    assert device.sync.setup.step is Step.REFUSED
    assert not device.state.enrolling.exists()


@pytest.mark.parametrize(("boot", "ago"), [("another boot", 1.0), (BOOT, 601.0), (BOOT, -5.0)])
def test_what_was_handed_over_long_ago_or_before_a_restart_is_nothing(
    served: Served, site: Site, device: Device, boot: str, ago: float
) -> None:
    """The ten minutes are of this boot's monotonic clock."""
    device.show(offered(served, new_gate(site)), boot=boot, ago=ago)
    device.turn(5)
    assert device.sync.setup is None


def test_a_device_without_a_root_key_enrols_nowhere_and_says_so(served: Served, site: Site, tmp_path: Path) -> None:
    """Else the first centre that comes along would be its own."""
    device = Device(tmp_path / "bare", None)
    device.show(offered(served, new_gate(site)))
    device.until_step(Step.REFUSED)
    assert "--root-key" in device.sync.setup.detail  # type: ignore[union-attr]


def test_a_gate_enrols_anew_with_a_new_key_and_the_old_one_is_shut_out(
    served: Served, site: Site, device: Device
) -> None:
    """Revoked, its key copied perhaps: the same device and its records come back under a key that nobody has."""
    gate = enrolled(served, site, device)
    served.post(gate.batch(1, [gate.record(1)])).answer()
    with personal(served.centre, IT, NOW) as access:
        service.revoke_gate(access.session, gate.identity.gate, NOW)
    with pytest.raises(enrolment.HasDevice):
        offered(served, gate.identity.gate)
    device.show(offered(served, gate.identity.gate, replace=True))
    device.until_step(Step.CONFIRM)
    assert Gate(device.state).key.kid == gate.key.kid  # as long as IT has not confirmed
    confirm(served, gate.identity.gate, device.words)
    device.until_step(Step.ENROLLED)
    renewed = Gate(device.state, outbox=gate.outbox)
    assert served.post(gate.batch(2, [gate.record(2)])).status == 403
    receipt = renewed.receipt(served.post(renewed.batch(2, [renewed.record(2)])).answer())
    assert (receipt.standing.value, receipt.next) == ("accepted", 3)
    assert renewed.snapshot.order > gate.snapshot.order


def test_a_device_that_is_a_gate_does_not_become_another(served: Served, site: Site, device: Device) -> None:
    """Its queue is that gate's: under another name the centre would take none of it."""
    gate = enrolled(served, site, device)
    before = device.files()
    device.show(offered(served, new_gate(site, "2号闸机")))
    device.until_step(Step.REFUSED)
    assert gate.identity.gate in device.sync.setup.detail  # type: ignore[union-attr]
    assert device.files() == before


@pytest.mark.parametrize("moment", range(4))
def test_a_power_cut_while_a_device_becomes_a_gate_leaves_the_old_or_leads_to_the_new(
    served: Served, site: Site, device: Device, monkeypatch: pytest.MonkeyPatch, moment: int
) -> None:
    """Before each file that changes – decision, key, identity, end of the journal: after the restart it goes on."""
    gate_id = new_gate(site)
    device.show(offered(served, gate_id))
    device.until_step(Step.CONFIRM)
    confirm(served, gate_id, device.words)
    left = [moment]

    class Cut(BaseException):
        """The power is gone."""

    def until_cut(real: Callable[..., None]) -> Callable[..., None]:
        def write(*arguments: object, **options: object) -> None:
            left[0] -= 1
            if left[0] < 0:
                raise Cut
            real(*arguments, **options)

        return write

    monkeypatch.setattr(JournalFile, "write", until_cut(JournalFile.write))
    monkeypatch.setattr(adoption, "replace_file", until_cut(adoption.replace_file))
    with pytest.raises(Cut):
        device.until(lambda: False)
    monkeypatch.undo()
    device.start()
    device.until(lambda: device.gate == gate_id and not device.state.enrolling.exists())
    gate = Gate(device.state)
    assert gate.receipt(served.post(gate.batch(1, [gate.record(1)])).answer()).next == 2


def test_without_network_a_stick_does_the_same(site: Site, device: Device, tmp_path: Path) -> None:
    """Request out, identity in; the words are compared all the same, and a stranger's answer is none."""
    gate_id = new_gate(site)
    request, answer = tmp_path / "request", tmp_path / "answer"
    with pytest.raises(NothingAsked):
        adoption.stick_answer(device.state, b"")
    request.write_bytes(adoption.stick_request(device.state))
    assert adoption.stick_request(device.state) == request.read_bytes()  # the same stick twice
    device.turn(2)
    assert device.sync.setup is not None
    assert device.sync.setup.step is Step.CONFIRM
    command = (
        *("gate", "enrol", gate_id, "--collector-url", "https://centre.example"),
        *("--request", str(request), "--answer", str(answer)),
    )
    wrong = collector(site.centre.state.path, *command, "--words", "abandon ability able about above")
    assert (wrong.exit_code, answer.exists()) == (1, False)
    done = collector(site.centre.state.path, *command, "--words", device.words)
    assert done.exit_code == 0, done.stderr
    with pytest.raises(WireError):
        adoption.stick_answer(device.state, answer.read_bytes()[:-1])
    thief = Device(tmp_path / "thief", site.centre.keys.current().root_public)
    adoption.stick_request(thief.state)
    with pytest.raises(SyncError):
        adoption.stick_answer(thief.state, answer.read_bytes())
    adoption.stick_answer(device.state, answer.read_bytes())
    device.turn(2)
    assert device.sync.setup.step is Step.ENROLLED
    assert Gate(device.state).identity.collector == "https://centre.example"


def test_the_address_that_holds_is_the_one_in_the_signed_answer(
    serve: Callable[..., Served], site: Site, device: Device
) -> None:
    """A genuine token under a false address – a relay in the middle – leads back to the centre all the same."""
    served, relay = serve(), serve()
    gate_id = new_gate(site)
    genuine = read_code(offered(served, gate_id))
    device.show(write_code(Code(f"http://127.0.0.1:{relay.port}", genuine.token)))
    device.until_step(Step.CONFIRM)
    confirm(served, gate_id, device.words)
    device.until_step(Step.ENROLLED)
    assert Gate(device.state).identity.collector == f"http://127.0.0.1:{served.port}"


def test_a_request_proves_its_key_and_nobody_can_change_it() -> None:
    """Tampering with any byte is found out; so is a request under another's key."""
    key, other = (SigningKey(Ed25519PrivateKey.generate(), Purpose.GATE) for _ in range(2))
    asked = Request(key.public, bytes(16), "ab" * 16)
    body = sign_request(asked, key)
    assert open_request(body) == asked
    for place in range(len(body)):
        changed = bytearray(body)
        changed[place] ^= 1
        with pytest.raises(WireError):
            open_request(bytes(changed))
    with pytest.raises(WireError):
        open_request(sign_request(asked, other))


def test_hostile_requests_get_a_problem_each(served: Served) -> None:
    """Typed, bounded, never a page or a 500; a sender of many unknown codes waits, others do not."""
    key = SigningKey(Ed25519PrivateKey.generate(), Purpose.GATE)
    cases = [
        (b"", "application/cose", 400),
        (b"\xd2\x84" + b"\0" * 500, "application/cose", 400),
        (b"x" * 2_001, "application/cose", 413),
        (b"x", "text/plain", 415),
        (sign_request(Request(key.public, b"", "ab" * 16), key), "application/cose", 403),
        (sign_request(Request(key.public, bytes(16), "ab" * 16, have=(2**60, 1)), key), "application/cose", 400),
    ]
    for body, kind, status in cases:
        reply = served.request("POST", PATH, body, Content_Type=kind)
        assert (reply.status, reply.headers["content-type"]) == (status, "application/problem+json")
    unknown = sign_request(Request(key.public, bytes(16), "ab" * 16), key)
    told = [served.request("POST", PATH, unknown, Content_Type="application/cose") for _ in range(25)]
    assert [reply.status for reply in told] == [403] * 20 + [429] * 5
    assert int(told[-1].headers["retry-after"]) > 0


def test_the_token_stands_nowhere_in_the_database(served: Served, site: Site) -> None:
    """Only its hash: whoever reads the database, or a backup, asks with nothing."""
    token = read_code(offered(served, new_gate(site))).token
    with site.centre.database.read() as session:
        row = session.get(Enrolment, 1)
    assert row is not None
    assert row.token != token
    stored = b"".join(path.read_bytes() for path in site.centre.state.path.glob("collector.db*"))
    assert token not in stored


def test_key_words_are_the_same_for_one_key_alone() -> None:
    """Five words each, from lists without look-alikes; another key has others."""
    english, chinese = key_words(b"a" * 32)
    assert (len(english.split()), len(chinese)) == (5, 5)
    assert len({key_words(bytes([number]) * 32) for number in range(200)}) == 200


def test_the_terminal_leads_through_it(served: Served, site: Site, device: Device, tmp_path: Path) -> None:
    """`enrol` draws the code, `list` says who waits, `confirm` refuses other words; each act is in the audit."""
    gate_id = new_gate(site)
    state, picture = site.centre.state.path, tmp_path / "code.svg"
    assert collector(state, "gate", "enrol", gate_id).exit_code == 1  # no address
    url = ("--collector-url", f"http://127.0.0.1:{served.port}")
    assert collector(state, "gate", "enrol", gate_id, "--collector-url", "http://centre.example").exit_code == 1
    assert collector(state, "gate", "confirm", gate_id).exit_code == 1
    shown = collector(state, "gate", "enrol", gate_id, *url, "--out", str(picture))
    assert shown.exit_code == 0
    assert "█" in shown.stdout
    assert picture.read_text().startswith("<?xml")
    device.show(offered(served, gate_id))
    device.until_step(Step.CONFIRM)
    assert "key words\t" in collector(state, "gate", "list").stdout
    assert collector(state, "gate", "confirm", gate_id, "--words", "wrong").exit_code == 1
    device.until_step(Step.REFUSED)
    device.show(offered(served, gate_id))
    device.until_step(Step.CONFIRM)
    assert collector(state, "gate", "confirm", gate_id, "--words", device.words.upper()).exit_code == 0
    device.until_step(Step.ENROLLED)
    audit = collector(state, "privacy", "audit").stdout
    for act in ("gate_enrol", "gate_confirm", "gate_refuse"):
        assert act in audit


class foreign:
    """The centre of somebody else, with a gate of his own, serving."""

    def __init__(self, directory: Path) -> None:
        self._state = CentreDir(directory / "foreign")

    def __enter__(self) -> Served:
        from werkzeug.serving import make_server

        from sync.collector.app import create_app
        from sync.collector.venues.service import create_checkpoint, create_venue

        found_centre(self._state, NOW)
        centre = Centre.open(self._state)
        with centre.database.write() as session:
            create_checkpoint(session, create_venue(session, "别处").id, "门", Direction.IN)
        self._server = make_server("127.0.0.1", 0, create_app(centre, lambda: NOW), threaded=True)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        return Served(centre, self._server.server_port)

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join(10)


def service_gate(served: Served) -> str:
    with served.centre.database.write() as session:
        return service.create_gate(session, 1, "门1号").id
