"""The provincial platform: asked as PROTOCOL.md says, and never believed when it misbehaves (R3)."""

from __future__ import annotations

import json
import logging
import ssl
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.collector.centre import Centre
from sync.collector.errors import Mistake
from sync.collector.visitors.status.breaker import FAILURES, REST_SECONDS, Breaker
from sync.collector.visitors.status.judging import Answered
from sync.collector.visitors.status.platform import NotBelieved, PlatformSource, read
from sync.collector.visitors.status.port import Reason, Source, Subject
from sync.collector.visitors.status.settings import (
    AnswerFields,
    Colour,
    Default,
    NoAnswer,
    PlatformSettings,
    StatusSettings,
)
from sync.collector.visitors.status.sources import source_of
from sync.wire.passes import Status
from tests.sync.collector.cluster import DATABASES
from tests.sync.collector.gateside import NOW, Site
from tests.sync.collector.peers import certificate, drip, endless, gone, half, silent
from tests.sync.collector.people import registered, somebody
from tests.sync.collector.test_status_register import issued, listed, say
from tests.sync.wires import Server, Told, serving

both = pytest.mark.parametrize("new_state", DATABASES, indirect=True)
G, Y, R, U = Status.GREEN, Status.YELLOW, Status.RED, Status.UNKNOWN
HOUR = 3600.0


def saying(status: str = "green", **more: Any) -> Callable[[Told], None]:
    """A platform that does as it should."""

    def answer(told: Told) -> None:
        said = {"id": json.loads(told.body)["id"], "status": status, "asserted_at": NOW - 60} | more
        told.reply(200, json.dumps(said).encode(), Content_Type="application/json")

    return answer


def source(site: Site, server: Server, *, default: Default = Default.UNKNOWN, **changes: Any) -> PlatformSource:
    settings = {"url": server.address + "/health", "connect_seconds": 1.0, "whole_seconds": 0.5} | changes
    return PlatformSource(site.centre.database, StatusSettings(default), PlatformSettings(**settings))


@pytest.fixture
def subject(site: Site) -> Subject:
    """Somebody who registered."""
    return Subject(registered(site, 1)[0], somebody(1))


@both
@pytest.mark.parametrize(("word", "status"), [("green", G), ("yellow", Y), ("red", R), ("unknown", U)])
def test_the_platforms_word_is_how_somebody_stands(site: Site, subject: Subject, word: str, status: Status) -> None:
    """Its time and its test go with it; asked again only when the answer is old."""
    test = {"tested_at": "2026-09-20 08:00:00", "result": "negative"}
    with serving(saying(word, **test)) as server:
        asked = source(site, server)
        found = asked.of(subject, NOW)
        assert asked.of(subject, NOW + 59).status is status
        assert len(server.requests) == 1
        asked.of(subject, NOW + 61)
        assert len(server.requests) == 2
    assert (found.status, found.test and found.test.negative) == (status, True)
    if status is not U:
        assert (found.source, found.reason, found.since, found.asserted_at) == (
            *(Source.PLATFORM, Reason.PLATFORM, NOW - 60, NOW),
        )


def test_a_request_names_the_person_in_its_body_alone(site: Site, subject: Subject, tmp_path: Path) -> None:
    """As PROTOCOL.md has it; field names, words and the secret are collector.toml's."""
    (tmp_path / "secret").write_text("token-1\n")
    with serving(
        lambda told: told.reply(200, b'{"data":{"code":"00","who":"%s"}}' % somebody(1).number.encode())
    ) as at:
        asked = source(
            site,
            at,
            headers={"Authorization": "Bearer {secret}"},
            body={"zjlx": "{document}", "zjhm": "{number}", "q": [{"xm": "{name}"}]},
            documents={"resident": "111"},
            statuses={"00": Colour.GREEN},
            answer=AnswerFields(id="", number="data.who", status="data.code", asserted_at="", tested_at="", result=""),
            secret_file=str(tmp_path / "secret"),
        )
        assert asked.of(subject, NOW).status is G
        (request,) = at.requests
    person = somebody(1)
    assert json.loads(request.body) == {"zjlx": "111", "zjhm": person.number, "q": [{"xm": person.name}]}
    assert request.headers["Authorization"] == "Bearer token-1"
    assert person.number not in request.path + str(request.headers)


