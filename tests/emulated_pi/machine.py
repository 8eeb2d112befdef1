"""An emulated Raspberry Pi 3 that is switched on: its card, its pins, its serial lines, its network cable."""

from __future__ import annotations

import base64
import json
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.emulated_pi.errors import EmulationError, NotSeen
from tests.emulated_pi.image import Image
from tests.emulated_pi.pins import Pins, until

CENTRE = "10.0.2.100:8443"  # where the guest's network has the centre
_RELAY = Path(__file__).with_name("relay.py")
_BOOT_SECONDS, _ANSWER_SECONDS = 240.0, 120.0


@dataclass(frozen=True, slots=True)
class Options:
    """cache: QEMU's of the card: "writethrough" keeps what the guest flushed, "writeback" is a card that lies.

    wall: what the clock says at the start, seconds since 1970; None for what Debian makes of no clock at all.
    centre_port: where on this machine the guest's only way out leads; None for no network.
    """

    cache: str = "writethrough"
    wall: float | None = None
    centre_port: int | None = None


class Pi:
    """Made by `switched_on`."""

    def __init__(self, image: Image, card: Path, log: Path, options: Options) -> None:
        self._sockets = Path(tempfile.mkdtemp(prefix="pi-"))
        self._log = log
        log.parent.mkdir(parents=True, exist_ok=True)
        self.started = time.monotonic()
        self._process = subprocess.Popen(
            _command(image, card, self._sockets, log, options),
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        )  # fmt: skip
        try:
            try:
                for name in ("pins", "bench", "monitor"):
                    until((self._sockets / name).exists, 60, "QEMU's sockets", every=0.02)
            except NotSeen as cause:
                raise EmulationError(f"QEMU does not start: {self._died()}") from cause
            self._monitor = socket.socket(socket.AF_UNIX)
            self._monitor.connect(str(self._sockets / "monitor"))
            self.pins = Pins(self._sockets / "pins")
            self.bench = Bench(self._sockets / "bench")
        except BaseException:
            self.cut()
            raise

    @property
    def is_on(self) -> bool:
        """Whether it still runs."""
        return self._process.poll() is None

    def cut(self) -> None:
        """Pull the plug."""
        self._process.kill()
        self._process.wait(30)
        for name in ("bench", "pins"):
            with suppress(AttributeError, OSError):
                getattr(self, name).close()
        shutil.rmtree(self._sockets, ignore_errors=True)

    def switch_off(self) -> None:
        """As IT does, from the system; then the plug."""
        with suppress(NotSeen, EmulationError):
            self.bench.run("systemctl", "--no-block", "poweroff")
            until(lambda: "reboot: Power down" in self.log() or not self.is_on, 90, "the system is down")
        self.cut()

    def cable(self, plugged: bool) -> None:
        """Pull or plug the network cable."""
        self._monitor.sendall(f"set_link usb {'on' if plugged else 'off'}\n".encode())

    def wait(self, seconds: float = _BOOT_SECONDS) -> None:
        """Until its system answers after a start. Raises NotSeen."""
        until(lambda: self.bench.is_there or self._panicked(), seconds, "the Pi's system answers", every=1.0)
        if self._panicked():
            raise EmulationError(f"the kernel stopped: {self.log()[-1500:]}")

    def _panicked(self) -> bool:
        return "Kernel panic" in self.log() or not self.is_on

    def log(self) -> str:
        """The serial console so far."""
        return self._log.read_text(encoding="utf-8", errors="replace") if self._log.exists() else ""

    def _died(self) -> str:
        if self.is_on or self._process.stderr is None:
            return "it does not open its sockets"
        return self._process.stderr.read().decode(errors="replace").strip()


