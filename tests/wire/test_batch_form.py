"""A batch on the wire: verbatim records, every size bounded before the next step, holes that add up."""

from __future__ import annotations

import time
import tracemalloc
import zlib
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from hypothesis import given, settings
from hypothesis import strategies as st

from sync.wire.batch import MAX_BYTES, MAX_HOLES, MAX_RECORDS, Batch, Hole, Report, pack, unpack
from sync.wire.envelope import MessageType, verify
from sync.wire.errors import WireError
from sync.wire.keys import KeyRing, key_id
from sync.wire.record import MAX_RECORD_BYTES
from tests.examples import examples
from tests.sync.town import Town

TOWN = Town()
RING = KeyRing([TOWN.gate.verification_key()])
REPORT = Report((1, 1), 0, "1", "boot", 1.0)
_SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_128_GCM)


def batch(**changes: Any) -> Batch:
    fields: dict[str, Any] = {
        "gate": "g", "outbox": "0" * 32, "first": 1, "next": 1, "records": [], "sent_at": 1.5, "nonce": "1" * 32,
        "report": REPORT,
    }  # fmt: skip
    return Batch(**(fields | changes))


def reopened(made: Batch) -> Batch:
    return unpack(verify(pack(made, TOWN.gate, TOWN.seal_public), RING, MessageType.BATCH).payload, TOWN.sealing_keys)


def sealed(inflated: bytes, *, compressed: bytes | None = None) -> bytes:
    """What a gate with a good key could send instead of a batch."""
    inside = zlib.compress(inflated) if compressed is None else compressed
    return key_id(TOWN.seal_public) + _SUITE.encrypt(inside, TOWN.seal.public_key(), MessageType.BATCH.label)


def refusal(payload: bytes) -> str:
    with pytest.raises(WireError) as caught:
        unpack(payload, TOWN.sealing_keys)
    return str(caught.value)


_json_object = st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=9) | st.none(), max_size=4)
_entry = _json_object.map(msgspec.json.encode) | st.none()


@given(st.integers(1, 2**52), st.lists(_entry, max_size=20))
def test_records_come_out_as_they_went_in(first: int, entries: list[bytes | None]) -> None:
    """Byte for byte, each under its number; None is a burnt number."""
    records = [(first + at, entry) for at, entry in enumerate(entries) if entry is not None]
    holes = [Hole(first + at, first + at, "burnt") for at, entry in enumerate(entries) if entry is None]
    made = batch(first=first, next=first + len(entries), records=[msgspec.Raw(raw) for _, raw in records], holes=holes)
    assert reopened(made).numbered() == records


def test_whitespace_and_order_inside_a_record_survive() -> None:
    """Verbatim: what the gate signed off on its disk is what the centre keeps."""
    raw = b'{ "z" : 1.50,\t"a":"\\u4e2d" }'
    assert reopened(batch(next=2, records=[msgspec.Raw(raw)])).numbered() == [(1, raw)]


def test_a_full_batch_of_the_longest_records_is_refused_before_it_leaves() -> None:
    """500 × 4 KB do not fit into 1 MB: the sender takes fewer."""
    raw = msgspec.Raw(b'{"x":"' + b"y" * (MAX_RECORD_BYTES - 8) + b'"}')
    with pytest.raises(ValueError, match="at most"):
        pack(batch(next=MAX_RECORDS + 1, records=[raw] * MAX_RECORDS), TOWN.gate, TOWN.seal_public)
    fitting = MAX_BYTES // MAX_RECORD_BYTES - 1
    assert len(reopened(batch(next=fitting + 1, records=[raw] * fitting)).records) == fitting


@pytest.mark.parametrize(
    "over",
    [
        {"next": MAX_RECORDS + 2, "records": [msgspec.Raw(b"{}")] * (MAX_RECORDS + 1)},
        {"next": 2 * MAX_HOLES + 3, "holes": [Hole(n, n, "burnt") for n in range(1, 2 * MAX_HOLES + 3, 2)]},
    ],
    ids=["records", "holes"],
)
def test_more_than_the_limit_is_never_packed(over: dict[str, Any]) -> None:
    """The sender's own mistake stays at home."""
    with pytest.raises(ValueError, match="at most"):
        pack(batch(**over), TOWN.gate, TOWN.seal_public)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"v": 2}, "version 2"),
        ({"first": 0, "next": 0}, "runs forward"),
        ({"first": 5, "next": 4}, "runs forward"),
        ({"first": 1, "next": 2**53 + 2}, "runs forward"),
        ({"next": 3, "records": [msgspec.Raw(b"{}")]}, "fill the range"),
        ({"next": 2, "records": [msgspec.Raw(b"{}")] * 2}, "fill the range"),
        ({"next": 3, "records": [msgspec.Raw(b"{}")], "holes": [Hole(2, 3, "burnt")]}, "holes"),
        ({"next": 3, "records": [msgspec.Raw(b"{}")], "holes": [Hole(0, 1, "burnt")]}, "holes"),
        ({"next": 4, "holes": [Hole(1, 2, "burnt"), Hole(2, 3, "burnt")]}, "holes"),
        ({"next": 4, "holes": [Hole(3, 3, "burnt"), Hole(1, 2, "burnt")]}, "holes"),
        ({"next": 4, "holes": [Hole(3, 1, "burnt")]}, "holes"),
        ({"next": 2, "records": [msgspec.Raw(b'"' + b"y" * MAX_RECORD_BYTES + b'"')]}, "a record has at most"),
        ({"next": 502, "records": [msgspec.Raw(b"1")] * 501}, "fill the range"),
        ({"next": 2003, "holes": [Hole(n, n, "x") for n in range(1, 2003)]}, "at most 1000 holes"),
    ],
)
def test_a_range_that_does_not_add_up_is_refused(changes: dict[str, Any], words: str) -> None:
    """Also when it is well signed and sealed; the sentence says which rule."""
    assert words in refusal(sealed(msgspec.json.encode(batch(**changes))))


