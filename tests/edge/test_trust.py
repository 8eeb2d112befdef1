"""What the gate believes (DESIGN 4): nothing that it did not check itself."""

from __future__ import annotations

import pytest

from edge.errors import TrustError
from edge.trust import Trust, load
from sync.wire.policy import Policy
from sync.wire.updates import KEYS, MANIFEST, POLICY, VENUE


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
