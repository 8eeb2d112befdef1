"""The second factor is set up: a secret is shown as a QR code, and kept once the phone has answered with a code."""

from __future__ import annotations

import io

import segno
from markupsafe import Markup

from sync.collector.accounts import sessions, totp
from sync.collector.accounts.model import Account
from sync.collector.accounts.secrets import AccountKey
from sync.collector.accounts.sessions import Visit
from sync.collector.accounts.signing import totp_place
from sync.collector.database import Database


def symbol(uri: str) -> Markup:
    """The QR code as SVG for a page: it never stands at an address of its own, where something might keep it."""
    drawn = io.BytesIO()
    segno.make(uri, error="m").save(
        drawn, kind="svg", xmldecl=False, svgclass="qr", lineclass=None, border=4, light="#fff", omitsize=True
    )
    return Markup(drawn.getvalue().decode())  # noqa: S704 - segno's, no text of anybody's


def confirm(
    database: Database, key: AccountKey, visit: Visit, secret: str, code: str, now: float, agent: str
) -> str | None:
    """Keep the secret if `code` is its; the token of a session that is complete. None for a wrong code.

    Every other browser of the account is signed out: they know the password alone.
    """
    step = totp.step_of(secret, code, now, 0)
    if step is None:
        return None
    with database.write() as session:
        account = session.get_one(Account, visit.account_id, with_for_update=True)
        if account.totp is not None:
            return None
        account.totp, account.totp_step = key.seal(secret.encode(), totp_place(account)), step
        sessions.end_all(session, account.id)
        return sessions.begin(session, account, agent, now, second_factor=True)
