"""Who may see a page: every route says its action, and one that says none is refused.

A request must reach the pages on this machine, or through the proxy under the centre's own address; then somebody must
be signed in, with a second factor where one is needed; then one of their roles must have the action. A page narrows
further by place, with `venue_for` and `regions`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from flask import Flask, Request, Response, abort, current_app, redirect, request, session, url_for
from flask.sessions import SecureCookieSessionInterface
from flask_login import LoginManager, UserMixin, current_user, login_user, logout_user
from flask_wtf import CSRFProtect
from sqlalchemy.orm import Session

from sync.collector.access import Reach, reach
from sync.collector.accounts import secrets, sessions
from sync.collector.accounts.named import named
from sync.collector.accounts.permissions import EXTENT, MAY, WITHOUT_ROLE, Action, Extent, Place, Role, may, may_at
from sync.collector.accounts.secrets import AccountKey
from sync.collector.accounts.sessions import Visit
from sync.collector.centre import Centre
from sync.collector.privacy.audit import Actor
from sync.collector.problems import Kind, Problem
from sync.collector.venues.model import Venue
from sync.collector.venues.service import find_venue

EXTENSION = "venue-gate-guard"
_View = TypeVar("_View", bound=Callable[..., Any])
_OPEN = "open"
_MACHINES = frozenset({"static", "bootstrap.static"})


class NotHere(Exception):
    """The pages are not shown on this way. why: see `access.reach`."""

    def __init__(self, why: Reach) -> None:
        super().__init__(why.value)
        self.why = why


class Forbidden(Exception):
    """Somebody is signed in who may not do that."""

    def __init__(self, action: Action) -> None:
        super().__init__(action.value)
        self.action = action


class User(UserMixin):  # type: ignore[misc]  # flask_login has no types
    """Whom Flask-Login knows: a visit; the id in the cookie is the session's token."""

    def __init__(self, token: str, visit: Visit | None) -> None:
        self._token, self.visit = token, visit

    def get_id(self) -> str:
        """What the cookie keeps."""
        return self._token


@dataclass(frozen=True)
class Guard:
    """What an application's guard works with. clock: seconds since 1970."""

    centre: Centre
    key: AccountKey
    clock: Callable[[], float]

    def load(self, token: str) -> User | None:
        """Flask-Login's user loader."""
        now = self.clock()
        with self.centre.database.read() as found:
            known = sessions.visit(found, token, now, second_factor=self.centre.settings.second_factor)
        if known is None:
            return None
        visit, is_due = known
        if is_due:
            with self.centre.database.write() as writing:
                sessions.note_seen(writing, visit.token, now)
        return User(token, visit)


def requires(action: Action, *, data: bool = False) -> Callable[[_View], _View]:
    """A route for whoever may do `action`. data: a script asks, which is told so and not led to the door."""

    def mark(view: _View) -> _View:
        view.__dict__.update(action=action, is_data=data)
        return view

    return mark


def open_to_all(view: _View) -> _View:
    """A route for people who are not signed in, too."""
    view.__dict__["action"] = _OPEN
    return view


def action_of(app: Flask, endpoint: str) -> Action | str | None:
    """What a route says; None for one that says nothing."""
    return cast("Action | str | None", getattr(app.view_functions[endpoint], "action", None))


def init_app(app: Flask, centre: Centre, clock: Callable[[], float], machines: list[Any]) -> CSRFProtect:
    """machines: blueprints that gates and probes speak to; they have neither accounts nor forms."""
    key = secrets.load(centre.state)
    guard = app.extensions[EXTENSION] = Guard(centre, key, clock)
    app.config.update(
        SECRET_KEY=key.cookies,
        SESSION_COOKIE_SAMESITE="Lax",  # a link in a message may lead to a page
        SESSION_COOKIE_HTTPONLY=True,
        WTF_CSRF_TIME_LIMIT=None,  # it ends with the session
        WTF_CSRF_SSL_STRICT=False,  # _same_origin asks for Origin, which is sent where Referer is not
    )
    app.session_interface = _Cookies()
    login = LoginManager(app)
    login.session_protection = None  # phones change their address; a token that was stolen is ended by signing out
    login.user_loader(guard.load)
    csrf = CSRFProtect(app)
    for machine in machines:
        csrf.exempt(machine)
    names = _MACHINES | {machine.name for machine in machines}
    app.before_request(lambda: _check(names))
    app.jinja_env.globals.update(visit=visit, may=lambda name: allowed(Action(name)))
    return csrf


def key_of(app: Flask) -> AccountKey:
    """The accounts' key."""
    return cast(Guard, app.extensions[EXTENSION]).key


