"""The pins of the emulated Pi, from outside: every edge of an output as it happens, and inputs that are moved.

Through QEMU's qtest socket, which reads and writes the chip's registers beside the running guest: what is seen here is
what a logic analyser on the header would see, whatever the gate believes. (BCM2837 ARM Peripherals, chapter 6.)
"""

from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tests.emulated_pi.errors import EmulationError, NotSeen

_GPIO = 0x3F200000
_FUNCTION, _SET, _CLEAR, _LEVEL = _GPIO, _GPIO + 0x1C, _GPIO + 0x28, _GPIO + 0x34
_OUTPUT = 0b001
_EDGE = re.compile(r"IRQ (raise|lower) (\d+)")
_ANSWER_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Edge:
    """An output changed. at: seconds of this machine's monotonic clock; the guest's runs at the same rate."""

    at: float
    pin: int
    level: bool


class Pins:
    """Connected while the Pi is on. Pins are BCM numbers."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(str(path))
        self.edges: list[Edge] = []
        self._answers: list[str] = []
        self._told = threading.Condition()
        self._asking = threading.Lock()
        self._is_on = True
        self._ear = threading.Thread(target=self._listen, name="pins", daemon=True)
        self._ear.start()
        self._ask("irq_intercept_out /machine/soc/peripherals/gpio")

    def is_output(self, pin: int) -> bool:
        """Whether the pin drives: a released line is an input again, while its level bit stays."""
        word = self._read(_FUNCTION + 4 * (pin // 10))
        return (word >> 3 * (pin % 10)) & 0b111 == _OUTPUT

    def level(self, pin: int) -> bool:
        """The level now."""
        return bool(self._read(_LEVEL) >> pin & 1)

    def driven_high(self, pin: int) -> bool:
        """Whether what hangs on the pin has power."""
        return self.is_output(pin) and self.level(pin)

    def drive(self, pin: int, level: bool) -> None:
        """Move an input, as a contact does."""
        self._ask(f"writel {_SET if level else _CLEAR:#x} {1 << pin:#x}")

    def since(self, at: float, pin: int | None = None) -> list[Edge]:
        """The edges from then on, of one pin or of all."""
        with self._told:
            return [edge for edge in self.edges if edge.at >= at and pin in (None, edge.pin)]

    def rises(self, pin: int, since: float = 0.0) -> list[float]:
        """When it went high."""
        return [edge.at for edge in self.since(since, pin) if edge.level]

    def wait(self, pin: int, level: bool, since: float, seconds: float) -> float:
        """When the pin first took that level from `since` on. Raises NotSeen."""
        found: list[float] = []

        def came() -> bool:
            found[:] = [edge.at for edge in self.since(since, pin) if edge.level is level]
            return bool(found) or not self._is_on

        with self._told:
            self._told.wait_for(came, seconds)
        if not found:
            raise NotSeen(f"pin {pin} did not go {'high' if level else 'low'} within {seconds:g} s")
        return found[0]

    def close(self) -> None:
        """Take the probes off, once everything that was reported is heard."""
        self._ear.join(5.0 if self._is_on else 0.0)
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _read(self, address: int) -> int:
        return int(self._ask(f"readl {address:#x}").split()[1], 16)

    def _ask(self, command: str) -> str:
        with self._asking:
            self._answers.clear()
            try:
                self._socket.sendall(command.encode() + b"\n")
            except OSError as cause:
                raise EmulationError(f"the Pi is off: {cause}") from cause
            with self._told:
                if (
                    not self._told.wait_for(lambda: self._answers or not self._is_on, _ANSWER_SECONDS)
                    or not self._answers
                ):
                    raise EmulationError(f"no answer to {command!r}")
                return self._answers.pop()

    def _listen(self) -> None:
        """Never waits for anybody: the guest stands still while what it reports is not read."""
        rest = b""
        while heard := _received(self._socket):
            at = time.monotonic()
            *lines, rest = (rest + heard).split(b"\n")
            with self._told:
                for line in map(bytes.decode, lines):
                    if edge := _EDGE.match(line):
                        self.edges.append(Edge(at, int(edge[2]), edge[1] == "raise"))
                    elif line.startswith(("OK", "FAIL")):
                        self._answers.append(line)
                self._told.notify_all()
        with self._told:
            self._is_on = False
            self._told.notify_all()


def _received(stream: socket.socket) -> bytes:
    try:
        return stream.recv(65_536)
    except OSError:
        return b""


def until(holds: Callable[[], object], seconds: float, what: str | Callable[[], str], every: float = 0.2) -> float:
    """Ask again and again until it holds; how long that took. Raises NotSeen, saying `what` did not come."""
    begun = time.monotonic()
    while not holds():
        if time.monotonic() - begun > seconds:
            raise NotSeen(f"not within {seconds:g} s: {what if isinstance(what, str) else what()}")
        time.sleep(every)
    return time.monotonic() - begun
