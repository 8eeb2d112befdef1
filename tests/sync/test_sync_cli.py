"""`gate-sync` as a program: its mistakes, its words, its exit codes, and real processes that are killed."""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from sync.cli import main
from sync.incidents import Conflict, Incidents, MissingRecords, SetAsideRecord, Setback, Turn
from sync.mailbox import boot_id, read_sync_status, write_incidents, write_sync_status
from sync.now import PATIENCE_SECONDS, End, Watch
from sync.outbox.outbox import Outbox
from sync.wire.statedir import StateDir
from sync.wire.status import SyncStatus, Trouble
from tests.sync.programs import BIN, Processes, a_record, programs, until
from tests.sync.town import Town, put_snapshot
from tests.vectors.make import STAFF


def gate_sync(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("greting_seconds = 5", "did you mean `greeting_seconds`"),
        ("greeting_seconds = 0", "greeting_seconds"),
        ("greeting_seconds = 'often'", "greeting_seconds"),
        ("= 5", "sync.toml"),
    ],
)
def test_a_mistake_in_the_configuration_is_one_sentence(tmp_path: Path, text: str, words: str) -> None:
    """It names the key and what is expected; no traceback."""
    file = tmp_path / "sync.toml"
    file.write_text(text)
    result = gate_sync("run", "--config", file, "--state", tmp_path)
    assert result.exit_code == 2
    assert words in result.output
    assert "Traceback" not in result.output


def test_a_configuration_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    """Only the usual file may be missing."""
    result = gate_sync("run", "--config", tmp_path / "none.toml")
    assert result.exit_code == 2
    assert "there is no such file" in result.output


def test_gate_sync_tells_systemd_that_its_loop_runs(tmp_path: Path) -> None:
    """R26: READY with nothing there yet, a sign of life at each turn, and that it stops because it was asked to."""
    name = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(name)
        manager.settimeout(20)
        environment = {**os.environ, "NOTIFY_SOCKET": name, "WATCHDOG_USEC": "1000000"}
        with subprocess.Popen([BIN / "gate-sync", "run", "--state", tmp_path], env=environment) as service:
            try:
                assert [manager.recv(100) for _ in range(3)] == [b"READY=1", b"WATCHDOG=1", b"WATCHDOG=1"]
                service.send_signal(signal.SIGTERM)
                assert service.wait(5) == 0
            finally:
                service.kill()
        manager.setblocking(False)
        told = b""
        with suppress(BlockingIOError):
            while True:
                told = manager.recv(100)
    assert told == b"STOPPING=1"


def test_a_state_directory_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    """Most likely a typing mistake: nothing is made."""
    for command in ("run", "status"):
        result = gate_sync(command, "--state", tmp_path / "none")
        assert result.exit_code == 2
        assert "--state" in result.output
    assert not (tmp_path / "none").exists()


def test_every_command_explains_itself() -> None:
    """--help is for people who never saw it."""
    for arguments in (["--help"], ["run", "--help"], ["status", "-h"]):
        result = gate_sync(*arguments)
        assert result.exit_code == 0
        assert "Usage:" in result.output


def test_status_says_when_it_never_ran(state: StateDir) -> None:
    """Exit code 3: not running."""
    result = gate_sync("status", "--state", state.root)
    assert result.exit_code == 3
    assert "not running" in result.output


def _word(**changes: object) -> SyncStatus:
    now = time.monotonic()
    fields: dict[str, object] = {
        "wall": time.time(),
        "boot": boot_id(),
        "mono": now,
        "pid": os.getpid(),
        "connected": True,
        "backlog": 0,
        "last_contact": time.time() - 7_500,
    }
    return SyncStatus(**(fields | changes))  # type: ignore[arg-type]


def test_status_is_plain_words_in_both_languages(state: StateDir) -> None:
    """Backlog, last contact, trouble, next attempt, age of keys and rules."""
    Town().provision(state, "https://centre.example")
    due = time.monotonic() + 42.4
    write_sync_status(
        state,
        _word(connected=False, backlog=1_234_567, trouble=Trouble.NO_NETWORK, detail="no route", next_attempt_mono=due),
    )
    english = gate_sync("status", "--state", state.root)
    assert english.exit_code == 1
    for words in ("1,234,567", "2 hours ago", "no network", "no route", "in 42 s", "1-1, issued 2022-04-1"):
        assert words in english.output
    chinese = gate_sync("status", "--state", state.root, "--lang", "zh")
    for words in ("1,234,567", "2 小时前", "没有网络", "42 秒后", "签发于"):
        assert words in chinese.output


def test_status_tells_of_the_staff_list(state: StateDir) -> None:
    """How many, and as of when; none where the centre sends none."""
    town = Town()
    town.provision(state, "https://centre.example")
    assert "Staff list: none" in gate_sync("status", "--state", state.root).output
    put_snapshot(state, town.snapshot((1, 2), staff=STAFF), "1-2")
    assert "2 inspectors, as of 2022-04-1" in gate_sync("status", "--state", state.root).output
    assert "2 名检测员" in gate_sync("status", "--state", state.root, "--lang", "zh").output


