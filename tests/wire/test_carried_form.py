"""What goes back on a stick: sealed to one gate, bounded, and a report that older programs still read."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sync.wire import carried, jsonform
from sync.wire.batch import Report
from sync.wire.carried import (
    MAX_RECEIPTS_BYTES,
    MAX_RETURN_BYTES,
    BatchName,
    Return,
    batch_name,
    device_seal,
    device_seal_public,
    fitting,
    kid_of_folder,
    open_return,
    seal_return,
)
from sync.wire.errors import WireError
from sync.wire.keys import Purpose, SigningKey
from tests.examples import examples
from tests.sync.town import Town, _signing

TOWN = Town()
SEAL = device_seal(TOWN.gate)
PUBLIC = bytes.fromhex(device_seal_public(TOWN.gate))
BACK = Return([b"one", b"two"], {"policy.json": b"{}", "withdrawn.list": bytes(100)})


def test_it_comes_back_as_it_was() -> None:
    """With updates and without."""
    assert open_return(seal_return(BACK, PUBLIC), SEAL) == BACK
    assert open_return(seal_return(Return([]), PUBLIC), SEAL) == Return([])


def test_another_gate_cannot_open_it() -> None:
    """Nor this one after it got another key: told, and waited for."""
    other = device_seal(_signing(Purpose.GATE, 77))
    with pytest.raises(WireError, match="another gate, or to an earlier key"):
        open_return(seal_return(BACK, PUBLIC), other)


@given(st.data())
@settings(max_examples=examples(150), deadline=None)
def test_whatever_is_changed_does_not_open(data: st.DataObject) -> None:
    """A flipped bit, a cut, something behind it: WireError and nothing else."""
    sealed = seal_return(BACK, PUBLIC)
    at = data.draw(st.integers(0, len(sealed) - 1))
    changed = data.draw(
        st.sampled_from(
            [sealed[:at] + bytes([sealed[at] ^ 1 << at % 8]) + sealed[at + 1 :], sealed[:at], sealed + b"x"]
        )
    )
    with pytest.raises(WireError):
        open_return(changed, SEAL)


@given(st.binary(max_size=300))
@settings(max_examples=examples(100), deadline=None)
def test_noise_does_not_open(noise: bytes) -> None:
    """Under the right key's name too."""
    for content in (noise, seal_return(BACK, PUBLIC)[:8] + noise):
        with pytest.raises(WireError):
            open_return(content, SEAL)


def test_what_is_sealed_and_no_answer_is_refused() -> None:
    """Whoever knows the gate's key can seal anything to it."""
    suite, info = carried._SUITE, carried._INFO
    for plain in (b"", b"\xff", b"\xa1\x61a\x01", b"\x80", b"\xa2hreceipts\x80gupdates\x01", b"\x9f" * 100):
        body = carried.key_id(PUBLIC) + suite.encrypt(plain, SEAL.public_key(), info)
        with pytest.raises(WireError):
            open_return(body, SEAL)


def test_too_much_is_refused_on_both_sides() -> None:
    """Before it is opened, and before it is written."""
    with pytest.raises(WireError, match="at most"):
        open_return(bytes(MAX_RETURN_BYTES + 1), SEAL)
    with pytest.raises(ValueError, match="at most"):
        seal_return(Return([bytes(MAX_RETURN_BYTES)]), PUBLIC)
    with pytest.raises(ValueError, match="shared key"):
        seal_return(BACK, bytes(32))  # a point of low order: no key at all


def test_receipts_that_do_not_fit_come_with_the_next_trip() -> None:
    """The first ones: what they acknowledge is contiguous."""
    receipts = [bytes([number]) * (MAX_RECEIPTS_BYTES // 3) for number in range(5)]
    assert fitting(receipts, None).receipts == receipts[:3]


_OUTBOX, _RANGE = "a" * 32, f"{1:016d}-{2:016d}"


@pytest.mark.parametrize(
    "name",
    [
        *("", "x.batch", f"{_OUTBOX[1:]}-{_RANGE}.batch", f"{_OUTBOX}-1-2.batch", f"../{_OUTBOX}-{_RANGE}.batch"),
        *(f"{_OUTBOX}-{_RANGE}.batch.tmp", f"{_OUTBOX}-{'١' * 16}-{2:016d}.batch", f"{_OUTBOX}-{_RANGE}.batch\n"),
    ],
)
def test_other_names_are_no_batches(name: str) -> None:
    """Whatever they look like."""
    assert batch_name(name) is None


def test_a_name_and_its_meaning_are_one() -> None:
    """In any case: FAT may change it."""
    name = BatchName("0123456789abcdef" * 2, 1, 501)
    assert batch_name(str(name)) == batch_name(str(name).upper()) == name
    assert kid_of_folder("00AAbbccddeeff11") == bytes.fromhex("00aabbccddeeff11")
    assert kid_of_folder("0" * 15) is kid_of_folder("٠" * 16) is None


def test_an_older_report_and_a_newer_one_read_each_other() -> None:
    """A gate that knows no sticks says nothing of keys, byte for byte as before; an older centre passes them over."""
    old = Report((1, 2), 3, "0.1.0", "b", 1.0)
    assert b"sealing_key" not in jsonform.encode(old)
    assert jsonform.decode(jsonform.encode(old), Report, "report").sealing_key is msgspec.UNSET
    new = msgspec.structs.replace(old, sealing_key="ab" * 32)

    class Before(msgspec.Struct):
        have: tuple[int, int]
        backlog: int

    assert jsonform.decode(jsonform.encode(new), Before, "report").backlog == 3
    assert jsonform.decode(jsonform.encode(new), Report, "report") == new


def test_the_key_is_the_devices_own_and_tells_nothing_of_it() -> None:
    """Another device, another key; and it is not the device key itself."""
    key: SigningKey = TOWN.gate
    assert device_seal(key).private_bytes_raw() != key.private.private_bytes_raw()
    assert (
        device_seal_public(key)
        == device_seal_public(_signing(Purpose.GATE, 5))
        != device_seal_public(_signing(Purpose.GATE, 6))
    )
