"""`collector simulate`: honest fleets against a real centre, and a verdict that can be trusted (issue 8, point 7)."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, func, select, text, update

from sync.collector.centre import Centre
from sync.collector.cli import main
from sync.collector.config import StateDir
from sync.collector.intake.api import take_batch
from sync.collector.intake.model import ConflictRow, HourlyCount, RecordRow
from sync.collector.invariants import broken
from sync.collector.simulation import grounds
from sync.collector.simulation.fleet import Fleet, Ways
from sync.collector.simulation.grounds import Ground, Town
from sync.collector.simulation.traffic import Doorway, Period
from sync.collector.simulation.verification import disagreements
from sync.wire.receipt import encode_answer
from sync.wire.record import Direction, Passage, Place, Record, Scan
from tests.sync.collector.cluster import Cluster
from tests.sync.collector.gateside import NOW, Site
from tests.sync.collector.processes import COLLECTOR, collector, start_serving

WAYS = Ways(interval_seconds=600, offline=1.0, speed=0, senders=3, seed=5)
HERE = Place(3, 4, Direction.IN)


def simulate(*arguments: str, state: Path | None = None, **environment: str) -> tuple[int, Any, str]:
    """Exit code, the result, and what it told people."""
    command = [str(COLLECTOR), *(["--state", str(state)] if state else []), "simulate", "--json", *arguments]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=100, env={**os.environ, **environment}
    )
    return done.returncode, json.loads(done.stdout or "null"), done.stderr


@pytest.fixture
def running(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A centre for simulations that serves: its state and its address."""
    state = tmp_path / "centre"
    assert collector(state, "init", "--simulation").exit_code == 0
    process, address = start_serving(state)
    yield state, address
    process.kill()
    process.wait()


def test_a_throw_away_centre_holds_what_was_sent_and_leaves_nothing(tmp_path: Path) -> None:
    """Without an option that names a centre; what the environment says of a real database is not heard."""
    code, result, said = simulate(
        *("--gates", "2", "--rate", "0.05", "--hours", "1", "--interval", "600"),
        TMPDIR=str(tmp_path),
        COLLECTOR_DATABASE="postgresql://nobody@/the_real_town",
    )
    assert (code, result["whole"], result["wrong"], result["passages"]) == (0, True, [], 180), said
    assert result["acknowledged"] == result["held_by_the_centre"] >= 180
    assert list(tmp_path.iterdir()) == []


def test_the_numbers_are_those_of_the_database(running: tuple[Path, str]) -> None:
    """Two runs into one centre; duplicates, bursts and urgent batches, every record once, no conflict."""
    state, address = running
    arguments = (
        "--gates",
        "3",
        "--rate",
        "1",
        "--hours",
        "1",
        "--interval",
        "300",
        "--offline",
        "1",
        "--resend",
        "0.5",
    )
    results = []
    for seed in ("1", "2"):
        code, result, said = simulate(*arguments, "--url", address, "--seed", seed, state=state)
        assert (code, result["wrong"]) == (0, []), said
        results.append(result)
    assert all(result["sent_again"] > 0 and result["passages"] == 3600 for result in results)
    with closing(Centre.open(StateDir(state))) as centre, centre.database.read() as session:
        held = session.scalar(select(func.count()).select_from(RecordRow))
        codes = session.scalar(select(func.sum(HourlyCount.count)).where(HourlyCount.type == "scan"))
        folded = session.scalar(select(func.count()).select_from(RecordRow).where(RecordRow.type == "folded"))
        assert held == sum(result["acknowledged"] for result in results)
        assert (codes or 0) + (folded or 0) == 7200
        assert session.scalar(select(func.count()).select_from(ConflictRow)) == 0
        assert broken(centre.database) == []


