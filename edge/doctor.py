"""`gate doctor`: what keeps this gate from working, and what to do about it, in plain words (R25, R26).

Looks from outside, while the gate works: reads its files and asks the machine. Only where no gate runs does it open the
camera or a bus itself (`edge.bootstrap` lends the hands). It moves nothing and repairs nothing.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from importlib.util import find_spec
from pathlib import Path
from subprocess import run

from edge.panel import words
from edge.panel.freshness import Now, Readings, Silence
from edge.reasons import Text
from sync.wire.record import ClockQuality
from sync.wire.statedir import StateDir
from sync.wire.status import Fault

UNITS = ("gate.service", "gate-sync.service", "gate-panel.service")
FLUSHES = 15
SLOW_FLUSH_SECONDS, STALLED_FLUSH_SECONDS = 0.1, 1.0
NEARLY_FULL = 0.9
BUILT_IN = 1_704_067_200  # 1 January 2024: no installed gate has lived before


class Verdict(Enum):
    """How a part is. UNKNOWN: it could not be examined from here."""

    WELL = "ok"
    WORTH_A_LOOK = "look"
    BROKEN = "BROKEN"
    UNKNOWN = "?"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found about one part. advice: what to do; empty where there is nothing to do."""

    part: str
    verdict: Verdict
    found: str
    advice: str = ""


def exit_code(findings: Iterable[Finding]) -> int:
    """0: all is well. 1: it works, something is worth a look. 3: something is broken."""
    verdicts = {finding.verdict for finding in findings}
    return 3 if Verdict.BROKEN in verdicts else 1 if Verdict.WORTH_A_LOOK in verdicts else 0


def gate(readings: Readings) -> list[Finding]:
    """What the gate program says about itself: each fault with what helps."""
    status = readings.gate
    if isinstance(status, Silence):
        silent = words.SILENCES[status].en
        return [Finding("gate", Verdict.BROKEN, silent, "sudo systemctl restart gate; journalctl -u gate -n 50")]
    findings = [Finding("gate", Verdict.WELL, f"answers, version {status.software}, {_say(status.backlog)}")]
    if not status.enrolled:
        findings.append(Finding("enrolment", Verdict.BROKEN, words.NOT_ENROLLED.en, ENROL))
    for fault in status.faults:
        grave = fault in _GRAVE
        verdict = Verdict.BROKEN if grave else Verdict.WORTH_A_LOOK
        findings.append(Finding(fault.value, verdict, words.FAULTS[fault].en, ADVICE[fault]))
    return findings


_GRAVE = (Fault.CAMERA, Fault.OUTBOX, Fault.BARRIER, Fault.PINS, Fault.FIRE_LOOP, Fault.REVOKED)  # nobody can pass
ENROL = "At the centre: collector gate enrol GATE; show its code to the camera. It needs install-gate --root-key"
ADVICE: dict[Fault, str] = {
    Fault.CAMERA: "Push the camera's ribbon cable home on both ends, then: rpicam-hello --list-cameras",
    Fault.READER: "journalctl -u gate -n 50; if it stays, restart the gate",
    Fault.THERMOMETER: "Check its four wires; i2cdetect -y 1 must show 5a",
    Fault.PINS: "Compare the lamps' wires with the wiring drawing; journalctl -u gate -n 50",
    Fault.BARRIER: "Compare the relay's wires with the wiring drawing; nobody can pass until it moves",
    Fault.OUTBOX: "The card takes no record, so nobody can pass: look at the line 'disk'",
    Fault.DISK: "Connect the network or fetch the records by USB stick; if the card is old, replace it",
    Fault.PASSAGE: "Compare the passage contact's wires with the wiring drawing; meanwhile every opening counts",
    Fault.TURNSTILE: "Look at the turnstile: somebody pushed through, stands in it, or the contact's wire is cut",
    Fault.FIRE_LOOP: "The lock has no power until the fire loop is closed again",
    Fault.REVOKED: "Ask the town's IT why; a new enrolment code and the button in the enclosure bring it back",
    Fault.TRUST: "Connect the network once, or bring updates by USB stick; a new gate must be enrolled first",
}


def link(readings: Readings, state: StateDir, now: Now) -> Finding:
    """Whether records reach the centre. Offline is no fault of the gate: people pass."""
    sync = readings.sync
    if not os.path.exists(state.identity):
        advice = f"Provision this gate at the centre and copy its directory to {state.root}"
        return Finding("connection", Verdict.WORTH_A_LOOK, "this gate belongs to no centre yet", advice)
    if isinstance(sync, Silence):
        advice = "sudo systemctl restart gate-sync; journalctl -u gate-sync -n 50"
        return Finding(
            "connection", Verdict.WORTH_A_LOOK, "gate-sync does not answer; people pass all the same", advice
        )
    if sync.connected:
        return Finding("connection", Verdict.WELL, f"records reach the centre, {_say(sync.backlog)}")
    trouble: Text = words.TROUBLES[sync.trouble] if sync.trouble else words.OFFLINE
    last = words.NEVER if sync.last_contact is None else words.age(now.wall - sync.last_contact)
    found = f"{trouble.en}; last contact: {last.en}; {_say(sync.backlog)}"
    return Finding("connection", Verdict.WORTH_A_LOOK, found, sync.detail or "gate-sync status says more")


