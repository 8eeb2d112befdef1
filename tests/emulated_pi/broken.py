"""A gate that is broken on purpose, on the card (BROKEN=name): a scenario that does not notice it proves nothing."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tests.emulated_pi.errors import EmulationError

_PACKAGES = "opt/venue-gate/releases/1/lib/python3.11/site-packages"


@dataclass(frozen=True, slots=True)
class Mistake:
    """In `file`, `right` is replaced by `wrong`. scenario: which must notice, by a row that is called so in part."""

    scenario: str
    row: str
    file: str
    right: str
    wrong: str

    def make(self, root: Path) -> None:
        """On a card whose files are at `root`. Raises EmulationError where the program reads differently by now."""
        path = root / _PACKAGES / self.file
        text = path.read_text(encoding="utf-8")
        if text.count(self.right) != 1:
            raise EmulationError(f"{self.file} does not hold once what is to be broken: {self.right!r}")
        path.write_text(text.replace(self.right, self.wrong), encoding="utf-8")


_HAS_RECORD = "each opening that was seen has its record"

MISTAKES = {
    "opens-on-red": Mistake(
        "day", "a red pass: the relay stays", "edge/gate.py",
        "if decision.outcome is Outcome.PASS and number is not None:",
        "if decision.outcome is not Outcome.REFER and decision.claims and number is not None:",
    ),
    "opens-before-the-record": Mistake(
        "cuts", _HAS_RECORD, "edge/gate.py",
        "                number = self._ledger.keep(decision, trust)\n",
        "                if decision.outcome is Outcome.PASS:\n"
        "                    self._devices.barrier.open()\n"
        "                number = self._ledger.keep(decision, trust)\n",
    ),
    "does-not-flush": Mistake(
        "cuts", _HAS_RECORD, "sync/outbox/journal.py",
        "            self._system.sync_data(self._descriptor)\n", "",
    ),
    "reuses-a-number": Mistake(
        "cuts", "no number", "sync/outbox/journal.py",
        "self.next = min(self.last.end + self.last.most_lost_behind, most) if self.last else most",
        "self.next = max(self._base, self.last.end - 1) if self.last else most",
    ),
    "holds-too-long": Mistake(
        "day", "the relay is held", "hardware/barrier.py", "+ self._open_seconds", "+ 1.5 * self._open_seconds",
    ),
    "minds-dates-in-1970": Mistake(
        "clock", "a receipt of the centre tells it the time", "sync/transport.py",
        "None if clock_is_vouched_for() else _without_dates()", "None",
    ),
}  # fmt: skip
"""By name."""
