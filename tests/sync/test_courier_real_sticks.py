"""Real file systems on loop devices: ext4 by the unit's own script, exFAT by FUSE; as root, with the gate as nobody.

FAT itself needs a kernel with vfat. What is not tried here is the plug: udev, a USB device, a hand.
"""

from __future__ import annotations

import multiprocessing
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path

import pytest
from click.testing import CliRunner

from sync import mailbox
from sync.cli import main as gate_sync
from sync.outbox.outbox import Outbox
from sync.wire.status import StickPhase, StickTrouble
from tests.sync.programs import Processes, a_record, programs
from tests.sync.unflushed import Unflushed

pytestmark = [
    pytest.mark.stress,
    pytest.mark.timeout(600),
    pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts"),
]
MOUNTER = Path(__file__).parents[2] / "systemd" / "gate-stick"
NOBODY = 65534


def run(*command: object) -> subprocess.CompletedProcess[str]:
    done = subprocess.run([str(word) for word in command], check=False, capture_output=True, text=True)
    assert done.returncode == 0, f"{command}: {done.stderr}"
    return done


@contextmanager
def loop(image: Path, megabytes: int, *make: str) -> Iterator[str]:
    """A loop device's name, with a new file system on it."""
    with image.open("wb") as file:
        file.truncate(megabytes << 20)
    run(*make, image)
    device = run("losetup", "-f", "--show", image).stdout.strip()
    try:
        yield device.removeprefix("/dev/")
    finally:
        run("losetup", "-d", device)


@pytest.fixture
def town() -> Iterator[Processes]:
    """A centre of root's, a gate of nobody's with 3,000 records."""
    with tempfile.TemporaryDirectory() as directory, programs(Path(directory)) as made:
        made.directory.chmod(0o755)
        made.found()
        made.provision("http://127.0.0.1:9")
        outbox = Outbox(made.state.outbox, "board:card", system=Unflushed())
        for number in range(1, 3_001):
            outbox.append(a_record(number))
        outbox.close()
        for path in (made.state.root, *made.state.root.rglob("*")):
            os.chown(path, NOBODY, NOBODY, follow_symlinks=False)
        yield made


def visit(town: Processes, place: Path) -> tuple[int, str]:
    """As the unit runs it, as the gate's user: the exit code, and what it said."""
    context = multiprocessing.get_context("fork")  # that user need not be able to read this Python
    mine, its = context.Pipe(duplex=False)
    process = context.Process(target=_visit, args=(town.state.root, place, its))
    process.start()
    its.close()
    try:
        told: tuple[int, str] = mine.recv()
        return told
    finally:
        process.join()


def _visit(root: Path, place: Path, told: Connection) -> None:
    CliRunner().invoke(gate_sync, ["status", "--state", str(root)])  # whatever is imported late
    os.setgroups([])
    os.setgid(NOBODY)
    os.setuid(NOBODY)
    done = CliRunner().invoke(gate_sync, ["stick", "--mounted", "--state", str(root), str(place)])
    told.send((done.exit_code, f"{done.output}{done.exception!r}"))


def whole_round(town: Processes, mounted: Callable[[], object], unmounted: Callable[[], object], place: Path) -> None:
    """Gate, centre, gate: each time mounted anew, so that only what reached the disk counts."""
    for step in ("mark", "out", "in", "back"):
        mounted()
        if step == "mark":
            town.collector("stick", str(place))
        elif step == "in":
            town.collector("import", str(place))
        else:
            code, said = visit(town, place)
            assert code == 0, said
        unmounted()
    assert town.count() == 3_000
    assert "3,000 records acknowledged" in said, said


def test_a_round_over_ext4_by_the_units_own_script(town: Processes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Mounted without programs, devices and links; another user's folder; let go afterwards."""
    monkeypatch.setenv("VENUE_GATE_STICKS", str(town.directory / "sticks"))
    monkeypatch.setenv("VENUE_GATE_RUN", str(town.state.run))
    with loop(town.directory / "stick.img", 64, "mkfs.ext4", "-q", "-F") as name:
        place = town.directory / "sticks" / name
        run(MOUNTER, "check", name)
        whole_round(town, lambda: run(MOUNTER, "mount", name), lambda: run(MOUNTER, "unmount", name), place)
        assert not place.exists()
        assert town.state.unplugged.exists()
        run(MOUNTER, "mount", name)
        options = run("findmnt", "-no", "OPTIONS", place).stdout
        assert {"nosuid", "nodev", "noexec", "nosymfollow"} <= set(options.strip().split(","))
        refused = subprocess.run([MOUNTER, "check", name], capture_output=True, check=False)
        assert refused.returncode == 1  # in use: perhaps this machine's own disk
        run(MOUNTER, "unmount", name)


@pytest.mark.skipif(
    not (shutil.which("mkfs.exfat") and shutil.which("mount.exfat-fuse") and os.path.exists("/dev/fuse")),
    reason="needs exfatprogs, exfat-fuse and /dev/fuse",
)
def test_a_round_over_exfat(town: Processes) -> None:
    """Names without case, no owner, no links: as sticks are sold."""
    place = town.directory / "usb"
    place.mkdir()
    with loop(town.directory / "stick.img", 64, "mkfs.exfat") as name:
        options = f"nosuid,nodev,noexec,allow_other,uid={NOBODY},gid={NOBODY},umask=0077"
        whole_round(
            town,
            lambda: run("mount.exfat-fuse", "-o", options, f"/dev/{name}", place),
            lambda: run("umount", place),
            place,
        )


def test_a_stick_that_is_really_full_takes_what_it_can(town: Processes, monkeypatch: pytest.MonkeyPatch) -> None:
    """ENOSPC of a real disk: told in its own word, nothing torn, the rest on the next round."""
    monkeypatch.setenv("VENUE_GATE_STICKS", str(town.directory / "sticks"))
    monkeypatch.setenv("VENUE_GATE_RUN", str(town.state.run))
    small = ("mkfs.ext4", "-q", "-F", "-b", "1024", "-O", "^has_journal", "-m", "0", "-I", "128")
    with loop(town.directory / "stick.img", 1, *small) as name:
        place = town.directory / "sticks" / name
        run(MOUNTER, "mount", name)
        town.collector("stick", str(place))
        free = os.statvfs(place).f_bavail * 1024
        (place / "films").write_bytes(bytes(free - 9_000))
        code, said = visit(town, place)
        told = mailbox.read_stick_status(town.state)
        assert told is not None
        assert (code, told.phase, told.trouble) == (1, StickPhase.FAILED, StickTrouble.FULL), said
        assert 0 < told.done < 3_000
        assert not list(place.rglob("*.tmp"))
        (place / "films").unlink()
        town.collector("import", str(place))
        assert town.count() == told.done
        assert visit(town, place)[0] == 0
        town.collector("import", str(place))
        assert town.count() == 3_000
        run(MOUNTER, "unmount", name)
