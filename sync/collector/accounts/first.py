"""The first account: a centre without any gets one, for the town's IT, and a link to choose its password."""

from __future__ import annotations

from sqlalchemy import exists, select

from sync.collector.accounts import secrets, service
from sync.collector.accounts.model import Account
from sync.collector.accounts.permissions import Appointment, Role
from sync.collector.centre import Centre
from sync.collector.privacy.access import personal
from sync.collector.privacy.audit import Act, at_terminal

_NAME = "信息管理员 IT"


def first_account(centre: Centre, login: str, now: float) -> str | None:
    """The token of the new account's link; None where there are accounts. Raises Mistake for a login that is none."""
    secrets.load(centre.state)
    with centre.database.read() as session:
        if session.scalar(select(exists().select_from(Account))):
            return None
    with personal(centre, at_terminal("first account"), now) as access:
        account = service.create(access.session, login, _NAME, now)
        service.appoint(access.session, account, Appointment(Role.IT), now)
        access.note(Act.ACCOUNT, detail=account.named)
        return service.issue_link(access.session, account, now)
