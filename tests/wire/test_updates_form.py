"""A snapshot of updates: whole, genuine and in order, or not at all (DESIGN 4)."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from sync.wire.errors import NotGenuine, WireError
from sync.wire.keys import KeyRing, Purpose, SigningKey
from sync.wire.policy import Policy, read_policy
from sync.wire.record import Direction
from sync.wire.updates import (
    FILES,
    MAX_FILE_BYTES,
    KeyEntry,
    KeyList,
    Snapshot,
    VenueCard,
    build,
    open_snapshot,
    sign_keys,
)
from tests.sync.town import ISSUED_AT, Town

TOWN = Town()
WHOLE = TOWN.snapshot()
CARD = VenueCard("g", "gate", 1, "venue", 2, "door", Direction.IN)


def opened(entries: Iterable[KeyEntry], *, v: int = 1, issued_at: int = ISSUED_AT) -> Snapshot:
    """A snapshot whose key list holds exactly these keys, signed by the root."""
    keys = sign_keys(KeyList(1, 1, ISSUED_AT, list(entries), v), TOWN.root)
    return open_snapshot(build(keys, Policy(), CARD, (1, 1), issued_at, TOWN.updates), TOWN.root.public)


UPDATES = KeyEntry(TOWN.updates.public, Purpose.UPDATE)
SEAL = KeyEntry(TOWN.seal_public, Purpose.SEAL)


def test_a_whole_set_opens() -> None:
    """Its order, keys, policy and card."""
    snapshot = open_snapshot(WHOLE, TOWN.root.public)
    assert snapshot.order == (1, 1)
    assert snapshot.sealing_key == TOWN.seal_public
    assert snapshot.ring.find(TOWN.passes.kid) is not None
    assert snapshot.policy == Policy()
    assert snapshot.venue.gate_name == "South gate 1"


@given(st.sampled_from(FILES), st.integers(0, 2**16), st.integers(1, 255))
def test_no_changed_byte_of_any_file_passes(name: str, at: int, change: int) -> None:
    """The root signs the keys, a key of those the manifest, and that names every digest."""
    content = WHOLE[name]
    index = at % len(content)
    changed = content[:index] + bytes([content[index] ^ change]) + content[index + 1 :]
    with pytest.raises(WireError):
        open_snapshot(WHOLE | {name: changed}, TOWN.root.public)


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_named(name: str) -> None:
    """A torn directory."""
    with pytest.raises(WireError, match=f"{name} is missing"):
        open_snapshot({file: content for file, content in WHOLE.items() if file != name}, TOWN.root.public)


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_too_long_is_named_before_it_is_parsed(name: str) -> None:
    """STYLE 10."""
    with pytest.raises(WireError, match=f"{name} has more than"):
        open_snapshot(WHOLE | {name: bytes(MAX_FILE_BYTES + 1)}, TOWN.root.public)


@pytest.mark.parametrize("name", FILES)
def test_files_of_two_snapshots_never_mix(name: str) -> None:
    """Each is genuine alone; together they are no set."""
    other = build(TOWN.key_list(2), Policy(fever_celsius=38.0), CARD, (1, 2), ISSUED_AT, TOWN.updates)
    with pytest.raises(WireError, match="does not belong to this set"):
        open_snapshot(WHOLE | {name: other[name]}, TOWN.root.public)


def test_another_roots_set_is_not_genuine() -> None:
    """Whoever can build everything but the root's signature has built nothing."""
    stranger = Town(root=SigningKey(Ed25519PrivateKey.generate(), Purpose.ROOT))
    with pytest.raises(NotGenuine) as caught:
        open_snapshot(stranger.snapshot(), TOWN.root.public)
    assert caught.value.reason == "unknown_key"


@pytest.mark.parametrize("purpose", [Purpose.ROOT, Purpose.GATE])
def test_a_key_list_makes_no_root_and_no_gate(purpose: Purpose) -> None:
    """The root is on the device from its installation; gates sign towards the centre only."""
    with pytest.raises(WireError, match="no root and no gate"):
        opened([UPDATES, SEAL, KeyEntry(TOWN.gate.public, purpose)])


def test_a_key_has_32_bytes() -> None:
    """RFC 8032 §5.1.5, RFC 7748 §5."""
    with pytest.raises(WireError, match="32 bytes"):
        opened([UPDATES, SEAL, KeyEntry(bytes(31), Purpose.PASS)])


def test_a_manifest_from_outside_its_keys_validity_is_refused() -> None:
    """Judged by the time of issue."""
    with pytest.raises(NotGenuine) as caught:
        opened([KeyEntry(TOWN.updates.public, Purpose.UPDATE, not_after=ISSUED_AT - 1), SEAL])
    assert caught.value.reason == "key_not_valid"


def test_the_last_listed_valid_sealing_key_is_used() -> None:
    """The next key may be published before its time comes."""
    old, current, coming = (KeyEntry(bytes([n]) * 32, Purpose.SEAL, *span) for n, span in (
        (1, (None, ISSUED_AT - 1)), (2, ()), (3, (ISSUED_AT + 1,)),
    ))  # fmt: skip
    assert opened([UPDATES, old, current, coming]).sealing_key == current.public
    assert opened([UPDATES, old, current, coming], issued_at=ISSUED_AT + 1).sealing_key == coming.public
    with pytest.raises(WireError, match="no sealing key is valid"):
        opened([UPDATES, old, coming])


def test_a_later_version_of_the_key_list_is_refused_by_name() -> None:
    """The old set stays in force."""
    with pytest.raises(WireError, match="version 2 of the key list"):
        opened([UPDATES, SEAL], v=2)


def test_a_sealing_key_verifies_nothing() -> None:
    """It is no signature key at all."""
    assert KeyRing([TOWN.receipts.verification_key()]).find(TOWN.receipts.kid) is not None
    assert opened([UPDATES, SEAL]).ring.find(SEAL.public[:8]) is None


@given(st.dictionaries(st.sampled_from(FILES), st.binary(max_size=100)))
def test_reading_any_files_never_crashes(files: dict[str, bytes]) -> None:
    """Whatever lies in the directory."""
    if files:
        with pytest.raises(WireError):
            open_snapshot(WHOLE | files, TOWN.root.public)


@pytest.mark.parametrize(
    ("document", "words"),
    [
        (b'{"fever_celcius":38}', "fever_celcius"),
        (b'{"fever_celsius":73.3}', "fever_celsius"),
        (b'{"yellow":"maybe"}', "yellow"),
        (b'{"trust_hours":0}', "trust_hours"),
        (b"[]", "policy"),
        (b"", "policy"),
    ],
)
def test_an_impossible_policy_is_refused_whole(document: bytes, words: str) -> None:
    """An unknown field or value is never guessed at: the old policy stays (R9)."""
    with pytest.raises(WireError, match=words):
        read_policy(document)