def html(told: Told) -> None:
    told.reply(200, b"<html>Please sign in</html>", Content_Type="text/html")


def somebody_elses(told: Told) -> None:
    told.reply(200, b'{"id": "0123456789abcdef0123456789abcdef", "status": "green"}')


def huge(told: Told) -> None:
    said = {"id": json.loads(told.body)["id"], "status": "green"}
    told.reply(200, json.dumps(said).encode() + b" " * 100_000)


def redirecting(told: Told) -> None:
    told.reply(307, Location="/health")


def broken(told: Told) -> None:
    told.reply(500, json.dumps({"id": json.loads(told.body)["id"], "status": "green"}).encode())


MISBEHAVING = {
    **{script.__name__: script for script in (silent, half, gone, drip, endless, html, somebody_elses, huge)},
    "redirecting": redirecting,
    "broken": broken,
    "deep": lambda told: told.reply(200, b"[" * 10_000),
    "a list": lambda told: told.reply(200, b'["green"]'),
    "nothing": lambda told: told.reply(200, b""),
    "no status": saying(None),  # type: ignore[arg-type]
    "another word": saying("GREEN!"),
    "a status that is no word": saying({"green": 1}),  # type: ignore[arg-type]
    "of tomorrow": saying(asserted_at=NOW + 86_400),
    "of no time at all": saying(asserted_at=10**400),
    "of 1970": saying(asserted_at=12),
    "a time that is none": saying(asserted_at=[1]),
    "a time that is no number": lambda told: told.reply(
        200, b'{"id": "%s", "status": "green", "asserted_at": NaN}' % json.loads(told.body)["id"].encode()
    ),
    "a test without a time": saying(result="negative"),
    "a result of another word": saying(tested_at=NOW - 60, result="fine"),
}