class Direct:
    """The centre without a line between."""

    def __init__(self, centre: Centre) -> None:
        self._centre = centre

    def exchange(self, body: bytes) -> bytes:
        return encode_answer(take_batch(self._centre, body, time.time()))

    def close(self) -> None:
        pass


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> tuple[StateDir, Town]:
    """A small fleet that came to its end, and the closed centre that it sent to."""
    directory = tmp_path_factory.mktemp("simulated")
    state = StateDir(directory / "centre")
    grounds.mark(state, NOW)
    period = Period(NOW - 2 * 3600, 2, 0.4)
    with closing(Centre.open(state)) as centre:
        ground = Ground("http://127.0.0.1:1", centre)
        town = grounds.found(ground, directory / "gates", 2, period, 0.3, 5, lambda: None)
        fleet = Fleet(town.gates, period, WAYS, lambda: Direct(centre))
        fleet.start()
        assert fleet.wait(60)
    assert (fleet.is_through, fleet.progress.given_up, fleet.progress.passages) == (True, [], 2880)
    return state, town


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (None, None),
        (delete(RecordRow).where(RecordRow.sequence == 6), "records are missing"),
        (update(RecordRow).where(RecordRow.sequence == 6).values(raw=b"{}"), "records are missing"),
        (text("UPDATE outbox SET next = next + 1"), "the centre stands at"),
        (text("UPDATE outbox SET records = records - 1"), "the centre holds"),
        (
            text("UPDATE hourly_count SET count = count + 1 WHERE type = 'scan' AND outcome = 'deny'"),
            "counts of scan deny",
        ),
        (
            text(
                "INSERT INTO set_aside (venue, outbox, sequence, gate, reason, received_at, raw) "
                "VALUES (2, 1, 7, 1, '', 0, '')"
            ),
            "set_aside",
        ),
        (text("UPDATE outbox SET id = id || 'x'"), "does not know its outbox"),
    ],
    ids=str,
)
def test_whatever_the_centre_holds_wrong_is_found(
    ran: tuple[StateDir, Town], tmp_path: Path, damage: Any, sentence: str | None
) -> None:
    """The verdict can fail: a row missing, other bytes, a wrong cursor or count, anything set aside."""
    state, town = ran
    copied = StateDir(tmp_path / "copy")
    shutil.copytree(state.path, copied.path)
    with closing(Centre.open(copied)) as centre:
        if damage is not None:
            with centre.database.change() as connection:
                connection.execute(damage)
        _, found = disagreements(centre.database, town.gates, town.venues, is_whole=True)
    assert (found == []) if sentence is None else any(sentence in one for one in found), found


def test_a_centre_that_does_not_know_the_gates_is_exit_code_1(running: tuple[Path, str], tmp_path: Path) -> None:
    """The state of one centre, the address of another."""
    other = tmp_path / "other"
    collector(other, "init", "--simulation")
    code, result, said = simulate("--gates", "1", "--rate", "0.01", "--hours", "1", "--url", running[1], state=other)
    assert (code, result["whole"]) == (1, False)
    assert "403" in said


