"""Real gates and a stick between them and the centre: what tests of the courier share. Time is a parameter."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from edge.receipts import ReceiptWatch
from edge.trust import Trust
from sync import mailbox
from sync.config import SyncConfig
from sync.courier import ERRANDS, Outcome, Visit, visit
from sync.desk import OwnDesk
from sync.guard import only_one
from sync.outbox.outbox import Outbox
from sync.outbox.reader import readers
from sync.stick import Calls, StickFault, stick
from sync.wire.batch import MAX_RECORDS
from sync.wire.statedir import StateDir
from tests.sync.collector.gateside import NOW, Gate, Site
from tests.sync.unflushed import Unflushed


@dataclass
class StickGate:
    """A provisioned gate with its real outbox; whoever visits it with a stick does what the unit's program does."""

    wire: Gate
    written: list[bytes] = field(default_factory=list)
    wall: float = NOW

    def __post_init__(self) -> None:
        self.outbox = Outbox(self.state.outbox, "board:card", system=Unflushed())
        self.trust = Trust(self.state)
        self.receipts = ReceiptWatch(self.state, self.outbox)

    @property
    def state(self) -> StateDir:
        return self.wire.files

    @property
    def id(self) -> str:
        return self.wire.identity.gate

    @property
    def folder(self) -> str:
        """Its folder's name on a stick."""
        return self.wire.key.kid.hex()

    def pass_people(self, count: int) -> None:
        """So many scans, on disk."""
        for _ in range(count):
            number = self.outbox.next
            self.written.append(self.wire.record(number))
            self.outbox.append(self.written[-1])

    def visited(
        self,
        directory: Path,
        errands: tuple[Callable[[Visit], None], ...] = ERRANDS,
        calls: Calls | None = None,
        *,
        mark: bool = False,
        show: Callable[[int, int], None] = lambda _done, _total: None,
    ) -> Outcome:
        """A stick is put in; the gate then looks at what gate-sync left."""
        with only_one(self.state):
            desk = OwnDesk(self.state, SyncConfig())
            try:
                with stick(directory, mailbox.root_kid(self.state), mark=mark, calls=calls) as folder:
                    place = Visit(self.state, folder, desk, show, readers, wall=lambda: self.wall)
                    outcome = visit(place, errands)
            except StickFault as fault:
                outcome = Outcome(fault=fault)
        self.look()
        return outcome

    def look(self) -> None:
        """What the gate's program does once a second."""
        self.trust.refresh()
        in_force = self.trust.in_force
        self.receipts.apply(in_force.venue.gate if in_force else None, self.trust.ring)

    @property
    def waiting(self) -> int:
        """Records that the centre does not hold yet, as the gate itself counts."""
        return self.outbox.next - self.outbox.acknowledged


def stick_gate(site: Site, name: str = "1号闸机", people: int = 0) -> StickGate:
    """A new one."""
    made = StickGate(site.gate(name))
    made.pass_people(people)
    return made


def files(directory: Path) -> dict[str, bytes]:
    """Every plain file of a stick, by its path there."""
    return {
        str(path.relative_to(directory)): path.read_bytes()
        for path in sorted(directory.rglob("*"))
        if path.is_file() and not path.is_symlink() and path.stat().st_size < 10_000_000
    }


def batches(count: int) -> int:
    """Files for so many records, the greeting among them."""
    return -(-count // MAX_RECORDS) + 1
