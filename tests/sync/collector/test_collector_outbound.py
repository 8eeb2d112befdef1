"""What the centre sends to others' servers: to whom at all, and how it ends when they misbehave (OWASP: SSRF)."""

from __future__ import annotations

import ipaddress
import socket
import ssl
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.collector.outbound.addresses import Address, Origin, Rules, is_public
from sync.collector.outbound.errors import NotAllowed, OutboundError, PeerFault, Unreached
from sync.collector.outbound.post import Answer, Patience, Poster
from tests.sync.collector.peers import NAME, certificate, drip, endless, gone, half, silent
from tests.sync.wires import Script, Told, serving

QUICK = Patience(connect_seconds=2.0, read_seconds=0.3, whole_seconds=0.6)
HEADERS = {"Content-Type": "application/json"}
INSIDE = [
    *("127.0.0.1", "127.8.8.8", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "224.0.0.1"),
    *("255.255.255.255", "100.64.0.1", "100.100.100.200", "168.63.129.16", "192.0.0.192", "192.0.2.1", "198.18.0.1"),
    *("240.0.0.1", "192.88.99.1", "::", "::1", "fe80::1", "fc00::1", "fd00:ec2::254", "ff02::1", "::ffff:127.0.0.1"),
    *("::ffff:10.1.2.3", "::ffff:169.254.169.254", "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b:1::a00:1"),
    *("2002:7f00:1::", "2001:0:7f00:1::", "2001:db8::1", "fec0::1", "3fff::1", "5f00::1", "100::1"),
]


class Here(Rules):
    """Lets every name lead to this machine, so that tests have peers."""

    def permits(self, origin: Origin, address: Address) -> bool:
        return True


def entry(address: str, port: int = 443) -> tuple[Any, ...]:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return (family, socket.SOCK_STREAM, 6, "", (address, port))


def poster(url: str, **changes: Any) -> Poster:
    return Poster(Rules.allowing([url]), patience=changes.pop("patience", QUICK), **changes)


def failure_of(script: Script, **changes: Any) -> OutboundError:
    with serving(script) as server, pytest.raises(OutboundError) as caught:
        poster(server.address, **changes).post(server.address + "/hook?token=secret", b"{}", HEADERS)
    assert "secret" not in str(caught.value)
    return caught.value


@pytest.mark.parametrize("address", INSIDE)
def test_nothing_inside_is_public(address: str) -> None:
    """This machine, private networks, clouds' metadata, and all that hides one of these."""
    assert not is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", ["1.1.1.1", "114.114.114.114", "2400:3200::1", "::ffff:1.1.1.1"])
