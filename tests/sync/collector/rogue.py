"""What a gate sends that has a valid key and no good will: strategies for every layer of a batch."""

from __future__ import annotations

import json
import zlib
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from hypothesis import strategies as st

from sync.wire.envelope import MessageType, sign
from sync.wire.keys import Purpose, SigningKey, key_id
from tests.sync.collector.gateside import Gate

MARK = "XINGMING"
"""Stands in many hostile texts; a log that shows it shows what a batch holds."""
_SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_128_GCM)
_YEAR_9999 = 253_402_300_799
_NUMBERS = [0, -1, 2**31, 2**53, 2**53 + 1, 2**63 - 1, 2**63, 2**64, -(2**63) - 1, 10**400]
_FLOATS = [-0.0, 1e308, -1e308, 5e-324, float(_YEAR_9999), float(_YEAR_9999 + 1), 1e17, 0.1]
_TEXTS = [
    MARK,
    "\0",
    MARK + "\0",
    "\ud800",
    "\udfff" + MARK,
    "🙈" * 90,
    "x" * 5_000,
    "'; DROP TABLE record;--",
    "",
    "\n\r\x1b[2J",
]
# JSON that Python's own encoder does not write.
_RAW = [
    b"1e999",
    b"-1e999",
    b"NaN",
    b"Infinity",
    b"1" * 5_000,
    b"1." + b"0" * 4_000,
    b'"\xff\xfe"',
    b'"\\ud83d"',
    b"01",
    b"{]",
]


def values() -> st.SearchStrategy[Any]:
    """What may stand where something else was expected."""
    leaves = st.one_of(
        st.none(),
        st.booleans(),
        st.sampled_from(_NUMBERS),
        st.integers(-(2**70), 2**70),
        st.sampled_from(_FLOATS),
        st.floats(allow_nan=False, allow_infinity=False),
        st.sampled_from(_TEXTS),
        st.text(max_size=9),
    )
    return st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
        max_leaves=6,
    )


def _encoded(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=True).encode()


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every node of a JSON value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, part in inner for place in _places(part, (*path, key)))]


