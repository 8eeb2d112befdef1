"""A gate rolls its key, and a gate that is revoked learns of it: the real centre, gate-sync's part (R25)."""

from __future__ import annotations

import random
import threading
import time
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from edge.receipts import ReceiptWatch
from sync import mailbox, rolling
from sync.backoff import Pace
from sync.cli import main as gate_sync
from sync.collector.fleet.rolling_api import PATH
from sync.collector.fleet.service import gate_of_key, revoke_gate
from sync.journal import JournalFile
from sync.outbox import Outbox
from sync.rolling import Rolling
from sync.transport import DEVICE_KEYS, HttpsTransport
from sync.wire.carried import device_seal_public
from sync.wire.keys import Purpose, SigningKey
from sync.wire.rolling import open_answer, sign_roll
from tests.sync.collector.cluster import DATABASES
from tests.sync.collector.gateside import NONCE, NOW, Gate, Served, Site


def rolled(served: Served, gate: Gate, port: int | None = None) -> Rolling:
    """gate-sync's part. port: where the centre would be."""
    where = f"http://127.0.0.1:{port or served.port}"
    return Rolling(
        gate.files,
        lambda _: HttpsTransport(where, path=DEVICE_KEYS),
        random.random,
        threading.Event(),
        Pace(0.01, 0.05),
    )


def turn(rolling_: Rolling, gate: Gate, seconds: float = 10.0) -> None:
    """Until it is done."""
    deadline = time.monotonic() + seconds
    while rolling.is_asked_for(gate.files):
        assert time.monotonic() < deadline, f"not within {seconds} s"
        rolling_.step(time.monotonic())
        time.sleep(0.01)


def new_key(gate: Gate) -> SigningKey:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return SigningKey(Ed25519PrivateKey.generate(), Purpose.GATE)


@pytest.mark.parametrize("new_state", DATABASES, indirect=True)
def test_a_gate_rolls_its_key_and_the_old_one_is_void_with_its_first_batch_under_the_new(
    served: Served, gate: Gate
) -> None:
    """Until then both are taken: whatever was under way arrives."""
    rolling.ask_for(gate.files)
    turn(rolled(served, gate), gate)
    renewed = Gate(gate.files, outbox=gate.outbox)
    assert renewed.key.kid != gate.key.kid
    assert gate.receipt(served.post(gate.batch(1, [gate.record(1)])).answer()).next == 2
    assert renewed.receipt(served.post(renewed.batch(2, [renewed.record(2)])).answer()).next == 3
    assert served.post(gate.batch(3, [gate.record(3)])).status == 403
    assert renewed.receipt(served.post(renewed.batch(3, [renewed.record(3)])).answer()).next == 4
    assert not gate.files.enrolling.exists()


def test_what_goes_back_on_a_stick_follows_the_new_key_with_its_first_batch(served: Served, gate: Gate) -> None:
    """The sealing key is derived from the device key: the centre must not seal to that of the old one any longer."""
    rolling.ask_for(gate.files)
    turn(rolled(served, gate), gate)
    renewed = Gate(gate.files, outbox=gate.outbox)
    seals = {each.key.kid: device_seal_public(each.key) for each in (gate, renewed)}
    for each, first in ((gate, 1), (renewed, 2)):
        report = msgspec.structs.replace(each.report(1), sealing_key=seals[each.key.kid])
        served.post(each.batch(first, [each.record(first)], report=report)).answer()
        with served.centre.database.look() as connection:
            known = gate_of_key(connection, each.key.kid)
        assert known is not None
        assert known.seal == bytes.fromhex(seals[each.key.kid])


def test_an_answer_that_was_lost_is_asked_for_again_with_the_same_key(served: Served, gate: Gate) -> None:
    """The centre had taken it; a second key would be one too many."""
    rolling.ask_for(gate.files)
    private = JournalFile(gate.files).read().rolling
    assert private is not None
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    new = SigningKey(Ed25519PrivateKey.from_private_bytes(private), Purpose.GATE)
    body = sign_roll(new, NONCE, gate.key)
    for _ in range(2):
        reply = served.request("POST", PATH, body, Content_Type="application/cose")
        assert open_answer(reply.body, mailbox.read_root(gate.files), new.public, NONCE).gate == gate.identity.gate
    rolling.ask_for(gate.files)  # somebody says it again
    assert JournalFile(gate.files).read().rolling == private
    turn(rolled(served, gate), gate)
    assert bytes.fromhex(gate.files.device_key.read_text()) == private


