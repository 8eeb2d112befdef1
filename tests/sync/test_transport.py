"""The HTTPS carrier against a server that misbehaves in every way a field network does."""

from __future__ import annotations

import datetime
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import format_datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from sync.address import UnsafeAddress
from sync.transport import ExchangeFailed, HttpsTransport, Patience
from sync.wire.status import Trouble
from tests.sync.wires import Script, Told, serving

QUICK = Patience(connect_seconds=2.0, read_seconds=0.3, exchange_seconds=1.0)


def failure_of(script: Script, patience: Patience = QUICK, max_answer_bytes: int = 100_000) -> ExchangeFailed:
    """What the transport makes of a server that does that."""
    with serving(script) as server:
        transport = HttpsTransport(server.address, None, patience, max_answer_bytes)
        with pytest.raises(ExchangeFailed) as caught:
            transport.exchange(b"batch")
        transport.close()
    return caught.value


def test_an_exchange_carries_the_bytes_both_ways() -> None:
    """POST /v1/batches, application/cose there, application/cbor back."""
    with serving(lambda told: told.reply(200, b"answer:" + told.body, Content_Type="application/cbor")) as server:
        assert HttpsTransport(server.address + "/").exchange(b"\x00batch\xff") == b"answer:\x00batch\xff"
        request = server.requests[0]
    assert request.path == "/v1/batches"
    assert request.headers["Content-Type"] == "application/cose"
    assert request.headers["Accept-Encoding"] == "identity"


def test_one_connection_serves_many_exchanges() -> None:
    """Keep-alive: a drain pays for one handshake."""
    with serving(lambda told: told.reply(200, b"x", Content_Type="application/cbor")) as server:
        transport = HttpsTransport(server.address)
        for _ in range(5):
            transport.exchange(b"batch")
        assert server.connections == 1


def test_a_megabyte_arrives_whole() -> None:
    """The largest batch that the protocol allows."""
    body = bytes(range(256)) * 4_000
    with serving(lambda told: told.reply(200, told.body, Content_Type="application/cbor")) as server:
        assert HttpsTransport(server.address).exchange(body) == body


@pytest.mark.parametrize(
    ("status", "trouble"),
    [
        (400, Trouble.OUR_FAULT),
        (403, Trouble.REFUSED),
        (404, Trouble.NOT_THE_CENTRE),
        (407, Trouble.NOT_THE_CENTRE),
        (409, Trouble.OUR_FAULT),
        (413, Trouble.OUR_FAULT),
        (415, Trouble.OUR_FAULT),
        (429, Trouble.CENTRE_BUSY),
        (500, Trouble.CENTRE_BUSY),
        (503, Trouble.CENTRE_BUSY),
        (204, Trouble.NOT_THE_CENTRE),
    ],
)
def test_a_status_says_whose_trouble_it_is(status: int, trouble: Trouble) -> None:
    """Told apart, so that IT reads the right sentence (STYLE 5)."""
    failure = failure_of(lambda told: told.reply(status))
    assert failure.trouble is trouble
    assert str(status) in str(failure)


def test_the_centres_own_words_reach_it() -> None:
    """RFC 9457: the detail of problem+json stands in the sentence."""
    problem = b'{"title":"Forbidden","detail":"no gate has that key"}'
    failure = failure_of(lambda told: told.reply(403, problem, Content_Type="application/problem+json; charset=utf-8"))
    assert "no gate has that key" in str(failure)


@pytest.mark.parametrize("problem", [b"{", b"[1]", b"[" * 8_000, b'{"detail":' + b"1" * 9_000 + b"}", b"\xff"])
def test_a_broken_problem_document_breaks_nothing(problem: bytes) -> None:
    """It is only ever a sentence for people."""
    failure = failure_of(lambda told: told.reply(500, problem, Content_Type="application/problem+json"))
    assert failure.trouble is Trouble.CENTRE_BUSY


