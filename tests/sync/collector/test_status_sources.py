"""Whatever answers as a status source keeps the same promises: the register, the platform's adapter, the fake."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from sync.collector.privacy.access import personal
from sync.collector.visitors.status.fake import FakeStatusSource
from sync.collector.visitors.status.platform import PlatformSource
from sync.collector.visitors.status.port import Health, Reason, Source, StatusSource, Subject
from sync.collector.visitors.status.register import Register, RegisterSource
from sync.collector.visitors.status.settings import PlatformSettings
from sync.wire.passes import Status
from tests.sync.collector.gateside import NOW, Site
from tests.sync.collector.people import CLERK, registered, somebody
from tests.sync.wires import Told, serving

DAY = 86_400.0
Say = Callable[[Status, float], None]


def of_register(site: Site, visitor: str) -> tuple[StatusSource, Say]:
    settings = site.centre.settings.status

    def say(status: Status, until: float) -> None:
        with personal(site.centre, CLERK, NOW) as access:
            Register(settings).set(access, visitor, status, Reason.OTHER, until)

    return RegisterSource(site.centre.database, settings), say


def of_fake(_site: Site, visitor: str) -> tuple[StatusSource, Say]:
    fake = FakeStatusSource()

    def say(status: Status, until: float) -> None:
        fake.known[visitor] = Health(status, Reason.OTHER, Source.REGISTER, NOW, NOW, until)

    return fake, say


def of_platform(site: Site, visitor: str) -> tuple[StatusSource, Say]:
    """With a register that says it, and a platform that knows nobody."""
    _source, say = of_register(site, visitor)
    server = stack.enter_context(serving(_knows_nobody))
    platform = PlatformSettings(url=server.address, fresh_seconds=0)
    return PlatformSource(site.centre.database, site.centre.settings.status, platform), say


def _knows_nobody(told: Told) -> None:
    told.reply(200, json.dumps({"id": json.loads(told.body)["id"], "status": "unknown"}).encode())


SOURCES = {"register": of_register, "platform": of_platform, "fake": of_fake}
stack = ExitStack()


@pytest.fixture(autouse=True)
def _servers() -> Iterator[None]:
    with stack:
        yield


each_source = pytest.mark.parametrize("make", SOURCES.values(), ids=SOURCES)


@each_source
@pytest.mark.parametrize("status", [Status.GREEN, Status.YELLOW, Status.RED])
def test_a_source_says_what_it_knows_until_it_ends(site: Site, make, status: Status) -> None:
    """Then it does not know; never green by itself."""
    (visitor,) = registered(site, 1)
    source, say = make(site, visitor)
    say(status, NOW + DAY)
    found = source.of(Subject(visitor, somebody(1)), NOW + 5)
    assert (found.status, found.since, found.until, found.asserted_at) == (status, NOW, NOW + DAY, NOW + 5)
    assert source.of(Subject(visitor, somebody(1)), NOW + DAY).status is Status.UNKNOWN


@each_source
def test_a_source_does_not_know_who_never_came(site: Site, make) -> None:
    """An answer, not an exception; whoever asks refers."""
    (visitor,) = registered(site, 1)
    source, say = make(site, visitor)
    say(Status.GREEN, NOW + DAY)
    for stranger in (Subject("0" * 16), Subject("", somebody(2)), Subject("王伟")):
        assert source.of(stranger, NOW).status is Status.UNKNOWN


def test_what_a_source_is_asked_with_shows_nobody() -> None:
    """In a log or a traceback."""
    shown = repr(Subject("a" * 16, somebody(1)))
    assert not any(text in shown for text in (somebody(1).name, somebody(1).number, str(somebody(1).phone)))
