"""What inspectors register: each tap one record, in one transaction with its number and its count (R2, R19).

A tap whose answer was lost is sent again and recognized by its nonce. A registration that does not hold is taken back
by a record that names it; both stay, and the roll-up is what it was before them (DESIGN 7).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import Connection, delete, insert, select, update
from sqlalchemy.orm import Session

from sync.collector.database import insert_new
from sync.collector.fleet.service import current_policy
from sync.collector.intake import own
from sync.collector.intake.model import RecordRow
from sync.collector.members.model import Inspector
from sync.collector.registration import taps
from sync.collector.registration.model import MAX_NOTE, DisinfectionRow, RegistrationRow, Round
from sync.collector.registration.taps import Finding, Refusal, Refused, Tap
from sync.collector.venues.model import Checkpoint, Venue, VenueState
from sync.wire import jsonform
from sync.wire.errors import WireError
from sync.wire.policy import Policy, read_policy
from sync.wire.record import Registered, TakenBack

UNDO_SECONDS = 60.0
_UNDO_GRACE_SECONDS = 15.0  # an answer on the way, two phones' seconds
_KEPT_SECONDS = 3 * 86_400  # three times as old as a tap may be


@dataclass(frozen=True, slots=True)
class Done:
    """What became of a tap. record: as it stands, None where it was purged. is_known: it had come before."""

    nonce: bytes
    sequence: int
    at: float
    record: Registered | None
    is_known: bool = False


def register(session: Session, venue: Venue, inspector: Inspector, tap: Tap, now: float) -> Done:
    """Store what was tapped, once, within a write transaction. Raises Refused."""
    connection = session.connection()
    own.queue_up_for(connection, venue.id)
    known = _row(connection, venue.id, tap.nonce)
    if known is not None:
        if (known.digest, known.inspector) != (tap.digest, inspector.id):
            raise Refused(Refusal.OTHER_TAP)
        return _done(connection, venue.id, known, is_known=True)
    if venue.state != VenueState.ACTIVE.value:
        raise Refused(Refusal.NOT_ACTIVE)
    if tap.finding is Finding.TAKE_BACK:
        record, of = _taking_back(connection, venue.id, inspector, tap, now)
    else:
        record, of = _registering(session, venue, inspector, tap, now), None
    sequence = own.append(connection, venue.id, record, now)
    at = taps.when(tap, now).at
    row = {"venue": venue.id, "nonce": tap.nonce, "digest": tap.digest, "inspector": inspector.id}
    row |= {"sequence": sequence, "at": at, "received_at": now, "taken_back": None}
    connection.execute(insert(RegistrationRow), row)
    if of is not None:
        found = (RegistrationRow.venue == venue.id, RegistrationRow.nonce == of)
        connection.execute(update(RegistrationRow).where(*found).values(taken_back=sequence))
    return Done(tap.nonce, sequence, at, record)


def last(session: Session, venue: int, inspector: int, now: float) -> Done | None:
    """The inspector's newest tap, if it may still be taken back."""
    wanted = (
        select(RegistrationRow.__table__)
        .where(
            RegistrationRow.venue == venue,
            RegistrationRow.received_at > now - UNDO_SECONDS,
            RegistrationRow.at > now - UNDO_SECONDS,
            RegistrationRow.inspector == inspector,
        )
        .order_by(RegistrationRow.sequence.desc())
        .limit(1)
    )
    connection = session.connection()
    row: Any = connection.execute(wanted).one_or_none()
    if row is None or row.taken_back is not None:
        return None
    done = _done(connection, venue, row)
    return done if done.record is not None and done.record.takes_back is None else None


def policy(session: Session) -> Policy:
    """The newest that this version can read; the defaults where it cannot."""
    try:
        return read_policy(current_policy(session).document)
    except WireError:
        return Policy()


