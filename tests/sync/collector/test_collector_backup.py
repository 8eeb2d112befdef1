"""Backup of a running centre, and what comes back from it – up to what gates send again (DESIGN 7)."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from sqlalchemy import func, select

from sync.collector.backup import back_up, restore
from sync.collector.centre import Centre
from sync.collector.config import StateDir as CentreDir
from sync.collector.errors import Mistake
from sync.collector.fleet.model import Epoch
from sync.collector.fleet.provisioning import provision
from sync.collector.intake.api import take_batch
from sync.collector.intake.model import RecordRow
from sync.collector.invariants import broken
from sync.outbox import Outbox
from sync.wire.receipt import peek
from sync.wire.status import Identity
from tests.sync.collector.cluster import DATABASES, Cluster
from tests.sync.collector.gateside import NOW, Gate, Site
from tests.sync.collector.processes import collector, start_serving

both = pytest.mark.parametrize("new_state", DATABASES, indirect=True)
GATE_SYNC = Path(sys.executable).with_name("gate-sync")
MINUTE = 60.0


@pytest.fixture
def empty_state(site: Site, request: pytest.FixtureRequest) -> Callable[[], CentreDir]:
    """Makes state directories to restore into; on PostgreSQL each with an empty database."""
    made = []

    def make() -> CentreDir:
        state = CentreDir(site.directory / f"restored-{len(made)}")
        state.path.mkdir()
        made.append(state)
        if not site.centre.database.is_sqlite:
            cluster: Cluster = request.getfixturevalue("cluster")
            state.config.write_text(f'database = "{cluster.create()}"\n')
        return state

    return make


def held(state: CentreDir) -> tuple[list[bytes], int]:
    """Every record, and the epoch."""
    with closing(Centre.open(state)) as centre, centre.database.read() as session:
        raws = session.scalars(select(RecordRow.raw).order_by(RecordRow.outbox, RecordRow.sequence)).all()
        return list(raws), session.scalar(select(func.max(Epoch.number))) or 0


@both
def test_a_restored_centre_is_the_old_one_in_a_higher_epoch(
    site: Site, gate: Gate, empty_state: Callable[[], CentreDir]
) -> None:
    """Records, keys and counts; the gate's next batch is taken, its updates are newer than what it has."""
    take_batch(site.centre, gate.batch(1, [gate.record(1), gate.record(2)]), NOW)
    back_up(site.centre, site.directory / "backup.tar")
    gate.have = (1, 10**6)
    state = empty_state()
    assert restore(state, site.directory / "backup.tar", NOW + 1) == 2
    assert held(state) == ([gate.record(1), gate.record(2)], 2)
    with closing(Centre.open(state)) as centre:
        answer = take_batch(centre, gate.batch(3, [gate.record(3)]), NOW + 1)
        receipt = gate.receipt(answer)
        assert (receipt.next, receipt.epoch, answer.updates is not None) == (4, 2, True)
        assert broken(centre.database) == []


@both
def test_restoring_the_same_backup_twice_begins_two_epochs(
    site: Site, gate: Gate, empty_state: Callable[[], CentreDir]
) -> None:
    """Updates of the first restoration are never taken for those of the second."""
    back_up(site.centre, site.directory / "backup.tar")
    epochs = [restore(empty_state(), site.directory / "backup.tar", NOW + n * 10 * MINUTE) for n in (1, 2)]
    assert epochs == [10, 20]


@both
def test_a_backup_is_of_one_moment_while_gates_send(
    site: Site, gate: Gate, empty_state: Callable[[], CentreDir]
) -> None:
    """Every invariant holds in it, whatever was under way."""
    stop = threading.Event()

    def send() -> None:
        first = 1
        while not stop.is_set():
            take_batch(site.centre, gate.batch(first, [gate.record(first + n) for n in range(20)]), NOW)
            first += 20

    sender = threading.Thread(target=send)
    sender.start()
    try:
        until(lambda: len(held(site.centre.state)[0]) > 0)
        back_up(site.centre, site.directory / "backup.tar")
    finally:
        stop.set()
        sender.join()
    state = empty_state()
    restore(state, site.directory / "backup.tar", NOW)
    with closing(Centre.open(state)) as centre:
        assert broken(centre.database) == []
    assert len(held(state)[0]) in range(20, 10**6, 20)


def test_a_backup_is_for_its_owner_alone_and_without_the_root_key(site: Site) -> None:
    """It holds the centre's online keys."""
    target = site.directory / "backup.tar"
    assert collector(site.centre.state.path, "backup", str(target)).exit_code == 0
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    root = (site.centre.state.root / "root.key").read_bytes().strip()
    assert root not in target.read_bytes()
    assert list(site.directory.glob(".backup-*")) == []


def test_nothing_is_restored_over_a_collector(site: Site) -> None:
    """Choose an empty directory."""
    back_up(site.centre, site.directory / "backup.tar")
    with pytest.raises(Mistake, match="holds a collector already"):
        restore(site.centre.state, site.directory / "backup.tar", NOW)


@pytest.mark.parametrize("cut", [0, 10, 5_000, -20_000])
def test_a_backup_that_is_cut_is_refused(site: Site, cut: int) -> None:
    """In one sentence, and without a collector that only looks whole."""
    target, state = site.directory / "backup.tar", CentreDir(site.directory / "restored")
    back_up(site.centre, target)
    target.write_bytes(target.read_bytes()[:cut])
    told = collector(state.path, "restore", str(target))
    assert (told.exit_code, told.stdout) == (1, "")
    assert collector(state.path, "venue", "list").exit_code == 1


def until(condition: Callable[[], bool], seconds: float = 40) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_gate_sends_again_what_a_restored_centre_forgot(site: Site, gate: Gate) -> None:
    """The real gate-sync, a real outbox that had pruned nothing it may not, a backup older than the gate's receipts."""
    served, address = start_serving(site.centre.state.path)
    provision(site.centre, gate.files.root, Identity("gate-1", address), time.time())
    config = site.directory / "sync.toml"
    config.write_text("greeting_seconds = 1\nlongest_wait_seconds = 1\n")
    outbox = Outbox(gate.files.outbox, "board:card")
    records = [gate.record(number) for number in range(1, 41)]
    for record in records[:20]:
        outbox.append(record)
    command = [str(GATE_SYNC), "run", "--state", str(gate.files.root), "--config", str(config)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL, env=os.environ) as link:
        try:
            until(lambda: len(held(site.centre.state)[0]) == 20)
            back_up(site.centre, site.directory / "backup.tar")
            for record in records[20:]:
                outbox.append(record)
            until(lambda: receipt_next(gate, outbox.id) == 41)
            outbox.acknowledge(41)
            served.terminate()
            served.wait()
            state = CentreDir(site.directory / "restored")
            restore(state, site.directory / "backup.tar", time.time())
            assert len(held(state)[0]) == 20
            served, _ = start_serving(state.path, "--port", str(urlsplit(address).port))
            until(lambda: held(state)[0] == records)
            with closing(Centre.open(state)) as centre:
                assert broken(centre.database) == []
            until(lambda: gate.files.current_updates.readlink().name.startswith(f"{held(state)[1]}-"))
            assert held(state)[1] > 1
        finally:
            link.terminate()
            served.kill()
            served.wait()
    outbox.close()


def receipt_next(gate: Gate, outbox: str) -> int:
    """What the newest kept receipt says."""
    try:
        return peek(gate.files.receipt(outbox).read_bytes()).next
    except FileNotFoundError:
        return 0
