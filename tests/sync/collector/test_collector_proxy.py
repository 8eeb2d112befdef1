"""The proxy that docs/CENTRE.md shows, word for word, before a serving collector: TLS, slow clients, a flood."""

from __future__ import annotations

import datetime
import http.client
import ipaddress
import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.x509.oid import NameOID

from sync.transport import HttpsTransport
from sync.wire.envelope import MessageType, sign
from sync.wire.keys import Purpose, SigningKey
from sync.wire.receipt import decode_answer
from tests.sync.collector.gateside import Gate, Site
from tests.sync.collector.processes import COLLECTOR

PAGE = Path(__file__).parents[3] / "docs" / "CENTRE.md"
NGINX = shutil.which("nginx") or "/usr/sbin/nginx"
SLOW = 300

pytestmark = [
    pytest.mark.stress,
    pytest.mark.timeout(300),
    pytest.mark.skipif(not Path(NGINX).exists(), reason="make stress installs nginx-light"),
]


@dataclass
class Proxied:
    """nginx on a port of its own, its certificate authority, and the collector's log behind it."""

    port: int
    ca: Path
    log: Path

    def connection(self, address: str = "127.0.0.1") -> http.client.HTTPSConnection:
        """From that address of this machine."""
        trusted = ssl.create_default_context(cafile=str(self.ca))
        return http.client.HTTPSConnection(
            "127.0.0.1", self.port, timeout=30, context=trusted, source_address=(address, 0)
        )

    def ask(self, method: str, path: str, body: bytes = b"", address: str = "127.0.0.1") -> tuple[int, bytes]:
        line = self.connection(address)
        try:
            line.request(method, path, body, {"Content-Type": "application/cose"})
            answer = line.getresponse()
            return answer.status, answer.read()
        finally:
            line.close()


