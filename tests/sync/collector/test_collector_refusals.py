"""What intake refuses, and how: problem documents, never a receipt, never a page, never a 500 (RFC 9457)."""

from __future__ import annotations

import json
import zlib

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sync.wire.batch import Hole, Report
from sync.wire.envelope import MessageType, sign
from sync.wire.keys import Purpose, SigningKey, key_id
from tests.examples import examples
from tests.sync.collector.gateside import Gate, Reply, Served, Site


def problem(reply: Reply) -> dict[str, object]:
    """The reply's problem document."""
    assert reply.headers["content-type"] == "application/problem+json", reply.body
    members: dict[str, object] = json.loads(reply.body)
    assert {"type", "title", "status", "detail"} <= members.keys()
    assert members["status"] == reply.status
    return members


def test_a_gate_that_the_centre_does_not_know_gets_403(served: Served, gate: Gate) -> None:
    """No receipt for a stranger."""
    gate.key = SigningKey(Ed25519PrivateKey.generate(), Purpose.GATE)
    assert problem(served.post(gate.batch(1, [gate.record(1)])))["status"] == 403


def test_a_signature_that_does_not_hold_gets_403(served: Served, gate: Gate) -> None:
    """Changed on its way."""
    batch = bytearray(gate.batch(1, [gate.record(1)]))
    batch[-1] ^= 1
    assert problem(served.post(bytes(batch)))["status"] == 403


def test_a_gate_cannot_speak_for_another(served: Served, site: Site, gate: Gate) -> None:
    """The name inside must be the name of the key."""
    other = site.gate("2号闸机")
    assert problem(served.post(gate.batch(1, [], gate=other.identity.gate)))["status"] == 403


@pytest.mark.parametrize(
    "changes",
    [
        {"v": 2},
        {"outbox": "short"},
        {"outbox": "../../../etc/passwd"},
        {"nonce": ""},
        {"sent_at": 1e300},
        {"next": 9},
        {"report": Report((-1, 0), 0, "0", "b", 1.0)},
        {"report": Report((1, 1), 2**80, "0", "b", 1.0)},
        {"report": Report((1, 1), 0, "x" * 1000, "b", 1.0)},
        {"report": Report((1, 1), 0, "0", "b\0", 1.0)},
        {"holes": [Hole(1, 1, "x" * 1000)], "next": 2},
    ],
    ids=lambda changes: " ".join(f"{name}={str(value)[:40]}" for name, value in changes.items()),
)
def test_a_batch_beyond_the_bounds_gets_400(served: Served, gate: Gate, changes: dict[str, object]) -> None:
    """Signed and sealed by a known gate, and still not what the protocol says."""
    assert problem(served.post(gate.batch(1, [], **changes)))["status"] == 400


def test_a_compressed_bomb_gets_400(served: Served, gate: Gate) -> None:
    """Inflating is bounded: 200 MB of zeros in 200 KB."""
    sealing_key = gate.snapshot.sealing_key
    suite = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_128_GCM)
    bomb = zlib.compress(bytes(200_000_000), 9)
    sealed = suite.encrypt(bomb, X25519PublicKey.from_public_bytes(sealing_key), MessageType.BATCH.label)
    assert problem(served.post(sign(key_id(sealing_key) + sealed, gate.key, MessageType.BATCH)))["status"] == 400


def test_another_content_type_gets_415(served: Served, gate: Gate) -> None:
    """Not what a gate sends."""
    assert problem(served.post(gate.batch(1, []), "text/html"))["status"] == 415


def test_another_method_gets_405(served: Served) -> None:
    """With the method that would do."""
    reply = served.request("GET", "/v1/batches")
    assert (problem(reply)["status"], "POST" in reply.headers["allow"]) == (405, True)


def test_another_path_gets_404_as_a_problem_document(served: Served) -> None:
    """Machines never meet a page."""
    assert problem(served.request("GET", "/v1/nothing"))["status"] == 404


def test_a_database_that_does_not_answer_gets_503_and_a_retry_after(served: Served, site: Site, gate: Gate) -> None:
    """Nothing is acknowledged that is not stored; afterwards all is well."""
    batch, database = gate.batch(1, [gate.record(1)]), site.centre.state.database
    aside = database.with_suffix(".aside")
    site.centre.database.close()
    database.rename(aside)
    database.mkdir()
    reply = served.post(batch)
    database.rmdir()
    aside.rename(database)
    assert (problem(reply)["status"], reply.headers["retry-after"]) == (503, "5")
    assert gate.receipt(served.post(batch).answer()).next == 2


@settings(
    max_examples=examples(40),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(body=st.binary(max_size=600), flips=st.lists(st.integers(0, 4000), max_size=4), wrapped=st.integers(0, 2))
def test_hostile_bodies_are_refused_with_4xx(
    served: Served, gate: Gate, body: bytes, flips: list[int], wrapped: int
) -> None:
    """Garbage, garbage under a known gate's signature, and genuine batches with bits turned: no 500, no receipt."""
    if wrapped == 1:
        body = sign(key_id(gate.snapshot.sealing_key) + body, gate.key, MessageType.BATCH)
    elif wrapped == 2:
        genuine = bytearray(gate.batch(1, [gate.record(1)]))
        for flip in {flip % len(genuine) for flip in [*flips, len(body)]}:
            genuine[flip] ^= 1 << (len(body) % 8)
        body = bytes(genuine)
    assert 400 <= served.post(body).status < 500


def any_json() -> st.SearchStrategy[object]:
    """JSON values, hostile numbers among them."""
    leaves = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | st.text(max_size=9)
    return st.recursive(
        leaves, lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=5), inner), max_leaves=8
    )


@settings(
    max_examples=examples(40),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_any_record_of_a_known_gate_is_stored_or_set_aside(served: Served, gate: Gate, data: st.DataObject) -> None:
    """One record with anything in place of a field: taken, and the page still opens."""
    record = msgspec.json.decode(gate.record(1))
    target = data.draw(st.sampled_from([record, record["when"], record["place"]]))
    target[data.draw(st.sampled_from(sorted(target)))] = data.draw(any_json())
    gate.outbox = data.draw(st.binary(min_size=16, max_size=16)).hex()
    raw = msgspec.json.encode(record)
    assert gate.receipt(served.post(gate.batch(1, [raw[:4096] if len(raw) > 4096 else raw])).answer()).next == 2
    assert served.signed_in().request("GET", "/live").status == 200
