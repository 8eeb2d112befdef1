"""The one signed envelope: only the canonical, genuine form opens (RFC 9052 §4, DESIGN 3)."""

from __future__ import annotations

import cbor2
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from sync.wire.envelope import MessageType, named_key, sign, verify
from sync.wire.errors import NotGenuine
from sync.wire.keys import KeyRing, Purpose, SigningKey, key_id
from tests.sync.town import Town

TOWN = Town()
RING = KeyRing(key.verification_key() for key in (TOWN.root, TOWN.updates, TOWN.receipts, TOWN.passes, TOWN.gate))
MESSAGE = sign(b"payload", TOWN.receipts, MessageType.RECEIPT)
PROTECTED, UNPROTECTED, PAYLOAD, SIGNATURE = cbor2.loads(MESSAGE).value


def reason_of(data: bytes, message_type: MessageType = MessageType.RECEIPT) -> str:
    with pytest.raises(NotGenuine) as caught:
        verify(data, RING, message_type)
    assert str(caught.value)
    return caught.value.reason


def signed(protected: bytes, payload: bytes = b"payload", key: SigningKey = TOWN.receipts) -> bytes:
    """A message with a good signature over whatever header it is given."""
    to_be_signed = cbor2.dumps(["Signature1", protected, MessageType.RECEIPT.label, payload])
    return cbor2.dumps(cbor2.CBORTag(18, [protected, {}, payload, key.private.sign(to_be_signed)]), canonical=True)


def test_what_was_signed_opens() -> None:
    """Payload and key come back."""
    opened = verify(MESSAGE, RING, MessageType.RECEIPT)
    assert opened.payload == b"payload"
    assert opened.key == TOWN.receipts.verification_key()
    assert named_key(MESSAGE, MessageType.RECEIPT) == TOWN.receipts.kid


@given(st.sampled_from(list(MessageType)), st.binary(max_size=500))
def test_every_type_carries_any_payload(message_type: MessageType, payload: bytes) -> None:
    """Signing and opening are inverse."""
    key = next(
        key
        for key in (TOWN.root, TOWN.updates, TOWN.receipts, TOWN.passes, TOWN.gate)
        if key.purpose is message_type.purpose
    )
    assert verify(sign(payload, key, message_type), RING, message_type).payload == payload


@given(st.integers(0, len(MESSAGE) - 1), st.integers(1, 255))
def test_no_changed_byte_passes(at: int, change: int) -> None:
    """Tampering never passes."""
    reason_of(MESSAGE[:at] + bytes([MESSAGE[at] ^ change]) + MESSAGE[at + 1 :])


@given(st.integers(0, len(MESSAGE) - 1))
def test_no_beginning_passes(length: int) -> None:
    """A torn file, a cut line."""
    reason_of(MESSAGE[:length])


@given(st.binary(min_size=1, max_size=20))
def test_nothing_may_stand_behind(more: bytes) -> None:
    """One message is one sequence of bytes."""
    reason_of(MESSAGE + more)


@given(st.binary(max_size=300))
def test_reading_bytes_never_crashes(data: bytes) -> None:
    """Anything else than NotGenuine is our bug."""
    reason_of(data)


_cbor = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.binary(max_size=70)
    | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.integers() | st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(st.integers(0, 300), st.lists(_cbor, max_size=6))
def test_reading_any_cbor_never_crashes(tag: int, parts: list[object]) -> None:
    """Well-formed CBOR of another shape."""
    reason_of(cbor2.dumps(cbor2.CBORTag(tag, parts)))


@given(_cbor)
def test_reading_any_header_never_crashes(header: object) -> None:
    """The protected header is parsed before the signature is checked."""
    reason_of(cbor2.dumps(cbor2.CBORTag(18, [cbor2.dumps(header), {}, b"", bytes(64)])))