def the_guard() -> Guard:
    """This application's."""
    return cast(Guard, current_app.extensions[EXTENSION])


def visit() -> Visit | None:
    """Who is signed in, None for nobody; the second factor may still be missing."""
    return getattr(current_user, "visit", None)


def who() -> Visit:
    """Who is signed in, on a page that requires it."""
    found = visit()
    if found is None:
        raise Problem(Kind.SIGNED_OUT, "nobody is signed in")
    return found


def actor(reason: str) -> Actor:
    """The same for the audit. Raises Mistake for a reason that cannot stand there."""
    found = who()
    return Actor(f"account {named(found.account_id, found.login)}", reason)


def allowed(action: Action) -> bool:
    """Whether who is signed in may do it anywhere."""
    found = visit()
    return found is not None and found.is_complete and may(found.appointments, action)


def allowed_at(action: Action, venue: Venue) -> bool:
    """Whether who is signed in may do it at that venue."""
    return may_at(who().appointments, action, Place(venue=venue.id, region=venue.region))


def venue_for(session: Session, action: Action, venue_id: int) -> Venue:
    """The venue, for whoever may do `action` there. Raises NotFound, Forbidden."""
    venue = find_venue(session, venue_id)
    if not allowed_at(action, venue):
        raise Forbidden(action)
    return venue


def regions(action: Action) -> tuple[str, ...] | None:
    """Where who is signed in may do it, as codes of regions; None for everywhere."""
    found = [each for each in who().appointments if each.role in MAY.get(action, ())]
    if action in WITHOUT_ROLE or any(EXTENT[each.role] is Extent.TOWN or each.region == "" for each in found):
        return None
    return tuple(each.region for each in found if each.region is not None)


def sign_in(token: str) -> None:
    """Give the browser its new session's token; nothing of an earlier one stays."""
    sign_out()
    login_user(User(token, None))
    current_user.visit = getattr(the_guard().load(token), "visit", None)


def sign_out() -> None:
    """End the session, here and in the database."""
    found = visit()
    if found is not None:
        with the_guard().centre.database.write() as writing:
            sessions.end(writing, found.token)
    logout_user()
    session.clear()


def is_front() -> bool:
    """Whether the request came by TLS, through the proxy."""
    return reach(request, the_guard().centre.settings.address) is Reach.FRONT


class _Cookies(SecureCookieSessionInterface):
    """Over TLS the cookie is bound to it and to this very host (RFC 6265bis §4.1.3.2)."""

    def get_cookie_name(self, app: Flask) -> str:
        return "__Host-venue-gate" if is_front() else "venue-gate-centre"

    def get_cookie_secure(self, app: Flask) -> bool:
        return is_front()


def _check(machines: frozenset[str]) -> Any:
    endpoint = request.endpoint
    if endpoint is None or endpoint in machines or request.blueprint in machines:
        return None
    way = reach(request, the_guard().centre.settings.address)
    if way not in (Reach.LOCAL, Reach.FRONT):
        raise NotHere(way)
    _same_origin(request)
    action = action_of(current_app._get_current_object(), endpoint)  # type: ignore[attr-defined]
    if action == _OPEN:
        return None
    if not isinstance(action, Action):
        abort(403, f"{endpoint} says no action")
    return _admit(action, endpoint)


def _admit(action: Action, endpoint: str) -> Response | None:
    found = visit()
    if found is None:
        return _to_the_door("accounts.sign_in")
    if not found.is_complete and action is not Action.SECOND_FACTOR:
        return _to_the_door("accounts.second_factor")
    if not may(found.appointments, action):
        raise Forbidden(action)
    return None


def _to_the_door(endpoint: str) -> Response:
    if getattr(current_app.view_functions[request.endpoint or ""], "is_data", False):
        raise Problem(Kind.SIGNED_OUT, "sign in first")
    back = request.full_path.rstrip("?") if request.method == "GET" else None
    return cast(Response, redirect(url_for(endpoint, next=back), 303))


def _same_origin(incoming: Request) -> None:
    """A form of another site is refused even where its token would be right (OWASP: verify Origin)."""
    if incoming.method in ("GET", "HEAD", "OPTIONS"):
        return
    origin = incoming.headers.get("Origin")
    if origin is not None and origin.partition("://")[2] != incoming.host:
        abort(403, "the form came from another site")


def path_back(asked: str | None) -> str | None:
    """Where somebody was on the way to, if it is a path of this centre."""
    if not asked or not asked.startswith("/") or asked.startswith(("//", "/\\")) or not asked.isprintable():
        return None
    return asked


def role_names(action: Action) -> list[Role]:
    """Who has it, in the order of `Role`."""
    return [role for role in Role if role in MAY.get(action, ())]
