"""People with accounts, for tests of the pages: appointed, and signed in with a cookie that the centre accepts."""

from __future__ import annotations

from flask import Flask

from sync.collector.accounts import secrets, service, sessions
from sync.collector.accounts.model import Account
from sync.collector.accounts.permissions import Appointment, Role
from sync.collector.centre import Centre

COOKIE = "venue-gate-centre"
IT = Appointment(Role.IT)


def employ(centre: Centre, login: str, *appointments: Appointment, now: float) -> int:
    """An account without a password; its number."""
    with centre.database.write() as session:
        account = service.create(session, login, f"{login} 某", now)
        for each in appointments:
            service.appoint(session, account, each, now)
        return account.id


def signed_in(centre: Centre, account_id: int, now: float, *, complete: bool = True) -> str:
    """The Cookie header of a browser where that account is signed in. complete: the second factor was shown."""
    with centre.database.write() as session:
        account = session.get_one(Account, account_id)
        token = sessions.begin(session, account, "test browser", now, second_factor=complete)
    return f"{COOKIE}={cookie_of(centre, token)}"


def cookie_of(centre: Centre, token: str) -> str:
    """What the cookie of a session's token says."""
    app = Flask(__name__)
    app.config["SECRET_KEY"] = secrets.load(centre.state).cookies
    serializer = app.session_interface.get_signing_serializer(app)  # type: ignore[attr-defined]
    return str(serializer.dumps({"_user_id": token, "_fresh": True}))


def cookie_for(centre: Centre, *appointments: Appointment, now: float) -> str:
    """Both at once, for somebody new."""
    with centre.database.read() as session:
        login = f"worker{len(service.accounts(session)) + 1}"
    return signed_in(centre, employ(centre, login, *appointments, now=now), now)
