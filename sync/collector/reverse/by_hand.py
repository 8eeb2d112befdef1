"""Somebody who has nothing to show: registered by the inspector, with who came along, and judged as with a code (R6).

The centre makes a pass for this checkpoint that nobody is given. Its serial stands in the record, so that who was where
is found as for everybody else, and forgotten at the same time.
"""

from __future__ import annotations

from sync.collector.centre import Centre
from sync.collector.passes import desk
from sync.collector.privacy.access import Personal, personal
from sync.collector.privacy.audit import Act, Actor
from sync.collector.reverse.judging import Entrance
from sync.collector.visitors import registry
from sync.collector.visitors.identity import Person
from sync.collector.visitors.service import Wanted, issue_claimed
from sync.collector.visitors.status.port import StatusSource, Subject
from sync.wire.passes import PassClaims, PassKind


def registered(access: Personal, somebody: Person, *, seen: bool) -> str:
    """The visitor of that document, new or known; verified where the inspector has seen it. Raises OtherName."""
    row = desk.present(access, registry.by_document(access, somebody), somebody, seen=seen)
    access.note(Act.REGISTER_BY_HAND, row.id)
    return row.id


def issued(
    centre: Centre, source: StatusSource, actor: Actor, visitor: str, somebody: Person, entrance: Entrance, people: int
) -> PassClaims:
    """A pass for this checkpoint and moment, with the status that its holder has. Raises Mistake, NotFound.

    Those who came along are counted, not asked about: the inspector looks at each of them.
    """
    health = source.of(Subject(visitor, somebody), entrance.at)
    test = health.test
    wanted = Wanted(
        PassKind.SCAN_RESULT,
        health.status,
        entrance.venue,
        entrance.checkpoint,
        tested_hours_ago=None if test is None else max(0.0, entrance.at - test.at) / 3600,
        test_negative=test is None or test.negative,
        companions=people - 1,
        holder=visitor,
    )
    with personal(centre, actor, entrance.at) as access:
        return issue_claimed(centre, access.session, wanted, entrance.at)[1]
