"""A gate's side of the wire, for tests of the centre: a provisioned directory, batches, and HTTP."""

from __future__ import annotations

import http.client
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sync.collector.accounts.permissions import Appointment
from sync.collector.centre import Centre
from sync.collector.fleet.provisioning import provision
from sync.collector.fleet.service import create_gate
from sync.wire import jsonform
from sync.wire.batch import Batch, Hole, Report, pack
from sync.wire.keys import Purpose, SigningKey
from sync.wire.receipt import Answer, Receipt, decode_answer, read_receipt
from sync.wire.record import ClockQuality, Direction, Moment, Outcome, Place, Scan
from sync.wire.statedir import StateDir
from sync.wire.status import Identity
from sync.wire.updates import FILES, open_snapshot
from tests.sync.collector.staff import IT, cookie_for

NOW = 1_790_000_000.0
NONCE = "ab" * 16


@dataclass
class Gate:
    """A provisioned gate's directory, and the batches that its gate-sync would send."""

    files: StateDir
    outbox: str = "0" * 31 + "1"
    mono: float = 100.0
    have: tuple[int, int] = (10**6, 1)

    def __post_init__(self) -> None:
        self.identity = jsonform.decode(self.files.identity.read_bytes(), Identity, "identity")
        private = bytes.fromhex(self.files.device_key.read_text())
        self.key = SigningKey(Ed25519PrivateKey.from_private_bytes(private), Purpose.GATE)
        self.snapshot = open_snapshot(
            {name: (self.files.current_updates / name).read_bytes() for name in FILES},
            bytes.fromhex(self.files.root_key.read_text()),
        )

    def record(self, number: int, **changes: object) -> bytes:
        """The bytes of a scan; `changes` replace fields."""
        scan = Scan(
            when=Moment(NOW + number, "b" * 36, number * 1.0, ClockQuality.SYNCHRONIZED),
            place=Place(self.snapshot.venue.venue, self.snapshot.venue.checkpoint, Direction.IN),
            outcome=Outcome.PASS,
            reasons=["green"],
            policy="1.1",
            kind="scan_result",
            serial=f"{number:024x}",
            status="green",
            temperature=36.5,
        )
        return jsonform.encode(msgspec.structs.replace(scan, **changes))

    def batch(self, first: int, records: list[bytes], holes: list[Hole] | None = None, **changes: object) -> bytes:
        """A sealed and signed batch. The gate's monotonic clock moves on with each."""
        self.mono += 1
        missing = sum(hole.last - hole.first + 1 for hole in holes or [])
        batch = Batch(
            gate=self.identity.gate,
            outbox=self.outbox,
            first=first,
            next=first + len(records) + missing,
            records=[msgspec.Raw(record) for record in records],
            sent_at=NOW,
            nonce=NONCE,
            report=self.report(len(records)),
            holes=holes or [],
        )
        return pack(msgspec.structs.replace(batch, **changes), self.key, self.snapshot.sealing_key)

    def report(self, backlog: int) -> Report:
        """How the gate is."""
        return Report(self.have, backlog, "0.1.0", "boot-1", self.mono)

    def receipt(self, answer: Answer) -> Receipt:
        """The receipt, its signature checked as gate-sync does."""
        return read_receipt(answer.receipt, self.snapshot.ring)


@dataclass
class Reply:
    """An HTTP answer."""

    status: int
    headers: dict[str, str]
    body: bytes

    def answer(self) -> Answer:
        """Raises unless this is an answer to a batch."""
        assert self.status == 200, self.body
        return decode_answer(self.body)


@dataclass
class Served:
    """A centre behind a real server on a free port."""

    centre: Centre
    port: int
    cookie: str | None = None  # of a browser that is signed in

    def request(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Reply:
        """One request on a connection of its own. Header names are written with underscores."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            if self.cookie is not None:
                named.setdefault("Cookie", self.cookie)
            connection.request(method, path, body, named)
            response = connection.getresponse()
            told = {name.lower(): response.getheader(name, "") for name in response.headers}  # several: commas between
            return Reply(response.status, told, response.read())
        finally:
            connection.close()

    def signed_in(self, *appointments: Appointment) -> Served:
        """The same for a browser where somebody new is signed in, the town's IT unless said."""
        cookie = cookie_for(self.centre, *(appointments or (IT,)), now=NOW)
        return replace(self, cookie=cookie)

    def post(self, body: bytes, content_type: str = "application/cose") -> Reply:
        """A batch as gate-sync posts it."""
        return self.request("POST", "/v1/batches", body, Content_Type=content_type)


@dataclass
class Site:
    """A fresh centre and what stands in the town."""

    centre: Centre
    directory: Path

    def gate(self, name: str = "1号闸机", checkpoint: int = 1) -> Gate:
        """A new provisioned gate at that checkpoint."""
        with self.centre.database.write() as session:
            row = create_gate(session, checkpoint, name)
        directory = self.directory / row.id
        provision(self.centre, directory, Identity(row.id, "http://127.0.0.1:8000"), NOW)
        return Gate(StateDir.at(directory), outbox=f"{row.number:032x}")
