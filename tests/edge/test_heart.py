"""The watchdog is fed by the loop that matters; a stalled disk is a state, a wedged stage a restart (R26)."""

from __future__ import annotations

import socket
import threading
import time

import pytest

from edge.heart import PATIENCE, STALL_SECONDS, Heart, Stage
from sync.notify import Supervisor


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def heart(clock) -> Heart:
    return Heart(monotonic=clock)


@pytest.mark.parametrize("stage", [stage for stage in Stage if stage is not Stage.DISK])
def test_a_stage_that_outlasts_its_patience_is_not_well(heart, clock, stage):
    """A decoder that hangs, a camera that never answers."""
    with heart.at(stage):
        clock.now += PATIENCE[stage]
        assert heart.is_well(clock.now)
        clock.now += 0.1
        assert not heart.is_well(clock.now)
    assert heart.is_well(clock.now)


def test_a_stalled_disk_stays_well_and_is_told(heart, clock):
    """A restart would only stall on it again."""
    with heart.at(Stage.DISK):
        clock.now += STALL_SECONDS
        assert not heart.disk_stalls(clock.now)
        clock.now += 3600
        assert heart.disk_stalls(clock.now)
        assert heart.is_well(clock.now)
    assert not heart.disk_stalls(clock.now)


def test_the_time_from_frame_to_relay_is_split_by_stage(heart, clock):
    """Nested stages are counted once, and only what was spent on the frame in hand."""
    with heart.at(Stage.READ):
        clock.now += 50
    with heart.at(Stage.CAMERA):
        clock.now += 0.03
        heart.frame(clock.now - 0.01)
    with heart.at(Stage.READ):
        clock.now += 0.02
    heart.read()
    with heart.at(Stage.DECIDE):
        clock.now += 0.001
        with heart.at(Stage.DISK):
            clock.now += 0.004
        clock.now += 0.002
        heart.opened()
    work = heart.work
    assert (work.frames, work.read, work.openings) == (1, 1, 1)
    assert work.seconds == pytest.approx(0.037)
    spent = {stage: seconds for stage, seconds in work.stages.items() if seconds > 1e-9}
    assert spent == pytest.approx({"camera": 0.01, "read": 0.02, "decide": 0.003, "disk": 0.004})
    assert work.within == (1,) * 8


def test_the_watchdog_starves_when_the_loop_is_wedged_and_not_when_the_disk_is(tmp_path):
    """A real socket, a real thread; the loop's patience is that of the table."""
    clock = Clock()
    name = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(name)
        manager.settimeout(5)
        heart = Heart(Supervisor({"NOTIFY_SOCKET": name, "WATCHDOG_USEC": "1"}), clock)
        stalled = threading.Event()
        heart.watch(stalled.set)
        assert manager.recv(100) == b"READY=1"
        with heart.at(Stage.DISK):
            clock.now += 3600
            assert manager.recv(100) == b"WATCHDOG=1"
            assert stalled.wait(5)
        with heart.at(Stage.READ):
            clock.now += PATIENCE[Stage.READ] + 1
            _drain(manager)
            manager.settimeout(1.5)
            with pytest.raises(TimeoutError):
                manager.recv(100)
        heart.stop()


def _drain(manager: socket.socket) -> None:
    """What was sent before the loop was wedged."""
    manager.setblocking(False)
    deadline = time.monotonic() + 0.2
    while time.monotonic() < deadline:
        try:
            manager.recv(100)
        except BlockingIOError:
            continue
