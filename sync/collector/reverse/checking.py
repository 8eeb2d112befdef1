"""A visitor's code, or a visitor without one, before an inspector: judged, and registered once (R6, R20).

Pass and deny are registered at once, as a gate does it; what is referred is the inspector's to decide, and carried
there and back under the centre's signature.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from itsdangerous import BadSignature, URLSafeTimedSerializer
from sqlalchemy import select
from sqlalchemy.orm import Session

from edge.decide import Decision
from edge.verify import Genuine
from sync.collector.centre import Centre
from sync.collector.errors import NotFound
from sync.collector.members.inspectors import inspector_of
from sync.collector.passes.hints import hint_of
from sync.collector.policy.model import Withdrawal
from sync.collector.privacy.access import Personal, personal
from sync.collector.privacy.audit import Act, Actor
from sync.collector.registration import service
from sync.collector.registration.service import Done
from sync.collector.registration.taps import Finding, Refusal, Refused, Tap
from sync.collector.reverse import judging
from sync.collector.reverse.judging import Entrance, Measured
from sync.collector.venues.model import Checkpoint, Venue
from sync.collector.visitors import registry
from sync.collector.visitors.model import IssuedPass, Visitor
from sync.wire.keys import Purpose
from sync.wire.passes import PassClaims
from sync.wire.record import Direction, Outcome

DECIDE_SECONDS = 600
"""How long an inspector may look at who was referred."""
_SALT = "referred to an inspector"


@dataclass(frozen=True, slots=True)
class Inspection:
    """One visitor before one inspector. nonce: made by the page. digest: of what was sent with it."""

    account: int
    venue: int
    nonce: bytes
    digest: bytes


@dataclass(frozen=True, slots=True)
class Holder:
    """Whose pass it is, as an inspector sees it."""

    hint: str
    is_verified: bool


@dataclass(frozen=True, slots=True)
class Checked:
    """What came of it. done: the registration, None where nothing was registered yet. token: for the decision."""

    decision: Decision | None = None
    done: Done | None = None
    holder: Holder | None = None
    token: str | None = None
    people: int = 1


def entrance_of(session: Session, venue: Venue, tap: Tap, now: float) -> Entrance:
    """Where the inspector stands. Raises Refused."""
    row = session.get(Checkpoint, tap.checkpoint)
    if row is None or row.venue_id != venue.id or row.closed_at is not None:
        raise Refused(Refusal.CHECKPOINT)
    return Entrance(venue.id, row.id, tap.direction, service.policy(session), now)


def measured(tap: Tap) -> Measured:
    """What was said of the temperature."""
    return Measured(tap.finding, tap.temperature)


def digest(tap: Tap, what: bytes) -> bytes:
    """Of what a page sent. what: the picture, or who it is about."""
    return sha256(tap.digest + sha256(what).digest()).digest()


def known(centre: Centre, inspection: Inspection) -> Done | None:
    """What became of it when it came before. Raises Refused, NotFound."""
    with centre.database.write() as session:
        return service.known(session, *_who(session, inspection), inspection.nonce, inspection.digest)


def judge_text(centre: Centre, text: str, entrance: Entrance, found: Measured) -> Decision:
    """What a code is worth here."""
    held = centre.keys.current()
    trust = judging.trust_at(entrance, held.key_list, held.root_public, held.signer(Purpose.UPDATE, entrance.at))
    code = judging.opened(text, trust, entrance)
    if not isinstance(code, Genuine):
        return judging.judge(code, entrance, found, is_withdrawn=False)
    return judge_claims(centre, code.claims, entrance, found)


def judge_claims(centre: Centre, claims: PassClaims, entrance: Entrance, found: Measured) -> Decision:
    """The same of a pass that is genuine. The table of withdrawals is asked: newer than any list at a gate."""
    with centre.database.read() as session:
        is_withdrawn = session.get(Withdrawal, claims.serial) is not None
    return judging.judge(Genuine(claims), entrance, found, is_withdrawn=is_withdrawn)


def settle(
    centre: Centre,
    secret: Any,
    actor: Actor,
    inspection: Inspection,
    entrance: Entrance,
    found: Measured,
    decision: Decision,
    people: int = 1,
) -> Checked:
    """Register what is pass or deny; ask the inspector about the rest. Raises Refused, NotFound.

    A code that is not genuine says nothing about the person, and is not registered. secret: the pages' key.
    people: who came together.
    """
    claims = decision.claims
    if claims is None:
        return Checked(decision)
    if judging.needs_a_person(decision):
        with personal(centre, actor, entrance.at) as access:
            holder = _holder(access, claims.serial)
        token = URLSafeTimedSerializer(secret, salt=_SALT).dumps(
            _carried(inspection, entrance, found, claims, decision)
        )
        return Checked(decision, None, holder, token, max(people, claims.companions + 1))
    outcome = decision.outcome
    return _registered(
        centre, actor, inspection, entrance, found, claims.serial, decision.reasons, outcome, people, decision
    )


def decided(
    centre: Centre,
    secret: Any,
    actor: Actor,
    account: int,
    venue: Venue,
    token: str,
    outcome: Outcome,
    people: int,
    now: float,
) -> Checked:
    """The inspector's word about who was referred. Raises Refused for what this centre did not sign, or long ago."""
    try:
        told: dict[str, Any] = URLSafeTimedSerializer(secret, salt=_SALT).loads(token, max_age=DECIDE_SECONDS)
    except BadSignature as cause:
        raise Refused(Refusal.TOO_LATE) from cause
    if (told["venue"], told["account"]) != (venue.id, account):
        raise Refused(Refusal.OTHER_TAP)
    if not 1 <= people <= told["companions"] + 1:
        raise Refused(Refusal.MALFORMED)
    inspection = Inspection(account, venue.id, bytes.fromhex(told["nonce"]), bytes.fromhex(told["digest"]))
    with centre.database.read() as session:
        policy = service.policy(session)
    entrance = Entrance(venue.id, told["checkpoint"], Direction(told["direction"]), policy, now)
    found = Measured(Finding(told["finding"]), told["celsius"])
    serial = bytes.fromhex(told["serial"])
    return _registered(centre, actor, inspection, entrance, found, serial, told["reasons"], outcome, people, None)


