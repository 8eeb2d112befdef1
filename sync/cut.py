"""Ends a connection from another thread: the only way out of an exchange in which each byte comes just in time."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress


class Cut:
    """Holds on to the socket of one connection at a time. It reaches everything but the look-up of the name."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._is_cut = False

    @property
    def is_cut(self) -> bool:
        """Whether this exchange was ended from outside."""
        return self._is_cut

    def arm(self) -> None:
        """A new exchange: what was cut before concerns it no more."""
        with self._lock:
            self._is_cut = False

    def watch(self, connected: socket.socket) -> None:
        """A copy of the descriptor: TLS takes the original over, and shutting down reaches every copy."""
        with self._lock:
            self._release()
            self._socket = connected.dup()
            if self._is_cut:
                self._shut()

    def cut(self) -> None:
        """Shut the connection, now or as soon as there is one."""
        with self._lock:
            self._is_cut = True
            self._shut()

    def _shut(self) -> None:
        if self._socket is not None:
            with suppress(OSError):  # not connected any more
                self._socket.shutdown(socket.SHUT_RDWR)
        self._release()

    def _release(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None
