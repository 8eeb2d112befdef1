"""The town around the emulated gate: a real centre on this machine, behind TLS, and people's codes as pictures."""

from __future__ import annotations

import json
import os
import shutil
import socket
import socketserver
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec
import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from PIL import Image

from hardware.scene import Exhibit, draw
from sync.collector.centre import Centre
from sync.collector.config import StateDir as CentreDir
from sync.wire.keys import Purpose, SigningKey
from sync.wire.passes import PassClaims, PassKind, Status, issue
from sync.wire.policy import Policy
from tests.emulated_pi.machine import CENTRE
from tests.sync.collector.peers import certificate
from tests.sync.programs import Processes

GATE, ADDRESS = "gate-1", f"https://{CENTRE}"
STATE, SETTINGS, BENCH = "var/lib/venue-gate", "etc/venue-gate", "var/lib/bench"
CA = f"/{STATE}/ca.pem"
RED, GREEN, YELLOW, FORGED, EMPTY, TWO = "red.png", "green.png", "yellow.png", "forged.png", "empty.png", "two.png"
SIZE = (720, 1280)  # as the Pi's camera gives it
DAY = 86_400

GATE_TOML = """[state]
run = "/run/venue-gate"
[camera]
source = "directory"
directory = "{directory}"
frames_per_second = 5
[passage]
sensor = "{passage}"
pass_seconds = 3
held_seconds = 6
[fire_loop]
observed = {fire_loop}
"""
SYNC_TOML = """run_dir = "/run/venue-gate"
greeting_seconds = 5
first_wait_seconds = 1
longest_wait_seconds = 5
"""


