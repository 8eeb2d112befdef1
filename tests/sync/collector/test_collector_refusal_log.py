"""What is refused has a line in the log; a flood has few, and a count (issue 8, STYLE 13)."""

from __future__ import annotations

import logging
import re

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from sync.collector.app import create_app
from sync.collector.intake.api import CONTENT_TYPE
from sync.collector.problems import Kind
from sync.collector.refusals import LINES_A_MINUTE, Folding, Refusals, sender
from sync.wire.keys import Purpose, SigningKey
from tests.sync.collector.gateside import NOW, Gate, Site

LOGGER = "sync.collector.refusals"


def lines(log: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in log.records if record.name == LOGGER]


def test_a_refusal_has_one_line_that_names_kind_gate_and_sender(
    site: Site, gate: Gate, caplog: pytest.LogCaptureFixture
) -> None:
    """The gate where its signature held; nothing of what was sent."""
    client = create_app(site.centre, lambda: NOW).test_client()
    client.post("/v1/batches", data=gate.batch(1, [], nonce="zz"), content_type=CONTENT_TYPE)
    gate.key = SigningKey(Ed25519PrivateKey.generate(), Purpose.GATE)
    client.post(
        "/v1/batches",
        data=gate.batch(1, []),
        content_type=CONTENT_TYPE,
        headers={"X-Forwarded-For": "1.2.3.4, 10.0.0.7"},
    )
    assert lines(caplog) == [
        "refused: malformed-batch, gate-1, from 127.0.0.1",
        "refused: unknown-gate, no known gate, from 10.0.0.7",
    ]


def test_a_flood_has_few_lines_and_is_counted(caplog: pytest.LogCaptureFixture) -> None:
    """Ten thousand a second fill no disk; another kind still has its line."""
    now = 100.0
    refusals = Refusals(lambda: now)
    for _ in range(10_000):
        refusals.tell("unknown-gate")
    refusals.tell("too-large")
    now = 161.0
    refusals.tell_rest()
    told = lines(caplog)
    assert len(told) == LINES_A_MINUTE + 2
    assert told[-1] == f"refused: unknown-gate, and {10_000 - LINES_A_MINUTE} more of it in the last minute"


@given(st.lists(st.tuples(st.sampled_from([kind.code for kind in Kind]), st.floats(0, 30)), max_size=200))
def test_every_refusal_is_a_line_or_counted_once(events: list[tuple[str, float]]) -> None:
    """Whatever the kinds and the pace."""
    folding, now, told = Folding(), 0.0, 0
    for kind, pause in events:
        now += pause
        told += sum(count for _, count in folding.due(now))
        told += folding.note(kind, now)
    told += sum(count for _, count in folding.due(now + 60))
    assert told == len(events)


@pytest.mark.parametrize(
    ("remote", "forwarded", "said"),
    [
        ("10.1.2.3", "9.9.9.9", "10.1.2.3"),  # no proxy of ours: its header is a claim
        ("127.0.0.1", None, "127.0.0.1"),
        ("127.0.0.1", "6.6.6.6, 10.0.0.7", "10.0.0.7"),
        ("::1", "fe80::1%\n\x1b[31mred", "fe80::1"),
        ("127.0.0.1", "name\nrefused: nothing", None),
        (None, None, None),
    ],
)
def test_the_sender_is_an_address_or_nothing(remote: str | None, forwarded: str | None, said: str | None) -> None:
    """No text of others gets into a line."""
    assert sender(remote, forwarded) == said


def test_a_line_never_holds_what_the_sender_wrote(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    """Path, query and headers of a stranger."""
    client = create_app(site.centre, lambda: NOW).test_client()
    with caplog.at_level(logging.DEBUG):
        client.get("/v1/XINGMING?name=XINGMING", headers={"User-Agent": "XINGMING"})
        client.post("/v1/batches", data=b"XINGMING", content_type=CONTENT_TYPE)
        client.post("/v1/batches", data=b"XINGMING", content_type="XINGMING")
    assert "XINGMING" not in caplog.text
    assert all(re.fullmatch(r"refused: [a-z-]+, no known gate, from 127\.0\.0\.1", line) for line in lines(caplog))
    assert len(lines(caplog)) == 3
