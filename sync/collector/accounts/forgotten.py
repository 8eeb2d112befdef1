"""A forgotten password: a one-time link to the account's address. The answer never says whether there is one."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy.orm import Session

from sync.collector import languages
from sync.collector.accounts import limits, service
from sync.collector.accounts.limits import ADDRESS, LINK
from sync.collector.accounts.secrets import AccountKey
from sync.collector.accounts.service import RESET_SECONDS
from sync.collector.centre import Centre
from sync.collector.languages import translate as _

Post = Callable[[Session, str, str, str, float, float], None]
"""Puts a message on its way within a transaction: session, address, subject, text, now, expires_at."""


def send_link(centre: Centre, key: AccountKey, login: str, address: str, now: float, post: Post) -> float:
    """Post a link if there is somebody to post it to; 0, or how many seconds still nothing is sent.

    address: where the request came from.
    """
    login = login.strip().lower()
    asked = [
        (key.hash("tally", "link", login), LINK),
        (key.hash("tally", "link from", limits.network(address)), ADDRESS),
    ]
    with centre.database.write() as session:
        wait = limits.count(session, asked, now)
        if wait > 0:
            return wait
        account = service.known(session, login)
        to = service.address_of(account, key) if account is not None and account.disabled_at is None else None
        if account is not None and to is not None:
            token = service.issue_link(session, account, now, RESET_SECONDS)
            with languages.speaking(account.language):
                text = _(
                    "有人请求为账户 %(login)s 设置新密码。链接半小时内有效，只能用一次：%(link)s 不是您本人请忽略。",
                    login=account.login,
                    link=f"{centre.address}/link/{token}",
                )
                post(session, to, _("设置新密码"), text, now, now + RESET_SECONDS)
    return 0.0