def test_a_hole_of_any_length_costs_no_memory() -> None:
    """A hostile gate declares a hole of 10^15 numbers: it is one entry, not a set of numbers."""
    made = batch(next=10**15 + 2, records=[msgspec.Raw(b"{}")], holes=[Hole(1, 10**15, "pruned")])
    tracemalloc.start()
    started = time.process_time()
    assert reopened(made).numbered() == [(10**15 + 1, b"{}")]
    assert tracemalloc.get_traced_memory()[1] < 10**6
    tracemalloc.stop()
    assert time.process_time() - started < 1


def test_it_inflates_no_further_than_the_limit() -> None:
    """A small message that would fill the memory (DESIGN 7: bounded compressed and inflated)."""
    bomb = zlib.compress(bytes(200 * MAX_BYTES), 9)
    tracemalloc.start()
    assert "inflates to more" in refusal(sealed(b"", compressed=bomb))
    assert tracemalloc.get_traced_memory()[1] < 10 * MAX_BYTES
    tracemalloc.stop()


@pytest.mark.parametrize(
    ("compressed", "words"),
    [
        (b"", "cut or has something behind"),
        (b"not deflate", "damaged"),
        (zlib.compress(b"{}")[:-1], "cut or has something behind"),
        (zlib.compress(b"{}") + b"x", "cut or has something behind"),
        (zlib.compress(b"{}"), "batch"),
        (zlib.compress(b"\xff"), "batch"),
        (zlib.compress(b"[" * 100_000), "batch"),
    ],
)
def test_what_is_inside_the_seal_is_checked_all_the_same(compressed: bytes, words: str) -> None:
    """RFC 1950: whole, and nothing behind it."""
    assert words in refusal(sealed(b"", compressed=compressed))


@given(st.binary(max_size=200))
def test_reading_any_payload_never_crashes(payload: bytes) -> None:
    """Anything else than WireError is our bug."""
    refusal(payload)
    refusal(key_id(TOWN.seal_public) + payload)
    refusal(sealed(payload))
    refusal(sealed(b"", compressed=payload))


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=examples(100))
@given(st.dictionaries(st.sampled_from(Batch.__struct_fields__), _json))
def test_any_json_in_place_of_a_field_never_crashes(changes: dict[str, Any]) -> None:
    """The right names with wrong values: read as a batch or refused with a sentence."""
    document = msgspec.to_builtins(batch()) | changes
    try:
        unpack(sealed(msgspec.json.encode(document)), TOWN.sealing_keys).numbered()
    except WireError as fault:
        assert str(fault)  # noqa: PT017


def test_the_seal_opens_for_no_other_key() -> None:
    """A stick that is lost tells nothing (RFC 9180)."""
    other = X25519PrivateKey.generate()
    payload = verify(pack(batch(), TOWN.gate, TOWN.seal_public), RING, MessageType.BATCH).payload
    with pytest.raises(WireError, match="seal does not open"):
        unpack(payload, lambda kid: other)
    with pytest.raises(WireError, match="does not have"):
        unpack(payload, lambda kid: None)


def test_nothing_of_a_record_can_be_read_on_the_way() -> None:
    """Sealed before it travels."""
    record = msgspec.Raw(b'{"serial":"aabbccddeeff001122334455"}')
    body = pack(batch(next=2, records=[record]), TOWN.gate, TOWN.seal_public)
    assert b"aabbccdd" not in body
    assert bytes.fromhex("aabbccddeeff") not in body


def test_fields_of_a_later_version_are_passed_over() -> None:
    """A newer gate may tell more; an older centre reads what it knows."""
    document = msgspec.to_builtins(batch()) | {"later": [1, 2]}
    document["report"]["later"] = True
    assert unpack(sealed(msgspec.json.encode(document)), TOWN.sealing_keys) == batch()
