"""The updates of each gate: numbered anew when what they say changes, and often enough that they do not grow stale."""

from __future__ import annotations

from hashlib import sha256

from sqlalchemy.orm import Session

from sync.collector.fleet.model import Gate, SnapshotFiles
from sync.collector.fleet.service import current_epoch, current_policy
from sync.collector.keys import CentreKeys
from sync.wire import jsonform
from sync.wire.policy import Policy, read_policy
from sync.wire.record import Direction
from sync.wire.updates import KEYS, MANIFEST, POLICY, VENUE, VenueCard, build

_MAX_AGE_SECONDS = 6 * 3600


def current(session: Session, keys: CentreKeys, gate: Gate, now: float) -> SnapshotFiles:
    """The snapshot that `gate` should have now; a new one is numbered and stored when it must be. Within a write."""
    policy = read_policy(current_policy(session).document)
    card, epoch = _card(gate), current_epoch(session)
    content = _content(keys.key_list, policy, card)
    row = session.get(SnapshotFiles, gate.number)
    if row and (row.content, row.epoch) == (content, epoch) and now - row.issued_at < _renewal_seconds(policy):
        return row
    number = row.number + 1 if row else 1
    files = build(keys.key_list, policy, card, (epoch, number), int(now), keys.updates)
    if row is None:
        row = SnapshotFiles(gate_number=gate.number)
        session.add(row)
    row.epoch, row.number, row.issued_at, row.content = epoch, number, int(now), content
    row.keys, row.manifest, row.policy, row.venue = (files[name] for name in (KEYS, MANIFEST, POLICY, VENUE))
    session.flush()
    return row


def _renewal_seconds(policy: Policy) -> float:
    """A quarter of what the policy allows: a gate with a link never meets `stale_trust`."""
    return min(policy.trust_hours * 3600 / 4, _MAX_AGE_SECONDS)


def _content(key_list: bytes, policy: Policy, card: VenueCard) -> bytes:
    return sha256(b"\n".join((key_list, jsonform.encode(policy), jsonform.encode(card)))).digest()


def _card(gate: Gate) -> VenueCard:
    checkpoint = gate.checkpoint
    return VenueCard(
        gate=gate.id,
        gate_name=gate.name,
        venue=checkpoint.venue.id,
        venue_name=checkpoint.venue.name,
        checkpoint=checkpoint.id,
        checkpoint_name=checkpoint.name,
        direction=Direction(checkpoint.direction),
    )
