"""gate-sync's loop: looks at the outboxes, asks the link, sends, keeps receipts, installs updates, tells how it is.

Waits patiently for whatever is missing – provisioning, the outbox, the network – and goes on by itself. The decisions
are the link's (`sync/link.py`); the form is `sync.wire`'s; this module only carries things between them in time.
"""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from importlib.metadata import version

from sync import mailbox
from sync.address import UnsafeAddress
from sync.chores import Chores
from sync.config import SyncConfig
from sync.dispatch import Load, NothingThere, dispatch, load, look_for_urgent, report
from sync.errand import Errand, Transport
from sync.errors import PeerFault
from sync.handover import BrokenHandover, Handover, read_handover
from sync.incidents import noted
from sync.installer import Incomplete, install
from sync.link import Cursor, Exchange, Link, Send, Verdict
from sync.mailbox import NotProvisioned, Provision
from sync.notify import Supervisor
from sync.outbox.errors import OutboxError
from sync.returning import Returning, as_it_is
from sync.teller import Teller
from sync.transport import ExchangeFailed
from sync.watch import OpenOutboxes, OutboxWatch
from sync.wire.batch import MAX_RECORDS, Hole
from sync.wire.carried import device_seal_public
from sync.wire.receipt import Receipt, decode_answer, read_receipt
from sync.wire.statedir import StateDir
from sync.wire.status import GateStatus, Handed, Trouble
from sync.wire.updates import Snapshot

_log = logging.getLogger("gate-sync")

_PROVISION_AGAIN_SECONDS = 5.0
_BAD_UPDATES_PAUSE_SECONDS = 600.0
_GOODBYE_SECONDS = 1.0
# Each such receipt is a write to the card, and a clock drifts slowly.
_PROOF_EVERY_SECONDS = 600.0

Connect = Callable[[Provision], Transport]


@dataclass(slots=True)
class _Session:
    """What there is once the gate is provisioned; it goes on until its identity or a key changes."""

    provision: Provision
    transport: Transport
    link: Link
    watch: OutboxWatch


