"""Who may do what: the matrix, read as a whole, and asked of every route over HTTP."""

from __future__ import annotations

import re
from http import HTTPStatus

import pytest
from flask import Flask
from flask.testing import FlaskClient

from sync.collector.accounts.guard import action_of
from sync.collector.accounts.permissions import (
    MAY,
    WITHOUT_ROLE,
    Action,
    Appointment,
    Place,
    Role,
    covers,
    may,
    may_at,
)
from sync.collector.app import create_app
from tests.sync.collector.gateside import NOW, Site
from tests.sync.collector.staff import cookie_for, employ, signed_in

# One row for each action: venue administrator, inspector, recorder, IT, clerk, authority, nobody in particular.
MATRIX = """
                     V I R T C A -
home                 y y y y y y y
own.second_factor    y y y y y y y
own.account          y y y y y y y
records.see          . . . y . y .
fleet.see            . . . y . . .
fleet.change         . . . y . . .
kept.decide          . . . y . . .
alarm.see            . . . y . . .
alarm.configure      . . . y . . .
accounts.see         . . . y . . .
accounts.change      . . . y . . .
venue.create         y y y y y y y
venue.bind           y y y y y y y
venues.see           . . . y . y .
venues.decide        . . . . . y .
venue.see            y y . y . y .
venue.edit           y . . y . . .
members.change       y . . . . . .
checkpoints.change   y . . y . . .
statistics.see       y y . y . y .
status.see           . . . . . y .
status.change        . . . . . y .
inspect              . y . . . . .
"""
COLUMNS = (*Role, None)
ROWS = {line.split()[0]: line.split()[1:] for line in MATRIX.strip().splitlines()[1:]}
SOMEWHERE = {
    Role.VENUE_ADMINISTRATOR: Appointment(Role.VENUE_ADMINISTRATOR, venue=1),
    Role.INSPECTOR: Appointment(Role.INSPECTOR, venue=1),
    Role.RECORDER: Appointment(Role.RECORDER, organization=1),
    Role.IT: Appointment(Role.IT),
    Role.CLERK: Appointment(Role.CLERK),
    Role.AUTHORITY: Appointment(Role.AUTHORITY, region=""),
}


def test_every_action_has_a_row() -> None:
    """A new action without one fails here: somebody must have thought about who may."""
    assert [action.value for action in Action if action.value not in ROWS] == []
    assert set(ROWS) == {action.value for action in Action}
    assert {len(row) for row in ROWS.values()} == {len(COLUMNS)}
    assert set(MAY) | WITHOUT_ROLE == set(Action)


@pytest.mark.parametrize("action", list(Action), ids=lambda action: action.value)
def test_the_matrix_is_what_holds(action: Action) -> None:
    """Role by role."""
    held = [may([SOMEWHERE[role]] if role else [], action) for role in COLUMNS]
    assert held == [mark == "y" for mark in ROWS[action.value]]


@pytest.mark.parametrize(
    ("appointment", "place", "holds"),
    [
        (Appointment(Role.INSPECTOR, venue=1), Place(venue=1), True),
        (Appointment(Role.INSPECTOR, venue=1), Place(venue=2), False),
        (Appointment(Role.INSPECTOR, venue=1), Place(), False),
        (Appointment(Role.RECORDER, organization=3), Place(organization=3), True),
        (Appointment(Role.RECORDER, organization=3), Place(organization=4, venue=3), False),
        (Appointment(Role.AUTHORITY, region="4406"), Place(venue=1, region="440605"), True),
        (Appointment(Role.AUTHORITY, region="440605"), Place(venue=1, region="4406"), False),
        (Appointment(Role.AUTHORITY, region="4406"), Place(venue=1), False),
        (Appointment(Role.AUTHORITY, region=""), Place(venue=1), True),
        (Appointment(Role.AUTHORITY), Place(venue=1), False),
        (Appointment(Role.IT), Place(venue=9, region="44"), True),
    ],
    ids=str,
)
def test_a_role_ends_at_its_place(appointment: Appointment, place: Place, holds: bool) -> None:
    """An administrator of one market is nobody at the next."""
    assert covers(appointment, place) is holds


