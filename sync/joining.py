"""Takes the Wi-Fi code that the gate handed over, joins the network, tells how far it is (R25).

The file with the code holds a password: it is removed as soon as it was read, before anything is done with it. One
network after the other; the newest code wins.
"""

from __future__ import annotations

import logging
import threading
from contextlib import suppress

from sync.errand import Errand
from sync.network_manager import Network
from sync.wire import jsonform
from sync.wire.errors import WireError
from sync.wire.statedir import StateDir
from sync.wire.status import Handover, WifiSetup, WifiStep
from sync.wire.wifi import Wifi, read_code

_log = logging.getLogger("gate-sync")
_MAX_BYTES = 4_000
_HANDOVER_SECONDS = 600.0


class Joining:
    """Called by gate-sync's loop. setup: what becomes of the newest code, None for none."""

    def __init__(self, state: StateDir, network: Network, boot: str, finished: threading.Event) -> None:
        self._state, self._network, self._boot, self._finished = state, network, boot, finished
        self._errand: Errand | None = None
        self._number = 0
        self.setup: WifiSetup | None = None

    def step(self, now: float) -> None:
        """One look. now: this boot's monotonic seconds."""
        if self._errand is not None:
            if not self._errand.is_done:
                return
            errand, self._errand = self._errand, None
            assert self.setup is not None
            self._tell(WifiStep(errand.answer().decode()), self.setup.network)
        text = self._take(now)
        if text is None:
            return
        try:
            wifi = read_code(text)
        except WireError:
            self._tell(WifiStep.UNREADABLE, "")
            return
        self._tell(WifiStep.JOINING, wifi.name)
        self._errand = Errand(_Attempt(self._network, wifi), b"", self._finished)

    def _take(self, now: float) -> str | None:
        """The code, if there is a fresh one; the file is gone then, whatever was in it."""
        try:
            with self._state.wifi.open("rb") as file:
                content = file.read(_MAX_BYTES)
        except OSError:
            return None
        with suppress(FileNotFoundError):
            self._state.wifi.unlink()
        try:
            told = jsonform.decode(content, Handover, self._state.wifi.name)
        except WireError:
            return None
        is_fresh = told.boot == self._boot and 0 <= now - told.mono < _HANDOVER_SECONDS
        return told.text if is_fresh else None

    def _tell(self, step: WifiStep, network: str) -> None:
        self._number += 1
        self.setup = WifiSetup(self._number, step, network)
        _log.info("Wi-Fi: %s", step.value)


class _Attempt:
    """Joining one network, as an errand: NetworkManager may hang, and the loop never waits for it."""

    def __init__(self, network: Network, wifi: Wifi) -> None:
        self._network, self._wifi = network, wifi

    def exchange(self, body: bytes) -> bytes:
        return self._network.join(self._wifi).value.encode()

    def abort(self) -> None:
        """It ends by itself, within its patience."""

    def close(self) -> None:
        """Nothing to free."""
