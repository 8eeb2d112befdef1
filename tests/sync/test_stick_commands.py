"""`gate-sync export`, `import` and `stick`, by hand and as the unit runs them, beside a service and without one."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result

from sync import mailbox
from sync.cli import main
from sync.guard import only_one_stick
from sync.outbox.outbox import Outbox
from sync.returning import SILENT_SECONDS, seen
from sync.wire.statedir import StateDir
from sync.wire.status import StickPhase, StickStatus, StickTrouble
from tests.sync.programs import BIN, Processes, a_record, programs, until
from tests.sync.unflushed import Unflushed


@pytest.fixture(scope="module")
def town() -> Iterator[Processes]:
    """A centre and a provisioned gate; nothing listens where the gate looks for its centre."""
    with tempfile.TemporaryDirectory() as directory, programs(Path(directory)) as made:
        made.directory.chmod(0o755)  # the gate's user is another than whoever runs the tests
        made.found()
        made.provision("http://127.0.0.1:9")
        yield made


@pytest.fixture
def usb(town: Processes, tmp_path: Path) -> Path:
    directory = tmp_path / "usb"
    directory.mkdir()
    town.collector("stick", str(directory))
    return directory


def write(town: Processes, count: int) -> int:
    """Records on the card; how many there are now."""
    outbox = Outbox(town.state.outbox, "board:card", system=Unflushed())
    for _ in range(count):
        outbox.append(a_record(outbox.next))
    written = outbox.next - 1
    outbox.close()
    return written


def gate_sync(town: Processes, *arguments: object) -> Result:
    options = ("--state", str(town.state.root), "--config", str(town.directory / "sync.toml"))
    return CliRunner().invoke(main, [str(arguments[0]), *options, *map(str, arguments[1:])])


def kept_next(town: Processes) -> int:
    """What the newest receipt on the gate's card acknowledges."""
    snapshot = mailbox.newest_snapshot(town.state, mailbox.read_root(town.state))
    kept = [
        mailbox.kept_receipt(town.state, path.name, snapshot.ring) for path in town.state.receipts.glob("[0-9a-f]*")
    ]
    return max((receipt.next for receipt in kept if receipt), default=1)


def test_by_hand_a_directory_does_what_a_stick_does(town: Processes, tmp_path: Path) -> None:
    """Out of the gate, into the centre, back: no service runs, the commands take its place."""
    written = write(town, 600)
    directory = tmp_path / "carried"
    directory.mkdir()
    out = gate_sync(town, "export", directory)
    assert (out.exit_code, "On the stick:" in out.output) == (0, True), out.output
    town.collector("import", str(directory))
    assert town.count() == written
    back = gate_sync(town, "import", directory)
    assert (back.exit_code, "records acknowledged" in back.output) == (0, True), back.output
    assert kept_next(town) == written + 1
    assert gate_sync(town, "import", directory).exit_code == 0


def test_a_running_service_does_the_writing(town: Processes, usb: Path) -> None:
    """One writer: the command hands over, the service judges, installs and tells; nothing is locked out."""
    written = write(town, 30)
    service = town.sync()
    until(lambda: (status := mailbox.read_sync_status(town.state)) is not None and status.pid == service.pid)
    out = gate_sync(town, "stick", usb)
    assert out.exit_code == 0, out.output
    policy = usb.parent / "policy.json"
    policy.write_text('{"v":1,"fever_celsius":37.4}')
    town.collector("policy", "set", str(policy))
    town.collector("import", str(usb))
    before = mailbox.newest_snapshot(town.state, mailbox.read_root(town.state)).order
    assert gate_sync(town, "stick", "--mounted", usb).exit_code == 0
    assert (service.poll(), kept_next(town)) == (None, written + 1)
    assert mailbox.newest_snapshot(town.state, mailbox.read_root(town.state)).order > before
    status = mailbox.read_sync_status(town.state)
    assert status is not None
    assert (status.pid, status.backlog) == (service.pid, 0)

    def phase() -> StickPhase | None:
        told = mailbox.read_sync_status(town.state)
        return told.stick.phase if told and told.stick else None

    until(lambda: phase() is StickPhase.WRITTEN)  # the unit has yet to unmount it
    town.state.unplugged.touch()
    until(lambda: phase() is StickPhase.COPIED)
    assert "may be pulled" in town.status()
    town.kill(service)


def test_a_stick_makes_a_device_a_gate_under_its_running_service(town: Processes, usb: Path) -> None:
    """Nobody types there: the service takes it over, and what waited leaves on the same visit."""
    state = StateDir.at(town.directory / "newcomer")
    state.run.mkdir(parents=True)
    shutil.copy(town.state.root_key, state.root_key)
    outbox = Outbox(state.outbox, "board:card", system=Unflushed())
    outbox.append(a_record(1))
    outbox.close()
    service = town.sync(state)
    until(lambda: mailbox.read_sync_status(state) is not None)

    def put_in() -> Result:
        return CliRunner().invoke(main, ["stick", "--state", str(state.root), str(usb)])

    asked = put_in()
    assert (asked.exit_code, "its request is on the stick" in asked.output) == (1, True), asked.output
    told = mailbox.read_stick_status(state)
    assert told is not None
    assert (told.phase, told.trouble) == (StickPhase.FAILED, StickTrouble.NOT_PROVISIONED)
    until(lambda: (said := mailbox.read_sync_status(state)) is not None and said.setup is not None)
    said = mailbox.read_sync_status(state)
    assert said is not None
    assert said.setup is not None
    assert said.setup.words in asked.output
    [request] = usb.rglob("request.enrol")
    place = ("--request", str(request), "--answer", str(request.with_name("answer.enrol")))
    town.collector("gate", "create", "--checkpoint", "1", "--id", "new-1", "南门2号")
    town.collector(
        "gate", "enrol", "new-1", "--collector-url", "http://127.0.0.1:9", *place, "--words", said.setup.words
    )
    taken = put_in()
    assert (taken.exit_code, "This device is new-1." in taken.output) == (0, True), taken.output
    assert "On the stick: 1 records" in taken.output
    assert service.poll() is None
    town.kill(service)
    town.collector("import", str(usb))


