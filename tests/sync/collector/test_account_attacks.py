"""What somebody tried against accounts and got through with once; each stands here with what stops it."""

from __future__ import annotations

import pytest
from flask import Flask

from sync.collector.accounts import service
from sync.collector.accounts.permissions import Appointment, Role
from sync.collector.app import create_app
from tests.sync.collector.gateside import NOW, Site
from tests.sync.collector.test_signing_in import PASSWORD, Browser, with_phone


@pytest.fixture
def clock() -> list[float]:
    """The centre's; tests move it."""
    return [NOW]


@pytest.fixture
def app(site: Site, clock: list[float]) -> Flask:
    """The whole application, CSRF protection and all."""
    return create_app(site.centre, lambda: clock[0])


@pytest.fixture
def browser(app: Flask) -> Browser:
    """Somebody's."""
    return Browser(app)


@pytest.fixture
def wang(site: Site, browser: Browser) -> Browser:
    """The town's IT, signed in with both factors."""
    phone = with_phone(site.centre, "wang")
    return browser.sign_in("wang", PASSWORD).go("/sign-in/code", code=phone.at(NOW))


@pytest.mark.parametrize("spelled", ["WANG", "Wang", "%20wang"])
def test_nobody_appoints_themselves_by_another_spelling(site: Site, wang: Browser, spelled: str) -> None:
    """A login in the address is found in any case, so it is the account that is compared."""
    wang.go("/account/password")
    assert wang.go(f"/accounts/{spelled}/appoint", role="authority", place="", reason="me").status == 422
    with site.centre.database.read() as session:
        assert service.find(session, "wang").roles() == (Appointment(Role.IT),)
