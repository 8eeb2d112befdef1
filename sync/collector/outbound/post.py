"""One POST to somebody else's server (requests): bounded in time and size, to an address that was checked.

The name is looked up once, and the connection goes to the very address that was judged: a name that leads elsewhere a
moment later (DNS rebinding) changes nothing. No redirect is followed, no proxy of the environment asked.
"""

from __future__ import annotations

import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import requests
import urllib3

from sync.causes import innermost, sentence
from sync.collector.outbound.addresses import Address, Origin, Rules
from sync.collector.outbound.errors import NotAllowed, PeerFault, Unreached
from sync.collector.outbound.pinned import PinnedAdapter
from sync.cut import Cut
from sync.retry_after import retry_after_seconds

_CHUNK_BYTES = 16_384
_MOST_ADDRESSES = 3
_UNSENDABLE = (requests.exceptions.InvalidURL, requests.exceptions.InvalidHeader, requests.exceptions.MissingSchema)

Resolve = Callable[[str, int], list[Any]]
"""As socket.getaddrinfo."""


@dataclass(frozen=True, slots=True)
class Patience:
    """connect, read: for each step. whole: from the look-up of the name to the answer's last byte."""

    connect_seconds: float = 5.0
    read_seconds: float = 10.0
    whole_seconds: float = 20.0


@dataclass(frozen=True, slots=True)
class Answer:
    """A status of 2xx. body: at most as many bytes as were asked for; is_cut: there were more."""

    status: int
    body: bytes
    is_cut: bool


def look_up(host: str, port: int) -> list[Any]:
    """The system's own resolver."""
    return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)


class Poster:
    """Sends; holds no connection between two requests. Safe to share between threads. ca: PEM, None: the machine's."""

    def __init__(
        self,
        rules: Rules,
        ca: str | None = None,
        patience: Patience = Patience(),
        max_answer_bytes: int = 65_536,
        resolve: Resolve = look_up,
    ) -> None:
        self._rules, self._ca, self._patience, self._resolve = rules, ca, patience, resolve
        self._max_answer_bytes = max_answer_bytes

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Raises NotAllowed, PeerFault (for every status but 2xx), Unreached."""
        self._rules.check(Origin.of(url))
        attempt = _Attempt(self._rules, self._patience, self._resolve)
        with attempt.bounded(), requests.Session() as session:
            session.trust_env = False
            adapter = PinnedAdapter(attempt.connected)
            session.mount("https://", adapter)
            session.mount("http://", adapter)
            with session.post(
                url,
                data=BytesIO(body),
                headers={"User-Agent": "venue-gate", "Accept-Encoding": "identity", **headers},
                timeout=(self._patience.connect_seconds, self._patience.read_seconds),
                verify=self._ca or True,
                allow_redirects=False,
                stream=True,
            ) as response:
                return self._answer(response)

    def _answer(self, response: requests.Response) -> Answer:
        if not 200 <= response.status_code < 300:
            raise _refusal(response)
        body = bytearray()
        # read1 returns what is there: a peer that drips is ended by the whole time, not by its own pace.
        while len(body) <= self._max_answer_bytes and (chunk := response.raw.read1(_CHUNK_BYTES, decode_content=False)):
            body += chunk
        limit = self._max_answer_bytes
        return Answer(response.status_code, bytes(body[:limit]), len(body) > limit)


class _Attempt:
    """One request's deadline, and the only way in which it connects."""

    def __init__(self, rules: Rules, patience: Patience, resolve: Resolve) -> None:
        self._rules, self._patience, self._resolve = rules, patience, resolve
        self._deadline = time.monotonic() + patience.whole_seconds
        self._cut = Cut()

    @contextmanager
    def bounded(self) -> Iterator[None]:
        """Around the whole of it; failures come out told apart. Raises OutboundError."""
        timer = threading.Timer(self._patience.whole_seconds, self._cut.cut)
        timer.daemon = True
        timer.start()
        try:
            with _failures_told_apart():
                yield
                if self._cut.is_cut:  # a body without a length ends with its connection: cut off, it looks whole
                    raise TimeoutError
        except (Unreached, PeerFault) as failure:
            if not self._cut.is_cut:
                raise
            raise Unreached(f"no whole answer within {self._patience.whole_seconds:g} s") from failure
        finally:
            timer.cancel()
            self._cut.cut()

    def connected(self, scheme: str, host: str, port: int) -> socket.socket:
        """A connection to a permitted address of that server. Raises OutboundError."""
        origin = Origin(scheme, host.strip("[]").rstrip(".").lower(), port)
        self._rules.check(origin)
        failure: OSError = TimeoutError("too late")
        for address in self._rules.permitted(origin, self._addresses(origin))[:_MOST_ADDRESSES]:
            patience = min(self._patience.connect_seconds, self._deadline - time.monotonic())
            if patience <= 0:
                break
            try:
                connected = socket.create_connection((str(address), port), patience)
            except OSError as cause:
                failure = cause
                continue
            self._cut.watch(connected)
            return connected
        raise Unreached(f"{origin.host} is not reached: {sentence(failure)}") from failure

    def _addresses(self, origin: Origin) -> list[Address]:
        """What the name leads to now, asked once. A resolver that hangs is left behind."""
        found: list[Any] = []
        failures: list[OSError] = []

        def ask() -> None:
            try:
                found.extend(self._resolve(origin.host, origin.port))
            except (OSError, UnicodeError) as cause:
                failures.append(cause if isinstance(cause, OSError) else OSError(str(cause)))

        asking = threading.Thread(target=ask, daemon=True)
        asking.start()
        asking.join(min(self._patience.connect_seconds, max(0.0, self._deadline - time.monotonic())))
        if failures or not found:
            why = sentence(failures[0]) if failures else "no answer in time"
            raise Unreached(f"the name {origin.host} is not found: {why}")
        return [ipaddress.ip_address(entry[4][0].partition("%")[0]) for entry in found]


@contextmanager
def _failures_told_apart() -> Iterator[None]:
    try:
        yield
    except _UNSENDABLE as mistake:
        raise NotAllowed("the address or a header cannot be sent as it is") from mistake
    except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as failure:
        cause = innermost(failure)
        cut_short = isinstance(cause, (ssl.SSLEOFError, ssl.SSLZeroReturnError, ssl.SSLSyscallError))
        if isinstance(cause, ssl.SSLError) and not cut_short:
            raise PeerFault(f"the server does not prove who it is: {sentence(cause)}") from failure
        raise Unreached(f"no answer: {sentence(cause)}") from failure


def _refusal(response: requests.Response) -> PeerFault:
    status = response.status_code
    wait = retry_after_seconds(response.headers.get("Retry-After", ""), response.headers.get("Date", ""), time.time())
    if response.is_redirect:
        return PeerFault(f"the server redirects elsewhere ({status}), which is not followed", status)
    return PeerFault(f"the server answers {status}", status, wait)
