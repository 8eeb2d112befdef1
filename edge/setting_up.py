"""PURE: what the lamps say about an enrolment or a Wi-Fi code, from what gate-sync tells of it (R25)."""

from __future__ import annotations

from hardware.ports import Signal
from sync.wire.status import Step, SyncStatus, WifiStep

_OF_A_STEP = {Step.REFUSED: Signal.SETUP_FAILED, Step.ENROLLED: Signal.SETUP_DONE}
_IDLE = {Step.ASKING: Signal.CODE_TAKEN, Step.CONFIRM: Signal.CONFIRM_WORDS}


class SettingUp:
    """Remembers what was shown already. What gate-sync told before this gate started is no news."""

    def __init__(self) -> None:
        self._seen: tuple[object, object] | None = None

    @staticmethod
    def idle(sync: SyncStatus | None) -> Signal:
        """Of a device that is nobody's gate yet."""
        if sync is None or sync.setup is None:
            return Signal.NOT_ENROLLED
        return _IDLE.get(sync.setup.step, Signal.NOT_ENROLLED)

    def news(self, sync: SyncStatus | None) -> Signal | None:
        """What to announce now, None for nothing."""
        if sync is None:
            return None
        told, before = (sync.setup, sync.wifi), self._seen
        self._seen = told
        if before is None or told == before:
            return None
        if sync.setup != before[0]:
            return _OF_A_STEP.get(sync.setup.step) if sync.setup else None
        if sync.wifi is None or sync.wifi.step is WifiStep.JOINING:
            return None
        return Signal.SETUP_DONE if sync.wifi.step is WifiStep.JOINED else Signal.SETUP_FAILED
