"""gate-sync rolls the device's key: the old key signs the new one, the centre says yes, and only then it is used (R25).

Asked for by `gate-sync roll-key`. The new key is on the disk before the centre hears of it, and the old one stays until
the answer is there: whatever is lost in between, one of them is the gate's, and the same roll is asked for again.
"""

from __future__ import annotations

import logging
import os
import secrets
import threading
from collections.abc import Callable

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sync import adoption, mailbox
from sync.address import UnsafeAddress
from sync.backoff import Backoff, Pace
from sync.errand import Errand, Transport
from sync.journal import Adoption, JournalFile
from sync.mailbox import NotProvisioned
from sync.transport import ExchangeFailed
from sync.wire.enrolment import NONCE_BYTES
from sync.wire.errors import WireError
from sync.wire.keys import Purpose, SigningKey
from sync.wire.rolling import open_answer, sign_roll
from sync.wire.statedir import StateDir
from sync.wire.status import Trouble

_log = logging.getLogger("gate-sync")

Connect = Callable[[mailbox.Provision], Transport]
"""Makes the carrier to this gate's centre, for key rolls. Raises UnsafeAddress."""


def ask_for(state: StateDir) -> None:
    """Begin a roll; one that is under way goes on. Raises NotProvisioned, OSError."""
    mailbox.read_provision(state)
    file = JournalFile(state)
    with file.lock() as journal:
        if journal.rolling is None:
            file.write(msgspec.structs.replace(journal, rolling=os.urandom(32)))


def is_asked_for(state: StateDir) -> bool:
    """Whether a roll is under way."""
    return JournalFile(state).read().rolling is not None


class Rolling:
    """Called by gate-sync's loop. draw: randomness for the backoff. finished: set when an answer is there."""

    def __init__(
        self, state: StateDir, connect: Connect, draw: Callable[[], float], finished: threading.Event, pace: Pace
    ) -> None:
        self._state, self._connect, self._finished = state, connect, finished
        self._backoff = Backoff(draw, pace)
        self._errand: tuple[bytes, str, Transport, Errand] | None = None

    def step(self, now: float) -> None:
        """One look. now: this boot's monotonic seconds. What goes wrong is logged, and tried again."""
        try:
            if self._errand is None:
                if now >= self._backoff.until and self._state.enrolling.exists():
                    self._ask()
            elif self._errand[3].is_done:
                (private, nonce, transport, errand), self._errand = self._errand, None
                transport.close()
                self._take(private, nonce, errand.answer())
        except ExchangeFailed as failure:
            self._failed(failure, now)
        except (NotProvisioned, UnsafeAddress, WireError, OSError) as failure:
            _log.warning("the key is not rolled yet: %s", failure)
            self._backoff.fail(now)

    def close(self) -> None:
        """Nothing is asked any more."""
        if self._errand is not None:
            self._errand[3].abandon(0.5)
            self._errand[2].close()

    def _ask(self) -> None:
        private = JournalFile(self._state).read().rolling
        if private is None:
            return
        provision = mailbox.read_provision(self._state)
        nonce = secrets.token_hex(NONCE_BYTES)
        body = sign_roll(_key(private), nonce, provision.signing_key)
        transport = self._connect(provision)
        self._errand = private, nonce, transport, Errand(transport, body, self._finished)

    def _take(self, private: bytes, nonce: str, answer: bytes) -> None:
        provision = mailbox.read_provision(self._state)
        open_answer(answer, provision.root, _key(private).public, nonce)
        file = JournalFile(self._state)
        with file.lock() as journal:
            if journal.rolling != private:  # it was enrolled anew meanwhile
                return
            adopting = Adoption(private, provision.identity)
            file.write(msgspec.structs.replace(journal, rolling=None, adopting=adopting))
        adoption.go_on(self._state)
        self._backoff.reset()
        _log.info("the device's key is rolled")

    def _failed(self, failure: ExchangeFailed, now: float) -> None:
        if failure.trouble is not Trouble.REFUSED:
            self._backoff.fail(now, failure.retry_after)
            return
        _log.error("the centre does not take a new key: %s", failure)
        file = JournalFile(self._state)
        with file.lock() as journal:
            file.write(msgspec.structs.replace(journal, rolling=None))


def _key(private: bytes) -> SigningKey:
    return SigningKey(Ed25519PrivateKey.from_private_bytes(private), Purpose.GATE)