def test_the_internet_is_public(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


@given(st.ip_addresses(v=4))
def test_an_embedded_address_is_never_more_public(address: ipaddress.IPv4Address) -> None:
    """However it is written (RFC 4291 §2.5.5, RFC 6052, RFC 3056)."""
    number = int(address)
    for embedded in (number, 0xFFFF << 32 | number, 0x64FF9B << 96 | number, 0x2002 << 112 | number << 80):
        assert is_public(address) or not is_public(ipaddress.IPv6Address(embedded))


@pytest.mark.parametrize(
    "url",
    [
        *("", "hook.example", "ftp://hook.example", "file:///etc/passwd", "https://", "https:///x", "//hook.example"),
        *("https://a:b@hook.example", "https://hook.example#x", "https://hook.example:99999", "https://[::1"),
        *(
            "https://hook.example\\@10.0.0.1/",
            "https://hook example/",
            "https://hook.example/\r\nX: y",
            "https://hóok.example",
        ),
        *(
            "http://hook.example/",
            "https://127.0.0.1/",
            "https://[::1]:8000/",
            "https://10.0.0.1/",
            "https://[::ffff:7f00:1]/",
        ),
        "https://hook.example/" + "x" * 1_000,
    ],
)
def test_an_address_that_must_not_be_used_is_told_before_anything_is_asked(url: str) -> None:
    """Not even its name is looked up."""

    def never(_host: str, _port: int) -> list[Any]:
        raise AssertionError

    with pytest.raises(NotAllowed):
        Poster(Rules(), resolve=never).post(url, b"{}", HEADERS)


@pytest.mark.parametrize(
    "spelling", ["2130706433", "0x7f000001", "0177.0.0.1", "127.1", "localhost", "127.0.0.1.", "[::]"]
)
def test_another_spelling_of_this_machine_reaches_nobody(spelling: str) -> None:
    """The system's resolver understands them all; what it says is judged, not how it was written."""
    with serving(lambda told: told.reply(200)) as server:
        with pytest.raises((NotAllowed, Unreached)):
            Poster(Rules(), patience=QUICK).post(f"https://{spelling}:{server.server_port}/", b"{}", HEADERS)
        assert server.connections == 0


@pytest.mark.parametrize(
    ("allowed", "leads_to", "permitted"),
    [
        ("http://10.1.2.3:8080", "10.1.2.3", True),
        ("http://10.1.2.3:8080", "10.1.2.4", False),
        ("http://127.0.0.1:8080", "127.0.0.1", True),
        ("https://sms.town.example", "10.1.2.3", True),
        ("https://sms.town.example", "fd00::5", True),
        ("https://sms.town.example", "127.0.0.1", False),
        ("https://sms.town.example", "169.254.169.254", False),
        ("https://sms.town.example", "::ffff:127.0.0.1", False),
        ("https://sms.town.example", "8.8.8.8", True),
    ],
)
def test_what_the_settings_allow_is_as_narrow_as_it_is_written(allowed: str, leads_to: str, permitted: bool) -> None:
    """A name may lead into the town's own network; only an address written out leads to this machine."""
    rules = Rules.allowing([allowed])
    assert rules.permits(Origin.of(allowed + "/send"), ipaddress.ip_address(leads_to)) is permitted


def test_what_is_allowed_is_one_server_and_not_its_neighbours() -> None:
    """Scheme, host and port."""
    rules = Rules.allowing(["http://10.1.2.3:8080"])
    rules.check(Origin.of("http://10.1.2.3:8080/any/path"))
    for other in ("http://10.1.2.3:22", "https://10.1.2.3:8080", "http://10.1.2.4:8080", "http://10.1.2.3"):
        with pytest.raises(NotAllowed):
            rules.check(Origin.of(other))


def test_a_name_is_asked_once_and_what_it_leads_to_later_does_not_matter(tmp_path: Path) -> None:
    """DNS rebinding: judged and connected to are one address; TLS is still checked against the name."""
    asked = []

    def rebinding(host: str, port: int) -> list[Any]:
        asked.append(host)
        return [entry("127.0.0.1" if len(asked) == 1 else "127.0.0.2", port)]

    signed, private = certificate(tmp_path)
    with serving(lambda told: told.reply(204)) as server:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(signed, private)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        sender = Poster(Here(), str(signed), resolve=rebinding)
        assert sender.post(f"https://{NAME}:{server.server_port}/", b"{}", HEADERS) == Answer(204, b"", False)
        with pytest.raises(PeerFault, match="does not prove"):
            Poster(Here(), str(signed), resolve=lambda _h, p: [entry("127.0.0.1", p)]).post(
                f"https://other.example:{server.server_port}/", b"{}", HEADERS
            )
        with pytest.raises(PeerFault, match="does not prove"):  # the machine's own authorities do not know it
            Poster(Here(), resolve=lambda _h, p: [entry("127.0.0.1", p)]).post(
                f"https://{NAME}:{server.server_port}/", b"{}", HEADERS
            )
        assert asked == [NAME]
        assert len(server.requests) == 1


@pytest.mark.parametrize("leads_to", [["10.0.0.1"], ["127.0.0.1", "::1"], ["fe80::1%eth0"]])
def test_a_public_name_that_leads_inside_reaches_nobody(leads_to: list[str]) -> None:
    with pytest.raises(NotAllowed, match=r"outbound\.allow"):
        Poster(Rules(), resolve=lambda _h, p: [entry(each, p) for each in leads_to]).post(
            "https://hook.example/", b"{}", HEADERS
        )


def test_a_request_carries_body_and_headers_and_nothing_of_the_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """No proxy, no .netrc, no compression that could inflate."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    (tmp_path / "netrc").write_text("default login someone password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with serving(lambda told: told.reply(201, b"taken")) as server:
        answer = poster(server.address).post(server.address + "/a?b=c", b'{"x":1}', HEADERS | {"X-Key": "k"})
        (request,) = server.requests
    assert answer == Answer(201, b"taken", False)
    assert (request.path, request.body) == ("/a?b=c", b'{"x":1}')
    assert (request.headers["X-Key"], request.headers["Authorization"]) == ("k", None)
    assert (request.headers["Accept-Encoding"], request.headers["Content-Length"]) == ("identity", "7")


@pytest.mark.parametrize(
    ("status", "headers", "wait"),
    [(500, {}, None), (429, {"Retry_After": "17"}, 17.0), (404, {}, None), (503, {"Retry_After": "soon"}, None)],
)
def test_a_refusal_has_its_status_and_what_was_asked_for(
    status: int, headers: dict[str, str], wait: float | None
) -> None:
    failure = failure_of(lambda told: told.reply(status, b"<script>", **headers))
    assert isinstance(failure, PeerFault)
    assert (failure.status, failure.retry_after) == (status, wait)
    assert "script" not in str(failure)


def test_a_redirect_to_this_machine_is_not_followed() -> None:
    with serving(lambda told: told.reply(200)) as inside:
        failure = failure_of(lambda told: told.reply(307, Location=inside.address))
        assert inside.connections == 0
    assert isinstance(failure, PeerFault)
    assert "redirects" in str(failure)


def no_http(told: Told) -> None:
    """What a wrong port says."""
    told.wfile.write(b"\0\1 no HTTP\r\n\r\n")


@pytest.mark.parametrize("script", [silent, half, gone, drip, no_http], ids=lambda script: script.__name__)
def test_a_line_that_breaks_is_no_network_and_ends_in_time(script: Callable[[Told], None]) -> None:
    """Also where each byte comes just in time."""
    began = time.monotonic()
    assert isinstance(failure_of(script), Unreached)
    assert time.monotonic() - began < 3


def test_an_endless_answer_is_cut_at_the_limit() -> None:
    """What was asked is done all the same: the status said so."""
    with serving(endless) as server:
        sender = poster(server.address, max_answer_bytes=10_000, patience=Patience())
        answer = sender.post(server.address, b"{}", HEADERS)
    assert (answer.status, len(answer.body), answer.is_cut) == (200, 10_000, True)


def test_a_resolver_that_hangs_is_left_behind() -> None:
    began = time.monotonic()
    with pytest.raises(Unreached, match="is not found"):
        Poster(Rules(), patience=Patience(0.1, 0.1, 5.0), resolve=lambda _h, _p: time.sleep(2) or []).post(
            "https://hook.example", b"", HEADERS
        )
    assert time.monotonic() - began < 1


def test_nobody_listens_and_nobody_knows_the_name() -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{reserved.getsockname()[1]}"
        with pytest.raises(Unreached, match="refused"):
            poster(url).post(url, b"", HEADERS)
    with pytest.raises(Unreached, match="is not found"):
        Poster(Rules()).post("https://hook.invalid", b"", HEADERS)


def test_a_header_with_a_line_break_is_our_mistake() -> None:
    with serving(lambda told: told.reply(200)) as server:
        with pytest.raises(NotAllowed):
            poster(server.address).post(server.address, b"", {"X-Key": "a\r\nX-Other: b"})
        assert server.requests == []
