"""The staff list of a venue, for its gates: inspectors whose appointment stands and whose account is not disabled.

One query says who they are, and a digest of its answer whether a gate must hear of it: the list itself, with the badges
that the accounts' key makes, is only built for new updates.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from hashlib import sha256

from sqlalchemy import Connection, and_, bindparam, case, select

from sync.collector.accounts import secrets
from sync.collector.accounts.model import Account, AppointmentRow
from sync.collector.accounts.permissions import Role
from sync.collector.accounts.secrets import AccountKey, AccountKeyTrouble
from sync.collector.config import StateDir
from sync.collector.members.model import Inspector
from sync.collector.venues.model import Checkpoint, Venue, VenueState
from sync.wire import jsonform
from sync.wire.badges import Badge, badge_hash
from sync.wire.staff import MAX_INSPECTORS, Staff, StaffEntry, is_bounded, masked, staff_of

_log = logging.getLogger(__name__)
_DAYS = 14
_DAY_SECONDS, _CHINA_SECONDS = 86_400, 8 * 3600

_STANDING = (
    select(
        Inspector.id,
        Account.name,
        case((Checkpoint.closed_at.is_(None), Checkpoint.id)).label("checkpoint"),
        Inspector.pin,
        Inspector.badge,
    )
    .join(Venue, Venue.id == Inspector.venue_id)
    .join(Account, Account.id == Inspector.account_id)
    .join(
        AppointmentRow,
        and_(
            AppointmentRow.account_id == Inspector.account_id,
            AppointmentRow.venue_id == Inspector.venue_id,
            AppointmentRow.role == Role.INSPECTOR.value,
            AppointmentRow.since <= Inspector.since,  # appointed again: the badge of before counts no longer
        ),
    )
    .outerjoin(Checkpoint, Checkpoint.id == Inspector.checkpoint_id)
    .where(
        Inspector.venue_id == bindparam("venue_id"),
        Account.disabled_at.is_(None),
        Venue.state == VenueState.ACTIVE.value,
    )
    .order_by(Inspector.id)
    .limit(MAX_INSPECTORS + 1)
)


@dataclass(frozen=True, slots=True)
class Roll:
    """Who inspects at a venue now. standing: number, name, checkpoint or None, PIN's hash, which badge."""

    standing: tuple[tuple[int, str, int | None, str | None, int], ...]

    @property
    def digest(self) -> bytes:
        """SHA-256 that changes with whatever a gate must hear of; neither key nor time goes into it."""
        return sha256(jsonform.encode(self.standing)).digest()


def roll_of(connection: Connection, venue_id: int) -> Roll:
    """One query."""
    rows = connection.execute(_STANDING, {"venue_id": venue_id}).all()
    if len(rows) > MAX_INSPECTORS:
        _log.error("venue %d has more than %d inspectors: its gates know the first ones", venue_id, MAX_INSPECTORS)
    return Roll(tuple(tuple(row) for row in rows[:MAX_INSPECTORS]))


def staff_list(roll: Roll, key: AccountKey | None, now: float) -> Staff:
    """As gates get it. key: None while the accounts' key cannot be read; PINs hold meanwhile, badges do not."""
    return staff_of(_entry(key, lapses_at(now), *each) for each in roll.standing)


def accounts_key(state: StateDir) -> AccountKey | None:
    """The accounts' key for the badges; gates are served without it too."""
    try:
        return secrets.load(state)
    except (AccountKeyTrouble, OSError) as cause:
        _log.error("no badges in the updates of gates: %s", cause)
        return None


def badge_of(key: AccountKey, inspector: Inspector) -> Badge:
    """The badge that counts: derived, so that it can be shown again and nothing secret stands in the database."""
    return Badge(inspector.id, key.badge_secret(inspector.id, inspector.badge))


def lapses_at(now: float) -> int:
    """PURE. The end of the 14th day from now, in China: the same for all lists of a day."""
    today = int(now + _CHINA_SECONDS) // _DAY_SECONDS
    return (today + _DAYS + 1) * _DAY_SECONDS - _CHINA_SECONDS


def _entry(
    key: AccountKey | None, until: int, number: int, name: str, checkpoint: int | None, pin: str | None, badge: int
) -> StaffEntry:
    if pin is not None and not is_bounded(pin):
        _log.error("inspector %d: the PIN is not kept in a form that gates take; set it again", number)
        pin = None
    known_by = None if key is None else badge_hash(Badge(number, key.badge_secret(number, badge)))
    return StaffEntry(number, masked(name), checkpoint or 0, pin, known_by, until)
