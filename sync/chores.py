"""What gate-sync does beside carrying records: enrolment, key rolls, Wi-Fi – each at its own pace, in the same loop."""

from __future__ import annotations

from sync.enrolling import Enrolling
from sync.joining import Joining
from sync.rolling import Rolling
from sync.wire.status import Setup, WifiSetup


class Chores:
    """They wait for nothing, and what goes wrong in one of them is told and never raised."""

    def __init__(self, enrolling: Enrolling, rolling: Rolling, joining: Joining) -> None:
        self._enrolling, self._rolling, self._joining = enrolling, rolling, joining

    def step(self, now: float) -> None:
        """One look. now: this boot's monotonic seconds."""
        self._enrolling.step(now)
        self._rolling.step(now)
        self._joining.step(now)

    @property
    def setup(self) -> Setup | None:
        """How far the enrolment is."""
        return self._enrolling.setup

    @property
    def wifi(self) -> WifiSetup | None:
        """What becomes of the newest Wi-Fi code."""
        return self._joining.setup

    def close(self) -> None:
        """Nothing is asked any more."""
        self._enrolling.close()
        self._rolling.close()
