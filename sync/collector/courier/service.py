"""A stick at the centre: its batches go through the intake that HTTP uses, and the answers go back onto it, sealed.

One gate's trouble is that gate's: it is told, and the rest goes on. What is taken stays taken, also when the stick is
pulled in the middle; the same stick again brings the same receipts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import Connection, select

from sync.collector.centre import Centre
from sync.collector.fleet import snapshots
from sync.collector.fleet.model import Contact
from sync.collector.fleet.service import KnownGate, gate_of_key, sealed_gates
from sync.collector.intake.api import Arrival, take
from sync.collector.problems import Problem
from sync.stick import Calls, Folder, StickFault, stick
from sync.wire import jsonform
from sync.wire.batch import Report
from sync.wire.carried import ANSWER, batch_name, fitting, gate_folder, kid_of_folder, seal_return
from sync.wire.envelope import MessageType
from sync.wire.keys import key_id
from sync.wire.status import StickTrouble

MAX_FOLDERS = 1_000
MAX_BATCHES = 20_000
"""Of one stick at a time: ten million records. What is beyond is told, and taken the next time."""
_MAX_REFUSED = 20
"""In one folder: after so many nothing good is expected there."""
_FRESH_SECONDS = 60.0
"""Updates that leave on a stick live long: they are made anew rather than taken from the shelf."""

Show = Callable[[int, int], None]
"""So many of so many files are taken."""


@dataclass(slots=True)
class Brought:
    """What one gate's folder brought, or a folder that is no gate's of this centre.

    new, known, set_aside, conflicts, quarantined: records. refused: files. updates: which went onto the stick.
    """

    folder: str
    gate: str | None = None
    files: int = 0
    new: int = 0
    known: int = 0
    set_aside: int = 0
    conflicts: int = 0
    quarantined: int = 0
    refused: int = 0
    updates: tuple[int, int] | None = None
    answered: bool = False
    troubles: list[str] = field(default_factory=list)

    def took(self, arrival: Arrival) -> None:
        """One batch more."""
        taken = arrival.taken
        self.gate = arrival.gate.id
        self.files += 1
        self.new += taken.stored
        self.known += taken.known
        self.set_aside += len(taken.set_aside)
        self.conflicts += len(taken.conflicts)
        self.quarantined += taken.quarantined


@dataclass(slots=True)
class Import:
    """What a stick brought, by folder. left: files beyond what is taken at a time. fault: what ended it too early."""

    brought: dict[bytes, Brought] = field(default_factory=dict)
    receipts: dict[bytes, list[bytes]] = field(default_factory=dict)
    left: int = 0
    fault: StickFault | None = None

    @property
    def is_well(self) -> bool:
        """Whether there is nothing to look into."""
        return self.fault is None and not self.left and not any(one.troubles for one in self.brought.values())

    def of(self, kid: bytes) -> Brought:
        """By the name of the gate's key."""
        return self.brought.setdefault(kid, Brought(gate_folder(kid)))


def mark(centre: Centre, directory: Path, calls: Calls | None = None) -> None:
    """Make the directory a stick of this centre. Raises StickFault."""
    with stick(directory, key_id(centre.keys.current().root_public), mark=True, calls=calls):
        pass


def take_stick(
    centre: Centre,
    directory: Path,
    clock: Callable[[], float],
    show: Show = lambda _done, _total: None,
    *,
    all_gates: bool = False,
    calls: Calls | None = None,
) -> Import:
    """Take what the stick brought, and put onto it what goes back. all_gates: also to gates that brought nothing.

    clock: seconds since 1970. Raises StickFault for what is no stick of this centre, and DatabaseUnavailable.
    """
    done = Import()
    with stick(directory, key_id(centre.keys.current().root_public), calls=calls) as root:
        try:
            _take_all(centre, root, clock, show, done)
            _answer_all(centre, root, clock, done, all_gates=all_gates)
        except StickFault as fault:
            done.fault = fault
    return done


@dataclass(frozen=True, slots=True)
class _Planned:
    """A gate's folder, by its name on the stick, and the files in it that are called batches, in order."""

    kid: bytes
    name: str
    files: list[str]


def _take_all(centre: Centre, root: Folder, clock: Callable[[], float], show: Show, done: Import) -> None:
    planned = list(_plan(root, done))
    total, count = sum(len(each.files) for each in planned), 0
    for each in planned:
        brought = done.of(each.kid)
        folder = _folder(root, each.name, brought)
        for file in each.files if folder else ():
            count += 1
            show(count, total)
            if folder is not None and brought.refused < _MAX_REFUSED:
                _take_one(centre, folder, file, clock(), brought, done)
        if folder is not None:
            folder.close()
        if brought.refused >= _MAX_REFUSED:
            brought.troubles.append(f"after {_MAX_REFUSED} files that were refused, the rest of this folder was left")