class Bench:
    """The one on the card that does what a scenario says (guest/bench.py)."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(str(path))
        self._answers: dict[int, dict[str, Any]] = {}
        self._told = threading.Condition()
        self._number, self._is_on = 0, True
        self.is_there = False  # set by its first word: the line loses what is said to it before
        threading.Thread(target=self._listen, name="bench", daemon=True).start()

    def run(self, *command: str, seconds: float = _ANSWER_SECONDS, check: bool = True) -> str:
        """A command as root; what it printed. Raises NotSeen when it fails."""
        told = self._ask("run", list(command), seconds)
        said = base64.b64decode(told["out"]).decode(errors="replace")
        if check and told["code"]:
            raise NotSeen(f"{' '.join(command)} ended with {told['code']}: {said[-1000:]}")
        return said

    def read(self, path: str) -> bytes:
        """A file; b"" where there is none."""
        told = self._ask("run", ["cat", path], _ANSWER_SECONDS)
        return b"" if told["code"] else base64.b64decode(told["out"])

    def packed(self, directory: str) -> bytes:
        """A directory as a compressed tar."""
        told = self._ask("run", ["tar", "-C", directory, "-cz", "."], _ANSWER_SECONDS)
        return base64.b64decode(told["out"])

    def show(self, picture: str) -> float:
        """Put a picture before the camera; when that was done (this machine's monotonic clock)."""
        self._ask("show", picture, _ANSWER_SECONDS)
        return time.monotonic()

    def time(self) -> tuple[float, float, float, str]:
        """(this machine's monotonic seconds, the guest's, the guest's wall time, its boot) at one moment."""
        before = time.monotonic()
        told = self._ask("time", 0, _ANSWER_SECONDS)
        return (before + time.monotonic()) / 2, float(told["mono"]), float(told["wall"]), str(told["boot"])

    def close(self) -> None:
        """Hang up."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _ask(self, name: str, what: object, seconds: float) -> dict[str, Any]:
        self._number += 1
        number = self._number
        try:
            self._socket.sendall(json.dumps({"n": number, name: what}).encode() + b"\n")
        except OSError as cause:
            raise EmulationError(f"the Pi is off: {cause}") from cause
        with self._told:
            self._told.wait_for(lambda: number in self._answers or not self._is_on, seconds)
            told = self._answers.pop(number, None)
        if told is None:
            raise NotSeen(f"no answer to {name} {what!r} within {seconds:g} s")
        if "error" in told:
            raise EmulationError(f"{name} {what!r}: {told['error']}")
        return told

    def _listen(self) -> None:
        rest = b""
        while heard := self._received():
            *lines, rest = (rest + heard).split(b"\n")
            with self._told:
                for line in lines:
                    with suppress(ValueError):
                        told = json.loads(line)
                        self.is_there = True
                        self._answers[told["n"]] = told
                self._told.notify_all()
        with self._told:
            self._is_on = False
            self._told.notify_all()

    def _received(self) -> bytes:
        try:
            return self._socket.recv(65_536)
        except OSError:
            return b""


@contextmanager
def switched_on(image: Image, card: Path, log: Path, options: Options | None = None) -> Iterator[Pi]:
    """A Pi with this card; at the end its plug is pulled, whatever happened."""
    pi = Pi(image, card, log, options or Options())
    try:
        yield pi
    finally:
        pi.cut()


def _command(image: Image, card: Path, sockets: Path, log: Path, options: Options) -> list[str]:
    kernel = "console=ttyAMA0,115200 quiet loglevel=4 systemd.show_status=1 panic=-1"
    if options.wall is not None:
        kernel += f" systemd.clock_usec={int(options.wall * 1e6)}"
    command = [
        *("qemu-system-aarch64", "-M", "raspi3b", "-display", "none", "-no-reboot"),
        *(
            "-kernel",
            str(image.kernel),
            "-initrd",
            str(image.initrd),
            "-dtb",
            str(image.device_tree),
            "-append",
            kernel,
        ),
        *("-drive", f"file={card},if=sd,format=raw,cache={options.cache}"),
        *("-serial", f"file:{log}", "-serial", f"unix:{sockets / 'bench'},server=on,wait=off"),
        *("-monitor", f"unix:{sockets / 'monitor'},server=on,wait=off"),
        *("-qtest", f"unix:{sockets / 'pins'},server=on,wait=off", "-qtest-log", "none"),
    ]
    if options.centre_port is not None:
        way_out = f"guestfwd=tcp:{CENTRE}-cmd:{sys.executable} -IS {_RELAY} {options.centre_port}"
        command += ["-netdev", f"user,id=usb,restrict=on,{way_out}", "-device", "usb-net,netdev=usb"]
    return command