def test_status_is_zero_when_connected(state: StateDir) -> None:
    """A script can ask."""
    write_sync_status(state, _word())
    assert gate_sync("status", "--state", state.root).exit_code == 0


@pytest.mark.parametrize(
    "stale",
    [_word(mono=time.monotonic() - 60), _word(boot="another boot"), _word(pid=2**22 + 1)],
    ids=["old", "another boot", "dead process"],
)
def test_an_old_word_counts_as_not_running(state: StateDir, stale: SyncStatus) -> None:
    """A file outlives its writer."""
    write_sync_status(state, stale)
    result = gate_sync("status", "--state", state.root, "--json")
    assert result.exit_code == 3
    assert json.loads(result.output)["running"] is False


def test_status_shows_what_did_not_go_the_plain_way(state: StateDir) -> None:
    """Set-aside records with their reasons, missing numbers, conflicts, setbacks, sealed outboxes: never silent."""
    Town().provision(state, "https://centre.example")
    old = Outbox(state.outbox, "board:card")
    old.append(b"{}")
    old.close()
    new = Outbox(state.outbox, "board:another card")
    write_sync_status(state, _word())
    write_incidents(
        state,
        Incidents(
            [SetAsideRecord(new.id, 7, "not a record")],
            [MissingRecords(new.id, 8, 9, "damaged"), MissingRecords(new.id, 11, 11, "burnt")],
            [Conflict(new.id, 12)],
            [Setback(new.id, Turn.CENTRE_RESTORED, 2, 5, time.time() - 300)],
        ),
    )
    english = gate_sync("status", "--state", state.root).output
    name = new.id[:8]
    for words in (
        f"Set aside by the centre: {name} 7: not a record",
        f"Missing numbers: {name} 8–9: the card lost it",
        f"Missing numbers: {name} 11: the record could not be written",
        f"Conflict: {name} 12: the centre has another record",
        f"Gone back: {name} 5: the centre was restored",
        "(5 minutes ago)",
        f"Sealed outbox: {old.id[:8]}, 1 wait: written by another machine",
        "Keys: issued 2022-04-1",
        "Status list: none",
    ):
        assert words in english
    chinese = gate_sync("status", "--state", state.root, "--lang", "zh").output
    for words in ("中心搁置的记录", "存储卡损坏", "均已保留", "从备份恢复", "封存的队列", "待传 1"):
        assert words in chinese
    told = json.loads(gate_sync("status", "--state", state.root, "--json").output)
    assert told["incidents"]["set_aside"] == [[new.id, 7, "not a record"]]
    assert told["queues"][0] == {"outbox": old.id, "waiting": 1, "sealed": "other_machine"}


def test_a_broken_file_of_incidents_is_no_reason_to_stop(state: StateDir) -> None:
    """It is only what people read."""
    state.incidents.write_bytes(b"{")
    assert gate_sync("status", "--state", state.root).exit_code == 3


# gate-sync now


class Told:
    """Writes what the service would, one word for each look of `now`, on a clock of its own."""

    def __init__(self, state: StateDir, *words: dict[str, object]) -> None:
        self.state, self.words = state, list(words)
        self.now = time.monotonic()
        self.seen: list[tuple[int, int]] = []

    def pause(self, seconds: float) -> None:
        self.now += seconds
        changes = self.words.pop(0) if len(self.words) > 1 else self.words[0]
        answered = {"answered_mono": self.now} if changes.get("answered") else {}
        fields = {name: value for name, value in changes.items() if name != "answered"}
        write_sync_status(self.state, _word(mono=self.now, **answered, **fields))

    def watch(self) -> Watch:
        write_sync_status(self.state, _word(mono=self.now, backlog=1_000))
        return Watch(self.state, lambda sent: self.seen.append((sent.sent, sent.waiting)), lambda: self.now, self.pause)


def test_now_asks_the_service_and_ends_when_everything_is_there(state: StateDir) -> None:
    """An answer from before the asking does not count; records that come meanwhile do."""
    told = Told(
        state,
        {"backlog": 0},
        {"backlog": 1_000},
        {"backlog": 600, "answered": True},
        {"backlog": 650, "answered": True},
        {"backlog": 0, "answered": True},
    )
    assert told.watch().run() is End.DONE
    assert state.wake.exists()
    assert told.seen[-1] == (400 + 650 + 1_000, 0)


def test_now_says_so_when_the_first_attempt_fails(state: StateDir) -> None:
    """It does not hang: the service tries again by itself."""
    told = Told(state, {"backlog": 9, "connected": False, "answered": True, "trouble": Trouble.NO_NETWORK})
    assert told.watch().run() is End.TROUBLE


