"""Tells systemd how we are: ready, alive, stopping (sd_notify(3), with the standard library).

One for gate, gate-panel and gate-sync; it imports nothing of any of them. Without systemd (NOTIFY_SOCKET unset) nothing
is sent. What it does NOT tell: that the program works; only that the loop which feeds it turns.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping

FEEDS_IN_A_TIMEOUT = 4  # a late one is no reason to be killed


class Supervisor:
    """The service manager that started us. Failing to tell it is no reason to stop: its watchdog is there for that."""

    def __init__(self, environment: Mapping[str, str] = os.environ, pid: int | None = None) -> None:
        self._address = _address(environment.get("NOTIFY_SOCKET", ""))
        self._watchdog_seconds = _watchdog_seconds(environment, os.getpid() if pid is None else pid)
        self._feed_due = float("-inf")

    def ready(self, status: str = "") -> None:
        """The start is complete: what depends on us may start."""
        self._send("READY=1", status)

    def alive(self, now: float, status: str = "") -> None:
        """Feed the watchdog, as often as it needs it and no oftener. now: monotonic seconds."""
        if self._watchdog_seconds is not None and now >= self._feed_due:
            self._feed_due = now + self._watchdog_seconds / FEEDS_IN_A_TIMEOUT
            self._send("WATCHDOG=1", status)

    def stopping(self) -> None:
        """We end by ourselves."""
        self._send("STOPPING=1", "")

    def _send(self, state: str, status: str) -> None:
        if self._address is None:
            return
        message = f"{state}\nSTATUS={status}" if status else state
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK) as link:
                link.sendto(message.encode(), self._address)
        except OSError:
            return


def _address(path: str) -> str | None:
    if path.startswith("@"):
        return "\0" + path[1:]  # Linux's abstract namespace
    return path or None


def _watchdog_seconds(environment: Mapping[str, str], pid: int) -> float | None:
    """Seconds between two signs of life, None where nobody waits for one."""
    text, meant_for = environment.get("WATCHDOG_USEC", ""), environment.get("WATCHDOG_PID", "")
    if not text.isdigit() or int(text) == 0 or meant_for not in ("", str(pid)):
        return None
    return int(text) / 1_000_000
