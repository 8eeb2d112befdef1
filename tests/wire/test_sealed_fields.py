"""Personal fields under seal: only the centre opens them, only in their record, only under their name (DESIGN 7)."""

from __future__ import annotations

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from sync.wire import jsonform
from sync.wire.errors import WireError
from sync.wire.record import MAX_RECORD_BYTES
from sync.wire.sealed import MAX_FIELD_BYTES, Sealed, open_sealed, seal
from tests.sync.town import Town

TOWN = Town()
PERSON = {"name": "欧阳小明", "number": "440605198001010015", "phone": "13800138000"}
_text = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=100)


@given(st.dictionaries(_text, _text, max_size=4))
def test_the_centre_reads_what_the_gate_sealed(fields: dict[str, str]) -> None:
    """Through a record's JSON and back."""
    written = jsonform.encode(seal(fields, TOWN.seal_public))
    assert open_sealed(jsonform.decode(written, Sealed, "sealed"), TOWN.sealing_keys) == fields


def test_nothing_of_it_can_be_read_without_the_key() -> None:
    """Neither in the JSON nor in the bytes; two seals of one person have nothing in common."""
    one, other = seal(PERSON, TOWN.seal_public), seal(PERSON, TOWN.seal_public)
    for text in PERSON.values():
        assert text.encode() not in jsonform.encode(one)
        assert all(text.encode() not in content for content in one.fields.values())
    assert one.id != other.id
    assert all(one.fields[name][8:] != other.fields[name][8:] for name in PERSON)


def _with(sealed: Sealed, **changes: object) -> Sealed:
    return msgspec.structs.replace(sealed, **changes)


@pytest.mark.parametrize(
    "tampered",
    [
        lambda one, other: _with(one, id=other.id),
        lambda one, other: _with(one, fields={"phone": one.fields["number"]}),
        lambda one, other: _with(one, fields={"name": other.fields["name"]}),
        lambda one, other: _with(one, fields={"name": one.fields["name"][:-1]}),
        lambda one, other: _with(one, fields={"name": one.fields["name"][:-1] + b"\x00"}),
        lambda one, other: _with(one, fields={"name": b""}),
        lambda one, other: _with(one, fields={"name": one.fields["name"][:8]}),
        lambda one, other: _with(one, fields={"name": bytes(8) + one.fields["name"][8:]}),
    ],
    ids=["another record", "another field", "swapped", "cut", "flipped", "empty", "no seal", "unknown key"],
)
def test_moved_or_damaged_it_does_not_open(tampered: object) -> None:
    """The record's id and the field's name are bound in `info` (RFC 9180 §5.1)."""
    one, other = seal(PERSON, TOWN.seal_public), seal(PERSON, TOWN.seal_public)
    with pytest.raises(WireError):
        open_sealed(tampered(one, other), TOWN.sealing_keys)  # type: ignore[operator]


def test_another_centre_does_not_open_it() -> None:
    """One sentence, no traceback."""
    sealed = seal(PERSON, TOWN.seal_public)
    with pytest.raises(WireError, match="does not open"):
        open_sealed(sealed, lambda kid: X25519PrivateKey.generate())
    with pytest.raises(WireError, match="does not have"):
        open_sealed(sealed, lambda kid: None)


def test_lengths_tell_little() -> None:
    """王伟 and 欧阳小明 look alike."""
    short, long = seal({"name": "王伟"}, TOWN.seal_public), seal(PERSON, TOWN.seal_public)
    assert len(short.fields["name"]) == len(long.fields["name"])


def test_a_field_is_bounded_and_a_person_fits_into_a_record() -> None:
    """Before it is sealed."""
    with pytest.raises(ValueError, match="at most"):
        seal({"name": "x" * (MAX_FIELD_BYTES + 1)}, TOWN.seal_public)
    with pytest.raises(ValueError, match="NUL"):
        seal({"name": "a\0"}, TOWN.seal_public)
    assert len(jsonform.encode(seal(PERSON, TOWN.seal_public))) < MAX_RECORD_BYTES / 4


@pytest.mark.parametrize("name", ["0" * 31, "0" * 33, "G" * 32, "0" * 32 + "\n", ""])
def test_an_id_of_another_form_is_refused_when_it_is_read(name: str) -> None:
    """It becomes part of `info`: one length, one spelling."""
    with pytest.raises(WireError):
        jsonform.decode(jsonform.encode({"id": name, "fields": {}}), Sealed, "sealed")
