"""`gate-sync stick`, `export` and `import`: a visit of a stick on a terminal and for the lamps, and how it ended."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from sync import mailbox
from sync.config import SyncConfig
from sync.courier import ERRANDS, Outcome, Visit, visit
from sync.desk import OwnDesk, ServiceDesk, as_owner, desk
from sync.guard import only_one_stick
from sync.mailbox import NotProvisioned
from sync.outbox.durable import make_directory
from sync.outbox.reader import readers
from sync.stick import StickFault, stick
from sync.wire.statedir import StateDir
from sync.wire.status import StickPhase, StickStatus, StickTrouble

DONE, TROUBLED = 0, 1
_SPEAK_SECONDS = 1.0
_NO_MORE_OFTEN_SECONDS = 0.2
Errands = tuple[Callable[[Visit], None], ...]


class _Pulled(BaseException):
    """The unit is stopped: its stick is gone. No Exception: nothing on the way takes it for something else."""


class StickTeller:
    """Keeps stick.json true. A thread speaks while the copying waits for a slow stick. waits: as in `StickStatus`."""

    def __init__(self, state: StateDir, spoken: Callable[[], None], *, waits: bool) -> None:
        self._state, self._spoken, self._waits = state, spoken, waits
        self._boot, self._end, self._lock = mailbox.boot_id(), threading.Event(), threading.Lock()
        self._done = self._total = 0
        self._said = float("-inf")
        self._thread = threading.Thread(target=self._go_on, name="stick", daemon=True)

    def begin(self) -> None:
        """The copying begins."""
        self._say(StickPhase.COPYING)
        self._thread.start()

    def show(self, done: int, total: int) -> None:
        """So far it is."""
        self._done, self._total = done, total
        if time.monotonic() - self._said >= _NO_MORE_OFTEN_SECONDS:
            self._say(StickPhase.COPYING)

    def end(self, trouble: StickTrouble | None = None, detail: str | None = None) -> None:
        """It is over: well, or with that trouble."""
        self._end.set()
        self._thread.join()
        self._say(StickPhase.WRITTEN if trouble is None else StickPhase.FAILED, trouble, detail)

    def _go_on(self) -> None:
        while not self._end.wait(_SPEAK_SECONDS):
            self._write(StickPhase.COPYING, None, None)

    def _say(self, phase: StickPhase, trouble: StickTrouble | None = None, detail: str | None = None) -> None:
        self._write(phase, trouble, detail)
        self._spoken()

    def _write(self, phase: StickPhase, trouble: StickTrouble | None, detail: str | None) -> None:
        with self._lock, suppress(OSError):
            self._said = time.monotonic()
            who = (self._boot, self._said, time.time(), os.getpid(), phase)
            status = StickStatus(*who, self._done, self._total, trouble, detail, self._waits)
            mailbox.write_stick_status(self._state, status)


def carry(
    state: StateDir,
    config: SyncConfig,
    directory: Path,
    *,
    errands: Errands = ERRANDS,
    mark: bool = False,
    mounted: bool = False,
) -> int:
    """One visit, with a bar; the exit code. mark: make DIRECTORY a stick if it is none. mounted: a unit unmounts it.

    Raises AlreadyRunning, OSError of this machine's own disk.
    """
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    with as_owner(state.root):
        make_directory(state.run)
    with only_one_stick(state), desk(state, config) as taker:
        outcome = _watched(state, directory, taker, console, errands, mark=mark, mounted=mounted)
    for line in in_words(outcome):
        console.print(line, markup=False)
    return DONE if outcome.fault is None and not outcome.troubles else TROUBLED


def _watched(
    state: StateDir,
    directory: Path,
    taker: ServiceDesk | OwnDesk,
    console: Console,
    errands: Errands,
    *,
    mark: bool,
    mounted: bool,
) -> Outcome:
    teller = StickTeller(state, taker.tell, waits=mounted)
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed:,.0f}/{task.total:,.0f}"))
    bar = Progress(*columns, TimeRemainingColumn(), console=console, disable=not console.is_terminal)
    with as_owner(state.root):
        teller.begin()
    outcome = Outcome(fault=StickFault(StickTrouble.OUR_FAULT, "the copying ended before its time"))
    try:
        with bar, _pulled():
            task = bar.add_task("Copying", total=0)

            def show(done: int, total: int) -> None:
                bar.update(task, completed=done, total=total)
                teller.show(done, total)

            outcome = _visited(state, directory, taker, show, errands, mark=mark)
    except _Pulled:
        outcome.fault = StickFault(StickTrouble.PULLED, "the stick was pulled before the copying was over")
    finally:
        teller.end(*_of(outcome))
    return outcome


def _visited(
    state: StateDir,
    directory: Path,
    taker: ServiceDesk | OwnDesk,
    show: Callable[[int, int], None],
    errands: Errands,
    *,
    mark: bool,
) -> Outcome:
    try:
        with stick(directory, mailbox.root_kid(state), mark=mark) as folder:
            return visit(Visit(state, folder, taker, show, readers), errands)
    except StickFault as fault:
        return Outcome(fault=fault)
    except NotProvisioned as missing:
        return Outcome(fault=StickFault(StickTrouble.NOT_PROVISIONED, str(missing)))


def _of(outcome: Outcome) -> tuple[StickTrouble | None, str | None]:
    """What the lamps say of it. A visit that carried everything is no failure, whatever else there is to tell."""
    if outcome.fault is not None:
        return outcome.fault.trouble, str(outcome.fault)
    return None, outcome.troubles[0] if outcome.troubles else None


def in_words(outcome: Outcome) -> Iterator[str]:
    """For whoever put the stick in."""
    handed = outcome.handed
    if handed is not None:
        updates = "no newer updates" if handed.updates is None else "updates {}-{} installed".format(*handed.updates)
        yield (
            f"Brought: {handed.receipts} receipts that say something new ({handed.old} that do not), "
            f"{handed.acknowledged:,} records acknowledged, {updates}."
        )
    if outcome.batches:
        yield f"On the stick: {outcome.carried:,} records in {outcome.batches:,} files."
    if outcome.left:
        yield f"{outcome.left:,} records are not on it; they go with the next stick."
    yield from outcome.troubles
    if outcome.fault is not None:
        yield str(outcome.fault)


@contextmanager
def _pulled() -> Iterator[None]:
    """SIGTERM, by which systemd tells that the device is gone, ends the copying at once and is told."""

    def end(_signal: int, _frame: FrameType | None) -> None:
        raise _Pulled

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
