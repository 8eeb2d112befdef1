"""The real gate-sync and the real collector over lines that fail, and with old states put back (R2, R24)."""

from __future__ import annotations

import json
import random
import secrets
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from sync.mailbox import newest_snapshot, read_root
from sync.outbox import Outbox, OutboxReplaced
from sync.wire import jsonform
from sync.wire.record import ClockQuality, Direction, Moment, Outcome, Place, Scan
from sync.wire.sealed import seal
from sync.wire.statedir import StateDir
from tests.sync.bad_line import GOOD, Fault, line_to
from tests.sync.programs import Processes, a_record, programs, until
from tests.sync.unflushed import Unflushed
from tests.sync.wires import Told, serving

FAULTS = {
    "cut": Fault(cut=True),
    "half a body": Fault(up_bytes=3_000),
    "half an answer": Fault(down_bytes=300),
    "stall": Fault(stall=True),
    "corrupt": Fault(flip=0.2),
    "throttle": Fault(bytes_per_second=20_000),
}


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Processes]:
    with programs(tmp_path) as made:
        made.found()
        made.serve()
        (tmp_path / "sync.toml").write_text(
            "greeting_seconds = 0.5\nfirst_wait_seconds = 0.05\nlongest_wait_seconds = 0.3\n"
            "read_seconds = 1\nexchange_seconds = 5\n"
        )
        yield made


def a_refusal() -> bytes:
    """R7: somebody with a red code."""
    when = Moment(1_650_000_000.0, "boot", 1.0, ClockQuality.SYNCHRONIZED)
    place = Place(1, 1, Direction.IN)
    return jsonform.encode(Scan(when, place, Outcome.DENY, ["red"], "1.1", serial=secrets.token_hex(12)))


def fill(outbox: Outbox, count: int) -> None:
    for _ in range(count):
        outbox.append(a_record(outbox.next))


def at_rest(processes: Processes) -> bool:
    told = json.loads(processes.status("--json") or "{}").get("status") or {}
    return bool(told.get("connected")) and told.get("backlog") == 0


def test_over_a_line_that_does_everything_wrong_everything_arrives_once(processes: Processes) -> None:
    """Cut, halved, stalled, corrupted, throttled in turn, while people pass: verbatim, once, in order."""
    outbox = Outbox(processes.state.outbox, "board:card")
    with line_to(processes.port) as line:
        processes.provision(f"http://127.0.0.1:{line.port}")
        processes.sync()
        order = list(FAULTS.values())
        random.Random(3).shuffle(order)
        for fault in order:
            line.set(fault)
            fill(outbox, 300)
            if not fault.bytes_per_second:
                until(lambda: "Centre: not connected" in processes.status())
            line.set(GOOD)
            fill(outbox, 300)
        until(lambda: processes.count() == outbox.next - 1)
    expected = [(number, a_record(number)) for number in range(1, outbox.next)]
    assert processes.records_at_the_centre() == expected
    assert processes.ask("SELECT next, records FROM outbox") == [(outbox.next, outbox.next - 1)]


def test_on_a_slow_line_a_refusal_passes_a_long_backlog_within_two_seconds(processes: Processes) -> None:
    """R7, with the link up at 40 kB/s and thousands of records before it."""
    outbox = Outbox(processes.state.outbox, "board:card", system=Unflushed())
    fill(outbox, 8_000)
    with line_to(processes.port) as line:
        line.set(Fault(bytes_per_second=40_000))
        processes.provision(f"http://127.0.0.1:{line.port}")
        processes.sync()
        until(lambda: processes.count() > 500)
        started, number = time.monotonic(), outbox.append(a_refusal())
        query = f"SELECT sequence, raw FROM record WHERE sequence = {number}"
        until(lambda: bool(processes.ask(query)))
        assert time.monotonic() - started < 2.0
        assert processes.ask("SELECT next, 0 FROM outbox")[0][0] < number  # the backlog is not through yet
        line.set(GOOD)
        until(lambda: at_rest(processes))
    counted = "SELECT sum(count), 0 FROM hourly_count WHERE type = 'scan'"
    assert processes.ask(counted) == [(1, 0)]


