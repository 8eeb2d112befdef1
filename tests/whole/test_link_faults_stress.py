"""gate-sync in a network of its own, and after weeks in the field (`make stress`; root and iproute2 for the first)."""

from __future__ import annotations

import contextlib
import datetime
import ipaddress
import os
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from sync.outbox import Outbox
from sync.outbox.lines import encode, seed_of
from sync.outbox.segments import segment_path
from tests.sync.programs import a_record, programs, until

pytestmark = pytest.mark.stress
SPACE, OUTSIDE, INSIDE = "venue-gate-test", "10.231.87.1", "10.231.87.2"
PAIR = ("vgtest0", "vgtest1")


def run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)


@pytest.fixture
def space() -> Iterator[None]:
    """A network namespace with one cable to this machine; its hosts end there."""
    if os.geteuid() != 0 or not shutil.which("ip"):
        pytest.fail("needs root and iproute2, which `make stress` installs")
    run("ip", "netns", "add", SPACE)
    try:
        run("ip", "link", "add", PAIR[0], "type", "veth", "peer", "name", PAIR[1], "netns", SPACE)
        run("ip", "addr", "add", f"{OUTSIDE}/30", "dev", PAIR[0])
        run("ip", "link", "set", PAIR[0], "up")
        run("ip", "-n", SPACE, "addr", "add", f"{INSIDE}/30", "dev", PAIR[1])
        run("ip", "-n", SPACE, "link", "set", PAIR[1], "up")
        yield
    finally:
        run("ip", "netns", "del", SPACE)


def town_authority(directory: Path) -> tuple[Path, Path]:
    """A certificate authority of the town, and a server's certificate with its key in one file."""
    now = datetime.datetime.now(datetime.UTC)
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(2)]
    names = [x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]) for name in ("Town CA", "centre")]

    def certificate(which: int) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(names[which])
            .issuer_name(names[0])
            .public_key(keys[which].public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=which == 0, path_length=None), critical=True)
        )

    authority = certificate(0).sign(keys[0], hashes.SHA256())
    address = x509.IPAddress(ipaddress.ip_address(OUTSIDE))
    server = certificate(1).add_extension(x509.SubjectAlternativeName([address]), critical=False)
    ca, chain = directory / "ca.pem", directory / "centre.pem"
    ca.write_bytes(authority.public_bytes(serialization.Encoding.PEM))
    chain.write_bytes(
        keys[1].private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        + server.sign(keys[0], hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    )
    return ca, chain


@contextmanager
def tls_to(port: int, chain: Path) -> Iterator[int]:
    """What nginx does before the collector: TLS outside, plain http to this machine's own port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain)
    listener = socket.create_server((OUTSIDE, 0))

    def pump(source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while chunk := source.recv(65_536):
                sink.sendall(chunk)
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def serve(accepted: socket.socket) -> None:
        with suppress(OSError):
            gate = context.wrap_socket(accepted, server_side=True)
            centre = socket.create_connection(("127.0.0.1", port))
            threading.Thread(target=pump, args=(centre, gate), daemon=True).start()
            pump(gate, centre)

    def accept() -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    with contextlib.closing(listener):
        yield listener.getsockname()[1]


def test_a_pulled_cable_and_a_lossy_line_lose_nothing(space: None, tmp_path: Path) -> None:
    """HTTPS with the town's own CA through a namespace: cable out and in, then a line that loses packets."""
    ca, chain = town_authority(tmp_path)
    with programs(tmp_path) as processes:
        processes.found()
        processes.serve()
        (tmp_path / "sync.toml").write_text(
            "greeting_seconds = 0.5\nfirst_wait_seconds = 0.1\nlongest_wait_seconds = 0.5\nconnect_seconds = 1\n"
            "read_seconds = 3\n"
        )
        with tls_to(processes.port, chain) as port:
            processes.collector(
                *("gate", "provision", str(processes.state.root), "--gate", "gate-1"),
                *("--collector-url", f"https://{OUTSIDE}:{port}", "--ca", str(ca)),
            )
            outbox = Outbox(processes.state.outbox, "board:card")
            fill(outbox, 100)
            processes.sync(within=("ip", "netns", "exec", SPACE))
            until(lambda: processes.count() == 100)
            for _ in range(3):
                run("ip", "link", "set", PAIR[0], "down")
                fill(outbox, 700)
                until(lambda: "no network" in processes.status())
                run("ip", "link", "set", PAIR[0], "up")
                until(lambda: processes.count() == outbox.next - 1)
            # Every tenth packet is lost, where the kernel has netem.
            netem = ("tc", "qdisc", "add", "dev", PAIR[0], "root", "netem", "delay", "30ms", "loss", "10%")
            if subprocess.run(netem, capture_output=True, check=False).returncode == 0:
                fill(outbox, 2_000)
                until(lambda: processes.count() == outbox.next - 1)


def fill(outbox: Outbox, count: int) -> None:
    for _ in range(count):
        outbox.append(a_record(outbox.next))


def fill_by_hand(directory: Path, name: str, count: int) -> None:
    """Whole segments at once, as `Outbox.append` would leave them: a million flushes would take the evening."""
    for base in range(1, count + 1, 500):
        seed, numbers = seed_of(name, base), range(base, min(base + 500, count + 1))
        segment_path(directory / name, base).write_bytes(b"".join(encode(n, a_record(n), seed) for n in numbers))


@pytest.mark.timeout(3_600)
def test_a_gate_with_a_million_records_drains_in_the_memory_of_an_ordinary_day(tmp_path: Path) -> None:
    """60 days in the field (R24): the memory at the end is that of the first tenth."""
    drain(tmp_path, 1_000_000)


def drain(directory: Path, count: int) -> tuple[int, int]:
    """Resident KiB of gate-sync at most, until a tenth arrived and until everything did."""
    with programs(directory) as processes:
        processes.found()
        processes.serve()
        processes.provision()
        with Outbox(processes.state.outbox, "board:card") as outbox:
            name = outbox.id
        fill_by_hand(processes.state.outbox, name, count)
        sync = processes.sync()

        def arrived(share: float) -> bool:
            rows = processes.ask("SELECT records, next FROM outbox")
            return bool(rows) and rows[0][0] >= count * share

        until(lambda: arrived(0.1), 3_600)
        early = most_memory(sync.pid)
        until(lambda: arrived(1.0), 3_600)
        late = most_memory(sync.pid)
        assert processes.ask("SELECT next, records FROM outbox") == [(count + 1, count)]
    assert late < early + 4_000
    return early, late


def most_memory(pid: int) -> int:
    """KiB (proc(5), VmHWM)."""
    return int(Path(f"/proc/{pid}/status").read_text().partition("VmHWM:")[2].split()[0])
