"""/metrics, read as Prometheus reads it, and the watchdog behind gate-panel."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from prometheus_client.parser import text_string_to_metric_families

from edge.panel.alive import answers
from edge.panel.app import create_app
from edge.panel.config import PanelConfig
from edge.panel.freshness import Now
from sync.outbox.durable import make_directory, replace_file
from sync.wire.record import ClockQuality
from sync.wire.statedir import StateDir
from sync.wire.status import Counts, Fault, GateStatus, QueueStatus, Shown, SyncStatus, Work

NOW = Now(boot="b", mono=1000.0, wall=1_700_000_000.0)
GATE = GateStatus(
    wall=NOW.wall,
    boot="b",
    mono=999.0,
    pid=7,
    software="0.1.0",
    signal="pass",
    clock=ClockQuality.SYNCHRONIZED,
    outbox="0" * 32,
    next_sequence=13,
    acknowledged=5,
    lamps={"pass": True},
    shown=Shown(1, "pass", ["green"], temperature=36.6),
    counts=Counts(passed=4, denied=2, referred=1, refused=9),
    faults=[Fault.CAMERA],
    gate="south-1",
    trust=(1, 3),
    trust_issued_at=int(NOW.wall) - 3600,
    queue=QueueStatus(damaged=1),
    disk_used=0.25,
    work=Work(frames=900)
    .plus(read=12)
    .opened(0.07, {"read": 0.05, "disk": 0.02})
    .opened(0.4, {"read": 0.1, "disk": 0.3}),
)
SYNC = SyncStatus(wall=NOW.wall, boot="b", mono=999.0, pid=8, connected=True, backlog=8, last_contact=NOW.wall - 30)


@pytest.fixture
def state(tmp_path: Path) -> StateDir:
    state = StateDir.at(tmp_path)
    make_directory(state.run)
    return state


def scrape(state: StateDir) -> dict[str, float]:
    """`name{labels}` → value."""
    answer = create_app(state, PanelConfig(), now=lambda: NOW).test_client().get("/metrics")
    assert answer.status_code == 200
    assert answer.content_type.startswith("text/plain; version=")
    samples = {}
    for family in text_string_to_metric_families(answer.get_data(as_text=True)):
        assert family.documentation
        for sample in family.samples:
            labels = ",".join(f"{name}={value}" for name, value in sample.labels.items())
            samples[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value
    return samples


def test_what_the_gate_says_is_counted(state: StateDir) -> None:
    """Results, backlog, faults, ages, disk, link."""
    replace_file(state.status, msgspec.json.encode(GATE))
    replace_file(state.sync_status, msgspec.json.encode(SYNC))
    samples = scrape(state)
    expected = {
        "venue_gate_up": 1,
        "venue_gate_status_age_seconds": 1,
        "venue_gate_results_total{outcome=passed}": 4,
        "venue_gate_results_total{outcome=refused}": 9,
        "venue_gate_records_total": 13,
        "venue_gate_records_waiting": 8,
        "venue_gate_records_damaged_total": 1,
        "venue_gate_fault{part=camera}": 1,
        "venue_gate_fault{part=outbox}": 0,
        "venue_gate_clock_synchronized": 1,
        "venue_gate_frames_total": 900,
        "venue_gate_frames_read_total": 12,
        "venue_gate_frame_to_relay_seconds_bucket{le=0.05}": 0,
        "venue_gate_frame_to_relay_seconds_bucket{le=0.1}": 1,
        "venue_gate_frame_to_relay_seconds_bucket{le=0.5}": 2,
        "venue_gate_frame_to_relay_seconds_count": 2,
        "venue_gate_frame_to_relay_stage_seconds_total{stage=disk}": 0.32,
        "venue_gate_trust_age_seconds": 3600,
        "venue_gate_disk_used_ratio": 0.25,
        "venue_gate_sync_connected": 1,
        "venue_gate_sync_contact_age_seconds": 30,
    }
    assert {name: samples.get(name) for name in expected} == expected
    assert not any("36.6" in str(value) for value in samples.values())  # no visitor's


def test_what_is_not_known_is_left_out_and_never_zero(state: StateDir) -> None:
    """A gate that does not answer is down; it has not "0 records waiting"."""
    assert scrape(state) == {"venue_gate_up": 0, "venue_gate_sync_up": 0}
    replace_file(state.status, msgspec.json.encode(msgspec.structs.replace(GATE, mono=10.0)))
    assert scrape(state) == {"venue_gate_up": 0, "venue_gate_sync_up": 0}


def test_gate_panel_tells_systemd_that_it_serves(tmp_path: Path) -> None:
    """READY once it listens, then a sign of life only because a request was answered."""
    name = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(name)
        manager.settimeout(20)
        program = Path(sys.executable).with_name("gate-panel")
        command = [program, "run", "--state", tmp_path, "--port", "0"]
        environment = {**os.environ, "NOTIFY_SOCKET": name, "WATCHDOG_USEC": "1000000"}
        with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as panel:
            try:
                assert panel.stdout is not None
                port = int(panel.stdout.readline().strip().rstrip("/").rpartition(":")[2])
                ready = manager.recv(4096).decode()
                assert ready == f"READY=1\nSTATUS=port {port}"
                assert manager.recv(4096) == b"WATCHDOG=1"
                assert answers("127.0.0.1", port)
                panel.send_signal(signal.SIGSTOP)  # wedged: the port is open, and nobody answers
                assert not answers("127.0.0.1", port)
                panel.send_signal(signal.SIGCONT)
                panel.send_signal(signal.SIGTERM)
                panel.wait(10)
            finally:
                panel.kill()
