"""The clock: a Pi that begins in 1970, in a town without a time server (R2, R10, DESIGN 5)."""

from __future__ import annotations

import time

import msgspec

from sync.wire.record import ClockQuality, Record
from tests.emulated_pi.ground import Ground, Seen
from tests.emulated_pi.machine import Options
from tests.emulated_pi.pins import until
from tests.emulated_pi.scenarios.network import CONNECTED_SECONDS
from tests.emulated_pi.town import GREEN, Town

IN_1970 = 60.0
KEPT_SECONDS = 660.0  # the floor is kept every ten minutes, and at the end (edge.clock.KEEP_SECONDS)


def run(ground: Ground) -> None:
    """From the first start without any time, through the first contact, to the next start."""
    findings, town = ground.findings, ground.town()
    path = ground.card(town, town.provision)
    with town.serving() as port:
        with ground.pi(path, Options(wall=IN_1970, centre_port=port)) as gate:
            gate.pi.cable(False)
            gate.ready()
            wall = gate.pi.bench.time()[2]
            findings.note("the machine believes that it is 1970", wall < 86_400, wall, "s since 1970")
            _by_the_floor(ground, gate)
            first = _let_in(ground, gate, GREEN, ClockQuality.FLOOR)
            findings.say("the cable is plugged in")
            gate.pi.cable(True)
            _by_the_centre(ground, gate)
            second = _let_in(ground, gate, "green-2.png", ClockQuality.HOLDOVER)
            _at_the_centre(ground, gate, town, {first[0]: first[1], second[0]: second[1]})
            gate.pi.switch_off()
        ended = time.time()
        with ground.pi(path, Options(wall=IN_1970, centre_port=port)) as gate:
            gate.pi.cable(False)
            gate.ready()
            told = gate.status()
            assert told is not None
            behind = ended - told.wall
            findings.note(
                "started in 1970 again: it goes on from what was proved",
                0 <= behind + 5 <= KEPT_SECONDS,
                behind,
                "s behind",
            )


def _by_the_floor(ground: Ground, gate: Seen) -> None:
    told = gate.status()
    assert told is not None
    ground.findings.note(
        "without any contact its time rests on the floor", told.clock is ClockQuality.FLOOR, told.wall, told.clock.value
    )
    assert told.trust_issued_at is not None
    ahead, behind = told.wall - told.trust_issued_at, time.time() - told.wall
    ground.findings.note(
        "the floor is not before its newest signed updates, nor after now", ahead >= 0 <= behind, behind, "s behind now"
    )


def _by_the_centre(ground: Ground, gate: Seen) -> None:
    seconds = until(
        lambda: (told := gate.status()) and told.clock is ClockQuality.HOLDOVER,
        CONNECTED_SECONDS, "a receipt of the centre tells it the time", every=1.0,
    )  # fmt: skip
    told = gate.status()
    assert told is not None
    here, there, _, _ = gate.pi.bench.time()
    error = told.wall + (there - told.mono) - (time.time() - (time.monotonic() - here))
    bound = told.clock_error_seconds or 0.0
    ground.findings.measure("the cable was plugged in → the time is known", seconds, "s")
    ground.findings.note(
        "a signed receipt gave it the time, without a time server",
        abs(error) <= bound,
        error,
        "s off",
        f"≤ {bound:.1f} s, its own bound",
    )
    wall = gate.pi.bench.time()[2]
    ground.findings.note("the machine itself still believes in 1970", wall < 86_400, wall, "s since 1970")


def _let_in(ground: Ground, gate: Seen, picture: str, quality: ClockQuality) -> tuple[int, float]:
    """The record of somebody who was let in, and when that truly was."""
    before = len(gate.passes())
    at = gate.show(picture)
    opened = gate.relay_opens(at)
    truly = time.time() - (time.monotonic() - opened)
    until(lambda: len(gate.passes()) > before, 20.0, "the record of the opening")
    number, record = gate.passes()[-1]
    when = record.when
    ground.findings.note(
        f"let in by a clock of quality “{quality.value}”: the record says so",
        when.clock is quality,
        when.at,
        when.clock.value,
    )
    bounds = when.earliest - 1.0 <= truly <= when.latest + 8.0  # the frame was taken before the relay moved
    ground.findings.note(
        f"{quality.value}: the true time is within what the record claims", bounds, truly - when.at, "s from the truth"
    )
    gate.settle()
    time.sleep(6.0)
    return number, truly


def _at_the_centre(ground: Ground, gate: Seen, town: Town, true_times: dict[int, float]) -> None:
    """Corrected beside the gate's own time, which stays as it was."""

    def corrected() -> dict[int, float]:
        rows = town.programs.ask(
            "SELECT sequence, corrected_at FROM record WHERE type = 'scan' AND corrected_at IS NOT NULL"
        )
        return {number: float(at) for number, at in rows}

    until(
        lambda: set(true_times) <= set(corrected()),
        CONNECTED_SECONDS,
        "both openings at the centre, with corrected times",
        every=1.0,
    )
    told = corrected()
    errors = {number: told[number] - truly for number, truly in true_times.items()}
    worst = max(map(abs, errors.values()))
    ground.findings.note(
        "the centre's corrected times are the true ones", worst < 10.0, worst, "s off at most", "< 10 s"
    )
    decoded = {number: msgspec.json.decode(raw, type=Record) for _, number, raw in town.records()}
    kept = [number for number, record in gate.passes() if decoded.get(number) == record]
    ground.findings.note(
        "the gate's own times stand beside them, untouched", set(true_times) <= set(kept), len(kept), "records"
    )
