"""A visit of a stick at a gate: what came for it goes in, what waits goes out (R25; DESIGN 7, any carrier).

Nothing here acknowledges anything: what the stick brought is handed to gate-sync, which alone judges it and writes it
down (`sync.returning`). A stick that is pulled in the middle costs nothing: what is on it is whole, and the rest is
carried the next time.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from importlib.metadata import version
from secrets import token_hex
from typing import Protocol

from sync import mailbox
from sync.dispatch import NothingThere, Source, dispatch, load, report
from sync.errors import SyncError
from sync.handover import KEPT, Carried, Handover, Sent
from sync.link import Queued, Send
from sync.mailbox import NotProvisioned, Provision
from sync.outbox.errors import OutboxError
from sync.stick import Folder, StickFault
from sync.watch import OpenOutboxes, OutboxWatch
from sync.wire.batch import MAX_RECORDS
from sync.wire.carried import (
    ANSWER,
    MAX_RETURN_BYTES,
    BatchName,
    batch_name,
    device_seal,
    device_seal_public,
    gate_folder,
    open_return,
)
from sync.wire.envelope import MessageType
from sync.wire.errors import WireError
from sync.wire.statedir import StateDir
from sync.wire.status import Handed, StickTrouble

MAX_BATCHES = KEPT // 2
"""At a time and for all outboxes: two sticks that are under way are remembered whole."""
_NOTED_TOGETHER = 100


class Desk(Protocol):
    """Whoever writes this gate's receipts, updates and courier.json: the service, or this program in its place."""

    def hand(self, handover: Handover) -> Handed:
        """Have it taken. Raises SyncError when nobody takes it."""
        ...


Show = Callable[[int, int], None]
"""So many of so many numbers are on the stick: for a bar and for the lamps."""


@dataclass(slots=True)
class Outcome:
    """What a visit did, for people. carried: numbers on the stick; left: those that did not fit, or were too many.

    handed: what became of what came back. fault: what ended the visit before its time.
    """

    carried: int = 0
    batches: int = 0
    left: int = 0
    handed: Handed | None = None
    troubles: list[str] = field(default_factory=list)
    fault: StickFault | None = None


@dataclass(slots=True)
class Visit:
    """One stick at one gate. stick: its `venue-gate` folder. wall, mono: the clocks."""

    state: StateDir
    stick: Folder
    desk: Desk
    show: Show
    open_outboxes: OpenOutboxes
    wall: Callable[[], float] = time.time
    mono: Callable[[], float] = time.monotonic
    outcome: Outcome = field(default_factory=Outcome)

    def folder(self, provision: Provision, *, make: bool = False) -> Folder | None:
        """This gate's own. Raises StickFault."""
        wanted = gate_folder(provision.signing_key.kid)
        named = [name for name in self.stick.names() if name.lower() == wanted]
        return self.stick.folder(wanted if wanted in named or not named else named[0], make=make)


def bring_in(visit: Visit) -> None:
    """Receipts and updates from the stick. Raises NotProvisioned, StickFault, SyncError."""
    provision = mailbox.read_provision(visit.state)
    folder = visit.folder(provision)
    if folder is None:
        return
    try:
        with folder:
            sealed = folder.read(_known(folder, ANSWER), MAX_RETURN_BYTES)
        if sealed is None:
            return
        brought = open_return(sealed, device_seal(provision.signing_key))
    except (WireError, StickFault) as cause:
        if isinstance(cause, StickFault) and cause.trouble is not StickTrouble.BAD_CONTENT:
            raise
        # No reason to carry nothing out: the next answer replaces it.
        visit.outcome.troubles.append(f"the centre's answer on the stick cannot be used: {cause}")
        return
    visit.outcome.handed = visit.desk.hand(Handover(token_hex(16), brought.receipts, brought.updates))
    visit.outcome.troubles += visit.outcome.handed.troubles