def _replaced(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = _replaced(copy[path[0]], path[1:], new)
    return copy


@st.composite
def batches(draw: st.DrawFn, gate: Gate, outbox: str) -> bytes:
    """The JSON of a batch in which something is not as it should be; sometimes nothing is."""
    records = [msgspec.json.decode(gate.record(number)) for number in (1, 2)]
    honest: dict[str, Any] = {
        "gate": gate.identity.gate,
        "outbox": outbox,
        "first": 1,
        "next": 4,
        "records": records,
        "sent_at": 1.0,
        "nonce": "ab" * 16,
        "report": msgspec.to_builtins(gate.report(3)),
        "holes": [[2, 2, "burnt"]],
        "urgent": [],
        "v": 1,
    }
    value: Any = honest
    for _ in range(draw(st.integers(0, 3))):
        place = draw(st.sampled_from(_places(value)))
        value = _replaced(value, place, draw(values()))
    raw = _encoded(value)
    match draw(st.integers(0, 7)):
        case 0:  # what no encoder makes, in place of some number
            target = draw(st.sampled_from([b"1.0", b"true", b"36.5", b'"burnt"', b"[2, 2"]))
            raw = raw.replace(target, draw(st.sampled_from(_RAW)), 1)
        case 1:
            deep = draw(st.sampled_from([100, 1_100, 100_000]))
            raw = raw.replace(b'"burnt"', b"[" * deep + b"]" * deep, 1)
        case 2:
            raw = b'{"records":' + b"[" * draw(st.sampled_from([5_000, 900_000]))
        case 3:
            raw = draw(st.binary(max_size=200))
        case _:
            pass
    return raw


@st.composite
def bodies(draw: st.DrawFn, gate: Gate) -> bytes:
    """A body whose signature holds. Seal, compression and JSON are right, or wrong in one layer."""
    outbox = draw(st.binary(min_size=16, max_size=16)).hex()
    inside = draw(batches(gate, outbox))
    compressed = zlib.compress(inside, 1)
    match draw(st.integers(0, 11)):
        case 0:
            compressed = zlib.compress(bytes(draw(st.sampled_from([1_000_001, 60_000_000]))), 9)
        case 1:
            compressed = compressed[: draw(st.integers(0, len(compressed)))]
        case 2:
            compressed += draw(st.binary(min_size=1, max_size=20))
        case 3:
            maker = zlib.compressobj(zdict=b"dictionary")
            compressed = maker.compress(inside) + maker.flush()
        case 4:
            compressed = zlib.compress(zlib.compress(bytes(1_000_000)))
        case _:
            pass
    sealing_key = gate.snapshot.sealing_key
    payload = key_id(sealing_key) + _SUITE.encrypt(
        compressed, X25519PublicKey.from_public_bytes(sealing_key), MessageType.BATCH.label
    )
    match draw(st.integers(0, 11)):
        case 0:
            payload = payload[: draw(st.integers(0, len(payload)))]
        case 1:
            payload = payload[:8] + bytes(32) + payload[40:]  # a point of small order
        case 2:
            payload = draw(st.binary(max_size=100))
        case _:
            pass
    return sign(payload, gate.key, MessageType.BATCH)


def strangers() -> st.SearchStrategy[bytes]:
    """Well signed, by a key that no centre knows."""
    key = SigningKey(Ed25519PrivateKey.generate(), Purpose.GATE)
    return st.binary(max_size=200).map(lambda payload: sign(payload, key, MessageType.BATCH))


def _head(major: int, number: int) -> bytes:
    """The head of a CBOR item (RFC 8949 §3)."""
    if number < 24:
        return bytes([major << 5 | number])
    size = next(size for size in (1, 2, 4, 8) if number < 256**size)
    return bytes([major << 5 | (23 + size.bit_length())]) + number.to_bytes(size, "big")


def _bytes(content: bytes) -> bytes:
    return _head(2, len(content)) + content


@st.composite
def _items(draw: st.DrawFn) -> bytes:
    """One CBOR item, well-formed or not: tags that decoders act on, lengths that are not there, depth."""
    kind = draw(st.integers(0, 8))
    number = draw(st.sampled_from([0, 1, 23, 24, 255, 2**16, 2**31 - 1, 2**63 - 1, 2**64 - 1]))
    if kind == 0:
        return _head(draw(st.integers(0, 7)), number)  # a length and nothing behind it
    if kind == 1:
        tag = draw(
            st.sampled_from(
                [0, 1, 2, 3, 4, 5, 18, 24, 25, 28, 29, 30, 35, 36, 37, 100, 256, 258, 260, 261, 1004, 43000]
            )
        )
        return _head(6, tag) + draw(
            st.sampled_from([b"\x00", b"\x82\x01\x00", _bytes(b"xx"), b"\x64((((", b"\x82" + _head(0, 2**62) + b"\x01"])
        )
    if kind == 2:
        return draw(st.sampled_from([b"\x81", b"\x9f", b"\xd2", b"\xa1\x00", b"\xd8\x1c\x81"])) * draw(
            st.sampled_from([10, 900, 50_000])
        )
    if kind == 3:
        return draw(
            st.sampled_from(
                [
                    b"\xf9\x7e\x00",
                    b"\xf7",
                    b"\xff",
                    b"\xf8\x20",
                    b"\x63\xed\xa0\x80",
                    b"\x5f\x41x\xff",
                    b"\xc2" + _bytes(b"\xff" * 9_000),
                ]
            )
        )
    if kind == 4:  # one hash for all keys: a decoder that builds this map takes seconds
        keys = [step * (2**61 - 1) for step in range(1, 9)]
        return _head(5, 20_000) + b"".join(_head(0, key) + b"\x00" for key in keys)
    return draw(st.one_of(st.binary(max_size=40), st.binary(max_size=40).map(_bytes)))


@st.composite
def envelopes(draw: st.DrawFn, gate: Gate) -> bytes:
    """A COSE_Sign1 in which one or two parts are something else."""
    protected = b"\xa2\x01\x27\x04" + _bytes(gate.key.kid)
    parts = [
        _bytes(protected),
        b"\xa0",
        _bytes(draw(st.binary(max_size=60))),
        _bytes(draw(st.binary(min_size=64, max_size=64))),
    ]
    for _ in range(draw(st.integers(0, 2))):
        parts[draw(st.integers(0, 3))] = draw(_items())
    if draw(st.integers(0, 3)) == 0:
        parts[0] = _bytes(b"\xa2\x01\x27\x04" + draw(_items()))
    head = draw(st.sampled_from([*[b"\xd2\x84"] * 6, b"\x84", b"\xd2\x9f", b"\xd2\x83", b"\xd8\x12\x84", b"\xd1\x84"]))
    return (head + b"".join(parts) + draw(st.sampled_from([b"", b"", b"\x00"])))[:1_100_000]