def certificate(directory: Path) -> None:
    """A self-signed certificate for this machine: centre.pem, centre.key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "centre")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    (directory / "centre.pem").write_bytes(made.public_bytes(pem))
    (directory / "centre.key").write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


@pytest.fixture
def proxied(site: Site) -> Iterator[Proxied]:
    """The page's configuration, with this test's port, certificate and collector in it."""
    directory, port = site.directory / "proxy", free_port()
    directory.mkdir()
    certificate(directory)
    log = directory / "collector.log"
    site.centre.state.config.write_text(f'address = "https://127.0.0.1:{port}"\n')
    command = [str(COLLECTOR), "--state", str(site.centre.state.path), "serve", "--port", "0"]
    with log.open("wb") as errors:
        collector = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True)
    assert collector.stdout is not None
    upstream = urlsplit(collector.stdout.readline().split()[1]).port
    shown = re.search(r"```nginx\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert shown
    text = shown.group(1).replace("listen 443 ssl", f"listen 127.0.0.1:{port} ssl")
    text = text.replace("127.0.0.1:8000", f"127.0.0.1:{upstream}").replace("/etc/ssl/", f"{directory}/")
    user = "user root;" if os.getuid() == 0 else ""
    (directory / "nginx.conf").write_text(
        f"{user} daemon off; pid {directory}/pid; error_log {directory}/error.log; worker_rlimit_nofile 4096;\n"
        f"events {{ worker_connections 2048; }}\nhttp {{ access_log off; client_body_temp_path {directory}/bodies;\n"
        f"{text}\n}}\n"
    )
    nginx = subprocess.Popen([NGINX, "-p", directory, "-c", directory / "nginx.conf"], stderr=subprocess.PIPE)
    made = Proxied(port, directory / "centre.pem", log)
    try:
        wait_for(made, nginx)
        yield made
    finally:
        for process in (nginx, collector):
            process.terminate()
            process.wait(40)


def wait_for(proxied: Proxied, nginx: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 20
    while True:
        try:
            assert proxied.ask("GET", "/readyz")[0] == 200
        except OSError:
            assert nginx.poll() is None, nginx.stderr.read() if nginx.stderr else ""
            assert time.monotonic() < deadline
            time.sleep(0.1)
        else:
            return


def stranger() -> bytes:
    return sign(bytes(500), SigningKey(Ed25519PrivateKey.generate(), Purpose.GATE), MessageType.BATCH)


def test_a_gate_reaches_the_centre_and_people_reach_the_door(proxied: Proxied, gate: Gate) -> None:
    """The gates' own transport and the town's authority; the log names who was refused, not the proxy."""
    transport = HttpsTransport(f"https://127.0.0.1:{proxied.port}", proxied.ca)
    answer = decode_answer(transport.exchange(gate.batch(1, [gate.record(1)])))
    transport.close()
    assert gate.receipt(answer).next == 2
    assert {path: proxied.ask("GET", path)[0] for path in ("/", "/live", "/sign-in", "/healthz")} == {
        "/": 303,
        "/live": 401,
        "/sign-in": 200,
        "/healthz": 200,
    }
    assert proxied.ask("POST", "/v1/batches", bytes(1_200_000))[0] == 413
    status, body = proxied.ask("POST", "/v1/batches", stranger(), "127.0.0.9")
    assert (status, json.loads(body)["type"]) == (403, "/v1/problems/unknown-gate")
    assert "unknown-gate, no known gate, from 127.0.0.9" in proxied.log.read_text()


def test_slow_clients_hold_up_nobody(proxied: Proxied, gate: Gate) -> None:
    """Headers without an end and bodies that never come, 300 of them: the proxy's time, not the centre's."""
    trusted = ssl.create_default_context(cafile=str(proxied.ca))
    head = b"POST /v1/batches HTTP/1.1\r\nHost: centre\r\nContent-Type: application/cose\r\nContent-Length: 100000\r\n"
    slow = []
    for number in range(SLOW):
        plain = socket.create_connection(("127.0.0.1", proxied.port), source_address=(f"127.0.0.{10 + number % 5}", 0))
        line = trusted.wrap_socket(plain, server_hostname="127.0.0.1")
        line.sendall(head + (b"\r\n" + bytes(1_000) if number % 2 else b"X-Slow: "))
        slow.append(line)
    try:
        for first in range(1, 11):
            began = time.monotonic()
            for line in slow[first::10]:
                line.sendall(b"x")
            status, body = proxied.ask("POST", "/v1/batches", gate.batch(first, [gate.record(first)]), "127.0.0.2")
            assert (status, gate.receipt(decode_answer(body)).next) == (200, first + 1)
            assert time.monotonic() - began < 5
    finally:
        for line in slow:
            line.close()


def test_a_flood_from_one_address_is_turned_away_at_the_proxy(proxied: Proxied, gate: Gate) -> None:
    """429 for what is over the limit, and a gate at another address is served meanwhile."""
    told: Counter[int] = Counter()
    stop, body = threading.Event(), stranger()

    def flood() -> None:
        line = proxied.connection("127.0.0.9")
        while not stop.is_set():
            line.request("POST", "/v1/batches", body, {"Content-Type": "application/cose"})
            answer = line.getresponse()
            answer.read()
            told[answer.status] += 1

    threads = [threading.Thread(target=flood) for _ in range(16)]
    for thread in threads:
        thread.start()
    took, began = [], time.monotonic()
    for first in range(1, 60):
        sent = time.perf_counter()
        status, answer = proxied.ask("POST", "/v1/batches", gate.batch(first, [gate.record(first)]), "127.0.0.2")
        took.append(time.perf_counter() - sent)
        assert (status, gate.receipt(decode_answer(answer)).next) == (200, first + 1)
    seconds = time.monotonic() - began
    stop.set()
    for thread in threads:
        thread.join()
    took.sort()
    away, refused = (told[status] / seconds for status in (429, 403))
    print(f"\n{away:.0f} turned away and {refused:.0f} refused a second; {took[30]:.3f} s median")
    assert set(told) == {403, 429}
    assert told[403] <= 200 + 16 + 110 * seconds
