"""HTTPS to the centre (requests): one exchange – bytes out, bytes back – bounded in time and size.

Decides what kind of failure a failure is (`Trouble`), so that IT reads a sentence and the link knows how to wait.
It does NOT decide whether an answer is genuine: signatures do (`sync/agent.py`).
"""

from __future__ import annotations

import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.util.ssl_ import create_urllib3_context

from sync.address import UnsafeAddress, check_address
from sync.causes import MAX_SENTENCE, innermost, sentence
from sync.cut import Cut
from sync.errors import SyncError
from sync.retry_after import retry_after_seconds
from sync.wire.receipt import MAX_ANSWER_BYTES
from sync.wire.status import Trouble

PATH, ENROLMENTS, DEVICE_KEYS = "/v1/batches", "/v1/enrolments", "/v1/device-keys"
_CHUNK_BYTES = 65_536
_MAX_PROBLEM_BYTES = 8_192
_NO_CHECK_TIME = 0x200000  # X509_V_FLAG_NO_CHECK_TIME (OpenSSL's x509_vfy.h); Python's ssl has no name for it


class ExchangeFailed(SyncError):
    """No answer of the centre came back. trouble: what kind of failure; retry_after: seconds the peer asked for."""

    def __init__(self, trouble: Trouble, sentence: str, retry_after: float | None = None) -> None:
        super().__init__(sentence)
        self.trouble = trouble
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class Patience:
    """connect, read: for each step of one connection. exchange: for the whole, however slowly the peer drips."""

    connect_seconds: float = 10.0
    read_seconds: float = 30.0
    exchange_seconds: float = 120.0


class HttpsTransport:
    """One keep-alive session with one centre. One thread exchanges; any thread may `abort`.

    collector: base address, such as https://centre.example. ca: the town's own certificate authority as a PEM file,
    None for the machine's. path: what is asked there. Raises UnsafeAddress for plain http to anything but this machine.

    clock_is_vouched_for: asked for each connection. Without it the dates of a certificate are not looked at: a Pi that
    begins in the past, in a town without a time server, would find every certificate not yet valid and could never
    send a record, nor learn the time. Who signed it and whose it is are looked at always, and what the centre says is
    believed by its own signatures (docs/SECURITY.md).
    """

    def __init__(
        self,
        collector: str,
        ca: Path | None = None,
        patience: Patience = Patience(),
        max_answer_bytes: int = MAX_ANSWER_BYTES,
        path: str = PATH,
        clock_is_vouched_for: Callable[[], bool] = lambda: True,
    ) -> None:
        on_this_machine = check_address(collector)
        if ca is not None and not ca.is_file():
            raise UnsafeAddress(f"the centre's certificate authority is missing: {ca}")
        self._url = collector.rstrip("/") + path
        self._patience = patience
        self._max_answer_bytes = max_answer_bytes
        self._cut = Cut()
        self._session = requests.Session()
        self._session.auth = _no_credentials
        self._verify = str(ca) if ca else True
        # A proxy of the environment is respected, but never stands between two programs of one machine.
        self._session.trust_env = not on_this_machine
        self._session.headers.update({"User-Agent": "venue-gate", "Accept-Encoding": "identity"})
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, _CuttableAdapter(self._cut, clock_is_vouched_for))

    def exchange(self, body: bytes) -> bytes:
        """Send one batch and return the answer's body, whatever it holds. Raises ExchangeFailed."""
        self._cut.arm()
        deadline = threading.Timer(self._patience.exchange_seconds, self.abort)
        deadline.daemon = True
        deadline.start()
        try:
            with _failures_told_apart():
                answer = self._exchange(body)
        except ExchangeFailed as failure:
            if not self._cut.is_cut:
                raise
            raise self._cut_short() from failure
        finally:
            deadline.cancel()
        # A body without a length ends with its connection: cut off, it looks whole.
        if self._cut.is_cut:
            raise self._cut_short()
        return answer

    def _cut_short(self) -> ExchangeFailed:
        sentence = f"no whole answer within {self._patience.exchange_seconds:g} s: the line is too slow or stalls"
        return ExchangeFailed(Trouble.NO_NETWORK, sentence)

    def _exchange(self, body: bytes) -> bytes:
        with self._session.post(
            self._url,
            # A stream is sent in small pieces, each with its own time-out: a slow line may take long for the whole.
            data=BytesIO(body),
            headers={"Content-Type": "application/cose", "Accept": "application/cbor, application/problem+json"},
            timeout=(self._patience.connect_seconds, self._patience.read_seconds),
            # Here and not in the session, where REQUESTS_CA_BUNDLE of the environment would take the town's CA's place.
            verify=self._verify,
            allow_redirects=False,
            stream=True,
        ) as response:
            if response.status_code != 200:
                raise _refusal(response)
            if _media_type(response) != "application/cbor":
                raise ExchangeFailed(
                    Trouble.NOT_THE_CENTRE,
                    f"something else answers in the centre's place ({_media_type(response) or 'no type'}): "
                    "a log-in page of the network, or a proxy",
                )
            return _read(response, self._max_answer_bytes)

    def abort(self) -> None:
        """End an exchange that is under way; it raises ExchangeFailed soon. The next one connects anew."""
        self._cut.cut()

    def close(self) -> None:
        """Free the connection."""
        self._cut.cut()
        self._session.close()


