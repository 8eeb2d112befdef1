"""The demo's network: a TCP relay between gate-sync and the collector that a file can cut, as an excavator would.

`cut` in the file: open connections are reset and new ones refused. Anything else: bytes pass both ways. It knows
nothing of what it carries.
"""

from __future__ import annotations

import contextlib
import socket
import sys
import threading
from pathlib import Path

CUT = "cut"
POLL_SECONDS = 0.1
CHUNK = 65_536


class Relay:
    """Listens on a loopback port and passes every connection on to `target`."""

    def __init__(self, port: int, target: tuple[str, int], switch: Path) -> None:
        self._address, self._target, self._switch = ("127.0.0.1", port), target, switch
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()

    def run(self, stop: threading.Event) -> None:
        """Relay until `stop` is set."""
        listener: socket.socket | None = None
        while not stop.is_set():
            if self._is_cut():
                if listener is not None:
                    listener.close()
                    listener = None
                self._reset_all()
                stop.wait(POLL_SECONDS)
            else:
                listener = listener or self._listen()
                with contextlib.suppress(TimeoutError):
                    client, _ = listener.accept()
                    threading.Thread(target=self._carry, args=(client,), daemon=True).start()
        if listener is not None:
            listener.close()
        self._reset_all()

    def _is_cut(self) -> bool:
        try:
            return self._switch.read_text(encoding="ascii").strip() == CUT
        except (OSError, UnicodeDecodeError):
            return False

    def _listen(self) -> socket.socket:
        listener = socket.create_server(self._address)
        listener.settimeout(POLL_SECONDS)
        return listener

    def _carry(self, client: socket.socket) -> None:
        try:
            centre = socket.create_connection(self._target, timeout=5)
        except OSError:
            client.close()
            return
        centre.settimeout(None)
        client.settimeout(None)
        with self._lock:
            self._open |= {client, centre}
        back = threading.Thread(target=_pump, args=(centre, client), daemon=True)
        back.start()
        _pump(client, centre)
        back.join()
        with self._lock:
            self._open -= {client, centre}
        client.close()
        centre.close()

    def _reset_all(self) -> None:
        with self._lock:
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(CHUNK):
            sink.sendall(data)
    for end in (source, sink):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


def main(arguments: list[str]) -> None:
    """`python -m edge.demo.link PORT TARGET_PORT SWITCH_FILE`, until SIGTERM ends the process."""
    port, target_port, switch = arguments
    Relay(int(port), ("127.0.0.1", int(target_port)), Path(switch)).run(threading.Event())


if __name__ == "__main__":
    main(sys.argv[1:])
