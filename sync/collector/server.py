"""gunicorn as `collector serve` runs it: as many processes as the database can use; it ends when requests are done.

It stands behind a proxy that speaks TLS and takes slow clients' time (docs/CENTRE.md); its own refusals are problem
documents too.
"""

from __future__ import annotations

import ctypes
import errno
import os
import signal
import socket
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, cast

from flask import Flask
from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from gunicorn.http.errors import LimitRequestHeaders, LimitRequestLine, ParseException, UnsupportedTransferCoding
from gunicorn.workers.gthread import ThreadWorker

from sync.collector import problems
from sync.collector.app import REFUSALS
from sync.collector.attendant import Attendant
from sync.collector.errors import Mistake
from sync.collector.intake.api import MAX_BODY_BYTES
from sync.collector.refusals import sender
from sync.collector.tally import MAX_WORKERS, Rows, Tally

GRACE_SECONDS = 30
"""How long requests under way may take once the end was asked for."""
_BACKLOG = 256
_IDLE_SECONDS = 15
_BUSY_PORT_SECONDS = 3.0  # workers of a server that was killed a moment ago are ending
_UNREADABLE = {
    LimitRequestHeaders: HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    LimitRequestLine: HTTPStatus.REQUEST_URI_TOO_LONG,
    UnsupportedTransferCoding: HTTPStatus.NOT_IMPLEMENTED,
}
_PR_SET_PDEATHSIG = 1  # <sys/prctl.h>


class Server(BaseApplication):
    """A server that holds its port already.

    make_app: called once in each worker, after the fork, with what it counts in. ready: called once, when signals
    are heard and it answers. attendant: the process beside the workers.
    """

    def __init__(
        self,
        make_app: Callable[[Tally], Flask],
        listener: socket.socket,
        workers: int,
        threads: int,
        ready: Callable[[], None],
        attendant: Attendant,
    ) -> None:
        self._make_app, self._ready = make_app, ready
        self._bind = f"fd://{listener.detach()}"  # gunicorn's from here on, over reloads too
        self._attendant = attendant
        self._workers, self._threads = workers, threads
        self._tally, self._rows = Tally(MAX_WORKERS), Rows()
        super().__init__(prog="collector")

    def load_config(self) -> None:
        """gunicorn's settings; it reads no file and no arguments of its own."""
        for name, value in {
            "bind": self._bind,
            "workers": self._workers,
            "threads": self._threads,
            "worker_class": Worker,
            "graceful_timeout": GRACE_SECONDS,
            "keepalive": _IDLE_SECONDS,
            "control_socket_disable": True,
            "when_ready": lambda _server: self._ready(),
            "pre_fork": self._give_row,
            "post_fork": self._begin,
            "child_exit": lambda _server, worker: self._rows.give_back(worker.age),
            "pre_request": _close_after_large,
        }.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        """The application of one worker."""
        return self._make_app(self._tally)

    def _give_row(self, _server: Any, worker: Any) -> None:
        worker.tally_row = self._rows.take(worker.age)

    def _begin(self, _server: Any, worker: Any) -> None:
        self._tally.use(worker.tally_row)
        _die_with_parent()

    def run(self) -> None:
        """Serve until a signal asks for the end; exits."""
        Master(self, self._attendant).run()


class Master(Arbiter):
    """gunicorn's master, which looks after the attendant as it does after its workers."""

    def __init__(self, app: Server, attendant: Attendant) -> None:
        self._attendant = attendant
        super().__init__(app)

    def manage_workers(self) -> None:
        """gunicorn's turn, at least once a second."""
        super().manage_workers()
        self._attendant.keep()

    def reload(self) -> None:
        """New workers read collector.toml anew; so does a new attendant."""
        self._attendant.end()
        super().reload()

    def stop(self, graceful: bool = True) -> None:
        """Both end at the same time."""
        self._attendant.ask_to_end()
        super().stop(graceful)
        self._attendant.end()


class Worker(ThreadWorker):
    """Threads; what is no HTTP is answered as everything else is."""

    def handle_error(self, req: Any, client: socket.socket, addr: Any, exc: BaseException) -> None:
        """gunicorn's hook for what it could not read."""
        if not isinstance(exc, ParseException):
            super().handle_error(req, client, addr, exc)
            return
        status = next((status for kind, status in _UNREADABLE.items() if isinstance(exc, kind)), HTTPStatus.BAD_REQUEST)
        kind = problems.kind_of(status)
        body = problems.document(kind, "this is not an HTTP request that can be read", status)
        head = (
            f"HTTP/1.1 {status.value} {status.phrase}\r\nConnection: close\r\n"
            f"Content-Type: {problems.CONTENT_TYPE}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        cast(Flask, self.wsgi).extensions[REFUSALS].tell(kind.code, sender=sender(addr[0] if addr else None, None))
        client.sendall(head.encode() + body)


def fitting_workers(*, is_sqlite: bool) -> int:
    """SQLite has one writer, and threads of one process queue in order; PostgreSQL keeps every processor busy."""
    return 1 if is_sqlite else max(2, os.cpu_count() or 1)


def listen(host: str, port: int) -> socket.socket:
    """Take the port (0: any free one). Raises Mistake."""
    deadline = time.monotonic() + _BUSY_PORT_SECONDS
    while True:
        try:
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            return socket.create_server((host, port), family=family, backlog=_BACKLOG)
        except (OSError, ValueError, OverflowError) as cause:
            if getattr(cause, "errno", None) != errno.EADDRINUSE or time.monotonic() > deadline:
                raise Mistake(_explain(cause, host, port)) from cause
        time.sleep(0.1)


def address(listener: socket.socket) -> str:
    """Such as http://127.0.0.1:8000/."""
    host, port = listener.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}/"


def _explain(cause: Exception, host: str, port: int) -> str:
    number = cause.errno if isinstance(cause, OSError) else None
    if number == errno.EADDRINUSE:
        return f"port {port} of {host} is taken: stop what listens there, or choose another --port"
    if number == errno.EACCES:
        return f"port {port} needs root's rights: choose a --port above 1023"
    return f"cannot listen on {host}, port {port}: {cause}"


def _die_with_parent() -> None:
    """A server that was killed leaves no worker behind that still holds the port."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _close_after_large(_worker: Any, request: Any) -> None:
    """What is refused by its size is not read to its end to reach the next request. Gates send no chunks."""
    sizes = {name: value for name, value in request.headers if name in ("CONTENT-LENGTH", "TRANSFER-ENCODING")}
    if "TRANSFER-ENCODING" in sizes or int(sizes.get("CONTENT-LENGTH", 0)) > MAX_BODY_BYTES:
        request.force_close()
