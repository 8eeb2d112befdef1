"""Feeds systemd's watchdog with what matters here: that a request is answered.

The question goes through the socket, the server and the application, as a browser's does.
"""

from __future__ import annotations

import http.client
import threading
import time

from sync.notify import Supervisor

LOOK_SECONDS = 2.0
ANSWER_SECONDS = 5.0


def answers(host: str, port: int) -> bool:
    """Whether the server there answers anything at all to a question for its health."""
    connection = http.client.HTTPConnection(host, port, timeout=ANSWER_SECONDS)
    try:
        connection.request("GET", "/healthz", headers={"Host": "127.0.0.1"})
        connection.getresponse().read()
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
    return True


def keep_alive(supervisor: Supervisor, host: str, port: int) -> threading.Thread:
    """Ask again and again, in a thread that ends with the process; feed the watchdog with each answer."""

    def ask() -> None:
        while True:
            if answers(host, port):
                supervisor.alive(time.monotonic())
            time.sleep(LOOK_SECONDS)

    thread = threading.Thread(target=ask, name="watchdog", daemon=True)
    thread.start()
    return thread
