"""Issuing passes: each is kept with its serial before anyone can show it."""

from __future__ import annotations

import os
from dataclasses import dataclass

from sqlalchemy.orm import Session

from sync.collector.centre import Centre
from sync.collector.errors import Mistake
from sync.collector.venues.service import find_checkpoint, find_venue
from sync.collector.visitors import registry
from sync.collector.visitors.model import IssuedPass
from sync.collector.visitors.status import records
from sync.collector.visitors.status.judging import judge
from sync.wire.keys import Purpose
from sync.wire.passes import MAX_COMPANIONS, SERIAL_BYTES, PassClaims, PassKind, Status, issue

VALID_SECONDS = {PassKind.SCAN_RESULT: 120, PassKind.SAVED: 7 * 86_400, PassKind.PAPER: 180 * 86_400}
"""How long a pass lives unless said; a scan result never longer (DESIGN 3)."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """The pass that is asked for. venue, checkpoint: None for any. tested_hours_ago: None for no test.

    holder: a visitor's id, None for nobody in particular. is_claim: whether they are is not known, and the pass says
    UNKNOWN.
    """

    kind: PassKind = PassKind.SCAN_RESULT
    status: Status = Status.GREEN
    venue: int | None = None
    checkpoint: int | None = None
    valid_seconds: int | None = None
    tested_hours_ago: float | None = None
    test_negative: bool = True
    companions: int = 0
    holder: str | None = None
    is_claim: bool = False


class StatusChanged(Mistake):
    """A pass would say something better than what is true now: ask again how the holder stands."""


def issue_pass(centre: Centre, session: Session, wanted: Wanted, now: float) -> str:
    """The text of a new pass, issued at `now`; before any line of the audit in that transaction.

    Raises NotFound, and Mistake: StatusChanged where the holder became yellow or red since whoever asks has looked.
    """
    claims = draw_claims(centre, session, wanted, int(now))
    if wanted.holder is not None:
        registry.hold(session, wanted.holder, claims.expires_at)
        if not (wanted.is_claim and claims.status is Status.UNKNOWN):
            _check_status(centre, session, wanted.holder, claims.status, now)
    session.add(
        IssuedPass(
            serial=claims.serial,
            holder=wanted.holder,
            kind=int(claims.kind),
            status=int(claims.status),
            status_at=claims.status_at,
            issued_at=claims.issued_at,
            expires_at=claims.expires_at,
            venue=claims.venue,
            checkpoint=claims.checkpoint,
        )
    )
    return issue(claims, centre.keys.current().signer(Purpose.PASS, claims.issued_at))


def _check_status(centre: Centre, session: Session, holder: str, status: Status, now: float) -> None:
    """With the holder's row locked: who changes the status came before, or finds the pass and withdraws it."""
    evidence = records.evidence(session.connection(), [holder])[holder]
    found = judge(evidence, centre.settings.status, now).status
    if found in (Status.YELLOW, Status.RED) and status.severity < found.severity:
        raise StatusChanged(f"the holder is {found.name.lower()}: no pass says {status.name.lower()}")


def draw_claims(centre: Centre, session: Session, wanted: Wanted, now: int) -> PassClaims:
    """The claims of a new pass with a serial of its own, not signed and not kept. Raises Mistake, NotFound."""
    venue, checkpoint = _place(session, wanted)
    limit = VALID_SECONDS[wanted.kind]
    valid_seconds = limit if wanted.valid_seconds is None else wanted.valid_seconds
    if not 1 <= valid_seconds <= limit:
        raise Mistake(f"a {_word(wanted.kind)} pass is valid for 1 to {limit} seconds")
    if not 0 <= wanted.companions <= MAX_COMPANIONS:
        raise Mistake(f"a pass has 0 to {MAX_COMPANIONS} companions")
    tested = wanted.tested_hours_ago
    if tested is not None and not 0 <= tested <= 24 * 366:
        raise Mistake("a test is 0 to 8784 hours old")
    return PassClaims(
        issuer=centre.settings.issuer,
        issued_at=now,
        expires_at=now + valid_seconds,
        serial=os.urandom(SERIAL_BYTES),
        kind=wanted.kind,
        status=wanted.status,
        status_at=now,
        tested_at=None if tested is None else now - int(tested * 3600),
        test_negative=None if tested is None else wanted.test_negative,
        companions=wanted.companions,
        venue=venue,
        checkpoint=checkpoint,
    )


def _place(session: Session, wanted: Wanted) -> tuple[int, int]:
    """Venue and checkpoint of the pass, 0 for any. A scan result is made at one checkpoint."""
    if wanted.checkpoint is not None:
        checkpoint = find_checkpoint(session, wanted.checkpoint)
        if wanted.venue not in (None, checkpoint.venue_id):
            raise Mistake(f"checkpoint {checkpoint.id} is at venue {checkpoint.venue_id}, not {wanted.venue}")
        return checkpoint.venue_id, checkpoint.id
    if wanted.kind is PassKind.SCAN_RESULT:
        raise Mistake("a scan result is for one checkpoint: say --checkpoint")
    return (find_venue(session, wanted.venue).id if wanted.venue is not None else 0), 0


def _word(kind: PassKind) -> str:
    return kind.name.lower().replace("_", "-")
