"""What gate-sync sees of the outboxes while the gate writes and prunes them."""

from __future__ import annotations

from sync.link import Queued
from sync.watch import OutboxWatch
from sync.wire.keys import KeyRing
from sync.wire.statedir import StateDir
from tests.sync.town import MemoryOutbox


def test_what_the_gate_prunes_is_not_taken_for_kept(state: StateDir) -> None:
    """Sent again from the first number on (after a restore), what is pruned would be declared missing."""
    state.outbox.mkdir(parents=True)
    source = MemoryOutbox()
    source.lines = [b"{}"] * 9
    watch = OutboxWatch(state, lambda directory: [source], KeyRing([]))
    assert watch.look(0.0) == [Queued(source.id, 1, 10)]
    source.oldest = 6
    assert watch.look(60.0) == [Queued(source.id, 6, 10)]