def _no_credentials(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Keeps requests from sending what ~/.netrc holds: a batch is signed, and nothing else proves who sends it."""
    return request


@contextmanager
def _failures_told_apart() -> Iterator[None]:
    try:
        yield
    except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as failure:
        cause = innermost(failure)
        told = sentence(cause)
        cut_short = isinstance(cause, (ssl.SSLEOFError, ssl.SSLZeroReturnError, ssl.SSLSyscallError))
        if isinstance(cause, ssl.SSLError) and not cut_short:
            raise ExchangeFailed(
                Trouble.NOT_THE_CENTRE, f"the server cannot prove that it is the centre: {told}"
            ) from failure
        raise ExchangeFailed(Trouble.NO_NETWORK, f"the centre is not reached: {told}") from failure


def _read(response: requests.Response, max_bytes: int) -> bytes:
    body = bytearray()
    # read1 returns what is there: a peer that drips cannot hold us inside one call past its read time-out.
    while chunk := response.raw.read1(_CHUNK_BYTES, decode_content=False):
        body += chunk
        if len(body) > max_bytes:
            raise ExchangeFailed(
                Trouble.NOT_THE_CENTRE, f"an answer of more than {max_bytes} bytes: the rest is not read"
            )
    return bytes(body)


_TROUBLES: Mapping[int, Trouble] = {
    400: Trouble.OUR_FAULT,
    403: Trouble.REFUSED,
    408: Trouble.CENTRE_BUSY,
    409: Trouble.OUR_FAULT,
    413: Trouble.OUR_FAULT,
    415: Trouble.OUR_FAULT,
    429: Trouble.CENTRE_BUSY,
}
_SAYS: Mapping[Trouble, str] = {
    Trouble.OUR_FAULT: "the centre does not take what this gate sent",
    Trouble.REFUSED: "the centre refuses this gate",
    Trouble.CENTRE_BUSY: "the centre is busy or in trouble",
    Trouble.NOT_THE_CENTRE: "something else answers in the centre's place",
}


def _refusal(response: requests.Response) -> ExchangeFailed:
    status = response.status_code
    trouble = Trouble.CENTRE_BUSY if status >= 500 else _TROUBLES.get(status, Trouble.NOT_THE_CENTRE)
    detail = _problem(response)
    sentence = f"{_SAYS[trouble]} ({status}{', ' + detail if detail else ''})"
    return ExchangeFailed(trouble, sentence, _retry_after(response))


def _problem(response: requests.Response) -> str:
    """The detail of problem+json (RFC 9457 §3.1), or where a redirect leads; only ever a sentence for people."""
    if response.is_redirect:
        return f"redirects to {response.headers['Location'][:MAX_SENTENCE]}"
    if _media_type(response) != "application/problem+json":
        return "not in the centre's words, perhaps a proxy's"
    try:
        problem: Any = json.loads(_read(response, _MAX_PROBLEM_BYTES))
        return str(problem.get("detail") or problem.get("title") or "")[:MAX_SENTENCE]
    except (ExchangeFailed, urllib3.exceptions.HTTPError, OSError, ValueError, AttributeError, RecursionError):
        return ""


def _retry_after(response: requests.Response) -> float | None:
    return retry_after_seconds(response.headers.get("Retry-After", ""), response.headers.get("Date", ""), time.time())


def _media_type(response: requests.Response) -> str:
    return response.headers.get("Content-Type", "").partition(";")[0].strip().lower()


class _CuttableAdapter(HTTPAdapter):
    """requests' adapter whose connections report their sockets to a `Cut`."""

    def __init__(self, cut: Cut, clock_is_vouched_for: Callable[[], bool]) -> None:
        self._pools = _pool_classes(cut, clock_is_vouched_for)
        super().__init__(pool_connections=1, pool_maxsize=1)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = self._pools

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **kwargs)
        manager.pool_classes_by_scheme = self._pools
        return manager


def _without_dates() -> ssl.SSLContext:
    context = create_urllib3_context()
    context.verify_flags |= _NO_CHECK_TIME
    return context


def _pool_classes(cut: Cut, clock_is_vouched_for: Callable[[], bool]) -> dict[str, type[urllib3.HTTPConnectionPool]]:
    class Plain(HTTPConnection):
        def _new_conn(self) -> socket.socket:
            connected = super()._new_conn()
            cut.watch(connected)
            return connected

    class Secure(HTTPSConnection):
        def connect(self) -> None:
            self.ssl_context = None if clock_is_vouched_for() else _without_dates()
            super().connect()

        def _new_conn(self) -> socket.socket:
            connected = super()._new_conn()
            cut.watch(connected)
            return connected

    class PlainPool(urllib3.HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(urllib3.HTTPSConnectionPool):
        ConnectionCls = Secure

    return {"http": PlainPool, "https": SecurePool}
