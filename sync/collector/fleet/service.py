"""Creating and finding gates, and the policy in force."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, String, and_, bindparam, cast, func, select, update
from sqlalchemy.orm import Session

from sync.collector.database import upsert
from sync.collector.errors import Mistake, NotFound
from sync.collector.fleet.model import Gate, GateSeal, Placement, PolicyDocument
from sync.collector.venues.model import Checkpoint, Venue
from sync.collector.venues.service import checked_name, find_checkpoint
from sync.wire import jsonform
from sync.wire.errors import WireError
from sync.wire.keys import key_id
from sync.wire.policy import Policy, read_policy
from sync.wire.record import Direction
from sync.wire.updates import VenueCard

_ID = re.compile(r"[a-z0-9](-?[a-z0-9])*")
MAX_ID = 32
_RESERVED = ("new",)  # pages of their own


def create_gate(session: Session, checkpoint_id: int, name: str, gate_id: str | None = None) -> Gate:
    """gate_id: "gate-<number>" unless said. Raises Mistake for a name or id that cannot be used, NotFound."""
    checkpoint = find_checkpoint(session, checkpoint_id)
    if gate_id is None:
        gate_id = f"gate-{(session.scalar(select(func.max(Gate.number))) or 0) + 1}"
    if not _ID.fullmatch(gate_id) or len(gate_id) > MAX_ID or gate_id in _RESERVED:
        raise BadId(f"a gate's id has 1 to {MAX_ID} of a-z, 0-9 and single hyphens between them")
    if session.scalar(select(Gate).where(Gate.id == gate_id)):
        raise Taken(f"there is a gate {gate_id} already; see `collector gate list`")
    gate = Gate(id=gate_id, name=checked_name(name), checkpoint=checkpoint)
    session.add(gate)
    session.flush()
    session.add(Placement(gate_number=gate.number, venue=checkpoint.venue_id))
    return gate


def move_gate(session: Session, gate_id: str, checkpoint_id: int) -> Gate:
    """The gate stands at another checkpoint from now on; its records stay where they were made.

    Raises NotFound, Mistake.
    """
    gate, checkpoint = find_gate(session, gate_id), find_checkpoint(session, checkpoint_id)
    if gate.checkpoint_id == checkpoint.id:
        raise AlreadySo(f"{gate.id} stands at checkpoint {checkpoint.id} already")
    gate.checkpoint = checkpoint
    session.merge(Placement(gate_number=gate.number, venue=checkpoint.venue_id))
    session.flush()
    return gate


def revoke_gate(session: Session, gate_id: str, now: float) -> Gate:
    """From now on what the gate sends is kept apart. Raises NotFound, Mistake."""
    gate = find_gate(session, gate_id)
    if gate.revoked_at is not None:
        raise AlreadySo(f"{gate.id} is revoked already")
    gate.revoked_at = now
    session.flush()
    return gate


def retire_gate(session: Session, gate_id: str, now: float) -> Gate:
    """Out of the fleet: it is shown no more and trusted no more, its records stay. Raises NotFound, Mistake."""
    gate = find_gate(session, gate_id)
    if gate.retired_at is not None:
        raise AlreadySo(f"{gate.id} is retired already")
    gate.retired_at = now
    session.flush()
    return gate


def gates(session: Session) -> Sequence[Gate]:
    """All of them, oldest first."""
    return session.scalars(select(Gate).order_by(Gate.number)).all()


def find_gate(session: Session, gate_id: str) -> Gate:
    """Raises NotFound."""
    gate = session.scalar(select(Gate).where(Gate.id == gate_id))
    if gate is None:
        raise NotFound(f"there is no gate {gate_id}; see `collector gate list`")
    return gate


class BadId(Mistake):
    """An id that cannot stand on the wire or in an address."""


class Taken(Mistake):
    """There is a gate of that id."""


class AlreadySo(Mistake):
    """It is as it was to become: moved, revoked or retired."""


@dataclass(frozen=True, slots=True)
class KnownGate:
    """A gate as intake and its updates need it. signed_with_next: what it sent bears the key that it rolls to.

    public_key: 32 bytes, None until it is enrolled; next_public_key: which it rolls to. is_revoked: or retired; what it
    sends is kept apart. venues: where it stands and ever stood. seal: its public key for what goes back on a stick,
    None until it told it.
    """

    number: int
    public_key: bytes | None
    is_revoked: bool
    venues: frozenset[int]
    card: VenueCard
    seal: bytes | None = None
    next_public_key: bytes | None = None
    signed_with_next: bool = False

    @property
    def id(self) -> str:
        """Its name on the wire."""
        return self.card.gate


_KNOWN = (
    select(
        Gate.number,
        Gate.public_key,
        Gate.next_public_key,
        (Gate.revoked_at.is_not(None) | Gate.retired_at.is_not(None)).label("is_revoked"),
        select(func.aggregate_strings(cast(Placement.venue, String), ","))
        .where(Placement.gate_number == Gate.number)
        .scalar_subquery()
        .label("venues"),
        Gate.id.label("gate"),
        Gate.name.label("gate_name"),
        Venue.id.label("venue"),
        Venue.name.label("venue_name"),
        Checkpoint.id.label("checkpoint"),
        Checkpoint.name.label("checkpoint_name"),
        Checkpoint.direction,
        GateSeal.public.label("seal"),
    )
    .join(Checkpoint, Checkpoint.id == Gate.checkpoint_id)
    .join(Venue, Venue.id == Checkpoint.venue_id)
    .outerjoin(GateSeal, and_(GateSeal.gate_number == Gate.number, GateSeal.kid == Gate.kid))
)
_BY_KEY = _KNOWN.where((Gate.kid == bindparam("kid")) | (Gate.next_kid == bindparam("kid")))


def gate_of_key(connection: Connection, kid: bytes) -> KnownGate | None:
    """The gate whose key has that name, or the key that it rolls to."""
    row = connection.execute(_BY_KEY, {"kid": kid}).one_or_none()
    return None if row is None else _known(row)


def sealed_gates(connection: Connection) -> list[KnownGate]:
    """Every trusted gate that has told its key for sticks, oldest first."""
    trusted = (Gate.revoked_at.is_(None), Gate.retired_at.is_(None), GateSeal.public.is_not(None))
    return [_known(row) for row in connection.execute(_KNOWN.where(*trusted).order_by(Gate.number))]


def keep_seal(connection: Connection, gate: KnownGate, told: str) -> None:
    """The gate told its key for sticks (hex). Within a write transaction; cheap when it is known already."""
    public = bytes.fromhex(told)
    if public == gate.seal or gate.public_key is None:
        return
    values = {"kid": key_id(gate.public_key), "public": public}
    statement = upsert(GateSeal, connection.dialect.name).values(gate_number=gate.number, **values)
    connection.execute(statement.on_conflict_do_update(index_elements=[GateSeal.gate_number], set_=values))


def known_gate(connection: Connection, gate: Gate) -> KnownGate:
    """The same of a gate that is at hand."""
    return _known(connection.execute(_KNOWN.where(Gate.number == gate.number)).one())


def key_arrived(connection: Connection, gate: KnownGate) -> KnownGate:
    """A genuine batch came under the new key: from now on it is the gate's only one. Within a write transaction.

    The gate as it is then; what goes back on a stick is sealed to a key that follows from the new one.
    """
    assert gate.next_public_key is not None
    values = {
        "public_key": gate.next_public_key,
        "kid": key_id(gate.next_public_key),
        "next_public_key": None,
        "next_kid": None,
    }
    mine = (Gate.number == gate.number, Gate.next_kid == key_id(gate.next_public_key))
    connection.execute(update(Gate).where(*mine).values(**values))
    return replace(gate, public_key=gate.next_public_key, seal=None, next_public_key=None, signed_with_next=False)


def _known(row: Any) -> KnownGate:
    card = VenueCard(
        gate=row.gate,
        gate_name=row.gate_name,
        venue=row.venue,
        venue_name=row.venue_name,
        checkpoint=row.checkpoint,
        checkpoint_name=row.checkpoint_name,
        direction=Direction(row.direction),
    )
    venues = frozenset(map(int, (row.venues or "").split(",")))
    return KnownGate(row.number, row.public_key, bool(row.is_revoked), venues, card, row.seal, row.next_public_key)


def current_policy(session: Session) -> PolicyDocument:
    """The newest. `Centre.initialize` puts the first one in."""
    return session.scalars(select(PolicyDocument).order_by(PolicyDocument.number.desc()).limit(1)).one()


def set_policy(session: Session, document: bytes, now: float) -> PolicyDocument:
    """Put a policy in force; each gate gets it at its next contact. Raises Mistake naming what is wrong with it."""
    try:
        policy = read_policy(document)
    except WireError as cause:
        raise Mistake(f"the policy in force stays: {cause}") from cause
    return add_policy(session, policy, now)


def add_policy(session: Session, policy: Policy, now: float) -> PolicyDocument:
    """Number and keep it."""
    row = PolicyDocument(created_at=now, document=jsonform.encode(policy))
    session.add(row)
    session.flush()
    return row