def carry_out(visit: Visit) -> None:
    """What waits on this gate, from the cursor on. Raises NotProvisioned, StickFault, SyncError, OSError."""
    provision = mailbox.read_provision(visit.state)
    watch = OutboxWatch(visit.state, visit.open_outboxes, provision.snapshot.ring)
    queued = watch.look(visit.mono())
    if not queued:
        visit.outcome.troubles.append(watch.trouble or "there is no outbox")
        return
    handed = visit.desk.hand(Handover(token_hex(16)))  # where everything stands now
    folder = visit.folder(provision, make=True)
    assert folder is not None  # it was made
    with folder:
        out = _Out(visit, provision, folder, mailbox.read_carried(visit.state))
        for line in queued:
            out.plan(watch.sources[line.outbox], handed.cursors.get(line.outbox), line)
        out.go()
        if folder.crowded:
            visit.outcome.troubles.append(folder.crowded)


ERRANDS: tuple[Callable[[Visit], None], ...] = (bring_in, carry_out)
"""What happens when a stick is there, in order. What else a stick may bring – an identity for a gate that has none –
is one more function here: each looks for its own files and leaves the others alone."""


@dataclass(slots=True)
class _Span:
    """Of one outbox: what is to go. reached: everything before it is on the stick."""

    source: Source
    reached: int
    upto: int

    @property
    def left(self) -> int:
        return max(0, self.upto - self.reached)