LIES: dict[str, tuple[Callable[[Told], None], str]] = {
    "500": (lambda told: told.reply(500), "the centre is busy or in trouble"),
    "429": (lambda told: told.reply(429, Retry_After="1"), "the centre is busy or in trouble"),
    "413": (lambda told: told.reply(413), "something is wrong on this gate"),
    "garbage": (lambda told: told.reply(200, b"\xa1", Content_Type="application/cbor"), "something else answers"),
    "portal": (lambda told: told.reply(200, b"<html>", Content_Type="text/html"), "a log-in page of the network"),
    "half": (lambda told: told.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nhalf"), ""),
}


def test_whatever_answers_in_the_centres_place_it_is_told_in_words_and_nothing_is_lost(processes: Processes) -> None:
    """Only the sentence that IT reads and the backoff change; afterwards everything is sent."""
    outbox = Outbox(processes.state.outbox, "board:card")
    fill(outbox, 20)
    with serving(LIES["500"][0]) as server, line_to(server.server_address[1]) as line:
        processes.provision(f"http://127.0.0.1:{line.port}")
        processes.sync()
        for name, (lie, words) in LIES.items():
            server.script = lie
            asked = len(server.requests)
            until(lambda asked=asked: len(server.requests) > asked + 1)
            until(lambda words=words: words in processes.status())
            assert "Records waiting: 20" in processes.status(), name
            assert not processes.state.receipt(outbox.id).exists()
        line._to = processes.port
        line.set(GOOD)
        until(lambda: at_rest(processes))
    assert processes.count() == 20


def test_a_restored_centre_is_filled_up_again_by_the_gates(processes: Processes) -> None:
    """From yesterday's backup, with a higher epoch: the kept segments fill the gap, and IT reads it (DESIGN 7)."""
    outbox = Outbox(processes.state.outbox, "board:card")
    database, backup = processes.centre / "collector.db", processes.directory / "backup.db"
    processes.provision()
    fill(outbox, 30)
    processes.sync()
    until(lambda: at_rest(processes) and processes.count() == 30)
    with closing(sqlite3.connect(database)) as live, closing(sqlite3.connect(backup)) as copy:
        live.backup(copy)
    fill(outbox, 700)
    outbox.append(a_refusal())
    until(lambda: at_rest(processes) and processes.count() == 731)
    outbox.acknowledge(outbox.next)
    collector = processes.running[0]
    processes.kill(collector)
    for name in ("collector.db-wal", "collector.db-shm"):
        (processes.centre / name).unlink(missing_ok=True)
    shutil.copy(backup, database)
    with closing(sqlite3.connect(database)) as restored:
        restored.execute("INSERT INTO epoch (number, began_at) VALUES (2, ?)", (time.time(),))
        restored.commit()
    processes.serve()
    until(lambda: processes.count() == 731)
    assert "restored from a backup; sent again" in processes.status()
    assert processes.ask("SELECT next, records FROM outbox") == [(732, 731)]
    assert processes.ask("SELECT count(*), 0 FROM conflict") == [(0, 0)]


def test_of_a_cloned_card_each_record_is_counted_once(processes: Processes) -> None:
    """Two machines with one card's content: the clone seals what it brought and goes on under another name."""
    outbox = Outbox(processes.state.outbox, "board:card")
    fill(outbox, 10)
    processes.provision()
    outbox.close()
    clone = StateDir.at(processes.directory / "clone")
    shutil.copytree(processes.state.root, clone.root)
    here, there = Outbox(processes.state.outbox, "board:card"), Outbox(clone.outbox, "other board:other card")
    fill(here, 5)
    there.append(a_refusal())
    processes.sync()
    processes.sync(clone)
    until(lambda: processes.ask("SELECT sum(records), count(*) FROM outbox") == [(16, 2)])
    assert here.id == outbox.id != there.id
    assert processes.ask("SELECT count(*), 0 FROM conflict") == [(0, 0)]
    processes.state = clone
    until(lambda: "the card was moved or cloned" in processes.status())


def test_of_an_old_image_put_back_both_versions_are_kept_and_shown(processes: Processes) -> None:
    """The same numbers were given twice: the centre keeps both, the gate seals that outbox, nobody is silent."""
    image = processes.directory / "image"
    processes.provision()
    outbox = Outbox(processes.state.outbox, "board:card")
    fill(outbox, 10)
    sync = processes.sync()
    until(lambda: at_rest(processes) and processes.count() == 10)
    shutil.copytree(processes.state.root, image)
    fill(outbox, 10)
    until(lambda: at_rest(processes) and processes.count() == 20)
    processes.kill(sync)
    outbox.close()
    shutil.rmtree(processes.state.root)
    shutil.copytree(image, processes.state.root)
    outbox = Outbox(processes.state.outbox, "board:card")
    others = [outbox.append(a_refusal()) for _ in range(3)]
    processes.sync()
    until(lambda: [number for number, _ in processes.ask("SELECT sequence, 0 FROM conflict")] == others)
    with pytest.raises(OutboxReplaced):
        outbox.acknowledge(21)
    outbox.renew()
    fill(outbox, 2)
    until(lambda: processes.count() == 22)
    said = processes.status()
    assert said.count("the centre has another record of that number; it keeps both") == 3
    assert "an old copy of the card was put back" in said
    assert processes.ask("SELECT sum(records), count(*) FROM outbox") == [(22, 2)]


PERSON = {"name": "欧阳小明", "number": "440605198001010015", "phone": "13800138000"}


def test_neither_the_card_nor_the_line_shows_a_name_a_number_a_phone_or_a_serial(processes: Processes) -> None:
    """R6, DESIGN 7: what names a person is sealed before it touches the disk; on the line even serials are."""
    serials = [secrets.token_bytes(12) for _ in range(20)]
    outbox = Outbox(processes.state.outbox, "board:card")
    with line_to(processes.port) as line:
        processes.provision(f"http://127.0.0.1:{line.port}")
        sealing_key = _sealing_key(processes.state)
        for serial in serials:
            moment = Moment(1_650_000_000.0, "boot", 1.0, ClockQuality.SYNCHRONIZED)
            place = Place(1, 1, Direction.IN)
            outbox.append(
                jsonform.encode(Scan(moment, place, Outcome.PASS, ["green"], "1.1", serial=serial.hex(), kind="saved"))
            )
        registered = {"type": "registered", "person": seal(PERSON, sealing_key)}
        outbox.append(jsonform.encode(registered))
        processes.sync()
        until(lambda: at_rest(processes) and processes.count() == 20)
        heard = bytes(line.heard)
    assert b"POST /v1/batches" in heard  # the listener was on the line
    for secret in (*PERSON.values(), *(serial.hex() for serial in serials)):
        assert secret.encode() not in heard
    assert not any(serial in heard for serial in serials)
    on_the_card = b"".join(path.read_bytes() for path in processes.state.root.rglob("*") if path.is_file())
    assert serials[0].hex().encode() in on_the_card  # the search finds what is there
    for told in PERSON.values():
        for spelling in (told.encode(), told.encode("gb18030"), json.dumps(told).strip('"').encode()):
            assert spelling not in on_the_card
    # A type of a later version is set aside, with its reason, and blocks nothing.
    until(lambda: "Set aside by the centre" in processes.status())


def _sealing_key(state: StateDir) -> bytes:
    return newest_snapshot(state, read_root(state)).sealing_key