class Agent:
    """Everything gate-sync does, in one loop.

    open_outboxes: `sync.outbox.reader.readers`. connect: makes the carrier to the centre; raises UnsafeAddress. draw:
    randomness for the backoff. look_seconds: how often it looks for new records. supervisor: told that the loop turns.
    look_up_seconds: how much longer than its own limit an exchange may take, since a name look-up cannot be cut; beyond
    it is wedged. chores: makes what is done beside, given what to ring when an answer is there. `run` returns after
    `stop`, which a signal handler may call.
    """

    def __init__(
        self,
        state: StateDir,
        config: SyncConfig,
        open_outboxes: OpenOutboxes,
        connect: Connect,
        draw: Callable[[], float],
        look_seconds: float = 0.5,
        supervisor: Supervisor | None = None,
        look_up_seconds: float = 120.0,
        chores: Callable[[threading.Event], Chores] | None = None,
    ) -> None:
        self._state, self._config = state, config
        self._open_outboxes, self._connect, self._draw = open_outboxes, connect, draw
        self._look_seconds = look_seconds
        self._supervisor = supervisor or Supervisor({})
        self._exchange_seconds = config.exchange_seconds + look_up_seconds
        self._boot = mailbox.boot_id()
        self._software = version("venue-gate")
        self._stopping = False
        self._bell = threading.Event()
        with suppress(OSError):
            if mailbox.put_broken_incidents_aside(state):
                _log.error("incidents.json was damaged: kept as incidents.json.bad, what was noted before stands there")
        self._incidents = self._incidents_on_disk = mailbox.read_incidents(state)
        self._delivered_failed = False
        self._teller = Teller(state, self._boot, self._incidents)
        self._wake_seen = mailbox.changed_at(state.wake)
        # One that nobody took yet is still wanted: what it brings is judged, and twice is once.
        self._handover_seen: int | None = None
        self._chores = chores(self._bell) if chores is not None else None

        self._session: _Session | None = None
        self._provision_seen: object = None
        self._provision_again = float("-inf")

        self._errand: Errand | None = None
        self._ahead: Load | None = None
        self._errand_overdue = float("inf")
        self._exchange: Exchange | None = None
        self._holes: tuple[Hole, ...] = ()
        self._ask_updates = True
        self._updates_again = float("-inf")
        self._lacks_files = False
        self._proof: str | None = None
        self._proof_again = float("-inf")

    def stop(self) -> None:
        """Ask the loop to end. Only sets a flag: it may be called inside a signal handler, where a lock may not."""
        self._stopping = True

    def run(self) -> None:
        """Work until stopped; returns within two seconds of that, in the middle of an exchange too."""
        self._supervisor.ready()
        try:
            while not self._stopping:
                self._bell.clear()
                now = time.monotonic()
                if self._is_well(now):
                    self._supervisor.alive(now)
                self._look_at_codes(now)
                pause = self._step(now)
                self._teller.stick = as_it_is(self._state, now)
                self._teller.tell(self._link)
                if pause and not self._stopping:
                    self._bell.wait(self._look_seconds)
        finally:
            self._supervisor.stopping()
            if self._errand is not None:
                self._errand.abandon(_GOODBYE_SECONDS)
            if self._chores is not None:
                self._chores.close()
            self._teller.goodbye(self._link)

    def _is_well(self, now: float) -> bool:
        """Whether the loop gets anywhere. Waiting is well: for network, centre or outbox, as long as it takes."""
        return self._errand is None or now < self._errand_overdue

    @property
    def _link(self) -> Link | None:
        return None if self._session is None else self._session.link

    def _step(self, now: float) -> bool:
        """One look at everything. Returns whether to pause before the next."""
        if self._errand is not None:
            if not self._errand.is_done:
                if self._session is not None:
                    self._look_at_handover(self._session)  # a bad line may hold an exchange for minutes
                return not (self._read_ahead() or self._look_for_urgent(now))
            errand, self._errand = self._errand, None
            self._finish(errand, now)
        session = self._look_at_provision(now)
        if session is None:
            return True
        self._look_at_outboxes(session, now)
        self._look_at_wake(session.link)
        self._look_at_handover(session)
        more = self._look_for_urgent(now)
        action = session.link.next_action(now)
        if isinstance(action, Send):
            return not self._send(action, session, now)
        self._teller.next_attempt = action.until
        return not more

    # Who we are

    def _look_at_codes(self, now: float) -> None:
        """What the gate handed over; it goes on beside everything else."""
        if self._chores is not None:
            self._chores.step(now)
            self._teller.setup, self._teller.wifi = self._chores.setup, self._chores.wifi

    def _look_at_provision(self, now: float) -> _Session | None:
        seen = mailbox.fingerprint(self._state)
        if seen == self._provision_seen and (self._session or now < self._provision_again):
            return self._session
        self._provision_seen, self._provision_again = seen, now + _PROVISION_AGAIN_SECONDS
        try:
            fresh = mailbox.read_provision(self._state)
            if self._session is None or _is_another(fresh, self._session.provision):
                self._session = self._begin(fresh)
            self._session.provision = fresh
        except (NotProvisioned, UnsafeAddress) as missing:
            self._session = None
            self._teller.failed(Trouble.NOT_PROVISIONED, str(missing))
        return self._session

    def _begin(self, provision: Provision) -> _Session:
        if self._session is not None:
            self._session.transport.close()
        self._ahead = None
        transport = self._connect(provision)
        link = Link(provision.identity.gate, self._config.greeting_seconds, self._draw, self._config.pace)
        self._teller.waiting()
        return _Session(
            provision, transport, link, OutboxWatch(self._state, self._open_outboxes, provision.snapshot.ring)
        )

    # What is queued

    def _look_at_outboxes(self, session: _Session, now: float) -> None:
        watch = session.watch
        queued = watch.look(now)
        if queued is not None:
            session.link.observe(queued, watch.cursors(), self._incidents.contested)
        self._teller.outboxes(watch.sources, watch.trouble)
        self._teller.contact_before(max((kept.centre_time for kept in watch.receipts.values()), default=None))

    def _look_at_wake(self, link: Link) -> None:
        touched = mailbox.changed_at(self._state.wake)
        if touched != self._wake_seen:
            self._wake_seen = touched
            link.wake()

    def _look_for_urgent(self, now: float) -> bool:
        """Look through one more piece of what waits (R7). Returns whether there is more to look through."""
        session = self._session
        unread = session.link.unread(now) if session else None
        if session is None or unread is None:
            return False
        try:
            upto, urgent = look_for_urgent(session.watch.sources[unread.outbox], unread.first)
        except (NothingThere, OutboxError) as failure:
            self._teller.hold_up(unread.outbox, f"outbox {unread.outbox} cannot be read: {failure}")
            return False
        session.link.looked(unread, upto, urgent)
        return True

    # One exchange

    def _send(self, send: Send, session: _Session, now: float) -> bool:
        """Whether something left."""
        link, provision = session.link, session.provision
        gate = mailbox.read_gate_status(self._state, self._boot, now)
        told = report(
            gate,
            (0, 0) if self._lacks_files else provision.snapshot.order,
            link.backlog,
            software=self._software,
            boot=self._boot,
            mono=now,
            wants_updates=self._ask_updates and now >= self._updates_again,
            sealing_key=device_seal_public(provision.signing_key),
        )
        nonce = self._gates_nonce(gate, link, now) or secrets.token_hex(16)
        try:
            ready = dispatch(self._load(send, session), provision, told, nonce=nonce, sent_at=time.time())
        except (NothingThere, OutboxError, OSError) as failure:
            link.put_off(send.outbox, now)
            self._teller.hold_up(send.outbox, f"outbox {send.outbox} cannot be read: {failure}")
            return False
        except ValueError as too_large:
            # Smaller next time: a range with very many holes, or records longer than the outbox allows.
            self._exchange, self._holes = Exchange(send.outbox, send.first, send.first + 1, nonce), ()
            link.sending(self._exchange, now)
            self._fail(link, Trouble.OUR_FAULT, f"a batch cannot be made: {too_large}", now)
            return False
        self._exchange, self._holes = ready.exchange, ready.holes
        link.sending(ready.exchange, now)
        self._teller.next_attempt = None
        self._errand = Errand(session.transport, ready.body, self._bell)
        self._errand_overdue = now + self._exchange_seconds
        return True

    def _load(self, send: Send, session: _Session) -> Load:
        """What was read ahead if it is that, else read now. Raises as `load` does."""
        ahead = self._ahead
        if ahead is not None and ahead.send == send:
            self._ahead = None
            return ahead
        return load(session.watch.sources[send.outbox], send, session.provision.identity.gate)

    def _read_ahead(self) -> bool:
        """While the centre works on one batch, make the next one ready. Returns whether there was something to do."""
        session = self._session
        send = session.link.likely_next() if session else None
        if session is None or send is None or (self._ahead is not None and self._ahead.send == send):
            return False
        self._ahead = None
        try:
            self._ahead = load(session.watch.sources[send.outbox], send, session.provision.identity.gate)
        except (NothingThere, OutboxError, OSError, ValueError):
            return False  # in its turn it is read again, and told then
        return True

    def _gates_nonce(self, gate: GateStatus | None, link: Link, now: float) -> str | None:
        """Now and then the gate's own: a receipt that repeats it proves the time to the gate (DESIGN 5).

        Not in the middle of a drain, where the next receipt would take its place before the gate has read it.
        """
        self._proof = None
        is_calm = self._teller.connected and link.backlog <= MAX_RECORDS
        if gate and gate.nonce and is_calm and now >= self._proof_again:
            self._proof, self._proof_again = gate.nonce, now + _PROOF_EVERY_SECONDS
        return self._proof

    def _finish(self, errand: Errand, now: float) -> None:
        session = self._session
        assert session is not None  # the provision is not looked at while an exchange is under way
        try:
            self._take(errand.answer(), session, now)
        except ExchangeFailed as failure:
            # Perhaps the line is too slow for the updates: next time without them.
            self._ask_updates = not self._ask_updates
            self._fail(session.link, failure.trouble, str(failure), now, failure.retry_after)
        except PeerFault as fault:
            self._fail(session.link, Trouble.NOT_THE_CENTRE, str(fault), now)
        except OSError as failure:
            self._fail(session.link, Trouble.OUR_FAULT, f"the receipt cannot be kept: {failure.strerror}", now)

    def _take(self, body: bytes, session: _Session, now: float) -> None:
        answer = decode_answer(body)
        # Before the receipt, which may be signed by a key that only these updates name.
        if answer.updates:
            self._install(answer.updates, session, now)
        receipt = read_receipt(answer.receipt, session.provision.snapshot.ring)
        verdict = session.link.judge(receipt)
        # Before the cursor: of a conflict the link must know for good.
        assert self._exchange is not None  # it was judged by it
        self._note(receipt, verdict, self._exchange, self._holes)
        if verdict.is_cursor:
            session.watch.keep(receipt, answer.receipt, even_if_nothing_new=receipt.nonce == self._proof)
        session.link.received(receipt, now)
        if verdict is Verdict.BEYOND and not self._exchange.is_greeting:
            self._note_delivered(session.watch, receipt.outbox, Cursor(self._exchange.next, receipt.epoch))
        self._ask_updates = True
        self._teller.received(receipt, verdict, self._exchange)

    def _note(self, receipt: Receipt, verdict: Verdict, exchange: Exchange, holes: Sequence[Hole]) -> None:
        """Raises OSError where a contested outbox cannot be noted; anything else is noted when it can be.

        On a full disk only a receipt makes room, and numbers that burnt there are incidents.
        """
        after = noted(self._incidents, exchange, holes, receipt, verdict)
        is_news = after is not self._incidents
        self._incidents = self._teller.incidents = after
        if after is self._incidents_on_disk:
            return
        try:
            mailbox.write_incidents(self._state, after)
        except OSError as failure:
            if not after.contested <= self._incidents_on_disk.contested:
                raise
            if is_news:
                _log.warning("incidents.json cannot be written: %s", failure.strerror)
        else:
            self._incidents_on_disk = after

    def _note_delivered(self, watch: OutboxWatch, outbox: str, cursor: Cursor) -> None:
        """Only spares work after a restart, so that its failure is no failure of the exchange."""
        try:
            watch.delivered(outbox, cursor)
        except OSError as failure:
            if not self._delivered_failed:
                _log.warning("delivered.json cannot be written: %s", failure.strerror)
            self._delivered_failed = True
        else:
            self._delivered_failed = False

    def _install(self, files: dict[str, bytes], session: _Session, now: float) -> None:
        provision = session.provision
        try:
            snapshot = install(
                self._state, files, provision.root, provision.snapshot.order, provision.snapshot.keys_issued_at
            )
        except (PeerFault, OSError) as refused:
            # Asked for all of them once, as a gate without any; then as rarely as after other bad ones.
            self._lacks_files = isinstance(refused, Incomplete) and not self._lacks_files
            self._updates_again = now + (0.0 if self._lacks_files else _BAD_UPDATES_PAUSE_SECONDS)
            self._teller.updates_trouble = f"new updates were not installed: {refused}"
            _log.warning("updates not installed: %s", refused)
            return
        self._in_force(snapshot, session)

    def _in_force(self, snapshot: Snapshot, session: _Session) -> None:
        self._teller.updates_trouble, self._lacks_files = None, False
        session.provision = replace(session.provision, snapshot=snapshot)
        self._provision_seen = mailbox.fingerprint(self._state)
        _log.info("updates %d-%d installed", *snapshot.order)

    # What came on a stick

    def _look_at_handover(self, session: _Session) -> None:
        touched = mailbox.changed_at(self._state.handover)
        if touched is None or touched == self._handover_seen:
            return
        self._handover_seen = touched
        try:
            self._teller.handed = self._take_over(read_handover(self._state), session)
        except (BrokenHandover, OSError) as failure:
            _log.warning("nothing taken from the stick: %s", failure)

    def hand_over(self, handover: Handover, now: float) -> Handed:
        """The same without a running loop: for a command that holds the lock because no service runs.

        Raises NotProvisioned, OSError.
        """
        session = self._look_at_provision(now)
        if session is None:
            mailbox.read_provision(self._state)
            raise NotProvisioned("this gate is not provisioned yet")
        self._look_at_outboxes(session, now)
        return self._take_over(handover, session)

    def tell(self, now: float) -> None:
        """Write sync-status.json, likewise."""
        self._teller.stick = as_it_is(self._state, now)
        self._teller.tell(self._link)

    def _take_over(self, handover: Handover, session: _Session) -> Handed:
        returning = Returning(self._state, session.provision, session.link, session.watch, self._note, self._teller)
        handed = returning.take(handover)
        if returning.snapshot is not None:
            self._in_force(returning.snapshot, session)
        return handed

    def _fail(self, link: Link, trouble: Trouble, sentence: str, now: float, retry_after: float | None = None) -> None:
        link.failed(trouble, now, retry_after)
        self._teller.failed(trouble, sentence, self._exchange)


def _is_another(one: Provision, other: Provision) -> bool:
    """Whether the address, the name or a key changed – anything but the updates."""
    return (one.identity, one.ca, one.root, one.signing_key.kid) != (
        other.identity,
        other.ca,
        other.root,
        other.signing_key.kid,
    )
