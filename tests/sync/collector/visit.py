"""Somebody's browser at a moment that stands still. Forms go without their token: that is the guard's own test."""

from __future__ import annotations

import re
from html import unescape

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from sync.collector.accounts.permissions import Appointment
from sync.collector.app import create_app
from tests.sync.collector.gateside import NOW, Site
from tests.sync.collector.staff import IT, cookie_for, employ, signed_in


class Browser:
    """Of the town's IT, or of somebody called `login` with those appointments."""

    def __init__(
        self, site: Site, now: float = NOW, login: str = "", appointments: tuple[Appointment, ...] = ()
    ) -> None:
        self.site, self.login, self.now = site, login, now
        app = create_app(site.centre, lambda: self.now)
        app.config["WTF_CSRF_ENABLED"] = False
        self._client: FlaskClient = app.test_client(use_cookies=False)
        if login:
            self.account = employ(site.centre, login, *appointments, now=now)
            cookie = signed_in(site.centre, self.account, now)
        else:
            cookie = cookie_for(site.centre, IT, now=now)
        self._headers = {"Host": "localhost", "Cookie": cookie}

    def get(self, path: str) -> TestResponse:
        return self._client.get(path, headers=self._headers)

    def post(self, path: str, **form: object) -> TestResponse:
        return self._client.post(path, headers=self._headers, data=form)

    def words(self, path: str) -> str:
        return words(self.get(path))


def words(answer: TestResponse) -> str:
    """What a reader sees, blanks collapsed."""
    main = re.sub(r"(?s)^.*<main", "<main", answer.text)
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", main)).split())
