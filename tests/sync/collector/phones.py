"""A visitor's phone before the centre's pages, for tests: forms go with their tokens, redirects are followed."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from functools import cached_property
from html import unescape
from urllib.parse import urlencode

import msgspec
import numpy as np
from flask import Flask
from flask.testing import FlaskClient

from edge import credentials
from edge.decide import Situation, decide
from edge.verify import verify
from hardware.ports import Frame
from hardware.symbols import CascadeReader
from sync.collector.accounts import secrets
from sync.collector.app import create_app
from sync.collector.centre import Centre
from sync.collector.messages.queue import Queue
from sync.collector.messages.settings import MessagesSettings
from sync.collector.privacy.access import personal
from sync.collector.venues import codes
from sync.collector.venues.service import find_venue
from sync.collector.visitors.phone.settings import VisitorSettings
from sync.collector.visitors.status.port import Reason
from sync.collector.visitors.status.register import Register
from sync.collector.visitors.status.settings import Default, StatusSettings
from sync.wire.passes import Status
from sync.wire.policy import Policy
from sync.wire.record import ClockQuality, Moment, Outcome
from tests.sync.collector.gateside import NOW, Gate, Site
from tests.sync.collector.people import CLERK, somebody


@dataclass
class Town:
    """A centre whose codes go into a directory, and where nobody known is green."""

    site: Site
    now: float = NOW
    app: Flask = field(init=False)

    def __post_init__(self) -> None:
        self.app = create_app(self.site.centre, lambda: self.now)

    @cached_property
    def gate(self) -> Gate:
        """Of checkpoint 1."""
        return self.site.gate()

    @property
    def centre(self) -> Centre:
        return self.site.centre

    def code_of(self, checkpoint: int | None = 1) -> str:
        """The venue code's token."""
        with self.centre.database.write() as session:
            venue = find_venue(session, 1)
            codes.issue_missing(session, venue, self.now)
            return codes.of_place(session, venue, checkpoint).token

    def sent(self) -> list[tuple[str, str]]:
        """To whom, and the text, of each message that waits."""
        queue = Queue(secrets.load(self.centre.state), lambda: 0.5)
        found = []
        while (claimed := queue.claim(self.centre.database, self.now, set())) is not None:
            message = queue.open(claimed)
            queue.delivered(self.centre.database, claimed, self.now)
            found.append((message.to, message.text))
        return found

    def phone(self) -> Phone:
        return Phone(self)

    def says(self, number: int, status: Status) -> None:
        """The authority's word on `somebody(number)`."""
        who, register = somebody(number), Register(self.centre.settings.status)
        with personal(self.centre, CLERK, self.now) as access:
            visitor = register.mark(access, who.document, who.number)
            register.set(access, visitor, status, Reason.CHECKED, self.now + 86_400)


def town(site: Site, default: Default = Default.GREEN, **visitors: object) -> Town:
    """default: of who registered. visitors: `[visitors]`."""
    settings = msgspec.structs.replace(
        site.centre.settings,
        messages=MessagesSettings(directory=str(site.directory / "messages")),
        status=StatusSettings(default=default),
        visitors=msgspec.convert(visitors, VisitorSettings),
    )
    return Town(replace(site, centre=replace(site.centre, settings=settings)))


@dataclass
class Phone:
    """A browser."""

    town: Town
    raw: str = ""
    status: int = 0
    where: str = ""
    client: FlaskClient = field(init=False)

    def __post_init__(self) -> None:
        self.client = self.town.app.test_client()

    def go(self, path: str, form: dict[str, object] | None = None) -> Phone:
        """Open a page, or send the form at hand."""
        near = {"REMOTE_ADDR": "127.0.0.1"}
        options = {"base_url": "http://localhost", "environ_overrides": near, "follow_redirects": True}
        if form is None:
            answer = self.client.get(path, **options)
        else:
            answer = self.client.post(path, data={"csrf_token": self.token(), **form}, **options)
        self.raw, self.status = answer.text, answer.status_code
        self.where = answer.request.path + (
            f"?{answer.request.query_string.decode()}" if answer.request.query_string else ""
        )
        return self

    def token(self) -> str:
        """Of the form at hand; "" where there is none."""
        found = re.search(r'name="csrf_token"[^>]* value="([^"]+)"', self.raw)
        return found[1] if found else ""

    @property
    def words(self) -> str:
        """What a reader sees, blanks collapsed."""
        main = re.sub(r"(?s)^.*<main", "<main", self.raw)
        return " ".join(unescape(re.sub(r"<[^>]*>", " ", main)).split())

    def ask(self, who_number: int, at: str = "", /, **typed: str) -> Phone:
        """Fill in the form as `somebody(who_number)`."""
        who = somebody(who_number)
        path = "/phone/register" + (f"?{urlencode({'at': at})}" if at else "")
        form = {"name": who.name, "document": who.document.value, "number": who.number, "phone": who.phone or ""}
        return self.go(path).go(path, form | typed)

    def register(self, who_number: int, at: str = "", /, **typed: str) -> Phone:
        """The whole way, with the code that came."""
        self.ask(who_number, at, **typed)
        ((_to, text),) = self.town.sent()
        return self.confirm(text)

    def confirm(self, text: str) -> Phone:
        """text: of the message."""
        found = re.search(r"\b(\d{6})\b", text)
        assert found, text
        return self.go(self.where, {"digits": found[1]})

    def bring(self, number: int) -> Phone:
        """A companion."""
        who = somebody(number)
        form = {"name": who.name, "document": who.document.value, "number": who.number}
        return self.go("/phone/companions").go("/phone/companions", form)

    def enter(self, at: str, **form: object) -> Phone:
        """The tap."""
        return self.go(f"/v/{at}").go(f"/v/{at}/visit", form)


def pass_of(page: str) -> str:
    """The text of the symbol on a page: drawn as a bitmap, and read by the gate's own reader."""
    found = re.search(r'viewBox="0 0 (\d+) \1">.*? d="(M\d+ \d+h\d+v1[^"]+)"', page)
    assert found, page[-3000:]
    side, scale = int(found[1]), 6
    luma = np.full((side * scale, side * scale), 255, np.uint8)
    for x, y, width in re.findall(r"M(\d+) (\d+)h(\d+)", found[2]):
        left, top = int(x) * scale, int(y) * scale
        luma[top : top + scale, left : left + int(width) * scale] = 0
    (symbol,) = CascadeReader().read(Frame(luma, 1, 0.0)).symbols
    return symbol.text


def judged(town: Town, text: str, at: float | None = None, policy: Policy | None = None) -> tuple[Outcome, list[str]]:
    """What the gate of checkpoint 1 makes of a pass, somebody's temperature being normal."""
    now = Moment(at or town.now, "b" * 36, 100.0, ClockQuality.SYNCHRONIZED)
    verification = verify(credentials.read(text), town.gate.snapshot, now)
    decision = decide(verification, policy or Policy(), Situation(now, 36.5))
    return decision.outcome, list(decision.reasons)