def test_retry_after_in_seconds_is_reported() -> None:
    """RFC 9110 §10.2.3, delay-seconds."""
    assert failure_of(lambda told: told.reply(429, Retry_After="17")).retry_after == 17.0


def test_retry_after_as_a_date_counts_from_the_peers_own_clock() -> None:
    """RFC 9110 §10.2.3, HTTP-date; a Pi that boots in the past must not wait for years."""
    later = format_datetime(datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=40), usegmt=True)
    waited = failure_of(lambda told: told.reply(503, Retry_After=later)).retry_after
    assert waited is not None
    assert 38 <= waited <= 41


@pytest.mark.parametrize("nonsense", ["", "soon", "-5", "1e9", "²", "99999999999999999999999 GMT"])
def test_a_senseless_retry_after_is_none(nonsense: str) -> None:
    """The backoff alone decides."""
    assert failure_of(lambda told: told.reply(503, Retry_After=nonsense.encode().decode("latin-1"))).retry_after is None


def test_a_captive_portals_page_is_not_the_centre() -> None:
    """200, and HTML."""
    page = b"<html>Please log in</html>"
    failure = failure_of(lambda told: told.reply(200, page, Content_Type="text/html"))
    assert failure.trouble is Trouble.NOT_THE_CENTRE
    assert "log-in page" in str(failure)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_never_followed(status: int) -> None:
    """A batch goes to the centre's address and nowhere else."""
    with serving(lambda told: told.reply(200, b"x", Content_Type="application/cbor")) as elsewhere:
        failure = failure_of(lambda told: told.reply(status, Location=elsewhere.address))
        assert elsewhere.requests == []
    assert failure.trouble is Trouble.NOT_THE_CENTRE
    assert elsewhere.address in str(failure)


def test_half_a_body_is_a_broken_line() -> None:
    """Content-Length promises more than comes."""

    def half(told: Told) -> None:
        told.send_response(200)
        told.send_header("Content-Type", "application/cbor")
        told.send_header("Content-Length", "1000")
        told.end_headers()
        told.wfile.write(b"x" * 500)
        told.close_connection = True

    assert failure_of(half).trouble is Trouble.NO_NETWORK


def test_garbage_instead_of_http_is_a_broken_line() -> None:
    """What a wrong port says."""

    def garbage(told: Told) -> None:
        told.wfile.write(b"\x00\x01\x02 this is no HTTP\r\n\r\n")
        told.close_connection = True

    assert failure_of(garbage).trouble is Trouble.NO_NETWORK


def test_an_endless_body_is_cut_at_the_limit() -> None:
    """Memory is bounded, whatever the peer sends."""

    def endless(told: Told) -> None:
        told.send_response(200)
        told.send_header("Content-Type", "application/cbor")
        told.end_headers()
        while not told.server.closing.is_set():
            told.wfile.write(b"x" * 65_536)

    failure = failure_of(endless, Patience(2.0, 2.0, 10.0), max_answer_bytes=300_000)
    assert failure.trouble is Trouble.NOT_THE_CENTRE
    assert "300000" in str(failure)


def test_a_peer_that_says_nothing_is_left_after_the_read_timeout() -> None:
    """A stalled line."""
    started = time.monotonic()
    failure = failure_of(lambda told: _until_closing(told), QUICK)
    assert failure.trouble is Trouble.NO_NETWORK
    assert time.monotonic() - started < 5


@pytest.mark.parametrize("where", ["headers", "body", "body without a length"])
def test_a_peer_that_drips_is_left_at_the_deadline(where: str) -> None:
    """Each byte comes in time, and the whole never: only a deadline for the exchange ends it."""

    def drip(told: Told) -> None:
        if where.startswith("body"):
            told.send_response(200)
            told.send_header("Content-Type", "application/cbor")
            if where == "body":
                told.send_header("Content-Length", "100000")
            told.end_headers()
        else:
            told.wfile.write(b"HTTP/1.1 200 OK\r\nX-Long: ")
        while not told.server.closing.wait(0.05):
            told.wfile.write(b"x")
            told.wfile.flush()

    started = time.monotonic()
    failure = failure_of(drip, Patience(2.0, 1.0, 0.6))
    assert failure.trouble is Trouble.NO_NETWORK
    assert "within 0.6 s" in str(failure)
    assert time.monotonic() - started < 5


