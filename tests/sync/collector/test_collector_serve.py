"""`collector serve` as a process: gunicorn, its refusals, its end, and over both databases (RFC 9457)."""

from __future__ import annotations

import http.client
import json
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest
from flask import Flask
from sqlalchemy import func, select, text

from sync.collector import health, problems
from sync.collector.app import create_app
from sync.collector.health import LEAST_FREE_BYTES
from sync.collector.intake.api import MAX_BODY_BYTES
from sync.collector.intake.model import RecordRow
from sync.collector.problems import Problem
from sync.wire.receipt import decode_answer
from tests.sync.collector.cluster import DATABASES
from tests.sync.collector.gateside import Gate, Reply, Served, Site
from tests.sync.collector.processes import start_serving

both = pytest.mark.parametrize("new_state", DATABASES, indirect=True)


@pytest.fixture
def process(site: Site) -> Iterator[tuple[subprocess.Popen[str], Served]]:
    """A serving collector and a way to ask it."""
    running, address = start_serving(site.centre.state.path)
    yield running, Served(site.centre, urlsplit(address).port or 0)
    running.kill()
    running.wait()


@pytest.fixture
def serving(process: tuple[subprocess.Popen[str], Served]) -> Served:
    return process[1]


def spoken(served: Served, request: bytes) -> tuple[bytes, dict[str, object]]:
    """The head and the problem document of what comes until the server closes."""
    with socket.create_connection(("127.0.0.1", served.port), timeout=20) as connection:
        connection.sendall(request)
        head, _, body = connection.makefile("rb").read().partition(b"\r\n\r\n")
    assert b"application/problem+json" in head
    return head, json.loads(body)


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_large_body_is_refused_before_it_is_sent(serving: Served) -> None:
    """The size is bounded before reading: the answer comes though no byte of the body was sent."""
    head, problem = spoken(
        serving,
        b"POST /v1/batches HTTP/1.1\r\nHost: x\r\nContent-Type: application/cose\r\n"
        b"Content-Length: %d\r\n\r\n" % (MAX_BODY_BYTES + 1),
    )
    assert (head[:13], problem["status"]) == (b"HTTP/1.1 413 ", 413)


def test_a_body_in_chunks_is_refused_before_it_is_read(serving: Served) -> None:
    """Nothing says how large it will become; gates say it."""
    head, problem = spoken(
        serving,
        b"POST /v1/batches HTTP/1.1\r\nHost: x\r\nContent-Type: application/cose\r\n"
        b"Transfer-Encoding: chunked\r\n\r\nffffffff\r\nx",
    )
    assert (head[:13], problem["status"]) == (b"HTTP/1.1 411 ", 411)


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"POST /v1/batches HTTP/1.1\r\nContent-Length: many\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nX: " + b"x" * 20_000 + b"\r\n\r\n", 431),
        (b"GET /" + b"x" * 20_000 + b" HTTP/1.1\r\n\r\n", 414),
        (b"POST /v1/batches HTTP/1.1\r\nTransfer-Encoding: x\r\n\r\n", 501),
        (b"POST /v1/batches HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
        (b"POST /v1/batches HTTP/1.1\r\nContent-Length: \xb2\r\n\r\n", 400),
        (b"POST /v1/batches HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400),
        (b"GET //v1/batches HTTP/1.1\r\nConnection: close\r\n\r\n", 405),
        (b"GET /v1/batches HTTP/1.1\r\nHost: [\r\nConnection: close\r\n\r\n", 405),
        (b"POST /v1/batches HTTP/1.1\r\nContent-Type: application/cose\r\nConnection: close\r\n\r\n", 411),
    ],
    ids=[
        *("length", "TLS", "long header", "long line", "coding", "two lengths", "superscript", "negative"),
        *("slashes", "host", "no length"),
    ],
)
def test_what_is_not_http_is_answered_with_a_problem_document(serving: Served, request_: bytes, status: int) -> None:
    """Even what no application sees."""
    head, problem = spoken(serving, request_)
    assert (head[:13], problem["status"]) == (b"HTTP/1.1 %d " % status, status)


