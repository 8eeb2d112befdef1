"""A gate with a valid key and no good will: whatever it signs is taken, set aside or refused; never a 500 (issue 8).

The short run is part of `make test`, the long one of `make stress`; both over SQLite and PostgreSQL.
"""

from __future__ import annotations

import json
import logging
import time

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from sync.collector.app import create_app
from sync.collector.intake.api import CONTENT_TYPE, MAX_BODY_BYTES
from sync.collector.invariants import broken
from sync.collector.problems import Kind
from sync.wire.envelope import MessageType, named_key
from sync.wire.errors import NotGenuine
from sync.wire.receipt import decode_answer
from tests.sync.collector import rogue
from tests.sync.collector.cluster import DATABASES
from tests.sync.collector.gateside import NOW, Gate, Site
from tests.sync.collector.staff import IT, cookie_for

both = pytest.mark.parametrize("new_state", DATABASES, indirect=True)
_REFUSALS = {kind.type: kind for kind in Kind}
_UNHURRIED = {"deadline": None, "suppress_health_check": list(HealthCheck)}


@pytest.fixture
def client(site: Site) -> FlaskClient:
    return create_app(site.centre, lambda: NOW).test_client(use_cookies=False)


def send(client: FlaskClient, gate: Gate, body: bytes) -> int:
    """Post, and check whatever comes back: a receipt that verifies, or a problem document of a known kind."""
    reply = client.post("/v1/batches", data=body, content_type=CONTENT_TYPE)
    if reply.status_code == 200:
        gate.receipt(decode_answer(reply.data))
        return 200
    assert reply.content_type == "application/problem+json"
    problem = json.loads(reply.data)
    kind = _REFUSALS[problem["type"]]
    assert (problem["status"], kind.status, problem["title"]) == (reply.status_code, reply.status_code, kind.title)
    assert 400 <= reply.status_code < 500, problem
    assert len(problem["detail"]) < 500
    return reply.status_code


def hostile(site: Site, gate: Gate, client: FlaskClient, log: pytest.LogCaptureFixture, examples: int) -> set[int]:
    """Send so many, and look at the centre afterwards; the statuses that there were."""
    seen = set()

    @settings(max_examples=examples, phases=[Phase.explicit, Phase.generate, Phase.shrink], **_UNHURRIED)
    @given(body=st.one_of(rogue.bodies(gate), rogue.bodies(gate), rogue.envelopes(gate), rogue.strangers()))
    def run(body: bytes) -> None:
        seen.add(send(client, gate, body))

    with log.at_level(logging.DEBUG):
        run()
    assert broken(site.centre.database) == []
    near = {"Host": "localhost", "Cookie": cookie_for(site.centre, IT, now=NOW)}
    assert client.get("/live", environ_base={"REMOTE_ADDR": "127.0.0.1"}, headers=near).status_code == 200
    assert rogue.MARK not in log.text
    assert "Traceback" not in log.text
    return seen


@both
def test_whatever_a_rogue_gate_signs_is_taken_or_refused(
    site: Site, gate: Gate, client: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    """Wrong types, depth, bombs, year 9999, 2^63, NUL, surrogates: typed refusals, and no word of it in the log."""
    assert hostile(site, gate, client, caplog, 80) >= {200, 400, 403}


@both
@pytest.mark.stress
def test_whatever_a_rogue_gate_signs_is_taken_or_refused_for_long(
    site: Site, gate: Gate, client: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    """The same, five thousand times."""
    assert hostile(site, gate, client, caplog, 5_000) >= {200, 400, 403}


def same_hash_map() -> bytes:
    """A CBOR map whose keys are different and share one hash in Python."""
    keys = [b"\xc2\x4c" + (step * (2**61 - 1) * 8).to_bytes(12, "big") for step in range(1, 40_001)]
    return b"\xb9" + (40_000).to_bytes(2, "big") + b"".join(key + b"\x00" for key in keys)


@pytest.mark.parametrize("at", ["whole", "inside the tag", "protected", "unprotected", "signature"])
def test_no_body_costs_much_before_its_signature(at: str) -> None:
    """40,000 keys that share one hash: a decoder would compare each with each, for seconds."""
    item = same_hash_map()
    in_bytes = b"\x5a" + len(item).to_bytes(4, "big") + item
    protected, kid, rest = b"\x4d\xa2\x01\x27\x04\x48", b"kidkidki", b"\x40\x58\x40" + bytes(64)
    body = {
        "whole": item,
        "inside the tag": b"\xd2" + item,
        "protected": b"\xd2\x84" + in_bytes + b"\xa0" + rest,
        "unprotected": b"\xd2\x84" + protected + kid + item + rest,
        "signature": b"\xd2\x84" + protected + kid + b"\xa0\x40" + item,
    }[at]
    assert len(body) <= MAX_BODY_BYTES
    began = time.process_time()
    with pytest.raises(NotGenuine):
        named_key(body, MessageType.BATCH)
    assert time.process_time() - began < 0.2