@pytest.mark.parametrize("name", MISBEHAVING)
def test_a_platform_that_misbehaves_makes_nobody_green(
    site: Site, subject: Subject, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Refer, in time, without a word about anybody in the log; not even where the town calls everybody green."""
    began = time.monotonic()
    with serving(MISBEHAVING[name]) as server, caplog.at_level(logging.DEBUG):
        found = source(site, server, default=Default.GREEN).of(subject, NOW)
    assert (found.status, found.reason) == (U, Reason.NO_ANSWER)
    assert time.monotonic() - began < 5
    person = somebody(1)
    assert "the platform does not answer" in caplog.text
    assert not any(text in caplog.text for text in (person.number, person.name, str(person.phone)))


def test_a_certificate_of_a_wrong_authority_is_no_answer(site: Site, subject: Subject, tmp_path: Path) -> None:
    """Nothing is sent to it; with the right authority it is asked."""
    signed, private = certificate(tmp_path)
    (tmp_path / "other").mkdir()
    other, _ = certificate(tmp_path / "other")
    with serving(saying()) as server:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(signed, private)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        url = f"https://127.0.0.1:{server.server_port}/"
        for ca in (None, str(other)):
            assert source(site, server, url=url, ca=ca).of(subject, NOW).reason is Reason.NO_ANSWER
        assert server.requests == []
        assert source(site, server, url=url, ca=str(signed), whole_seconds=5.0).of(subject, NOW).status is G


@both
def test_what_it_said_last_holds_as_long_as_the_town_says(site: Site, subject: Subject) -> None:
    """Refer at once unless the policy takes what was known; red stays red in any case."""
    with serving(saying("green")) as server:
        strict = source(site, server)
        lenient = source(site, server, no_answer=NoAnswer.LAST_KNOWN, last_known_hours=2)
        assert strict.of(subject, NOW).status is G
        server.script = broken
        assert strict.of(subject, NOW + 100).status is U
        found = lenient.of(subject, NOW + 2 * HOUR)
        assert (found.status, found.asserted_at) == (G, NOW)  # a gate sees how old it is
        assert lenient.of(subject, NOW + 2 * HOUR + 1).status is U
        server.script = saying("red", asserted_at=NOW)
        assert source(site, server).of(subject, NOW + 3 * HOUR).status is R
        server.script = broken
        assert source(site, server).of(subject, NOW + 9 * HOUR).status is R


@both
def test_the_platforms_red_withdraws_a_saved_pass_and_its_green_gives_it_back(site: Site, subject: Subject) -> None:
    """As soon as somebody looks: in the transaction that writes the answer down."""
    with serving(saying("green")) as server:
        asked = source(site, server)
        asked.of(subject, NOW)
        serial = issued(site, subject.visitor)
        server.script = saying("red")
        asked.of(subject, NOW + 100)
        assert listed(site) == {serial}
        server.script = saying("green")
        asked.of(subject, NOW + 200)
        assert listed(site) == set()


def test_the_worse_of_platform_and_register_counts(site: Site, subject: Subject) -> None:
    """And the authority's green is one for whom the platform does not know, not for whom it cannot be asked about."""
    with serving(saying("green")) as server:
        say(site, subject.visitor, Y)
        assert source(site, server).of(subject, NOW).status is Y
        say(site, subject.visitor, G, now=NOW + 1)
        server.script = saying("unknown")
        assert source(site, server).of(subject, NOW + 100).status is G
        server.script = broken
        assert source(site, server).of(subject, NOW + 200).status is U


def test_nobody_is_asked_about_who_is_not_registered_or_not_known_by_name(site: Site, subject: Subject) -> None:
    """A stranger learns nothing of the platform through us."""
    with serving(saying("green")) as server:
        assert source(site, server).of(Subject("0" * 16, somebody(2)), NOW).reason is Reason.NOT_REGISTERED
        assert source(site, server).of(Subject(subject.visitor), NOW).reason is Reason.NO_ANSWER
        assert server.requests == []


def test_a_platform_that_is_down_is_left_alone_and_asked_again_later(
    site: Site, subject: Subject, caplog: pytest.LogCaptureFixture
) -> None:
    """Three failures; then nobody waits for it, one asks again after a rest; told once, not each time."""
    now = [100.0]
    with serving(broken) as server:
        asked = source(site, server)
        asked.monotonic = lambda: now[0]
        for _ in range(10):
            assert asked.of(subject, NOW).status is U
        assert len(server.requests) == FAILURES
        now[0] += REST_SECONDS
        for _ in range(10):
            asked.of(subject, NOW)
        assert len(server.requests) == FAILURES + 1
        now[0] += REST_SECONDS
        server.script = saying("green")
        assert asked.of(subject, NOW).status is G
    told = [record.message for record in caplog.records if "platform" in record.message]
    assert [message.partition(":")[0] for message in told] == [
        "the platform does not answer",
        "the platform does not answer, it is left alone",
        "the platform answers again",
    ]


def test_while_one_asks_after_a_rest_the_others_do_not() -> None:
    """A breaker that is pure: failures in a row count, a success forgets them."""
    breaker = Breaker()
    for failure in range(FAILURES):
        assert breaker.asked(failure) is not None
        breaker = breaker.failed(float(failure))
    assert breaker.asked(FAILURES) is None
    trying = breaker.asked(FAILURES - 1 + REST_SECONDS)
    assert trying is not None
    assert trying.asked(FAILURES + REST_SECONDS) is None
    assert trying.failed(99).asked(99 + REST_SECONDS - 1) is None


_ANSWERS = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=9) | st.sampled_from(["green", "a" * 32, 1e300]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["id", "status", "asserted_at", "tested_at", "result"]), inner)
    ),
    max_leaves=8,
)


@given(st.binary(max_size=60) | _ANSWERS.map(lambda value: json.dumps(value).encode()))
def test_no_answer_crashes_the_reader_nor_is_green_without_the_requests_id(body: bytes) -> None:
    """It is read, or not believed."""
    settings = PlatformSettings(url="https://platform.example")
    try:
        found = read(body, settings, "b" * 32, "x", NOW)
    except NotBelieved:
        return
    assert isinstance(found, Answered)
    assert json.loads(body)["id"] == "b" * 32


def test_settings_that_cannot_be_meant_are_refused(site: Site) -> None:
    """At the start, in a sentence."""
    state = site.centre.state
    for text in (
        '[platform]\nurl = "ftp://x"\n',
        '[platform]\nurl = "https://x.example"\nanswer = { id = "" }\n',
        '[platform]\nurl = "https://x.example"\nno_answer = "green"\n',
        '[platform]\nurl = "https://x.example"\nstatuses = { ok = "fine" }\n',
    ):
        state.config.write_text(text)
        with pytest.raises(Mistake, match=r"platform|no_answer|statuses|answer"):
            source_of(Centre.open(state))
    assert msgspec.to_builtins(AnswerFields())["id"] == "id"