@both
def test_health_tells_the_process_and_readiness_its_database(process: tuple[subprocess.Popen[str], Served]) -> None:
    """A proxy sends nobody to a centre that cannot take anything in; a supervisor does not restart it for that."""
    served = process[1]
    assert served.request("GET", "/healthz").status == 200
    assert served.request("GET", "/readyz").status == 200
    with served.centre.database.change() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    reply = served.request("GET", "/readyz")
    assert (reply.status, reply.headers["content-type"]) == (503, "application/problem+json")
    assert served.request("GET", "/healthz").status == 200


@pytest.mark.parametrize(("free", "status"), [(LEAST_FREE_BYTES, 200), (LEAST_FREE_BYTES - 1, 503)])
def test_a_full_disk_is_not_ready(site: Site, free: int, status: int) -> None:
    """Before a batch meets it."""
    app = Flask(__name__)
    app.register_blueprint(health.blueprint(site.centre, lambda: free))
    app.register_error_handler(Problem, problems.response)
    assert app.test_client().get("/readyz").status_code == status


@pytest.mark.parametrize("new_state", ["postgresql"], indirect=True)
def test_a_database_that_only_reads_is_not_ready(site: Site) -> None:
    """A standby answers every question, and takes nothing in."""
    with site.centre.database.change() as connection:
        name = connection.scalar(text("SELECT current_database()"))
        connection.execute(text(f"ALTER DATABASE {name} SET default_transaction_read_only = on"))
    site.centre.database.close()  # the next connections know it
    reply = create_app(site.centre).test_client().get("/readyz")
    assert (reply.status_code, "read-only" in reply.text) == (503, True)


@both
def test_the_end_waits_for_what_is_under_way(process: tuple[subprocess.Popen[str], Served], gate: Gate) -> None:
    """SIGTERM while a batch waits for the database: it is stored and answered, then the process ends with 0."""
    running, served = process
    replies: list[Reply] = []
    sender = threading.Thread(target=lambda: replies.append(served.post(gate.batch(1, [gate.record(1)]))))
    with served.centre.database.change() as connection:
        connection.execute(text("UPDATE gate SET name = 'held' WHERE number = 1"))
        if not served.centre.database.is_sqlite:
            connection.execute(text("LOCK TABLE outbox IN ACCESS EXCLUSIVE MODE"))
        sender.start()
        until(lambda: served.request("GET", "/healthz").status == 200)
        threading.Event().wait(0.3)  # a moment of the request, not a synchronization
        running.send_signal(signal.SIGTERM)
    sender.join(30)
    assert running.wait(30) == 0
    assert gate.receipt(replies[0].answer()).next == 2
    with served.centre.database.read() as session:
        assert session.scalar(select(func.count()).select_from(RecordRow)) == 1


@both
def test_a_connection_is_kept_for_the_next_batch(serving: Served, gate: Gate) -> None:
    """A gate that drains a backlog pays for one connection."""
    connection = http.client.HTTPConnection("127.0.0.1", serving.port, timeout=20)
    for first in (1, 2, 3):
        connection.request(
            "POST", "/v1/batches", gate.batch(first, [gate.record(first)]), {"Content-Type": "application/cose"}
        )
        reply = connection.getresponse()
        assert gate.receipt(decode_answer(reply.read())).next == first + 1
        assert not reply.will_close
    connection.close()


def test_a_server_that_is_killed_leaves_its_port(site: Site, process: tuple[subprocess.Popen[str], Served]) -> None:
    """No worker stays behind: the next one starts on the same port at once."""
    running, served = process
    running.kill()
    running.wait()
    again, _ = start_serving(site.centre.state.path, "--port", str(served.port))
    assert served.request("GET", "/healthz").status == 200
    again.kill()
    again.wait()