KID = TOWN.receipts.kid


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (cbor2.dumps(cbor2.loads(MESSAGE).value), "malformed"),
        (cbor2.dumps(cbor2.CBORTag(98, [PROTECTED, {}, PAYLOAD, SIGNATURE])), "malformed"),
        (cbor2.dumps(cbor2.CBORTag(18, [PROTECTED, {}, None, SIGNATURE])), "malformed"),
        (cbor2.dumps(cbor2.CBORTag(18, [PROTECTED, {}, PAYLOAD, SIGNATURE[:-1]])), "malformed"),
        (cbor2.dumps(cbor2.CBORTag(18, [PROTECTED, {}, PAYLOAD, SIGNATURE, b""])), "malformed"),
        (cbor2.dumps(cbor2.CBORTag(18, [PROTECTED, {4: KID}, PAYLOAD, SIGNATURE])), "not_canonical"),
        (b"\xd8\x12" + MESSAGE[1:], "not_canonical"),
        (b"\xd2\x9f" + MESSAGE[2:] + b"\xff", "not_canonical"),
        (signed(cbor2.dumps({1: -8, 4: KID, 5: 1}, canonical=True)), "not_canonical"),
        (signed(cbor2.dumps({1: -7, 4: KID}, canonical=True)), "not_canonical"),
        (signed(cbor2.dumps({4: KID, 1: -8})), "not_canonical"),
        (signed(b"\xa2\x01\x38\x07\x04\x48" + KID), "not_canonical"),
        (signed(cbor2.dumps({4: KID})), "not_canonical"),
        (signed(cbor2.dumps({1: -8})), "malformed"),
        (signed(cbor2.dumps({1: -8, 4: KID + b"x"}, canonical=True)), "malformed"),
        (signed(cbor2.dumps({1: -8, 4: KID.hex()[:8]}, canonical=True)), "malformed"),
        (signed(b""), "malformed"),
    ],
    ids=[
        "untagged", "another tag", "detached payload", "short signature", "five parts", "kid unprotected",
        "long tag", "indefinite array", "third header", "another algorithm", "header out of order", "long integer",
        "no algorithm", "no kid", "long kid", "kid as text", "no header",
    ],
)  # fmt: skip
def test_any_other_form_is_refused_even_if_well_signed(data: bytes, reason: str) -> None:
    """DESIGN 3: exactly {alg, kid} protected, nothing unprotected, nothing trailing, canonical."""
    assert reason_of(data) == reason


def test_the_type_of_message_is_under_the_signature() -> None:
    """external_aad (RFC 9052 §4.4): one type is never taken for another of the same key."""
    to_be_signed = cbor2.dumps(["Signature1", PROTECTED, MessageType.PASS.label, b"payload"])
    moved = cbor2.dumps(cbor2.CBORTag(18, [PROTECTED, {}, b"payload", TOWN.receipts.private.sign(to_be_signed)]))
    assert reason_of(moved) == "bad_signature"


@pytest.mark.parametrize("message_type", [t for t in MessageType if t is not MessageType.RECEIPT])
def test_a_key_of_one_purpose_verifies_no_other_type(message_type: MessageType) -> None:
    """A receipt's key can forge no update."""
    assert reason_of(MESSAGE, message_type) == "wrong_purpose"


def test_signing_for_another_purpose_is_our_bug() -> None:
    """It never leaves the process."""
    with pytest.raises(ValueError, match="never signs"):
        sign(b"", TOWN.passes, MessageType.RECEIPT)


def test_an_unknown_key_is_named() -> None:
    """IT can look it up."""
    stranger = SigningKey(Ed25519PrivateKey.generate(), Purpose.RECEIPT)
    data = sign(b"", stranger, MessageType.RECEIPT)
    with pytest.raises(NotGenuine, match=stranger.kid.hex()) as caught:
        verify(data, RING, MessageType.RECEIPT)
    assert caught.value.reason == "unknown_key"


@given(st.binary(max_size=10))
def test_a_key_never_verifies_what_names_another(payload: bytes) -> None:
    """The kid is under the signature."""
    other = SigningKey(Ed25519PrivateKey.from_private_bytes(bytes([9]) * 32), Purpose.RECEIPT)
    ring = KeyRing([TOWN.receipts.verification_key(), other.verification_key()])
    data = sign(payload, other, MessageType.RECEIPT).replace(key_id(other.public), KID)
    with pytest.raises(NotGenuine, match="does not hold"):
        verify(data, ring, MessageType.RECEIPT)


@pytest.mark.parametrize("message_type", list(MessageType))
def test_size_is_bounded_before_anything_is_parsed(message_type: MessageType) -> None:
    """One byte more is not read (STYLE 10)."""
    with pytest.raises(NotGenuine, match="at most") as caught:
        verify(bytes(message_type.max_bytes + 1), RING, message_type)
    assert caught.value.reason == "malformed"


@pytest.mark.parametrize(
    "bomb", [b"\xd2" + b"\x84" * 100_000, b"\xd2\x84" + b"\x5b" + b"\xff" * 8, b"\x9b" + b"\xff" * 8]
)
def test_nesting_and_claimed_lengths_cost_nothing(bomb: bytes) -> None:
    """Neither the stack nor memory is the peer's to spend."""
    assert reason_of(bomb) == "malformed"