def _plan(root: Folder, done: Import) -> Iterator[_Planned]:
    room = MAX_BATCHES
    for name in root.names():
        kid = kid_of_folder(name)
        if kid is None:
            continue
        if len(done.brought) >= MAX_FOLDERS:
            done.left += 1
            continue
        folder = _folder(root, name, done.of(kid))
        if folder is None:
            continue
        with folder:
            found = sorted((batch, file) for file in folder.names() if (batch := batch_name(file)) is not None)
            if folder.crowded:
                done.of(kid).troubles.append(folder.crowded)
        yield _Planned(kid, name, [file for _, file in found[:room]])
        done.left += len(found[room:])
        room = max(0, room - len(found))


def _folder(root: Folder, name: str, brought: Brought) -> Folder | None:
    """None for what only looks like a folder; then that is told."""
    try:
        return root.folder(name)
    except StickFault as fault:
        _tell(fault, brought)
        return None


def _take_one(centre: Centre, folder: Folder, file: str, now: float, brought: Brought, done: Import) -> None:
    try:
        body = folder.read(file, MessageType.BATCH.max_bytes)
        if body is None:
            return
        arrival = take(centre, body, now, straight=False)
    except StickFault as fault:
        brought.refused += 1
        _tell(fault, brought)
    except Problem as problem:
        brought.refused += 1
        brought.troubles.append(f"{file}: {problem.detail}")
    else:
        # By its signature, whatever folder it lay in: there its gate looks for the answer.
        assert arrival.gate.public_key is not None  # it verified the batch
        kid = key_id(arrival.gate.public_key)
        done.of(kid).took(arrival)
        done.receipts.setdefault(kid, []).append(arrival.answer.receipt)


def _tell(fault: StickFault, brought: Brought) -> None:
    """Something on the stick is not what belongs there. Raises what is wrong with the stick itself."""
    if fault.trouble is not StickTrouble.BAD_CONTENT:
        raise fault
    brought.troubles.append(str(fault))


def _answer_all(centre: Centre, root: Folder, clock: Callable[[], float], done: Import, *, all_gates: bool) -> None:
    wanted = set(done.brought)
    if all_gates:
        with centre.database.look() as connection:
            wanted |= {key_id(gate.public_key) for gate in sealed_gates(connection) if gate.public_key is not None}
    for kid in sorted(wanted):
        _answer(centre, root, kid, clock(), done)


def _answer(centre: Centre, root: Folder, kid: bytes, now: float, done: Import) -> None:
    with centre.database.change() as connection:
        gate = gate_of_key(connection, kid)
        if gate is None:
            return  # its batches were refused with a sentence, if it brought any
        order, updates = (None, None) if gate.is_revoked else _updates(connection, centre, gate, now)
    brought, receipts = done.of(kid), done.receipts.get(kid, [])
    brought.gate = gate.id
    if gate.seal is None:
        if receipts or brought.files:
            brought.troubles.append("it has not told its key for sticks yet, so that no answer can be sealed to it")
        return
    if not receipts and updates is None:
        return
    try:
        folder = root.folder(gate_folder(kid), make=True)
        assert folder is not None  # it was made
        with folder:
            folder.remove_drafts()
            brought.updates = order if _put(folder, gate.seal, receipts, updates, brought) else None
            brought.answered = True
    except StickFault as fault:
        if fault.trouble is StickTrouble.FULL:
            brought.troubles.append("no room on the stick for its answer; what it brought is taken all the same")
        else:
            _tell(fault, brought)
    except ValueError as cause:
        brought.troubles.append(f"no answer can be sealed to it: {cause}")


def _put(
    folder: Folder, seal: bytes, receipts: list[bytes], updates: Mapping[str, bytes] | None, brought: Brought
) -> bool:
    """Whether the updates are on the stick too. Raises StickFault; ValueError for a key that is none."""
    try:
        folder.write(ANSWER, seal_return(fitting(receipts, updates), seal))
    except StickFault as fault:
        if fault.trouble is not StickTrouble.FULL or updates is None:
            raise
        folder.write(ANSWER, seal_return(fitting(receipts, None), seal))
        brought.troubles.append("no room on the stick for its updates; its receipts are on it")
        return False
    return updates is not None


def _updates(
    connection: Connection, centre: Centre, gate: KnownGate, now: float
) -> tuple[tuple[int, int] | None, dict[str, bytes] | None]:
    """What the gate lacks, by the newest that is known of it: everything, for one that was never heard."""
    told = connection.execute(select(Contact.report).where(Contact.gate_number == gate.number)).scalar_one_or_none()
    have = (0, 0) if told is None else jsonform.decode(told, Report, "report").have
    in_force = snapshots.ensure_current(connection, centre, gate, now, _FRESH_SECONDS)
    if have >= in_force.order:
        return None, None
    return in_force.order, snapshots.files(connection, gate, have)
