"""Fields encrypted one by one, the hashes they are found by, and the file that their keys live in."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.collector.config import StateDir
from sync.collector.privacy import keyfile
from sync.collector.privacy.cipher import HASH_BYTES, MAX_FIELD_BYTES, Cell, Cipher, PersonalKey, Unreadable
from sync.collector.privacy.keyfile import KeyFileTrouble

HERE = Cell("visitor", "name", "0011223344556677")
_text = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=100)


def cipher(*earlier: PersonalKey) -> Cipher:
    current = PersonalKey(os.urandom(32))
    return Cipher(current, {key.kid: key for key in (current, *earlier)})


CIPHER = cipher()


@given(_text)
def test_what_was_encrypted_is_read_again(text: str) -> None:
    """In its own cell."""
    assert CIPHER.decrypt(CIPHER.encrypt(text, HERE), HERE) == text


@given(_text, st.data())
def test_whatever_is_changed_or_moved_does_not_open(text: str, data: st.DataObject) -> None:
    """Any byte, any cut, another table, column or row: one error, never another text."""
    content = CIPHER.encrypt(text, HERE)
    index, bit = data.draw(st.integers(0, len(content) - 1)), data.draw(st.integers(0, 7))
    flipped = content[:index] + bytes([content[index] ^ 1 << bit]) + content[index + 1 :]
    for changed in (flipped, content[:index], content + b"\0"):
        with pytest.raises(Unreadable):
            CIPHER.decrypt(changed, HERE)
    for cell in (Cell("other", "name", HERE.row), Cell("visitor", "phone", HERE.row), Cell("visitor", "name", "00")):
        with pytest.raises(Unreadable, match="changed, or is another row's"):
            CIPHER.decrypt(content, cell)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    """A damaged database is no traceback."""
    with pytest.raises(Unreadable):
        CIPHER.decrypt(content, HERE)


def test_one_text_is_never_encrypted_alike_and_its_length_tells_little() -> None:
    """王伟 and 欧阳小明 look alike; so do not two 王伟."""
    one, two, longer = (CIPHER.encrypt(text, HERE) for text in ("王伟", "王伟", "欧阳小明"))
    assert one != two
    assert len(one) == len(two) == len(longer)


@pytest.mark.parametrize("text", ["x" * (MAX_FIELD_BYTES + 1), "a\0"])
def test_what_no_field_holds_is_refused(text: str) -> None:
    """Bounded, and without the byte that fills it up."""
    with pytest.raises(ValueError, match="at most"):
        CIPHER.encrypt(text, HERE)


def test_an_earlier_key_still_reads_and_a_missing_one_is_named() -> None:
    """While a rotation is under way, and when the wrong key file was put back."""
    old = cipher()
    content = old.encrypt("王伟", HERE)
    assert cipher(old.current).decrypt(content, HERE) == "王伟"
    with pytest.raises(Unreadable, match=f"key {old.current.kid.hex()}, which the key file does not hold"):
        cipher().decrypt(content, HERE)


def test_a_hash_is_of_its_kind_and_key() -> None:
    """The same digits as a phone and as a number do not meet; under both keys a search finds them."""
    old = cipher()
    new = cipher(old.current)
    assert len(old.hash("phone", "13800138000")) == HASH_BYTES
    assert old.hash("phone", "13800138000") != old.hash("number", "13800138000")
    assert new.hash("phone", "13800138000") != old.hash("phone", "13800138000")
    assert old.hash("phone", "13800138000") in new.hashes("phone", "13800138000")


def test_the_keys_of_one_secret_are_different_and_never_shown() -> None:
    """What encrypts, what searches, and the name tell nothing of each other (RFC 5869)."""
    key = PersonalKey(os.urandom(32))
    assert len({key.kid, key.search[:8], key.secret[:8]}) == 3
    assert key.secret.hex() not in repr(key)


@pytest.fixture
def state(tmp_path: Path) -> StateDir:
    """With a key file."""
    (tmp_path / "keys").mkdir()
    keyfile.create(StateDir(tmp_path))
    return StateDir(tmp_path)


def test_the_key_file_is_for_its_owner_alone_and_made_once(state: StateDir) -> None:
    """0600; a second `init` keeps it."""
    before = keyfile.path(state).read_bytes()
    keyfile.create(state)
    assert keyfile.path(state).read_bytes() == before
    assert keyfile.path(state).stat().st_mode & 0o777 == 0o600


def test_generations_come_and_go_and_the_audits_key_stays(state: StateDir) -> None:
    """What an earlier generation wrote is read until it is ended."""
    first = keyfile.load(state)
    content = first.cipher.encrypt("王伟", HERE)
    keyfile.begin_generation(state)
    second = keyfile.load(state)
    assert second.cipher.current.kid != first.cipher.current.kid
    assert (second.cipher.decrypt(content, HERE), second.audit) == ("王伟", first.audit)
    assert keyfile.end_generations(state) == 1
    with pytest.raises(Unreadable):
        keyfile.load(state).cipher.decrypt(content, HERE)


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (lambda path: path.unlink(), "put back from a backup; gates are served"),
        (lambda path: path.write_text("{"), "is damaged"),
        (lambda path: path.write_text(json.dumps({"v": 2, "audit": "00" * 32, "current": "00" * 32})), "is damaged"),
        (lambda path: path.write_text(json.dumps({"audit": "00" * 32, "current": "00" * 31})), "is damaged"),
        (lambda path: path.chmod(0o640), "chmod 600"),
    ],
    ids=["lost", "torn", "newer", "short", "open to others"],
)
def test_a_key_file_that_cannot_be_used_is_told_with_what_to_do(state: StateDir, damage, sentence: str) -> None:  # type: ignore[no-untyped-def]
    """Never a key in the sentence."""
    secret = json.loads(keyfile.path(state).read_text())["current"]
    damage(keyfile.path(state))
    with pytest.raises(KeyFileTrouble, match=sentence) as told:
        keyfile.load(state)
    assert secret not in str(told.value)