def stand_at(session: Session, venue: int, inspector: Inspector, checkpoint: int) -> None:
    """The inspector's checkpoint from now on. Raises Refused."""
    row = session.get(Checkpoint, checkpoint)
    if row is None or row.venue_id != venue or row.closed_at is not None:
        raise Refused(Refusal.CHECKPOINT)
    inspector.checkpoint_id = row.id


def disinfected(
    session: Session, venue: Venue, inspector: Inspector, nonce: bytes, what: Round, note: str, now: float
) -> None:
    """Log a round where the inspector stands (R4b); the same nonce again is the same round. Raises Refused."""
    note = " ".join(note.split())  # a Chinese keyboard's space is none that is printable
    if len(note) > MAX_NOTE or not note.isprintable():
        raise Refused(Refusal.MALFORMED)
    row = {"venue": venue.id, "nonce": nonce, "inspector": inspector.id, "checkpoint": inspector.checkpoint_id or 0}
    insert_new(session.connection(), DisinfectionRow, [row | {"at": now, "what": what.value, "note": note}])
    kept = session.get_one(DisinfectionRow, (venue.id, nonce))
    if (kept.inspector, kept.what, kept.note) != (inspector.id, what.value, note):
        raise Refused(Refusal.OTHER_TAP)


def disinfections(session: Session, venue: int, limit: int) -> list[DisinfectionRow]:
    """The last rounds, newest first."""
    wanted = select(DisinfectionRow).where(DisinfectionRow.venue == venue)
    return list(session.scalars(wanted.order_by(DisinfectionRow.at.desc(), DisinfectionRow.nonce).limit(limit)))


def forget_old(session: Session, now: float) -> None:
    """Nonces that nothing can come with any more."""
    session.execute(delete(RegistrationRow).where(RegistrationRow.received_at < now - _KEPT_SECONDS))


def _registering(session: Session, venue: Venue, inspector: Inspector, tap: Tap, now: float) -> Registered:
    checkpoint = session.get(Checkpoint, tap.checkpoint)
    if checkpoint is None or checkpoint.venue_id != venue.id:
        raise Refused(Refusal.CHECKPOINT)
    return taps.record_of(tap, venue.id, inspector.id, policy(session), now)


def _taking_back(
    connection: Connection, venue: int, inspector: Inspector, tap: Tap, now: float
) -> tuple[Registered, bytes]:
    """The record that takes back the one of `tap.takes_back`, and its nonce."""
    of = _row(connection, venue, tap.takes_back or b"")
    if of is None or of.inspector != inspector.id:
        raise Refused(Refusal.NOT_THERE)
    if of.taken_back is not None:
        raise Refused(Refusal.TAKEN_BACK)
    at = taps.when(tap, now).at
    if at - of.at > UNDO_SECONDS + _UNDO_GRACE_SECONDS:
        raise Refused(Refusal.TOO_LATE)
    record = _done(connection, venue, of).record
    if record is None or record.takes_back is not None:
        raise Refused(Refusal.NOT_THERE)
    return msgspec.structs.replace(record, takes_back=TakenBack(of.sequence, at)), of.nonce


def _row(connection: Connection, venue: int, nonce: bytes) -> RegistrationRow | None:
    """As a row of the table; it has the model's attributes."""
    found = (RegistrationRow.venue == venue, RegistrationRow.nonce == nonce)
    row: RegistrationRow | None = connection.execute(select(RegistrationRow.__table__).where(*found)).one_or_none()  # type: ignore[assignment]
    return row


def _done(connection: Connection, venue: int, row: RegistrationRow, *, is_known: bool = False) -> Done:
    number = own.number_of(connection, venue)
    name = (RecordRow.venue == venue, RecordRow.outbox == number, RecordRow.sequence == row.sequence)
    raw = connection.scalar(select(RecordRow.raw).where(*name))
    record = None if raw is None else jsonform.decode(bytes(raw), Registered, "registration")
    return Done(row.nonce, row.sequence, row.at, record, is_known)
