"""sd_notify on real sockets."""

from __future__ import annotations

import os
import socket

import pytest

from sync.notify import Supervisor


@pytest.fixture(params=["file", "abstract"])
def manager(request, tmp_path):
    """A socket as systemd listens on it, and the environment that names it."""
    name = str(tmp_path / "notify") if request.param == "file" else f"@venue-gate-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(name.replace("@", "\0"))
        listening.setblocking(False)
        yield listening, {"NOTIFY_SOCKET": name, "WATCHDOG_USEC": "2000000", "WATCHDOG_PID": str(os.getpid())}


def heard(listening: socket.socket) -> list[str]:
    """Everything that arrived."""
    messages = []
    while True:
        try:
            messages.append(listening.recv(4096).decode())
        except BlockingIOError:
            return messages


def test_ready_alive_and_stopping_arrive(manager):
    """R26: systemd knows that the outbox is open, and that the loop turns."""
    listening, environment = manager
    supervisor = Supervisor(environment)
    supervisor.ready("outbox open")
    supervisor.alive(100.0)
    supervisor.stopping()
    assert heard(listening) == ["READY=1\nSTATUS=outbox open", "WATCHDOG=1", "STOPPING=1"]


def test_the_watchdog_is_fed_four_times_in_its_time(manager):
    """Once a frame would be fifteen messages a second for nothing."""
    listening, environment = manager
    supervisor = Supervisor(environment)
    for frame in range(100):
        supervisor.alive(frame * 0.02)
    assert len(heard(listening)) == 4


@pytest.mark.parametrize(
    "without", [{"WATCHDOG_USEC": ""}, {"WATCHDOG_USEC": "0"}, {"WATCHDOG_USEC": "soon"}, {"WATCHDOG_PID": "1"}]
)
def test_no_watchdog_is_fed_that_is_not_ours(manager, without):
    """sd_watchdog_enabled(3): the pid must be ours."""
    listening, environment = manager
    Supervisor(environment | without).alive(1.0)
    assert heard(listening) == []


def test_without_systemd_and_with_a_dead_one_nothing_happens(tmp_path):
    """`gate run` on a terminal; a manager that went away."""
    for environment in ({}, {"NOTIFY_SOCKET": str(tmp_path / "gone"), "WATCHDOG_USEC": "1000000"}):
        supervisor = Supervisor(environment)
        supervisor.ready()
        supervisor.alive(1.0)
        supervisor.stopping()


def test_a_manager_that_does_not_listen_holds_nobody_up(tmp_path):
    """A full socket: the message is lost, the gate goes on."""
    name = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(name)
        supervisor = Supervisor({"NOTIFY_SOCKET": name, "WATCHDOG_USEC": "1"})
        for _ in range(2_000):
            supervisor.alive(float("inf"))
