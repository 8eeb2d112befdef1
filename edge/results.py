"""What lamps, buzzer and display show now, and until when."""

from __future__ import annotations

from collections.abc import Sequence

from edge.decide import Decision
from hardware.ports import Hint, Indicator, Sight, Signal
from sync.wire.record import Outcome
from sync.wire.status import Counts, Shown

SEEN_SECONDS = 1.0
SIGNALS = {Outcome.PASS: Signal.PASS, Outcome.REFER: Signal.REFER, Outcome.DENY: Signal.DENY}


class ResultBoard:
    """Shows one visitor's result for `result_seconds`, then the idle state. Time is monotonic seconds, passed in."""

    def __init__(self, indicator: Indicator, result_seconds: float) -> None:
        self._indicator, self._result_seconds = indicator, result_seconds
        self._until = float("-inf")
        self._number = 0
        self.shown: Shown | None = None
        self.signal = Signal.READY
        self.counts = Counts()
        self.hint: Hint | None = None
        self._seen_until = float("-inf")

    def advise(self, sight: Sight, now: float) -> None:
        """Something is held up that cannot be read yet: say so, with what would help, until it is gone."""
        if sight.unread and not sight.symbols:
            self._seen_until = now + SEEN_SECONDS
            self.hint = sight.hint or self.hint

    def show(self, decision: Decision, now: float, tell_the_queue: bool = False) -> None:
        """Show a decision. tell_the_queue: the display may say the reason. Raises PinsError."""
        self._count(decision)
        celsius = decision.situation.temperature
        signal = SIGNALS[decision.outcome]
        if decision.reasons[0] == "already_used" and decision.outcome is not Outcome.PASS:
            signal = Signal.ALREADY_USED
        self.announce(signal, decision.reasons, now, decision.kind, celsius, tell_the_queue)

    def announce(
        self,
        signal: Signal,
        codes: Sequence[str],
        now: float,
        kind: str | None = None,
        temperature: float | None = None,
        tell_the_queue: bool = False,
    ) -> None:
        """Show any result; codes of `edge/reasons.py`, the deciding one first. Raises PinsError."""
        self._number += 1
        self._until = now + self._result_seconds
        self.shown = Shown(self._number, signal.value, list(codes), kind, temperature, tell_the_queue)
        self._turn(signal)

    def settle(self, idle: Signal, now: float) -> None:
        """When the result's time is over, go back to `idle`, or to "reading" while something is seen.

        Raises PinsError.
        """
        if now >= self._seen_until:
            self.hint = None
        if now >= self._until:
            self.shown = None
            seen = idle is Signal.READY and now < self._seen_until
            self._turn(Signal.READING if seen else idle)

    def _turn(self, signal: Signal) -> None:
        self.signal = signal
        self._indicator.show(signal)

    def _count(self, decision: Decision) -> None:
        counts = self.counts
        if decision.claims is None:
            self.counts = Counts(counts.passed, counts.denied, counts.referred, counts.refused + 1)
        else:
            self.counts = Counts(
                counts.passed + (decision.outcome is Outcome.PASS),
                counts.denied + (decision.outcome is Outcome.DENY),
                counts.referred + (decision.outcome is Outcome.REFER),
                counts.refused,
            )