def test_after_a_deadline_the_same_transport_works_again() -> None:
    """The next exchange connects anew."""
    with serving(_until_closing) as server:
        transport = HttpsTransport(server.address, None, Patience(2.0, 5.0, 0.3))
        with pytest.raises(ExchangeFailed):
            transport.exchange(b"batch")
        server.script = lambda told: told.reply(200, b"x", Content_Type="application/cbor")
        assert transport.exchange(b"batch") == b"x"


def test_abort_ends_an_exchange_from_another_thread() -> None:
    """SIGTERM need not wait for a time-out."""
    with serving(_until_closing) as server:
        transport = HttpsTransport(server.address, None, Patience(30.0, 30.0, 30.0))
        caught: list[ExchangeFailed] = []
        thread = threading.Thread(target=lambda: caught.append(_failing(transport)))
        thread.start()
        deadline = time.monotonic() + 10
        while not server.requests and time.monotonic() < deadline:
            time.sleep(0.005)
        transport.abort()
        thread.join(5)
        assert [failure.trouble for failure in caught] == [Trouble.NO_NETWORK]


def test_nobody_listens() -> None:
    """The usual case of weeks without a network."""
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        transport = HttpsTransport(f"http://127.0.0.1:{reserved.getsockname()[1]}")
        failure = _failing(transport)
    assert failure.trouble is Trouble.NO_NETWORK
    assert "refused" in str(failure)


def test_a_name_that_nobody_knows_is_no_network() -> None:
    """`.invalid` never resolves (RFC 6761 §6.4)."""
    failure = _failing(HttpsTransport("https://centre.invalid", None, QUICK))
    assert failure.trouble is Trouble.NO_NETWORK
    assert "HTTPSConnection" not in str(failure)


@pytest.mark.parametrize(
    "address", ["http://centre.example", "http://10.0.0.5:8000", "http://127.0.0.1.example", "http://0.0.0.0"]
)
def test_plain_http_is_for_this_machine_only(address: str) -> None:
    """The sentence says what to write instead."""
    with pytest.raises(UnsafeAddress, match="write https://"):
        HttpsTransport(address)


@pytest.mark.parametrize("address", ["http://127.0.0.1:1", "http://[::1]:1", "http://localhost:1", "https://10.0.0.5"])
def test_https_anywhere_and_http_here_are_fine(address: str) -> None:
    """A demo runs on one machine without certificates."""
    HttpsTransport(address)


@pytest.mark.parametrize(
    "address", ["", "centre.example", "ftp://centre.example", "https://", "https://a:b@c", "https://c?x", "https://c:x"]
)
def test_what_is_no_address_is_refused_with_a_sentence(address: str) -> None:
    """No traceback for a typing mistake."""
    with pytest.raises(UnsafeAddress):
        HttpsTransport(address)


def test_a_missing_certificate_authority_is_a_sentence(tmp_path: Path) -> None:
    """It names the file."""
    with pytest.raises(UnsafeAddress, match=r"ca\.pem"):
        HttpsTransport("https://centre.example", tmp_path / "ca.pem")


def test_a_proxy_of_the_environment_is_respected(monkeypatch: pytest.MonkeyPatch) -> None:
    """Town networks often allow no other way out."""
    with socket.create_server(("127.0.0.1", 0)) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.getsockname()[1]}")
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        failing = threading.Thread(target=_failing, args=(HttpsTransport("https://centre.example:8443", None, QUICK),))
        failing.start()
        proxy.settimeout(10)
        asked, _ = proxy.accept()
        with asked:
            assert asked.recv(100).startswith(b"CONNECT centre.example:8443 ")
        failing.join(10)


