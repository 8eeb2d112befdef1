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
from importlib.metadata import version
from pathlib import Path

from sync import mailbox
from sync.address import UnsafeAddress
from sync.config import SyncConfig
from sync.dispatch import NothingThere, Source, dispatch, report
from sync.errand import Errand, Transport
from sync.errors import PeerFault
from sync.installer import install
from sync.link import Exchange, Link, Queued, Send
from sync.mailbox import NotProvisioned, Provision
from sync.outbox.errors import OutboxError
from sync.teller import Teller
from sync.transport import ExchangeFailed
from sync.wire.receipt import Receipt, decode_answer, read_receipt
from sync.wire.statedir import StateDir
from sync.wire.status import Trouble

_log = logging.getLogger("gate-sync")

_PROVISION_AGAIN_SECONDS = 5.0
_OUTBOXES_AGAIN_SECONDS = 10.0
_BAD_UPDATES_PAUSE_SECONDS = 600.0
_GOODBYE_SECONDS = 1.0

OpenOutboxes = Callable[[Path], Sequence[Source]]
Connect = Callable[[Provision], Transport]


class Agent:
    """Everything gate-sync does, in one loop.

    open_outboxes: `sync.outbox.reader.readers`. connect: makes the carrier to the centre; raises UnsafeAddress. draw:
    randomness for the backoff. look_seconds: how often it looks for new records. `run` returns after `stop`, which a
    signal handler may call.
    """

    def __init__(
        self,
        state: StateDir,
        config: SyncConfig,
        open_outboxes: OpenOutboxes,
        connect: Connect,
        draw: Callable[[], float],
        look_seconds: float = 0.5,
    ) -> None:
        self._state, self._config = state, config
        self._open_outboxes, self._connect, self._draw = open_outboxes, connect, draw
        self._look_seconds = look_seconds
        self._boot = mailbox.boot_id()
        self._software = version("venue-gate")
        self._stopping = False
        self._bell = threading.Event()
        self._teller = Teller(state, self._boot)
        self._wake_seen = mailbox.changed_at(mailbox.wake_file(state))

        self._provision: Provision | None = None
        self._provision_seen: object = None
        self._provision_again = float("-inf")
        self._transport: Transport | None = None
        self._link: Link | None = None

        self._sources: dict[str, Source] = {}
        self._first: dict[str, int] = {}
        self._outboxes_seen: object = None
        self._outboxes_again = float("-inf")
        self._cursors: dict[str, Receipt] = {}

        self._errand: Errand | None = None
        self._exchange: Exchange | None = None
        self._ask_updates = True
        self._updates_again = float("-inf")

    def stop(self) -> None:
        """Ask the loop to end. Only sets a flag: it may be called inside a signal handler, where a lock may not."""
        self._stopping = True

    def run(self) -> None:
        """Work until stopped; returns within two seconds of that, in the middle of an exchange too."""
        try:
            while not self._stopping:
                self._bell.clear()
                pause = self._step(time.monotonic())
                self._teller.tell(self._link)
                if pause and not self._stopping:
                    self._bell.wait(self._look_seconds)
        finally:
            if self._errand is not None:
                self._errand.abandon(_GOODBYE_SECONDS)
            self._teller.goodbye(self._link)

    def _step(self, now: float) -> bool:
        """One look at everything. Returns whether to pause before the next."""
        if self._errand is not None:
            if not self._errand.is_done:
                return True
            errand, self._errand = self._errand, None
            self._finish(errand, now)
        if not self._look_at_provision(now):
            return True
        link = self._link
        assert link is not None
        self._look_at_outboxes(link, now)
        self._look_at_wake(link)
        action = link.next_action(now)
        if isinstance(action, Send):
            return not self._send(action, link, now)
        self._teller.next_attempt = action.until
        return True

    # Who we are

    def _look_at_provision(self, now: float) -> bool:
        seen = mailbox.fingerprint(self._state)
        if seen == self._provision_seen and (self._provision or now < self._provision_again):
            return self._provision is not None
        self._provision_seen, self._provision_again = seen, now + _PROVISION_AGAIN_SECONDS
        try:
            fresh = mailbox.read_provision(self._state)
            if self._provision is None or _is_another(fresh, self._provision):
                self._become(fresh)
            self._provision = fresh
        except (NotProvisioned, UnsafeAddress) as missing:
            self._provision = self._link = None
            self._teller.failed(Trouble.NOT_PROVISIONED, str(missing))
        return self._provision is not None

    def _become(self, provision: Provision) -> None:
        if self._transport is not None:
            self._transport.close()
        self._transport = self._connect(provision)
        self._link = Link(provision.identity.gate, self._config.greeting_seconds, self._draw, self._config.pace)
        self._sources.clear()
        self._cursors.clear()
        self._outboxes_seen = None
        self._teller.waiting()

    # What is queued

    def _look_at_outboxes(self, link: Link, now: float) -> None:
        try:
            self._find_outboxes(now)
        except (OutboxError, OSError) as failure:
            self._teller.outbox_trouble = f"the outbox cannot be opened: {failure}"
            return
        self._teller.outbox_trouble = None if self._sources else "there is no outbox yet: the gate has not started here"
        queued = []
        for source in self._sources.values():
            try:
                queued.append(Queued(source.id, self._first[source.id], source.next()))
            except (OutboxError, OSError) as failure:
                self._teller.outbox_trouble = f"outbox {source.id} cannot be read: {failure}"
        link.observe(queued, {outbox: receipt.next for outbox, receipt in self._cursors.items()})

    def _find_outboxes(self, now: float) -> None:
        seen = mailbox.changed_at(self._state.outbox)
        if seen == self._outboxes_seen and now < self._outboxes_again:
            return
        self._outboxes_again = now + _OUTBOXES_AGAIN_SECONDS
        found = {source.id: source for source in self._open_outboxes(self._state.outbox)}
        if list(found) != list(self._sources):
            self._first = {source.id: source.first() for source in found.values()}
            self._sources = found
            self._teller.forget_all_but(found)
            for outbox in found:
                self._read_cursor(outbox)
        self._outboxes_seen = seen

    def _read_cursor(self, outbox: str) -> None:
        assert self._provision is not None
        receipt = mailbox.kept_receipt(self._state, outbox, self._provision.snapshot)
        if receipt is not None:
            self._cursors[outbox] = receipt
            self._teller.contact_before(receipt.centre_time)

    def _look_at_wake(self, link: Link) -> None:
        touched = mailbox.changed_at(mailbox.wake_file(self._state))
        if touched != self._wake_seen:
            self._wake_seen = touched
            link.wake()

    # One exchange

    def _send(self, send: Send, link: Link, now: float) -> bool:
        """Whether something left."""
        assert self._provision is not None
        assert self._transport is not None
        told = report(
            mailbox.read_gate_status(self._state, self._boot),
            self._provision.snapshot.order,
            link.backlog,
            software=self._software,
            boot=self._boot,
            mono=now,
            wants_updates=self._ask_updates and now >= self._updates_again,
        )
        source, nonce = self._sources[send.outbox], secrets.token_hex(16)
        try:
            ready = dispatch(source, send, self._provision, told, nonce=nonce, sent_at=time.time())
        except (NothingThere, OutboxError, OSError) as failure:
            link.put_off(send.outbox, now)
            self._teller.hold_up(send.outbox, f"outbox {send.outbox} cannot be read: {failure}")
            return False
        except ValueError as too_large:
            # Smaller next time: a range with very many holes, or records longer than the outbox allows.
            self._exchange = Exchange(send.outbox, send.first, send.first + 1, nonce)
            link.sending(self._exchange)
            self._fail(link, Trouble.OUR_FAULT, f"a batch cannot be made: {too_large}", now)
            return False
        self._exchange = ready.exchange
        link.sending(ready.exchange)
        self._teller.next_attempt = None
        self._errand = Errand(self._transport, ready.body, self._bell)
        return True

    def _finish(self, errand: Errand, now: float) -> None:
        link = self._link
        assert link is not None  # the provision is not looked at while an exchange is under way
        try:
            self._take(errand.answer(), link, now)
        except ExchangeFailed as failure:
            # Perhaps the line is too slow for the updates: next time without them.
            self._ask_updates = not self._ask_updates
            self._fail(link, failure.trouble, str(failure), now, failure.retry_after)
        except PeerFault as fault:
            self._fail(link, Trouble.NOT_THE_CENTRE, str(fault), now)
        except OSError as failure:
            self._fail(link, Trouble.OUR_FAULT, f"the receipt cannot be kept: {failure.strerror}", now)

    def _take(self, body: bytes, link: Link, now: float) -> None:
        assert self._provision is not None
        answer = decode_answer(body)
        # Before the receipt, which may be signed by a key that only these updates name.
        if answer.updates:
            self._install(answer.updates, now)
        receipt = read_receipt(answer.receipt, self._provision.snapshot.ring)
        verdict = link.judge(receipt)
        if verdict.is_cursor:
            self._keep(receipt, answer.receipt)
        link.received(receipt, now)
        self._ask_updates = True
        self._teller.received(receipt, verdict, self._exchange)

    def _keep(self, receipt: Receipt, signed: bytes) -> None:
        """On disk before anything counts as sent. A greeting's receipt with nothing new costs no write."""
        kept = self._cursors.get(receipt.outbox)
        if kept is None or _saying(kept) != _saying(receipt):
            mailbox.keep_receipt(self._state, receipt.outbox, signed)
            self._cursors[receipt.outbox] = receipt

    def _install(self, files: dict[str, bytes], now: float) -> None:
        provision = self._provision
        assert provision is not None
        try:
            snapshot = install(self._state, files, provision.root, provision.snapshot.order)
        except (PeerFault, OSError) as refused:
            self._updates_again = now + _BAD_UPDATES_PAUSE_SECONDS
            self._teller.updates_trouble = f"new updates were not installed: {refused}"
            _log.warning("updates not installed: %s", refused)
            return
        self._teller.updates_trouble = None
        self._provision = Provision(provision.identity, provision.signing_key, provision.root, provision.ca, snapshot)
        self._provision_seen = mailbox.fingerprint(self._state)
        _log.info("updates %d-%d installed", *snapshot.order)

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


def _saying(receipt: Receipt) -> tuple[int, int, str, int]:
    return receipt.epoch, receipt.next, receipt.standing.value, len(receipt.set_aside)