def _registered(
    centre: Centre,
    actor: Actor,
    inspection: Inspection,
    entrance: Entrance,
    found: Measured,
    serial: bytes,
    reasons: Any,
    outcome: Outcome,
    people: int,
    decision: Decision | None,
) -> Checked:
    with personal(centre, actor, entrance.at) as access:
        session = access.session
        venue, inspector = _who(session, inspection)
        done = service.known(session, venue, inspector, inspection.nonce, inspection.digest)
        if done is None:
            record = judging.record_of(serial, reasons, outcome, entrance, found, inspector.id, people)
            done = service.keep(
                session, venue, inspector, inspection.nonce, inspection.digest, record, entrance.at, entrance.at
            )
        holder = _holder(access, serial)
    return Checked(decision, done, holder, None, people)


def _who(session: Session, inspection: Inspection) -> tuple[Venue, Any]:
    venue = session.get(Venue, inspection.venue)
    if venue is None:
        raise NotFound(f"there is no venue {inspection.venue}")
    return venue, inspector_of(session, inspection.account, venue.id)


def _holder(access: Personal, serial: bytes) -> Holder | None:
    """Whose it is; a line in the audit. None where it is nobody's."""
    wanted = select(Visitor).join(IssuedPass, IssuedPass.holder == Visitor.id).where(IssuedPass.serial == serial)
    row = access.session.scalar(wanted)
    if row is None:
        return None
    access.note(Act.REVERSE_SCAN, row.id)
    return Holder(hint_of(registry.opened(access.cipher, row).name), row.verified_at is not None)


def _carried(
    inspection: Inspection, entrance: Entrance, found: Measured, claims: PassClaims, decision: Decision
) -> dict[str, Any]:
    return {
        "account": inspection.account,
        "venue": inspection.venue,
        "nonce": inspection.nonce.hex(),
        "digest": inspection.digest.hex(),
        "checkpoint": entrance.checkpoint,
        "direction": entrance.direction.value,
        "finding": found.finding.value,
        "celsius": found.celsius,
        "serial": claims.serial.hex(),
        "companions": claims.companions,
        "reasons": list(decision.reasons),
    }
