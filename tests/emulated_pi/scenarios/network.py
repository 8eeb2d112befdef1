"""The cable: a device becomes a gate by a code before its camera, sends, is cut off, goes on, and sends again."""

from __future__ import annotations

import time
from pathlib import Path

from sync.wire.status import Step
from tests.emulated_pi.ground import PINS, Ground, Seen
from tests.emulated_pi.machine import Options
from tests.emulated_pi.pins import until
from tests.emulated_pi.scenarios.day import FORGOTTEN_SECONDS
from tests.emulated_pi.town import BENCH, GATE, GREEN, Town

CONNECTED_SECONDS, ENROL_SECONDS = 120.0, 240.0
CODE = "code.png"


def run(ground: Ground) -> None:
    """From the town's root key to every record at the centre, once."""
    findings, town = ground.findings, ground.town()

    def code(root: Path) -> None:
        town.enrolment_code(root / BENCH / "pictures" / CODE)

    with town.serving() as port:
        path = ground.card(town, code)
        with ground.pi(path, Options(wall=time.time(), centre_port=port)) as gate:
            findings.say("a device that is no gate yet")
            gate.pi.wait()
            until(
                lambda: (told := gate.status()) and told.signal == "not_enrolled",
                120.0,
                "it asks for its code",
                every=1.0,
            )
            _enrol(ground, gate, town)
            _let_in(gate, GREEN)
            _arrives(ground, gate, town, "let in while the cable was there")
            gate.pi.cable(False)
            findings.say("the cable is pulled")
            lost = until(
                lambda: not _is_connected(gate), CONNECTED_SECONDS, "gate-sync says that it is offline", every=1.0
            )
            findings.measure("the cable was pulled → the gate says so", lost, "s")
            before = len(town.records())
            for picture in ("green-2.png", "green-3.png", "green-4.png"):
                _let_in(gate, picture)
            findings.note("cut off, people pass as before", True, 3, "openings", "3")
            grown = len(town.records()) - before
            findings.note("cut off, nothing arrives", not grown, grown, "records", "0")
            gate.pi.cable(True)
            back = until(lambda: _is_connected(gate), CONNECTED_SECONDS, "gate-sync is connected again", every=1.0)
            findings.measure("the cable is back → connected", back, "s")
            _arrives(ground, gate, town, "let in while it was cut off, and before")


def _enrol(ground: Ground, gate: Seen, town: Town) -> None:
    begun = time.monotonic()
    gate.show(CODE)
    until(lambda: _step(gate) is Step.CONFIRM, ENROL_SECONDS, "the key words to compare", every=1.0)
    told = gate.sync_status()
    assert told is not None
    assert told.setup is not None
    town.confirm(told.setup.words)
    until(lambda: (now := gate.status()) and now.gate == GATE, ENROL_SECONDS, "it is the town's gate", every=1.0)
    gate.settle()
    ground.findings.note("a code before its camera made it the town's gate", True, time.monotonic() - begun, "s")
    until(lambda: _is_connected(gate), CONNECTED_SECONDS, "gate-sync is connected", every=1.0)


def _let_in(gate: Seen, picture: str) -> None:
    time.sleep(FORGOTTEN_SECONDS)
    gate.let_in(picture)
    gate.settle()


def _arrives(ground: Ground, gate: Seen, town: Town, who: str) -> None:
    """Every record of the gate is at the centre, each once, and none that the gate does not have."""

    def both() -> tuple[list[tuple[str, int]], list[tuple[str, int]]]:
        here = sorted((outbox, number) for outbox, number, _ in gate.records())
        return here, sorted((outbox, number) for outbox, number, _ in town.records())

    def same() -> bool:
        here, there = both()
        return here == there and len(gate.passes()) == len(gate.pi.pins.rises(PINS.relay))

    until(
        same,
        CONNECTED_SECONDS,
        lambda: f"every record at the centre, once ({who}): {both()}, {len(gate.passes())} let in",
        every=2.0,
    )
    here, there = both()
    ground.findings.note(
        f"{who}: each record is at the centre, once", here == there, len(there), "records", f"{len(here)}"
    )


def _is_connected(gate: Seen) -> bool:
    told = gate.sync_status()
    return told is not None and told.connected


def _step(gate: Seen) -> Step | None:
    told = gate.sync_status()
    return told.setup.step if told is not None and told.setup is not None else None