def test_an_action_at_a_place_needs_the_role_there() -> None:
    """Two roles do not add up to a third: authority of one region, inspector in another."""
    both = [Appointment(Role.AUTHORITY, region="44"), Appointment(Role.INSPECTOR, venue=1)]
    assert may_at(both, Action.RECORDS_SEE, Place(venue=2, region="4406"))
    assert not may_at(both, Action.RECORDS_SEE, Place(venue=1, region="11"))


@pytest.fixture
def app(site: Site) -> Flask:
    """The whole application."""
    return create_app(site.centre, lambda: NOW)


def test_every_route_of_a_page_says_its_action(app: Flask) -> None:
    """A route that says none is refused at run time; here it is named."""
    machines = {"static", "bootstrap.static"}
    machine_blueprints = ("health", "intake", "enrolment", "rolling", "interface", "metrics")
    for rule in app.url_map.iter_rules():
        if rule.endpoint in machines or rule.endpoint.split(".")[0] in machine_blueprints:
            continue
        assert action_of(app, rule.endpoint) is not None, f"{rule.endpoint} says no action"


def paths(app: Flask) -> list[tuple[str, str, Action]]:
    """(method, path, action) of every page that is not open to all, with something in place of each variable."""
    found = []
    for rule in app.url_map.iter_rules():
        action = action_of(app, rule.endpoint)
        if isinstance(action, Action):
            path = re.sub(r"<any\((\w+).*?>|<[^>]+>", lambda match: match[1] or "1", rule.rule)
            found += [(method, path, action) for method in sorted(rule.methods - {"HEAD", "OPTIONS"})]  # type: ignore[operator]
    return found


def ask(client: FlaskClient, method: str, path: str, cookie: str | None) -> HTTPStatus:
    near = {"Host": "localhost"} | ({"Cookie": cookie} if cookie else {})
    return HTTPStatus(client.open(path, method=method, headers=near).status_code)


@pytest.mark.parametrize("role", COLUMNS, ids=lambda role: role.value if role else "none")
def test_every_route_keeps_to_the_matrix(site: Site, app: Flask, role: Role | None) -> None:
    """Asked over HTTP: 403 where the matrix says no, never where it says yes (a bad form may be refused as such)."""
    app.config["WTF_CSRF_ENABLED"] = False
    with site.centre.database.write() as session:
        session.connection().exec_driver_sql("INSERT INTO organization (id, name) VALUES (1, 'x')")
    cookie = cookie_for(site.centre, *([SOMEWHERE[role]] if role else []), now=NOW)
    client = app.test_client(use_cookies=False)
    asked = paths(app)
    assert len(asked) > 10
    for method, path, action in asked:
        if path == "/account/sign-out-others":
            continue
        status = ask(client, method, path, cookie)
        allowed = ROWS[action.value][COLUMNS.index(role)] == "y"
        assert (status is not HTTPStatus.FORBIDDEN) is allowed, (method, path, action, status)


def test_a_stranger_sees_no_page(site: Site, app: Flask) -> None:
    """Every page but those of signing in leads to the door; a script is told 401."""
    client = app.test_client(use_cookies=False)
    app.config["WTF_CSRF_ENABLED"] = False
    for method, path, _ in paths(app):
        status = ask(client, method, path, None)
        assert status in (HTTPStatus.SEE_OTHER, HTTPStatus.UNAUTHORIZED), (method, path, status)


def test_a_password_alone_opens_nothing_to_it(site: Site, app: Flask) -> None:
    """Before the second factor there is only the page that asks for it."""
    app.config["WTF_CSRF_ENABLED"] = False
    number = employ(site.centre, "li", SOMEWHERE[Role.IT], now=NOW)
    half = signed_in(site.centre, number, NOW, complete=False)
    client = app.test_client(use_cookies=False)
    for method, path, action in paths(app):
        if action is not Action.SECOND_FACTOR:
            assert ask(client, method, path, half) in (HTTPStatus.SEE_OTHER, HTTPStatus.UNAUTHORIZED), path
