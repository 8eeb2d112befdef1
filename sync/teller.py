"""Keeps sync-status.json true: what gate-sync is doing, in a code for programs and a sentence for IT."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Container

from sync import mailbox
from sync.incidents import Incidents
from sync.link import Exchange, Link, Verdict
from sync.wire.receipt import Receipt, Standing
from sync.wire.statedir import StateDir
from sync.wire.status import Handed, Setup, StickStatus, SyncStatus, Trouble, WifiSetup

_log = logging.getLogger("gate-sync")

# The gate takes a word for stale after a few seconds; a drain changes the backlog a hundred times a second.
_AT_LEAST_EVERY_SECONDS = 1.0
_PROGRESS_EVERY_SECONDS = 0.2


class Teller:
    """Collects what happened and writes it down when it changed.

    setup, wifi: what becomes of codes that the gate handed over. incidents: what did not go the plain way so far.
    updates_trouble: a sentence while something is wrong with the updates, which stops no exchange by itself.
    next_attempt: monotonic seconds, None while an exchange is under way. stick, handed: as in `SyncStatus`.
    """

    def __init__(self, state: StateDir, boot: str, incidents: Incidents) -> None:
        self._state, self._boot = state, boot
        self.incidents = incidents
        self._connected = False
        self._trouble: Trouble | None = None
        self._detail: str | None = None
        self._last_contact: float | None = None
        self._answered_mono: float | None = None
        # What does not move in one outbox, while everything else may go well: (outbox, whether it is its greeting).
        self._stuck: dict[tuple[str, bool], str] = {}
        self._told: SyncStatus | None = None
        self._outbox_trouble: str | None = None
        self.updates_trouble: str | None = None
        self.next_attempt: float | None = None
        self.stick: StickStatus | None = None
        self.handed: Handed | None = None
        self.setup: Setup | None = None
        self.wifi: WifiSetup | None = None
        self._revoked = False

    @property
    def connected(self) -> bool:
        """Whether the newest exchange brought a genuine receipt."""
        return self._connected

    def waiting(self) -> None:
        """Everything needed is there; the first exchange is still to come."""
        self._connected, self._trouble, self._detail = False, None, None
        self._stuck.clear()

    def contact_before(self, at: float | None) -> None:
        """When the centre was reached in an earlier run, as its kept receipt says."""
        if self._last_contact is None:
            self._last_contact = at

    def received(self, receipt: Receipt, verdict: Verdict, exchange: Exchange | None) -> None:
        """A genuine receipt came."""
        if exchange is not None:
            self._stuck.pop((exchange.outbox, exchange.is_greeting), None)
        self._connected, self._last_contact, self._answered_mono = True, time.time(), time.monotonic()
        self._trouble, self._detail = verdict_in_words(receipt, verdict)
        self._revoked = receipt.standing is Standing.QUARANTINED

    def carried(self, receipt: Receipt) -> None:
        """The same on a stick: the centre spoke then, and no exchange went well or failed."""
        self._last_contact = max(self._last_contact or 0.0, receipt.centre_time)

    def failed(self, trouble: Trouble, sentence: str, exchange: Exchange | None = None) -> None:
        """No receipt came, or none can be asked for."""
        if exchange is not None and trouble is Trouble.OUR_FAULT:
            self._stuck[exchange.outbox, exchange.is_greeting] = sentence
        if exchange is not None:
            self._answered_mono = time.monotonic()
        if (trouble, sentence) != (self._trouble, self._detail):
            _log.warning("%s: %s", trouble.value, sentence)
        self._connected, self._trouble, self._detail = False, trouble, sentence

    def hold_up(self, outbox: str, sentence: str) -> None:
        """Records of that outbox cannot be read; shown until some of them reach the centre."""
        self._stuck[outbox, False] = sentence

    def outboxes(self, present: Container[str], trouble: str | None) -> None:
        """Which there are; those that are gone take their troubles along. trouble: a sentence, None for none."""
        self._stuck = {key: sentence for key, sentence in self._stuck.items() if key[0] in present}
        self._outbox_trouble = trouble

    def tell(self, link: Link | None) -> None:
        """Write sync-status.json if its content changed or is getting old."""
        status = self._status(link)
        told = self._told
        if told is not None:
            age = status.mono - told.mono
            progressed = status.backlog != told.backlog and age >= _PROGRESS_EVERY_SECONDS
            if _changing(status) == _changing(told) and not progressed and age < _AT_LEAST_EVERY_SECONDS:
                return
            if status.connected and not told.connected:
                _log.info("connected; %d records wait", status.backlog)
        self._write(status)

    def goodbye(self, link: Link | None) -> None:
        """The last word before the end: not connected."""
        self._connected = False
        self._write(self._status(link))

    def _write(self, status: SyncStatus) -> None:
        try:
            mailbox.write_sync_status(self._state, status)
        except OSError as failure:
            _log.error("sync-status.json cannot be written: %s", failure)
        self._told = status

    def _status(self, link: Link | None) -> SyncStatus:
        trouble, detail = self._trouble, self._detail
        held_up = next(iter(self._stuck.values()), None) or self._outbox_trouble
        if trouble is None and held_up:
            trouble, detail = Trouble.OUR_FAULT, held_up
        upcoming = self.next_attempt
        return SyncStatus(
            wall=time.time(),
            boot=self._boot,
            mono=time.monotonic(),
            pid=os.getpid(),
            connected=self._connected,
            backlog=link.backlog if link else 0,
            last_contact=self._last_contact,
            trouble=trouble,
            detail=detail or self.updates_trouble,
            next_attempt_mono=upcoming if upcoming is not None and upcoming < float("inf") else None,
            failures=link.failures if link else 0,
            answered_mono=self._answered_mono,
            incidents=self.incidents.count,
            stick=self.stick,
            handed=self.handed,
            setup=self.setup,
            wifi=self.wifi,
            revoked=self._revoked,
        )


def _changing(status: SyncStatus) -> tuple[object, ...]:
    stick = status.stick and (status.stick.phase, status.stick.detail)
    return (
        *(status.connected, status.trouble, status.detail, status.failures, status.incidents),
        *(stick, status.handed and status.handed.id),
        *(status.setup, status.wifi, status.revoked),
    )


def verdict_in_words(receipt: Receipt, verdict: Verdict) -> tuple[Trouble | None, str | None]:
    """What a receipt says besides "taken", for IT."""
    if receipt.standing is Standing.QUARANTINED:
        return Trouble.REFUSED, "the centre has revoked this gate: its records are kept apart there"
    if verdict is Verdict.BEYOND:
        return Trouble.OUR_FAULT, (
            f"the centre expects record {receipt.next}, which this card never held: an old copy of it was put back"
        )
    if verdict is Verdict.RESENT:
        return None, f"the centre lacks records from {receipt.next} on (restored from a backup?); they are sent again"
    if verdict is Verdict.DOUBTED:
        return None, "the centre was restored, and some numbers of this outbox have two versions: all is sent again"
    if receipt.set_aside:
        first = receipt.set_aside[0]
        return None, (
            f"the centre set {len(receipt.set_aside)} records aside that it cannot read; "
            f"record {first.sequence}: {first.reason}"
        )
    return None, None
