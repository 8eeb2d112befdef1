"""PURE: who may do what. A role is a relation to a place; an action is allowed at the places of the roles that have it.

Deny by default: an action that stands in no row of `MAY` is nobody's. The matrix is read as a whole in
tests/sync/collector/test_permissions.py, where each action has a row of its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum


class Role(str, Enum):
    """What somebody is, somewhere."""

    VENUE_ADMINISTRATOR = "venue_administrator"  # 场所管理员, of one venue (R12)
    INSPECTOR = "inspector"  # 检测员, of venues (R18)
    RECORDER = "recorder"  # 采集员, of an organization (R22)
    IT = "it"  # the town's, everywhere
    CLERK = "clerk"  # registers people, everywhere
    AUTHORITY = "authority"  # 属地疫情防控部门, of a region


class Extent(Enum):
    """What a role is of."""

    VENUE = "venue"
    ORGANIZATION = "organization"
    REGION = "region"
    TOWN = "town"


EXTENT = {
    Role.VENUE_ADMINISTRATOR: Extent.VENUE,
    Role.INSPECTOR: Extent.VENUE,
    Role.RECORDER: Extent.ORGANIZATION,
    Role.IT: Extent.TOWN,
    Role.CLERK: Extent.TOWN,
    Role.AUTHORITY: Extent.REGION,
}
SECOND_FACTOR = frozenset({Role.IT, Role.AUTHORITY})
"""Who may do much signs in with a code of the phone as well."""


class Action(str, Enum):
    """Everything that a page does for somebody who signed in."""

    HOME = "home"  # the first page: what one may do
    SECOND_FACTOR = "own.second_factor"  # the code after the password; its set-up
    OWN_ACCOUNT = "own.account"  # password, where one is signed in
    RECORDS_SEE = "records.see"
    FLEET_SEE = "fleet.see"  # every gate's state, and what was kept of its records
    FLEET_CHANGE = "fleet.change"  # create, move, revoke, retire a gate
    KEPT_DECIDE = "kept.decide"  # accept, correct, discard a record that was kept
    ALARM_SEE = "alarm.see"  # alarms, and who is told
    ALARM_CONFIGURE = "alarm.configure"  # who is told: add, remove, try
    ACCOUNTS_SEE = "accounts.see"
    ACCOUNTS_CHANGE = "accounts.change"  # create, appoint, dismiss, disable, new link
    VENUE_CREATE = "venue.create"  # R11: any manager of a place may
    VENUE_BIND = "venue.bind"  # R18: ask with a declaration code; R16: take over what was offered
    VENUES_SEE = "venues.see"  # the township's list
    VENUES_DECIDE = "venues.decide"  # approve, refuse, close
    VENUE_SEE = "venue.see"  # one venue, its codes for the wall
    VENUE_EDIT = "venue.edit"  # R14
    MEMBERS_CHANGE = "members.change"  # R13, R16: declaration code, bindings, handing over
    CHECKPOINTS_CHANGE = "checkpoints.change"  # R17
    STATISTICS_SEE = "statistics.see"  # R15
    STATUS_SEE = "status.see"  # look a person up: how they stand, and since when
    STATUS_CHANGE = "status.change"  # green, yellow, red; tests; lists
    INSPECT = "inspect"  # R19: register people, choose a checkpoint, PIN and badge, log a disinfection


EVERYBODY = frozenset(Role)
MAY: dict[Action, frozenset[Role]] = {
    Action.RECORDS_SEE: frozenset({Role.IT, Role.AUTHORITY}),
    Action.FLEET_SEE: frozenset({Role.IT}),
    Action.FLEET_CHANGE: frozenset({Role.IT}),
    Action.KEPT_DECIDE: frozenset({Role.IT}),
    Action.ALARM_SEE: frozenset({Role.IT}),
    Action.ALARM_CONFIGURE: frozenset({Role.IT}),
    Action.ACCOUNTS_SEE: frozenset({Role.IT}),
    Action.ACCOUNTS_CHANGE: frozenset({Role.IT}),
    Action.VENUES_SEE: frozenset({Role.IT, Role.AUTHORITY}),
    Action.VENUES_DECIDE: frozenset({Role.AUTHORITY}),
    Action.VENUE_SEE: frozenset({Role.VENUE_ADMINISTRATOR, Role.INSPECTOR, Role.IT, Role.AUTHORITY}),
    Action.VENUE_EDIT: frozenset({Role.VENUE_ADMINISTRATOR, Role.IT}),
    Action.MEMBERS_CHANGE: frozenset({Role.VENUE_ADMINISTRATOR}),
    Action.CHECKPOINTS_CHANGE: frozenset({Role.VENUE_ADMINISTRATOR, Role.IT}),
    Action.STATISTICS_SEE: frozenset({Role.VENUE_ADMINISTRATOR, Role.INSPECTOR, Role.IT, Role.AUTHORITY}),
    Action.STATUS_SEE: frozenset({Role.AUTHORITY}),
    Action.STATUS_CHANGE: frozenset({Role.AUTHORITY}),
    Action.INSPECT: frozenset({Role.INSPECTOR}),
}
WITHOUT_ROLE = frozenset(
    {Action.HOME, Action.SECOND_FACTOR, Action.OWN_ACCOUNT, Action.VENUE_CREATE, Action.VENUE_BIND}
)
"""Whoever is signed in may do these, with whatever role or none."""


@dataclass(frozen=True, slots=True)
class Appointment:
    """A role and where. venue, organization: a number; region: a division's code, "" for the whole centre."""

    role: Role
    venue: int | None = None
    organization: int | None = None
    region: str | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """What an action is about. region: the code of where it lies, "" for a place that is in none."""

    venue: int | None = None
    organization: int | None = None
    region: str = ""


def may(appointments: Iterable[Appointment], action: Action) -> bool:
    """Whether somebody may do it anywhere at all."""
    return action in WITHOUT_ROLE or any(each.role in MAY.get(action, ()) for each in appointments)


def may_at(appointments: Iterable[Appointment], action: Action, place: Place) -> bool:
    """Whether somebody may do it there."""
    return any(each.role in MAY.get(action, ()) and covers(each, place) for each in appointments)


def covers(appointment: Appointment, place: Place) -> bool:
    """Whether the appointment is of that place. A region holds what its code begins (44 Guangdong, 4406 Foshan)."""
    match EXTENT[appointment.role]:
        case Extent.TOWN:
            return True
        case Extent.VENUE:
            return appointment.venue is not None and appointment.venue == place.venue
        case Extent.ORGANIZATION:
            return appointment.organization is not None and appointment.organization == place.organization
        case Extent.REGION:
            return appointment.region is not None and place.region.startswith(appointment.region)


def needs_second_factor(appointments: Iterable[Appointment]) -> bool:
    """Whether a password alone is not enough for that person."""
    return any(each.role in SECOND_FACTOR for each in appointments)
