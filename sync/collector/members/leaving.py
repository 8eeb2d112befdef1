"""What ends with a role at a venue, whoever takes it away: the administrator, IT's page, or a terminal (R16)."""

from __future__ import annotations

from sqlalchemy import update
from sqlalchemy.orm import Session

from sync.collector.accounts.permissions import Appointment, Role
from sync.collector.members.model import Answer, HandOver, Inspector


def leave(session: Session, account_id: int, taken: Appointment) -> None:
    """PIN, badge and checkpoint of who inspects no more, and offers of the administrator's role, by them or to them."""
    if taken.venue is None:
        return
    whose = HandOver.from_account
    if taken.role is Role.INSPECTOR:
        whose = HandOver.to_account
        mine = (Inspector.account_id == account_id, Inspector.venue_id == taken.venue)
        session.execute(update(Inspector).where(*mine).values(pin=None, badge=Inspector.badge + 1, checkpoint_id=None))
    waiting = (HandOver.venue_id == taken.venue, HandOver.answer == Answer.WAITING.value, whose == account_id)
    session.execute(update(HandOver).where(*waiting).values(answer=Answer.WITHDRAWN.value))
