"""The contacts: who went through, who forced the arm, who stands in it; the button in the enclosure; the fire loop.

No edge arrives on this emulation, so everything that is seen here is seen by looking (`hardware.contacts`).
"""

from __future__ import annotations

import time

from edge.presence import GONE_SECONDS
from hardware.ports import Condition
from hardware.rhythm import Rhythm
from hardware.states import CONDITIONS
from sync.wire.record import FireLoop, Passage, Passed
from tests.emulated_pi.ground import ANSWER_SECONDS, LAMPS, PINS, Ground, Seen, follows, played
from tests.emulated_pi.pins import until
from tests.emulated_pi.scenarios.day import FORGOTTEN_SECONDS
from tests.emulated_pi.town import GREEN

TURN_SECONDS, HELD_SECONDS, NOT_PASSED_SECONDS = 1.0, 7.0, 8.0  # settings of town.GATE_TOML, and a little


def run(ground: Ground) -> None:
    """Each contact moved from outside, and what the records, the lamps and the status say of it."""
    town = ground.town()
    path = ground.card(town, town.provision, passage=True, fire_loop=True)
    with ground.pi(path) as gate:
        gate.ready()
        _passed(ground, gate)
        _not_passed(ground, gate)
        _forced(ground, gate)
        _held(ground, gate)
        _button(ground, gate)
        _fire(ground, gate)
        opened, kept = gate.pi.pins.rises(PINS.relay), gate.passes()
        ground.findings.note(
            "each opening has its record", len(opened) == len(kept), len(kept), "records", f"{len(opened)}"
        )


def turn(gate: Seen, seconds: float) -> None:
    """Somebody is in the passage for so long."""
    gate.pi.pins.drive(PINS.passage, True)  # closed at rest: an arm that turns opens it
    time.sleep(seconds)
    gate.pi.pins.drive(PINS.passage, False)


def _results(gate: Seen) -> list[Passed]:
    return [record.result for _, _, record in gate.records() if isinstance(record, Passage)]


def _comes(gate: Seen, expected: list[Passed]) -> bool:
    until(
        lambda: _results(gate)[-len(expected) :] == expected, ANSWER_SECONDS, f"{expected} among the records", every=1.0
    )
    return True


def _passed(ground: Ground, gate: Seen) -> None:
    gate.let_in(GREEN)
    turn(gate, TURN_SECONDS)
    ground.findings.note("opened, and the arm turned: passed", _comes(gate, [Passed.PASSED]), 1, "record")
    gate.settle()


def _not_passed(ground: Ground, gate: Seen) -> None:
    """The same pass opens once more within 30 s (DESIGN 3)."""
    gate.let_in("green-2.png")
    ground.findings.note("opened, and nobody went: not passed", _comes(gate, [Passed.NOT_PASSED]), 1, "record")
    time.sleep(GONE_SECONDS + 0.5)  # it was taken away, and is shown again
    gate.let_in("green-2.png")
    turn(gate, TURN_SECONDS)
    ground.findings.note(
        "the same pass opens once more for the one who did not pass", _comes(gate, [Passed.PASSED]), 1, "opening"
    )
    time.sleep(FORGOTTEN_SECONDS)
    third = gate.show("green-2.png")
    gate.pi.pins.wait(LAMPS["refer"], True, third, ANSWER_SECONDS)
    time.sleep(1.0)
    opened = gate.pi.pins.rises(PINS.relay, third)
    ground.findings.note("and not a third time", not opened, len(opened), "openings", "0")
    gate.settle()


def _forced(ground: Ground, gate: Seen) -> None:
    at = time.monotonic()
    turn(gate, TURN_SECONDS)
    ground.findings.note("turned without an opening: forced", _comes(gate, [Passed.FORCED]), 1, "record")
    ground.findings.note(
        "forced: the service lamp and the buzzer say so",
        _sounds(gate, Condition.FORCED, at) and _condition(gate, Condition.FORCED, at),
        1,
        "rhythm",
    )
    time.sleep(FORGOTTEN_SECONDS + 6)  # the alarm lasts ten seconds after it


def _held(ground: Ground, gate: Seen) -> None:
    gate.let_in("green-3.png")
    turn(gate, HELD_SECONDS)
    expected = [Passed.PASSED, Passed.HELD_OPEN, Passed.RELEASED]
    ground.findings.note(
        "stood in the way after an opening: passed, held open, released", _comes(gate, expected), 3, "records"
    )


def _button(ground: Ground, gate: Seen) -> None:
    at = time.monotonic()
    gate.pi.pins.drive(PINS.button, False)
    time.sleep(0.5)
    gate.pi.pins.drive(PINS.button, True)
    until(lambda: (told := gate.status()) and told.setup_seconds, ANSWER_SECONDS, "setting-up codes are taken")
    left = (told.setup_seconds if (told := gate.status()) else None) or 0
    ground.findings.note(
        "the button was pressed: setting-up codes are read for ten minutes", 560 < left <= 600, left, "s left"
    )
    ground.findings.note(
        "the button: the service lamp says so", _condition(gate, Condition.SETUP_OPEN, at), 1, "rhythm"
    )


def _fire(ground: Ground, gate: Seen) -> None:
    """Observed, recorded, and nobody is let in meanwhile; the lock itself hangs in the loop, not on us."""
    findings = ground.findings
    gate.pi.pins.drive(PINS.fire_loop, True)
    seconds = until(
        lambda: _loop(gate)[-1:] == [False], ANSWER_SECONDS, "the open fire loop among the records", every=1.0
    )
    findings.note("the fire loop opened: recorded", True, seconds, "s at most")
    at = gate.show("green-4.png")
    time.sleep(8.0)
    opened = gate.pi.pins.rises(PINS.relay, at)
    closed = time.monotonic()
    findings.note("the fire loop is open: a green pass moves no relay", not opened, len(opened), "openings", "0")
    gate.pi.pins.drive(PINS.fire_loop, False)
    until(lambda: _loop(gate)[-1:] == [True], ANSWER_SECONDS, "the closed fire loop among the records", every=1.0)
    gate.relay_opens(closed)
    turn(gate, TURN_SECONDS)
    findings.note("the fire loop closed: recorded, and the pass opens", _comes(gate, [Passed.PASSED]), 1, "opening")


def _loop(gate: Seen) -> list[bool]:
    return [record.intact for _, _, record in gate.records() if isinstance(record, FireLoop)]


def _condition(gate: Seen, condition: Condition, since: float) -> bool:
    """Whether the service lamp takes up the rhythm of this condition."""
    return _takes_up(gate, "link", CONDITIONS[condition].rhythm, since)


def _sounds(gate: Seen, condition: Condition, since: float) -> bool:
    """Whether the buzzer takes up its sound, which goes on."""
    return _takes_up(gate, "buzzer", CONDITIONS[condition].sound, since)


def _takes_up(gate: Seen, lamp: str, rhythm: Rhythm | None, since: float, seconds: float = 10.0) -> bool:
    """Whether a whole round of the rhythm, and the beginning of the next, come. Raises NotSeen."""
    assert rhythm is not None
    whole = len(rhythm.steps) + 1

    def plays() -> bool:
        edges, now = gate.pi.pins.since(since, LAMPS[lamp]), time.monotonic()
        rounds = (played(edges[at:], now)[:whole] for at in range(len(edges)))
        return any(len(one) == whole and follows(one, rhythm) for one in rounds)

    until(plays, seconds, f"the rhythm {rhythm.steps} on {lamp}")
    return True