@pytest.mark.parametrize(
    ("prepare", "trouble", "sentence"),
    [
        ("plain", StickTrouble.NOT_MARKED, "collector stick"),
        ("foreign", StickTrouble.OTHER_CENTRE, "belongs to another centre"),
        ("nonsense", StickTrouble.NOT_MARKED, "mark the stick anew"),
    ],
)
def test_a_stick_that_is_none_is_told_in_its_own_word(
    town: Processes, usb: Path, tmp_path: Path, prepare: str, trouble: StickTrouble, sentence: str
) -> None:
    """On lamps and display by its code, in `gate-sync status` in words."""
    marker = usb / "venue-gate" / "stick.json"
    if prepare == "plain":
        usb = tmp_path
    elif prepare == "foreign":
        marker.write_text('{"centre":"0123456789abcdef","v":1}')
    else:
        marker.write_bytes(b"\xff\xfe{")
    out = gate_sync(town, "stick", usb)
    assert (out.exit_code, sentence in out.output) == (1, True), out.output
    told = mailbox.read_stick_status(town.state)
    assert told is not None
    assert (told.phase, told.trouble) == (StickPhase.FAILED, trouble)
    said = town.status()
    assert "Stick: failed, may be pulled" in said
    assert sentence in said
    assert not list(usb.rglob("*.batch"))


def test_run_wrong_they_explain(town: Processes, usb: Path, tmp_path: Path) -> None:
    """One sentence, no traceback."""
    assert "does not exist" in gate_sync(town, "export", tmp_path / "nowhere").output
    other = CliRunner().invoke(main, ["import", "--state", str(tmp_path), str(usb)])
    assert (other.exit_code, "root.pub is missing" in other.output) == (1, True)
    with only_one_stick(town.state):
        busy = gate_sync(town, "stick", usb)
    assert (busy.exit_code, "another stick is being copied" in busy.output) == (1, True)


def test_a_stick_that_goes_while_it_is_copied_to_is_told(town: Processes, usb: Path) -> None:
    """systemd stops the unit when the device is gone."""
    write(town, 60_000)
    command = [BIN / "gate-sync", "stick", "--state", town.state.root, usb]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    until(
        lambda: (
            (told := mailbox.read_stick_status(town.state)) is not None and told.pid == process.pid and told.done > 0
        )
    )
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=30)
    assert (process.returncode, "the stick was pulled before the copying was over" in said) == (1, True), said
    told = mailbox.read_stick_status(town.state)
    assert told is not None
    assert (told.phase, told.trouble) == (StickPhase.FAILED, StickTrouble.PULLED)


def test_a_copying_program_that_says_nothing_any_more_has_failed() -> None:
    """Killed outright, it cannot say so itself."""
    told = StickStatus(boot="b", mono=100.0, wall=0.0, pid=1, phase=StickPhase.COPYING)
    assert seen(told, 100.0 + SILENT_SECONDS, is_out=False) == told
    gone = seen(told, 100.1 + SILENT_SECONDS, is_out=False)
    assert (gone.phase, gone.trouble) == (StickPhase.FAILED, StickTrouble.PULLED)
    written = msgspec.structs.replace(told, phase=StickPhase.WRITTEN, waits=True)
    assert seen(written, 900.0, is_out=False).phase is StickPhase.WRITTEN
    assert seen(written, 900.0, is_out=True).phase is StickPhase.COPIED


@pytest.mark.skipif(os.geteuid() != 0, reason="only root writes for somebody else")
def test_what_root_writes_by_hand_belongs_to_the_gates_user(town: Processes, usb: Path) -> None:
    """Else the service could not go on with it."""
    for path in (town.state.root, *town.state.root.rglob("*")):
        os.chown(path, 65534, 65534, follow_symlinks=False)
    began = time.time() - 1
    assert gate_sync(town, "stick", usb).exit_code == 0
    town.collector("import", str(usb))
    assert gate_sync(town, "import", usb).exit_code == 0
    changed = [
        path for path in town.state.root.rglob("*") if path.lstat().st_mtime >= began and path.parent != town.state.run
    ]
    assert changed
    assert {path.lstat().st_uid for path in changed} == {65534}


def test_beside_a_collector_that_serves_each_record_arrives_once(tmp_path: Path) -> None:
    """The same records by network and by stick at the same time, two processes on one database."""
    with programs(tmp_path) as town:
        town.found()
        town.serve()
        town.provision()
        written = write(town, 6_000)
        directory = tmp_path / "usb"
        directory.mkdir()
        assert gate_sync(town, "export", directory).exit_code == 0
        town.sync()
        command = [BIN / "collector", "--state", town.centre, "import", directory]
        imported = subprocess.run(command, capture_output=True, text=True, check=False)
        assert imported.returncode == 0, imported.stderr
        until(lambda: town.count() == written and mailbox.read_sync_status(town.state).backlog == 0)
        back = gate_sync(town, "import", directory)
        assert back.exit_code == 0, back.output
        assert [number for number, _ in town.records_at_the_centre()] == list(range(1, written + 1))
        town.collector("db", "check")
