"""A receipt and the answer around it: the only thing that acknowledges."""

from __future__ import annotations

from typing import Any

import cbor2
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.wire.envelope import MessageType, sign
from sync.wire.errors import NotGenuine, WireError
from sync.wire.keys import KeyRing, Purpose, VerificationKey
from sync.wire.receipt import (
    MAX_ANSWER_BYTES,
    Answer,
    Receipt,
    SetAside,
    Standing,
    decode_answer,
    encode_answer,
    read_receipt,
    sign_receipt,
)
from tests.sync.town import Town

TOWN = Town()
RING = KeyRing([TOWN.receipts.verification_key()])


def receipt(**changes: Any) -> Receipt:
    fields: dict[str, Any] = {
        "gate": "g", "outbox": "0" * 32, "epoch": 1, "next": 7, "centre_time": 1_700_000_000.5, "nonce": "1" * 32
    }  # fmt: skip
    return Receipt(**(fields | changes))


_receipts = st.builds(
    Receipt,
    gate=st.text(max_size=10),
    outbox=st.text(max_size=32),
    epoch=st.integers(0, 2**53),
    next=st.integers(0, 2**53),
    centre_time=st.floats(0, 1e11),
    nonce=st.text(max_size=32),
    standing=st.sampled_from(Standing),
    set_aside=st.lists(st.builds(SetAside, st.integers(1, 2**53), st.text(max_size=20)), max_size=5),
)


@given(_receipts)
def test_a_receipt_says_what_was_signed(made: Receipt) -> None:
    """There and back."""
    assert read_receipt(sign_receipt(made, TOWN.receipts), RING) == made


@given(st.binary(max_size=300), st.none() | st.dictionaries(st.text(max_size=12), st.binary(max_size=50), max_size=5))
def test_an_answer_carries_receipt_and_files(signed: bytes, updates: dict[str, bytes] | None) -> None:
    """Both or the receipt alone."""
    assert decode_answer(encode_answer(Answer(signed, updates))) == Answer(signed, updates)


@given(st.binary(max_size=300))
def test_reading_any_answer_never_crashes(data: bytes) -> None:
    """Whatever answers in the centre's place."""
    try:
        decode_answer(data)
    except WireError as fault:
        assert "not the centre's answer" in str(fault)  # noqa: PT017


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<html>",
        b'{"receipt":"x"}',
        cbor2.dumps({}),
        cbor2.dumps({"receipt": "text", "updates": None}),
        cbor2.dumps({"receipt": b"", "updates": {"a": "text"}}),
        cbor2.dumps({"receipt": b"", "updates": {1: b""}}),
        cbor2.dumps({"receipt": b"", "updates": [b""]}),
        cbor2.dumps([b"", None]),
        cbor2.dumps({"updates": None}),
    ],
)
def test_what_is_no_answer_is_the_peers_fault(data: bytes) -> None:
    """One sentence, which IT reads."""
    with pytest.raises(WireError, match="not the centre's answer"):
        decode_answer(data)


def test_an_answers_size_is_bounded_before_it_is_parsed() -> None:
    """STYLE 10."""
    with pytest.raises(WireError, match="at most"):
        decode_answer(bytes(MAX_ANSWER_BYTES + 1))


@pytest.mark.parametrize("field", ["not_before", "not_after", "reject_issued_after"])
def test_a_receipt_from_outside_its_keys_validity_is_refused(field: str) -> None:
    """Judged by the time of issue: a lapsed key stays lapsed offline too (DESIGN 4)."""
    limit = {field: 1_700_000_000}
    ring = KeyRing([VerificationKey(TOWN.receipts.public, Purpose.RECEIPT, **limit)])
    outside = 1_699_999_999.0 if field == "not_before" else 1_700_000_001.0
    assert read_receipt(sign_receipt(receipt(centre_time=1_700_000_000.0), TOWN.receipts), ring)
    with pytest.raises(NotGenuine) as caught:
        read_receipt(sign_receipt(receipt(centre_time=outside), TOWN.receipts), ring)
    assert caught.value.reason == "key_not_valid"


def test_a_later_version_is_refused_by_name() -> None:
    """The sentence says which version this gate reads."""
    with pytest.raises(WireError, match="version 2 of a receipt"):
        read_receipt(sign_receipt(receipt(v=2), TOWN.receipts), RING)


@given(st.dictionaries(st.sampled_from(Receipt.__struct_fields__), st.none() | st.integers() | st.text(max_size=5)))
def test_a_signed_receipt_of_another_form_never_crashes(changes: dict[str, Any]) -> None:
    """A faulty centre breaks no gate."""
    document = msgspec.to_builtins(receipt()) | changes
    try:
        read_receipt(sign(msgspec.json.encode(document), TOWN.receipts, MessageType.RECEIPT), RING)
    except WireError as fault:
        assert str(fault)  # noqa: PT017
