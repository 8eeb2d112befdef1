"""Setting-up codes before the camera: an enrolment code, a Wi-Fi code – taken only while they may be (R25).

They are no credentials: nothing about a visitor follows from them, and none of them is believed here. The gate decides
only whether one may be read now, and hands its text to gate-sync, which has network and keys:

- while this device is nobody's gate, or
- for ten minutes after somebody pressed the button inside the enclosure (whoever can do that has the key to it).

Otherwise such a code is an unknown code like any other. The ten minutes are of the monotonic clock, and a restart ends
them. A text that is held up again while it stands there is handed over once.
"""

from __future__ import annotations

import logging
from enum import Enum
from pathlib import Path

from hardware.ports import Switch
from sync.outbox.durable import make_directory, replace_file
from sync.wire import enrolment, jsonform, wifi
from sync.wire.errors import WireError
from sync.wire.record import Moment
from sync.wire.statedir import StateDir
from sync.wire.status import Handover

WINDOW_SECONDS = 600.0
_log = logging.getLogger("gate")


class Taken(Enum):
    """What became of a text that was held up."""

    NOT_OURS = "not_ours"  # no setting-up code, or none may be read now
    HANDED_OVER = "handed_over"
    UNREADABLE = "unreadable"  # it may be read, and is damaged or of a kind that nobody can use


class Window:
    """PURE: the ten minutes of the button. Times are monotonic seconds of this start of the gate."""

    def __init__(self) -> None:
        self._until = float("-inf")

    def pressed(self, now: float) -> None:
        """They begin, again if they had begun."""
        self._until = now + WINDOW_SECONDS

    def seconds_left(self, now: float) -> float:
        """0 where it is closed."""
        return max(0.0, self._until - now)


class Commissioning:
    """button: None where there is none; then codes are taken only while the device is nobody's gate."""

    def __init__(self, state: StateDir, button: Switch | None = None) -> None:
        self._state, self._button, self._window = state, button, Window()
        self._is_enrolled = True

    @property
    def is_enrolled(self) -> bool:
        """Whether this device is a gate; as `look` found it."""
        return self._is_enrolled

    def look(self, has_trust: bool, now: float) -> None:
        """Now and then. has_trust: updates are in force. now: monotonic seconds.

        A gate whose updates are damaged is still a gate: the identity says so.
        """
        self._is_enrolled = has_trust or self._state.identity.exists()
        if self._button is not None and self._button.presses():
            _log.warning("the button was pressed: setting-up codes are taken for %d s", WINDOW_SECONDS)
            self._window.pressed(now)

    def seconds_left(self, now: float) -> float:
        """How long the button still counts; 0 for not."""
        return self._window.seconds_left(now)

    def take(self, text: str, now: Moment) -> Taken:
        """Hand a setting-up code to gate-sync, where it may be read now."""
        target = self._target(text)
        if target is None or (self._is_enrolled and not self.seconds_left(now.mono)):
            return Taken.NOT_OURS
        try:
            (enrolment.read_code if target == self._state.enrolment else wifi.read_code)(text)
            make_directory(self._state.run)
            told = jsonform.encode(Handover(text, now.boot, now.mono))
            replace_file(target, told, durable=False, mode=0o600)
        except WireError as cause:
            _log.warning("a setting-up code is not taken: %s", cause)
            return Taken.UNREADABLE
        except OSError as cause:
            _log.error("a setting-up code cannot be handed over: %s", cause.strerror)
            return Taken.UNREADABLE
        return Taken.HANDED_OVER

    def _target(self, text: str) -> Path | None:
        if text.startswith(enrolment.PREFIX):
            return self._state.enrolment
        if text.startswith(wifi.PREFIX):
            return self._state.wifi
        return None
