"""`make emulated-pi`: the gate on an emulated Raspberry Pi 3 – the card that a town flashes, real pins, real cuts.

Runs every scenario, or those that are named; prints a table; writes build/emulated-pi/*.json. Minutes to an hour.
"""

from __future__ import annotations

import argparse
import fcntl
import importlib
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from tests.bench.rows import Row, write
from tests.emulated_pi import image
from tests.emulated_pi.broken import MISTAKES, Mistake
from tests.emulated_pi.errors import EmulationError, NotSeen
from tests.emulated_pi.ground import Findings, Ground

BUILD = Path(__file__).parents[2] / "build" / "emulated-pi"
SCENARIOS = ("day", "inputs", "network", "clock", "cuts", "resources")


def main() -> int:
    """0: everything holds. 1: something does not. 2: it could not be tried."""
    arguments = _arguments()
    os.environ["PATH"] += ":/usr/sbin:/sbin"  # which `su` leaves out
    if missing := image.needs():
        print("make emulated-pi needs:\n" + "\n".join(f"  {line}" for line in missing), file=sys.stderr)
        return 2
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(143))  # and everything that was started is stopped
    console = Console(width=None if sys.stdout.isatty() else 130)
    mistake = MISTAKES[arguments.broken] if arguments.broken else None
    told: dict[str, list[Row]] = {}
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    try:
        with _alone(), Progress(*columns, console=console) as progress:
            card = _build(progress)
            for name in arguments.scenario or ([mistake.scenario] if mistake else SCENARIOS):
                told[name] = _run(name, card, progress, mistake)
                if mistake is None:  # what a broken gate does is nobody's figure
                    write(BUILD, name, told[name])
    except EmulationError as cause:
        console.print(f"it could not be tried: {cause}", style="red", markup=False)
        return 2
    finally:
        failed = _tell(console, told)
    if mistake is not None and not any(mistake.row in line for line in failed):
        console.print(f"the mistake was NOT noticed: nothing like “{mistake.row}” failed", style="red", markup=False)
        return 2 if failed else 0
    return 1 if failed else 0


def _tell(console: Console, told: dict[str, list[Row]]) -> list[str]:
    """The table, and below it once more what does not hold, which it returns."""
    table = Table("scenario", "what", "value", "unit", "goal", "holds")
    for name, rows in told.items():
        for row in rows:
            table.add_row(name, row.name, f"{row.value:,.4g}", row.unit, row.goal or "", _holds(row))
    console.print(table)
    failed = [f"{name}: {row.name}" for name, rows in told.items() for row in rows if row.holds is False]
    for line in failed:
        console.print(f"does not hold – {line}", style="red", markup=False)
    return failed


@contextmanager
def _alone() -> Iterator[None]:
    """One run at a time has the cache. Raises EmulationError."""
    BUILD.mkdir(parents=True, exist_ok=True)
    with (BUILD / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as cause:
            raise EmulationError("another make emulated-pi is at work here") from cause
        yield


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make emulated-pi", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("scenario", nargs="*", help=f"{', '.join(SCENARIOS)}; all unless named")
    parser.add_argument(
        "--broken", choices=MISTAKES, help="break the gate on the card in this way: a scenario must fail"
    )
    arguments = parser.parse_args()
    if unknown := set(arguments.scenario) - set(SCENARIOS):
        parser.error(f"no such scenario: {', '.join(sorted(unknown))}. There are: {', '.join(SCENARIOS)}")
    return arguments


def _build(progress: Progress) -> image.Image:
    task = progress.add_task("the card", total=None)
    made = image.build(BUILD / "cache", lambda doing: progress.update(task, description=f"the card: {doing}"))
    progress.remove_task(task)
    return made


def _run(name: str, card: image.Image, progress: Progress, mistake: Mistake | None) -> list[Row]:
    """One scenario's rows; that it broke off is a row too, and its serial log is kept. Raises EmulationError."""
    task = progress.add_task(name, total=None)
    begun = time.monotonic()

    def say(doing: str) -> None:
        progress.update(task, description=f"{name}: {doing}")
        progress.console.print(f"{time.monotonic() - begun:7.1f} s  {name}: {doing}", highlight=False, markup=False)

    findings = Findings([], say)
    directory = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=BUILD))
    log = BUILD / f"{name}.log"
    try:
        ground = Ground(card, directory, log, findings, mistake)
        importlib.import_module(f"tests.emulated_pi.scenarios.{name}").run(ground)
    except NotSeen as cause:
        findings.note(f"the scenario came to its end: {cause}", False, time.monotonic() - begun, "s")
    finally:
        shutil.rmtree(directory, ignore_errors=True)
        progress.remove_task(task)
    if all(row.holds is not False for row in findings.rows):
        log.unlink(missing_ok=True)
    return findings.rows


def _holds(row: Row) -> str:
    return "" if row.holds is None else "yes" if row.holds else "NO"


if __name__ == "__main__":
    sys.exit(main())