def test_ctrl_c_ends_it_and_what_was_acknowledged_is_there(running: tuple[Path, str]) -> None:
    """As fast as life: it would take an hour."""
    state, address = running
    command = [str(COLLECTOR), "--state", str(state), "simulate", "--json", "--url", address, "--speed", "1"]
    command += ["--gates", "2", "--hours", "1", "--rate", "5", "--interval", "1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        with closing(Centre.open(StateDir(state))) as centre:
            until_there_are_records(centre)
        process.send_signal(signal.SIGINT)
        printed, said = process.communicate(timeout=40)
    result = json.loads(printed)
    assert (process.returncode, result["whole"], result["wrong"]) == (130, False, []), said
    assert 0 < result["acknowledged"] <= result["held_by_the_centre"]


def until_there_are_records(centre: Centre) -> None:
    for _ in range(600):
        with centre.database.read() as session:
            if session.scalar(select(func.count()).select_from(RecordRow)):
                return
        threading.Event().wait(0.05)
    raise AssertionError("no record came")


def refused(*arguments: str, state: Path | None = None) -> str:
    """The one sentence with which it refuses: exit code 2."""
    done = CliRunner().invoke(main, [*(["--state", str(state)] if state else []), "simulate", *arguments])
    assert (done.exit_code, done.stdout) == (2, ""), done.stderr
    return done.stderr.strip().splitlines()[-1]


def test_a_real_centre_is_never_used(site: Site) -> None:
    """Neither by its directory nor by making that directory one for simulations."""
    assert "was not made for simulations" in refused("--url", "http://127.0.0.1:1", state=site.centre.state.path)
    made = collector(site.centre.state.path, "init", "--simulation")
    assert (made.exit_code, "holds a real collector" in made.stderr) == (1, True)
    assert not site.centre.state.simulation.exists()


def test_a_database_with_real_names_is_never_used(tmp_path: Path, cluster: Cluster) -> None:
    """A PostgreSQL that somebody names by mistake; nothing is changed in it. Nor a centre that became a real one."""
    url = cluster.create()
    real, simulated = tmp_path / "real", tmp_path / "simulated"
    real.mkdir()
    (real / "collector.toml").write_text(f'database = "{url}"\n')
    collector(real, "init")
    collector(real, "venue", "create", "东门市场")
    assert "东门市场, which is not simulated" in refused("--database", url)
    simulated.mkdir()
    (simulated / "collector.toml").write_text(f'database = "{url}"\n')
    assert "东门市场" in collector(simulated, "init", "--simulation").stderr
    collector(tmp_path / "sim", "init", "--simulation")
    collector(tmp_path / "sim", "venue", "create", "东门市场")
    assert "东门市场" in refused("--url", "http://127.0.0.1:1", state=tmp_path / "sim")
    cluster.drop(url)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--gates", "0"], "--gates"),
        (["--rate", "0"], "--rate"),
        (["--hours", "nan"], "finite"),
        (["--rate", "0.0001", "--hours", "1"], "0 passages"),
        (["--rate", "100000", "--hours", "10000"], "passages"),
        (["--url", "http://198.51.100.1"], "http"),
        (["--url", "http://127.0.0.1:1", "--database", "postgresql://a@/b"], "--database"),
        (["--database", "mysql://a@/b"], "PostgreSQL"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_mistake_is_one_sentence_and_exit_code_2(tmp_path: Path, arguments: list[str], sentence: str) -> None:
    """And nothing was made."""
    assert sentence in refused(*arguments)


def test_a_state_without_an_address_is_refused(tmp_path: Path) -> None:
    """Whether a running centre or a throw-away one is meant cannot be guessed."""
    assert "--url" in refused(state=tmp_path)


def read(raw: bytes) -> Record:
    record: Record = msgspec.json.decode(raw, type=Record)
    return record


@settings(max_examples=40, deadline=None)
@given(count=st.integers(1, 7), hours=st.floats(0.01, 30), rate=st.floats(0.001, 0.02), seed=st.integers(0, 5))
def test_every_passage_is_made_once_and_in_order(count: int, hours: float, rate: float, seed: int) -> None:
    """However the hours and gates divide; a turnstile's word names its opening; records are real records."""
    period = Period(NOW - hours * 3600, hours, rate)
    total = 0
    for index in range(count):
        doorway = Doorway(period, index, count, HERE, str(seed))
        entries = list(doorway.entries())
        passages = sum(entry.type in ("scan", "folded") for entry in entries)
        assert passages == doorway.passages()
        total += passages
        assert all(one.at <= other.at for one, other in itertools.pairwise(entries))
        assert all(period.began <= entry.at <= period.ends for entry in entries)
        for entry in entries:
            record = None if entry.raw is None else read(entry.raw)
            if isinstance(record, Passage):
                opening = entries[(record.scan or 0) - 1].raw
                assert opening is not None
                assert isinstance(read(opening), Scan)
    assert total == period.passages