def test_no_proxy_stands_between_two_programs_of_one_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else plain http would leave it."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    with serving(lambda told: told.reply(200, b"x", Content_Type="application/cbor")) as server:
        assert HttpsTransport(server.address).exchange(b"batch") == b"x"


def test_a_netrc_file_is_not_sent(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A batch is signed; nothing else proves who sends it."""
    (tmp_path / "netrc").write_text("default login someone password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with serving(lambda told: told.reply(200, b"x", Content_Type="application/cbor")) as server:
        HttpsTransport(server.address).exchange(b"batch")
        assert server.requests[0].headers["Authorization"] is None


def test_the_towns_own_certificate_authority_is_trusted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """identity.ca: no public authority signs for a closed network. The environment's bundle does not take its place."""
    ca = _certificate(tmp_path)
    (tmp_path / "bundle.pem").touch()
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "bundle.pem"))
    monkeypatch.setenv("NO_PROXY", "0.0.0.0")
    with _behind_tls(ca) as address:
        assert HttpsTransport(address, ca).exchange(b"batch") == b"x"
        # Linux reaches itself by this address too; not being loopback, it lets the environment be heard.
        assert HttpsTransport(address.replace("127.0.0.1", "0.0.0.0"), ca).exchange(b"batch") == b"x"
        failure = _failing(HttpsTransport(address))
    assert failure.trouble is Trouble.NOT_THE_CENTRE
    assert "cannot prove" in str(failure)
    assert "certificate verify failed" in str(failure)


@pytest.mark.parametrize(("begins", "ends"), [(1, 2), (-2, -1)])
def test_without_a_vouched_clock_the_dates_of_a_certificate_tell_nothing(
    begins: int, ends: int, tmp_path: Path
) -> None:
    """A Pi that begins in 1970 in a town without a time server: it must reach the centre to learn the time (R2)."""
    with _behind_tls(_certificate(tmp_path, begins, ends)) as address:
        ca, vouched = tmp_path / "ca.pem", [True]
        transport = HttpsTransport(address, ca, clock_is_vouched_for=lambda: vouched[0])
        assert "certificate" in str(_failing(transport))
        vouched[0] = False
        assert transport.exchange(b"batch") == b"x"
        other = _certificate(_made(tmp_path / "other"), begins, ends)
        failure = _failing(HttpsTransport(address, other, clock_is_vouched_for=lambda: False))
        assert "certificate verify failed" in str(failure)
        elsewhere = address.replace("127.0.0.1", "localhost")  # not one of its names
        assert "certificate verify failed" in str(
            _failing(HttpsTransport(elsewhere, ca, clock_is_vouched_for=lambda: False))
        )


@contextmanager
def _behind_tls(certificate: Path) -> Iterator[str]:
    """A server that answers every batch with one byte; its address."""
    with serving(lambda told: told.reply(200, b"x", Content_Type="application/cbor")) as server:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, certificate.with_name("key.pem"))
        server.socket = context.wrap_socket(server.socket, server_side=True)
        yield server.address.replace("http://", "https://")


def _made(directory: Path) -> Path:
    directory.mkdir()
    return directory


def _until_closing(told: Told) -> None:
    told.server.closing.wait(20)
    told.close_connection = True


def _failing(transport: HttpsTransport) -> ExchangeFailed:
    with pytest.raises(ExchangeFailed) as caught:
        transport.exchange(b"batch")
    return caught.value


def _certificate(directory: Path, begins: int = -1, ends: int = 1) -> Path:
    """A self-signed certificate for this machine, its own authority; from and to so many days from now."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "centre")])
    names = [x509.IPAddress(ipaddress.ip_address(address)) for address in ("127.0.0.1", "0.0.0.0")]
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + datetime.timedelta(days=begins))
        .not_valid_after(now + datetime.timedelta(days=ends))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (directory / "key.pem").write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    (directory / "ca.pem").write_bytes(certificate.public_bytes(pem))
    return directory / "ca.pem"