def disk(state: StateDir, used: float) -> list[Finding]:
    """How full the card is, and how long it takes to keep a record for good: every visitor waits that long."""
    full = Finding("disk", Verdict.WELL, f"{used:.0%} used")
    if used >= NEARLY_FULL:
        full = Finding("disk", Verdict.WORTH_A_LOOK, f"{used:.0%} used", ADVICE[Fault.DISK])
    try:
        taken = flush_seconds(state.root)
    except OSError as cause:
        why = f"{state.root} cannot be written: {cause.strerror}"
        return [full, Finding("flush", Verdict.BROKEN, why, "If it says read-only: the card is dying, replace it")]
    middle, worst = statistics.median(taken), max(taken)
    found = f"{middle * 1000:.1f} ms to keep a record, {worst * 1000:.0f} ms at worst"
    if middle >= STALLED_FLUSH_SECONDS:
        return [full, Finding("flush", Verdict.BROKEN, found, "The card stalls: replace it with an industrial one")]
    if middle >= SLOW_FLUSH_SECONDS:
        return [full, Finding("flush", Verdict.WORTH_A_LOOK, found, "A slow card: every visitor waits for it")]
    return [full, Finding("flush", Verdict.WELL, found)]


def flush_seconds(directory: Path, times: int = FLUSHES) -> list[float]:
    """How long writing and flushing a record of 1 KB took, each time. Raises OSError."""
    draft = directory / f".doctor.{os.getpid()}"
    taken = []
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        for _ in range(times):
            begun = time.monotonic()
            os.write(descriptor, b"x" * 1024)
            os.fsync(descriptor)
            taken.append(time.monotonic() - begun)
    finally:
        os.close(descriptor)
        draft.unlink()
    return taken


def clock(quality: ClockQuality, wall: float) -> Finding:
    """Whether passes can be judged by their dates."""
    told = f"{time.strftime('%Y-%m-%d %H:%M:%S %z', time.localtime(wall))}, {words.CLOCKS[quality].en.lower()}"
    if quality is ClockQuality.SYNCHRONIZED:
        return Finding("clock", Verdict.WELL, told)
    advice = "timedatectl says why; without network set it by hand: sudo timedatectl set-time '2026-01-31 08:00:00'"
    return Finding("clock", Verdict.BROKEN if wall < BUILT_IN else Verdict.WORTH_A_LOOK, told, advice)


def origin(module: str) -> str | None:
    """Where a module would be imported from, None where it is not installed."""
    found = find_spec(module)
    return None if found is None else str(found.origin)


_APT = "/usr/lib/python3/"
_INSTALL = {"picamera2": "sudo apt install python3-picamera2", "lgpio": "sudo apt install python3-lgpio"}


def libraries(wanted: Sequence[str], where: Callable[[str], str | None] = origin) -> list[Finding]:
    """Whether each module can be imported, and whether numpy is the one that apt's picamera2 was built against."""
    origins = {name: where(name) for name in wanted}
    findings = [
        Finding(name, Verdict.BROKEN, "is not installed", _INSTALL.get(name, "Run install-gate again"))
        for name, found in origins.items()
        if found is None
    ]
    numpy, picamera2 = origins.get("numpy"), origins.get("picamera2")
    if picamera2 and numpy and picamera2.startswith(_APT) and not numpy.startswith(_APT):
        why = f"is pip's ({numpy}); apt's picamera2 does not fit it"
        findings.append(Finding("numpy", Verdict.BROKEN, why, "pip uninstall numpy in this environment"))
    return findings or [Finding("libraries", Verdict.WELL, "all there")]


def pins(factory: str, devices: Sequence[Path]) -> Finding:
    """Whether the pins can be opened at all; whether the wires are right only a meter tells (docs/REAL_PI.md)."""
    if factory == "mock":
        advice = 'This gate opens nothing: set factory = "lgpio" under [pins] on a Raspberry Pi'
        return Finding("pins", Verdict.WORTH_A_LOOK, "simulated pins", advice)
    chips = [device for device in devices if device.exists()]
    if not chips:
        return Finding("pins", Verdict.BROKEN, "no /dev/gpiochip here", "This is no Raspberry Pi, or its kernel is not")
    if not any(os.access(chip, os.R_OK | os.W_OK) for chip in chips):
        advice = f"Run it as root, or: sudo usermod -aG gpio {os.environ.get('USER', 'USER')}"
        return Finding("pins", Verdict.UNKNOWN, f"{chips[0]} may not be opened by you", advice)
    return Finding("pins", Verdict.WELL, f"{chips[0]} can be opened")


def units(ask: Callable[..., str], names: Sequence[str] = UNITS) -> list[Finding]:
    """Whether each service is enabled and runs. ask: systemctl with arguments → its answer."""
    findings = []
    for name in names:
        active, enabled = ask("is-active", name), ask("is-enabled", name)
        if active == "active" and enabled == "enabled":
            continue
        verdict = Verdict.BROKEN if active != "active" else Verdict.WORTH_A_LOOK
        findings.append(Finding(name, verdict, f"{active}, {enabled}", f"sudo systemctl enable --now {name}"))
    return findings or [Finding("units", Verdict.WELL, "all enabled and running")]


def systemctl(*arguments: str) -> str:
    """The first line of what systemctl answers; its exit code says nothing more."""
    answer = run(["systemctl", *arguments], capture_output=True, text=True, check=False)
    return (answer.stdout.strip() or "unknown").splitlines()[0]


def _say(backlog: int) -> str:
    return words.waiting(backlog).en.lower()
