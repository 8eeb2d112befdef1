"""The pass on the wire: CWT claims in the envelope, in Base45, dense enough for a symbol that reads at a gate."""

from __future__ import annotations

import base45
import cbor2
import pytest
import segno
from hypothesis import assume, given
from hypothesis import strategies as st

from sync.wire.envelope import MessageType, verify
from sync.wire.errors import NotGenuine
from sync.wire.keys import KeyRing
from sync.wire.passes import (
    MAX_COMPANIONS,
    MAX_TEXT,
    PREFIX,
    PassClaims,
    PassKind,
    Status,
    decode_claims,
    encode_claims,
    issue,
    token_of,
)
from tests.sync.town import Town

TOWN = Town()
RING = KeyRing([TOWN.passes.verification_key()])
USUAL = PassClaims(
    issuer="xinan", issued_at=1_650_000_000, expires_at=1_650_000_120, serial=bytes(range(12)),
    kind=PassKind.SCAN_RESULT, status=Status.GREEN, status_at=1_649_990_000, tested_at=1_649_950_000,
    test_negative=True, venue=1_234, checkpoint=56,
)  # fmt: skip

_seconds = st.integers(0, 2**33)
_claims = st.builds(
    PassClaims,
    issuer=st.text(max_size=8),
    issued_at=_seconds,
    expires_at=_seconds,
    serial=st.binary(min_size=12, max_size=12),
    kind=st.sampled_from(PassKind),
    status=st.sampled_from(Status),
    status_at=_seconds,
    tested_at=st.none() | _seconds,
    test_negative=st.none() | st.booleans(),
    companions=st.integers(0, MAX_COMPANIONS),
    venue=st.integers(0, 2**31),
    checkpoint=st.integers(0, 2**31),
    hint=st.none() | st.text(max_size=6),
)


@given(_claims)
def test_a_pass_says_what_was_issued(claims: PassClaims) -> None:
    """Through claims, envelope and Base45, there and back."""
    opened = verify(token_of(issue(claims, TOWN.passes)), RING, MessageType.PASS)
    assert decode_claims(opened.payload) == claims


def test_a_usual_pass_fits_a_symbol_that_reads_at_a_gate() -> None:
    """Version 9 with error correction M at most, in alphanumeric mode (DESIGN 3)."""
    text = issue(USUAL, TOWN.passes)
    symbol = segno.make_qr(text, error="M", boost_error=False)
    assert symbol.mode == "alphanumeric"
    assert int(symbol.version) <= 9
    assert len(text) <= 262


@given(st.text(max_size=MAX_TEXT + 10))
def test_reading_any_text_never_crashes(text: str) -> None:
    """The camera reads whatever is held up to it."""
    for shown in (text, PREFIX + text):
        try:
            token = token_of(shown)
        except NotGenuine as refusal:
            assert refusal.reason in ("malformed", "not_canonical")  # noqa: PT017 - either is fine, a crash is not
        else:
            assert PREFIX + base45.b45encode(token).decode() == shown


@given(st.binary(max_size=200))
def test_reading_any_claims_never_crashes(payload: bytes) -> None:
    """Even a genuine signature does not make claims well formed."""
    try:
        claims = decode_claims(payload)
    except NotGenuine as refusal:
        assert refusal.reason in ("malformed", "not_canonical")  # noqa: PT017
    else:
        assert encode_claims(claims) == payload


_value = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text(max_size=3)
    | st.binary(max_size=12)
)


@given(st.dictionaries(st.sampled_from([1, 4, 6, 7, -65537, 2]), _value | st.lists(_value, min_size=9, max_size=9)))
def test_reading_any_map_of_claims_never_crashes(claims: dict[int, object]) -> None:
    """The right keys with wrong values."""
    try:
        decode_claims(cbor2.dumps(claims, canonical=True))
    except NotGenuine as refusal:
        assert refusal.reason in ("malformed", "not_canonical")  # noqa: PT017


@given(st.integers(0, 223), st.sampled_from("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"))
def test_no_changed_character_passes(at: int, other: str) -> None:
    """A forged pass is not genuine, whatever was changed."""
    text = issue(USUAL, TOWN.passes)
    index = len(PREFIX) + at % (len(text) - len(PREFIX))
    assume(text[index] != other)
    with pytest.raises(NotGenuine):
        verify(token_of(text[:index] + other + text[index + 1 :]), RING, MessageType.PASS)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "malformed"),
        ("HC1:ABC", "malformed"),
        ("vp1:ABC", "malformed"),
        (PREFIX + "A" * MAX_TEXT, "malformed"),
        (PREFIX + "abc", "malformed"),
        (PREFIX + "码", "malformed"),
        (PREFIX + ":::", "malformed"),
        (PREFIX + "\udcff", "malformed"),
    ],
)
def test_what_is_no_pass_is_refused_with_its_reason(text: str, reason: str) -> None:
    """The reason's code stands in the record."""
    with pytest.raises(NotGenuine) as caught:
        token_of(text)
    assert caught.value.reason == reason


@pytest.mark.parametrize(
    "change",
    [{"serial": b"short"}, {"companions": -1}, {"companions": MAX_COMPANIONS + 1}],
    ids=["serial", "negative companions", "too many companions"],
)
def test_a_claim_out_of_its_range_is_malformed(change: dict[str, object]) -> None:
    """Also when the centre itself signed it."""
    fields = {name: getattr(USUAL, name) for name in USUAL.__struct_fields__} | change
    with pytest.raises(NotGenuine, match="out of its range"):
        decode_claims(encode_claims(PassClaims(**fields)))
