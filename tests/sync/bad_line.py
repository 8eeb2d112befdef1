"""A relay between gate-sync and the collector that cuts, stalls, corrupts, throttles – and listens."""

from __future__ import annotations

import random
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

_CHUNK = 4_096


@dataclass(frozen=True)
class Fault:
    """What the line does to each connection. up_bytes, down_bytes: cut after so many; None for no limit.

    bytes_per_second: of both ways together. flip: the share of chunks in which one bit is turned over.
    """

    cut: bool = False
    stall: bool = False
    up_bytes: int | None = None
    down_bytes: int | None = None
    bytes_per_second: float | None = None
    flip: float = 0.0


GOOD = Fault()


class BadLine:
    """fault: may be changed at any time. heard: everything that passed, as a listener on the line has it."""

    def __init__(self, port: int) -> None:
        self.fault = GOOD
        self.heard = bytearray()
        self._to = port
        self._chance = random.Random(7)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: set[socket.socket] = set()
        self._closed = False
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    def set(self, fault: Fault) -> None:
        """Connections under way are cut: the next ones meet the new fault from their first byte on."""
        self.fault = fault
        for connection in list(self._open):
            _shut(connection)

    def close(self) -> None:
        self._closed = True
        self._listener.close()
        self.set(Fault(cut=True))

    def _accept(self) -> None:
        while not self._closed:
            with suppress(OSError):
                gate, _ = self._listener.accept()
                if self.fault.cut:
                    gate.close()
                    continue
                centre = socket.create_connection(("127.0.0.1", self._to))
                self._open |= {gate, centre}
                for one, other, limit in ((gate, centre, self.fault.up_bytes), (centre, gate, self.fault.down_bytes)):
                    threading.Thread(target=self._pump, args=(one, other, limit), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket, limit: int | None) -> None:
        with suppress(OSError):
            while chunk := source.recv(_CHUNK):
                self.heard += chunk
                while self.fault.stall:
                    time.sleep(0.01)
                if self.fault.bytes_per_second:
                    time.sleep(len(chunk) / self.fault.bytes_per_second)
                if self._chance.random() < self.fault.flip:
                    at = self._chance.randrange(len(chunk))
                    chunk = chunk[:at] + bytes([chunk[at] ^ 1 << self._chance.randrange(8)]) + chunk[at + 1 :]
                if limit is not None:
                    chunk, limit = chunk[:limit], limit - len(chunk)
                sink.sendall(chunk)
                if limit is not None and limit <= 0:
                    break
        for end in (source, sink):
            _shut(end)
            self._open.discard(end)


def _shut(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()


@contextmanager
def line_to(port: int) -> Iterator[BadLine]:
    """A good line at first."""
    made = BadLine(port)
    try:
        yield made
    finally:
        made.close()