@dataclass(slots=True)
class _Out:
    """The batches of one visit."""

    visit: Visit
    provision: Provision
    folder: Folder
    carried: Carried
    _spans: list[_Span] = field(default_factory=list)
    _present: dict[str, BatchName] = field(default_factory=dict)
    _wanted: set[str] = field(default_factory=set)
    _sent: list[Sent] = field(default_factory=list)

    def plan(self, source: Source, cursor: int | None, queued: Queued) -> None:
        """Everything of an outbox that the centre has not acknowledged."""
        is_within = cursor is not None and queued.first <= cursor <= queued.next
        self._spans.append(_Span(source, cursor if cursor is not None and is_within else queued.first, queued.next))

    def go(self) -> None:
        """Write them, the oldest first, and for each outbox a greeting."""
        outcome, total = self.visit.outcome, sum(span.left for span in self._spans)
        self._present = {name: found for name in self.folder.names() if (found := batch_name(name)) is not None}
        starts = {span.source.id: span.reached for span in self._spans}
        # Acknowledged, or of an outbox that is no more. First of all: a full stick needs the room.
        self._remove(name for name, found in self._present.items() if found.next <= starts.get(found.outbox, 2**53))
        self.folder.remove_drafts()
        self.visit.show(0, total)
        try:
            for name in self._batches():
                self._wanted.add(str(name))
                outcome.batches += 1
                outcome.carried += name.next - name.first
                self.visit.show(outcome.carried, max(total, outcome.carried))
        finally:
            outcome.left = sum(span.left for span in self._spans)
            self._note()
        self._remove(name for name in self._present if name.lower() not in self._wanted)

    def _remove(self, names: Iterable[str]) -> None:
        for name in list(names):
            try:
                self.folder.remove(name)
            except StickFault as fault:
                if fault.trouble is not StickTrouble.BAD_CONTENT:
                    raise
                self.visit.outcome.troubles.append(str(fault))
            self._present.pop(name, None)

    def _batches(self) -> Iterator[BatchName]:
        """Each is on the stick, whole, when it is given."""
        known = {(one.outbox, one.first, one.next): one.digest for one in self.carried.sent}
        for span in self._spans:
            while span.left and self.visit.outcome.batches < MAX_BATCHES:
                name = self._kept(span, known) or self._write(span, MAX_RECORDS)
                if name is None:
                    break
                yield name
                span.reached = name.next
            # Of a sealed outbox too, else a restored centre never asks for what it lost of it. The active one's is the
            # last: its report is the newest.
            greeting = self._write(span, 0)
            if greeting is not None:
                yield greeting

    def _kept(self, span: _Span, known: dict[tuple[str, int, int], str]) -> BatchName | None:
        """A batch of an earlier visit that is on this stick still, byte for byte, and could not hold more today."""
        name = BatchName(span.source.id, span.reached, min(span.reached + MAX_RECORDS, span.upto))
        digest = known.get((name.outbox, name.first, name.next))
        if digest is None or str(name) not in self._present:
            return None
        try:
            body = self.folder.read(str(name), MessageType.BATCH.max_bytes)
        except StickFault as fault:
            if fault.trouble is not StickTrouble.BAD_CONTENT:
                raise
            return None
        return name if body is not None and sha256(body).hexdigest() == digest else None

    def _write(self, span: _Span, max_records: int) -> BatchName | None:
        try:
            body, sent = self._made(span, max_records)
        except (NothingThere, OutboxError, ValueError) as failure:
            self.visit.outcome.troubles.append(f"outbox {span.source.id} cannot be read: {failure}")
            return None
        name = BatchName(sent.outbox, sent.first, sent.next)
        try:
            self.folder.write(str(name), body)
        except StickFault as fault:
            if fault.trouble is not StickTrouble.FULL or not self._made_room(span):
                raise
            self.folder.write(str(name), body)
        self._sent.append(sent)
        if len(self._sent) >= _NOTED_TOGETHER:
            self._note()
        return name

    def _made_room(self, span: _Span) -> bool:
        """Take away what an earlier visit left and this one has written anew."""
        again = [
            name
            for name, found in self._present.items()
            if name not in self._wanted and found.outbox == span.source.id and found.next <= span.reached
        ]
        self._remove(again)
        return bool(again)

    def _made(self, span: _Span, max_records: int) -> tuple[bytes, Sent]:
        """Raises NothingThere, OutboxError, ValueError."""
        loaded = load(span.source, Send(span.source.id, span.reached, max_records), self.provision.identity.gate)
        state, mono, wall = self.visit.state, self.visit.mono(), self.visit.wall()
        gate = mailbox.read_gate_status(state, mailbox.boot_id(), mono)
        if gate is not None:
            # Its own reading is never below its floor; the machine's clock may be years behind (DESIGN 5).
            wall = max(wall, gate.wall + mono - gate.mono)
        later = self._spans[self._spans.index(span) + 1 :]
        told = report(
            gate,
            (0, 0) if self.carried.lacks_files else self.provision.snapshot.order,
            span.left + sum(each.left for each in later),  # what waits when everything before this batch arrived
            software=version("venue-gate"),
            boot=mailbox.boot_id(),
            mono=mono,
            wants_updates=False,  # the centre puts them on the stick beside the receipts, once
            sealing_key=device_seal_public(self.provision.signing_key),
        )
        # Never the gate's own nonce: a receipt that is days late must not set a clock.
        nonce = token_hex(16)
        ready = dispatch(loaded, self.provision, told, nonce=nonce, sent_at=wall)
        digest = sha256(ready.body).hexdigest()
        return ready.body, Sent(span.source.id, span.reached, loaded.next, nonce, digest, list(ready.holes))

    def _note(self) -> None:
        """Before it is noted, a receipt for it would say nothing: it goes to the desk every so often."""
        sent, self._sent = self._sent, []
        if sent:
            self.visit.outcome.troubles += self.visit.desk.hand(Handover(token_hex(16), sent=sent)).troubles


def _known(folder: Folder, wanted: str) -> str:
    """The name as it stands there, whatever its case."""
    return next((name for name in folder.names() if name.lower() == wanted), wanted)


def visit(place: Visit, errands: tuple[Callable[[Visit], None], ...] = ERRANDS) -> Outcome:
    """Run the errands. What ends the visit before its time stands in the outcome, with what was done."""
    try:
        for errand in errands:
            errand(place)
    except StickFault as fault:
        place.outcome.fault = fault
    except SyncError as failure:
        missing = isinstance(failure, NotProvisioned)
        trouble = StickTrouble.NOT_PROVISIONED if missing else StickTrouble.OUR_FAULT
        place.outcome.fault = StickFault(trouble, str(failure))
    return place.outcome
