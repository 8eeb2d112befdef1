"""`gate doctor` over real files and the real machine: what it finds, what it advises, how it ends (R25, R26)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from edge import doctor
from edge.doctor import ADVICE, Finding, Verdict
from edge.panel.freshness import Now, Readings, Silence
from edge.panel.reading import read_now
from hardware.scene import draw
from sync.outbox.durable import replace_file
from sync.wire.record import ClockQuality
from sync.wire.statedir import StateDir
from sync.wire.status import Fault, GateStatus, SyncStatus, Trouble

NOW = Now("b", 1000.0, 1_700_000_000.0)
GATE = GateStatus(
    wall=NOW.wall,
    boot="b",
    mono=999.0,
    pid=1,
    software="0.1.0",
    signal="ready",
    clock=ClockQuality.SYNCHRONIZED,
    outbox="0" * 32,
    next_sequence=13,
    acknowledged=1,
    lamps={},
)
SYNC = SyncStatus(wall=NOW.wall, boot="b", mono=999.0, pid=2, connected=True, backlog=12, last_contact=NOW.wall - 7200)


def verdicts(findings: list[Finding]) -> dict[str, Verdict]:
    return {finding.part: finding.verdict for finding in findings}


def test_a_gate_that_does_not_answer_is_broken():
    """And the advice is a command to type."""
    (found,) = doctor.gate(Readings(Silence.STALE, Silence.MISSING))
    assert (found.part, found.verdict) == ("gate", Verdict.BROKEN)
    assert "systemctl restart gate" in found.advice


@pytest.mark.parametrize("fault", Fault)
def test_each_fault_comes_with_what_helps(fault):
    """A gate without a camera opens for nobody; one without a thermometer refers."""
    findings = doctor.gate(Readings(msgspec.structs.replace(GATE, faults=[fault]), SYNC))
    assert verdicts(findings)["gate"] is Verdict.WELL
    assert findings[1].advice == ADVICE[fault]
    grave = {Fault.CAMERA, Fault.OUTBOX, Fault.BARRIER, Fault.PINS, Fault.FIRE_LOOP, Fault.REVOKED}
    assert (findings[1].verdict is Verdict.BROKEN) is (fault in grave)


def test_offline_is_worth_a_look_and_never_broken(tmp_path):
    """R24: people pass without a network for weeks; the advice says why there is none."""
    state = StateDir.at(tmp_path)
    assert "Provision" in doctor.link(Readings(GATE, SYNC), state, NOW).advice
    state.identity.write_text("{}")
    assert doctor.link(Readings(GATE, SYNC), state, NOW).verdict is Verdict.WELL
    cut = msgspec.structs.replace(SYNC, connected=False, trouble=Trouble.NO_NETWORK, detail="the cable is out")
    found = doctor.link(Readings(GATE, cut), state, NOW)
    assert found.verdict is Verdict.WORTH_A_LOOK
    assert found.found == "no network; last contact: 2 h ago; 12 records waiting"
    assert found.advice == "the cable is out"
    assert doctor.link(Readings(GATE, Silence.STALE), state, NOW).verdict is Verdict.WORTH_A_LOOK


def test_the_flush_is_measured_where_the_records_go(tmp_path):
    """Nothing is left behind."""
    findings = doctor.disk(StateDir.at(tmp_path), 0.5)
    assert verdicts(findings)["disk"] is Verdict.WELL
    assert findings[1].found.endswith("at worst")
    assert list(tmp_path.iterdir()) == []
    assert len(doctor.flush_seconds(tmp_path, 3)) == 3


def test_a_full_disk_and_one_that_takes_nothing_are_told(tmp_path):
    """Nearly full is worth a look; not writable keeps everybody out."""
    assert verdicts(doctor.disk(StateDir.at(tmp_path), 0.97))["disk"] is Verdict.WORTH_A_LOOK
    gone = doctor.disk(StateDir.at(tmp_path / "gone"), 0.1)
    assert verdicts(gone)["flush"] is Verdict.BROKEN


def test_the_clock_is_broken_only_where_it_cannot_be_true():
    """A Pi without network that boots in 1970; one that was set by hand."""
    assert doctor.clock(ClockQuality.SYNCHRONIZED, NOW.wall).verdict is Verdict.WELL
    assert doctor.clock(ClockQuality.UNKNOWN, 1_800_000_000.0).verdict is Verdict.WORTH_A_LOOK
    early = doctor.clock(ClockQuality.UNKNOWN, 100.0)
    assert early.verdict is Verdict.BROKEN
    assert "timedatectl" in early.advice


def test_a_library_that_is_missing_is_named_with_its_package():
    """The rest is not listed one by one."""
    assert doctor.libraries(["json", "zxingcpp"]) == [Finding("libraries", Verdict.WELL, "all there")]
    (missing,) = doctor.libraries(["json", "picamera2_that_is_not_there"])
    assert (missing.part, missing.verdict) == ("picamera2_that_is_not_there", Verdict.BROKEN)


def test_pips_numpy_beside_apts_picamera2_is_found():
    """DESIGN 9: no stable ABI; the camera would die at its first frame."""
    apt, pip = "/usr/lib/python3/dist-packages/x/__init__.py", "/opt/venue-gate/lib/python3.11/site-packages/x.py"
    (found,) = doctor.libraries(["numpy", "picamera2"], {"picamera2": apt, "numpy": pip}.get)
    assert (found.part, found.verdict) == ("numpy", Verdict.BROKEN)
    (found,) = doctor.libraries(["numpy", "picamera2"], {"picamera2": apt, "numpy": apt}.get)
    assert found.verdict is Verdict.WELL


def test_simulated_pins_are_never_taken_for_real_ones(tmp_path):
    """A gate that opens nothing must say so; a chip that is there and may be opened is well."""
    assert doctor.pins("mock", []).verdict is Verdict.WORTH_A_LOOK
    assert doctor.pins("lgpio", [tmp_path / "gpiochip0"]).verdict is Verdict.BROKEN
    chip = tmp_path / "gpiochip4"
    chip.touch()
    assert doctor.pins("lgpio", [tmp_path / "gpiochip0", chip]).verdict is Verdict.WELL


def test_a_service_that_does_not_run_is_named():
    """One line for each, and the command that mends it."""
    answers = {"gate.service": ("active", "enabled"), "gate-sync.service": ("failed", "enabled")}

    def ask(question: str, unit: str) -> str:
        active, enabled = answers.get(unit, ("active", "disabled"))
        return active if question == "is-active" else enabled

    found = doctor.units(ask)
    assert verdicts(found) == {"gate-sync.service": Verdict.BROKEN, "gate-panel.service": Verdict.WORTH_A_LOOK}
    assert found[0].advice == "sudo systemctl enable --now gate-sync.service"


@pytest.mark.parametrize(
    ("verdicts", "code"),
    [([Verdict.WELL, Verdict.UNKNOWN], 0), ([Verdict.WELL, Verdict.WORTH_A_LOOK], 1), ([Verdict.BROKEN] * 2, 3)],
)
def test_the_exit_code_is_the_worst_that_was_found(verdicts, code):
    """For a script that watches a hundred gates."""
    assert doctor.exit_code([Finding("x", verdict, "") for verdict in verdicts]) == code


GATE_COMMAND = Path(sys.executable).with_name("gate")


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [str(part) for part in (GATE_COMMAND, "doctor", *arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


@pytest.fixture
def gate_toml(tmp_path) -> Path:
    """A gate of pictures and mock pins."""
    import numpy as np
    from PIL import Image

    (tmp_path / "pictures").mkdir()
    Image.fromarray(draw([], np.random.default_rng(1))).save(tmp_path / "pictures" / "1.png")
    (tmp_path / "state").mkdir()
    file = tmp_path / "gate.toml"
    file.write_text(
        f'[state]\ndirectory = "{tmp_path}/state"\n[camera]\nsource = "directory"\ndirectory = "{tmp_path}/pictures"\n'
        '[pins]\nfactory = "mock"\n[thermometer]\nsensor = "mlx90614"\nbus = 87\n'
    )
    return file


def test_the_whole_examination_ends_with_a_code(gate_toml):
    """Where no gate runs it takes a picture itself, and asks the bus; no traceback whatever is missing."""
    done = run("--config", gate_toml, "--json")
    found = {one["part"]: one for one in map(json.loads, done.stdout.splitlines())}
    assert done.stderr == ""
    assert found["camera"]["verdict"] == "ok"
    assert found["camera"]["found"].startswith("1280×720")
    assert found["thermometer"]["verdict"] == "BROKEN"
    assert "no thermometer answers at 0x5a" in found["thermometer"]["found"]
    assert {"gate", "libraries", "pins", "disk", "flush", "clock", "connection"} <= set(found)
    assert done.returncode == 3  # the gate does not run, the thermometer is missing


def test_the_camera_of_a_gate_that_runs_is_left_alone(gate_toml):
    """Two programs cannot have one camera; the gate's own word is taken."""
    state = StateDir.at(gate_toml.parent / "state")
    state.run.mkdir()
    now = read_now()
    status = msgspec.structs.replace(GATE, boot=now.boot, mono=now.mono, pid=os.getpid(), faults=[Fault.CAMERA])
    replace_file(state.status, msgspec.json.encode(status))
    done = run("--config", gate_toml)
    lines = [line for line in done.stdout.splitlines() if " camera " in line]
    assert len(lines) == 1
    assert "No picture from the camera" in lines[0]


def test_a_broken_setting_is_a_finding_and_the_rest_is_examined(gate_toml):
    """The doctor is called when things are broken."""
    gate_toml.write_text("[camera]\nsauce = 1\n")
    done = run("--config", gate_toml)
    assert "settings" in done.stdout
    assert "sauce" in done.stdout
    assert "clock" in done.stdout
    assert done.returncode == 3


def test_a_device_that_is_nobodys_gate_is_told_what_makes_it_one():
    """R25: the code, and the root key of the installation."""
    findings = doctor.gate(Readings(msgspec.structs.replace(GATE, enrolled=False), SYNC))
    assert (findings[1].part, findings[1].verdict) == ("enrolment", Verdict.BROKEN)
    assert "collector gate enrol" in findings[1].advice
