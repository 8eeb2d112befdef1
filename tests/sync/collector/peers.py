"""Peers on this machine for what the centre sends: a certificate for them, and the ways in which HTTP goes wrong."""

from __future__ import annotations

import datetime
import ipaddress
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.sync.wires import Told

NAME = "peer.example"


def certificate(directory: Path, address: str = "127.0.0.1") -> tuple[Path, Path]:
    """A self-signed certificate for NAME and this address, good for a day, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    now = datetime.datetime.now(datetime.UTC)
    names = [x509.DNSName(NAME), x509.IPAddress(ipaddress.ip_address(address))]
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate, private = directory / "peer.pem", directory / "peer.key"
    certificate.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return certificate, private


@contextmanager
def answering(says: bytes) -> Iterator[int]:
    """The port of somebody who says that to whoever connects, one byte at a time, and then no more."""
    over = threading.Event()

    def serve() -> None:
        connection, _ = listener.accept()
        with connection, suppress(OSError):
            for byte in says:
                connection.sendall(bytes([byte]))
                over.wait(0.01)
            over.wait(10)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            over.set()
            thread.join(5)


def silent(told: Told) -> None:
    """Takes the request and never answers."""
    told.server.closing.wait(30)


def half(told: Told) -> None:
    """The cable is cut within the answer."""
    told.send_response(200)
    told.send_header("Content-Length", "1000")
    told.end_headers()
    told.wfile.write(b"x" * 500)
    told.close_connection = True


def gone(told: Told) -> None:
    """The cable is cut before it."""
    told.close_connection = True


def endless(told: Told) -> None:
    """Never stops talking."""
    told.send_response(200)
    told.end_headers()
    while not told.server.closing.is_set():
        told.wfile.write(b"x" * 65_536)


def drip(told: Told) -> None:
    """Each byte comes in time, and the whole never."""
    told.send_response(200)
    told.send_header("Content-Length", "100000")
    told.end_headers()
    while not told.server.closing.wait(0.03):
        told.wfile.write(b"x")
        told.wfile.flush()
