"""waitress, with its own refusals (too large, not HTTP) as problem documents too."""

from __future__ import annotations

import errno
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from flask import Flask
from waitress.channel import HTTPChannel
from waitress.server import BaseWSGIServer, create_server
from waitress.task import ErrorTask

from sync.collector import problems
from sync.collector.errors import Mistake
from sync.collector.intake.api import MAX_BODY_BYTES

_MAX_CONNECTIONS = 500
_IDLE_SECONDS = 60


class _ProblemTask(ErrorTask):
    def execute(self) -> None:
        """Answer with a problem document instead of waitress's plain text."""
        request: Any = self.request  # the stubs leave out that an ErrorTask's request has an error
        error = request.error
        body = problems.document(HTTPStatus(error.code), str(error.body))
        self.status = f"{error.code} {error.reason}"
        self.response_headers = [("Content-Type", problems.CONTENT_TYPE)]
        self.set_close_on_finish()
        self.content_length = len(body)
        self.write(body)


class _Channel(HTTPChannel):
    error_task_class = _ProblemTask


@dataclass(frozen=True, slots=True)
class Listener:
    """A server that holds its port already. address: such as http://127.0.0.1:8000/."""

    server: Any
    address: str

    def run(self) -> None:
        """Serve until SystemExit or KeyboardInterrupt; requests under way are finished."""
        self.server.run()


def listen(app: Flask, host: str, port: int, threads: int) -> Listener:
    """Take the port (0: any free one). Raises Mistake.

    A body that says it is too large is refused before it is read, a chunked one as soon as it has become too large.
    """
    sockets: dict[int, Any] = {}
    try:
        server = create_server(
            app,
            map=sockets,
            host=host,
            port=port,
            threads=threads,
            max_request_body_size=MAX_BODY_BYTES,
            connection_limit=_MAX_CONNECTIONS,
            channel_timeout=_IDLE_SECONDS,
            ident=None,
            clear_untrusted_proxy_headers=False,  # `access` must see that a proxy speaks for someone else
        )
    except (OSError, ValueError) as cause:
        raise Mistake(_explain(cause, host, port)) from cause
    listening: list[Any] = [part for part in sockets.values() if isinstance(part, BaseWSGIServer)]
    for part in listening:  # a name such as localhost may stand for two addresses
        part.channel_class = _Channel
    shown = f"[{host}]" if ":" in host else host
    return Listener(server, f"http://{shown}:{listening[0].effective_port}/")


def _explain(cause: Exception, host: str, port: int) -> str:
    number = cause.errno if isinstance(cause, OSError) else None
    if number == errno.EADDRINUSE:
        return f"port {port} of {host} is taken: stop what listens there, or choose another --port"
    if number == errno.EACCES:
        return f"port {port} needs root's rights: choose a --port above 1023"
    return f"cannot listen on {host}, port {port}: {cause}"
