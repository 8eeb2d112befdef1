"""The vectors that a second implementation is checked with: what was once on the wire is read for ever."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from edge.staff import verify as verify_pin
from sync.wire.badges import read_badge
from sync.wire.batch import unpack
from sync.wire.carried import device_seal, open_return
from sync.wire.envelope import MessageType, verify
from sync.wire.keys import KeyRing, Purpose, SigningKey, VerificationKey
from sync.wire.passes import decode_claims, token_of
from sync.wire.receipt import decode_answer, read_receipt
from sync.wire.updates import open_snapshot
from tests.vectors.make import vectors

VECTORS = Path(__file__).parents[1] / "vectors"


def vector(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((VECTORS / f"{name}.json").read_text(encoding="utf-8"))
    return loaded


def ring(name: str, purpose: Purpose) -> KeyRing:
    return KeyRing([VerificationKey(bytes.fromhex(vector(name)["public_key"]), purpose)])


def test_the_pass_reads_as_written_down() -> None:
    """Base45, envelope, claims."""
    opened = verify(token_of(vector("pass")["text"]), ring("pass", Purpose.PASS), MessageType.PASS)
    claims = decode_claims(opened.payload)
    found = msgspec.to_builtins(claims, builtin_types=(bytes,)) | {"serial": claims.serial.hex()}
    assert found == vector("pass")["claims"]


def test_the_receipt_reads_as_written_down() -> None:
    """Alone and in its answer."""
    expected = vector("receipt")
    signed = bytes.fromhex(expected["signed"])
    assert msgspec.to_builtins(read_receipt(signed, ring("receipt", Purpose.RECEIPT))) == expected["receipt"]
    assert decode_answer(bytes.fromhex(expected["answer"])).receipt == signed


def test_the_batch_opens_as_written_down() -> None:
    """Signature, seal, deflate, JSON; the records verbatim."""
    expected = vector("batch")
    private = X25519PrivateKey.from_private_bytes(bytes.fromhex(expected["sealing_private_key"]))
    opened = verify(bytes.fromhex(expected["body"]), ring("batch", Purpose.GATE), MessageType.BATCH)
    batch = unpack(opened.payload, lambda kid: private)
    assert json.loads(msgspec.json.encode(batch)) == expected["batch"]
    assert [record.decode() for _, record in batch.numbered()] == expected["records"]
    assert [number for number, _ in batch.numbered()] == [41, 43]
    opened = verify(bytes.fromhex(expected["urgent_body"]), ring("batch", Purpose.GATE), MessageType.BATCH)
    urgent = unpack(opened.payload, lambda kid: private)
    assert json.loads(msgspec.json.encode(urgent)) == expected["urgent_batch"]
    assert urgent.numbered() == batch.numbered()


def test_what_goes_back_on_a_stick_opens_as_written_down() -> None:
    """From the device key alone, by its derivation."""
    expected = vector("carried")
    device = SigningKey(Ed25519PrivateKey.from_private_bytes(bytes.fromhex(expected["device_key"])), Purpose.GATE)
    private = device_seal(device)
    assert private.private_bytes_raw().hex() == expected["seal_private_key"]
    back = open_return(bytes.fromhex(expected["sealed"]), private)
    assert [receipt.hex() for receipt in back.receipts] == expected["receipts"]
    assert {name: content.hex() for name, content in (back.updates or {}).items()} == expected["updates"]


def test_the_updates_open_as_written_down() -> None:
    """From the root key alone."""
    expected = vector("updates")
    files = {name: bytes.fromhex(content) for name, content in expected["files"].items()}
    snapshot = open_snapshot(files, bytes.fromhex(expected["root_public_key"]))
    assert list(snapshot.order) == expected["order"]
    assert snapshot.sealing_key.hex() == expected["sealing_public_key"]


def test_the_staff_list_opens_as_written_down() -> None:
    """In its set, by badge and by PIN; and the set without it is still one, of a centre that has none."""
    expected = vector("staff")
    files = {name: bytes.fromhex(content) for name, content in expected["files"].items()}
    staff = open_snapshot(files, bytes.fromhex(expected["root_public_key"])).staff
    assert staff is not None
    assert files["staff.json"].decode() == expected["staff"]
    badge = read_badge(expected["badge"]["text"])
    assert (badge.number, badge.secret.hex()) == (expected["badge"]["number"], expected["badge"]["secret"])
    entry = staff.with_badge(badge)
    assert entry is not None
    assert (entry.name, verify_pin(expected["pin"], entry)) == ("李＊", True)
    older = {name: bytes.fromhex(content) for name, content in vector("updates")["files"].items()}
    assert open_snapshot(older, bytes.fromhex(expected["root_public_key"])).staff is None


def test_what_is_written_today_is_what_was_written_then() -> None:
    """A change of the form is a new version, never an accident."""
    # The seal of a batch is random, and a policy or a venue card may gain fields.
    varies = {"batch": ["body", "urgent_body"], "updates": ["files"], "staff": ["files"], "carried": ["sealed"]}
    today = json.loads(json.dumps(vectors()))
    for name, made in today.items():
        kept = vector(name)
        for each in (made, kept):
            for part in varies.get(name, []):
                del each[part]
        assert made == kept, name
