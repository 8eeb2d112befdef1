"""A day at the gate: who is let in, what the lamps say, and what the pins do when the program stops or dies."""

from __future__ import annotations

import time

from edge.config import Barrier, Display
from edge.presence import QUIET_SECONDS
from hardware.ports import Signal
from hardware.states import BUZZER, RESULTS
from tests.emulated_pi.ground import ANSWER_SECONDS, LAMPS, OUTPUTS, PINS, Ground, Seen, follows, played, worst_lateness
from tests.emulated_pi.pins import until
from tests.emulated_pi.town import FORGED, GREEN, RED, TWO, YELLOW

LONG_SECONDS = 30  # of a pulse that is cut short
OPEN_SECONDS, RESULT_SECONDS = Barrier().open_seconds, Display().result_seconds
FORGOTTEN_SECONDS = QUIET_SECONDS + 0.5  # what was answered a moment ago is not answered again
LATE_SECONDS = 0.15  # of an emulated processor; a real Pi's is measured with docs/REAL_PI.md
SHOWN = (
    ("a green pass", GREEN, Signal.PASS),
    ("a red pass", RED, Signal.DENY),
    ("a forged pass", FORGED, Signal.DENY),
    ("a yellow pass", YELLOW, Signal.REFER),
    ("two codes at once", TWO, Signal.ONE_AT_A_TIME),
    ("another green pass", "green-2.png", Signal.PASS),
)


def run(ground: Ground) -> None:
    """Everything that a visitor and an inspector see, read from the pins."""
    findings, town = ground.findings, ground.town()
    path = ground.card(town, town.provision)
    with ground.pi(path) as gate:
        seconds = gate.ready()
        findings.measure("power on → the gate answers", seconds, "s")
        active = gate.pi.bench.run("systemctl", "is-active", "gate", "gate-sync", "gate-panel").split()
        findings.note(
            "systemd started the three programs by itself", active == ["active"] * 3, active.count("active"), "programs"
        )
        clicks = gate.pi.pins.rises(PINS.relay)
        findings.note("the relay did not click while it booted", not clicks, len(clicks), "clicks", "0")
        _look_at_nobody(ground, gate)
        _look_at_each(ground, gate)
        _stop(ground, gate)
        _kill(ground, gate)
        opened, kept = gate.pi.pins.rises(PINS.relay), gate.passes()
        findings.note("each opening has its record", len(opened) == len(kept), len(kept), "records", f"{len(opened)}")


def _look_at_nobody(ground: Ground, gate: Seen) -> None:
    """An empty doorway: dark and silent is ready, and only ready."""
    gate.settle()
    time.sleep(FORGOTTEN_SECONDS)  # and what it said of itself at its start is over
    since = time.monotonic()
    time.sleep(3.0)
    moved = [edge for edge in gate.pi.pins.since(since) if edge.pin in OUTPUTS and edge.pin != LAMPS["link"]]
    ground.findings.note("nobody there: no result lamp, no sound, no relay", not moved, len(moved), "edges", "0")


def _look_at_each(ground: Ground, gate: Seen) -> None:
    for name, picture, signal in SHOWN:
        gate.settle()
        time.sleep(FORGOTTEN_SECONDS)
        ground.findings.say(f"{name} is shown")
        at = gate.show(picture)
        _look_at(ground, gate, name, signal, at)


def _look_at(ground: Ground, gate: Seen, name: str, signal: Signal, shown: float) -> None:
    findings, pins, look = ground.findings, gate.pi.pins, RESULTS[signal]
    began = pins.wait(LAMPS[look.lamps[0]], True, shown, ANSWER_SECONDS)
    time.sleep(RESULT_SECONDS + 1.0)
    opened = pins.rises(PINS.relay, shown)
    should = [began] if signal is Signal.PASS else []
    findings.note(
        f"{name}: the relay {'opens once' if should else 'stays'}",
        len(opened) == len(should),
        len(opened),
        "openings",
        f"{len(should)}",
    )
    if should and opened:
        held = pins.wait(PINS.relay, False, opened[0], 5.0) - opened[0]
        findings.note(
            f"{name}: the relay is held",
            abs(held - OPEN_SECONDS) < LATE_SECONDS,
            held,
            "s",
            f"{OPEN_SECONDS} s as configured",
        )
    for lamp in ("pass", "deny", "refer"):
        seen = [edge for edge in pins.since(shown, LAMPS[lamp]) if edge.at < began + RESULT_SECONDS + 0.5]
        if lamp not in look.lamps:
            findings.note(
                f"{name}: the lamp {lamp} stays dark",
                not [edge for edge in seen if edge.level],
                len(seen),
                "edges",
                "0",
            )
            continue
        did = played(seen, began + RESULT_SECONDS)
        assert look.rhythm is not None
        late = worst_lateness(did, look.rhythm)
        findings.note(
            f"{name}: the lamp {lamp} has the rhythm of “{look.word.en}”",
            follows(did, look.rhythm),
            late,
            "s late at most",
        )
    if look.sound is not None:
        did = played(pins.since(shown, LAMPS[BUZZER]), began + RESULT_SECONDS)
        findings.note(
            f"{name}: the buzzer sounds “{look.word.en}”",
            follows(did, look.sound),
            worst_lateness(did, look.sound),
            "s late at most",
        )


def _stop(ground: Ground, gate: Seen) -> None:
    """Stopped by systemd in the middle of an opening that would go on for long."""
    gate.pi.bench.run("sh", "-c", f"printf '[barrier]\\nopen_seconds = {LONG_SECONDS}\\n' >> /etc/venue-gate/gate.toml")
    gate.pi.bench.run("systemctl", "restart", "gate")
    gate.ready()
    opened = gate.let_in("green-3.png")
    gate.pi.bench.run("systemctl", "stop", "gate")
    after, powered = time.monotonic() - opened, _powered(gate)
    ground.findings.note(
        "stopped while the relay is held: no output has power",
        not powered,
        after,
        "s after the opening",
        f"< {LONG_SECONDS} s",
    )
    ground.findings.note("stopped: that was in time to tell", after < LONG_SECONDS, after, "s")
    dropped = gate.pi.bench.run("systemctl", "show", "-P", "ExecStopPost", "gate")
    ground.findings.note(
        "systemd ran `gate drop` after it", "status=0" in dropped and "code=exited" in dropped, 1, "time"
    )
    gate.pi.bench.run("systemctl", "start", "gate")
    gate.ready()


def _kill(ground: Ground, gate: Seen) -> None:
    """Killed in the middle of such an opening: the kernel takes the pins back, and systemd drops them."""
    before = gate.status()
    opened = gate.let_in("green-4.png")
    gate.pi.bench.run("systemctl", "kill", "--signal=KILL", "--kill-whom=all", "gate")
    until(gate.are_safe, LONG_SECONDS, "every output is without power after kill -9", every=0.02)
    held = time.monotonic() - opened
    ground.findings.note(
        "killed while the relay is held: no output has power",
        held < LONG_SECONDS,
        held,
        "s after the opening",
        f"< {LONG_SECONDS} s",
    )
    seconds = until(lambda: gate.is_another(before), 120.0, "the gate is back")
    ground.findings.note("killed: it came back by itself", True, seconds, "s")


def _powered(gate: Seen) -> list[int]:
    return [pin for pin in OUTPUTS if gate.pi.pins.driven_high(pin)]