def test_without_the_centre_the_old_key_stays_in_use(served: Served, gate: Gate) -> None:
    """And the roll goes on when it is back."""
    rolling.ask_for(gate.files)
    unreached = rolled(served, gate, port=9)
    for _ in range(20):
        unreached.step(time.monotonic())
        time.sleep(0.01)
    assert Gate(gate.files).key.kid == gate.key.kid
    turn(rolled(served, gate), gate)
    assert Gate(gate.files).key.kid != gate.key.kid


def test_hostile_rolls_are_refused(served: Served, site: Site, gate: Gate) -> None:
    """Another's key, no proof, a key that is a gate's, a revoked gate's: nothing changes."""
    other, new = site.gate("2号闸机"), new_key(gate)
    forged = sign_roll(new, NONCE, new)  # by a key that no gate has
    stolen = sign_roll(other.key, NONCE, gate.key)  # the other gate's key as one's own
    for body, status in ((forged, 403), (stolen, 409), (b"x", 400), (sign_roll(gate.key, NONCE, gate.key), 409)):
        assert served.request("POST", PATH, body, Content_Type="application/cose").status == status
    genuine = bytearray(sign_roll(new, NONCE, gate.key))
    genuine[60] ^= 1
    assert served.request("POST", PATH, bytes(genuine), Content_Type="application/cose").status in (400, 403)
    with site.centre.database.write() as session:
        revoke_gate(session, gate.identity.gate, NOW)
    rolling.ask_for(gate.files)
    turn(rolled(served, gate), gate)
    assert Gate(gate.files).key.kid == gate.key.kid
    other.receipt(served.post(other.batch(1, [other.record(1)])).answer())


def test_a_roll_is_asked_for_at_the_terminal(served: Served, gate: Gate, tmp_path: Path) -> None:
    """The service does it; a device that is no gate is told so."""
    bare = CliRunner().invoke(gate_sync, ["roll-key", "--state", str(tmp_path)])
    assert (bare.exit_code, "missing" in bare.output) == (1, True)
    service = rolled(served, gate)
    stop = threading.Event()

    def serve_on() -> None:
        while not stop.wait(0.02):
            service.step(time.monotonic())

    thread = threading.Thread(target=serve_on)
    thread.start()
    done = CliRunner().invoke(gate_sync, ["roll-key", "--state", str(gate.files.root)])
    stop.set()
    thread.join()
    assert done.exit_code == 0, done.output
    assert Gate(gate.files).key.kid != gate.key.kid


def test_a_revoked_gate_learns_it_from_a_signed_receipt_and_from_nothing_else(
    served: Served, site: Site, gate: Gate
) -> None:
    """From the centre's database to what the gate's lamps go by; its records are in quarantine, none is lost."""
    with Outbox(gate.files.outbox, "board:card") as outbox:
        gate.outbox = outbox.id
        watch = ReceiptWatch(gate.files, outbox)
        for number, is_revoked in ((1, False), (2, True)):
            outbox.append(gate.record(number))
            answer = served.post(gate.batch(number, [gate.record(number)])).answer()
            mailbox.keep_receipt(gate.files, outbox.id, answer.receipt)
            watch.apply(gate.identity.gate, gate.snapshot.ring)
            assert watch.trouble is None
            assert watch.is_revoked(NOW - 1) is is_revoked
            assert outbox.acknowledged == number + 1
            if number == 1:
                with site.centre.database.write() as session:
                    revoke_gate(session, gate.identity.gate, NOW)
        mailbox.keep_receipt(gate.files, outbox.id, answer.receipt[:-1] + b"x")
        again = ReceiptWatch(gate.files, outbox)
        again.apply(gate.identity.gate, gate.snapshot.ring)
        assert (again.is_revoked(NOW - 1), again.trouble is None) == (False, False)