def test_now_outlasts_a_short_break_and_gives_up_after_a_long_one(state: StateDir) -> None:
    """A bad line in the middle of a drain is no reason to stop watching; half a minute of nothing is."""
    broken = {"backlog": 500, "connected": False, "answered": True, "trouble": Trouble.NO_NETWORK}
    told = Told(state, {"backlog": 600, "answered": True}, broken, broken, {"backlog": 0, "answered": True})
    assert told.watch().run() is End.DONE
    told = Told(state, {"backlog": 600, "answered": True}, broken)
    started = told.now
    assert told.watch().run() is End.TROUBLE
    assert told.now - started > PATIENCE_SECONDS


def test_now_without_the_service_says_how_to_start_it(state: StateDir) -> None:
    """Exit code 3."""
    result = gate_sync("now", "--state", state.root)
    assert result.exit_code == 3
    assert "systemctl start gate-sync" in result.output


def test_a_dry_run_says_what_waits_and_touches_nothing(state: StateDir) -> None:
    """No wake, no file."""
    Town().provision(state, "https://centre.example")
    outbox = Outbox(state.outbox, "board:card")
    for _ in range(501):
        outbox.append(b"{}")
    before = sorted(state.root.rglob("*"))
    result = gate_sync("now", "--dry-run", "--state", state.root)
    assert "501 records in about 2 batches would go to https://centre.example" in result.output
    assert sorted(state.root.rglob("*")) == before


# Real processes


def test_now_drains_a_backlog_and_ctrl_c_disturbs_nothing(processes: Processes) -> None:
    """The service sends; the watching may end at any moment."""
    processes.found()
    collector = processes.serve()
    processes.provision()
    outbox = Outbox(processes.state.outbox, "board:card")
    for number in range(1, 3_001):
        outbox.append(a_record(number))
    processes.kill(collector)
    (processes.directory / "sync.toml").write_text("first_wait_seconds = 60\nlongest_wait_seconds = 3600\n")
    processes.sync()
    until(lambda: (read_sync_status(processes.state) or _word()).trouble is Trouble.NO_NETWORK)
    command = [BIN / "gate-sync", "now", "--state", processes.state.root]
    failed = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert failed.returncode == 1
    assert "no network" in failed.stdout
    assert "the service goes on by itself" in failed.stdout
    processes.serve()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as watching:
        until(lambda: processes.count() > 0)
        watching.send_signal(signal.SIGINT)
        watching.communicate(timeout=10)
    assert watching.returncode in (0, 130)
    again = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert again.returncode == 0
    assert "Everything is at the centre" in again.stdout
    assert len(processes.records_at_the_centre()) == 3_000


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Processes]:
    """Nothing runs any more when the test ends."""
    with programs(tmp_path) as made:
        yield made


@pytest.mark.parametrize("kills", [4, pytest.param(12, marks=pytest.mark.stress)])
def test_killed_at_any_moment_everything_arrives_once(processes: Processes, kills: int) -> None:
    """R24: kill -9 of gate-sync and of the collector in the middle of a drain; the centre holds each record once."""
    processes.found()
    collector = processes.serve()
    processes.provision()
    outbox = Outbox(processes.state.outbox, "board:card")
    moments = random.Random(7)
    expected = []
    begun, sync = time.monotonic(), processes.sync()
    for _ in range(kills):
        for _ in range(400):
            expected.append((outbox.next, a_record(outbox.next)))
            outbox.append(expected[-1][1])
        time.sleep(moments.uniform(0, 0.25))  # the moment of the kill is what is tried out
        if moments.random() < 0.5:
            processes.kill(sync)
            begun, sync = time.monotonic(), processes.sync()
        else:
            processes.kill(collector)
            collector = processes.serve()
    until(lambda: processes.count() >= len(expected))
    assert [(number, bytes(raw)) for number, raw in processes.records_at_the_centre()] == expected
    until(lambda: (told := read_sync_status(processes.state)) is not None and told.mono > begun)  # the last one is up
    sync.send_signal(signal.SIGTERM)
    assert sync.wait(2) == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_cleanly_and_says_goodbye(processes: Processes, number: signal.Signals) -> None:
    """Within two seconds, exit code 0, and the status says that it is not connected."""
    processes.state.root.mkdir()
    process = processes.sync()
    until(processes.state.sync_status.exists)
    process.send_signal(number)
    assert process.wait(2) == 0
    assert json.loads(processes.state.sync_status.read_bytes())["connected"] is False


def test_a_second_one_on_the_same_directory_is_refused(processes: Processes) -> None:
    """Each file has one writing process; the first goes on."""
    processes.state.root.mkdir()
    first = processes.sync()
    until(processes.state.sync_status.exists)
    second = gate_sync("run", "--state", processes.state.root)
    assert second.exit_code == 1
    assert "another gate-sync runs" in second.output
    assert first.poll() is None
