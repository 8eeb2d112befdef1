"""What the gate believes (DESIGN 4): nothing that it did not check itself."""

from __future__ import annotations

import pytest

from edge import credentials
from edge.errors import TrustError
from edge.trust import Trust, load
from edge.verify import Finding, verify
from sync.wire.envelope import MessageType, sign
from sync.wire.keys import Purpose, SigningKey
from sync.wire.passes import PassKind
from sync.wire.policy import Policy
from sync.wire.statuslist import EMPTY, Withdrawn
from sync.wire.statuslist import build as build_list
from sync.wire.updates import KEYS, MANIFEST, POLICY, VENUE, WITHDRAWN, WITHDRAWN_DELTA

NOW = 1_650_000_000


def test_a_genuine_snapshot_comes_into_force(authority, state):
    """Policy and venue card are the signed ones."""
    authority.install(state, policy=Policy(fever_celsius=37.5))
    trust = Trust(state)
    assert trust.refresh()
    assert trust.in_force.policy.fever_celsius == 37.5
    assert not trust.refresh()


def test_a_newer_snapshot_replaces_the_old_one(authority, state):
    """At the next look, without a restart."""
    authority.install(state, number=1)
    trust = Trust(state)
    trust.refresh()
    authority.install(state, number=2, policy=Policy(fever_celsius=38.0))
    assert trust.refresh()
    assert trust.in_force.order == (1, 2)


def test_an_older_snapshot_never_replaces_a_newer_one(authority, state):
    """Ordered by (epoch, number)."""
    authority.install(state, number=2)
    trust = Trust(state)
    trust.refresh()
    authority.install(state, number=1)
    trust.refresh()
    assert trust.in_force.order == (1, 2)
    assert "older" in trust.trouble


@pytest.mark.parametrize("name", [KEYS, MANIFEST, POLICY, VENUE])
@pytest.mark.parametrize("damage", ["missing", "torn", "of another set", "flipped"])
def test_a_torn_or_mixed_set_leaves_the_old_in_force(authority, state, name, damage):
    """DESIGN 4: and the gate says so."""
    authority.install(state, number=1)
    trust = Trust(state)
    trust.refresh()
    authority.install(state, number=2, policy=Policy(fever_celsius=38.0))
    path = state.current_updates / name
    content = path.read_bytes()
    if damage == "missing":
        path.unlink()
    elif damage == "torn":
        path.write_bytes(content[: len(content) // 2])
    elif damage == "flipped":
        path.write_bytes(content[:-3] + bytes([content[-3] ^ 1]) + content[-2:])
    else:
        path.write_bytes(authority.files(number=3, policy=Policy(fever_celsius=39.0))[name] + b" ")
    trust.refresh()
    assert trust.in_force.order == (1, 1)
    assert trust.trouble


def test_another_centres_snapshot_is_refused(authority, state):
    """Everything is checked again from the root key that the installation put there."""
    type(authority)().install(state)
    state.root_key.write_text(authority.root.public.hex())
    with pytest.raises(TrustError, match="not usable"):
        load(state)


@pytest.mark.parametrize("content", ["", "zz", "ab" * 31])
def test_a_damaged_root_key_is_told_in_words(authority, state, content):
    """A sentence for IT, no traceback."""
    authority.install(state)
    state.root_key.write_text(content)
    with pytest.raises(TrustError, match="64 hexadecimal digits"):
        load(state)


LISTED = bytes(range(12))


@pytest.fixture
def withdrawn() -> Withdrawn:
    return Withdrawn(build_list({LISTED: 2_000_000_000}), EMPTY)


def test_a_withdrawn_pass_is_found_out(authority, state, moment, withdrawn):
    """DESIGN 4: saved and paper passes whose holder is no longer green."""
    authority.install(state, withdrawn=withdrawn)
    trust = Trust(state)
    trust.refresh()
    for serial, listed in ((LISTED, True), (bytes(12), False)):
        text = authority.pass_text(kind=PassKind.SAVED, serial=serial)
        findings = verify(credentials.read(text), trust.in_force, moment()).findings
        assert (Finding.WITHDRAWN in findings) is listed


@pytest.mark.parametrize("name", [WITHDRAWN, WITHDRAWN_DELTA])
@pytest.mark.parametrize("damage", ["missing", "torn", "of another set"])
def test_a_set_without_its_whole_status_list_leaves_the_old_in_force(authority, state, withdrawn, name, damage):
    """The list is part of the set: nobody gets in because it was lost on the way."""
    authority.install(state, number=1)
    trust = Trust(state)
    trust.refresh()
    authority.install(state, number=2, withdrawn=withdrawn)
    path = state.current_updates / name
    if damage == "missing":
        path.unlink()
    elif damage == "torn":
        path.write_bytes(path.read_bytes()[:-1])
    else:
        path.write_bytes(build_list({bytes(12): 5}).content)
    trust.refresh()
    assert trust.in_force.order == (1, 1)
    assert name in trust.trouble


def test_a_status_list_that_the_manifest_does_not_name_is_refused(authority, state, withdrawn):
    """Whoever adds one signs it."""
    authority.put(state, authority.files() | {WITHDRAWN: withdrawn.snapshot.content}, "1-1")
    trust = Trust(state)
    trust.refresh()
    assert trust.in_force is None


def test_a_start_with_damaged_updates_lives_by_the_newest_whole_ones(authority, state):
    """And says what is wrong with the others."""
    for number in (1, 2, 3, 10):
        authority.install(state, number=number)
    (state.updates / "1-10" / POLICY).write_bytes(b"torn")
    (state.updates / "1-3" / KEYS).unlink()
    (state.updates / "not-ours").mkdir()
    trust = Trust(state)
    trust.refresh()
    assert trust.in_force.order == (1, 2)
    assert "1-10" in str((state.updates / "current").readlink())
    assert "not usable" in trust.trouble


def test_keys_that_are_rejected_from_a_time_on_issue_nothing_after_it(authority, moment):
    """DESIGN 4: what a stolen key signed after the theft is worth nothing, what it signed before stands."""
    snapshot = authority.snapshot(**{"pass": {"reject_issued_after": NOW}})
    before, after = (credentials.read(authority.pass_text(issued_at=NOW + late)) for late in (0, 1))
    assert verify(before, snapshot, moment()).findings == ()
    assert verify(after, snapshot, moment()).reason == "key_not_valid"


@pytest.mark.parametrize("purpose", ["updates", "receipts"])
def test_a_key_for_something_else_issues_no_pass(authority, moment, purpose):
    """One purpose for each key."""
    key: SigningKey = getattr(authority, purpose)
    text = authority.pass_text(key=SigningKey(key.private, Purpose.PASS))
    assert verify(credentials.read(text), authority.snapshot(), moment()).reason == "wrong_purpose"
    with pytest.raises(ValueError, match="never signs"):
        sign(b"", key, MessageType.PASS)
