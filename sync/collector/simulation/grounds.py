"""Where a simulation may take place, so that no real town's database ever holds people who do not exist.

Either a centre made for it (`collector init --simulation`), or a throw-away one that this module starts and removes.
What is simulated says so in its name; a database that holds anything else is refused.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import inspect, not_, select

from sync.collector import centre as centres
from sync.collector.centre import Centre
from sync.collector.config import DATABASE_VARIABLE, StateDir, database_url, load_settings
from sync.collector.database import Database
from sync.collector.errors import CollectorError, Mistake
from sync.collector.fleet.model import Gate
from sync.collector.fleet.provisioning import provision
from sync.collector.fleet.service import create_gate
from sync.collector.simulation.gates import SimulatedGate
from sync.collector.simulation.traffic import Doorway, Period
from sync.collector.venues.model import Venue
from sync.collector.venues.service import create_checkpoint, create_venue
from sync.outbox.durable import replace_file
from sync.wire.record import Direction, Place
from sync.wire.statedir import StateDir as GateDir
from sync.wire.status import Identity

_GATE, _VENUE = "sim-", "模拟 "
_GATES_AT_A_VENUE = 10
_NOTE = b"This centre holds simulated records. Nobody passed; never connect a real gate to it.\n"
_STOP_SECONDS = 40
_PR_SET_PDEATHSIG = 1  # <sys/prctl.h>


@dataclass(frozen=True, slots=True)
class Ground:
    """A running centre and its state."""

    url: str
    centre: Centre


def mark(state: StateDir, now: float) -> bool:
    """Make `state` a centre for simulations; False when it is one already. Raises Mistake for a real one."""
    if not state.simulation.exists():
        if state.keys.exists() or state.database.exists():
            raise Mistake(f"{state.path} holds a real collector: a simulation needs a directory of its own")
        _require_unreal(state)
    is_new = centres.initialize(state, now)
    replace_file(state.simulation, _NOTE)
    return is_new


def _require_unreal(state: StateDir) -> None:
    """Refuse a database in which anything has a name that is not simulated. Changes nothing in it."""
    database = Database(database_url(state, load_settings(state)))
    try:
        if database.is_sqlite and not state.database.exists():
            return
        with database.look() as connection:
            tables = set(inspect(connection).get_table_names())
            for model, column, prefix in ((Gate, Gate.id, _GATE), (Venue, Venue.name, _VENUE)):
                if model.__tablename__ not in tables:
                    continue
                real = select(column).where(not_(column.startswith(prefix, autoescape=True))).limit(1)
                if (name := connection.scalar(real)) is not None:
                    raise Mistake(f"the database holds {name}, which is not simulated: choose one of its own")
    finally:
        database.close()


@contextmanager
def marked(state: StateDir, url: str) -> Iterator[Ground]:
    """A centre that runs at `url`, and whose state `mark` made. Raises Mistake."""
    if not state.simulation.exists():
        raise Mistake(f"{state.path} was not made for simulations: collector --state DIR init --simulation makes one")
    _require_unreal(state)
    with closing(Centre.open(state)) as centre:
        yield Ground(url, centre)


@contextmanager
def thrown_away(database: str | None) -> Iterator[Ground]:
    """A fresh centre behind a real `collector serve`; gone at the end. database: PostgreSQL's address, else SQLite.

    What the environment says of a database is the town's, and is not heard.
    """
    os.environ.pop(DATABASE_VARIABLE, None)
    with TemporaryDirectory(prefix="collector-simulation-") as directory:
        state = StateDir(Path(directory) / "centre")
        state.path.mkdir()
        if database is not None:
            quoted = json.dumps(database, ensure_ascii=False)  # a string of TOML too
            state.config.write_text(f"database = {quoted}\n", encoding="utf-8")
        mark(state, time.time())
        with closing(Centre.open(state)) as centre, _served(state) as url:
            yield Ground(url, centre)


@contextmanager
def _served(state: StateDir) -> Iterator[str]:
    command = [sys.executable, "-c", "from sync.collector.cli import main; main()"]
    log = state.path / "log"
    with (
        log.open("wb") as errors,
        subprocess.Popen(
            [*command, "--state", str(state.path), "serve", "--port", "0"],
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            start_new_session=True,  # Ctrl-C ends the simulation, and the simulation ends it
            preexec_fn=_die_with_us,
        ) as process,
    ):
        try:
            line = process.stdout.readline() if process.stdout else ""
            if not line.startswith("Collector: "):
                raise CollectorError(f"the centre did not start: {log.read_text(errors='replace').strip()[-500:]}")
            yield line.split()[1].rstrip("/")
        finally:
            process.terminate()
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()


def _die_with_us() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


@dataclass(frozen=True, slots=True)
class Town:
    """What was made for one run: its gates, and its venues' numbers."""

    gates: Sequence[SimulatedGate]
    venues: frozenset[int]


def found(
    ground: Ground, directory: Path, count: int, period: Period, resend: float, seed: int, made: Callable[[], None]
) -> Town:
    """Create and provision `count` gates by the services of IT's own commands. made: called for each."""
    run = time.strftime("%Y%m%dt%H%M%S", time.gmtime(period.ends))
    gates, venues, checkpoint = [], set(), None
    for index in range(count):
        direction = Direction.OUT if index % 4 == 3 else Direction.IN
        with ground.centre.database.write() as session:
            if index % _GATES_AT_A_VENUE == 0:
                venue = create_venue(session, f"{_VENUE}{run} {index // _GATES_AT_A_VENUE + 1}")
                venues.add(venue.id)
                points = {each: create_checkpoint(session, venue.id, f"模拟 {each.value}", each) for each in Direction}
                checkpoints = {each: point.id for each, point in points.items()}
                venue_id = venue.id
            checkpoint = checkpoints[direction]
            gate = create_gate(session, checkpoint, f"模拟 {index + 1}", f"{_GATE}{run}-{index + 1}")
            gate_id = gate.id
        target = directory / gate_id
        provision(ground.centre, target, Identity(gate_id, ground.url), time.time())
        doorway = Doorway(period, index, count, Place(venue_id, checkpoint, direction), f"{seed}/{run}")
        gates.append(SimulatedGate(gate_id, GateDir.at(target), doorway, resend, seed))
        made()
    return Town(gates, frozenset(venues))