class Town:
    """A centre with one venue, one checkpoint and one gate; its state stays in `directory`."""

    def __init__(self, directory: Path, policy: Policy | None = None) -> None:
        directory.mkdir(parents=True)
        self.programs = Processes(directory)
        self.programs.found()
        (directory / "policy.json").write_text(json.dumps(msgspec.to_builtins(policy or Policy())))
        self.programs.collector("policy", "set", str(directory / "policy.json"))
        self._authority, self._key = certificate(directory, CENTRE.partition(":")[0])
        self._directory = directory
        centre = Centre.open(CentreDir(self.programs.centre))
        try:
            keys = centre.keys.current()
            self.root_key = keys.root_public.hex()
            self._passes = keys.signer(Purpose.PASS, time.time())
        finally:
            centre.close()

    def settle(self, root: Path, *, passage: bool = False, fire_loop: bool = False, queue: bool = False) -> None:
        """Settings on a card whose files are at `root`, and the town's root key and authority.

        queue: pictures come one after the other by themselves; else the bench shows them.
        """
        place = f"/{BENCH}/queue" if queue else f"/{BENCH}/camera"
        told = GATE_TOML.format(
            directory=place, passage="contact" if passage else "none", fire_loop="true" if fire_loop else "false"
        )
        (root / SETTINGS / "gate.toml").write_text(told)
        (root / SETTINGS / "sync.toml").write_text(SYNC_TOML)
        (root / STATE / "root.pub").write_text(self.root_key + "\n")
        shutil.copy(self._authority, root / STATE / "ca.pem")

    def provision(self, root: Path) -> None:
        """Make the card that of this town's gate."""
        files = self._directory / "provisioned"
        if not files.exists():
            self.programs.collector(
                *("gate", "provision", str(files), "--gate", GATE, "--collector-url", ADDRESS, "--ca", CA)
            )
        shutil.copytree(files, root / STATE, dirs_exist_ok=True, symlinks=True)
        owner = (root / STATE / "outbox").stat()
        for path in [root / STATE, *(root / STATE).rglob("*")]:
            os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)

    def enrolment_code(self, picture: Path) -> None:
        """The code that makes a device this town's gate."""
        self.programs.collector("gate", "enrol", GATE, "--collector-url", ADDRESS, "--out", str(picture))
        picture.chmod(0o644)  # whoever holds it up shows it to everybody

    def confirm(self, words: str) -> None:
        """IT compared the words."""
        self.programs.collector("gate", "confirm", GATE, "--words", words)

    def pass_text(self, status: Status = Status.GREEN, key: SigningKey | None = None) -> str:
        """A saved pass of somebody, valid for a day; key: another's than the centre's."""
        now = int(time.time())
        claims = PassClaims("xinan", now - 60, now + DAY, os.urandom(12), PassKind.SAVED, status, now - 600)
        return issue(claims, key or self._passes)

    def pictures(self, root: Path, people: int = 0) -> None:
        """The pictures of a day; and a queue of so many people with green passes, each followed by nobody."""
        named, queue = root / BENCH / "pictures", root / BENCH / "queue"
        forger = SigningKey(Ed25519PrivateKey.generate(), Purpose.PASS)
        shown = {
            GREEN: [self.pass_text()],
            "green-2.png": [self.pass_text()],
            "green-3.png": [self.pass_text()],
            "green-4.png": [self.pass_text()],
            RED: [self.pass_text(Status.RED)],
            YELLOW: [self.pass_text(Status.YELLOW)],
            FORGED: [self.pass_text(key=forger)],
            TWO: [self.pass_text(), self.pass_text()],
            EMPTY: [],
        }
        for name, texts in shown.items():
            draw_picture(named / name, *texts)
        (root / BENCH / "camera").mkdir(exist_ok=True)
        (root / BENCH / "camera" / "view.png").unlink(missing_ok=True)
        (root / BENCH / "camera" / "view.png").symlink_to(f"/{BENCH}/pictures/{EMPTY}")
        for number in range(people):
            draw_picture(queue / f"{2 * number:03}.png", self.pass_text())
            shutil.copy(named / EMPTY, queue / f"{2 * number + 1:03}.png")

    @contextmanager
    def serving(self) -> Iterator[int]:
        """The centre answers; the port of its TLS."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self._authority, self._key)
        try:
            self.programs.serve()
            with _Front(self.programs.port, context) as front:
                threading.Thread(target=front.serve_forever, daemon=True).start()
                try:
                    yield front.port
                finally:
                    front.shutdown()
        finally:
            self.programs.end()

    def records(self) -> list[tuple[str, int, bytes]]:
        """(outbox, sequence, record) of everything that the centre holds of the gate."""
        asked = "SELECT outbox.id, sequence, raw FROM record JOIN outbox ON outbox.number = record.outbox ORDER BY 1, 2"
        return self.programs.ask(asked)  # type: ignore[return-value]


class _Front(socketserver.ThreadingTCPServer):
    """TLS before a port of this machine, as a town's proxy is."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, to_port: int, context: ssl.SSLContext) -> None:
        self.to_port, self.context = to_port, context
        super().__init__(("127.0.0.1", 0), _Connection)

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def handle_error(self, *_request: object) -> None:
        """A guest whose plug was pulled is no error of ours."""


class _Connection(socketserver.BaseRequestHandler):
    server: _Front

    def handle(self) -> None:
        with (
            self.server.context.wrap_socket(self.request, server_side=True) as guest,
            socket.create_connection(("127.0.0.1", self.server.to_port), 30) as centre,
        ):
            threading.Thread(target=_carry, args=(centre, guest), daemon=True).start()
            _carry(guest, centre)


def _carry(origin: socket.socket, to: socket.socket) -> None:
    with suppress(OSError):
        while heard := origin.recv(65_536):
            to.sendall(heard)
    with suppress(OSError):
        to.shutdown(socket.SHUT_RDWR)


def draw_picture(path: Path, *texts: str) -> None:
    """A frame of the doorway with these codes held up, as a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    luma = draw([Exhibit(text) for text in texts], np.random.default_rng(len(path.name)), size=SIZE)
    Image.fromarray(luma).save(path, compress_level=1)
